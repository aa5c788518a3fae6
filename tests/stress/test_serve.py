"""Local endpoints under load: a hundred clients at the refresh moment, an outage, and a long run with flat memory.

``STRESS_SERVE_REQUESTS`` says how long the run is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from rolesanywhere_signer.assembly import make_refresher
from rolesanywhere_signer.serve.listening import Listener
from rolesanywhere_signer.serve.supplier import Supplier
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.command_line import session_words
from tests.support.refreshing import DEADLINE, join_all, settle, start
from tests.support.relay import hand_on
from tests.support.rotating import PassingClock
from tests.support.servers import raw_server, read_request, reset
from tests.support.serving import (
    TOKEN,
    Program,
    connect,
    converse,
    read_all,
    request_bytes,
    served_container,
    status_of,
)
from tests.support.world import World

REQUESTS = int(os.environ.get("STRESS_SERVE_REQUESTS", "3000"))
CLIENTS = 100
ASK = request_bytes("/s3-reader", f"Authorization: {TOKEN}")
# What the allocator keeps, and the buffers of as many connections as there may be.
MOST_GROWTH_KIB = 4096


class Front:
    """Stands before the service: lets through, holds back, or breaks."""

    def __init__(self, service: LocalRolesAnywhere) -> None:
        self._service = service
        self.go = threading.Event()
        self.go.set()
        self.is_down = False
        self.came = threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> None:
        received = read_request(connection)
        self.came.release()
        if self.is_down:
            reset(connection)
            return
        assert self.go.wait(DEADLINE)
        connection.sendall(hand_on(received, self._service.url))


class Endpoint:
    """A container's endpoint over a real service with a front, all by one clock that is set."""

    def __init__(self, world: World, front: Front, url: str) -> None:
        self.clock = PassingClock()
        self.front = front
        self.world = world
        world.service.clock = self.clock
        client = world.client(clock=self.clock, endpoint_url=url, max_attempts=1)
        self.supplier = Supplier("s3-reader", make_refresher(client, None, ()), self.clock)

    @property
    def calls(self) -> int:
        return len(self.world.service.calls)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with LocalRolesAnywhere() as service:
        front = Front(service)
        with raw_server(front, reads=False) as server:
            yield Endpoint(World(service, tmp_path), front, server.url)


def ask_at_once(listener: Listener, clients: int) -> list[tuple[int, str]]:
    """Send a request from each of so many clients in one moment; return status and access key of each answer."""
    barrier = threading.Barrier(clients)

    def ask(_number: int) -> tuple[int, str]:
        with connect(listener) as connection:
            barrier.wait(DEADLINE)
            connection.sendall(ASK)
            answer = read_all(connection)
        key = re.search(rb'"AccessKeyId": "(\w+)"', answer)
        return status_of(answer), key[1].decode() if key else ""

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, range(clients)))


@pytest.mark.parametrize("minutes", [46, 59.5], ids=["window", "last minute"])
def test_a_hundred_clients_at_the_refresh_moment_make_one_call_and_none_waits(
    endpoint: Endpoint, minutes: float
) -> None:
    with served_container(endpoint.supplier) as listener:
        (first,) = set(ask_at_once(listener, CLIENTS))
        assert first[0] == 200
        assert endpoint.calls == 1
        endpoint.front.came.acquire()
        endpoint.front.go.clear()
        endpoint.clock.ahead = timedelta(minutes=minutes)
        # The service says nothing, and all of them have their answer.
        assert set(ask_at_once(listener, CLIENTS)) == {first}
        assert endpoint.front.came.acquire(timeout=DEADLINE)
        endpoint.front.go.set()
        endpoint.supplier.fetch()
        settle()
        (second,) = set(ask_at_once(listener, CLIENTS))
        assert second[0] == 200
        assert second != first
        assert endpoint.calls == 2


def test_an_outage_of_ten_minutes_costs_nothing_while_credentials_are_good(endpoint: Endpoint) -> None:
    with served_container(endpoint.supplier) as listener:
        (first,) = set(ask_at_once(listener, 1))
        endpoint.front.is_down = True
        # From the 48th minute to the 58th, a client every ten seconds.
        for seconds in range(48 * 60, 58 * 60, 10):
            endpoint.clock.ahead = timedelta(seconds=seconds)
            assert ask_at_once(listener, 1) == [first]
            settle()
        endpoint.front.is_down = False
        endpoint.clock.ahead += timedelta(minutes=2)
        ask_at_once(listener, 1)
        settle()
        endpoint.supplier.fetch()
        ((status, key),) = set(ask_at_once(listener, CLIENTS))
        assert status == 200
        assert key != first[1]


def test_after_the_end_of_the_credentials_there_is_a_reason_and_then_a_recovery(endpoint: Endpoint) -> None:
    with served_container(endpoint.supplier) as listener:
        endpoint.front.is_down = True
        endpoint.clock.ahead = timedelta(minutes=61)
        answers = Counter(status for status, _ in ask_at_once(listener, CLIENTS))
        assert answers == {503: CLIENTS}
        # One call had an error; the hundred wait for no other.
        document = json.loads(converse(listener, ASK).partition(b"\r\n\r\n")[2])
        assert document["code"] == "TransportError"
        assert status_of(converse(listener, request_bytes("/readyz"))) == 503
        endpoint.front.is_down = False
        endpoint.clock.ahead += timedelta(minutes=1)
        ((status, _),) = set(ask_at_once(listener, CLIENTS))
        assert status == 200
        assert status_of(converse(listener, request_bytes("/readyz"))) == 200
        assert endpoint.calls == 2


def test_without_credentials_a_hundred_clients_wait_no_longer_than_they_have_time(endpoint: Endpoint) -> None:
    with served_container(endpoint.supplier) as listener:
        endpoint.front.came.acquire()
        endpoint.front.go.clear()
        endpoint.clock.ahead = timedelta(minutes=61)
        # Nobody lets the service go: each has its answer before that.
        answers = Counter(status for status, _ in ask_at_once(listener, CLIENTS))
        assert answers == {503: CLIENTS}
        endpoint.front.go.set()


def memory_of(program: Program, name: str) -> int:
    """Return a figure of a process in KiB: VmRSS is what it has, VmHWM the most that it ever had."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found
    return int(found[1])


class Load:
    """Clients of one program, each with a connection that it keeps, and some that are a nuisance."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests = requests
        self.statuses: Counter[int] = Counter()
        self._lock = threading.Lock()

    def run(self, count: int, threads: int = 4) -> None:
        join_all_for_long([start(lambda: self._converse(count // threads)) for _ in range(threads)])

    def _converse(self, count: int) -> None:
        statuses: Counter[int] = Counter()
        with contextlib.ExitStack() as stack:
            stream = None
            for number in range(count):
                if stream is None or number % 100 == 0:
                    stack.close()
                    connection = stack.enter_context(socket.create_connection(("127.0.0.1", self._port), DEADLINE))
                    stream = stack.enter_context(connection.makefile("rwb"))
                stream.write(self._requests[number % len(self._requests)])
                stream.flush()
                statuses[read_answer(stream)] += 1
                if number % 50 == 0:
                    self._be_a_nuisance(number)
        with self._lock:
            self.statuses += statuses

    def _be_a_nuisance(self, number: int) -> None:
        nonsense = [b"", b"GET /", b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n", b"x" * 9000]
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port), DEADLINE) as connection,
        ):
            connection.sendall(nonsense[(number // 50) % len(nonsense)])


def join_all_for_long(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
    join_all(threads)


def read_answer(stream: object) -> int:
    """Read one answer with a length and return its status."""
    readline, read = stream.readline, stream.read  # type: ignore[attr-defined]
    status = status_of(readline())
    length = 0
    while (line := readline()) != b"\r\n":
        assert line, "the server hung up"
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    assert len(read(length)) == length
    return status


def kept(target: str, *lines: str, method: str = "GET") -> bytes:
    heads = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines]
    return ("\r\n".join(heads) + "\r\n\r\n").encode()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("protocol", ["imds", "container"])
def test_memory_is_flat(tmp_path: Path, protocol: str) -> None:
    with LocalRolesAnywhere() as service:
        words = [*session_words(World(service, tmp_path)), "--port", "0"]
        if protocol == "container":
            words += ["--container", "--token-file", str(tmp_path / "token")]
        with Program(words) as program:
            load = Load(program.port, requests_of(protocol, program.port, tmp_path))
            load.run(max(1000, REQUESTS // 10))
            before = memory_of(program, "VmRSS")
            load.run(REQUESTS)
            after, peak = memory_of(program, "VmRSS"), memory_of(program, "VmHWM")
            code, stdout, stderr = program.end()
        print(f"\n{protocol}: {REQUESTS} requests, {before} KiB before, {after} KiB after, peak {peak} KiB")  # noqa: T201
        assert (code, stdout, stderr) == (0, "", "")
        assert set(load.statuses) == {200, 401}
        assert after - before < MOST_GROWTH_KIB
        assert len(service.calls) == 1


def requests_of(protocol: str, port: int, tmp_path: Path) -> list[bytes]:
    if protocol == "container":
        token = (tmp_path / "token").read_text()
        own = [kept("/", f"Authorization: {token}"), kept("/", "Authorization: x")]
        return [*own, kept("/healthz"), kept("/readyz")]
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall(request_bytes("/latest/api/token", method="PUT"))
        token = read_all(connection).partition(b"\r\n\r\n")[2].decode()
    header = f"X-aws-ec2-metadata-token: {token}"
    path = "/latest/meta-data/iam/security-credentials/"
    asking = [kept(path, header), kept(f"{path}s3-reader", header), kept(path)]
    return [kept("/latest/api/token", method="PUT"), *asking, kept("/readyz")]
