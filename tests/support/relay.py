"""A front before a real server: it hands requests on, keeps what it saw, and gives the answers as they came."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from tests.support.servers import http as http_answer
from tests.support.servers import raw_server, read_request
from tests.unit.wire import Received

_PATIENCE_SECONDS = 60
_OF_THE_CONNECTION = ("connection", "content-length", "transfer-encoding", "keep-alive")


def hand_on(received: Received, url: str) -> bytes:
    """Send a request to the server at ``url`` and return its answer, byte for byte but for the connection's headers."""
    address = urlsplit(url)
    upstream = http.client.HTTPConnection(str(address.hostname), address.port, timeout=_PATIENCE_SECONDS)
    with contextlib.closing(upstream):
        upstream.putrequest(received.method, received.target, skip_host=True, skip_accept_encoding=True)
        for name, value in received.headers:
            if name.lower() not in ("connection", "keep-alive"):
                upstream.putheader(name, value)
        upstream.endheaders(received.body)
        answer = upstream.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_THE_CONNECTION}
        return http_answer(answer.status, answer.read(), **headers)


class Recorder:
    """Hands every request on to one server.

    Attributes:
        received: Every request, in order, each there before its answer.
    """

    def __init__(self, url: str) -> None:
        self.received: list[Received] = []
        self._url = url
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        received = read_request(connection)
        with self._lock:
            self.received.append(received)
        connection.sendall(hand_on(received, self._url))

    def forms(self) -> list[dict[str, str]]:
        """Return the forms of the requests to STS; of repeated names the last."""
        return [{name: values[-1] for name, values in parse_qs(each.body.decode()).items()} for each in self.received]


@contextlib.contextmanager
def recording(url: str) -> Iterator[tuple[Recorder, str]]:
    """Run a recorder before the server at ``url``; yield it and where it listens."""
    recorder = Recorder(url)
    with raw_server(recorder, reads=False) as server:
        yield recorder, server.url
