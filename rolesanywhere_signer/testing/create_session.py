"""CreateSession: from a request to credentials, or to the service's reason for refusing them.

The order is that of the service's user guide, "Signature validation": the signature before everything that the caller
claims, then whether a trust anchor of the account stands behind the certificate. What follows is assumed.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from . import assumptions
from .account import Account
from .assume_role import ROLES_ANYWHERE, AssumeRole, AssumeRoleError, Caller
from .attributes import SessionTags, session_tags
from .parameters import SessionParameters, parse_parameters
from .refusals import (
    ROLE_NOT_IN_PROFILE,
    SESSION_NAME_NOT_ALLOWED,
    UNKNOWN_TRUST_ANCHOR,
    UNUSABLE_PROFILE,
    Refusal,
    access_denied,
    role_not_assumed,
)
from .resources import Profile, Subject, TrustAnchor, VendedCredentials
from .revocation import ReadList, read_list, verify_not_revoked
from .token_service import TokenService
from .trust import verify_trust
from .verifier import verify_signature
from .wire import HttpRequest, HttpResponse, json_response

# User guide, "Quotas": by the authenticating certificate. Not by the address that a request comes from as well.
CALLS_PER_SECOND = 10


def create_session(account: Account, tokens: TokenService, request: HttpRequest, now: datetime) -> HttpResponse:
    """Answer CreateSession.

    Args:
        account: What the service knows.
        tokens: Which assumes the role.
        request: As received.
        now: Aware, UTC.

    Raises:
        Refusal: The first check that failed.
    """
    leaf = verify_signature(request, account.region, now)
    account.quotas.count(f"CreateSession {leaf.fingerprint(hashes.SHA256()).hex()}", CALLS_PER_SECOND, now)
    parameters = parse_parameters(request)
    anchor = _trust_anchor(account, parameters.trust_anchor_arn)
    intermediates = verify_trust(request, leaf, anchor.certificates, now)
    # From here on it is known who asks: what becomes of the request is noted (user guide, "Subjects").
    try:
        verify_not_revoked(leaf, intermediates, anchor.certificates, _revocation_lists(account, anchor), now)
        credentials = _assume(account, tokens, leaf, anchor, parameters, now)
    except Refusal:
        _record(account, leaf, parameters, now, failed=True)
        raise
    subject = _record(account, leaf, parameters, now, failed=False)
    return json_response(201, _answer(credentials, parameters.role_arn, subject))


def _trust_anchor(account: Account, arn: str) -> TrustAnchor:
    anchor = account.trust_anchor(arn)
    if anchor is None:
        raise Refusal(
            assumptions.UNKNOWN_TRUST_ANCHOR_STATUS, assumptions.UNKNOWN_TRUST_ANCHOR_CODE, UNKNOWN_TRUST_ANCHOR
        )
    if not anchor.enabled:
        raise access_denied(assumptions.DISABLED_TRUST_ANCHOR)
    return anchor


def _revocation_lists(account: Account, anchor: TrustAnchor) -> list[ReadList]:
    return [read_list(crl.data, crl.revocation_list) for crl in account.crls_of(anchor.arn) if crl.enabled]


def _assume(
    account: Account,
    tokens: TokenService,
    leaf: x509.Certificate,
    anchor: TrustAnchor,
    parameters: SessionParameters,
    now: datetime,
) -> VendedCredentials:
    profile = _profile(account, parameters)
    tags = session_tags(leaf, {each.certificate_field: each.specifiers for each in profile.attribute_mappings})
    # Both keys are "set based on the ARN of the trust anchor" of the call: user guide, "Trust policy".
    caller = Caller(ROLES_ANYWHERE, source_arn=anchor.arn, source_account=account.account_id)
    try:
        return tokens.assume_role(_asked(leaf, profile, parameters, tags), caller, now)
    except AssumeRoleError as error:
        raise role_not_assumed(parameters.role_arn, error.reason, tags.failure_text) from error


def _profile(account: Account, parameters: SessionParameters) -> Profile:
    profile = account.profile(parameters.profile_arn)
    if profile is None or not profile.role_arns:
        raise access_denied(UNUSABLE_PROFILE)
    if not profile.enabled:
        raise access_denied(assumptions.DISABLED_PROFILE)
    if parameters.role_arn not in profile.role_arns:
        raise access_denied(ROLE_NOT_IN_PROFILE)
    if parameters.role_session_name is not None and not profile.accept_role_session_name:
        raise access_denied(SESSION_NAME_NOT_ALLOWED)
    return profile


def _asked(leaf: x509.Certificate, profile: Profile, parameters: SessionParameters, tags: SessionTags) -> AssumeRole:
    """Return what AssumeRole is asked for: API reference of CreateSession, and user guide, "Trust model"."""
    asked = parameters.duration_seconds
    return AssumeRole(
        role_arn=parameters.role_arn,
        role_session_name=parameters.role_session_name or f"{leaf.serial_number:x}",
        duration_seconds=profile.duration_seconds if asked is None else min(asked, profile.duration_seconds),
        tags=tags.tags,
        source_identity=source_identity(leaf),
        policy=profile.session_policy,
        policy_arns=profile.managed_policy_arns,
    )


def source_identity(leaf: x509.Certificate) -> str:
    """Return what is recorded as the source identity (user guide, "Trust model"): the common name, or the serial."""
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_name = str(names[0].value) if names else ""
    if not 1 <= len(common_name) <= 64:
        digits = f"{leaf.serial_number:x}"
        return f"ID={digits.zfill(len(digits) + len(digits) % 2)}"
    # STS takes 64 characters, of which the prefix takes three.
    return f"CN={common_name}" if len(common_name) <= 61 else common_name


def _record(
    account: Account, leaf: x509.Certificate, parameters: SessionParameters, now: datetime, *, failed: bool
) -> Subject:
    return account.record_subject(leaf, now, failed=failed, instance_properties=parameters.instance_properties)


def _answer(credentials: VendedCredentials, role_arn: str, subject: Subject) -> dict[str, object]:
    return {
        "credentialSet": [
            {
                "assumedRoleUser": {"arn": credentials.assumed_role_arn, "assumedRoleId": credentials.user_id},
                "credentials": {
                    "accessKeyId": credentials.access_key_id,
                    "expiration": credentials.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "secretAccessKey": credentials.secret_access_key,
                    "sessionToken": credentials.session_token,
                },
                "packedPolicySize": credentials.packed_policy_size,
                "roleArn": role_arn,
                "sourceIdentity": credentials.assumed.source_identity,
            }
        ],
        "subjectArn": subject.arn,
    }
