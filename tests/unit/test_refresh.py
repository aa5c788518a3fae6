"""When the service is asked again, and who waits for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import TransportError
from tests.support.refreshing import (
    DEADLINE,
    join_all,
    new_held_refresher,
    new_refresher,
    renewal_threads,
    settle,
    start,
)


def test_making_a_refresher_calls_nothing() -> None:
    _, service, refresher = new_refresher()
    assert service.calls == 0


def test_a_15_minute_session_used_1000_times_over_9_minutes_is_one_call() -> None:
    clock, service, refresher = new_refresher()
    for use in range(1000):
        clock.be_at_second(use * 540 / 1000)
        assert refresher.get().access_key_id == "ASIA1"
        settle()

    assert service.calls == 1

    clock.be_at_second(601)
    assert refresher.get().access_key_id in ("ASIA1", "ASIA2")
    settle()

    assert service.calls == 2
    assert refresher.get().access_key_id == "ASIA2"
    assert service.calls == 2


@pytest.mark.parametrize(
    ("length", "last_second_without_a_call"),
    [
        (900, 600),
        (1800, 1200),
        (2700, 1800),
        (3600, 2700),
        (43200, 42300),
    ],
)
def test_renewal_starts_when_less_than_900_s_or_a_third_remains(length: int, last_second_without_a_call: int) -> None:
    clock, service, refresher = new_refresher(length)
    refresher.get()

    clock.be_at_second(last_second_without_a_call)
    refresher.get()
    settle()
    assert service.calls == 1

    clock.be_at_second(last_second_without_a_call + 1)
    refresher.get()
    settle()
    assert service.calls == 2


def test_the_window_follows_each_new_session() -> None:
    clock, service, refresher = new_refresher(3600)
    refresher.get()
    service.length = timedelta(seconds=900)

    clock.be_at_second(2701)
    refresher.get()
    settle()
    clock.be_at_second(2701 + 600)
    refresher.get()
    settle()
    assert service.calls == 2

    clock.be_at_second(2701 + 601)
    refresher.get()
    settle()
    assert service.calls == 3


def test_a_session_shorter_than_the_mandatory_window_is_not_fetched_at_every_use() -> None:
    clock, service, refresher = new_refresher(45)

    for second in range(30):
        clock.be_at_second(second)
        refresher.get()

    assert service.calls == 1


def test_expired_credentials_are_never_handed_out() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()

    clock.be_at_second(900)

    assert refresher.get().access_key_id == "ASIA2"
    assert service.calls == 2


def test_a_clock_set_forward_beyond_the_end_leads_to_a_new_session() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    clock.pass_seconds(24 * 3600)
    assert refresher.get().access_key_id == "ASIA2"


def test_nobody_waits_for_a_hanging_call_while_more_than_60_s_remain() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    first = refresher.get()

    for second in (601, 700, 800, 839):
        clock.be_at_second(second)
        assert refresher.get() is first  # comes back although the call hangs

    assert len(renewal_threads()) == 1
    service.go.set()
    settle()
    assert service.calls == 2


def test_in_the_last_60_s_callers_wait_for_the_renewal() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    clock.be_at_second(840)
    got: list[Credentials] = []

    waiting = start(lambda: got.append(refresher.get()))
    assert service.entered.acquire(timeout=DEADLINE)
    assert not got

    service.go.set()
    join_all([waiting])
    assert [credentials.access_key_id for credentials in got] == ["ASIA2"]


def test_a_caller_in_the_last_60_s_joins_the_renewal_that_hangs_in_the_background() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    clock.be_at_second(700)
    refresher.get()
    clock.be_at_second(850)
    got: list[Credentials] = []

    waiting = start(lambda: got.append(refresher.get()))
    service.go.set()
    join_all([waiting])

    assert got[0].access_key_id == "ASIA2"
    assert service.calls == 2


def test_the_renewal_thread_does_not_keep_the_process_alive() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    clock.be_at_second(700)
    refresher.get()

    assert [thread.daemon for thread in renewal_threads()] == [True]
    service.go.set()
    settle()


# --- asking without waiting ---------------------------------------------------------------------------------------


def test_nothing_is_ready_before_the_first_use_and_nothing_is_called_for_it() -> None:
    _, service, refresher = new_refresher()
    assert refresher.ready() is None
    settle()
    assert service.calls == 0


def test_what_get_would_hand_out_at_once_is_ready() -> None:
    clock, service, refresher = new_refresher()
    first = refresher.get()
    clock.be_at_second(600)
    assert refresher.ready() is first
    assert service.calls == 1


def test_in_the_window_the_old_credentials_are_ready_and_a_renewal_starts() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    clock.be_at_second(601)
    assert refresher.ready() is not None
    settle()
    assert service.calls == 2
    assert refresher.ready() is refresher.get()


@pytest.mark.parametrize("second", [840, 899, 900, 5000])
def test_nothing_is_ready_where_get_would_wait(second: int) -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    clock.be_at_second(second)
    assert refresher.ready() is None
    assert service.calls == 1


def test_within_the_back_off_of_the_last_minute_the_old_credentials_are_ready() -> None:
    clock, service, refresher = new_refresher()
    first = refresher.get()
    service.error = TransportError("no answer")
    clock.be_at_second(850)
    assert refresher.get() is first
    assert refresher.ready() is first
