"""Options as one source gives them: text becomes typed values, each under the name of its argument."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..errors import ConfigurationError, PassphraseError
from ..identity_sources import PassphraseFile

_logger = logging.getLogger("rolesanywhere_signer")

REQUIRED = ("certificate", "trust_anchor_arn", "profile_arn", "role_arn")
# What belongs to an option, and must not come from another source than it.
_BELONGS_TO = {
    "certificate": ("private_key", "intermediates", "passphrase", "signing_command"),
    "private_key": ("passphrase", "signing_command"),
    "signing_command": ("private_key", "passphrase"),
}
_PREFIX = "ROLESANYWHERE_"


class Options(NamedTuple):
    """What one source gives, or two that were put together.

    Attributes:
        source: How messages name it.
        values: Arguments of ``create_botocore_session`` and their values. Hidden: a key or a passphrase may be there.
        spell: Turns the name of an argument into the source's own word for it.
    """

    source: str
    values: Mapping[str, object]
    spell: Callable[[str], str]

    def __repr__(self) -> str:
        return f"Options(source={self.source!r})"

    @property
    def missing(self) -> list[str]:
        """The required arguments that are not there."""
        return [name for name in REQUIRED if name not in self.values]

    def over(self, lower: Options) -> Options:
        """Return the options of ``lower``, overridden by these; what belongs together stays together."""
        belongings = {name for owner in _BELONGS_TO if owner in self.values for name in _BELONGS_TO[owner]}
        below = {name: value for name, value in lower.values.items() if name not in belongings}
        return Options(lower.source, {**below, **self.values}, lower.spell)


def options_from_environment(environment: Mapping[str, str]) -> Options:
    """Return what the ``ROLESANYWHERE_*`` variables say; empty ones say nothing, unknown ones are warned of.

    Raises:
        ConfigurationError: A value cannot be, or two variables exclude each other.
    """
    texts = {}
    for spelled in set_variables(environment):
        name = spelled.removeprefix(_PREFIX).lower()
        if name in PARSERS:
            texts[name] = environment[spelled]
        else:
            _logger.warning("the environment variable %r is unknown%s", spelled, nearest(name, variable))
    return typed(texts, "the environment", variable)


def set_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the ``ROLESANYWHERE_*`` variables that are not empty."""
    return sorted(name for name, text in environment.items() if name.startswith(_PREFIX) and text)


def variable(name: str) -> str:
    """Return the environment variable of an option."""
    return _PREFIX + name.upper()


def nearest(name: str, spell: Callable[[str], str]) -> str:
    """Return the end of a message: the known option that an unknown name is like, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

    found = get_close_matches(name, PARSERS, 1)
    return f"; is {spell(found[0])} meant?" if found else ""


def typed(texts: Mapping[str, str], source: str, spell: Callable[[str], str]) -> Options:
    """Make the values of the options of one source."""
    values: dict[str, object] = {}
    spelled: dict[str, str] = {}
    for name, text in texts.items():
        argument = _ARGUMENTS.get(name, name)
        if argument in spelled:
            raise ConfigurationError(f"{spelled[argument]} and {spell(name)} exclude each other ({source})")
        spelled[argument] = spell(name)
        values[argument] = PARSERS[name](text, f"{spell(name)} ({source})")
    return Options(source, values, spell)


# Values are not shown: what stands in the wrong place may be a secret.


def one_line(text: str, where: str) -> str:
    """Return ``text`` if it is one line, and neither PEM text nor quoted."""
    if "-----BEGIN" in text:
        raise ConfigurationError(f"{where} holds PEM text, where a path or a short value belongs", hint=_PEM_HINT)
    if not text.strip() or "\n" in text or "\r" in text:
        raise ConfigurationError(f"{where} must be one line that is not empty")
    if text[0] == text[-1] and text[0] in "'\"":
        raise ConfigurationError(f"{where} stands in quotation marks, which would be part of the value")
    return text


def _path(text: str, where: str) -> str:
    return expanded(one_line(text, where))


def expanded(path: str) -> str:
    """Return a path with ``~`` replaced by the home directory."""
    try:
        return os.path.expanduser(path)  # noqa: PTH111 - no error where there is no home
    except ValueError:
        # Text that no path can be; opening it says so.
        return path


def _pem(text: str, where: str) -> bytes:
    if "-----BEGIN" not in text:
        raise ConfigurationError(f"{where} holds no PEM text", hint="the variable without _PEM takes a path")
    # Some systems store the text in one line, with \n written out.
    return text.replace("\\n", "\n").encode("utf-8", "surrogateescape")


def _secret(text: str, where: str) -> str:  # noqa: ARG001 - any text may be a passphrase
    return text


def _passphrase_file(text: str, where: str) -> PassphraseFile:
    file = PassphraseFile(_path(text, where))
    try:
        file()
    except PassphraseError as error:
        raise ConfigurationError(f"{where}: {error.message}", hint=error.hint) from error
    return file


def _command(text: str, where: str) -> list[str]:
    if "\n" in text or "\r" in text:
        raise ConfigurationError(f"{where} must be one line")
    from ..signing_command import command_words  # noqa: PLC0415 - cryptography, for those who need it

    return command_words(text, where)


def _switch(text: str, where: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigurationError(f"{where} must be true or false")
    return text.lower() == "true"


def whole_number(text: str, where: str) -> int:
    """Return the number that ``text`` is; settings know its range."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ConfigurationError(f"{where} must be a whole number")
    return int(text)


def _seconds(text: str, where: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise ConfigurationError(f"{where} must be a number of seconds, such as 5 or 2.5")
    return float(text)


def _cache(text: str, where: str) -> bool | str:
    return text.lower() == "true" if text.lower() in ("true", "false") else _path(text, where)


_PEM_HINT = "PEM text goes into the environment, as ROLESANYWHERE_CERTIFICATE_PEM or ROLESANYWHERE_PRIVATE_KEY_PEM"
PARSERS: Mapping[str, Callable[[str, str], object]] = {
    "certificate": _path,
    "certificate_pem": _pem,
    "private_key": _path,
    "private_key_pem": _pem,
    "intermediates": _path,
    "intermediates_pem": _pem,
    "passphrase": _secret,
    "passphrase_file": _passphrase_file,
    "signing_command": _command,
    "pkcs11_module": _path,
    "reuse_pin": _switch,
    "trust_anchor_arn": one_line,
    "profile_arn": one_line,
    "role_arn": one_line,
    "region": one_line,
    "duration_seconds": whole_number,
    "role_session_name": one_line,
    "endpoint_url": one_line,
    "use_fips_endpoint": _switch,
    "use_dualstack_endpoint": _switch,
    "ca_bundle": _path,
    "trust_anchor": _path,
    "connect_timeout_seconds": _seconds,
    "read_timeout_seconds": _seconds,
    "max_attempts": whole_number,
    "cache": _cache,
}
# Content does not belong into the config file; the option that takes its path does.
ENVIRONMENT_ONLY = {
    "certificate_pem": "certificate",
    "private_key_pem": "private_key",
    "intermediates_pem": "intermediates",
    "passphrase": "passphrase_file",
}
# Options whose argument has another name.
_ARGUMENTS = {
    "certificate_pem": "certificate",
    "private_key_pem": "private_key",
    "intermediates_pem": "intermediates",
    "passphrase_file": "passphrase",
    "ca_bundle": "verify",
}
