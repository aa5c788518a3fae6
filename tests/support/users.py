"""Acting as a user with no rights of its own, where root runs the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Let a block run as nobody."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextlib.contextmanager
def home_of_nobody() -> Iterator[Path]:
    """Yield a directory of nobody's, which pytest's own are too private to hold."""
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, NOBODY, NOBODY)
        yield Path(directory)


def outcome_as_nobody(work: Callable[[], int]) -> int:
    """Return what ``work`` returns in a forked child that is nobody for good; it is killed after a minute."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            signal.alarm(60)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            code = work()
        except BaseException:  # noqa: BLE001 - the child must not run on into pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
