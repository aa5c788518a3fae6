"""Credentials shared between processes on disk, under a key that it is given.

The directory's mode is all that protects them: whoever may read as its owner has the credentials until they expire.
Reading a hit is on the way of short programs, so this module imports no more than that needs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from .clock import Clock, require_aware, utc_now
from .credentials import Credentials
from .errors import ConfigurationError
from .files import (
    FileLock,
    StrPath,
    locks_are_available,
    make_private_directory,
    old_files,
)
from .private_files import DEFAULT_CACHE_DIRECTORY, read_private, remove_quietly, write_private
from .seconds import sleep

# The longest that a call may take with the settings' defaults: four attempts and one with a corrected clock, each
# 5 s to connect and 15 s to read, and three pauses of 20 s between them.
DEFAULT_LOCK_TIMEOUT_SECONDS = 160.0

_LONGEST_TIMEOUT_SECONDS = 3600
_WHAT = "directory of the credentials cache"
_KEY_VERSION = 1
_FORMAT = "rolesanywhere-signer cache 1"
# A set of credentials takes about 2 KB.
_MOST_BYTES = 64 * 1024
# Of entries and their locks, of answers that are kept ready, and of what killed processes leave of either.
_OUR_NAMES = re.compile(
    r"[0-9a-f]{64}\.(json|lock)|[0-9a-f]{8}\.answer|\.([0-9a-f]{64}\.json|[0-9a-f]{8}\.answer)\.[0-9a-f]{16}\.tmp"
)
# No session lasts longer than 12 hours, so what is a day old has expired.
_STALE_SECONDS = 24 * 3600
# As in a refresher: what is valid for longer is used meanwhile.
_WORTH_WAITING = timedelta(seconds=60)
# By how much the clock may be set back before it is noticed, as it is by those who keep time.
_CLOCK_STEP = timedelta(seconds=60)
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.05
_SECRET_PARTS = frozenset({"private_key", "private_key_pem", "passphrase", "pin"})


def cache_key(parts: Mapping[str, object]) -> str:
    """Return the key for credentials that depend on ``parts``: canonical JSON with a version.

    Args:
        parts: Everything that changes the answer: ARNs, duration, role session name, instance properties, endpoint
            URL, region, the fingerprints of the leaf and the chain. Text, whole numbers, booleans, None, lists and
            mappings of these; a part that is None counts as left out.

    Raises:
        ConfigurationError: A part is of another type, or is a secret, which has no place in a key in any form.
    """
    given = {name: _plain(value, name) for name, value in parts.items() if value is not None}
    return json.dumps({"version": _KEY_VERSION, "parts": given}, sort_keys=True, separators=(",", ":"))


def _plain(value: object, part: str) -> object:
    """Return ``value`` as JSON has it; what JSON would turn into something else does not pass."""
    if part in _SECRET_PARTS or (isinstance(value, str) and "-----BEGIN" in value):
        raise ConfigurationError(
            f"the cache key's part {part!r} is or may hold a secret", hint="of a certificate, give the fingerprint"
        )
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, part) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(item, part) for name, item in value.items()}
    raise ConfigurationError(f"the cache key's part {part!r} cannot hold a {type(value).__name__}")


class _Entry:
    """Where the credentials of one key are, and their lock."""

    def __init__(self, directory: str, key: str) -> None:
        if not isinstance(key, str) or not key:
            raise ConfigurationError("a key of the credentials cache must be text and not empty")
        self.name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        self.path = f"{directory}/{self.name}.json"
        self.lock_path = f"{directory}/{self.name}.lock"


class CredentialsCache:
    """Credentials in a directory that the processes of one user share: one file a key, and a lock beside it.

    An object may be used by many threads, forked with and pickled; it holds nothing but its settings.

    Args:
        directory: Where; made when it is missing, 0700. None: ``~/.aws/rolesanywhere/cache``.
        clock: Returns the time, aware; it decides what has expired.
        lock_timeout_seconds: How long to wait for another process's call before making one's own; as long as a call
            may take.

    Raises:
        ConfigurationError: The directory cannot be made or is not safe (a symbolic link, another user's, open to
            others), or this system has no file locks (Windows).
    """

    def __init__(
        self,
        directory: StrPath | None = None,
        *,
        clock: Clock = utc_now,
        lock_timeout_seconds: float = DEFAULT_LOCK_TIMEOUT_SECONDS,
    ) -> None:
        if not locks_are_available():
            raise ConfigurationError(
                "the credentials cache is not available on this system: it has no POSIX file locks",
                hint="leave the cache out; each process then gets credentials of its own",
            )
        self._directory = make_private_directory(_default_directory() if directory is None else directory, _WHAT)
        self._clock = clock
        self._lock_timeout_seconds = _checked_seconds(lock_timeout_seconds)
        self._told = False

    @property
    def directory(self) -> str:
        """Where it is, as an absolute path."""
        return self._directory

    def read(self, key: str) -> Credentials | None:
        """Return the credentials under ``key``, or None if there are none that are well-formed and still valid.

        Whatever the file is or holds, this does not fail; what cannot be used is replaced by the next ``fetch``.

        Raises:
            ConfigurationError: ``key`` is not text, or the clock returned no aware time.
        """
        entry = _Entry(self._directory, key)
        return self._read(entry) if self._is_usable() else None

    def fetch(self, key: str, is_fresh: Callable[[Credentials], bool], call: Callable[[], Credentials]) -> Credentials:
        """Return shared credentials, or make the call that all who ask for ``key`` at this time then share.

        A directory or a lock that cannot be used, a process that holds the lock for too long, a disk that is full: each
        costs the sharing and a warning, never the credentials. What another process has obtained since this one began
        is taken even if ``is_fresh`` says no, or short-lived credentials would send all of them into calls, one by one.

        Args:
            key: From ``cache_key``.
            is_fresh: Whether credentials that are still valid are good enough, so that no call is needed.
            call: Obtains credentials; made at most once.

        Returns:
            Valid credentials, with ``obtained_at`` set.

        Raises:
            ConfigurationError: As ``read``.
            RolesAnywhereError: What ``call`` raises.
        """
        entry = _Entry(self._directory, key)
        if not self._is_usable():
            return self._obtain(call)
        seen = self._read(entry)
        if seen is not None and is_fresh(seen):
            return seen

        def find_newer() -> Credentials | None:
            found = self._read(entry)
            return found if found is not None and (found != seen or is_fresh(found)) else None

        lock = FileLock(entry.lock_path)
        try:
            return self._wait_for_turn(lock, seen, find_newer) or self._renew(entry, call)
        finally:
            lock.release()

    def _wait_for_turn(
        self, lock: FileLock, seen: Credentials | None, find_newer: Callable[[], Credentials | None]
    ) -> Credentials | None:
        """Return what another process has obtained meanwhile, or None once it is this one's turn to call."""
        for pause in _pauses(self._lock_timeout_seconds):
            is_our_turn = self._try_lock(lock)
            found = find_newer()
            if found is not None or is_our_turn:
                return found
            if seen is not None and seen.remaining(self._now()) > _WORTH_WAITING:
                # Another process is renewing them; nobody waits for that while they are good for a while.
                return seen
            sleep(pause)
        self._warn(f"another process has been renewing the credentials for over {self._lock_timeout_seconds:g} s")
        return None

    def _try_lock(self, lock: FileLock) -> bool:
        try:
            return lock.try_acquire()
        except OSError as error:
            self._warn(f"the lock cannot be used: {error.strerror}")
            return True  # waiting would not help

    def _renew(self, entry: _Entry, call: Callable[[], Credentials]) -> Credentials:
        # Also without the lock: writing replaces the file in one step, and those who wait are served.
        credentials = self._obtain(call)
        document = {"Format": _FORMAT, "Key": entry.name, "Credentials": credentials.to_document()}
        try:
            write_private(entry.path, json.dumps(document).encode())
            self._remove_stale_files(entry)
        except OSError as error:
            self._warn(f"the credentials cannot be stored: {error.strerror}")
        else:
            self._told = False
        return credentials

    def _obtain(self, call: Callable[[], Credentials]) -> Credentials:
        credentials = call()
        if credentials.obtained_at is not None:
            return credentials
        return replace(credentials, obtained_at=self._now().replace(microsecond=0))

    def _remove_stale_files(self, entry: _Entry) -> None:
        """Remove what other keys, such as those of certificates since renewed, and killed processes left behind."""
        for path in old_files(self._directory, _OUR_NAMES, _STALE_SECONDS, entry.path):
            if path.endswith(".lock"):
                FileLock(path).remove_if_idle()
            else:
                remove_quietly(path)

    def _read(self, entry: _Entry) -> Credentials | None:
        credentials = _parse(read_private(entry.path, _MOST_BYTES), entry.name)
        if credentials is None:
            return None
        now = self._now()
        # Where the clock has been set back, nobody knows how old they are.
        is_from_later = credentials.obtained_at is not None and credentials.obtained_at - now > _CLOCK_STEP
        return credentials if credentials.expiration > now and not is_from_later else None

    def _is_usable(self) -> bool:
        """Return whether the directory is still as it must be; one that was removed is made again."""
        try:
            make_private_directory(self._directory, _WHAT)
        except ConfigurationError as error:
            self._warn(error.message)
            return False
        return True

    def _now(self) -> datetime:
        return require_aware(self._clock(), "what the clock returned")

    def _warn(self, reason: str) -> None:
        """Log why nothing is shared, once until it works again."""
        if self._told:
            return
        self._told = True
        import logging  # noqa: PLC0415 - a hit needs none, and it takes as long to import as all the rest

        logging.getLogger("rolesanywhere_signer").warning(
            "the credentials are not shared with other processes through %s: %s", self._directory, reason
        )

    def __repr__(self) -> str:
        return f"<CredentialsCache {self._directory!r}>"


def _parse(content: bytes | None, name: str) -> Credentials | None:
    """Return the credentials of a file's content, or None if it is corrupt, of another version or of another key."""
    try:
        document = json.loads(content or b"")
    # RecursionError: brackets nested thousands deep.
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("Format") != _FORMAT or document.get("Key") != name:
        return None
    return Credentials.from_document(document.get("Credentials"))


def _pauses(total_seconds: float) -> Iterator[float]:
    """Yield pauses that grow, at least one, until they amount to ``total_seconds``."""
    waited, pause = 0.0, _FIRST_PAUSE_SECONDS
    while waited < total_seconds:
        yield pause
        waited += pause
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _default_directory() -> str:
    directory = os.path.expanduser(DEFAULT_CACHE_DIRECTORY)  # noqa: PTH111 - pathlib takes longer to import than a hit to read
    if directory == DEFAULT_CACHE_DIRECTORY:
        raise ConfigurationError(
            f"the {_WHAT} {DEFAULT_CACHE_DIRECTORY} cannot be found: this user has no home directory",
            hint="set HOME, or name a directory",
        )
    return directory


def _checked_seconds(value: object) -> float:
    # "not <" and not ">=", so that NaN is refused too.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"lock_timeout_seconds is {value!r}; it must be a number of seconds, more than 0 and at most "
            f"{_LONGEST_TIMEOUT_SECONDS}"
        )
    return value
