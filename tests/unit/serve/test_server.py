"""The server itself, over raw sockets: what is malformed, too large, too slow or too much does not get far."""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from waitress.channel import ClientDisconnected
from waitress.task import ErrorTask

from rolesanywhere_signer.seconds import monotonic_seconds, sleep
from rolesanywhere_signer.serve import server as module
from rolesanywhere_signer.serve.answers import Environ
from rolesanywhere_signer.serve.listening import Listener, listen_tcp, listen_unix, parse_bind_address
from rolesanywhere_signer.serve.server import Server
from tests.support.refreshing import DEADLINE, join_all, start
from tests.support.servers import reset
from tests.support.serving import (
    TOKEN,
    connect,
    converse,
    new_supplier,
    read_all,
    request_bytes,
    served_container,
    status_of,
)

CREDENTIALS = ("/reader", f"Authorization: {TOKEN}")


@pytest.fixture
def endpoint() -> Iterator[Listener]:
    _, _, supplier = new_supplier()
    with served_container(supplier) as listener:
        yield listener


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients have little time, and few connections."""
    monkeypatch.setattr(module, "_REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.6)
    monkeypatch.setattr(module, "_MOST_CONNECTIONS", 20)


def test_credentials_are_given(endpoint: Listener) -> None:
    answer = converse(endpoint, request_bytes(*CREDENTIALS))
    assert status_of(answer) == 200
    assert b'"SecretAccessKey": "a-secret-key"' in answer


def test_the_server_does_not_say_what_it_is(endpoint: Listener) -> None:
    for request in (request_bytes(*CREDENTIALS), b"nonsense\r\n\r\n", request_bytes(host="evil.example")):
        answer = converse(endpoint, request).lower()
        assert b"server:" not in answer
        assert b"waitress" not in answer


REFUSED = {
    "no host": (request_bytes(*CREDENTIALS, host=None), 403),
    "another host": (request_bytes(*CREDENTIALS, host="evil.example"), 403),
    "two hosts": (request_bytes(*CREDENTIALS, "Host: evil.example"), 403),
    "another port": (request_bytes(*CREDENTIALS, host="localhost:1"), 403),
    "forwarded": (request_bytes(*CREDENTIALS, "X-Forwarded-For: 10.0.0.1"), 400),
    "forwarded by two": (request_bytes(*CREDENTIALS, "x-forwarded-for: 10.0.0.1, 10.0.0.2"), 400),
    "forwarded, the new way": (request_bytes(*CREDENTIALS, "Forwarded: for=10.0.0.1"), 400),
    "absolute URI": (request_bytes(f"http://localhost{CREDENTIALS[0]}", CREDENTIALS[1]), 400),
    "absolute URI of another host": (request_bytes(f"http://evil.example{CREDENTIALS[0]}", CREDENTIALS[1]), 400),
    "CONNECT": (request_bytes("evil.example:443", CREDENTIALS[1], method="CONNECT"), 400),
    "another method": (request_bytes(*CREDENTIALS, method="PATCH"), 405),
    "a body that is too large": (request_bytes(*CREDENTIALS, "Content-Length: 1024"), 413),
    "a body of many gigabytes": (request_bytes(*CREDENTIALS, f"Content-Length: {10**30}"), 413),
    "chunks that are too large": (
        request_bytes(*CREDENTIALS, "Transfer-Encoding: chunked") + b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n",
        413,
    ),
    "nonsense": (b"nonsense\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100 + b"\r\n\r\n", 400),
    "no path": (b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a small method": (request_bytes(*CREDENTIALS, method="get"), 400),
    "a header without a colon": (request_bytes(*CREDENTIALS, "nonsense"), 400),
    "a header with a space": (request_bytes(*CREDENTIALS, "Host : evil.example"), 400),
    "a bare line feed": (request_bytes(*CREDENTIALS, "X: 1\nHost: evil.example"), 400),
    "a bare carriage return": (request_bytes(*CREDENTIALS, "X: 1\rY: 2"), 400),
    "a line folded before the first": (b"GET / HTTP/1.1\r\n X: 1\r\nHost: localhost\r\n\r\n", 400),
    "a length that is no number": (request_bytes(*CREDENTIALS, "Content-Length: x"), 400),
    "two lengths": (request_bytes(*CREDENTIALS, "Content-Length: 0", "Content-Length: 5"), 400),
    "a coding that is unknown": (request_bytes(*CREDENTIALS, "Transfer-Encoding: gzip"), 501),
    "a chunk that is none": (request_bytes(*CREDENTIALS, "Transfer-Encoding: chunked") + b"z\r\n", 400),
    "a header that is too large": (request_bytes(*CREDENTIALS, "X: " + "x" * 9000), 431),
    "headers without end": (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 3000, 431),
    "a target that is too large": (request_bytes("/" + "x" * 9000), 431),
    "a line without end": (b"x" * 9000, 431),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(endpoint: Listener, request_: bytes, status: int) -> None:
    answer = converse(endpoint, request_)
    # Of what is cut off in the middle of its sending, the answer may be lost.
    assert status_of(answer) in ({status, 0} if len(request_) > module._READ_BYTES else {status})
    assert b"a-secret-key" not in answer
    assert status_of(converse(endpoint, request_bytes(*CREDENTIALS))) == 200


def test_a_small_body_is_read_and_ignored(endpoint: Listener) -> None:
    request = request_bytes(*CREDENTIALS, "Content-Length: 5") + b"hello"
    assert status_of(converse(endpoint, request)) == 200


def test_requests_that_come_at_once_are_answered_in_their_order(endpoint: Listener) -> None:
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {TOKEN}\r\n\r\n".encode()
        for path in ("/reader", "/healthz", "/nothing")
    ]
    answers = converse(endpoint, b"".join(requests) + request_bytes("/readyz"))
    parts = answers.split(b"HTTP/1.1 ")[1:]
    assert [part[:3] for part in parts] == [b"200", b"200", b"404", b"200"]
    assert [b"a-secret-key" in part for part in parts] == [True, False, False, False]


def test_a_refusal_in_the_middle_ends_the_connection(endpoint: Listener) -> None:
    answers = converse(endpoint, b"nonsense\r\n\r\n" + request_bytes(*CREDENTIALS))
    assert status_of(answers) == 400
    assert b"a-secret-key" not in answers


def test_a_connection_is_kept_for_the_next_request(endpoint: Listener) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=DEADLINE)
    connection.connect()
    own = connection.sock
    for _ in range(50):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"alive": true}'
        assert connection.sock is own
    connection.close()


def seconds_until_closed(connection: socket.socket, pieces: Iterable[bytes], pause: float) -> float:
    """Send piece after piece until the server has closed; return how long that took."""
    began = monotonic_seconds()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for piece in pieces:
            connection.sendall(piece)
            connection.settimeout(pause)
            with contextlib.suppress(TimeoutError):
                if not connection.recv(65536):
                    break
    return monotonic_seconds() - began


def endlessly(first: bytes, then: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(int(DEADLINE / 0.05)):
        yield then


HEAD = b"GET /reader HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW = {
    "nothing": (b"", b""),
    "a letter": (b"G", b""),
    "a header, letter by letter": (HEAD + b"X: ", b"x"),
    "headers, one by one": (HEAD, b"X: 1\r\n"),
    "empty lines": (b"\r\n", b"\r\n"),
    "empty lines in pairs": (b"\r\n\r\n", b"\r\n\r\n"),
    "a body, letter by letter": (HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
    "chunks, one by one": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "nothing after a request": (WHOLE, b""),
    "a letter after a request": (WHOLE + b"G", b""),
    "empty lines after a request": (WHOLE, b"\r\n\r\n"),
}


@pytest.mark.usefixtures("hurried")
def test_whoever_drips_or_is_silent_is_cut_off(endpoint: Listener) -> None:
    def time(name: str) -> tuple[str, float]:
        with connect(endpoint) as connection:
            return name, seconds_until_closed(connection, endlessly(*SLOW[name]), 0.05)

    with ThreadPoolExecutor(len(SLOW)) as pool:
        seconds = dict(pool.map(time, SLOW))
    assert {name for name, passed in seconds.items() if passed > DEADLINE / 2} == set()


def is_cut_off(connection: socket.socket, data: bytes) -> bool:
    """Send as much as the server takes for the time being; return whether it has closed."""
    try:
        connection.sendall(data)
    except TimeoutError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


@pytest.mark.usefixtures("hurried")
def test_whoever_takes_no_answer_is_cut_off(endpoint: Listener) -> None:
    with connect(endpoint) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.settimeout(0.2)
        deadline = monotonic_seconds() + DEADLINE
        while not is_cut_off(connection, WHOLE * 100):
            assert monotonic_seconds() < deadline


@pytest.mark.usefixtures("hurried")
def test_silent_connections_do_not_keep_others_out(endpoint: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST_SECONDS", DEADLINE)
    with contextlib.ExitStack() as stack:
        # Far more than there may be, all of them open, none of them overdue.
        for _ in range(100):
            connection = stack.enter_context(connect(endpoint))
            connection.sendall(b"GET /reader HTTP/1.1\r\n")
        for _ in range(20):
            assert status_of(converse(endpoint, request_bytes(*CREDENTIALS))) == 200


@pytest.mark.usefixtures("hurried")
def test_the_one_that_has_waited_longest_makes_room(endpoint: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST_SECONDS", DEADLINE)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(connect(endpoint))
        others = [stack.enter_context(connect(endpoint)) for _ in range(module._MOST_CONNECTIONS)]
        assert first.recv(1) == b""
        for other in others[1:]:
            other.sendall(request_bytes())
            assert status_of(read_all(other)) == 200


class HeldApp:
    """Answers when the test lets it."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.entered.release()
        assert self.go.wait(DEADLINE)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"done"]


@contextlib.contextmanager
def held_server() -> Iterator[tuple[HeldApp, Server, Listener, threading.Thread]]:
    app, listener = HeldApp(), listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    server = Server(app, listener)
    thread = start(server.run)
    try:
        yield app, server, listener, thread
    finally:
        app.go.set()
        server.stop()
        join_all([thread])


def test_answers_that_are_under_way_are_finished_at_the_end() -> None:
    with held_server() as (app, server, listener, thread):
        with connect(listener) as asking, connect(listener) as silent:
            asking.sendall(request_bytes())
            assert app.entered.acquire(timeout=DEADLINE)
            server.stop()
            sleep(0.1)
            assert thread.is_alive()
            app.go.set()
            assert read_all(asking).endswith(b"done")
            assert silent.recv(1) == b""
            join_all([thread])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", listener.port or 0), timeout=DEADLINE)


def test_an_app_that_never_answers_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LAST_ANSWERS_SECONDS", 0.1)
    monkeypatch.setattr(module.ThreadedTaskDispatcher.shutdown, "__defaults__", (True, 0.1))
    with held_server() as (app, server, listener, thread), connect(listener) as asking:
        asking.sendall(request_bytes())
        assert app.entered.acquire(timeout=DEADLINE)
        server.stop()
        join_all([thread])


def test_a_fault_of_the_app_is_an_error_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: Any) -> Iterable[bytes]:
        raise RuntimeError("planted")

    listener = listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    server = Server(app, listener)
    thread = start(server.run)
    try:
        with caplog.at_level(logging.CRITICAL + 1, "waitress"):
            answer = converse(listener, request_bytes())
    finally:
        server.stop()
        join_all([thread])
    assert status_of(answer) == 500
    assert b"planted" not in answer


def test_whoever_hangs_up_writes_no_log(endpoint: Listener, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            for data in (b"nonsense\r\n\r\n", b"x" * 9000, request_bytes(*CREDENTIALS)):
                with connect(endpoint) as connection:
                    connection.sendall(data)
                    reset(connection)
        assert status_of(converse(endpoint, request_bytes(*CREDENTIALS))) == 200
    assert caplog.records == []


def test_whoever_hangs_up_in_the_middle_of_a_refusal_writes_no_log(
    endpoint: Listener, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(_task: object) -> None:
        raise ClientDisconnected

    # What waitress raises between two writes, if the client chooses that moment.
    monkeypatch.setattr(ErrorTask, "execute", hang_up)
    with caplog.at_level(logging.WARNING):
        assert converse(endpoint, b"nonsense\r\n\r\n") == b""
    assert caplog.records == []


def test_an_answer_comes_over_a_unix_socket(tmp_path: Any) -> None:
    listener = listen_unix(str(tmp_path / "socket"))
    app = HeldApp()
    app.go.set()
    server = Server(app, listener)
    thread = start(server.run)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(listener.path)
            client.sendall(request_bytes())
            assert read_all(client).endswith(b"done")
    finally:
        server.stop()
        join_all([thread])
    assert not (tmp_path / "socket").exists()


def test_nothing_is_left_at_the_end() -> None:
    before = set(threading.enumerate())
    _, _, supplier = new_supplier()
    with served_container(supplier) as listener, connect(listener) as connection:
        connection.sendall(request_bytes(*CREDENTIALS))
        assert status_of(read_all(connection)) == 200
    supplier._thread.join(DEADLINE)
    left = [thread for thread in threading.enumerate() if thread not in before]
    join_all(left)
    assert listener.socket.fileno() == -1
