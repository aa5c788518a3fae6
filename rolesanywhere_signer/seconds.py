"""The only place that asks the system for the time in seconds, or lets it pass. It imports nothing else."""

from __future__ import annotations

import time


def epoch_seconds() -> float:
    """Return the seconds since 1970 by this machine's clock."""
    return time.time()


def monotonic_seconds() -> float:
    """Return seconds that only grow, from a start of no meaning: for durations and ages within a process."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait for ``seconds``."""
    time.sleep(seconds)
