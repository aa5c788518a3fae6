"""CreateSession: from a request to credentials, or to the service's reason for refusing them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..certificates import name_text
from . import assumptions
from .account import Account
from .parameters import SessionParameters, parse_parameters
from .refusals import (
    DURATION_TOO_LONG,
    ROLE_NOT_IN_PROFILE,
    SESSION_NAME_NOT_ALLOWED,
    UNKNOWN_TRUST_ANCHOR,
    UNUSABLE_PROFILE,
    Refusal,
    access_denied,
    role_not_assumed,
)
from .resources import Profile, Role, TrustAnchor, VendedCredentials
from .trust import verify_trust
from .verifier import verify_signature
from .wire import HttpRequest, HttpResponse, json_response

# What the answer's packedPolicySize is a share of, in characters.
_TAGS_LIMIT = 2048


def create_session(account: Account, request: HttpRequest, now: datetime) -> HttpResponse:
    """Answer CreateSession.

    Args:
        account: What the service knows.
        request: As received.
        now: Aware, UTC.

    Raises:
        Refusal: The first check that failed, in the order of the user guide's trust model: the signature before
            everything that the caller claims.
    """
    leaf = verify_signature(request, account.region, now)
    parameters = parse_parameters(request)
    anchor = _trust_anchor(account, parameters.trust_anchor_arn)
    verify_trust(request, leaf, anchor.certificates, now)
    profile = _profile(account, parameters)
    role = account.role(parameters.role_arn)
    if role is None:
        raise role_not_assumed(parameters.role_arn)
    credentials = _assume(
        account, role, leaf, parameters.role_session_name, _expiration(profile, role, parameters, now)
    )
    return json_response(201, _answer(account, leaf, role, credentials))


def _trust_anchor(account: Account, arn: str) -> TrustAnchor:
    anchor = account.trust_anchor(arn)
    if anchor is None:
        raise Refusal(
            assumptions.UNKNOWN_TRUST_ANCHOR_STATUS, assumptions.UNKNOWN_TRUST_ANCHOR_CODE, UNKNOWN_TRUST_ANCHOR
        )
    if not anchor.enabled:
        raise access_denied(assumptions.DISABLED_TRUST_ANCHOR)
    return anchor


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


def _expiration(profile: Profile, role: Role, parameters: SessionParameters, now: datetime) -> datetime:
    asked = parameters.duration_seconds
    seconds = profile.duration_seconds if asked is None else min(asked, profile.duration_seconds)
    if seconds > role.max_session_duration_seconds:
        raise role_not_assumed(role.arn, DURATION_TOO_LONG)
    return now.replace(microsecond=0) + timedelta(seconds=seconds)


def _assume(
    account: Account, role: Role, leaf: x509.Certificate, session_name: str | None, expiration: datetime
) -> VendedCredentials:
    name = session_name or f"{leaf.serial_number:x}"
    credentials = VendedCredentials(
        access_key_id="ASIA" + base64.b32encode(secrets.token_bytes(10)).decode("ascii"),
        secret_access_key=base64.b64encode(secrets.token_bytes(30)).decode("ascii"),
        session_token=base64.b64encode(secrets.token_bytes(480)).decode("ascii"),
        expiration=expiration,
        assumed_role_arn=f"arn:{account.partition}:sts::{account.account_id}:assumed-role/{role.name}/{name}",
        user_id=f"{_role_id(role)}:{name}",
    )
    account.remember(credentials)
    return credentials


def _role_id(role: Role) -> str:
    digest = hashlib.sha256(role.arn.encode("ascii")).digest()
    return "AROA" + base64.b32encode(digest)[:17].decode("ascii")


def _answer(account: Account, leaf: x509.Certificate, role: Role, credentials: VendedCredentials) -> dict[str, object]:
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
                "packedPolicySize": _packed_policy_size(leaf),
                "roleArn": role.arn,
                "sourceIdentity": source_identity(leaf),
            }
        ],
        "subjectArn": _subject_arn(account, leaf),
    }


def source_identity(leaf: x509.Certificate) -> str:
    """Return what is recorded as the source identity (user guide, trust model): the common name, or the serial."""
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_name = str(names[0].value) if names else ""
    if not 1 <= len(common_name) <= 64:
        digits = f"{leaf.serial_number:x}"
        return f"ID={digits.zfill(len(digits) + len(digits) % 2)}"
    # STS takes 64 characters, of which the prefix takes three.
    return f"CN={common_name}" if len(common_name) <= 61 else common_name


def _packed_policy_size(leaf: x509.Certificate) -> int:
    characters = len(name_text(leaf.subject)) + len(name_text(leaf.issuer))
    return 100 * characters // _TAGS_LIMIT


def _subject_arn(account: Account, leaf: x509.Certificate) -> str:
    # The service keeps one subject per distinguished name and region.
    owner = f"{account.region}/{account.account_id}/{leaf.subject.public_bytes().hex()}"
    subject_id = uuid.uuid5(uuid.NAMESPACE_X500, owner)
    return f"arn:{account.partition}:rolesanywhere:{account.region}:{account.account_id}:subject/{subject_id}"
