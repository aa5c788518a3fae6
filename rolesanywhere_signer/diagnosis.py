"""An error of the service and what is known locally: the likely causes and what to do.

The service's sentences are terse on purpose; what it does not say is mostly known on this side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from .certificates import name_text
from .errors import AccessDeniedError, ResourceNotFoundError, ServiceError, ThrottledError
from .validation import validate_loaded

if TYPE_CHECKING:
    from cryptography import x509

    from .findings import Finding
    from .identity import LoadedIdentity
    from .settings import Settings

# A request must arrive within five minutes of its time stamp; where exactly the service draws the line is not known.
TELLING_SKEW = timedelta(seconds=60)


class Circumstances(NamedTuple):
    """What is known here when the service refuses.

    Attributes:
        settings: What was asked for.
        loaded: The identity that signed.
        anchors: The trust anchor's certificates, where the user gave them.
        now: The time here, aware.
        skew: How far the service's clock is ahead of ours, or None when its answer had no date.
    """

    settings: Settings
    loaded: LoadedIdentity
    anchors: Sequence[x509.Certificate] | None
    now: datetime
    skew: timedelta | None


def explain(error: ServiceError, known: Circumstances) -> str | None:
    """Return the hint for an error of the service, or None when nothing is known about it.

    Raises:
        CertificateError: A certificate cannot be validated at all.
    """
    said = error.service_message or ""
    if isinstance(error, (AccessDeniedError, ResourceNotFoundError)):
        for sentence, explanation in _EXPLANATIONS:
            if sentence.lower() in said.lower():
                return explanation(known)
    if isinstance(error, ThrottledError):
        return (
            "CreateSession allows about 10 calls a second per certificate and address; share sessions between clients"
        )
    return error.hint


def clock_hint(skew: timedelta | None) -> str | None:
    """Return what to do about a wrong clock, or None when it is right or not known."""
    if skew is None or abs(skew) < TELLING_SKEW:
        return None
    direction = "behind" if skew > timedelta(0) else "ahead of"
    seconds = round(abs(skew).total_seconds())
    return f"this machine's clock is {seconds:,} s {direction} the service's; set it by NTP"


def _invalid_signature(known: Circumstances) -> str:
    if known.skew is None:
        return "is this machine's clock right? A clock minutes off leads to this, and the answer had no date to compare"
    return clock_hint(known.skew) or (
        "the clocks agree and the key is the certificate's, so something between here and the service changed the "
        "request: a proxy that rewrites headers, or an endpoint_url that forwards to another host name"
    )


def _untrusted(known: Circumstances) -> str:
    found = _findings(known, with_path=True)
    if found:
        return found
    if known.anchors is not None:
        return (
            "the path to the certificate given as trust_anchor= is right here, so "
            f"{known.settings.trust_anchor_arn} holds another one: was the CA renewed?"
        )
    sent = len(known.loaded.chain)
    return (
        f"the service found no path to {known.settings.trust_anchor_arn}; the certificate was issued by "
        f"{name_text(known.loaded.certificate.issuer)}, and {sent or 'no'} intermediate{'' if sent == 1 else 's'} went "
        "along. Is this the trust anchor of that CA, was the CA renewed, is an intermediate missing? With "
        "trust_anchor= the path to that certificate is checked here"
    )


def _insufficient(known: Circumstances) -> str:
    return _findings(known, with_path=False) or (
        "the certificate must have CA:FALSE and the key usage digitalSignature; some set-ups demand the extended key "
        "usage clientAuth too"
    )


def _findings(known: Circumstances, *, with_path: bool) -> str | None:
    report = validate_loaded(
        known.loaded.certificate, known.loaded.chain, known.anchors if with_path else None, known.now
    )
    return "; ".join(_with_hint(finding) for finding in report.errors) or None


def _with_hint(finding: Finding) -> str:
    return f"{finding.subject}: {finding.message} ({finding.hint})"


def _revoked(known: Circumstances) -> str:
    serial = known.loaded.certificate.serial_number
    return (
        f"serial number {serial:x} (hexadecimal) is on a revocation list of the trust anchor; issue a new certificate"
    )


def _anchor_not_found(known: Circumstances) -> str:
    return (
        f"no enabled trust anchor {known.settings.trust_anchor_arn} in region {known.settings.region}: "
        "is the ARN complete, and of this account and region?"
    )


def _bad_profile(known: Circumstances) -> str:
    return f"{known.settings.profile_arn} does not exist, is disabled, has no roles, or is of another account or region"


def _role_not_listed(known: Circumstances) -> str:
    return (
        f"add {known.settings.role_arn} to the roles of {known.settings.profile_arn}, or ask for a role that it lists"
    )


def _session_name(known: Circumstances) -> str:
    return (
        "leave role_session_name out, or allow it: aws rolesanywhere update-profile --accept-role-session-name "
        f"--profile-id {known.settings.profile_arn.rpartition('/')[2]}"
    )


def _duration(known: Circumstances) -> str:
    return (
        f"raise the maximum session duration of {known.settings.role_arn}, or ask for less: the smaller of "
        "duration_seconds and the profile's duration counts"
    )


def _unmapped(known: Circumstances) -> str:
    return (
        "the values in brackets cannot be session tags (letters, digits, spaces and _.:/=+-@ can) and were left out, "
        "so a condition of the role's trust policy on them fails. " + _assume_role(known)
    )


def _assume_role(known: Circumstances) -> str:
    return (
        f"the trust policy of {known.settings.role_arn} must allow rolesanywhere.amazonaws.com the actions "
        "sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, and its conditions (aws:SourceArn, "
        "aws:PrincipalTag/x509...) must fit this certificate and trust anchor; does the role exist?"
    )


# Word for word what the service says, the more specific sentences first.
_EXPLANATIONS: tuple[tuple[str, Callable[[Circumstances], str]], ...] = (
    ("Invalid signature", _invalid_signature),
    ("Untrusted signing certificate", _untrusted),
    ("Insufficient certificate", _insufficient),
    ("Certificate revoked", _revoked),
    ("Trust Anchor wasn't found", _anchor_not_found),
    ("Invalid or empty profile", _bad_profile),
    ("Requested Role isn't one of those listed", _role_not_listed),
    ("Not authorized to set roleSessionName", _session_name),
    ("exceeds the MaxSessionDuration", _duration),
    ("failed to be mapped into session tags", _unmapped),
    ("Unable to assume role", _assume_role),
)
