"""When to ask again: the windows, one call for many askers, the last good credentials. Standard library only."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import random
import threading
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from .clock import Clock
from .errors import ConfigurationError, RolesAnywhereError, causes_without_frames

if TYPE_CHECKING:
    from .credentials import Credentials

_logger = logging.getLogger("rolesanywhere_signer")
_Error = TypeVar("_Error", bound=BaseException)

_LONGEST_WINDOW = timedelta(seconds=900)
# Nobody waits for a renewal while more than this remains.
_MANDATORY_WINDOW = timedelta(seconds=60)
_FIRST_BACKOFF_SECONDS = 5.0
_LONGEST_BACKOFF_SECONDS = 120.0


def window_of(credentials: Credentials, now: datetime) -> timedelta:
    """Return how long before their end credentials are to be renewed, those obtained now or, out of a cache, before."""
    length = credentials.expiration - (credentials.obtained_at or now)
    return max(min(_LONGEST_WINDOW, length / 3), timedelta(0))


def is_fresh(credentials: Credentials, now: datetime) -> bool:
    """Return whether so much of the credentials' life is left that nobody needs to renew them."""
    return credentials.remaining(now) >= window_of(credentials, now)


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: longer each time, and never quite the same."""
    longest = min(_FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 10), _LONGEST_BACKOFF_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311 - spreads load, keeps no secret


def _is_too_far(pause_end: datetime, now: datetime) -> bool:
    # A clock that was ahead makes calls fail; once it is set back, that must not make the pause longer.
    return pause_end > now + timedelta(seconds=_LONGEST_BACKOFF_SECONDS)


class Refresher:
    """Holds the current credentials and decides when ``fetch`` is called; one call at a time, for all threads.

    Args:
        fetch: Returns fresh credentials, or raises.
        clock: Returns the time, aware.

    Attributes:
        last_error: What the last call failed with, or None: there was none, or it succeeded.
    """

    def __init__(self, fetch: Callable[[], Credentials], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self.last_error: RolesAnywhereError | None = None
        self._current: Credentials | None = None
        self._window = _LONGEST_WINDOW
        self._failures = 0
        self._not_before: datetime | None = None
        self._forget_other_threads()
        _refreshers.add(self)

    def _forget_other_threads(self) -> None:
        # Also called in a forked child: a lock held by a thread that does not exist there would never be released.
        self._lock = threading.Lock()
        self._flight: _Flight | None = None

    def get(self) -> Credentials:
        """Return credentials that are valid now, fetching them only when that is due.

        Raises:
            RolesAnywhereError: None could be had, and the last ones have expired.
        """
        seen = self._current
        return self._without_waiting(seen) or self._after_waiting(seen)

    def renew(self) -> Credentials:
        """Return new credentials: make the call now, or wait for the one that is under way.

        Raises:
            RolesAnywhereError: It failed; the last credentials may be valid all the same.
        """
        return self._join_flight(self._current)

    def due_at(self) -> datetime:
        """Return when the next call is due: now, when the window begins, or when the pause after a failure ends."""
        seen, pause_end, now = self._current, self._not_before, self._clock()
        window_begin = now if seen is None else seen.expiration - self._window
        return window_begin if pause_end is None or _is_too_far(pause_end, now) else max(window_begin, pause_end)

    def ready(self) -> Credentials | None:
        """Return credentials that are valid now, or None where ``get`` would have to wait for a call."""
        return self._without_waiting(self._current)

    def held(self) -> Credentials | None:
        """Return the last credentials while they are valid, due for renewal or not; never make or wait for a call."""
        seen = self._current
        return seen if seen is not None and seen.expiration > self._clock() else None

    def _without_waiting(self, seen: Credentials | None) -> Credentials | None:
        now = self._clock()
        if seen is None:
            return None
        remaining = seen.expiration - now
        if remaining >= self._window:
            return seen
        if remaining > _MANDATORY_WINDOW:
            self._renew_in_background(seen, now)
            return self._current or seen
        return seen if remaining > timedelta(0) and self._backing_off(now) else None

    def _after_waiting(self, seen: Credentials | None) -> Credentials:
        try:
            return self._join_flight(seen)
        except Exception:
            # Asked again: the end may have passed while the call was failing.
            if seen is not None and seen.expiration > self._clock():
                return seen
            raise

    def _renew_in_background(self, seen: Credentials, now: datetime) -> None:
        flight = self._take_off(seen, now)
        if flight is None:
            return
        thread = threading.Thread(target=self._fly_alone, args=(flight,), name="rolesanywhere-refresh", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No more threads, or the interpreter is shutting down: what is at hand is still valid.
            self._land(flight)

    def _join_flight(self, seen: Credentials | None) -> Credentials:
        """Wait for the call that is under way, or make it, unless one has ended since the caller saw ``seen``."""
        while True:
            with self._lock:
                if self._current is not None and self._current is not seen:
                    return self._current
                flight = self._flight
                if flight is not None and flight.pilot == threading.get_ident():
                    # A listener, a log handler or a passphrase callable: waiting here would be for ever.
                    raise ConfigurationError("what runs while credentials are being obtained cannot use them itself")
                leads = flight is None
                if flight is None:
                    flight = self._flight = _Flight()
            if leads:
                return self._fly(flight)
            credentials = flight.wait()
            if credentials is not None:
                return credentials

    def _take_off(self, seen: Credentials, now: datetime) -> _Flight | None:
        """Return a new flight, or None when one is under way, has just ended, or has failed a moment ago."""
        with self._lock:
            if self._current is not seen or self._flight is not None or self._backing_off(now):
                return None
            self._flight = _Flight()
            return self._flight

    def _backing_off(self, now: datetime) -> bool:
        pause_end = self._not_before  # read once: threads come here without a lock
        return pause_end is not None and now < pause_end and not _is_too_far(pause_end, now)

    def _fly(self, flight: _Flight) -> Credentials:
        flight.pilot = threading.get_ident()
        try:
            with causes_without_frames():
                credentials = self._fetch()
        except Exception as error:
            self._note_failure(error)
            flight.error = copy_of_error(error)
            raise
        else:
            self._note_success(credentials)
            flight.credentials = credentials
            return credentials
        finally:
            # An interrupt (Ctrl-C) ends here too: those who wait find neither, and one of them makes the call.
            self._land(flight)

    def _fly_alone(self, flight: _Flight) -> None:
        # What failed is noted and logged; nobody waits for this thread.
        with contextlib.suppress(Exception):
            self._fly(flight)

    def _land(self, flight: _Flight) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None
        flight.landed.set()

    def _note_success(self, credentials: Credentials) -> None:
        if self._failures:
            _logger.info("the credentials are renewed again, after %d failed tries", self._failures)
        now = self._clock()
        self._window = window_of(credentials, now)
        self._current = credentials
        self._failures = 0
        self.last_error = None
        # Credentials that another process shared may be due already; that is no reason to ask without end.
        due = not is_fresh(credentials, now)
        self._not_before = now + timedelta(seconds=_FIRST_BACKOFF_SECONDS) if due else None

    def _note_failure(self, error: Exception) -> None:
        self._failures += 1
        self.last_error = (
            copy_of_error(error)
            if isinstance(error, RolesAnywhereError)
            else RolesAnywhereError(f"obtaining the credentials failed: {type(error).__name__}")
        )
        self._not_before = self._clock() + pause_after(self._failures)
        if self._current is None or self._current.expiration <= self._clock():
            return  # the caller gets the error itself
        # One warning for one outage: each further try ends the same way until something is done about it.
        level = logging.WARNING if self._failures == 1 else logging.INFO
        _logger.log(
            level,
            "the credentials could not be renewed; those at hand are valid until %s and stay in use: %s",
            self._current.expiration.isoformat(),
            error if isinstance(error, RolesAnywhereError) else type(error).__name__,
        )


class _Flight:
    """One call that many threads may wait for."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.pilot: int | None = None
        self.credentials: Credentials | None = None
        self.error: Exception | None = None

    def wait(self) -> Credentials | None:
        """Return what the call brought, or None if it was abandoned; raise what it raised."""
        self.landed.wait()
        if self.error is None:
            return self.credentials
        # Each waiting thread has its own, because raising writes the traceback into the exception.
        raise copy_of_error(self.error)


def copy_of_error(error: _Error) -> _Error:
    """Return the error without its traceback, whose frames hold the flight and the credentials.

    They would keep each other, beyond the end of the session, until the garbage collector comes.
    """
    if not isinstance(error, RolesAnywhereError):
        return error  # a fault of a caller's own callable, which may be of a class that cannot be copied
    shared = copy.copy(error)
    shared.__cause__ = error.__cause__
    return shared


_refreshers: weakref.WeakSet[Refresher] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for refresher in list(_refreshers):
        refresher._forget_other_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
