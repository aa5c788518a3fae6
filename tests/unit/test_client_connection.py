"""The connection of a client: over several attempts and calls, in forked children, in pickles, and at its end."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import rolesanywhere_signer
from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.errors import ServiceError
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.answers import created, refused
from tests.support.clients import TickingClock, make_client
from tests.support.forking import forks_with_threads, in_forked_child, needs_fork
from tests.support.keeping import KeepAlive, hang_up, kept
from tests.support.sending import leaf
from tests.support.servers import raw_server, reset
from tests.support.tls import ca_pem, server_context
from tests.support.world import World


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip the back-off between two attempts, and return how long each would have been."""
    waited: list[float] = []
    monkeypatch.setattr(client_module, "sleep", waited.append)
    return waited


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem())
    return path


class Held:
    """A server with TLS that answers every call over kept connections, and a client of it that has made a call."""

    def __init__(self, clock: TickingClock, url: str, server: KeepAlive, ca_file: Path) -> None:
        self.server = server
        self.client: RolesAnywhereClient | None = make_client(url, clock, verify=ca_file)
        self.call()

    def call(self) -> bool:
        assert self.client is not None
        return self.client.create_session().access_key_id.startswith("ASIA")

    def let_go(self) -> bool:
        self.client = None
        gc.collect()
        return True


@pytest.fixture
def held(clock: TickingClock, ca_file: Path) -> Iterator[Held]:
    server = KeepAlive(kept(created(clock.now + timedelta(days=1))))
    with raw_server(server, reads=False, tls=server_context()) as raw:
        yield Held(clock, raw.url, server, ca_file)


def test_two_calls_have_one_connection(held: Held) -> None:
    held.call()
    assert held.server.counts == [2]


def test_an_attempt_after_throttling_has_the_same_connection(clock: TickingClock, delays: list[float]) -> None:
    throttled = kept(refused("Rate exceeded", 429, "ThrottlingException"))
    server = KeepAlive(throttled, throttled, kept(created(clock.now)))
    with raw_server(server, reads=False) as raw:
        make_client(raw.url, clock).create_session()
    assert server.counts == [3]
    assert len(delays) == 2


def test_the_attempt_with_the_time_of_the_service_has_the_same_connection(clock: TickingClock) -> None:
    service_time = clock.now + timedelta(minutes=30)
    server = KeepAlive(kept(refused("Invalid signature", date=service_time)), kept(created(service_time)))
    with raw_server(server, reads=False) as raw:
        make_client(raw.url, clock).create_session()
    assert server.counts == [2]


@pytest.mark.parametrize("close", [hang_up, reset])
def test_a_kept_connection_that_was_closed_is_no_attempt(
    clock: TickingClock, delays: list[float], close: KeepAlive
) -> None:
    answer = kept(created(clock.now + timedelta(days=1)))
    server = KeepAlive(answer, close, answer)
    with raw_server(server, reads=False) as raw:
        client = make_client(raw.url, clock, max_attempts=1)
        client.create_session()
        client.create_session()
    assert server.counts == [2, 1]
    assert delays == []


def test_attempts_end_all_the_same(clock: TickingClock, delays: list[float]) -> None:
    throttled = kept(refused("Rate exceeded", 429, "ThrottlingException"))
    server = KeepAlive(throttled, hang_up, throttled, hang_up, throttled)
    with raw_server(server, reads=False) as raw, pytest.raises(ServiceError):
        make_client(raw.url, clock, max_attempts=3).create_session()
    assert server.counts == [2, 2, 1]
    assert len(delays) == 2


def test_a_pickled_client_has_a_connection_of_its_own(clock: TickingClock, tmp_path: Path) -> None:
    (tmp_path / "pair.pem").write_bytes(leaf().pem + leaf().key_pem)
    (tmp_path / "pair.pem").chmod(0o600)
    server = KeepAlive(kept(created(clock.now + timedelta(days=1))))
    with raw_server(server, reads=False) as raw:
        client = make_client(raw.url, clock, identity=Identity.from_files(tmp_path / "pair.pem"))
        client.create_session()
        other: RolesAnywhereClient = pickle.loads(pickle.dumps(client))
        other.create_session()
        client.create_session()
    assert server.counts == [2, 1]


# --- forked children ----------------------------------------------------------------------------------------------


@needs_fork
@forks_with_threads
def test_a_forked_child_has_a_connection_of_its_own_and_the_parent_goes_on_with_its_own(held: Held) -> None:
    assert in_forked_child(lambda: held.call() and held.call())
    held.call()
    assert held.server.counts == [2, 2]


@needs_fork
@forks_with_threads
def test_a_child_that_lets_the_client_go_leaves_the_connection_to_its_parent(held: Held) -> None:
    assert in_forked_child(held.let_go)
    held.call()
    assert held.server.counts == [2]


@needs_fork
@forks_with_threads
def test_a_child_that_never_uses_the_client_leaves_the_connection_to_its_parent(held: Held) -> None:
    assert in_forked_child(lambda: True)
    held.call()
    assert held.server.counts == [2]


@needs_fork
@forks_with_threads
def test_the_child_of_a_child_has_its_own_too(held: Held) -> None:
    assert in_forked_child(lambda: held.call() and in_forked_child(held.call) and held.call())
    held.call()
    assert sorted(held.server.counts) == [1, 2, 2]


@needs_fork
@forks_with_threads
def test_a_child_of_many_threads_calls_at_once(clock: TickingClock) -> None:
    """Whatever the other threads were doing with the connection when the process forked."""
    stop = threading.Event()

    def call_without_end() -> None:
        while not stop.is_set():
            client.create_session()

    with raw_server(KeepAlive(kept(created(clock.now + timedelta(days=365)))), reads=False) as raw:
        client = make_client(raw.url, clock)
        threads = [threading.Thread(target=call_without_end) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            assert [in_forked_child(lambda: bool(client.create_session())) for _ in range(10)] == [True] * 10
        finally:
            stop.set()
            for thread in threads:
                thread.join()


# --- its end ------------------------------------------------------------------------------------------------------


def test_the_connection_ends_with_the_client_at_once(held: Held) -> None:
    """Without the garbage collector, and without a warning, which would be an error here."""
    assert held.server.wait_for_open(1)
    gc.disable()
    try:
        held.client = None
        assert held.server.wait_for_open(0)
    finally:
        gc.enable()


_PROGRAM = """
import sys
from rolesanywhere_signer import Identity, RolesAnywhereClient, Settings
certificate, key, anchor, profile, role, url = sys.argv[1:]
client = RolesAnywhereClient(Settings(anchor, profile, role, endpoint_url=url), Identity.from_files(certificate, key))
client.create_session()
kept = client
"""


def test_a_program_ends_without_a_word_about_it(tmp_path: Path) -> None:
    with LocalRolesAnywhere() as service:
        world = World(service, tmp_path)
        words = [world.certificate, world.private_key, *world.arns.values(), service.url]
        program = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", _PROGRAM, *map(str, words)],
            env={**os.environ, "PYTHONPATH": str(Path(rolesanywhere_signer.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert [call.status for call in service.calls] == [201]
    assert (program.returncode, program.stdout, program.stderr) == (0, "", "")
