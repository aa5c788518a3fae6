"""What the server does in one turn, so that a crowd on a few connections does not keep the others waiting."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from rolesanywhere_signer.seconds import monotonic_seconds, sleep
from rolesanywhere_signer.serve import server as module
from rolesanywhere_signer.serve.answers import Environ
from rolesanywhere_signer.serve.listening import Listener, listen_tcp, parse_bind_address
from rolesanywhere_signer.serve.server import Server
from tests.support.refreshing import join_all, start
from tests.support.serving import connect, converse, request_bytes, status_of

WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def app(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]


@pytest.fixture
def idle() -> Iterator[tuple[Server, Listener]]:
    """Return a server that takes a turn when the test asks for it."""
    listener = listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    server = Server(app, listener)
    try:
        yield server, listener
    finally:
        server._close()


@pytest.fixture
def parsers(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets every parser of a request that is made."""
    made: list[object] = []

    class Noted(module._Parser):
        def __init__(self, *arguments: Any) -> None:
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(module._Channel, "parser_class", Noted)
    return made


def test_all_who_wait_are_taken_in_one_turn(idle: tuple[Server, Listener]) -> None:
    server, listener = idle
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(listener))
        server._turn()
        assert len(server._server.active_channels) == 20


def test_not_so_many_that_one_would_make_room_before_it_was_looked_at(idle: tuple[Server, Listener]) -> None:
    server, listener = idle
    assert module._MOST_ACCEPTED < module._MOST_CONNECTIONS
    with contextlib.ExitStack() as stack:
        for _ in range(module._MOST_ACCEPTED + 10):
            stack.enter_context(connect(listener))
        server._turn()
        assert len(server._server.active_channels) == module._MOST_ACCEPTED


@pytest.mark.skipif(os.name != "posix", reason="the limit is POSIX's")
def test_files_can_still_be_opened_where_few_may_be(
    idle: tuple[Server, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    server, listener = idle
    # As if the limit were ten more than what else is open.
    monkeypatch.setattr(module, "_OTHER_DESCRIPTORS", resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 10)
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(connect(listener))
        for _ in range(4):
            server._turn()
            assert len(server._server.active_channels) < 20
        server._server.cut_off()
        assert len(server._server.active_channels) == 10


def test_empty_lines_are_no_requests(idle: tuple[Server, Listener], parsers: list[object]) -> None:
    server, listener = idle
    with connect(listener) as connection:
        server._turn()
        connection.sendall(b"\r\n" * 1000)
        for _ in range(5):
            server._turn()
        assert parsers == []


def test_a_request_after_empty_lines_is_answered() -> None:
    listener = listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    server = Server(app, listener)
    thread = start(server.run)
    try:
        assert converse(listener, b"\r\n" * 1000 + request_bytes()).endswith(b"done")
    finally:
        server.stop()
        join_all([thread])


def test_of_many_requests_at_once_few_are_looked_at_in_one_turn(
    idle: tuple[Server, Listener], parsers: list[object]
) -> None:
    server, listener = idle
    with connect(listener) as connection:
        server._turn()
        connection.sendall(WHOLE * 100)
        server._turn()
        assert 1 <= len(parsers) <= 16


def test_the_system_keeps_little_of_what_nobody_has_asked_for(idle: tuple[Server, Listener]) -> None:
    server, listener = idle
    with connect(listener):
        server._turn()
        (channel,) = server._server.active_channels.values()
        # Linux doubles it for its own needs.
        assert channel.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * 16384


@pytest.mark.parametrize("target", ["http://[", "http://[::1"])
def test_a_target_that_is_no_url_is_refused_and_writes_no_log(
    idle: tuple[Server, Listener], caplog: pytest.LogCaptureFixture, target: str
) -> None:
    server, listener = idle
    thread = start(server.run)
    with caplog.at_level(logging.WARNING):
        assert status_of(converse(listener, request_bytes(target))) == 400
    server.stop()
    join_all([thread])
    assert caplog.records == []


def test_a_connection_is_kept_however_quick_the_answer_is(
    idle: tuple[Server, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, listener = idle
    received = module.HTTPChannel.received

    def answered_meanwhile(channel: module._Channel, data: bytes) -> bool:
        taken = bool(received(channel, data))
        while channel.requests:
            sleep(0.01)
        sleep(0.1)
        return taken

    monkeypatch.setattr(module.HTTPChannel, "received", answered_meanwhile)
    with connect(listener) as connection:
        server._turn()
        (channel,) = server._server.active_channels.values()
        connection.sendall(WHOLE)
        server._turn()
        now = monotonic_seconds()
        assert not channel.is_overdue(now + module._REQUEST_SECONDS + 1)
        assert channel.is_overdue(now + module._IDLE_SECONDS + 1)
        # The time of the next request begins with it.
        connection.sendall(WHOLE[:10])
        server._turn()
        assert not channel.is_overdue(monotonic_seconds() + module._REQUEST_SECONDS - 1)
        assert channel.is_overdue(monotonic_seconds() + module._REQUEST_SECONDS + 1)
