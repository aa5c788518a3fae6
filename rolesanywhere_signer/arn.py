"""ARNs of trust anchors, profiles and roles: parsed and checked before anything is sent."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import ConfigurationError

# The models of the service allow 1011 characters.
_MAX_LENGTH = 1011
_PARTITION = re.compile(r"aws(-[a-z0-9]+)*")
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+")
# IAM user guide, "IAM identifiers": a path is printable ASCII between slashes, a name is [\w+=,.@-].
_ROLE = re.compile(r"([!-~]*/)?[A-Za-z0-9_+=,.@-]+")

_EXAMPLES = {
    "trust-anchor": "arn:aws:rolesanywhere:<region>:<account>:trust-anchor/<id>",
    "profile": "arn:aws:rolesanywhere:<region>:<account>:profile/<id>",
    "role": "arn:aws:iam::<account>:role/<name>",
}


class Arn(NamedTuple):
    """The parts of an ARN: ``arn:partition:service:region:account_id:resource_type/resource_id``."""

    partition: str
    service: str
    region: str
    account_id: str
    resource_type: str
    resource_id: str

    def __str__(self) -> str:
        head = f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}"
        return f"{head}:{self.resource_type}/{self.resource_id}"


def parse_trust_anchor_arn(text: str) -> Arn:
    """Parse the ARN of a trust anchor.

    Raises:
        ConfigurationError: It is none.
    """
    return _parse_regional(text, "trust_anchor_arn", "trust-anchor")


def parse_profile_arn(text: str) -> Arn:
    """Parse the ARN of a Roles Anywhere profile.

    Raises:
        ConfigurationError: It is none.
    """
    return _parse_regional(text, "profile_arn", "profile")


def parse_role_arn(text: str) -> Arn:
    """Parse the ARN of an IAM role, with or without a path.

    Raises:
        ConfigurationError: It is none.
    """
    arn = _parse(text, "role_arn", "iam", "role")
    if arn.region:
        raise _bad("role_arn", text, f"an IAM ARN has no region, this one has {arn.region!r}", "role")
    if not _ROLE.fullmatch(arn.resource_id):
        raise _bad("role_arn", text, "what follows role/ is not the name of a role", "role")
    return arn


def check_region(region: str, name: str = "region") -> str:
    """Return ``region`` if it may be one.

    Raises:
        ConfigurationError: It cannot be a region, or it is the pseudo region of a FIPS endpoint.
    """
    if not isinstance(region, str) or not _REGION.fullmatch(region) or len(region) > 60:
        raise ConfigurationError(f"{name} {region!r} is not an AWS region", hint="such as ap-northeast-2")
    if region.startswith("fips-") or region.endswith("-fips"):
        # The name of the endpoint would end up in the scope of the signature, and the service would refuse it.
        raise ConfigurationError(
            f"{name} {region!r} names a FIPS endpoint, not a region",
            hint="give the plain region and use_fips_endpoint=True",
        )
    return region


def _parse_regional(text: str, name: str, resource_type: str) -> Arn:
    arn = _parse(text, name, "rolesanywhere", resource_type)
    if not _REGION.fullmatch(arn.region):
        raise _bad(name, text, f"{arn.region!r} is not a region", resource_type)
    if not _IDENTIFIER.fullmatch(arn.resource_id):
        raise _bad(name, text, f"what follows {resource_type}/ is not an identifier", resource_type)
    return arn


def _parse(text: str, name: str, service: str, resource_type: str) -> Arn:
    if not isinstance(text, str):
        raise ConfigurationError(
            f"{name} is missing" if text is None else f"{name} must be text, not {type(text).__name__}",
            hint=f"it looks like {_EXAMPLES[resource_type]}",
        )
    if len(text) > _MAX_LENGTH:
        raise ConfigurationError(f"{name} has {len(text):,} characters; an ARN has at most {_MAX_LENGTH:,}")
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise _bad(name, text, "it does not have the six parts of an ARN", resource_type)
    kind, _, resource_id = parts[5].partition("/")
    arn = Arn(parts[1], parts[2], parts[3], parts[4], kind, resource_id)
    if (arn.service, arn.resource_type) != (service, resource_type):
        raise _bad(
            name, text, f"it names {arn.service}:{arn.resource_type}, not {service}:{resource_type}", resource_type
        )
    if not _PARTITION.fullmatch(arn.partition):
        raise _bad(name, text, f"{arn.partition!r} is not an AWS partition", resource_type)
    if not _ACCOUNT.fullmatch(arn.account_id):
        raise _bad(name, text, f"the account {arn.account_id!r} does not have 12 digits", resource_type)
    return arn


def _bad(name: str, text: str, reason: str, resource_type: str) -> ConfigurationError:
    return ConfigurationError(f"{name} {text!r}: {reason}", hint=f"it looks like {_EXAMPLES[resource_type]}")
