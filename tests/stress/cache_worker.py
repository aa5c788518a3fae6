"""A process that uses the credentials cache; run by the tests beside it.

Usage: cache_worker.py once|loop|fork DIRECTORY LOG

It starts when its standard input ends, so that many start at once. Each call is a line that is appended to LOG.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from rolesanywhere_signer.cache import CredentialsCache
from rolesanywhere_signer.credentials import Credentials

KEY = "a key"
# Long enough for a file to be written in several steps, if it were.
FILLING = 20_000


def main() -> None:
    mode, directory, log = sys.argv[1:]
    cache = CredentialsCache(directory)
    tell("ready")
    sys.stdin.read()
    MODES[mode](cache, log)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fetch_once(cache: CredentialsCache, log: str) -> None:
    """Fetch as a short program does, and tell whose credentials it got."""
    tell(cache.fetch(KEY, lambda _: True, lambda: obtain(log, seconds=0.3)).access_key_id)


def fetch_for_ever(cache: CredentialsCache, log: str) -> None:
    """Read and write until killed; what is read must be whole."""
    tell("looping")
    while True:
        found = cache.fetch(KEY, is_fresh_by_chance, lambda: obtain(log, seconds=0))
        assert len(found.session_token) == FILLING


def is_fresh_by_chance(_: Credentials) -> bool:
    return random.random() < 0.5  # noqa: S311 - keeps no secret


def fork_during_the_call(cache: CredentialsCache, log: str) -> None:
    """Hang in a call, with the lock held, after forking a child that goes on living."""
    cache.fetch(KEY, lambda _: True, hang_with_a_child)


def hang_with_a_child() -> Credentials:
    if os.fork() == 0:
        # The child itself, once what has to happen in it after a fork has happened.
        tell(str(os.getpid()))
    time.sleep(600)
    raise AssertionError("nobody killed this process")


def obtain(log: str, seconds: float) -> Credentials:
    identifier = f"ASIA{os.getpid()}"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{identifier}\n".encode())
    os.close(descriptor)
    time.sleep(seconds)
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    return Credentials(identifier, f"secret-of-{identifier}", identifier.ljust(FILLING, "."), end)


MODES: dict[str, Callable[[CredentialsCache, str], None]] = {
    "once": fetch_once,
    "loop": fetch_for_ever,
    "fork": fork_during_the_call,
}

if __name__ == "__main__":
    main()
