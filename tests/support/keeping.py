"""Servers that keep connections open, and what sends to them through one transport."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rolesanywhere_signer.errors import RolesAnywhereError
from rolesanywhere_signer.settings import Settings
from rolesanywhere_signer.transport import Answer, Transport
from tests.support.arns import make_settings
from tests.support.sending import exchange
from tests.support.servers import Behaviour, ConnectProxy, RawServer, http, raw_server, read_request
from tests.unit.wire import Received

LONGEST_WAIT = 20.0


def kept(answer: bytes) -> bytes:
    """Return an answer of ``http`` after which the connection stays open."""
    return answer.replace(b"Connection: close\r\n", b"", 1)


OK = kept(http(201, b"ok"))


class KeepAlive:
    """Gives one answer after the other, however many connections they come over, the last one again and again.

    An answer that is something to be done with the socket is the last of its connection.

    Attributes:
        received: The requests of each connection, in the order in which the connections came.
        open: How many connections are open.
    """

    def __init__(self, *answers: bytes | Behaviour) -> None:
        self.received: list[list[Received]] = []
        self.open = 0
        self._answers = list(answers)
        self._changed = threading.Condition()

    def __call__(self, connection: socket.socket) -> None:
        requests: list[Received] = []
        with self._changed:
            self.received.append(requests)
            self.open += 1
        try:
            while self._answer_one(connection, requests):
                pass
        finally:
            connection.close()
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    def _answer_one(self, connection: socket.socket, requests: list[Received]) -> bool:
        received = read_request(connection)
        with self._changed:
            requests.append(received)
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if callable(answer):
            answer(connection)
            return False
        connection.sendall(answer)
        return b"Connection: close\r\n" not in answer

    @property
    def counts(self) -> list[int]:
        """How many requests came over each connection."""
        return [len(requests) for requests in self.received]

    def wait_for_open(self, count: int) -> bool:
        """Wait until so many connections are open, and return whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: self.open == count, LONGEST_WAIT)


class Sender:
    """Sends one request after the other through one transport."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.transport = Transport()

    def __call__(self) -> Answer:
        return exchange(self.settings, self.transport)

    def fails(self) -> RolesAnywhereError:
        with pytest.raises(RolesAnywhereError) as caught:
            self()
        return caught.value


@contextlib.contextmanager
def sender_to(*answers: bytes | Behaviour, tls: Any = None, **settings: Any) -> Iterator[tuple[Sender, KeepAlive]]:
    keep_alive = KeepAlive(*answers)
    with raw_server(keep_alive, reads=False, tls=tls) as server:
        yield Sender(make_settings(server.url, **settings)), keep_alive


@contextlib.contextmanager
def proxy_to(send: Sender) -> Iterator[RawServer]:
    with raw_server(ConnectProxy(int(send.settings.url.rpartition(":")[2]))) as proxy:
        yield proxy


def stall(connection: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    connection.settimeout(LONGEST_WAIT)
    connection.recv(1)


def hang_up(connection: socket.socket) -> None:
    """Close the connection without an answer."""
