"""A profile written into the AWS config file: its words made of flags, and nothing else in the file changed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .aws_config import ConfigFile, config_path, parse_config_file, profile_of_header
from .errors import ConfigurationError
from .files import KEY_SCHEMES
from .flags import FlagValue
from .helper_command import COMMAND, SESSION_FLAGS
from .ini_file import edit_file, remarks_on, remove_keys, set_values
from .profiles import Options, find_options, key_of_flag
from .signing_command import command_words

_WHAT = "AWS config file"
_LINE = "credential_process"
_PREFIX = "rolesanywhere_"
# Programs differ in which others they find.
_NAME = re.compile(r"[A-Za-z0-9_.@%/+:-]{1,64}")
# What stands behind these is a comment to some SDKs, and part of the value to others.
_COMMENT = re.compile(r"\s[#;]|^[#;]")
_SHOWN_AT_RUN_TIME = ("debug",)
# What keys do anyway: proxies of the environment are used.
_HELPERS_ALONE = ("with-proxy",)
_SELECTOR_FILE = "file://"


@dataclass(frozen=True)
class Written:
    """What became of the file.

    Attributes:
        path: Of the file, symbolic links followed.
        remarks: What a person should know about it.
    """

    path: str
    remarks: tuple[str, ...]


def keys_of_flags(flags: Mapping[str, FlagValue]) -> dict[str, str]:
    """Return flags as ``rolesanywhere_*`` keys; paths become absolute.

    Raises:
        ConfigurationError: There is no key for a flag, or a value that cannot stand in the file.
    """
    values = {}
    for name, value in _lasting(flags):
        key = key_of_flag(name)
        if key is not None:
            values[_PREFIX + key] = _text(name, value)
        elif value is not False and name not in _HELPERS_ALONE:
            raise ConfigurationError(
                f"--{name} cannot be said in keys", hint="the helper's words can say it: --style process"
            )
    return values


def line_of_flags(flags: Mapping[str, FlagValue], program: str) -> str:
    """Return flags as a ``credential_process`` line; paths become absolute.

    Raises:
        ConfigurationError: A value cannot stand in the file.
    """
    words = [program, COMMAND]
    for name, value in _lasting(flags):
        if isinstance(value, bool):
            words += [f"--{name}"] if value else []
            continue
        text = _text(name, value)
        # A cache may stand without its directory, so that one has to be tied to it.
        words += [f"--{name}={text}"] if text.startswith("-") or SESSION_FLAGS[name].alone else [f"--{name}", text]
    return join_words(words)


def line_of_profile(name: str, program: str, cache: FlagValue | None) -> str:
    """Return the ``credential_process`` line that takes its settings from the profile that it stands in."""
    words = [program, COMMAND, "--profile", name]
    if cache is True:
        words.append("--cache")
    elif cache:
        words.append(f"--cache={_text('cache', cache)}")
    return join_words(words)


def join_words(words: list[str], *, windows: bool = sys.platform == "win32") -> str:
    """Return words as one line that SDKs split into the same words: by a shell's rules, on Windows by its own."""
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def _lasting(flags: Mapping[str, FlagValue]) -> Iterator[tuple[str, FlagValue]]:
    """Yield the flags that a profile keeps, in the order of the help."""
    for name in SESSION_FLAGS:
        if name in flags and name not in _SHOWN_AT_RUN_TIME:
            yield name, flags[name]


def _text(name: str, value: FlagValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if name == "cert-selector" and text.startswith(_SELECTOR_FILE):
        text = _SELECTOR_FILE + _absolute(text.removeprefix(_SELECTOR_FILE))
    if text[:7].lower() == "pkcs11:":
        _check_no_pin(text, name)
    elif _is_path(name, text):
        text = _absolute(text)
    if name == "signing-command":
        text = _findable(text)
    if _COMMENT.search(text):
        raise ConfigurationError(
            f"the value of --{name} cannot stand in the {_WHAT}: what begins with # or ; after a space is a comment to "
            "some SDKs",
            hint="give the file another name",
        )
    return text


def _findable(command: str) -> str:
    """Return a command whose program is found from every directory."""
    words = command_words(command, "--signing-command")
    if os.sep not in words[0]:
        return command
    return join_words([_absolute(words[0]), *words[1:]])


def _check_no_pin(text: str, name: str) -> None:
    if "pin-value" in text:
        raise ConfigurationError(
            f"the URI of --{name} holds the PIN, which does not belong into the {_WHAT}",
            hint="leave pin-value out, and give --passphrase-file FILE; or write pin-source=/path into the URI",
        )


def _is_path(name: str, text: str) -> bool:
    if SESSION_FLAGS[name].metavar not in ("FILE", "DIR") or text.startswith(KEY_SCHEMES):
        return False
    # A module that is named without its directory is looked for where libraries are.
    return name != "pkcs11-lib" or "/" in text or os.path.exists(text)  # noqa: PTH110 - as `_absolute`


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - links stay links


def check_profile_name(name: str) -> str:
    """Return the name of a profile that every program finds.

    Raises:
        ConfigurationError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:70]!r} cannot be the name of a profile", hint="1 to 64 letters, digits and _.@%/+:- are"
        )
    return name


def check_is_new(name: str, config: ConfigFile) -> None:
    """Return where no profile has this name yet.

    Raises:
        ConfigurationError: One has.
    """
    if name in config.profile_names():
        raise ConfigurationError(
            f"there is a profile {name!r} in {config.path!r} already",
            hint="--force gives it these keys in place of those of IAM Roles Anywhere that it has, and leaves all "
            "others; or choose another name",
        )


def write_profile(
    name: str, values: Mapping[str, str], region: str, environment: Mapping[str, str], *, replace: bool
) -> Written:
    """Write keys of ours, and a ``credential_process``, into a profile of the AWS config file.

    Keys of ours that are not given go; a key of anybody else stays as it is.

    Args:
        name: Of the profile; made if it is not there.
        values: The keys and their values.
        region: Written as the profile's region where it has none.
        environment: Says where the file is.
        replace: Whether the profile may be there.

    Raises:
        ConfigurationError: It is there, or the file cannot be changed, or would not say what it should. It is as it
            was.
    """
    header = check_profile_name(name) if name == "default" else f"profile {check_profile_name(name)}"
    path = config_path(environment)
    remarks: list[str] = []

    def is_same(other: str) -> bool:
        return profile_of_header(other) == name

    def change(content: bytes) -> bytes:
        if not replace:
            check_is_new(name, parse_config_file(path, content))
        new = remove_keys(content, header, lambda key: _is_ours(key) and key not in values, is_same=is_same)
        new = set_values(new, header, values, is_same=is_same)
        if not _has_region(path, new, name):
            new = set_values(new, header, {"region": region}, is_same=is_same)
        _read_back(path, new, name, values)
        remarks[:] = remarks_on(new, header, is_same)
        return new

    outcome = edit_file(path, change, what=_WHAT)
    return Written(outcome.path, (*outcome.remarks, *remarks))


def _is_ours(key: str) -> bool:
    return key.startswith(_PREFIX) or key == _LINE


def _has_region(path: str, content: bytes, name: str) -> bool:
    profile = parse_config_file(path, content).find_profile(name)
    return profile is not None and "region" in profile.values


def _read_back(path: str, content: bytes, name: str, values: Mapping[str, str]) -> Options:
    """Read what is about to be written as every session does; what is refused then must not be written now."""
    config = parse_config_file(path, content)
    profile, options = config.find_profile(name), find_options(config, name)
    there = {} if profile is None else profile.values
    if there.get("source_profile", name) != name:
        raise ConfigurationError(
            f"profile {name!r} in {path!r} takes its credentials from profile {there['source_profile']!r}",
            hint="write the keys into that profile, or choose another name",
        )
    kept = {key: text for key, text in there.items() if _is_ours(key)}
    if options is None or options.missing or kept != dict(values):
        raise ConfigurationError(
            f"profile {name!r} in {path!r} would not say what it should; nothing was written",
            hint="mend what stands in that profile, or choose another name",
        )
    return options
