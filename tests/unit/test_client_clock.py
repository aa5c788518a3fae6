"""A refusal that a wrong clock explains: one more try with the time of the service, and what is never done."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.errors import AccessDeniedError
from tests.support.answers import created, refused
from tests.support.clients import TickingClock, make_client
from tests.support.servers import http, raw_server
from tests.support.tls import ca_pem, server_context
from tests.unit import wire

HALF_AN_HOUR = timedelta(minutes=30)
DAY = timedelta(hours=24)


def invalid(date: datetime | None) -> bytes:
    return refused("Invalid signature", date=date)


def sent_date(received: wire.Received) -> datetime:
    return datetime.strptime(received.header("x-amz-date") + "+0000", "%Y%m%dT%H%M%SZ%z")


def refusal(client: RolesAnywhereClient) -> AccessDeniedError:
    with pytest.raises(AccessDeniedError, match="Invalid signature") as caught:
        client.create_session()
    return caught.value


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "sleep", lambda _seconds: None)


@pytest.mark.parametrize("skew", [HALF_AN_HOUR, -HALF_AN_HOUR, DAY, -DAY, timedelta(minutes=6)])
def test_a_wrong_clock_leads_to_one_more_try_with_the_time_of_the_service(
    clock: TickingClock, skew: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    # Some looks at the clock are made before the answer is judged, each one second long.
    service_time = clock.now + skew - timedelta(seconds=5 if skew > timedelta(0) else -5)
    with caplog.at_level(logging.WARNING), raw_server(invalid(service_time), created(clock.now + DAY)) as server:
        make_client(server.url, clock).create_session()

    first, second = server.received
    assert abs(sent_date(first) - clock.now) < timedelta(seconds=60)
    assert abs(sent_date(second) - service_time) < timedelta(seconds=60)
    assert first.header("authorization") != second.header("authorization")
    assert f"{'behind' if skew > timedelta(0) else 'ahead of'} the service's" in caplog.text


@pytest.mark.parametrize(("skew", "earlier"), [(HALF_AN_HOUR, HALF_AN_HOUR), (-HALF_AN_HOUR, timedelta(0))])
def test_the_end_is_told_by_our_clock_and_never_too_late(
    clock: TickingClock, skew: timedelta, earlier: timedelta
) -> None:
    """A clock that is behind would go on using what has ended; one that is ahead may be set at any moment."""
    end = clock.now + timedelta(hours=2)
    with raw_server(invalid(clock.now + skew), created(end, length=timedelta(0))) as server:
        expiration = make_client(server.url, clock).create_session().expiration
    assert abs(end - earlier - expiration) < timedelta(seconds=10)


def test_the_correction_is_not_stored(clock: TickingClock) -> None:
    answers = [invalid(clock.now + HALF_AN_HOUR), created(clock.now + DAY)] * 2
    with raw_server(*answers) as server:
        client = make_client(server.url, clock)
        client.create_session()
        client.create_session()

    assert len(server.received) == 4
    assert abs(sent_date(server.received[2]) - clock.now) < timedelta(seconds=60)


def test_a_retry_within_the_same_call_keeps_the_correction(clock: TickingClock) -> None:
    service_time = clock.now + HALF_AN_HOUR
    with raw_server(invalid(service_time), http(500), created(clock.now + DAY)) as server:
        make_client(server.url, clock).create_session()
    assert len(server.received) == 3
    assert abs(sent_date(server.received[2]) - service_time) < timedelta(seconds=60)


def test_the_clock_is_corrected_once_in_a_call_whatever_comes_between(clock: TickingClock) -> None:
    answers = [invalid(clock.now + HALF_AN_HOUR), http(500), invalid(clock.now + 2 * HALF_AN_HOUR)]
    with raw_server(*answers, created(clock.now + DAY)) as server:
        refusal(make_client(server.url, clock))
    assert server.connections == 3


def test_a_second_refusal_is_final_and_its_hint_tells_the_clock(clock: TickingClock) -> None:
    with raw_server(invalid(clock.now + HALF_AN_HOUR)) as server:
        error = refusal(make_client(server.url, clock))

    assert server.connections == 2
    assert error.hint is not None
    assert "clock" in error.hint
    assert "behind" in error.hint


@pytest.mark.parametrize(
    "skew",
    [None, timedelta(0), timedelta(seconds=30), timedelta(seconds=-30), DAY + HALF_AN_HOUR, -DAY - HALF_AN_HOUR],
    ids=str,
)
def test_no_other_skew_leads_to_another_try(clock: TickingClock, skew: timedelta | None) -> None:
    with raw_server(invalid(None if skew is None else clock.now + skew)) as server:
        refusal(make_client(server.url, clock))
    assert server.connections == 1


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT", "0", "Mon, 01 Jan 0001 00:00:00 +2359"]
)
def test_a_date_that_is_none_is_passed_over(clock: TickingClock, date: str) -> None:
    answer = http(403, b'{"message": "Invalid signature"}', x_amzn_ErrorType="AccessDeniedException", Date=date)
    with raw_server(answer) as server:
        refusal(make_client(server.url, clock))
    assert server.connections == 1


@pytest.mark.parametrize(
    ("message", "status"), [("Untrusted signing certificate", 403), ("Invalid signature", 400), ("no", 403)]
)
def test_no_other_refusal_leads_to_another_try(clock: TickingClock, message: str, status: int) -> None:
    answer = refused(message, status, date=clock.now + HALF_AN_HOUR)
    with raw_server(answer) as server, pytest.raises(AccessDeniedError):
        make_client(server.url, clock).create_session()
    assert server.connections == 1


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize(("verified", "tries"), [(True, 2), (False, 1)])
def test_over_tls_the_time_is_believed_only_if_the_server_was_verified(
    clock: TickingClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verified: bool, tries: int
) -> None:
    """Whoever answers over unverified TLS could have a request signed for a time to come."""
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(ca_pem())
    # The loopback address is trusted for itself; this test is about another machine's.
    monkeypatch.setattr(client_module, "is_loopback", lambda _host: False)
    with raw_server(invalid(clock.now + HALF_AN_HOUR), tls=server_context()) as server:
        refusal(make_client(server.url, clock, verify=bundle if verified else False))
    assert server.connections == tries


def test_the_local_clock_is_the_one_that_the_user_gives() -> None:
    """The clock of this machine is right, the given one is not: the given one counts."""
    wrong: Any = TickingClock()
    wrong.pass_seconds(-3600)
    with raw_server(invalid(wrong.now + HALF_AN_HOUR), created(wrong.now + DAY)) as server:
        make_client(server.url, wrong).create_session()
    assert abs(sent_date(server.received[0]) - wrong.now) < timedelta(seconds=60)
