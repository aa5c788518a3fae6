"""The credentials of one role for local clients, renewed ahead of time by a thread of their own.

A client never waits for the service while valid credentials are there, and never long where there are none: it gets
the reason instead.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clock import Clock, utc_now
from ..credentials import Credentials
from ..errors import RolesAnywhereError, ServiceError, TransportError
from ..refresh import Refresher, copy_of_error
from ..seconds import monotonic_seconds

_logger = logging.getLogger("rolesanywhere_signer")

# The SDKs give IMDS one second. It counts from the beginning of a call, so that only the first askers wait at all.
PATIENCE_SECONDS = 0.8
# How often the thread looks whether a renewal is due; a machine that slept, or whose clock was set, is noticed by it.
_LOOK_SECONDS = 15.0
# Between two calls while there are no valid credentials; before that, the refresher has its own back-off.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Shortage:
    """Why there are no valid credentials.

    Attributes:
        code: A short name: the service's for its error, where it gave one.
        message: One sentence, without a secret.
    """

    code: str
    message: str


class Supplier:
    """Holds the credentials of one role ready.

    Args:
        name: What clients call the role.
        refresher: Obtains its credentials.
        clock: Returns the time, aware.
    """

    def __init__(self, name: str, refresher: Refresher, clock: Clock = utc_now) -> None:
        self.name = name
        self._refresher = refresher
        self._clock = clock
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._keep, name="rolesanywhere-keeper", daemon=True)
        self._condition = threading.Condition()
        self._began: float | None = None
        self._attempts = 0
        self._failures = 0
        self._failed_at: datetime | None = None
        self._pause = timedelta(0)

    def fetch(self) -> None:
        """Obtain credentials here and now.

        Raises:
            RolesAnywhereError: None could be had.
        """
        self._refresher.get()

    def start(self) -> None:
        """Start to obtain the first credentials, and to renew them from then on."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; a call that is under way is left to itself."""
        self._stopped = True
        self._wake.set()

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def check_start(self, longest_seconds: float) -> None:
        """Wait for the first call, within bounds, and raise its error unless the same call may succeed later.

        Raises:
            RolesAnywhereError: What is asked for cannot be had as things are configured.
        """
        found = self._await_attempt(longest_seconds)
        error = self._refresher.last_error
        if found is None and error is not None and not is_retryable(error):
            raise copy_of_error(error)

    def ask(self) -> Credentials | Shortage:
        """Return credentials that are valid now, or why there are none.

        Where there are none, a call that has begun just now is waited for, ``PATIENCE_SECONDS`` at most.
        """
        found = self._refresher.ready()
        if found is not None:
            return found
        self._wake.set()
        return self._refresher.held() or self._await_attempt(PATIENCE_SECONDS) or self._shortage()

    def look(self) -> Credentials | Shortage:
        """Return credentials that are valid now, or why there are none, without waiting for anything."""
        return self._refresher.held() or self._shortage()

    def _shortage(self) -> Shortage:
        error = self._refresher.last_error
        if error is None:
            return Shortage("CredentialsNotReady", "the credentials are being obtained")
        code = error.error_code if isinstance(error, ServiceError) else None
        return Shortage(code or type(error).__name__, error.message)

    def _await_attempt(self, longest_seconds: float) -> Credentials | None:
        """Wait for the end of the call that is under way or will begin at once; not at all between two calls."""
        with self._condition:
            if self._refresher.held() is None and not self._is_pausing():
                seen = self._attempts
                now = monotonic_seconds()
                began = now if self._began is None else self._began
                self._condition.wait_for(lambda: self._attempts != seen, max(0.0, began + longest_seconds - now))
        return self._refresher.held()

    def _keep(self) -> None:
        while True:
            self._wake.wait(self._seconds_to_next_look())
            self._wake.clear()
            if self._stopped:
                return
            if not self._is_pausing():
                self._attempt()

    def _attempt(self) -> None:
        with self._condition:
            self._began = monotonic_seconds()
        failed = False
        try:
            # Returns at once while nothing is due, and renews in the background while more than a minute is left.
            self._refresher.get()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed; the refresher keeps it
            failed = True
            self._tell(error)
        with self._condition:
            self._began = None
            self._attempts += 1
            self._note(failed=failed)
            self._condition.notify_all()

    def _note(self, *, failed: bool) -> None:
        self._failures = self._failures + 1 if failed else 0
        self._failed_at = self._clock() if failed else None
        longest = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE_SECONDS)
        self._pause = timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311 - spreads load, keeps no secret

    def _tell(self, error: Exception) -> None:
        # Once for an outage: each further try ends the same way until something is done about it.
        level = logging.ERROR if self._failures == 0 else logging.INFO
        what = error.message if isinstance(error, RolesAnywhereError) else type(error).__name__
        _logger.log(level, "there are no valid credentials of %s: %s", self.name, what)

    def _is_pausing(self) -> bool:
        return self._pause_left() > timedelta(0)

    def _pause_left(self) -> timedelta:
        failed_at = self._failed_at  # read once: threads come here without a lock
        if failed_at is None:
            return timedelta(0)
        passed = self._clock() - failed_at
        # A clock that was set back must not make the pause longer.
        return self._pause - passed if passed >= timedelta(0) else timedelta(0)

    def _seconds_to_next_look(self) -> float:
        left = self._pause_left().total_seconds()
        return min(left, _LOOK_SECONDS) if left > 0 else _LOOK_SECONDS


def is_retryable(error: RolesAnywhereError) -> bool:
    """Return whether the same call may succeed later, without anything being changed."""
    return isinstance(error, (TransportError, ServiceError)) and error.retryable
