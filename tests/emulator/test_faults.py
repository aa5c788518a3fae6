"""Faults on demand as values and rules: what each does to an answer, and when it strikes."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import (
    Cut,
    ExpiredCredentials,
    Fault,
    FaultRule,
    Garbled,
    Hold,
    HttpRequest,
    Latency,
    Reset,
    ServerError,
    Throttled,
    Truncated,
    WrongClock,
)
from rolesanywhere_signer.testing.wire import PROMPT, Delivery
from rolesanywhere_signer.testing.wsgi import NEEDS_SERVER
from tests.emulator.doors import by_wsgi
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import LEAF, World, content, header, refusal


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World) -> int:
    return world.ask().status


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        (Throttled(), 429, "ThrottlingException", "1"),
        (Throttled(retry_after=7), 429, "ThrottlingException", "7"),
        (Throttled(retry_after=None), 429, "ThrottlingException", None),
        (ServerError(), 503, "ServiceUnavailableException", None),
        (ServerError(500), 500, "InternalServerException", None),
        (ServerError(504, retry_after=2), 504, "InternalServerException", "2"),
    ],
)
def test_errors(world: World, fault: Fault, status: int, code: str, retry_after: str | None) -> None:
    world.service.faults.add(fault)
    response = world.ask()
    assert refusal(response)[:2] == (status, code)
    assert dict(response.headers).get("Retry-After") == retry_after
    assert (world.last.status, world.last.error_code) == (status, code)


@pytest.mark.parametrize(
    ("fault", "delivery"),
    [
        (Latency(0.5), Delivery(wait_seconds=0.5)),
        (Hold(), Delivery(wait_seconds=None, hold=True)),
        (Hold(3), Delivery(wait_seconds=3, hold=True)),
        (Reset(), Delivery(reset=True)),
        (Cut(17), Delivery(cut_after=17)),
        (Garbled(), PROMPT),
    ],
)
def test_instructions_to_the_server(world: World, fault: Fault, delivery: Delivery) -> None:
    world.service.faults.add(fault)
    response = world.ask()
    assert (response.status, response.delivery) == (201, delivery)


def test_bodies(world: World) -> None:
    world.service.faults.add(Truncated(9), times=1)
    world.service.faults.add(Garbled(), times=1)
    assert world.ask().body == b'{"credent'
    with pytest.raises(UnicodeDecodeError):
        content(world.ask())
    assert content(world.ask())["subjectArn"]


def test_a_clock_that_is_off_refuses_and_says_when_it_is(world: World) -> None:
    world.service.faults.add(WrongClock(3600), times=1)
    world.service.faults.add(WrongClock(-60, date_only=True), times=1)
    response = world.ask()
    assert response.status == 403
    assert header(response, "Date") == format_datetime(NOW + timedelta(hours=1), usegmt=True)
    response = world.ask()
    assert response.status == 201
    assert header(response, "Date") == format_datetime(NOW - timedelta(minutes=1), usegmt=True)


def test_expired_credentials_are_expired_for_sts_too(world: World) -> None:
    world.service.faults.add(ExpiredCredentials(5), times=1)
    [each] = content(world.ask())["credentialSet"]
    gone = NOW - timedelta(seconds=5)
    assert each["credentials"]["expiration"] == gone.strftime("%Y-%m-%dT%H:%M:%SZ")
    vended = world.service._account.vended(each["credentials"]["accessKeyId"])
    assert vended is not None
    assert vended.expiration == gone


def test_expired_credentials_leave_refusals_alone(world: World) -> None:
    world.service.faults.add(ExpiredCredentials())
    assert world.ask(roleArn=None).status == 400


def test_rules_strike_in_their_order_as_often_as_they_say(world: World) -> None:
    first = world.service.faults.add(Throttled(), times=2)
    second = world.service.faults.add(ServerError(), times=1)
    assert [ask(world) for _ in range(5)] == [429, 429, 503, 201, 201]
    assert (world.service.faults.struck(first), world.service.faults.struck(second)) == (2, 1)


def test_a_rate_is_repeated_by_its_seed(world: World) -> None:
    def run(seed: int | None) -> list[int]:
        with world.service.faults.injected(ServerError(), rate=0.5, seed=seed):
            return [ask(world) for _ in range(30)]

    assert run(7) == run(7) != run(8)
    assert set(run(None)) <= {201, 503}
    assert set(run(7)) == {201, 503}


def test_a_predicate_sees_the_request(world: World) -> None:
    seen: list[HttpRequest] = []

    def when(request: HttpRequest) -> bool:
        seen.append(request)
        return len(seen) == 2

    world.service.faults.add(Throttled(), when=when)
    assert [ask(world) for _ in range(3)] == [201, 429, 201]
    assert {request.target for request in seen} == {"/sessions"}


def test_a_block_takes_away_its_own_fault_alone(world: World) -> None:
    world.service.faults.add(ServerError(500), when=lambda _: len(world.service.calls) > 2)

    def fail() -> None:
        with world.service.faults.injected(Throttled()) as rule:
            rules.append(rule)
            assert ask(world) == 429
            raise RuntimeError

    rules: list[FaultRule] = []
    with pytest.raises(RuntimeError):
        fail()
    [rule] = rules
    assert world.service.faults.struck(rule) == 1
    assert [ask(world) for _ in range(3)] == [201, 201, 500]
    world.service.faults.clear()
    assert ask(world) == 201
    assert not world.service.faults.remove(rule)


def test_operations_are_told_apart(world: World) -> None:
    identity = HttpRequest("POST", "/", (("Host", "a"),), b"Action=GetCallerIdentity&Version=2011-06-15")
    profiles = HttpRequest("GET", "/profiles", (("Host", "a"),))
    nothing = HttpRequest("GET", "/nothing", (("Host", "a"),))
    requests = [sign_as(LEAF, world.body()), identity, profiles, nothing]

    def statuses(operation: str) -> list[int]:
        with world.service.faults.injected(ServerError(502), operation=operation):
            return [world.send(request).status for request in requests]

    usual = [201, 403, 403, 404]
    assert statuses("CreateSession") == [502, *usual[1:]]
    assert statuses("GetCallerIdentity") == [201, 502, 403, 404]
    assert statuses("ListProfiles") == [201, 403, 502, 404]
    assert statuses("GetProfile") == usual
    assert statuses("*") == [502] * 4
    with world.service.faults.injected(Throttled(), operation="GetCallerIdentity"):
        assert b"<Code>ThrottlingException</Code>" in world.send(identity).body


@pytest.mark.parametrize("fault", [Hold(), Reset(), Cut(3)])
def test_a_wsgi_app_says_what_it_cannot_do(world: World, fault: Fault) -> None:
    world.service.faults.add(fault)
    response = by_wsgi(world.service, sign_as(LEAF, world.body()))
    assert (response.status, content(response)) == (500, {"message": NEEDS_SERVER})


def test_a_wsgi_app_is_late(world: World) -> None:
    world.service.faults.add(Latency(0.01))
    assert by_wsgi(world.service, sign_as(LEAF, world.body())).status == 201


@pytest.mark.parametrize(
    ("kind", "arguments", "part"),
    [
        (Latency, {"seconds": -1}, "seconds must be a number from 0"),
        (Latency, {"seconds": float("nan")}, "seconds must be"),
        (Latency, {"seconds": "1"}, "seconds must be"),
        (Hold, {"seconds": True}, "seconds must be"),
        (Cut, {"after": -1}, "after must be a whole number"),
        (Cut, {"after": 1.5}, "after must be a whole number"),
        (Throttled, {"retry_after": -1}, "retry_after must be"),
        (ServerError, {"status": 404}, "status must be a whole number from 500"),
        (ServerError, {"status": 599}, "HTTP has no status 599"),
        (ServerError, {"retry_after": "x"}, "retry_after must be"),
        (Truncated, {"length": None}, "length must be"),
        (WrongClock, {"seconds": 1e300}, "seconds must be"),
        (WrongClock, {"date_only": 1}, "date_only must be"),
        (ExpiredCredentials, {"seconds": -5}, "seconds must be"),
    ],
)
def test_faults_that_cannot_be(kind: type[Fault], arguments: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**arguments)
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"fault": "throttled"}, "a fault must be a value"),
        ({"times": 0}, "times must be"),
        ({"times": True}, "times must be"),
        ({"rate": 0}, "rate must be"),
        ({"rate": 1.1}, "rate must be"),
        ({"rate": 0.5, "seed": "x"}, "seed must be"),
        ({"seed": 1}, "rate, which is not given"),
        ({"when": True}, "when must be callable"),
        ({"operation": "CreateSessions"}, "no operation 'CreateSessions'"),
    ],
)
def test_rules_that_cannot_be(world: World, arguments: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        world.service.faults.add(**{"fault": Throttled(), **arguments})
    assert part in caught.value.message
    assert len(world.service.faults) == 0


def test_a_rule_of_other_faults_is_not_counted(world: World) -> None:
    rule = World().service.faults.add(Throttled())
    with pytest.raises(ConfigurationError):
        world.service.faults.struck(rule)
