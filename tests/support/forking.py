"""Forked children of the tests' own process."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest


def in_forked_child(work: Callable[[], bool]) -> bool:
    """Return what ``work`` returns in a forked child; a child that hangs is killed and counts as False."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(10)
            status = 0 if work() else 1
        except BaseException:  # noqa: BLE001 - the child must not run on into pytest
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return status == 0


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Forking with threads is the very case: a server that forks its workers after the first use.
forks_with_threads = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
