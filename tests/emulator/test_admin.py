"""The admin endpoint: whom it answers, what can be set by it, and that nothing secret is in its answers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import HttpRequest, HttpResponse, LocalRolesAnywhere
from rolesanywhere_signer.testing.admin import MAX_ADMIN_BODY
from tests.emulator.doors import DOORS, Door
from tests.emulator.signing import NOW
from tests.emulator.world import World, content, header

TOKEN = "planted-admin-token-0123456789"
HOST = ("Host", "127.0.0.1:9910")
BEARER = ("Authorization", f"Bearer {TOKEN}")


@pytest.fixture
def world() -> World:
    return World(service=LocalRolesAnywhere(admin_token=TOKEN))


def request(method: str, name: str, body: object = None, headers: Any = (HOST, BEARER)) -> HttpRequest:
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method, f"/_local/{name}", tuple(headers), sent)


def ask(world: World, method: str, name: str, body: object = None) -> Any:
    response = world.send(request(method, name, body))
    assert response.status == 200, response.body
    return content(response)


@pytest.mark.parametrize("door", DOORS)
def test_the_state_by_every_door(world: World, door: Door) -> None:
    state = content(door(world.service, request("GET", "state")))
    assert state["region"] == "us-east-1"
    assert [each["arn"] for each in state["trust_anchors"]] == [world.anchor.arn]
    assert [each["name"] for each in state["roles"]] == ["reader"]
    assert (state["calls"], state["faults"], state["subjects"]) == (0, 0, [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([HOST], 401),
        ([HOST, ("Authorization", "Bearer ")], 401),
        ([HOST, ("Authorization", f"Bearer {TOKEN[:-1]}")], 401),
        ([HOST, ("Authorization", f"Bearer {TOKEN}x")], 401),
        ([HOST, ("Authorization", f"Basic {TOKEN}")], 401),
        ([HOST, ("Authorization", "Bearer schl\xfcssel")], 401),
        ([HOST, BEARER, BEARER], 401),
        ([BEARER], 403),
        ([("Host", "attacker.example"), BEARER], 403),
        ([("Host", "127.0.0.1.attacker.example"), BEARER], 403),
        ([("Host", "localhost:80:80"), BEARER], 403),
        ([HOST, ("Host", "attacker.example"), BEARER], 403),
        ([("Host", "LOCALHOST"), BEARER], 200),
        ([("Host", "[::1]:9910"), ("Authorization", f"bearer {TOKEN}")], 200),
    ],
)
def test_who_is_answered(world: World, headers: list[tuple[str, str]], status: int) -> None:
    response = world.send(request("GET", "state", headers=headers))
    assert response.status == status
    assert TOKEN.encode() not in response.body
    assert ("WWW-Authenticate" in dict(response.headers)) == (status == 401)
    if status != 200:
        assert set(content(response)) == {"message"}


def test_another_host_in_an_absolute_target(world: World) -> None:
    sent = HttpRequest("GET", "http://attacker.example/_local/state", (HOST, BEARER))
    assert world.send(sent).status == 403


def test_without_a_token_there_is_nothing() -> None:
    world = World()
    assert world.send(request("GET", "state")).status == 404
    assert world.send(request("POST", "faults", {"fault": "reset"})).status == 404
    assert len(world.service.faults) == 0


@pytest.mark.parametrize("token", ["", "short", "x" * 201, "a token with spaces in it", "schl\xfcssel" * 4, 5])
def test_tokens_that_cannot_be(token: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LocalRolesAnywhere(admin_token=token)
    assert token == "" or str(token) not in caught.value.message.replace("16", "")


def test_faults(world: World) -> None:
    made = ask(world, "POST", "faults", {"fault": "throttled", "retry_after": 2, "times": 1})
    again = ask(world, "POST", "faults", {"fault": "server-error", "status": 500, "rate": 1, "seed": 3})
    assert (made["fault"], made["retry_after"], made["times"], made["struck"]) == ("throttled", 2, 1, 0)
    assert (made["operation"], made["rate"]) == ("CreateSession", None)
    response = world.ask()
    assert (response.status, header(response, "Retry-After")) == (429, "2")
    assert [each["struck"] for each in ask(world, "GET", "faults")["faults"]] == [1, 0]
    left = ask(world, "DELETE", "faults", {"id": made["id"]})["faults"]
    assert [each["id"] for each in left] == [again["id"]]
    assert world.send(request("DELETE", "faults", {"id": made["id"]})).status == 404
    assert world.ask().status == 500
    assert ask(world, "DELETE", "faults") == {"faults": []}
    assert world.ask().status == 201


def test_the_clock(world: World) -> None:
    def now() -> datetime:
        return datetime.fromisoformat(ask(world, "GET", "clock")["now"])

    assert now() == NOW
    assert ask(world, "POST", "clock", {"offset_seconds": 7200})["offset_seconds"] == 7200
    assert now() == NOW + timedelta(hours=2)
    assert world.ask().status == 403
    assert ask(world, "POST", "clock", {"offset_seconds": 60})["offset_seconds"] == 60
    assert world.ask().status == 201
    moment = "2030-01-01T00:00:00Z"
    assert ask(world, "POST", "clock", {"set": moment})["now"] == "2030-01-01T00:00:00+00:00"
    assert ask(world, "POST", "clock", {"reset": True})["offset_seconds"] == 0
    assert now() == NOW


def test_calls_show_no_secret(world: World) -> None:
    answer = content(world.ask())["credentialSet"][0]["credentials"]
    world.ask(roleArn="arn:aws:iam::123456789012:role/other")
    shown = ask(world, "GET", "calls")
    assert shown["count"] == 2
    assert [each["status"] for each in shown["calls"]] == [201, 403]
    assert shown["calls"][1]["error_code"] == "AccessDeniedException"
    everything = json.dumps([shown, ask(world, "GET", "state"), ask(world, "GET", "faults")])
    for secret in (answer["secretAccessKey"], answer["sessionToken"], TOKEN):
        assert secret not in everything


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "", None, 404),
        ("GET", "nothing", None, 404),
        ("GET", "faults/1", None, 404),
        ("PUT", "faults", {}, 404),
        ("DELETE", "state", None, 404),
        ("POST", "faults", None, 400),
        ("POST", "faults", b"[]", 400),
        ("POST", "faults", b"{", 400),
        ("POST", "faults", b'{"fault": "reset", "fault": "reset"}', 400),
        ("POST", "faults", b"[" * MAX_ADMIN_BODY, 400),
        ("POST", "faults", b" " * MAX_ADMIN_BODY + b"{}", 400),
        ("POST", "faults", {"fault": "explode"}, 400),
        ("POST", "faults", {"fault": ["reset"]}, 400),
        ("POST", "faults", {"fault": "reset", "when": "always"}, 400),
        ("POST", "faults", {"fault": "reset", "retry_after": 1}, 400),
        ("POST", "faults", {"fault": "latency", "seconds": "1"}, 400),
        ("POST", "faults", {"fault": "reset", "times": 0}, 400),
        ("POST", "faults", {"fault": "reset", "operation": ["x"]}, 400),
        ("POST", "faults", {"fault": "reset", "operation": "Nothing"}, 400),
        ("DELETE", "faults", {"all": True}, 400),
        ("DELETE", "faults", {"id": [1]}, 404),
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"set": "2030-01-01T00:00:00Z", "reset": True}, 400),
        ("POST", "clock", {"now": 1}, 400),
        ("POST", "clock", {"set": "2030-01-01T00:00:00"}, 400),
        ("POST", "clock", {"set": 5}, 400),
        ("POST", "clock", {"set": "9999-12-31T23:59:59Z"}, 400),
        ("POST", "clock", {"offset_seconds": "5"}, 400),
        ("POST", "clock", {"offset_seconds": True}, 400),
        ("POST", "clock", {"offset_seconds": 1e300}, 400),
        ("POST", "clock", {"offset_seconds": 1e12}, 400),
    ],
)
def test_what_is_refused(world: World, method: str, name: str, body: object, status: int) -> None:
    response: HttpResponse = world.send(request(method, name, body))
    assert response.status == status
    assert content(response)["message"]
    assert len(world.service.faults) == 0
    assert ask(world, "GET", "clock")["offset_seconds"] == 0
