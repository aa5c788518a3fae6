"""A process that forks while credentials are in use: servers that fork their workers."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

from rolesanywhere_signer.credentials import Credentials
from tests.support.forking import forks_with_threads, in_forked_child, needs_fork
from tests.support.refreshing import (
    DEADLINE,
    Asker,
    join_all,
    make_credentials,
    new_held_refresher,
    new_refresher,
    settle,
    start,
)


@needs_fork
def test_the_guard_of_the_fork_tests_sees_a_child_that_fails() -> None:
    assert in_forked_child(lambda: True)
    assert not in_forked_child(lambda: False)


@needs_fork
@forks_with_threads
def test_a_child_forked_while_another_thread_holds_the_lock_gets_credentials() -> None:
    clock, service, refresher = new_refresher()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with refresher._lock:
            held.set()
            release.wait(DEADLINE)

    holder = start(hold)
    assert held.wait(DEADLINE)
    try:
        assert in_forked_child(lambda: refresher.get().access_key_id == "ASIA1")
    finally:
        release.set()
        join_all([holder])


@needs_fork
@forks_with_threads
def test_a_child_forked_while_a_call_is_under_way_makes_its_own() -> None:
    clock, service, refresher = new_held_refresher(used=False)
    leader = Asker(refresher)
    assert service.entered.acquire(timeout=DEADLINE)
    parent = os.getpid()

    def fetch_in_child() -> Credentials:
        assert os.getpid() != parent
        return make_credentials("ASIACHILD", clock.now + timedelta(hours=1))

    def work() -> bool:
        refresher._fetch = fetch_in_child
        return refresher.get().access_key_id == "ASIACHILD"

    try:
        assert in_forked_child(work)
    finally:
        service.go.set()
        join_all([leader.thread])
    assert isinstance(leader.outcome, Credentials)
    assert service.calls == 1


@needs_fork
@forks_with_threads
def test_a_child_forked_while_a_renewal_hangs_renews_for_itself() -> None:
    clock, service, refresher = new_held_refresher(used=True)
    clock.be_at_second(700)
    refresher.get()

    def work() -> bool:
        refresher._fetch = lambda: make_credentials("ASIACHILD", clock.now + timedelta(hours=1))
        clock.be_at_second(850)
        return refresher.get().access_key_id == "ASIACHILD"

    try:
        assert in_forked_child(work)
    finally:
        service.go.set()
        settle()


@needs_fork
def test_a_child_goes_on_with_the_credentials_of_its_parent() -> None:
    _, service, refresher = new_refresher()
    refresher.get()
    assert in_forked_child(lambda: refresher.get().access_key_id == "ASIA1" and service.calls == 1)
