"""How often something may be called: a token bucket for each kind of call, on the service's clock."""

from __future__ import annotations

import threading
from datetime import datetime

from .refusals import RATE_EXCEEDED, Refusal

# Of those that nothing was asked of lately, no bucket need be kept.
_MAX_BUCKETS = 10_000


class CallQuotas:
    """Token buckets that are full at first and hold what flows in within a second. Many threads may use them.

    Args:
        enabled: Otherwise nothing is ever refused.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, datetime]] = {}

    def count(self, kind: str, per_second: int, now: datetime) -> None:
        """Count a call.

        Args:
            kind: Calls of one kind share a bucket.
            per_second: How many of them there may be.
            now: Aware. A clock that was set back fills nothing.

        Raises:
            Refusal: There were too many.
        """
        if not self._enabled:
            return
        with self._lock:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._forget_full_ones(now)
            left, filled_at = self._buckets.get(kind, (float(per_second), now))
            flown_in = max(0.0, (now - filled_at).total_seconds()) * per_second
            left = min(float(per_second), left + flown_in)
            if left < 1:
                self._buckets[kind] = (left, now)
                raise Refusal(429, "ThrottlingException", RATE_EXCEEDED)
            self._buckets[kind] = (left - 1, now)

    def _forget_full_ones(self, now: datetime) -> None:
        """Drop the buckets that a second has filled; a clock that was set back fills them all."""
        self._buckets = {
            kind: (left, filled_at)
            for kind, (left, filled_at) in self._buckets.items()
            if 0 <= (now - filled_at).total_seconds() < 1
        }
