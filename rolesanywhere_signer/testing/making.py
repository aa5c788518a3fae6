"""What can be made in the local service from Python; the control plane makes the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ..arn import Arn, parse_profile_arn, parse_role_arn, parse_trust_anchor_arn
from ..errors import CertificateLoadError, ConfigurationError
from ..files import StrPath, read_source
from .account import Account
from .anchors import AnchorSource, add_trust_anchor, bundle_source, private_ca_source
from .crls import add_crl, parse_crl
from .labels import alias_or_none, tags_of
from .mappings import Mappings, put_rules
from .notifications import DEFAULT_SETTINGS, EVENTS, Wish, configured
from .policies import Policy, PolicyDocument, parse_session_policy, parse_trust_policy
from .profiles import add_profile
from .resources import CERTIFICATE_FIELDS, DEFAULT_MAPPINGS, Crl, Profile, Role, TipConfiguration, TrustAnchor
from .seam import refusals_as_errors

_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_PRIVATE_CA_ARN = re.compile(r"arn:aws(-[a-z0-9]+)*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[A-Za-z0-9-]+")


class ResourceMaker:
    """The part of the local service by which a program makes resources. Each takes what its real counterpart has."""

    _account: Account

    def create_trust_anchor(
        self,
        pem: bytes | StrPath | None = None,
        name: str | None = None,
        arn: str | None = None,
        *,
        enabled: bool = True,
        acm_pca_arn: str | None = None,
        crl_dp_revocation_enabled: bool = False,
        notification_thresholds: Mapping[str, int | None] | None = None,
        alias_name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> TrustAnchor:
        """Make a trust anchor.

        Args:
            pem: The CA's certificates: PEM or DER bytes, PEM text, or a path.
            name: For people.
            arn: None: a new one.
            enabled: Whether it is trusted.
            acm_pca_arn: Of a private CA that ``register_private_ca`` knows, instead of ``pem``.
            crl_dp_revocation_enabled: Whether the distribution points in certificates are to be asked.
            notification_thresholds: Days before the expiry by event, such as ``CA_CERTIFICATE_EXPIRY``; None as days:
                nobody is told. An event that is not named keeps its default.
            alias_name: None: no alias.
            tags: By key.

        Raises:
            CertificateLoadError: No certificate.
            CertificateRejectedError: A certificate that the service takes for no CA, whatever its dates.
            ConfigurationError: An ARN of something else, of elsewhere, or of an anchor that is there already; both or
                neither of ``pem`` and ``acm_pca_arn``; or what the service refuses, such as one more than its limit.
        """
        account = self._account
        with refusals_as_errors():
            source_type, data, certificates = self._source(pem, acm_pca_arn)
            made = TrustAnchor(
                **self._common("trust-anchor", None if arn is None else parse_trust_anchor_arn(arn), alias_name, tags),
                name=name or "trust-anchor",
                enabled=enabled,
                source_type=source_type,
                source_data=data,
                certificates=certificates,
                crl_dp_revocation_enabled=crl_dp_revocation_enabled,
                notification_settings=configured(
                    DEFAULT_SETTINGS, _wishes(notification_thresholds or {}), account.account_id
                ),
            )
            return add_trust_anchor(account, made)

    def register_private_ca(self, acm_pca_arn: str, certificate_pem: bytes | StrPath) -> None:
        """Make a private CA known, so that trust anchors can be made of its ARN.

        A trust anchor keeps the certificate that the CA has when the trust anchor is made or updated.

        Args:
            acm_pca_arn: Such as ``arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/…``.
            certificate_pem: PEM or DER bytes, PEM text, or a path.

        Raises:
            CertificateLoadError: No certificate.
            CertificateRejectedError: A certificate that the service takes for no CA, whatever its dates.
            ConfigurationError: It is not the ARN of a private CA.
        """
        if not _PRIVATE_CA_ARN.fullmatch(str(acm_pca_arn)):
            raise ConfigurationError(
                f"{acm_pca_arn!r} is not the ARN of a private CA",
                hint="it looks like arn:aws:acm-pca:<region>:<account>:certificate-authority/<id>",
            )
        with refusals_as_errors():
            source = self._source(certificate_pem, None)
        self._account.register_private_ca(acm_pca_arn, source.certificates)

    def create_role(
        self,
        name: str,
        max_session_duration_seconds: int = 3600,
        arn: str | None = None,
        *,
        trust_policy: PolicyDocument | None = None,
    ) -> Role:
        """Make a role.

        Args:
            name: Of the role, without path.
            max_session_duration_seconds: 3600 to 43200.
            arn: None: one without path.
            trust_policy: As JSON text or as what ``json.loads`` makes of it. None: every trust anchor of the account
                may assume the role.

        Raises:
            ConfigurationError: A bad name, duration, ARN or policy, or a role that is there already.
        """
        account = self._account
        if not _ROLE_NAME.fullmatch(str(name)):
            raise ConfigurationError(f"{name!r} is not the name of a role", hint="1 to 64 of A-Z a-z 0-9 _ + = , . @ -")
        _check_seconds("max_session_duration_seconds", max_session_duration_seconds, 3600)
        own = f"arn:{account.partition}:iam::{account.account_id}:role/{name}"
        if arn is not None:
            own = account.own_arn(parse_role_arn(arn))
            if own.rpartition("/")[2] != name:
                raise ConfigurationError(f"the role ARN {arn!r} does not end with the role's name {name!r}")
        policy = _policy_text(trust_policy, parse_trust_policy)
        return account.add_role(Role(own, name, max_session_duration_seconds, policy))

    def create_profile(
        self,
        roles: Iterable[Role | str],
        duration_seconds: int = 3600,
        *,
        accept_role_session_name: bool = False,
        name: str | None = None,
        arn: str | None = None,
        enabled: bool = True,
        session_policy: PolicyDocument | None = None,
        managed_policy_arns: Iterable[str] = (),
        require_instance_properties: bool = False,
        attribute_mappings: Mapping[str, Iterable[str]] | None = None,
        tip_configuration: TipConfiguration | None = None,
        alias_name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Profile:
        """Make a profile.

        Args:
            roles: Roles, or their ARNs.
            duration_seconds: 900 to 43200; a request may ask for less.
            accept_role_session_name: Whether a request may name its session.
            name: For people.
            arn: None: a new one.
            enabled: Whether it can be used.
            session_policy: As JSON text or as what ``json.loads`` makes of it; sessions have no more than it allows.
            managed_policy_arns: Of the policies that do the same.
            require_instance_properties: Has no effect at the service either.
            attribute_mappings: What becomes session tags: specifiers, such as ``CN``, by the certificate's field, such
                as ``x509Subject``. None: all that the service maps by default.
            tip_configuration: For trusted identity propagation. None: not set.
            alias_name: None: no alias.
            tags: By key.

        Raises:
            ConfigurationError: A bad role, duration, ARN, policy or mapping, a profile that is there already, or what
                the service refuses, such as one more than its limit.
        """
        if isinstance(roles, (str, Role)):
            raise ConfigurationError("roles must be a list", hint="roles=[role]")
        role_arns = tuple(role.arn if isinstance(role, Role) else str(parse_role_arn(role)) for role in roles)
        _check_seconds("duration_seconds", duration_seconds, 900)
        account = self._account
        with refusals_as_errors():
            made = Profile(
                **self._common("profile", None if arn is None else parse_profile_arn(arn), alias_name, tags),
                name=name or "profile",
                role_arns=role_arns,
                duration_seconds=duration_seconds,
                accept_role_session_name=accept_role_session_name,
                enabled=enabled,
                session_policy=_policy_text(session_policy, parse_session_policy),
                managed_policy_arns=tuple(managed_policy_arns),
                require_instance_properties=require_instance_properties,
                attribute_mappings=_mappings(attribute_mappings, account.limits.mapping_rules_per_field),
                created_by=account.root_arn,
                tip_configuration=tip_configuration,
            )
            return add_profile(account, made)

    def import_crl(
        self,
        crl: bytes | StrPath,
        trust_anchor: TrustAnchor | str,
        name: str | None = None,
        *,
        enabled: bool = False,
        alias_name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Crl:
        """Import a certificate revocation list.

        Args:
            crl: PEM or DER bytes, PEM text, or a path.
            trust_anchor: Whose CA signed it: the trust anchor or its ARN.
            name: For people.
            enabled: Whether it counts; at the service, too, it does not unless this is said.
            alias_name: None: no alias.
            tags: By key.

        Raises:
            CertificateLoadError: It cannot be read.
            ConfigurationError: No CRL, of another CA, for no trust anchor that there is, or one more than the limit.
        """
        account = self._account
        anchor = trust_anchor.arn if isinstance(trust_anchor, TrustAnchor) else trust_anchor
        data = _content(crl, "CRL")
        with refusals_as_errors():
            made = Crl(
                **self._common("crl", None, alias_name, tags),
                name=name or "crl",
                enabled=enabled,
                data=data,
                trust_anchor_arn=str(parse_trust_anchor_arn(anchor)),
                revocation_list=parse_crl(data),
            )
            return add_crl(account, made)

    def _now(self) -> datetime:
        raise NotImplementedError

    def _common(
        self, kind: str, arn: Arn | None, alias_name: str | None, tags: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """Return the members that all resources have."""
        now = self._now()
        return {
            "arn": self._account.new_arn(kind) if arn is None else self._account.own_arn(arn),
            "created_at": now,
            "updated_at": now,
            "alias_name": _alias(alias_name),
            "tags": _tags(tags),
        }

    def _source(self, pem: bytes | StrPath | None, acm_pca_arn: str | None) -> AnchorSource:
        if (pem is None) == (acm_pca_arn is None):
            raise ConfigurationError("give pem or acm_pca_arn, one of the two")
        if pem is None:
            return private_ca_source(self._account, str(acm_pca_arn))
        most = self._account.limits.certificates_per_trust_anchor
        return bundle_source(_content(pem, "trust anchor"), most, self._now())


def _content(source: bytes | StrPath, what: str) -> bytes:
    if isinstance(source, str) and "-----BEGIN" in source:
        return source.encode("utf-8", "replace")
    return read_source(source, what=what, error=CertificateLoadError)


def _wishes(thresholds: Mapping[str, int | None]) -> list[Wish]:
    for event, days in thresholds.items():
        if event not in EVENTS:
            raise ConfigurationError(f"there is no notification event {event!r}", hint=f"one of {', '.join(EVENTS)}")
        if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 360):
            raise ConfigurationError(f"the threshold of {event} must be 1 to 360 days, not {days!r}")
    return [Wish(event, days is not None, days) for event, days in thresholds.items()]


def _alias(name: str | None) -> str | None:
    if name is not None:
        _check_by_model("AliasName", name, "aliasName")
    return alias_or_none(name)


def _tags(tags: Mapping[str, str] | None) -> Mapping[str, str]:
    pairs = list((tags or {}).items())
    if pairs:
        _check_by_model("TagList", [{"key": key, "value": value} for key, value in pairs], "tags")
    return tags_of(pairs)


def _check_by_model(shape_name: str, value: object, name: str) -> None:
    # What has neither alias nor tags starts faster without botocore and its models.
    from .control import check_value  # noqa: PLC0415

    check_value(shape_name, value, name)


def _mappings(wanted: Mapping[str, Iterable[str]] | None, most: int) -> Mappings:
    if wanted is None:
        return DEFAULT_MAPPINGS
    mappings: Mappings = ()
    for certificate_field, specifiers in wanted.items():
        if certificate_field not in CERTIFICATE_FIELDS:
            raise ConfigurationError(
                f"a certificate has no field {certificate_field!r}", hint=f"one of {', '.join(CERTIFICATE_FIELDS)}"
            )
        if isinstance(specifiers, str):
            raise ConfigurationError(f"the specifiers of {certificate_field} must be a list, not text")
        mappings = put_rules(mappings, certificate_field, specifiers, most)
    return mappings


def _policy_text(policy: PolicyDocument | None, parse: Callable[[PolicyDocument], Policy]) -> str | None:
    """Return a policy as JSON: text as it was given."""
    if policy is None:
        return None
    parsed = parse(policy)
    return policy if isinstance(policy, str) else parsed.text


def _check_seconds(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 43200:
        raise ConfigurationError(f"{name} must be whole seconds from {least} to 43200, not {value!r}")
