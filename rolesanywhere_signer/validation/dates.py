"""The rules about validity, which are the same for every certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..clock import require_aware
from ..errors import ConfigurationError
from . import sources

if TYPE_CHECKING:
    from ..findings import Finding
    from .parsed import ParsedCertificate

_USUAL_NOTICE = timedelta(days=30)


class Timing(NamedTuple):
    """When to look, and how far ahead.

    Attributes:
        at: Aware, UTC.
        expiry_warning_seconds: None: 30 days or a third of the certificate's life, whichever is shorter.
    """

    at: datetime
    expiry_warning_seconds: int | None = None


def make_timing(at: datetime, expiry_warning_seconds: int | None) -> Timing:
    """Check both and return them together.

    Raises:
        ConfigurationError: ``at`` has no time zone, or the seconds are no whole number from 0 on.
    """
    if expiry_warning_seconds is not None and not _is_whole_number(expiry_warning_seconds):
        raise ConfigurationError(
            f"expiry_warning_seconds must be a whole number from 0 on, not {expiry_warning_seconds!r}",
            hint="None warns 30 days ahead, or a third of the certificate's life if that is shorter",
        )
    return Timing(require_aware(at, "at"), expiry_warning_seconds)


def _is_whole_number(value: object) -> bool:
    # bool is an int to Python, but no number of seconds.
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def date_findings(certificate: ParsedCertificate, timing: Timing) -> Iterator[Finding]:
    """Yield whether the certificate is not yet, no longer, or not much longer valid; both ends of its life count in."""
    at, name = timing.at, certificate.subject_text
    if at < certificate.not_before:
        yield certificate.error(
            "not-yet-valid",
            f"{name} is valid from {_text(certificate.not_before)}, and it is {_text(at)}",
            hint="check this machine's clock; if it is right, wait, or have it issued with an earlier start",
            rule=sources.VALIDITY,
        )
    if at > certificate.not_after:
        yield certificate.error(
            "expired",
            f"{name} expired on {_text(certificate.not_after)}, and it is {_text(at)}",
            hint="have a new certificate issued and put it in this one's place",
            rule=sources.VALIDITY,
        )
    elif _ends_soon(certificate, timing):
        yield certificate.warning(
            "expires-soon",
            f"{name} expires on {_text(certificate.not_after)}, in {_span(certificate.not_after - at)}",
            hint="have a new certificate issued before that day",
            rule=sources.VALIDITY,
        )


def _ends_soon(certificate: ParsedCertificate, timing: Timing) -> bool:
    left = certificate.not_after - timing.at
    if timing.expiry_warning_seconds is not None:
        return left.total_seconds() < timing.expiry_warning_seconds
    return left < min(_USUAL_NOTICE, (certificate.not_after - certificate.not_before) / 3)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(left: timedelta) -> str:
    if left.days:
        return "1 day" if left.days == 1 else f"{left.days} days"
    hours, minutes = divmod(left.seconds // 60, 60)
    return f"{hours} h {minutes} min"
