"""Signals while a command runs: taken for the time of a block, and given back at its end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

# What asks a program to end: a supervisor, a keyboard, a terminal that hangs up.
END_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


@contextlib.contextmanager
def handled(names: Sequence[str], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Run a block in which signals come to a handler; what is ignored stays so, as under nohup.

    Args:
        names: Such as ``SIGTERM``; those that this system does not have are passed over.
        handler: Called with the number of the signal.
    """
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
