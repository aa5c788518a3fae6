"""Credentials for local clients: renewed ahead of time, nobody waits for the service, and a shortage has a reason."""

from __future__ import annotations

import logging
import threading

import pytest

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import (
    AccessDeniedError,
    ConfigurationError,
    RolesAnywhereError,
    ServiceError,
    TransportError,
)
from rolesanywhere_signer.refresh import Refresher
from rolesanywhere_signer.serve import supplier as module
from rolesanywhere_signer.serve.supplier import Shortage, Supplier
from tests.support.refreshing import DEADLINE, HeldFetch, SetClock, join_all, settle, start
from tests.support.serving import at_work, new_supplier

HOUR = 3600
# From here on credentials of an hour are due, and from here on nobody is left to wait by a refresher.
DUE = HOUR - 900 + 1
LAST_MINUTE = HOUR - 30


def key_of(found: Credentials | Shortage) -> str:
    return found.access_key_id if isinstance(found, Credentials) else f"shortage: {found.message}"


def wait_until_tried(supplier: Supplier, attempts: int) -> None:
    with supplier._condition:
        assert supplier._condition.wait_for(lambda: supplier._attempts >= attempts, DEADLINE)


def held_supplier() -> tuple[SetClock, HeldFetch, Supplier]:
    clock = SetClock()
    service = HeldFetch(clock, HOUR)
    return clock, service, Supplier("reader", Refresher(service.fetch, clock), clock)


def let_one_go(service: HeldFetch) -> None:
    assert service.entered.acquire(timeout=DEADLINE)
    service.go.set()


def test_the_first_credentials_are_there_after_the_start() -> None:
    _, service, supplier = new_supplier()
    with at_work(supplier):
        assert key_of(supplier.ask()) == "ASIA1"
        assert [key_of(supplier.ask()) for _ in range(100)] == ["ASIA1"] * 100
    assert service.calls == 1


def test_the_thread_renews_what_nobody_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    clock, service, supplier = new_supplier()
    with at_work(supplier):
        clock.be_at_second(DUE)
        attempts = supplier._attempts
        wait_until_tried(supplier, attempts + 2)
        settle()
        assert service.calls == 2
        assert key_of(supplier.look()) == "ASIA2"


@pytest.mark.parametrize("second", [DUE, LAST_MINUTE])
def test_nobody_waits_for_a_renewal(second: int) -> None:
    clock, service, supplier = held_supplier()
    service.go.set()
    with at_work(supplier):
        service.entered.acquire()
        service.go.clear()
        clock.be_at_second(second)
        # The service hangs, and everybody has an answer.
        assert {key_of(supplier.ask()) for _ in range(100)} == {"ASIA1"}
        let_one_go(service)
        supplier.fetch()
        settle()
        assert key_of(supplier.ask()) == "ASIA2"
    assert service.calls == 2


def test_a_failing_service_never_replaces_good_credentials() -> None:
    clock, service, supplier = new_supplier()
    with at_work(supplier):
        service.error = TransportError("no answer", retryable=True)
        for second in range(0, HOUR, 60):
            clock.be_at_second(second)
            assert key_of(supplier.ask()) == "ASIA1"
            settle()
        clock.be_at_second(HOUR - 0.001)
        assert key_of(supplier.ask()) == "ASIA1"
        clock.be_at_second(HOUR)
        assert key_of(supplier.ask()) == "shortage: no answer"


def test_after_an_outage_it_recovers_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.01)
    clock, service, supplier = new_supplier()
    with at_work(supplier):
        service.error = TransportError("no answer", retryable=True)
        clock.be_at_second(2 * HOUR)
        wait_until_tried(supplier, supplier._attempts + 1)
        assert key_of(supplier.look()) == "shortage: no answer"
        service.error = None
        # Set clocks do not run: the pause must.
        clock.pass_seconds(60)
        wait_until_tried(supplier, supplier._attempts + 2)
        assert isinstance(supplier.look(), Credentials)


def test_between_two_calls_there_is_a_pause_however_many_ask() -> None:
    clock, service, supplier = new_supplier()
    service.error = TransportError("no answer", retryable=True)
    with at_work(supplier):
        assert service.calls == 1
        assert {key_of(supplier.ask()) for _ in range(200)} == {"shortage: no answer"}
        assert service.calls == 1
        for failures in range(2, 10):
            clock.pass_seconds(module._LONGEST_PAUSE_SECONDS)
            supplier.ask()
            wait_until_tried(supplier, failures)
            assert service.calls == failures
            assert supplier._pause.total_seconds() <= module._LONGEST_PAUSE_SECONDS


def test_the_pauses_grow() -> None:
    clock, service, supplier = new_supplier()
    service.error = TransportError("no answer", retryable=True)
    longest = []
    with at_work(supplier):
        for failures in range(1, 8):
            wait_until_tried(supplier, failures)
            longest.append(supplier._pause.total_seconds())
            clock.pass_seconds(60)
            supplier.ask()
    bounds = [min(2**n, 30) for n in range(len(longest))]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(longest, bounds, strict=True))


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    clock, service, supplier = new_supplier()
    service.error = TransportError("no answer", retryable=True)
    with at_work(supplier):
        wait_until_tried(supplier, 1)
        clock.pass_seconds(-HOUR)
        service.error = None
        assert key_of(supplier.ask()) == "ASIA2"


def test_without_credentials_a_call_that_has_just_begun_is_waited_for() -> None:
    _, service, supplier = held_supplier()
    supplier.start()
    asker: list[str] = []
    thread = start(lambda: asker.append(key_of(supplier.ask())))
    let_one_go(service)
    join_all([thread])
    assert asker == ["ASIA1"]
    supplier.stop()


def test_a_slow_service_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    _, service, supplier = held_supplier()
    supplier.start()
    assert service.entered.acquire(timeout=DEADLINE)
    assert key_of(supplier.ask()) == "shortage: the credentials are being obtained"
    # The call is as old as anybody's patience: from here on nobody waits at all.
    waits: list[float] = []
    monkeypatch.setattr(supplier._condition, "wait", waits.append)
    assert key_of(supplier.ask()) == "shortage: the credentials are being obtained"
    monkeypatch.undo()
    assert set(waits) <= {0.0}
    supplier.stop()
    service.go.set()


def test_many_askers_at_the_refresh_moment_make_one_call() -> None:
    clock, service, supplier = held_supplier()
    service.go.set()
    with at_work(supplier):
        service.entered.acquire()
        service.go.clear()
        clock.be_at_second(DUE)
        barrier = threading.Barrier(100)
        found: list[str] = []

        def ask_at_once() -> None:
            barrier.wait(DEADLINE)
            found.append(key_of(supplier.ask()))

        # None of them gets to its end if it waits, because the service answers only afterwards.
        join_all([start(ask_at_once) for _ in range(100)])
        assert set(found) == {"ASIA1"}
        let_one_go(service)
        settle()
        assert service.calls == 2


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("no", error_code="AccessDeniedException", status=403),
        ConfigurationError("nonsense"),
        TransportError("TLS", retryable=False),
    ],
    ids=type,
)
def test_a_misconfiguration_shows_at_the_start(error: RolesAnywhereError) -> None:
    _, service, supplier = new_supplier()
    service.error = error
    supplier.start()
    with pytest.raises(type(error), match=error.message):
        supplier.check_start(DEADLINE)
    supplier.stop()


@pytest.mark.parametrize(
    "error",
    [
        TransportError("no answer", retryable=True),
        ServiceError("busy", status=503, error_code="ServiceUnavailableException", retryable=True),
    ],
    ids=type,
)
def test_what_may_pass_is_no_reason_not_to_start(error: RolesAnywhereError) -> None:
    clock, service, supplier = new_supplier()
    service.error = error
    with at_work(supplier):
        assert key_of(supplier.look()) == f"shortage: {error.message}"
        service.error = None
        clock.pass_seconds(60)
        assert key_of(supplier.ask()) == "ASIA2"


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (TransportError("no answer", hint="h", retryable=True), Shortage("TransportError", "no answer")),
        (ServiceError("busy", error_code="Slow", status=503), Shortage("Slow", "busy")),
        (ServiceError("odd", status=500), Shortage("ServiceError", "odd")),
        (
            ValueError("a-secret-key"),
            Shortage("RolesAnywhereError", "obtaining the credentials failed: ValueError"),
        ),
    ],
    ids=str,
)
def test_the_reason_is_the_last_error_without_its_hint(error: Exception, shortage: Shortage) -> None:
    _, service, supplier = new_supplier()
    service.error = error
    supplier.start()
    wait_until_tried(supplier, 1)
    assert supplier.ask() == supplier.look() == shortage
    supplier.stop()


def test_an_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, service, supplier = new_supplier()
    service.error = TransportError("no answer", retryable=True)
    with caplog.at_level(logging.WARNING, "rolesanywhere_signer"), at_work(supplier):
        for failures in range(1, 6):
            wait_until_tried(supplier, failures)
            clock.pass_seconds(60)
            supplier.ask()
    assert [record.getMessage() for record in caplog.records] == ["there are no valid credentials of reader: no answer"]


def test_a_thread_that_is_gone_is_noticed() -> None:
    _, _, supplier = new_supplier()
    assert not supplier.is_alive()
    with at_work(supplier):
        assert supplier.is_alive()
