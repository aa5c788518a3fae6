"""A connection that was kept and has an end: by the server, by a time-out, with its transport."""

from __future__ import annotations

import copy
import pickle
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.errors import TransportError
from tests.support.arns import make_settings
from tests.support.keeping import LONGEST_WAIT, OK, KeepAlive, Sender, hang_up, proxy_to, sender_to, stall
from tests.support.sending import exchange
from tests.support.servers import Behaviour, raw_server, reset
from tests.support.tls import ca_pem, server_context


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem())
    return path


# --- the server closed it -----------------------------------------------------------------------------------------


class Closing:
    """Answers, and closes the connection when it is told to.

    Args:
        close: How.
    """

    def __init__(self, close: Behaviour) -> None:
        self._close = close
        self._now = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(OK)
        self._now.wait(LONGEST_WAIT)
        self._close(connection)

    def close(self, server: KeepAlive) -> None:
        self._now.set()
        assert server.wait_for_open(0)


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("close", [hang_up, reset])
def test_a_server_that_closed_it_while_it_was_idle(ca_file: Path, over_tls: bool, close: Behaviour) -> None:
    closing = Closing(close)
    with sender_to(closing, OK, tls=server_context() if over_tls else None, verify=ca_file) as (send, server):
        send()
        closing.close(server)
        assert send().body == b"ok"
        # It was seen: no request went into the closed connection.
        assert server.counts == [1, 1]


def test_what_takes_its_place_is_a_new_connection_whose_end_is_an_error() -> None:
    closing = Closing(hang_up)
    with sender_to(closing, hang_up, OK) as (send, server):
        send()
        closing.close(server)
        send.fails()
        assert server.counts == [1, 1]


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("close", [hang_up, reset])
def test_a_server_that_closed_it_after_we_looked(
    ca_file: Path, over_tls: bool, close: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is then written into a connection whose end has come already; here no look sees it."""
    monkeypatch.setattr("rolesanywhere_signer.transport.is_connection_dropped", lambda _: False)
    monkeypatch.setattr("urllib3.connectionpool.is_connection_dropped", lambda _: False)
    closing = Closing(close)
    with sender_to(closing, OK, tls=server_context() if over_tls else None, verify=ca_file) as (send, server):
        send()
        closing.close(server)
        assert send().body == b"ok"
        assert server.counts == [1, 1]


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("close", [hang_up, reset])
def test_a_server_that_closes_it_just_when_it_is_used_again(ca_file: Path, over_tls: bool, close: Behaviour) -> None:
    with sender_to(OK, close, OK, tls=server_context() if over_tls else None, verify=ca_file) as (send, server):
        assert [send().body, send().body, send().body] == [b"ok"] * 3
        assert server.counts == [2, 2]
        first, again = server.received[0][1], server.received[1][0]
        assert first == again


def test_a_tunnel_that_is_closed_just_when_it_is_used_again(ca_file: Path) -> None:
    with sender_to(OK, hang_up, OK, tls=server_context(), verify=ca_file) as (send, server), proxy_to(send) as proxy:
        send.settings = replace(send.settings, proxies={"https": proxy.url})
        assert [send().body, send().body] == [b"ok"] * 2
        assert (server.counts, len(proxy.received)) == ([2, 1], 2)


@pytest.mark.parametrize("close", [hang_up, reset])
def test_the_request_is_sent_once_more_and_not_again(close: Behaviour) -> None:
    with sender_to(OK, close) as (send, server):
        send()
        error = send.fails()
        assert isinstance(error, TransportError)
        assert error.retryable
        assert server.counts == [2, 1]


@pytest.mark.parametrize("close", [hang_up, reset])
def test_a_new_connection_that_ends_is_an_error_at_once(close: Behaviour) -> None:
    with sender_to(close) as (send, server):
        send.fails()
        assert server.counts == [1]


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 2", b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nabc", b"garbage\r\n\r\n"]
)
def test_an_answer_that_was_begun_is_an_error_at_once(begun: bytes) -> None:
    with sender_to(OK, lambda connection: connection.sendall(begun), OK) as (send, server):
        send()
        send.fails()
        assert server.counts == [2]


def test_silence_is_an_error_at_once() -> None:
    with sender_to(OK, stall, OK, read_timeout_seconds=0.2) as (send, server):
        send()
        assert "did not answer within 0.2 s" in send.fails().message
        assert server.counts == [2]


def test_what_ended_is_not_remembered() -> None:
    with sender_to(OK, hang_up, OK, hang_up, OK, hang_up, OK) as (send, server):
        for _ in range(4):
            send()
        [one] = send.transport._kept.values()
        assert len(one.adapter._connections) == 1


# --- the bound on the whole ---------------------------------------------------------------------------------------


class Drip:
    """Answers a little at a time, each part well within a read time-out.

    Attributes:
        left: How many parts were not sent when the client hung up.
    """

    def __init__(self, begun: bytes, again: bytes) -> None:
        self.left = 500
        self._begun, self._again = begun, again

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self._begun)
        while self.left > 0:
            connection.sendall(self._again)
            self.left -= 1
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("begun", "again"),
    [
        (b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 201 Created\r\nX-Slow: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "headers", "interim answers"],
)
@pytest.mark.parametrize("over_tls", [False, True])
def test_an_answer_that_drips_has_an_end_here_too(ca_file: Path, begun: bytes, again: bytes, over_tls: bool) -> None:
    """Nor is the request sent once more: the connection ended because we ended it."""
    drip = Drip(begun, again)
    patience = {"connect_timeout_seconds": 0.3, "read_timeout_seconds": 0.2}
    tls = server_context() if over_tls else None
    with sender_to(OK, drip, OK, tls=tls, verify=ca_file, **patience) as (send, server):
        send()
        error = send.fails()
        assert isinstance(error, TransportError)
        assert error.retryable
        assert "no whole answer came within 0.5 s" in error.message
        assert server.counts == [2]
        assert drip.left > 0
        assert send().body == b"ok"


def test_a_connection_that_is_made_too_late_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving a name knows no time-out; what comes after it must not be without an end."""
    drip = Drip(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n", b"x")

    def slowly(*arguments: Any, **others: Any) -> Any:
        time.sleep(0.4)
        return resolve(*arguments, **others)

    resolve = socket.getaddrinfo
    with sender_to(drip, connect_timeout_seconds=0.1, read_timeout_seconds=0.1) as (send, _):
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        assert "no whole answer came within 0.2 s" in send.fails().message
        assert drip.left > 0


# --- who has it ---------------------------------------------------------------------------------------------------


def test_requests_at_once_have_a_connection_each_and_one_is_kept() -> None:
    together = threading.Barrier(6, timeout=LONGEST_WAIT)

    class Together(KeepAlive):
        def _answer_one(self, connection: socket.socket, requests: Any) -> bool:
            if not requests:
                together.wait()
            return super()._answer_one(connection, requests)

    server = Together(OK)
    with raw_server(server, reads=False) as raw:
        send = Sender(make_settings(raw.url))
        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST_WAIT)
        assert server.counts == [1] * 6
        assert server.wait_for_open(1)
        send()
        assert sorted(server.counts) == [1] * 5 + [2]


def test_copies_and_pickles_start_with_none() -> None:
    with sender_to(OK) as (send, server):
        send()
        for other in (
            copy.copy(send.transport),
            copy.deepcopy(send.transport),
            pickle.loads(pickle.dumps(send.transport)),
        ):
            exchange(send.settings, other)
        send()
        assert server.counts == [2, 1, 1, 1]


def test_it_ends_with_its_transport() -> None:
    with sender_to(OK) as (send, server):
        send()
        assert server.wait_for_open(1)
        del send.transport
        assert server.wait_for_open(0)
