"""The real server: what it hands over, what it refuses, how it answers, and that it ends."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere, http_server
from rolesanywhere_signer.testing.http_parser import MAX_BODY, MAX_HEADERS, MAX_LINE
from tests.emulator.doors import connected, raw_bytes, receive
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import LEAF, World, content, header


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    with world.service:
        yield world


def exchange(world: World, sent: bytes, method: str = "POST") -> tuple[int, str]:
    """Send bytes and return the status and message of the first answer."""
    with connected(world.service) as connection:
        connection.sendall(sent)
        response = receive(connection, method)
        assert header(response, "x-amzn-RequestId")
        assert header(response, "Date") == format_datetime(NOW, usegmt=True)
        return response.status, "" if response.status == 201 else content(response)["message"]


class TestConversation:
    def test_several_requests_on_one_connection(self, world: World) -> None:
        with connected(world.service) as connection:
            for _ in range(3):
                connection.sendall(raw_bytes(sign_as(LEAF, world.body())))
                assert receive(connection).status == 201
        assert len(world.service.calls) == 3

    def test_pipelined_requests_are_answered_in_order(self, world: World) -> None:
        with connected(world.service) as connection:
            good = raw_bytes(sign_as(LEAF, world.body()))
            last = raw_bytes(replace(sign_as(LEAF, b""), headers=(("Host", "a"), ("Connection", "close"))))
            connection.sendall(good + last)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        assert received.index(b"HTTP/1.1 201") < received.index(b"HTTP/1.1 403")

    @pytest.mark.parametrize(
        "sent",
        [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x , Close\r\n\r\n", b"nonsense\r\n\r\n"],
    )
    def test_the_connection_closes_where_it_must(self, world: World, sent: bytes) -> None:
        with connected(world.service) as connection:
            connection.sendall(sent)
            assert header(receive(connection, "GET"), "Connection") == "close"
            assert connection.recv(1) == b""

    def test_each_answer_is_one_write(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        writes: list[bytes] = []
        original = socket.socket.sendall

        def sendall(self: socket.socket, data: bytes) -> None:
            if threading.current_thread().name == "rolesanywhere-http":
                writes.append(data)
                assert self.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            original(self, data)

        monkeypatch.setattr(socket.socket, "sendall", sendall)
        exchange(world, raw_bytes(sign_as(LEAF, world.body())))
        [written] = writes
        assert written.startswith(b"HTTP/1.1 201 Created\r\n")
        assert b'"credentialSet"' in written

    def test_a_client_that_waits_for_100_is_told_to_go_on(self, world: World) -> None:
        request = sign_as(LEAF, world.body())
        head, _, body = raw_bytes(replace(request, headers=(*request.headers, ("Expect", "100-continue")))).partition(
            b"\r\n\r\n"
        )
        with connected(world.service) as connection:
            connection.sendall(head + b"\r\n\r\n")
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert receive(connection).status == 201

    def test_a_request_may_come_byte_by_byte(self, world: World) -> None:
        with connected(world.service) as connection:
            for byte in raw_bytes(HttpRequest("POST", "/sessions", (("Host", "a"),), b"{}")):
                connection.sendall(bytes([byte]))
            assert receive(connection).status == 403

    def test_lines_may_end_with_lf_alone(self, world: World) -> None:
        assert exchange(world, b"GET / HTTP/1.1\nHost: a\n\n", "GET") == (404, "Unknown operation")

    def test_head_has_no_body(self, world: World) -> None:
        with connected(world.service) as connection:
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        assert received.startswith(b"HTTP/1.1 404")
        assert received.endswith(b"\r\n\r\n")


class TestWhatIsHandedOver:
    def test_everything_as_it_came(self, world: World) -> None:
        headers = (
            ("hOsT", "a:1"),
            ("X-Two", "b"),
            ("x-two", "a  a"),
            ("X-Empty", ""),
            ("X-Latin", "\u00e9\u00a0"),
            ("Content-Length", "3"),
        )
        request = HttpRequest("POST", "/%73essions?b=%41&a=+&&%zz", headers, b"\x00\xff{")
        exchange(world, raw_bytes(request))
        assert world.service.calls[0].request == request


class TestRefusals:
    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nX_Amz_Date: 1\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\n continued\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\n: a\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"POST /sessions HTTP/2.0\r\nHost: a\r\n\r\n", 400),
            (b"POST /sessions\r\n\r\n", 400),
            (b"POST  /sessions HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"POST /ses sions HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"\r\n", 400),
            (b"\x16\x03\x01\x00\xa5\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 411),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * MAX_HEADERS + b"\r\n", 431),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\na: " + b"x" * MAX_LINE + b"\r\n\r\n", 431),
            (b"POST /sessions HTTP/1.1\r\nHost: a\r\n" + (b"a: " + b"x" * 60000 + b"\r\n") * 5 + b"\r\n", 431),
            (b"POST /" + b"x" * MAX_LINE + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ],
        ids=lambda value: value[:60].decode("latin-1") + str(len(value)) if isinstance(value, bytes) else value,
    )
    def test_what_is_no_request(self, world: World, head: bytes, status: int) -> None:
        assert exchange(world, head)[0] == status
        assert world.service.calls == []

    def test_a_client_with_too_large_a_body_can_send_it_all_and_read_its_answer(self, world: World) -> None:
        part, parts = b"x" * 50_000, 10
        with connected(world.service) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (len(part) * parts))
            readable, _, _ = select.select([connection], [], [], 30)
            assert readable
            # The answer is there, and the client, which has not looked, goes on: a closed socket would reset it.
            time.sleep(0.1)
            for _ in range(parts):
                connection.sendall(part)
            response = receive(connection)
        assert (response.status, content(response)["message"]) == (413, f"the body has more than {MAX_BODY} bytes")

    @pytest.mark.parametrize(
        "sent", [b"POST /sess", b"POST / HTTP/1.1\r\nHo", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"]
    )
    def test_a_request_that_ends_too_early(self, world: World, sent: bytes) -> None:
        with connected(world.service) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert receive(connection).status == 400

    def test_a_chain_of_large_certificates_fits(self, world: World) -> None:
        request = sign_as(LEAF, world.body(), headers=[("X-Large", "x" * 60_000)])
        assert exchange(world, raw_bytes(request)) == (201, "")


class TestFaultsInside:
    def test_a_clock_without_zone_is_an_answer_and_a_log_line(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        good = world.service.clock
        world.service.clock = lambda: good().replace(tzinfo=None)
        with connected(world.service) as connection:
            connection.sendall(raw_bytes(sign_as(LEAF, world.body())))
            response = receive(connection)
        assert (response.status, json.loads(response.body)) == (500, {"message": "internal failure"})
        assert "failed to answer POST /sessions" in caplog.text
        world.service.clock = good


class TestLife:
    def test_it_ends_while_clients_hold_connections_and_leaves_no_thread(self) -> None:
        before = set(threading.enumerate())
        service = World().service.__enter__()
        with connected(service) as idle, connected(service) as halfway:
            halfway.sendall(b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            address = idle.getpeername()
            closing = threading.Thread(target=service.__exit__, args=(None, None, None), daemon=True)
            closing.start()
            # Far less than the idle time-out of a connection.
            closing.join(30)
            assert not closing.is_alive()
            assert set(threading.enumerate()) == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)

    def test_it_waits_for_an_answer_that_is_under_way(self) -> None:
        world = World()
        began, ended = threading.Event(), threading.Event()

        def slow_clock() -> datetime:
            began.set()
            time.sleep(0.2)
            ended.set()
            return NOW

        world.service.clock = slow_clock
        with world.service, connected(world.service) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert began.wait(30)
        assert ended.is_set()

    def test_it_ends_while_the_block_raises(self) -> None:
        before = set(threading.enumerate())
        with pytest.raises(ZeroDivisionError), World().service:
            _ = 1 / 0
        assert set(threading.enumerate()) == before

    def test_it_listens_on_loopback_and_a_port_of_its_own(self) -> None:
        first, second = LocalRolesAnywhere(), LocalRolesAnywhere()
        with first, second:
            assert first.url.startswith("http://127.0.0.1:")
            assert first.url != second.url

    def test_it_may_listen_again(self, world: World) -> None:
        service = World().service
        for _ in range(2):
            with service, connected(service) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert receive(connection, "GET").status == 404

    def test_it_cannot_be_entered_twice(self, world: World) -> None:
        with pytest.raises(ConfigurationError, match="listening already"):
            world.service.__enter__()

    def test_without_with_it_has_no_url(self) -> None:
        with pytest.raises(ConfigurationError, match="with statement"):
            _ = LocalRolesAnywhere().url

    def test_an_interpreter_ends_with_the_server_still_open(self) -> None:
        code = (
            "from rolesanywhere_signer.testing import LocalRolesAnywhere\n"
            "import socket\n"
            "service = LocalRolesAnywhere().__enter__()\n"
            "held = socket.create_connection(('127.0.0.1', int(service.url.rpartition(':')[2])))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class TestManyAtOnce:
    def test_what_comes_beyond_the_limit_is_closed_and_the_others_go_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_server, "_MOST_CONNECTIONS", 2)
        with connected(world.service) as first, connected(world.service) as second:
            for connection in (first, second):
                connection.sendall(raw_bytes(sign_as(LEAF, world.body())))
                assert receive(connection).status == 201
            with connected(world.service) as third:
                assert third.recv(1) == b""
            first.sendall(raw_bytes(sign_as(LEAF, world.body())))
            assert receive(first).status == 201

    def test_who_sends_a_byte_now_and_then_does_not_hold_a_thread_for_ever(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_server, "_REQUEST_SECONDS", 0.2)
        ended = False
        with connected(world.service) as connection:
            connection.sendall(b"POST /sessions HTTP/1.1\r\nX: ")
            for _ in range(600):
                try:
                    connection.sendall(b"x")
                except OSError:
                    ended = True
                    break
                ended = bool(select.select([connection], [], [], 0.05)[0])
                if ended:
                    break
        assert ended

    def test_a_request_after_a_pause_has_its_own_time(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "_REQUEST_SECONDS", 0.5)
        with connected(world.service) as connection:
            for _ in range(2):
                connection.sendall(raw_bytes(sign_as(LEAF, world.body())))
                assert receive(connection).status == 201
                time.sleep(0.7)

    def test_a_system_without_threads_closes_the_connection_and_the_next_is_served(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start = threading.Thread.start

        def no_more(thread: threading.Thread) -> None:
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", no_more)
        with connected(world.service) as refused:
            assert refused.recv(1) == b""
        assert exchange(world, raw_bytes(sign_as(LEAF, world.body()))) == (201, "")

    def test_64_clients(self, world: World) -> None:
        request = raw_bytes(sign_as(LEAF, world.body()))

        def ask(_: int) -> int:
            with connected(world.service) as connection:
                connection.sendall(request)
                return receive(connection).status

        with ThreadPoolExecutor(64) as pool:
            assert list(pool.map(ask, range(128))) == [201] * 128
        assert len(world.service.calls) == 128
