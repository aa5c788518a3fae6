"""How long somebody else may take to sign."""

from __future__ import annotations

from ...errors import ConfigurationError

_LONGEST_SECONDS = 3600.0


def check_timeout(seconds: float) -> float:
    """Return a time-out.

    Raises:
        ConfigurationError: It is no number of seconds above 0 and up to an hour.
    """
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= _LONGEST_SECONDS:
        raise ConfigurationError(f"timeout_seconds must be a number of seconds above 0, up to {_LONGEST_SECONDS:g}")
    return float(seconds)
