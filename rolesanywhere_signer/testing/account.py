"""The state of the local service: one account in one region, with all that is made in it."""

from __future__ import annotations

import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime

from cryptography import x509

from ..arn import Arn, check_region
from ..errors import ConfigurationError
from .limits import Limits
from .quotas import CallQuotas
from .resources import Crl, Profile, Role, Subject, TrustAnchor, VendedCredentials
from .subjects import seen_again, subject_key
from .tables import Table

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

# Each takes a few kilobytes, and a service may run for long.
_MOST_VENDED = 10_000


class Account:
    """What the service knows. Everything in it may be used by many threads.

    Args:
        region: Of the service.
        account_id: 12 digits.
        limits: How much of everything there may be.
        throttle: Whether calls that come too often are refused.

    Attributes:
        lock: Re-entrant. Whoever looks and then changes what it has seen holds it meanwhile.
        quotas: They count calls.
        token_key: Of the tokens by which lists go on.

    Raises:
        ConfigurationError: No region, or no account.
    """

    def __init__(self, region: str, account_id: str, limits: Limits | None = None, *, throttle: bool = False) -> None:
        self.region = check_region(region)
        if not re.fullmatch(r"[0-9]{12}", str(account_id)):
            raise ConfigurationError(f"account_id {account_id!r} does not have 12 digits")
        self.account_id = account_id
        self.partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
        self.limits = Limits() if limits is None else limits
        self.lock = threading.RLock()
        self.quotas = CallQuotas(enabled=throttle)
        self.token_key = secrets.token_bytes(32)
        self.trust_anchors: Table[TrustAnchor] = Table(self.lock)
        self.profiles: Table[Profile] = Table(self.lock)
        self.crls: Table[Crl] = Table(self.lock)
        self.subjects: Table[Subject] = Table(self.lock)
        self._roles: dict[str, Role] = {}
        self._private_cas: dict[str, tuple[x509.Certificate, ...]] = {}
        self._vended: dict[str, VendedCredentials] = {}

    @property
    def root_arn(self) -> str:
        """The ARN of the account itself."""
        return f"arn:{self.partition}:iam::{self.account_id}:root"

    def trust_anchor(self, arn: str) -> TrustAnchor | None:
        """Return the trust anchor, if there is one."""
        return self.trust_anchors.get(arn)

    def profile(self, arn: str) -> Profile | None:
        """Return the profile, if there is one."""
        return self.profiles.get(arn)

    def crls_of(self, trust_anchor_arn: str) -> tuple[Crl, ...]:
        """Return the CRLs that were imported for a trust anchor, disabled ones too."""
        return tuple(crl for crl in self.crls if crl.trust_anchor_arn == trust_anchor_arn)

    def role(self, arn: str) -> Role | None:
        """Return the role, if there is one."""
        with self.lock:
            return self._roles.get(arn)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles, in the order they were made."""
        with self.lock:
            return tuple(self._roles.values())

    @property
    def private_cas(self) -> Mapping[str, tuple[x509.Certificate, ...]]:
        """The private CAs that were registered, by ARN."""
        with self.lock:
            return dict(self._private_cas)

    def add_role(self, role: Role) -> Role:
        """Add a role.

        Raises:
            ConfigurationError: There is one with that ARN.
        """
        with self.lock:
            if role.arn in self._roles:
                raise ConfigurationError(f"{role.arn} exists already")
            self._roles[role.arn] = role
        return role

    def forget_role(self, arn: str) -> None:
        """Drop a role, if there is one with that ARN."""
        with self.lock:
            self._roles.pop(arn, None)

    def record_subject(
        self,
        leaf: x509.Certificate,
        now: datetime,
        *,
        failed: bool = False,
        instance_properties: Mapping[str, str] | None = None,
    ) -> Subject:
        """Note that somebody authenticated, or failed to, and return the subject as it is now.

        Args:
            leaf: The certificate that was presented.
            now: Aware, UTC.
            failed: Whether the request was refused.
            instance_properties: What the request said about the machine that it came from.
        """
        # The service keeps one subject per distinguished name and region.
        subject_id = uuid.uuid5(uuid.NAMESPACE_X500, f"{self.region}/{self.account_id}/{subject_key(leaf)}")
        arn = self.arn_of("subject", str(subject_id))
        with self.lock:
            old = self.subjects.get(arn)
            new = seen_again(old, arn, leaf, now, failed=failed, instance_properties=instance_properties)
            if old is None:
                return self.subjects.add(new)
            self.subjects.change(arn, lambda _: new)
        return new

    def register_private_ca(self, arn: str, certificates: tuple[x509.Certificate, ...]) -> None:
        """Let trust anchors be made of a private CA; registered again, it has been renewed."""
        with self.lock:
            self._private_cas[arn] = certificates

    def private_ca(self, arn: str) -> tuple[x509.Certificate, ...] | None:
        """Return the certificates of a private CA, if it was registered."""
        with self.lock:
            return self._private_cas.get(arn)

    def remember(self, credentials: VendedCredentials) -> VendedCredentials:
        """Keep credentials for STS, and return them; expired ones stay, so that they are told from unknown ones.

        Of more than 10,000 the oldest are forgotten: STS then knows no such credentials.
        """
        with self.lock:
            self._vended[credentials.access_key_id] = credentials
            while len(self._vended) > _MOST_VENDED:
                del self._vended[next(iter(self._vended))]
        return credentials

    def vended(self, access_key_id: str) -> VendedCredentials | None:
        """Return the credentials with that identifier, if the service gave them out."""
        with self.lock:
            return self._vended.get(access_key_id)

    def new_arn(self, resource_type: str) -> str:
        """Return the ARN of a resource that is being made."""
        return self.arn_of(resource_type, str(uuid.uuid4()))

    def arn_of(self, resource_type: str, resource_id: str) -> str:
        """Return the ARN of a resource of the service."""
        return f"arn:{self.partition}:rolesanywhere:{self.region}:{self.account_id}:{resource_type}/{resource_id}"

    def own_arn(self, arn: Arn) -> str:
        """Return an ARN that somebody chose, as text.

        Raises:
            ConfigurationError: It is of another partition, region or account.
        """
        region = arn.region or self.region
        if (arn.partition, region, arn.account_id) != (self.partition, self.region, self.account_id):
            raise ConfigurationError(
                f"{arn} is not of this service, which is in {self.region}, account {self.account_id}",
                hint="make LocalRolesAnywhere with the region and the account of the ARN",
            )
        return str(arn)
