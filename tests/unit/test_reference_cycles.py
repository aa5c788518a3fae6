"""What a program lets go of is gone at once: no cycle keeps keys and credentials until the garbage collector comes."""

from __future__ import annotations

import contextlib
import gc
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import Identity, RolesAnywhereError, TransportError
from rolesanywhere_signer.provider import RolesAnywhereProvider
from rolesanywhere_signer.refresh import Refresher
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.refreshing import (
    DEADLINE,
    join_askers,
    new_held_refresher,
    new_refresher,
    start_leader_and_followers,
)
from tests.support.servers import Behaviour, http, raw_server, reset, unused_port
from tests.support.world import World

# The local service stays silent; the client's patience is short.
SHORT = {"max_attempts": 1, "connect_timeout_seconds": 0.1, "read_timeout_seconds": 0.1}


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere() as service:
        yield World(service, tmp_path)


def parts_of(provider: RolesAnywhereProvider) -> dict[str, weakref.ref[Any]]:
    """Return references to all that holds a secret, which keep nothing alive."""
    credentials = provider.load()
    refresher = credentials._refresher
    parts = {
        "credentials": refresher._current,
        "botocore's credentials": credentials,
        "refresher": refresher,
        "client": provider.client,
        "identity": provider.client.identity,
        "key": provider.client.identity.current.key,
    }
    return {name: weakref.ref(part) for name, part in parts.items() if part is not None}


def left_of(parts: dict[str, weakref.ref[Any]]) -> list[str]:
    return [name for name, part in parts.items() if part() is not None]


def test_the_parts_are_alive_while_the_provider_is(world: World) -> None:
    provider = world.provider()
    provider.load().get_frozen_credentials()
    assert left_of(parts_of(provider)) == [
        "credentials", "botocore's credentials", "refresher", "client", "identity", "key",
    ]  # fmt: skip


def test_after_a_success(world: World) -> None:
    provider = world.provider()
    provider.load().get_frozen_credentials()
    parts = parts_of(provider)
    del provider
    assert left_of(parts) == []


def hang(connection: Any) -> None:
    connection.settimeout(DEADLINE)
    connection.recv(1)


def dribble(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 9000\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(1000):
            connection.sendall(b" ")
            time.sleep(0.02)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reset, id="reset"),
        pytest.param(dribble, id="a byte now and then"),
        pytest.param(hang, id="silence"),
        pytest.param(b"", id="hung up"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{", id="cut off"),
        pytest.param(http(201, b'{"credentialSet": ['), id="half a document"),
        pytest.param(http(200, b"<html></html>", Content_Type="text/html"), id="HTML"),
        pytest.param(http(403, b'{"message": "Invalid signature"}'), id="refused"),
        pytest.param(http(429, Retry_After="1"), id="throttled"),
        pytest.param(http(500), id="failed"),
    ],
)
def test_after_a_failure(world: World, answer: bytes | Behaviour) -> None:
    with raw_server(answer) as server:
        provider = world.provider(endpoint_url=server.url, **SHORT)
        assert_fails_and_leaves_nothing(provider)
        parts = parts_of(provider)
        del provider
        assert left_of(parts) == []


def assert_fails_and_leaves_nothing(provider: RolesAnywhereProvider) -> None:
    with pytest.raises(RolesAnywhereError) as caught:
        provider.load().get_frozen_credentials()
    del caught


def test_after_a_call_that_nobody_accepted(world: World) -> None:
    with unused_port() as port:
        provider = world.provider(endpoint_url=f"http://127.0.0.1:{port}", **SHORT)
        assert_fails_and_leaves_nothing(provider)
    parts = parts_of(provider)
    del provider
    assert left_of(parts) == []


def test_after_an_identity_that_cannot_be_read(world: World) -> None:
    provider = world.provider(clock=lambda: world.leaf.certificate.not_valid_after_utc)
    world.certificate.unlink()
    assert_fails_and_leaves_nothing(provider)
    parts = parts_of(provider)
    del provider
    assert left_of(parts) == []


def test_a_client_alone(world: World) -> None:
    with unused_port() as port:
        client = world.client(endpoint_url=f"http://127.0.0.1:{port}", **SHORT)
        with pytest.raises(TransportError) as caught:
            client.create_session()
    assert caught.value.__cause__ is not None
    parts = [weakref.ref(client), weakref.ref(client.identity.current.key)]
    del client, caught
    assert [part() for part in parts] == [None, None]


def test_an_identity_alone(world: World) -> None:
    identity = Identity.from_files(world.certificate, world.private_key)
    parts = [weakref.ref(identity), weakref.ref(identity.current.key)]
    del identity
    assert [part() for part in parts] == [None, None]


def test_after_a_failure_that_many_waited_for() -> None:
    _, service, refresher = new_held_refresher(used=False)
    service.error = TransportError("down")
    leader, followers = start_leader_and_followers(refresher, service, 4)
    service.go.set()
    assert {str(outcome) for outcome in join_askers(leader, *followers)} == {"down"}
    reference = weakref.ref(refresher)
    service.error = None
    for asker in (leader, *followers):
        asker.outcome = None
    del refresher, service, leader, followers, asker
    assert reference() is None


def test_what_a_caller_was_handling_keeps_its_traceback() -> None:
    _, service, refresher = new_refresher()
    service.error = TransportError("down")
    with pytest.raises(TransportError) as caught:
        fail_while_handling(refresher)
    assert isinstance(caught.value.__context__, KeyError)
    assert caught.value.__context__.__traceback__ is not None


def fail_while_handling(refresher: Refresher) -> None:
    missing: Callable[[], object] = lambda: {}["missing"]  # noqa: E731
    try:
        missing()
    except KeyError:
        refresher.get()
