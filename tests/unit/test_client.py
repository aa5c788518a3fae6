"""CreateSession against real servers: what is asked, what comes of the answers, and when it is asked again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.errors import (
    AccessDeniedError,
    ConfigurationError,
    InvalidRequestError,
    ResourceNotFoundError,
    ResponseError,
    ServiceError,
    ThrottledError,
    TransportError,
)
from tests.support.answers import created, refused
from tests.support.arns import ACCOUNT, ANCHOR_ARN, PROFILE_ARN, REGION, ROLE_ARN
from tests.support.clients import TickingClock, make_client
from tests.support.sending import leaf
from tests.support.servers import http, raw_server
from tests.unit import wire

THREE_ARNS = {"trustAnchorArn": ANCHOR_ARN, "profileArn": PROFILE_ARN, "roleArn": ROLE_ARN}


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip the back-off between two attempts, and return how long each would have been."""
    waited: list[float] = []
    monkeypatch.setattr(client_module, "sleep", waited.append)
    return waited


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


def sent_dates(received: list[wire.Received]) -> list[datetime]:
    return [datetime.strptime(one.header("x-amz-date") + "+0000", "%Y%m%dT%H%M%SZ%z") for one in received]


# --- what is asked -----------------------------------------------------------------------------------------------


def test_making_a_client_sends_nothing() -> None:
    with raw_server(http(500)) as server:
        make_client(server.url)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {}),
        ({"duration_seconds": 900}, {"durationSeconds": 900}),
        ({"duration_seconds": 43200}, {"durationSeconds": 43200}),
        ({"role_session_name": "host-1"}, {"roleSessionName": "host-1"}),
        ({"instance_properties": {"rack": "7", "größe": "xl"}}, {"instanceProperties": {"rack": "7", "größe": "xl"}}),
        ({"instance_properties": {}}, {"instanceProperties": {}}),
        (
            {"duration_seconds": 3600, "role_session_name": "a@b", "instance_properties": {"x": "y"}},
            {"durationSeconds": 3600, "roleSessionName": "a@b", "instanceProperties": {"x": "y"}},
        ),
    ],
)
def test_every_parameter_is_sent_in_the_body_and_no_other(
    clock: TickingClock, asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    with raw_server(created(clock.now)) as server:
        make_client(server.url, clock, **asked).create_session()

    [received] = server.received
    assert (received.method, received.target) == ("POST", "/sessions")
    assert received.header("content-type") == "application/json"
    assert json.loads(received.body) == {**THREE_ARNS, **sent}


def test_the_request_carries_a_signature_that_verifies(clock: TickingClock) -> None:
    with raw_server(created(clock.now)) as server:
        make_client(server.url, clock).create_session()

    canonical = wire.verify(server.received[0], leaf().certificate, REGION)
    assert canonical.split("\n")[-2] == "accept;content-type;host;x-amz-date;x-amz-x509"


def test_a_path_in_the_endpoint_goes_before_sessions_and_is_signed(clock: TickingClock) -> None:
    with raw_server(created(clock.now)) as server:
        make_client(f"{server.url}/prefix/", clock).create_session()
    assert server.received[0].target == "/prefix/sessions"
    wire.verify(server.received[0], leaf().certificate, REGION)


def test_the_scope_has_the_region_that_was_asked_for(clock: TickingClock) -> None:
    with raw_server(created(clock.now)) as server:
        make_client(server.url, clock, region="eu-central-1").create_session()
    wire.verify(server.received[0], leaf().certificate, "eu-central-1")


# --- what comes of the answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"201", b"200"])
def test_a_success_becomes_credentials(clock: TickingClock, status: bytes) -> None:
    start = clock.now
    with raw_server(created(start).replace(b"201", status, 1)) as server:
        credentials = make_client(server.url, clock).create_session()

    assert credentials.access_key_id == "ASIA0000000000000001"
    assert credentials.secret_access_key == "planted-secret-access-key"
    assert credentials.session_token == "planted-session-token"
    assert credentials.expiration == start + timedelta(hours=1)
    assert credentials.role_arn == ROLE_ARN
    assert credentials.account_id == ACCOUNT
    assert credentials.assumed_role_arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/s3-reader/1a2b"
    assert credentials.subject_arn == f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:subject/1"
    assert credentials.source_identity == "CN=app"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "ValidationException", InvalidRequestError),
        (403, "AccessDeniedException", AccessDeniedError),
        (404, "ResourceNotFoundException", ResourceNotFoundError),
        (409, "ConflictException", ServiceError),
        (418, "TeapotException", ServiceError),
        (204, "", ServiceError),
        (301, "", ServiceError),
        (402, "", ServiceError),
    ],
)
def test_no_other_answer_is_asked_for_again(
    clock: TickingClock, delays: list[float], status: int, code: str, error: type[ServiceError]
) -> None:
    with raw_server(refused("no", status, code)) as server, pytest.raises(error) as caught:
        make_client(server.url, clock).create_session()

    assert caught.value.status == status
    assert caught.value.error_code == (code or None)
    assert not caught.value.retryable
    assert server.connections == 1
    assert delays == []


def test_credentials_that_have_ended_are_refused(clock: TickingClock) -> None:
    with (
        raw_server(created(clock.now, length=timedelta(seconds=-1))) as server,
        pytest.raises(ResponseError, match="that ended at") as caught,
    ):
        make_client(server.url, clock).create_session()
    assert caught.value.hint is not None
    assert "clock" in caught.value.hint


def test_a_success_that_is_no_answer_of_the_service_is_told(clock: TickingClock) -> None:
    with (
        raw_server(http(200, b"<html>login</html>", Content_Type="text/html")) as server,
        pytest.raises(ResponseError, match="without credentials") as caught,
    ):
        make_client(server.url, clock).create_session()
    assert caught.value.hint is not None
    assert "proxy" in caught.value.hint
    assert server.connections == 1


# --- when it is asked again ---------------------------------------------------------------------------------------

RETRYABLE = {
    "429": refused("Rate exceeded", 429, "ThrottlingException"),
    "400 throttled": refused("Rate exceeded", 400, "ThrottlingException"),
    "500": http(500),
    "502 HTML": http(502, b"<html>bad gateway</html>"),
    "503": refused("later", 503, "ServiceUnavailableException"),
    "504": http(504),
    "hung up": b"",
    "truncated": b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc",
    "garbage": b"garbage\r\n\r\n",
}


@pytest.mark.parametrize("fault", RETRYABLE.values(), ids=RETRYABLE)
def test_a_fault_that_may_pass_is_asked_again_signed_anew(
    clock: TickingClock, delays: list[float], fault: bytes
) -> None:
    with raw_server(fault, fault, created(clock.now)) as server:
        credentials = make_client(server.url, clock).create_session()

    assert credentials.access_key_id.startswith("ASIA")
    assert len(server.received) == 3
    assert len(delays) == 2
    dates = sent_dates(server.received)
    assert dates[0] < dates[1] < dates[2]
    assert len({received.header("authorization") for received in server.received}) == 3
    for received in server.received:
        wire.verify(received, leaf().certificate, REGION)


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_the_last_error_is_raised_after_max_attempts(clock: TickingClock, delays: list[float], attempts: int) -> None:
    faults = [http(500) for _ in range(attempts - 1)]
    with (
        raw_server(*faults, refused("Rate exceeded", 429, "ThrottlingException")) as server,
        pytest.raises(ThrottledError, match="Rate exceeded") as caught,
    ):
        make_client(server.url, clock, max_attempts=attempts).create_session()

    assert caught.value.retryable
    assert server.connections == attempts
    assert len(delays) == attempts - 1


def test_a_network_fault_is_raised_after_max_attempts(clock: TickingClock, delays: list[float]) -> None:
    with raw_server(b"") as server, pytest.raises(TransportError) as caught:
        make_client(server.url, clock).create_session()
    assert caught.value.retryable
    assert (server.connections, len(delays)) == (4, 3)


def test_the_back_off_grows_with_jitter_and_has_an_end(clock: TickingClock, delays: list[float]) -> None:
    with raw_server(http(500)) as server, pytest.raises(ServiceError):
        make_client(server.url, clock, max_attempts=30).create_session()

    assert len(set(delays)) == 29
    assert delays[0] <= 0.4
    assert 1 < max(delays) <= 20


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("3", 3, 3),
        ("0", 0, 0.4),
        ("20", 20, 20),
        ("86400", 20, 20),
        ("9" * 30, 0, 0.4),
        ("-5", 0, 0.4),
        ("1.5", 0, 0.4),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    clock: TickingClock, delays: list[float], retry_after: str, least: float, most: float
) -> None:
    busy = refused("later", 503, "ServiceUnavailableException", Retry_After=retry_after)
    with raw_server(busy, created(clock.now)) as server:
        make_client(server.url, clock).create_session()
    [delay] = delays
    assert least <= delay <= most


def test_retry_after_as_a_date_does_no_harm(clock: TickingClock, delays: list[float]) -> None:
    busy = http(503, Retry_After=format_datetime(clock.now + timedelta(hours=1), usegmt=True))
    with raw_server(busy, created(clock.now)) as server:
        make_client(server.url, clock).create_session()
    assert max(delays) <= 20


# --- the clock that the user gives --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), "2026-01-01", None, 0], ids=repr)  # noqa: DTZ001 - naive it must be
def test_a_clock_that_tells_no_aware_time_is_our_error(value: object) -> None:
    with raw_server(http(500)) as server, pytest.raises(ConfigurationError, match="clock"):
        make_client(server.url, lambda: value).create_session()
    assert server.connections == 0
