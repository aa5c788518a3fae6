"""Options out of the helper's flags, as they stand in a profile's ``credential_process`` line or on a command line."""

from __future__ import annotations

from collections.abc import Mapping

from ..flags import FlagValue
from ..helper_command import DEFAULT_DURATION_SECONDS
from ..identity_sources import PassphraseFile
from .options import ENVIRONMENT_ONLY, PARSERS, Options, expanded

# Flags that are options of ours; switches that say something else than their name are told apart below.
_OPTIONS = {
    "certificate": "certificate",
    "private-key": "private_key",
    "intermediates": "intermediates",
    "pkcs8-password": "passphrase",
    "signing-command": "signing_command",
    "pkcs11-lib": "pkcs11_module",
    "reuse-pin": "reuse_pin",
    "trust-anchor-arn": "trust_anchor_arn",
    "profile-arn": "profile_arn",
    "role-arn": "role_arn",
    "region": "region",
    "endpoint": "endpoint_url",
    "session-duration": "duration_seconds",
    "role-session-name": "role_session_name",
    "cache": "cache",
    "trust-anchor": "trust_anchor",
    "ca-bundle": "verify",
    "use-fips-endpoint": "use_fips_endpoint",
    "use-dualstack-endpoint": "use_dualstack_endpoint",
}
# In text, these are spelled otherwise than the argument.
_KEYS = {"ca-bundle": "ca_bundle", "passphrase-file": "passphrase_file"}
_FLAGS = {option: flag for flag, option in _OPTIONS.items()}
_PATHS = ("certificate", "private_key", "intermediates", "trust_anchor", "verify", "cache", "pkcs11_module")


def options_from_flags(flags: Mapping[str, FlagValue], source: str) -> Options:
    """Return what the helper's flags say; what they leave out is as the helper has it.

    Args:
        flags: By their names, without dashes.
        source: How messages name them.
    """
    values: dict[str, object] = {"duration_seconds": DEFAULT_DURATION_SECONDS, **options_given(flags)}
    if not flags.get("with-proxy"):
        # Without the flag the helper goes past the proxies of the environment.
        values["proxies"] = {}
    return Options(source, values, flag_of)


def options_given(flags: Mapping[str, FlagValue]) -> dict[str, object]:
    """Return the options that flags give, and none of the helper's defaults."""
    values: dict[str, object] = {_OPTIONS[flag]: value for flag, value in flags.items() if flag in _OPTIONS}
    for name in _PATHS:
        if isinstance(values.get(name), str):
            values[name] = expanded(str(values[name]))
    if "cert-directory" in flags or is_chosen_in_tokens(flags):
        values["certificate"] = _directory(flags)
    if "passphrase-file" in flags:
        values["passphrase"] = PassphraseFile(expanded(str(flags["passphrase-file"])))
    if "tpm-key-password" in flags:
        values["passphrase"] = flags["tpm-key-password"]
    if flags.get("no-tpm-key-password"):
        # Beside another passphrase, it says nothing of the key that this one is for.
        values.setdefault("passphrase", "")
    if flags.get("no-verify-ssl"):
        values["verify"] = False
    return values


def is_chosen_in_tokens(flags: Mapping[str, FlagValue]) -> bool:
    """Return whether a certificate is chosen in every token of a PKCS#11 module."""
    chosen = "cert-selector" in flags or flags.get("use-latest-expiring-certificate") is True
    return chosen and "pkcs11-lib" in flags and "certificate" not in flags


def _directory(flags: Mapping[str, FlagValue]) -> object:
    from ..selectors import CertificateDirectory, parse_selector  # noqa: PLC0415 - cryptography, for those who need it

    selector = parse_selector(str(flags["cert-selector"])) if "cert-selector" in flags else None
    latest = flags.get("use-latest-expiring-certificate") is True
    return CertificateDirectory(expanded(str(flags.get("cert-directory", "pkcs11:"))), selector, latest)


def key_of_flag(flag: str) -> str | None:
    """Return the option in text that says the same as a flag, or None: there is none."""
    if flag in _KEYS:
        return _KEYS[flag]
    option = _OPTIONS.get(flag)
    return option if option in PARSERS and option not in ENVIRONMENT_ONLY else None


def flag_of(option: str) -> str:
    """Return the flag that gives an option."""
    return "--" + _FLAGS.get(option, option.replace("_", "-"))
