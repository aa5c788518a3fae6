"""A real HTTP/1.1 server on 127.0.0.1 that hands requests over as they came and sends each answer in one write."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import ssl
import struct
import threading
from http import HTTPStatus
from typing import Any, BinaryIO

from ..seconds import monotonic_seconds
from .http_parser import BadRequestError, read_request
from .wire import PROMPT, Application, Delivery, HttpRequest, HttpResponse, octets

_logger = logging.getLogger("rolesanywhere_signer")

_IDLE_SECONDS = 60
# From its first byte to its last: a client that sends a byte now and then would hold a thread for ever.
_REQUEST_SECONDS = 60
# Each has a thread. What comes beyond that is closed at once.
_MOST_CONNECTIONS = 1024
# What is still read after a refusal, so that the client sees the answer and not a reset connection.
_DRAIN_BYTES = 1024 * 1024
_DRAIN_SECONDS = 1


class HttpServer:
    """Serves an application, each connection in a thread of its own.

    Args:
        application: Called from many threads.
        port: 0: any that is free.
        tls: None: plain HTTP.
    """

    def __init__(self, application: Application, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._application = application
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._acceptor = threading.Thread(target=self._accept, name="rolesanywhere-acceptor", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """Where the server listens."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop: every connection ends, and no thread is left."""
        address = self._listener.getsockname()
        self._closing.set()
        # Wakes the acceptor; closing a socket does not do that on every system.
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=1).close()
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            open_connections = dict(self._connections)
        for connection in open_connections.values():
            with contextlib.suppress(OSError):
                # The socket's own, also below TLS: that of TLS takes the cipher from a thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in open_connections:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # A client that went away while it waited, or no file descriptor for it.
                self._closing.wait(0.05)
                continue
            if self._closing.is_set():
                connection.close()
                return
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        """Serve a connection in a new thread; where there can be none, close it, and go on with the next."""
        thread = threading.Thread(target=self._serve, args=(connection,), name="rolesanywhere-http", daemon=True)
        with self._lock:
            is_one_too_many = len(self._connections) >= _MOST_CONNECTIONS
            if not is_one_too_many:
                self._connections[thread] = connection
        if is_one_too_many:
            connection.close()
            return
        try:
            thread.start()
        # The system has no more threads.
        except RuntimeError:
            connection.close()
            with self._lock:
                del self._connections[thread]

    def _serve(self, connection: socket.socket) -> None:
        try:
            # A connection that breaks is the client's choice.
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(_IDLE_SECONDS)
                if self._tls is None:
                    self._converse(connection)
                else:
                    self._converse_with_tls(connection, self._tls)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def _converse_with_tls(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        with tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as wrapped:
            # It has taken the descriptor from the other, which would no longer end when the server does.
            with self._lock:
                self._connections[threading.current_thread()] = wrapped
            if not self._closing.is_set():
                wrapped.do_handshake()
                self._converse(wrapped)

    def _converse(self, connection: socket.socket) -> None:
        reader = _TimedReader(connection)
        with io.BufferedReader(reader) as stream:
            while self._answer_one(connection, stream):
                reader.expect_another()

    def _answer_one(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Answer one request and return whether another may follow."""
        try:
            received = read_request(stream, lambda: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"))
        except BadRequestError as error:
            connection.sendall(_serialised(self._application.refuse(error.status, error.message), keep_open=False))
            _drain(connection)
            return False
        if received is None:
            return False
        request, keep_open = received
        # Little may be left of the time to receive it.
        connection.settimeout(_IDLE_SECONDS)
        response = self._respond(request)
        answer = _serialised(response, keep_open=keep_open, with_body=request.method != "HEAD")
        if response.delivery != PROMPT:
            return self._deliver(connection, answer, response.delivery) and keep_open
        # One write: headers and body apart would wait for a delayed acknowledgement, 40 ms.
        connection.sendall(answer)
        return keep_open

    def _deliver(self, connection: socket.socket, answer: bytes, delivery: Delivery) -> bool:
        """Send what the answer's fault leaves of it, and return whether the connection is still whole."""
        if delivery.hold:
            _hold(connection, delivery.wait_seconds)
            return False
        self._closing.wait(delivery.wait_seconds)
        if delivery.reset:
            # Closed with a linger time of 0, a connection is reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        connection.sendall(answer[: delivery.cut_after])
        return delivery.cut_after is None

    def _respond(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._application.respond(request)
        except Exception:
            # Without an answer the client would only see a broken connection.
            _logger.exception("the local service failed to answer %s %s", request.method, request.raw_path)
            return HttpResponse(500, (("x-amzn-ErrorType", "InternalFailure"),), b'{"message": "internal failure"}')


class _TimedReader(io.RawIOBase):
    """Reads a connection, and gives each request so much time and no more."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ends_at: float | None = None

    def expect_another(self) -> None:
        """Let the time of a request begin with what is received next."""
        self._ends_at = None

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Receive what there is, as a raw stream does.

        Raises:
            OSError: The connection broke, or the time is over.
        """
        if self._ends_at is not None:
            left = self._ends_at - monotonic_seconds()
            if left <= 0:
                raise TimeoutError("the request takes too long")
            self._connection.settimeout(left)
        received = self._connection.recv_into(buffer)
        if self._ends_at is None:
            self._ends_at = monotonic_seconds() + _REQUEST_SECONDS
        return received


def _serialised(response: HttpResponse, *, keep_open: bool, with_body: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Content-Length: {len(response.body)}", f"Connection: {'keep-alive' if keep_open else 'close'}", "", ""]
    return octets("\r\n".join(lines)) + (response.body if with_body else b"")


def _hold(connection: socket.socket, seconds: float | None) -> None:
    """Wait until the client leaves, the server closes, or the time is over; what it still sends is thrown away."""
    # Data starts the time anew; no client sends any before it has its answer.
    connection.settimeout(seconds)
    while connection.recv(65536):
        pass


def _drain(connection: socket.socket) -> None:
    """Read what the client still sends, within bounds, so that closing does not take the answer from it."""
    socket.socket.shutdown(connection, socket.SHUT_WR)
    connection.settimeout(_DRAIN_SECONDS)
    left = _DRAIN_BYTES
    while left > 0:
        chunk = connection.recv(65536)
        if not chunk:
            return
        left -= len(chunk)
