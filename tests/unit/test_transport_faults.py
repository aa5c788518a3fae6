"""What goes wrong between a request and its answer: every fault of the network and of servers is our error."""

from __future__ import annotations

import contextlib
import pickle
import socket
import time

import pytest
import urllib3

from rolesanywhere_signer.errors import ConfigurationError, TransportError
from tests.support.arns import make_settings
from tests.support.sending import exchange
from tests.support.servers import RawServer, http, raw_server, read_request, receive, reset, unused_port


def failure(server: RawServer, **settings: object) -> TransportError:
    with pytest.raises(TransportError) as caught:
        exchange(make_settings(server.url, **settings))
    return caught.value


def test_a_refused_connection_is_retryable() -> None:
    with unused_port() as port, pytest.raises(TransportError, match="Connection refused") as caught:
        exchange(make_settings(f"http://127.0.0.1:{port}"))

    assert caught.value.retryable
    assert f"127.0.0.1:{port}" in caught.value.message
    assert caught.value.__cause__ is not None
    assert "0x" not in caught.value.message  # no address of an object in memory


@pytest.mark.parametrize("when", ["before the answer", "within the status line", "within the headers", "in the body"])
def test_a_connection_that_breaks_is_retryable(when: str) -> None:
    begun = {
        "before the answer": b"",
        "within the status line": b"HTTP/1.1 2",
        "within the headers": b"HTTP/1.1 201 Created\r\nContent-Le",
        "in the body": b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc",
    }[when]

    def break_off(connection: socket.socket) -> None:
        connection.sendall(begun)
        time.sleep(0.02)  # so that what was sent arrives before the RST
        reset(connection)

    with raw_server(break_off) as server:
        error = failure(server)

    assert error.retryable
    assert f"127.0.0.1:{server.port}" in error.message


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n"])
def test_the_reason_is_told_in_words(answer: bytes) -> None:
    with raw_server(answer) as server:
        assert "('" not in failure(server).message


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
    ],
    ids=["length", "chunk", "bad chunk"],
)
def test_a_truncated_answer_is_never_taken_for_a_whole_one(answer: bytes) -> None:
    with raw_server(answer) as server:
        assert failure(server).retryable


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc Reason\r\n\r\n",
        b"HTTP/1.1 99999 Reason\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n",
    ],
    ids=["nothing", "garbage", "no status", "status", "ssh", "tls alert", "long line", "long header", "200 headers"],
)
def test_what_is_not_http_is_our_error(answer: bytes) -> None:
    with raw_server(answer) as server:
        error = failure(server)
    assert len(str(error)) < 600


@pytest.mark.parametrize("answer", [b"\x1b[2J\x1b[31mowned\r\n\r\n", b"HTTP/1.1 2\x1b[2J0 OK\r\n\r\n"])
def test_control_characters_of_a_server_do_not_reach_a_terminal(answer: bytes) -> None:
    with raw_server(answer) as server:
        assert failure(server).message.isprintable()


def test_a_server_that_does_not_answer_is_a_retryable_time_out() -> None:
    with raw_server(lambda _: server.stopped.wait(20)) as server:
        error = failure(server, read_timeout_seconds=0.1)

    assert error.retryable
    assert "did not answer within 0.1 s" in error.message


def test_a_body_that_stops_coming_is_a_retryable_time_out() -> None:
    def stall(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc")
        server.stopped.wait(20)

    with raw_server(stall) as server:
        assert failure(server, read_timeout_seconds=0.1).retryable


def test_a_server_that_does_not_accept_is_a_retryable_time_out() -> None:
    """A full backlog: the kernel drops what it cannot queue."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        queue = [socket.socket() for _ in range(8)]
        try:
            for waiting in queue:
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            with pytest.raises(TransportError, match=r"did not accept a connection within 0\.2 s") as caught:
                exchange(make_settings(f"http://127.0.0.1:{port}", connect_timeout_seconds=0.2))
        finally:
            for waiting in queue:
                waiting.close()

    assert caught.value.retryable
    assert caught.value.hint


def test_a_name_that_does_not_resolve_is_retryable_and_told() -> None:
    with pytest.raises(TransportError) as caught:
        exchange(make_settings("https://rolesanywhere.invalid"))

    assert caught.value.retryable
    assert "rolesanywhere.invalid" in caught.value.message
    assert caught.value.hint is not None
    assert "does not resolve" in caught.value.hint


def test_an_older_urllib3_without_a_class_for_names_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(urllib3.exceptions, "NameResolutionError", raising=False)
    with unused_port() as port, pytest.raises(TransportError):
        exchange(make_settings(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("host", ["a..b", "-", "x" * 70 + ".example", "*.example", "300.300.300.300", "[fe80::1%25x]"])
def test_a_host_that_cannot_be_is_our_error(host: str) -> None:
    with pytest.raises((TransportError, ConfigurationError)):
        exchange(make_settings(f"https://{host}:9"))


def test_a_server_that_answers_before_it_reads_is_heard() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(http(413, b"too large"))
        connection.shutdown(socket.SHUT_WR)
        read_request(connection)

    with raw_server(refuse, reads=False) as server:
        assert exchange(make_settings(server.url)).status == 413


def test_an_interim_answer_is_passed_over() -> None:
    with raw_server(b"HTTP/1.1 100 Continue\r\n\r\n" + http(201, b"ok")) as server:
        assert exchange(make_settings(server.url)).body == b"ok"


def test_the_error_carries_no_signed_request_into_crash_reports() -> None:
    with raw_server(b"garbage\r\n\r\n") as server:
        error = failure(server)

    cause = error.__cause__
    assert getattr(cause, "request", None) is None
    assert getattr(cause, "response", None) is None


def test_the_error_survives_pickling() -> None:
    with raw_server(b"garbage\r\n\r\n") as server:
        error = failure(server)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.retryable, copy.code) == (str(error), error.retryable, "transport")


def test_a_request_is_read_to_its_end_by_the_servers_of_these_tests() -> None:
    """The helper itself: what the tests say of received bytes rests on it."""
    with raw_server(http(204)) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        client.sendall(b"cd")
        assert receive(client).startswith(b"HTTP/1.1 204 ")
    assert server.received[0].body == b"abcd"


@pytest.mark.parametrize(
    ("begun", "again"),
    [
        (b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 201 Created\r\nX-Slow: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "headers", "interim answers"],
)
def test_an_answer_that_drips_has_an_end(begun: bytes, again: bytes) -> None:
    """Each part comes well within the read time-out; the whole would never come."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(begun)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(again)
                time.sleep(0.02)

    with raw_server(drip) as server:
        error = failure(server, connect_timeout_seconds=0.2, read_timeout_seconds=0.2)

    assert error.retryable
    assert "no whole answer came within 0.4 s" in error.message
