"""An error of the service and what is known locally: the possible causes, the likeliest first, and what to do.

The service's sentences are terse on purpose; what it does not say is mostly known on this side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import AccessDeniedError, ResourceNotFoundError, ThrottledError
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
    if isinstance(error, (AccessDeniedError, ResourceNotFoundError)):
        from .sentences import causes_of_sentence  # noqa: PLC0415 - a program that gets credentials starts faster

        return causes_of_sentence(error.service_message or "", known)
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
