"""Real servers on loopback that answer anything: HTTP and TLS byte for byte, and a CONNECT proxy."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.unit.wire import Received

Behaviour = Callable[[socket.socket], None]
_LONGEST_WAIT = 20.0


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer with its length; ``Retry_After="1"`` becomes a header, ``Date`` is not sent unless given."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@dataclass
class RawServer:
    """Answers each connection as the next of ``answers`` says, the last of them again and again.

    Attributes:
        answers: Bytes to send before the connection is closed, or what is to be done with the socket.
        reads: Whether the request is read before it is answered.
        received: Every request whose head came in whole.
        connections: How many connections were accepted.
    """

    answers: list[bytes | Behaviour]
    tls: ssl.SSLContext | None = None
    reads: bool = True

    def __post_init__(self) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            answer = self.answers[min(self.connections, len(self.answers) - 1)]
            self.connections += 1
            threading.Thread(target=self._handle, args=(connection, answer), daemon=True).start()

    def _handle(self, connection: socket.socket, answer: bytes | Behaviour) -> None:
        connection.settimeout(_LONGEST_WAIT)
        # The client may hang up at any moment; that is its business.
        with contextlib.suppress(OSError), connection:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                if self.reads:
                    self.received.append(read_request(connection))
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)

    def stop(self) -> None:
        self.stopped.set()
        # Closing alone does not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def raw_server(
    *answers: bytes | Behaviour, tls: ssl.SSLContext | None = None, reads: bool = True
) -> Iterator[RawServer]:
    server = RawServer(list(answers), tls, reads)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(_LONGEST_WAIT)


def read_request(connection: socket.socket) -> Received:
    """Read one request with a Content-Length from a socket."""
    head, _, body = read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    pairs = tuple((name, value.strip(" ")) for name, _, value in (line.partition(":") for line in lines))
    length = next((int(value) for name, value in pairs if name.lower() == "content-length"), 0)
    while len(body) < length:
        body += receive(connection)
    return Received(method, target, pairs, body)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        data += receive(connection)
    return data


def receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client hung up")
    return data


def reset(connection: socket.socket) -> None:
    """Close the connection with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


class ConnectProxy:
    """A proxy that tunnels every CONNECT to one address, or gives ``refusal`` as its answer.

    Attributes:
        connects: The head of every request.
    """

    def __init__(self, target_port: int, refusal: bytes | None = None) -> None:
        self.connects: list[Received] = []
        self._target_port = target_port
        self._refusal = refusal

    def __call__(self, connection: socket.socket) -> None:
        if self._refusal is not None:
            connection.sendall(self._refusal)
            return
        with socket.create_connection(("127.0.0.1", self._target_port), timeout=_LONGEST_WAIT) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            upstream = threading.Thread(target=_pump, args=(connection, target), daemon=True)
            upstream.start()
            _pump(target, connection)
            upstream.join(_LONGEST_WAIT)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """Yield a port on which nobody listens, kept free of others meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
