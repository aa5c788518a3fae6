"""The time as a moment: aware, in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from .errors import ConfigurationError

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of this machine, aware, in UTC."""
    return datetime.now(timezone.utc)


def require_aware(moment: datetime, what: str) -> datetime:
    """Return ``moment`` in UTC.

    Raises:
        ConfigurationError: ``moment`` has no time zone, so that nobody can say when it is.
    """
    if not isinstance(moment, datetime):
        raise ConfigurationError(f"{what} must be a datetime, not {type(moment).__name__}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigurationError(
            f"{what} is a datetime without a time zone",
            hint="give an aware datetime, such as datetime.now(timezone.utc)",
        )
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise ConfigurationError(f"{what} lies outside of the calendar") from None


def amz_date(moment: datetime) -> str:
    """Return ``moment``, which is in UTC, as ``X-Amz-Date`` has it: ``YYYYMMDDTHHMMSSZ``."""
    day = f"{moment.year:04}{moment.month:02}{moment.day:02}"
    return f"{day}T{moment.hour:02}{moment.minute:02}{moment.second:02}Z"
