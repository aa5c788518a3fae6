"""What the commands that get credentials share: their flags, and what these become."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..errors import ConfigurationError
from ..flags import Flag, Given
from ..helper_command import DEFAULT_DURATION_SECONDS, SESSION_FLAGS, refuse_stores

if TYPE_CHECKING:
    from ..assembly import Assembly, SessionOptions

# As in the official helper's credential-process, serve and update; ours behind them.
SESSION_TABLE = tuple(SESSION_FLAGS.values())
PROFILE = Flag(
    "profile", "Take what is not given from this profile of the AWS config file.", metavar="NAME", is_ours=True
)
# How examples show them.
ARNS = "--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN"
REQUIRED = ("certificate", "trust-anchor-arn", "profile-arn", "role-arn")
FALLBACK = (
    "Without these flags, the settings are those of the profile that --profile names, else of the environment "
    f"(ROLESANYWHERE_*), else of the profile in use. With flags alone, the session lasts {DEFAULT_DURATION_SECONDS} s "
    "unless --session-duration says otherwise."
)


def assemble(given: Given, where: str, profile: str | None = None) -> Assembly:
    """Return settings, identity, client, cache and further roles, as flags, a profile or the environment have them.

    Args:
        given: The flags.
        where: How messages begin.
        profile: A profile of the AWS config file.

    Raises:
        ConfigurationError: A setting cannot be, or is missing.
        CertificateError, PrivateKeyError: The identity cannot be used.
    """
    import functools
    import os

    from ..assembly import Assembly
    from .terminal import ask_passphrase

    # Once for a process: a renewed key is read when nobody is there, or while another program has the terminal.
    ask_once = functools.cache(ask_passphrase)
    return Assembly(profile, session_options(given, where, profile), os.environ, ask_passphrase=ask_once)


def session_options(given: Given, where: str, profile: str | None = None) -> SessionOptions:
    """Return the options that flags are.

    One of the flags that must be there, and no profile: the flags stand alone, as they do in the official helper.
    Otherwise they override what the profile or the environment says.

    Args:
        given: The flags.
        where: How messages begin.
        profile: A profile of the AWS config file.

    Raises:
        ConfigurationError: A flag is not supported, or one that is needed is missing.
    """
    from ..profiles import options_from_flags, options_given

    refuse_stores(given, where)
    if profile is None and any(_is_there(name, given) for name in REQUIRED):
        check_complete(
            given, where, "with one of these flags all of them are needed; --profile NAME takes them from a profile"
        )
        return cast("SessionOptions", dict(options_from_flags(given, where).values))
    return cast("SessionOptions", options_given(given))


def _is_there(name: str, given: Given) -> bool:
    from ..profiles import is_chosen_in_tokens

    chosen = "cert-directory" in given or is_chosen_in_tokens(given)
    return name in given or (name == "certificate" and chosen)


def check_complete(given: Given, where: str, hint: str) -> None:
    """Return where every flag is there that must be.

    Raises:
        ConfigurationError: One is missing.
    """
    missing = [f"--{name}" for name in REQUIRED if not _is_there(name, given)]
    if missing:
        raise ConfigurationError(
            f"{where}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing", hint=hint
        )
