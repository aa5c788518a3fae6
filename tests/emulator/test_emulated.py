"""What a service keeps that may run for months."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import LocalRolesAnywhere, account, emulated
from rolesanywhere_signer.testing.declared import read_declaration
from rolesanywhere_signer.testing.emulated import EmulatedRolesAnywhere
from rolesanywhere_signer.testing.recent import Recent
from rolesanywhere_signer.testing.state import dump_state, load_state
from tests.emulator.policies import ASSUME, statement, trust_policy
from tests.emulator.test_sts import signed, vend
from tests.emulator.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(emulated, "_KEPT_CALLS", 3)
    return World(service=EmulatedRolesAnywhere())


def test_the_last_calls_are_kept_and_all_are_counted(world: World) -> None:
    for _ in range(4):
        assert world.ask().status == 201
    assert world.ask(durationSeconds=1).status == 400
    assert [call.status for call in world.service.calls] == [201, 201, 400]
    assert len(world.service.assume_role_calls) == 3
    assert world.service.state_summary()["calls"] == 5


def test_of_their_requests_method_and_path_are_kept(world: World) -> None:
    world.ask()
    assert (world.last.request.method, world.last.request.target) == ("POST", "/sessions")
    assert (world.last.request.headers, world.last.request.body) == ((), b"")


def test_sts_knows_the_credentials_that_were_given_out_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_MOST_VENDED", 2)
    world = World()
    first, second, third = (vend(world) for _ in range(3))
    assert [world.send(signed(keys)).status for keys in (first, second, third)] == [403, 200, 200]


@pytest.mark.parametrize(
    ("section", "member", "value"),
    [
        ("trust_anchors", "enabled", "false"),
        ("trust_anchors", "name", 1),
        ("profiles", "enabled", 0),
        ("profiles", "duration_seconds", "900"),
        ("profiles", "accept_role_session_name", "no"),
        ("roles", "max_session_duration_seconds", True),
    ],
)
def test_a_state_that_somebody_edited(section: str, member: str, value: object) -> None:
    world = World()
    state = dump_state(world.service._account)
    load_state(LocalRolesAnywhere()._account, json.loads(json.dumps(state)), "it")
    state[section][0][member] = value
    with pytest.raises(ConfigurationError, match=rf"{section}\[0\] is not what this program writes"):
        load_state(LocalRolesAnywhere()._account, state, "it")


def test_a_role_is_as_it_is_declared_whatever_the_state_has(tmp_path: Path) -> None:
    """Who tightens a trust policy in the file would not see it count: no client can change a role."""
    world = World()
    assert world.ask().status == 201
    path = tmp_path / "roles.json"
    path.write_text(json.dumps({"roles": [{"name": "reader", "trust_policy": trust_policy(statement([ASSUME]))}]}))
    read_declaration(path).apply(world.service)
    assert world.ask().status == 403
    path.write_text(json.dumps({"roles": [{"name": "reader"}, {"name": "reader"}]}))
    with pytest.raises(ConfigurationError, match=r"roles\[1\]: .* exists already"):
        read_declaration(path).apply(world.service)


def test_many_threads_append() -> None:
    recent: Recent[int] = Recent(50)
    threads = [threading.Thread(target=lambda: [recent.append(n) for n in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(recent), recent.forgotten) == (50, 1550)
