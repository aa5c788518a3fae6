"""What an account holds: plain frozen values; a change is another value in the same place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography import x509

from .assume_role import AssumeRole
from .sigv4 import SecretKey

# Source types of a trust anchor, and fields of a certificate that attribute mappings name, as the service writes them.
CERTIFICATE_BUNDLE = "CERTIFICATE_BUNDLE"
AWS_ACM_PCA = "AWS_ACM_PCA"
X509_SUBJECT = "x509Subject"
X509_ISSUER = "x509Issuer"
X509_SAN = "x509SAN"
CERTIFICATE_FIELDS = (X509_SUBJECT, X509_ISSUER, X509_SAN)


def _no_tags() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What all resources of the service have.

    Attributes:
        arn: Its last part is the resource's identifier.
        created_at: Aware, UTC.
        updated_at: Aware, UTC.
        alias_name: Unique among the resources of its kind; None: no alias.
        tags: By key.
    """

    arn: str
    created_at: datetime
    updated_at: datetime
    alias_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=_no_tags, hash=False)

    @property
    def id(self) -> str:
        """The identifier, a UUID unless the ARN was chosen otherwise."""
        return self.arn.rpartition("/")[2]

    @property
    def alias_arn(self) -> str | None:
        """The ARN by which the resource is known through its alias; None where it has none."""
        if self.alias_name is None:
            return None
        owner, _, path = self.arn.rpartition(":")
        return f"{owner}:alias/{path.partition('/')[0]}/{self.alias_name}"


@dataclass(frozen=True)
class NotificationSetting:
    """When somebody is told that a certificate expires.

    Attributes:
        event: Such as ``CA_CERTIFICATE_EXPIRY``.
        enabled: Whether anybody is told.
        threshold: How many days before; None only where it is disabled.
        channel: ``ALL``.
        configured_by: ``rolesanywhere.amazonaws.com`` for a default, else the account.
    """

    event: str
    enabled: bool
    threshold: int | None
    channel: str
    configured_by: str


@dataclass(frozen=True, kw_only=True)
class TrustAnchor(Resource):
    """A trust anchor and its CA certificates.

    Attributes:
        name: For people.
        enabled: Whether it is trusted.
        source_type: ``CERTIFICATE_BUNDLE`` or ``AWS_ACM_PCA``.
        source_data: The PEM as it was given, or the ARN of the private CA.
        certificates: The CA's.
        crl_dp_revocation_enabled: Whether the distribution points in certificates are to be asked.
        notification_settings: One for each event.
    """

    name: str
    enabled: bool
    source_type: str
    source_data: str = field(repr=False)
    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    crl_dp_revocation_enabled: bool = False
    notification_settings: tuple[NotificationSetting, ...] = ()


@dataclass(frozen=True)
class AttributeMapping:
    """Which parts of one field of a certificate become session tags.

    Attributes:
        certificate_field: ``x509Subject``, ``x509Issuer`` or ``x509SAN``.
        specifiers: Such as ``CN``, ``*``, ``DNS``, ``Name/*``, without duplicates.
    """

    certificate_field: str
    specifiers: tuple[str, ...]


# What a profile maps when it is new.
DEFAULT_MAPPINGS = (
    AttributeMapping(X509_ISSUER, ("*",)),
    AttributeMapping(X509_SAN, ("DNS", "URI", "Name/*")),
    AttributeMapping(X509_SUBJECT, ("*",)),
)


@dataclass(frozen=True)
class TipConfiguration:
    """The settings of a profile for trusted identity propagation; None: not said."""

    status: str
    subject_type: str | None = None
    subject_source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Profile(Resource):
    """A profile: the roles that may be assumed through it, for how long, and with what taken off.

    Attributes:
        name: For people.
        role_arns: The roles.
        duration_seconds: 900 to 43200.
        accept_role_session_name: Whether a request may name its session.
        enabled: Whether it can be used.
        session_policy: The JSON text; None: none.
        managed_policy_arns: Of the policies that sessions are narrowed by.
        require_instance_properties: Has no effect at the service either.
        attribute_mappings: At most one for each field of a certificate.
        created_by: The ARN of who made it.
        tip_configuration: None: not set.
    """

    name: str
    role_arns: tuple[str, ...]
    duration_seconds: int
    accept_role_session_name: bool
    enabled: bool
    session_policy: str | None = None
    managed_policy_arns: tuple[str, ...] = ()
    require_instance_properties: bool = False
    attribute_mappings: tuple[AttributeMapping, ...] = DEFAULT_MAPPINGS
    created_by: str = ""
    tip_configuration: TipConfiguration | None = None


@dataclass(frozen=True, kw_only=True)
class Crl(Resource):
    """A certificate revocation list that was imported for a trust anchor.

    Attributes:
        name: For people.
        enabled: Whether it counts.
        data: As it was given: PEM, or DER.
        trust_anchor_arn: The trust anchor that it is for.
        revocation_list: What ``data`` holds.
    """

    name: str
    enabled: bool
    data: bytes = field(repr=False)
    trust_anchor_arn: str
    revocation_list: x509.CertificateRevocationList = field(repr=False, compare=False)


@dataclass(frozen=True)
class SubjectCredential:
    """A certificate that a subject authenticated with.

    Attributes:
        seen_at: When it was last presented.
        serial_number: In decimal, as in a request's credential.
        issuer: RFC 4514.
        enabled: Always.
        certificate_pem: The certificate.
        failed: Whether the last request with it failed.
    """

    seen_at: datetime
    serial_number: str
    issuer: str
    enabled: bool
    certificate_pem: str = field(repr=False)
    failed: bool


@dataclass(frozen=True)
class InstanceProperties:
    """What a request said about the machine that it came from."""

    seen_at: datetime
    properties: Mapping[str, str] = field(hash=False)
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject(Resource):
    """Who authenticated: one for each distinguished name.

    Attributes:
        x509_subject: RFC 4514.
        enabled: Always.
        last_seen_at: When it last asked for a session.
        credentials: The most recent certificates, the newest first.
        instance_properties: The most recent ones, the newest first.
    """

    x509_subject: str
    enabled: bool
    last_seen_at: datetime
    credentials: tuple[SubjectCredential, ...] = ()
    instance_properties: tuple[InstanceProperties, ...] = ()


@dataclass(frozen=True)
class Role:
    """An IAM role.

    Attributes:
        arn: Of the role.
        name: The ARN's last part.
        max_session_duration_seconds: 3600 to 43200.
        trust_policy: The JSON text; None: every trust anchor of the account may assume the role.
    """

    arn: str
    name: str
    max_session_duration_seconds: int
    trust_policy: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class VendedCredentials:
    """Credentials that were given out, as STS knows them.

    Attributes:
        access_key_id: Not secret.
        secret_access_key: Secret.
        session_token: Secret.
        expiration: Aware, UTC, in whole seconds.
        assumed_role_arn: Of the session.
        user_id: The role's identifier and the session's name.
        assumed: What AssumeRole was asked for.
        packed_policy_size: Which share of the space for tags and policies is taken, in percent.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime
    assumed_role_arn: str
    user_id: str
    assumed: AssumeRole
    packed_policy_size: int

    @property
    def key(self) -> SecretKey:
        """What a request is signed with."""
        return SecretKey(self.secret_access_key, self.session_token, self.expiration)
