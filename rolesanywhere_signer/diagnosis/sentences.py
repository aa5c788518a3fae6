"""What the service says, and which causes that has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import account, trust
from .values import Cause, Circumstances

# Word for word what the service says, the more specific sentences first.
_EXPLANATIONS: tuple[tuple[str, Callable[[Circumstances, str], Iterator[Cause]]], ...] = (
    ("Invalid signature", trust.invalid_signature),
    ("Untrusted signing certificate", trust.untrusted),
    ("Insufficient certificate", trust.insufficient),
    ("Certificate revoked", trust.revoked),
    ("Trust Anchor wasn't found", account.anchor_not_found),
    ("Invalid or empty profile", account.bad_profile),
    ("Requested Role isn't one of those listed", account.role_not_listed),
    ("Not authorized to set roleSessionName", account.session_name),
    ("exceeds the MaxSessionDuration", account.duration),
    ("failed to be mapped into session tags", account.unmapped),
    ("Unable to assume role", account.assume_role),
)


def causes_of_sentence(said: str, known: Circumstances) -> tuple[Cause, ...]:
    """Return what may be behind a sentence of the service, the likeliest first; nothing for an unknown one.

    Raises:
        CertificateError: A certificate cannot be validated at all.
    """
    for sentence, explanation in _EXPLANATIONS:
        if sentence.lower() in said.lower():
            return tuple(explanation(known, said))
    return ()
