"""What a profile says: ``rolesanywhere_*`` keys, or its ``credential_process`` line in the helper's words."""

from __future__ import annotations

from collections.abc import Mapping

from ..aws_config import ConfigFile, Profile, load_config_file
from ..errors import ConfigurationError
from ..helper_command import SESSION_FLAGS, is_helper_command, parse_helper_command
from .from_flags import options_from_flags
from .options import ENVIRONMENT_ONLY, PARSERS, Options, nearest, typed

_PREFIX = "rolesanywhere_"


def options_from_profile(name: str, environment: Mapping[str, str]) -> Options:
    """Return what a profile says: its ``rolesanywhere_*`` keys, its ``credential_process`` line in the helper's words.

    Args:
        name: Of the profile.
        environment: Says where the AWS config file is.

    Raises:
        ConfigurationError: There is no such profile, it says nothing of ours, or it cannot be understood.
    """
    if not isinstance(name, str) or not name:
        raise ConfigurationError("profile must be the name of a profile")
    config = load_config_file(environment)
    options = find_options(config, name)
    if options is None:
        raise ConfigurationError(
            why_not(config, name),
            hint="name a profile that is there, or write this one with rolesanywhere-signer configure; the shared "
            "credentials file is not looked at",
        )
    return options


def find_options(config: ConfigFile, name: str) -> Options | None:
    """Return what a profile says, or None: there is no such profile, or it says nothing of ours."""
    profile = config.find_profile(name)
    if profile is None:
        return None
    own = _own_options(profile)
    line = profile.values.get("credential_process")
    if line is None or not is_helper_command(line) or (own is not None and not own.missing):
        return own
    helper = _helper_options(profile, line)
    return helper if own is None else own.over(helper)


def _own_options(profile: Profile) -> Options | None:
    texts = {key.removeprefix(_PREFIX): text for key, text in profile.values.items() if key.startswith(_PREFIX)}
    for name in texts:
        if name in ENVIRONMENT_ONLY:
            raise ConfigurationError(
                f"{_key(name)} in {profile.where}: keys, certificates and passphrases do not belong into this file",
                hint=f"put it into a file of its own, and that file's path into {_key(ENVIRONMENT_ONLY[name])}",
            )
        if name not in PARSERS:
            raise ConfigurationError(
                f"{_key(name)!r} in {profile.where} is unknown{nearest(name, _key)}",
                hint="correct its spelling, or take it out",
            )
    return typed(texts, profile.where, _key) if texts else None


def _key(name: str) -> str:
    return _PREFIX + name


def _helper_options(profile: Profile, line: str) -> Options:
    source = f"credential_process of {profile.where}"
    flags = parse_helper_command(line, source)
    _check_no_flag_is_a_key(profile)
    return options_from_flags(flags, source)


def _check_no_flag_is_a_key(profile: Profile) -> None:
    """A flag on a line of its own becomes a key of the profile, if a colon or an equals sign stands in it."""
    for key in profile.values:
        if key.startswith("--"):
            flag = key.split()[0]
            shown = flag if flag[2:] in SESSION_FLAGS else "a flag"
            raise ConfigurationError(
                f"{profile.where}: {shown} begins a line of its own",
                hint="write the whole credential_process on one line",
            )


_INSTEAD = {
    "credential_process": "a credential_process of another program",
    "aws_access_key_id": "static access keys",
    "sso_session": "an SSO session",
    "sso_start_url": "an SSO start URL",
    "source_profile": "a role to assume from another profile",
    "credential_source": "a role to assume from another source",
    "web_identity_token_file": "a web identity",
}


def why_not(config: ConfigFile, name: str) -> str:
    """Return why a profile gives no settings, and what is there instead."""
    if not config.exists:
        return f"there is no AWS config file {config.path!r} with a profile {name!r}"
    profile = config.find_profile(name)
    if profile is None:
        section = "[default]" if name == "default" else f"[profile {name}]"
        names = ", ".join(repr(known) for known in config.profile_names()[:20]) or "none"
        return f"the AWS config file {config.path!r} has no section {section!r}; its profiles: {names}"
    instead = " and ".join(words for key, words in _INSTEAD.items() if key in profile.values) or "no credentials at all"
    return (
        f"{profile.where} has no rolesanywhere_* keys and no credential_process of the official helper, but {instead}"
    )
