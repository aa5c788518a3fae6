"""An error of the service and what is known locally: the possible causes, the likeliest first, and what to do.

The service's sentences are terse on purpose; what it does not say is mostly known on this side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..errors import AccessDeniedError, ResourceNotFoundError, ThrottledError
from . import account, trust
from .values import TELLING_SKEW, Cause, Circumstances, clock_hint, clock_text, hint_of

if TYPE_CHECKING:
    from ..errors import ServiceError

__all__ = [
    "TELLING_SKEW",
    "Cause",
    "Circumstances",
    "causes_of",
    "clock_hint",
    "clock_text",
    "explain",
    "hint_of",
]


def causes_of(error: ServiceError, known: Circumstances) -> tuple[Cause, ...]:
    """Return what may be behind an error of the service, the likeliest first; nothing where it tells nothing.

    Raises:
        CertificateError: A certificate cannot be validated at all.
    """
    said = error.service_message or ""
    if isinstance(error, (AccessDeniedError, ResourceNotFoundError)):
        for sentence, explanation in _EXPLANATIONS:
            if sentence.lower() in said.lower():
                return tuple(explanation(known, said))
    if isinstance(error, ThrottledError):
        return (_THROTTLED,)
    return ()


def explain(error: ServiceError, known: Circumstances) -> str | None:
    """Return the hint for an error of the service, or None when nothing is known about it.

    Raises:
        CertificateError: A certificate cannot be validated at all.
    """
    causes = causes_of(error, known)
    return hint_of(causes) if causes else error.hint


_THROTTLED = Cause(
    "CreateSession allows about 10 calls a second per certificate and address",
    "share sessions between clients, and credentials between processes: cache=, --cache",
    is_certain=True,
)

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
