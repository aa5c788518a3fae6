"""What the tests of the credentials cache share: a service that counts its calls, and a cache in front of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rolesanywhere_signer.cache import CredentialsCache
from rolesanywhere_signer.credentials import Credentials
from tests.support.refreshing import DEADLINE, SetClock

KEY = "a key"
SECRETS = ("planted-secret-key", "planted-session-token")


class Service:
    """Counts calls, and answers each with new credentials or with the error that is set."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.calls = 0
        self.error: Exception | None = None

    def call(self) -> Credentials:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return Credentials(f"ASIA{self.calls}", *SECRETS, self.clock.now + timedelta(hours=1), account_id="1" * 12)


class World:
    """A cache, its clock and the service behind it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SetClock()
        self.service = Service(self.clock)
        self.cache = self.new_cache()

    def new_cache(self, lock_timeout_seconds: float = DEADLINE) -> CredentialsCache:
        return CredentialsCache(self.directory, clock=self.clock, lock_timeout_seconds=lock_timeout_seconds)

    def fetch(self, cache: CredentialsCache | None = None, *, is_fresh: bool = True) -> Credentials:
        return (cache or self.cache).fetch(KEY, lambda _: is_fresh, self.service.call)

    def path(self, suffix: str) -> Path:
        """Return the path of the one file with this suffix."""
        (path,) = self.directory.glob(f"*{suffix}")
        return path
