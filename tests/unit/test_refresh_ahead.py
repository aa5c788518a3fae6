"""Renewing on purpose: when it is due, and what becomes of a call that is made then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rolesanywhere_signer import ServiceError
from rolesanywhere_signer.refresh import pause_after
from tests.support.refreshing import (
    START,
    Asker,
    join_askers,
    new_held_refresher,
    new_refresher,
    start,
    start_leader_and_followers,
)

ERROR = ServiceError("slow down", status=429, retryable=True)


def test_the_first_call_is_due_at_once() -> None:
    clock, _, refresher = new_refresher()
    clock.pass_seconds(5)
    assert refresher.due_at() == START + timedelta(seconds=5)


@pytest.mark.parametrize(("length", "due"), [(900, 600), (1800, 1200), (3600, 2700), (43200, 42300)])
def test_the_next_is_due_when_the_window_begins(length: int, due: int) -> None:
    _, _, refresher = new_refresher(length)
    refresher.get()
    assert refresher.due_at() == START + timedelta(seconds=due)


def test_a_renewal_is_a_call_whatever_is_left() -> None:
    clock, service, refresher = new_refresher()
    assert refresher.renew().access_key_id == "ASIA1"
    clock.pass_seconds(1)
    assert refresher.renew().access_key_id == "ASIA2"
    assert refresher.get().access_key_id == "ASIA2"
    assert refresher.due_at() == START + timedelta(seconds=601)
    assert service.calls == 2


def test_a_failure_is_raised_and_what_is_valid_stays() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    clock.be_at_second(600)
    service.error = ERROR
    with pytest.raises(ServiceError):
        refresher.renew()
    assert clock.now + timedelta(seconds=2.5) <= refresher.due_at() <= clock.now + timedelta(seconds=5)
    assert refresher.get().access_key_id == "ASIA1"
    service.error = None
    assert refresher.renew().access_key_id == "ASIA3"
    assert refresher.due_at() == START + timedelta(seconds=1200)


def test_a_failure_before_the_first_success_is_followed_by_a_pause() -> None:
    clock, service, refresher = new_refresher()
    service.error = ERROR
    with pytest.raises(ServiceError):
        refresher.renew()
    assert refresher.due_at() >= clock.now + timedelta(seconds=2.5)


def test_credentials_that_have_ended_when_they_come_are_not_asked_for_without_end() -> None:
    clock, _, refresher = new_refresher(length_seconds=-1)
    refresher.renew()
    assert refresher.due_at() >= clock.now + timedelta(seconds=5)


def test_a_renewal_waits_for_the_call_that_is_under_way() -> None:
    _, service, refresher = new_held_refresher(used=False)
    leader, followers = start_leader_and_followers(refresher, service, 1)
    renewed: list[object] = []
    thread = start(lambda: renewed.append(refresher.renew()))
    service.go.set()
    (outcome,) = set(join_askers(leader, *followers))
    thread.join()
    # The thread may have come after the first call had ended.
    assert service.calls == 1 or renewed != [outcome]
    assert isinstance(leader, Asker)


def test_pauses_grow_to_two_minutes_and_differ() -> None:
    for failures, longest in [(1, 5), (2, 10), (5, 80), (6, 120), (1000, 120)]:
        pauses = {pause_after(failures) for _ in range(20)}
        assert len(pauses) > 1
        assert all(timedelta(seconds=longest / 2) <= pause <= timedelta(seconds=longest) for pause in pauses)
