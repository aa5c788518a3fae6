"""Roles that a profile assumes with the credentials of another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..arn import parse_role_arn
from ..aws_config import Profile, load_config_file
from ..errors import ConfigurationError
from .options import one_line, whole_number
from .profile import why_not


class ChainedRole(NamedTuple):
    """A role that a profile assumes with the credentials of its ``source_profile``.

    Attributes:
        profile: The profile that says so.
        source_profile: Whose credentials it takes.
        role_arn: The role.
        external_id, role_session_name: As STS AssumeRole takes them, or None.
        duration_seconds: None: not sent.
        region: Of the profile, or None.
    """

    profile: str
    source_profile: str
    role_arn: str
    external_id: str | None = None
    role_session_name: str | None = None
    duration_seconds: int | None = None
    region: str | None = None


class ChainedProfile(NamedTuple):
    """Where a chain of profiles begins, and the roles on the way.

    Attributes:
        source: The profile whose own credentials come first.
        roles: In the order in which they are assumed.
    """

    source: str
    roles: tuple[ChainedRole, ...]


def chained_profile(name: str, environment: Mapping[str, str]) -> ChainedProfile | None:
    """Return the roles that a profile assumes over others, or None: it names no other profile.

    A profile that names itself has credentials of its own beside ``role_arn``, as the SDKs let it.

    Raises:
        ConfigurationError: A profile is missing, names itself over others, asks for an MFA code, or a value cannot be.
    """
    config = load_config_file(environment)
    profile = config.find_profile(name)
    roles: list[ChainedRole] = []
    while profile is not None and (role := _chained_role(profile)) is not None:
        roles.append(role)
        name = role.source_profile
        if name == role.profile:
            break
        way = [passed.profile for passed in roles]
        if name in way:
            raise ConfigurationError(
                f"source_profile goes round in {config.path!r}: {' -> '.join(map(repr, [*way, name]))}"
            )
        profile = config.find_profile(name)
        if profile is None:
            raise ConfigurationError(f"source_profile of profile {role.profile!r}: {why_not(config, name)}")
    return ChainedProfile(name, tuple(reversed(roles))) if roles else None


def _chained_role(profile: Profile) -> ChainedRole | None:
    values = profile.values
    # botocore leaves a profile with a web identity, or without role_arn, to its other providers.
    if "role_arn" not in values or "web_identity_token_file" in values:
        return None
    if "credential_source" in values and "source_profile" not in values:
        return None
    _check_chainable(profile)
    own = sorted(name for name in values if name.startswith("rolesanywhere_"))
    if own and values["source_profile"] != profile.name:
        raise ConfigurationError(
            f"{profile.where} has {own[0]} beside source_profile, which takes its place",
            hint="put the rolesanywhere_* keys into the profile that source_profile names",
        )
    names = ("role_arn", "source_profile", "external_id", "role_session_name", "region")
    texts = {name: one_line(values[name], f"{name} ({profile.where})") for name in names if name in values}
    duration = None
    if "duration_seconds" in values:
        duration = whole_number(values["duration_seconds"], f"duration_seconds ({profile.where})")
    return ChainedRole(profile=profile.name, duration_seconds=duration, **texts)


def _check_chainable(profile: Profile) -> None:
    if "source_profile" not in profile.values:
        raise ConfigurationError(
            f"{profile.where} has role_arn without source_profile",
            hint="source_profile names the profile whose credentials assume role_arn; the role of IAM Roles Anywhere "
            "itself is rolesanywhere_role_arn",
        )
    if "credential_source" in profile.values:
        raise ConfigurationError(f"{profile.where} has both source_profile and credential_source")
    if "mfa_serial" in profile.values:
        raise ConfigurationError(
            f"mfa_serial in {profile.where}: an MFA code cannot be asked for",
            hint="the credentials renew themselves, with nobody there to type it",
        )
    try:
        parse_role_arn(profile.values["role_arn"])
    except ConfigurationError as error:
        raise ConfigurationError(f"{profile.where}: {error.message}", hint=error.hint) from None
