"""What the tests of refreshing share: a clock that is set, calls that are counted and held back, threads that ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.refresh import Refresher

START = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
# How long a test waits for something that must happen; it is never reached when all is well.
DEADLINE = 20.0


class SetClock:
    """A clock that moves only when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def be_at_second(self, seconds: float) -> None:
        self.now = START + timedelta(seconds=seconds)


class CountingFetch:
    """Counts calls, and answers each with new credentials, or with the error that is set."""

    def __init__(self, clock: SetClock, length_seconds: float = 900) -> None:
        self.clock = clock
        self.length = timedelta(seconds=length_seconds)
        self.calls = 0
        self.error: BaseException | None = None
        self._lock = threading.Lock()

    def fetch(self) -> Credentials:
        with self._lock:
            self.calls += 1
            number = self.calls
        if self.error is not None:
            raise self.error
        return make_credentials(f"ASIA{number}", self.clock.now + self.length)


class HeldFetch(CountingFetch):
    """Holds each answer back until the test lets it go."""

    def __init__(self, clock: SetClock, length_seconds: float = 900) -> None:
        super().__init__(clock, length_seconds)
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()

    def fetch(self) -> Credentials:
        self.entered.release()
        assert self.go.wait(DEADLINE), "the test never let the answer go"
        return super().fetch()


class Asker:
    """A thread that asks once and keeps what it got."""

    def __init__(self, refresher: Refresher) -> None:
        self._refresher = refresher
        self.outcome: object = None
        self.thread = start(self._ask)

    def _ask(self) -> None:
        try:
            self.outcome = self._refresher.get()
        except BaseException as error:  # noqa: BLE001 - what the thread got is looked at by the test
            self.outcome = error


def make_credentials(key: str, expiration: datetime) -> Credentials:
    return Credentials(key, "a-secret-key", "a-session-token", expiration)


def new_refresher(length_seconds: float = 900) -> tuple[SetClock, CountingFetch, Refresher]:
    clock = SetClock()
    service = CountingFetch(clock, length_seconds)
    return clock, service, Refresher(service.fetch, clock)


def new_held_refresher(*, used: bool) -> tuple[SetClock, HeldFetch, Refresher]:
    """Return a refresher whose next call is held back; with ``used``, it has credentials of 900 s already."""
    clock = SetClock()
    service = HeldFetch(clock)
    refresher = Refresher(service.fetch, clock)
    if used:
        service.go.set()
        refresher.get()
        service.entered.acquire()
        service.go.clear()
    return clock, service, refresher


def renewal_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "rolesanywhere-refresh"]


def settle() -> None:
    """Wait until no renewal runs in the background."""
    join_all(renewal_threads())


def start(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def join_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(DEADLINE)
    assert not any(thread.is_alive() for thread in threads), "a thread waits for ever"


def ask_from_threads(refresher: Refresher, count: int) -> list[Asker]:
    return [Asker(refresher) for _ in range(count)]


def join_askers(*askers: Asker) -> list[object]:
    """Return what each asker got."""
    join_all([asker.thread for asker in askers])
    return [asker.outcome for asker in askers]


def start_leader_and_followers(refresher: Refresher, service: HeldFetch, count: int) -> tuple[Asker, list[Asker]]:
    """Start one thread that makes the call, and ``count`` that really wait for it."""
    leader = Asker(refresher)
    assert service.entered.acquire(timeout=DEADLINE)
    flight = refresher._flight
    assert flight is not None
    arrived = threading.Semaphore(0)
    really_wait = flight.landed.wait

    def wait(timeout: float | None = None) -> bool:
        arrived.release()
        return really_wait(timeout)

    flight.landed.wait = wait  # type: ignore[method-assign]
    followers = [Asker(refresher) for _ in range(count)]
    for _ in followers:
        assert arrived.acquire(timeout=DEADLINE), "a thread did not come to wait for the call under way"
    return leader, followers
