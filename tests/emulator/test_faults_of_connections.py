"""Faults on demand over real connections, and what the library's own client makes of them."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.clock import utc_now
from rolesanywhere_signer.errors import RolesAnywhereError
from rolesanywhere_signer.refresh import Refresher
from rolesanywhere_signer.testing import (
    Cut,
    ExpiredCredentials,
    Fault,
    Garbled,
    Hold,
    Latency,
    LocalRolesAnywhere,
    Reset,
    ServerError,
    Throttled,
    Truncated,
    WrongClock,
)
from tests.emulator.doors import connected, raw_bytes, receive
from tests.emulator.signing import sign_as
from tests.emulator.world import LEAF
from tests.emulator.world import World as Account
from tests.support.world import World

ALL = [
    Latency(0.01), Hold(), Reset(), Cut(0), Cut(10), Cut(400), Throttled(0), ServerError(500), ServerError(503, 0),
    Truncated(), Garbled(), WrongClock(3600), WrongClock(-3600), ExpiredCredentials(3600),
]  # fmt: skip

# What cannot be told from a service that is broken for good, or is found out by the next answer.
LASTING = (Truncated, Garbled, WrongClock, ExpiredCredentials)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path)


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    with account.service:
        yield account


def received_until_end(account: Account) -> bytes:
    received = b""
    with connected(account.service) as connection:
        connection.sendall(raw_bytes(sign_as(LEAF, account.body())))
        while chunk := connection.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize("after", [0, 1, 17, 300])
def test_an_answer_is_cut_at_a_byte(account: Account, after: int) -> None:
    account.service.faults.add(Cut(after))
    received = received_until_end(account)
    assert len(received) == after
    assert b"HTTP/1.1 201 Created"[:after] == received[:20]


def test_a_connection_is_reset(account: Account) -> None:
    account.service.faults.add(Reset())
    with pytest.raises(ConnectionResetError):
        received_until_end(account)


def test_a_connection_is_held_for_a_time(account: Account) -> None:
    account.service.faults.add(Hold(0.01))
    assert received_until_end(account) == b""


@pytest.mark.parametrize("tls", [False, True])
def test_a_held_connection_ends_with_the_service(tmp_path: Path, tls: bool) -> None:
    account = Account(service=LocalRolesAnywhere(tls_directory=tmp_path if tls else None))
    struck = threading.Event()
    account.service.faults.add(Hold(), when=lambda _: struck.set() or True)
    with account.service:
        port = int(account.service.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            connection = plain
            if tls:
                context = ssl.create_default_context(cafile=account.service.ca_bundle)
                connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
            connection.sendall(raw_bytes(sign_as(LEAF, account.body())))
            assert struck.wait(20)
            account.service.__exit__(None, None, None)
            try:
                assert connection.recv(1) == b""
            except (ssl.SSLError, ConnectionError):
                assert tls
            connection.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "rolesanywhere-http"]


def test_the_connection_goes_on_after_what_is_late(account: Account) -> None:
    account.service.faults.add(Latency(0.01), times=1)
    account.service.faults.add(Garbled(), times=1)
    with connected(account.service) as connection:
        for _ in range(3):
            connection.sendall(raw_bytes(sign_as(LEAF, account.body())))
            assert receive(connection).status == 201


@pytest.mark.parametrize(
    "fault",
    [fault for fault in ALL if not isinstance(fault, (Truncated, Garbled, WrongClock, ExpiredCredentials))],
    ids=repr,
)
def test_our_client_asks_again(world: World, fault: Fault) -> None:
    rule = world.service.faults.add(fault, times=1)
    credentials = world.client(read_timeout_seconds=1, max_attempts=3).create_session()
    assert credentials.access_key_id.startswith("ASIA")
    assert world.service.faults.struck(rule) == 1
    assert len(world.service.calls) == (1 if isinstance(fault, Latency) else 2)


@pytest.mark.parametrize("fault", [fault for fault in ALL if not isinstance(fault, (Latency, WrongClock))], ids=repr)
def test_a_fault_that_stays_is_an_error_of_ours(world: World, fault: Fault) -> None:
    world.service.faults.add(fault)
    with pytest.raises(RolesAnywhereError):
        world.client(read_timeout_seconds=1, max_attempts=1).create_session()


@pytest.mark.parametrize("seconds", [3600, -1800])
def test_our_client_follows_a_clock_that_stays_wrong(world: World, seconds: int) -> None:
    world.service.faults.add(WrongClock(seconds))
    assert world.client(max_attempts=1).create_session()
    assert [call.status for call in world.service.calls] == [403, 201]


@pytest.mark.parametrize("fault", [Reset(), Garbled(), ServerError(), ExpiredCredentials(3600)], ids=repr)
def test_the_last_good_credentials_stay(world: World, fault: Fault) -> None:
    ahead = timedelta(0)

    def clock() -> datetime:
        return utc_now() + ahead

    world.service.clock = clock
    client = world.client(read_timeout_seconds=1, max_attempts=1, clock=clock)
    refresher = Refresher(client.create_session, clock)
    good = refresher.get()
    ahead = timedelta(minutes=59)
    with world.service.faults.injected(fault) as rule:
        assert refresher.get() == good
        # Once more where a kept connection was reset.
        assert world.service.faults.struck(rule) >= 1
    ahead += timedelta(minutes=5)
    assert refresher.get().expiration > good.expiration


def test_boto3_throttled_by_sts(world: World) -> None:
    session = world.boto3_session()
    rule = world.service.faults.add(Throttled(None), times=1, operation="GetCallerIdentity")
    assert ":assumed-role/s3-reader/" in world.sts(session).get_caller_identity()["Arn"]
    assert world.service.faults.struck(rule) == 1


class TestTls:
    def test_our_client_over_tls(self, tmp_path: Path) -> None:
        with LocalRolesAnywhere(tls_directory=tmp_path / "tls") as service:
            world = World(service, tmp_path)
            assert service.url.startswith("https://127.0.0.1:")
            assert world.client(verify=str(service.ca_bundle)).create_session()
            with pytest.raises(RolesAnywhereError, match="certificate"):
                world.client(max_attempts=1).create_session()

    @pytest.mark.parametrize("fault", [Reset(), Cut(10), Hold()], ids=repr)
    def test_faults_over_tls(self, tmp_path: Path, fault: Fault) -> None:
        with LocalRolesAnywhere(tls_directory=tmp_path / "tls") as service:
            world = World(service, tmp_path)
            service.faults.add(fault, times=1)
            settings = {"read_timeout_seconds": 1, "max_attempts": 3, "verify": str(service.ca_bundle)}
            assert world.client(**settings).create_session()

    def test_the_certificate_is_kept_while_it_holds(self, tmp_path: Path) -> None:
        def start() -> bytes:
            with LocalRolesAnywhere(tls_directory=tmp_path) as service:
                assert service.ca_bundle is not None
                return service.ca_bundle.read_bytes()

        first = start()
        assert stat.S_IMODE((tmp_path / "server-key.pem").stat().st_mode) == 0o600
        assert start() == first
        (tmp_path / "server.pem").write_bytes(b"broken")
        assert start() != first

    def test_a_key_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        LocalRolesAnywhere(tls_directory=tmp_path)
        (tmp_path / "server-key.pem").chmod(0o644)
        with pytest.raises(ConfigurationError, match="not a file of this user alone"):
            LocalRolesAnywhere(tls_directory=tmp_path)

    def test_a_directory_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ConfigurationError, match="cannot be kept"):
            LocalRolesAnywhere(tls_directory=tmp_path / "file")


def test_a_port_that_is_taken(account: Account) -> None:
    port = int(account.service.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"), LocalRolesAnywhere(port=port):
        pass
    with pytest.raises(ConfigurationError, match="port must be"):
        LocalRolesAnywhere(port=70000)
