"""Many threads, one call."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import AccessDeniedError, ConfigurationError
from rolesanywhere_signer.refresh import Refresher
from tests.support.refreshing import (
    DEADLINE,
    CountingFetch,
    SetClock,
    ask_from_threads,
    join_all,
    join_askers,
    new_held_refresher,
    settle,
    start_leader_and_followers,
)


def test_64_threads_at_first_use_make_one_call() -> None:
    clock, service, refresher = new_held_refresher(used=False)

    askers = ask_from_threads(refresher, 64)
    assert service.entered.acquire(timeout=DEADLINE)
    service.go.set()
    results = join_askers(*askers)

    assert service.calls == 1
    assert len(results) == 64
    assert all(result is results[0] for result in results)


def test_64_threads_after_expiry_make_one_call() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    clock.be_at_second(2000)

    askers = ask_from_threads(refresher, 64)
    assert service.entered.acquire(timeout=DEADLINE)
    service.go.set()
    results = join_askers(*askers)

    assert service.calls == 2
    assert {result.access_key_id for result in results} == {"ASIA2"}  # type: ignore[attr-defined]


def test_64_threads_in_the_renewal_window_start_one_call() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    first = refresher.get()
    clock.be_at_second(700)

    askers = ask_from_threads(refresher, 64)
    results = join_askers(*askers)
    assert all(result is first for result in results)

    service.go.set()
    settle()
    assert service.calls == 2


class Preempted:
    """A clock that stops one thread between its look at the credentials and its decision."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.stopped = threading.Event()
        self.go_on = threading.Event()
        self.whom: threading.Thread | None = None

    def __call__(self) -> datetime:
        now = self.clock()
        if threading.current_thread() is self.whom:
            self.whom = None
            self.stopped.set()
            assert self.go_on.wait(DEADLINE)
        return now


@pytest.mark.parametrize("second", [None, 700, 850, 1000], ids=["first use", "window", "last minute", "expired"])
def test_a_thread_that_looked_before_a_call_landed_does_not_make_another(second: int | None) -> None:
    """The late thread saw old credentials; by the time it decides, another thread has renewed them."""
    clock = SetClock()
    service = CountingFetch(clock)
    preempted = Preempted(clock)
    refresher = Refresher(service.fetch, preempted)
    if second is not None:
        refresher.get()
        clock.be_at_second(second)
    before = service.calls
    got: list[Credentials] = []

    late = threading.Thread(target=lambda: got.append(refresher.get()), daemon=True)
    preempted.whom = late
    late.start()
    assert preempted.stopped.wait(DEADLINE)
    refresher.get()
    settle()
    assert service.calls == before + 1
    preempted.go_on.set()
    join_all([late])
    settle()

    assert service.calls == before + 1
    assert refresher.get().access_key_id == f"ASIA{before + 1}"


def test_threads_that_wait_share_one_failing_call() -> None:
    clock, service, refresher = new_held_refresher(used=False)
    service.error = AccessDeniedError("refused", hint="do this", status=403)
    leader, followers = start_leader_and_followers(refresher, service, 8)

    service.go.set()
    join_askers(leader, *followers)

    assert service.calls == 1
    errors = [leader.outcome, *(follower.outcome for follower in followers)]
    assert all(isinstance(error, AccessDeniedError) for error in errors)
    assert {str(error) for error in errors} == {"refused\nhint: do this"}
    assert {error.status for error in errors} == {403}  # type: ignore[union-attr]
    # Each has its own: raising writes the traceback into the exception.
    assert len({id(error) for error in errors}) == len(errors)


class _TwoArgumentError(Exception):
    """Takes two arguments and hands one on, as many exceptions do; copying it by its ``args`` fails."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")


def test_threads_that_wait_get_the_very_error_even_if_it_cannot_be_copied() -> None:
    clock, service, refresher = new_held_refresher(used=False)
    service.error = _TwoArgumentError("here", "this")
    leader, followers = start_leader_and_followers(refresher, service, 2)

    service.go.set()
    join_askers(leader, *followers)

    assert {type(follower.outcome) for follower in followers} == {_TwoArgumentError}


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_leader_does_not_take_the_others_along(interrupt: type[BaseException]) -> None:
    clock, service, refresher = new_held_refresher(used=False)
    service.error = interrupt()
    leader, followers = start_leader_and_followers(refresher, service, 8)

    def recover() -> Credentials:
        service.error = None
        return CountingFetch.fetch(service)

    refresher._fetch = recover
    service.go.set()
    join_askers(leader, *followers)

    assert isinstance(leader.outcome, interrupt)
    assert {follower.outcome.access_key_id for follower in followers} == {"ASIA2"}  # type: ignore[attr-defined]
    assert service.calls == 2


def test_what_runs_while_credentials_are_obtained_cannot_wait_for_them() -> None:
    """A listener or a log handler that uses the same session would wait for itself for ever."""
    clock = SetClock()
    inner: list[object] = []

    def fetch() -> Credentials:
        try:
            refresher.get()
        except ConfigurationError as error:
            inner.append(error)
        return CountingFetch(clock).fetch()

    refresher = Refresher(fetch, clock)
    asker = threading.Thread(target=refresher.get, daemon=True)
    asker.start()
    join_all([asker])
    assert [type(error) for error in inner] == [ConfigurationError]
