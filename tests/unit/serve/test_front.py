"""What is refused on every path, by either protocol, and the paths that tell about the process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from rolesanywhere_signer.errors import TransportError
from rolesanywhere_signer.serve.answers import Environ, WsgiApp
from rolesanywhere_signer.serve.front import front_app
from rolesanywhere_signer.serve.hosts import Hosts
from rolesanywhere_signer.serve.listening import parse_bind_address
from tests.support.serving import HOSTS, ask, at_work, new_supplier


def behind(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Stand for a protocol."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"credentials"]


def front(*suppliers: Any, hosts: Hosts = HOSTS) -> WsgiApp:
    return front_app(behind, suppliers, hosts)


@pytest.mark.parametrize("path", ["/", "/latest/api/token", "/reader", "/healthz", "/readyz"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:9911"}, 403),
        ({"host": ""}, 403),
        ({"x_forwarded_for": "10.0.0.1"}, 400),
        ({"x_forwarded_for": ""}, 400),
        ({"forwarded": "for=10.0.0.1"}, 400),
    ],
)
def test_what_is_not_meant_for_it_or_came_by_a_proxy_is_refused(
    path: str, headers: dict[str, str], status: int
) -> None:
    assert ask(front(), "GET", path, **headers).status == status


def test_the_refusal_of_a_forwarded_request_is_the_official_helpers() -> None:
    reply = ask(front(), "PUT", "/latest/api/token", x_forwarded_for="10.0.0.1")
    assert (reply.status, reply.text) == (400, "unable to process requests with X-Forwarded-For header\n")


@pytest.mark.parametrize("target", ["http://127.0.0.1:9911/readyz", "http://evil.example/", "*", "127.0.0.1:443"])
def test_the_forms_that_are_for_proxies_are_refused(target: str) -> None:
    def with_target(environ: Environ, start_response: Any) -> Iterable[bytes]:
        return front()({**environ, "REQUEST_URI": target}, start_response)

    reply = ask(with_target, "GET", "/")
    assert (reply.status, reply.text) == (400, "the request target must be a path\n")


LOOPBACK, ELSEWHERE, CONTAINER = "127.0.0.1", "192.0.2.7", "169.254.170.2"


@pytest.mark.parametrize(
    ("bound", "header", "accepted"),
    [
        (LOOPBACK, "127.0.0.1:9911", True),
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "localhost:9911", True),
        (LOOPBACK, "LOCALHOST", True),
        (LOOPBACK, "[::1]:9911", True),
        (LOOPBACK, "[0:0:0:0:0:0:0:1]", True),
        (LOOPBACK, "127.0.0.2", True),
        (LOOPBACK, "127.0.0.1:80", False),
        (LOOPBACK, "127.0.0.1:", False),
        (LOOPBACK, "127.0.0.1:099110", False),
        (LOOPBACK, "localhost.", False),
        (LOOPBACK, "localhost.evil.example", False),
        (LOOPBACK, "127.0.0.1.evil.example", False),
        (LOOPBACK, "127.1", False),
        (LOOPBACK, "2130706433", False),
        (LOOPBACK, "0x7f.0.0.1", False),
        (LOOPBACK, "::1", False),
        (LOOPBACK, "user@127.0.0.1", False),
        (LOOPBACK, "127.0.0.1/x", False),
        (LOOPBACK, "127.0.0.1 ", False),
        (LOOPBACK, "127.0.0.1, 127.0.0.1", False),
        (LOOPBACK, "127.0.0.1\n", False),
        (LOOPBACK, "[127.0.0.1", False),
        (LOOPBACK, "[]", False),
        (LOOPBACK, "", False),
        (LOOPBACK, "0.0.0.0", False),
        (LOOPBACK, CONTAINER, False),
        (LOOPBACK, ELSEWHERE, False),
        ("::1", "[::1]:9911", True),
        ("::1", "127.0.0.1:9911", True),
        (CONTAINER, f"{CONTAINER}:9911", True),
        (CONTAINER, CONTAINER, True),
        (CONTAINER, "localhost", False),
        (CONTAINER, "169.254.170.23", False),
        ("fd00:ec2::23", "[fd00:ec2::23]", True),
        ("fd00:ec2::23", "[fd00:ec2:0:0::23]:9911", True),
        (ELSEWHERE, ELSEWHERE, True),
        (ELSEWHERE, "192.0.2.8", False),
        (ELSEWHERE, "localhost", False),
        ("0.0.0.0", ELSEWHERE, True),
        ("0.0.0.0", "127.0.0.1:9911", True),
        ("0.0.0.0", "localhost", True),
        ("0.0.0.0", "evil.example", False),
        ("::", "[2001:db8::1]:9911", True),
        ("::", "evil.example", False),
    ],
)
def test_hosts(bound: str, header: str, accepted: bool) -> None:
    assert Hosts(parse_bind_address(bound), 9911).accept(header) is accepted


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        *((header, True) for header in ("localhost", "127.0.0.1:80", CONTAINER, f"{CONTAINER}:80", "[fd00:ec2::23]")),
        *((header, False) for header in ("evil.example", ELSEWHERE, "", "proxy.internal:80")),
    ],
)
def test_hosts_behind_a_unix_socket(header: str, accepted: bool) -> None:
    assert Hosts(None, None).accept(header) is accepted


def test_ready_is_whoever_has_valid_credentials_of_every_role() -> None:
    _, _, reader = new_supplier("reader")
    clock, service, writer = new_supplier("writer")
    app = front(reader, writer)
    with at_work(reader, writer):
        reply = ask(app, "GET", "/readyz")
        assert (reply.status, json.loads(reply.body)) == (200, {"ready": True})
        service.error = TransportError("no answer", hint="not shown", retryable=True)
        clock.pass_seconds(7200)
        writer.ask()
        reply = ask(app, "GET", "/readyz")
        assert (reply.status, json.loads(reply.body)) == (503, {"ready": False, "reasons": {"writer": "no answer"}})
        # The process itself does all that it can.
        assert ask(app, "GET", "/healthz").status == 200


def test_alive_is_whose_threads_are() -> None:
    _, _, supplier = new_supplier()
    app = front(supplier)
    with at_work(supplier):
        assert json.loads(ask(app, "GET", "/healthz").body) == {"alive": True}
    reply = ask(app, "GET", "/healthz")
    assert (reply.status, json.loads(reply.body)) == (500, {"alive": False})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_give_no_secret_and_take_no_other_method(path: str) -> None:
    _, _, supplier = new_supplier()
    app = front(supplier)
    with at_work(supplier):
        body = ask(app, "GET", path).body
        assert b"a-secret-key" not in body
        assert b"ASIA" not in body
        assert ask(app, "HEAD", path).body == b""
        assert ask(app, "POST", path).status == 405
