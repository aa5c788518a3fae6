"""The state of the local service: one account in one region, with its anchors, roles, profiles and credentials."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from cryptography import x509

from ..arn import Arn, check_region, parse_profile_arn, parse_role_arn, parse_trust_anchor_arn
from ..certificates import parse_certificates
from ..errors import CertificateLoadError, CertificateRejectedError, ConfigurationError
from ..files import StrPath, read_source
from ..validation import validate_trust_anchor
from .refusals import NOT_A_CA

# A region begins like this where it is not in the partition "aws".
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_DATES = frozenset({"expired", "not-yet-valid"})


@dataclass(frozen=True)
class TrustAnchor:
    """A trust anchor and its CA certificates."""

    arn: str
    name: str
    enabled: bool
    certificates: tuple[x509.Certificate, ...] = field(repr=False)


@dataclass(frozen=True)
class Role:
    """An IAM role; its trust policy lets every trust anchor of the account assume it."""

    arn: str
    name: str
    max_session_duration_seconds: int


@dataclass(frozen=True)
class Profile:
    """A profile: the roles that may be assumed through it, and for how long."""

    arn: str
    name: str
    role_arns: tuple[str, ...]
    duration_seconds: int
    accept_role_session_name: bool
    enabled: bool


@dataclass(frozen=True)
class VendedCredentials:
    """Credentials that CreateSession gave out, as STS knows them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime
    assumed_role_arn: str
    user_id: str


_Named = TypeVar("_Named", TrustAnchor, Role, Profile)


class Account:
    """What the service knows. Everything in it may be used by many threads.

    Args:
        region: Of the service.
        account_id: 12 digits.

    Raises:
        ConfigurationError: No region, or no account.
    """

    def __init__(self, region: str, account_id: str) -> None:
        self.region = check_region(region)
        if not re.fullmatch(r"[0-9]{12}", str(account_id)):
            raise ConfigurationError(f"account_id {account_id!r} does not have 12 digits")
        self.account_id = account_id
        self.partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
        self._lock = threading.Lock()
        self._trust_anchors: dict[str, TrustAnchor] = {}
        self._roles: dict[str, Role] = {}
        self._profiles: dict[str, Profile] = {}
        self._vended: dict[str, VendedCredentials] = {}

    def add_trust_anchor(
        self, pem: bytes | StrPath, name: str | None, arn: str | None, *, enabled: bool, now: datetime
    ) -> TrustAnchor:
        """Add a trust anchor; ``LocalRolesAnywhere.create_trust_anchor`` says what is checked."""
        data = _anchor_bytes(pem)
        _check_anchor(data, now)
        certificates = tuple(parse_certificates(data, where="the trust anchor"))
        own = self._own_arn(parse_trust_anchor_arn(arn)) if arn is not None else self._new_arn("trust-anchor")
        return self._add(self._trust_anchors, TrustAnchor(own, name or "trust-anchor", enabled, certificates))

    def add_role(self, name: str, max_session_duration_seconds: int, arn: str | None) -> Role:
        """Add a role; ``LocalRolesAnywhere.create_role`` says what is checked."""
        if not _ROLE_NAME.fullmatch(str(name)):
            raise ConfigurationError(f"{name!r} is not the name of a role", hint="1 to 64 of A-Z a-z 0-9 _ + = , . @ -")
        _check_seconds("max_session_duration_seconds", max_session_duration_seconds, 3600)
        own = f"arn:{self.partition}:iam::{self.account_id}:role/{name}"
        if arn is not None:
            own = self._own_arn(parse_role_arn(arn))
            if own.rpartition("/")[2] != name:
                raise ConfigurationError(f"the role ARN {arn!r} does not end with the role's name {name!r}")
        return self._add(self._roles, Role(own, name, max_session_duration_seconds))

    def add_profile(
        self,
        roles: Iterable[Role | str],
        duration_seconds: int,
        name: str | None,
        arn: str | None,
        *,
        accept_role_session_name: bool,
        enabled: bool,
    ) -> Profile:
        """Add a profile; ``LocalRolesAnywhere.create_profile`` says what is checked."""
        if isinstance(roles, (str, Role)):
            raise ConfigurationError("roles must be a list", hint="roles=[role]")
        role_arns = tuple(role.arn if isinstance(role, Role) else str(parse_role_arn(role)) for role in roles)
        _check_seconds("duration_seconds", duration_seconds, 900)
        own = self._own_arn(parse_profile_arn(arn)) if arn is not None else self._new_arn("profile")
        profile = Profile(own, name or "profile", role_arns, duration_seconds, accept_role_session_name, enabled)
        return self._add(self._profiles, profile)

    def trust_anchor(self, arn: str) -> TrustAnchor | None:
        """Return the trust anchor, if there is one."""
        with self._lock:
            return self._trust_anchors.get(arn)

    def role(self, arn: str) -> Role | None:
        """Return the role, if there is one."""
        with self._lock:
            return self._roles.get(arn)

    def profile(self, arn: str) -> Profile | None:
        """Return the profile, if there is one."""
        with self._lock:
            return self._profiles.get(arn)

    def remember(self, credentials: VendedCredentials) -> None:
        """Keep credentials for STS; expired ones stay, so that they are told from unknown ones."""
        with self._lock:
            self._vended[credentials.access_key_id] = credentials

    def vended(self, access_key_id: str) -> VendedCredentials | None:
        """Return the credentials with that identifier, if the service gave them out."""
        with self._lock:
            return self._vended.get(access_key_id)

    def _add(self, table: dict[str, _Named], made: _Named) -> _Named:
        with self._lock:
            if made.arn in table:
                raise ConfigurationError(f"{made.arn} exists already")
            table[made.arn] = made
        return made

    def _new_arn(self, resource_type: str) -> str:
        return f"arn:{self.partition}:rolesanywhere:{self.region}:{self.account_id}:{resource_type}/{uuid.uuid4()}"

    def _own_arn(self, arn: Arn) -> str:
        region = arn.region or self.region
        if (arn.partition, region, arn.account_id) != (self.partition, self.region, self.account_id):
            raise ConfigurationError(
                f"{arn} is not of this service, which is in {self.region}, account {self.account_id}",
                hint="make LocalRolesAnywhere with the region and the account of the ARN",
            )
        return str(arn)


def _anchor_bytes(pem: bytes | StrPath) -> bytes:
    if isinstance(pem, str) and "-----BEGIN" in pem:
        return pem.encode("utf-8", "replace")
    return read_source(pem, what="trust anchor", error=CertificateLoadError)


def _check_anchor(data: bytes, now: datetime) -> None:
    """Refuse what the service refuses when a trust anchor is made; dates count later, at each call."""
    found = tuple(error for error in validate_trust_anchor(data, at=now).errors if error.code not in _DATES)
    if any(error.code == "not-a-ca" for error in found):
        raise CertificateRejectedError(NOT_A_CA, hint=found[0].hint, findings=found)
    if found:
        raise CertificateRejectedError("; ".join(map(str, found)), hint=found[0].hint, findings=found)


def _check_seconds(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 43200:
        raise ConfigurationError(f"{name} must be whole seconds from {least} to 43200, not {value!r}")
