"""The credentials cache: what is shared and under which key, and that waiting for others has an end."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import rolesanywhere_signer
from rolesanywhere_signer import ConfigurationError, Credentials, TransportError
from rolesanywhere_signer.cache import CredentialsCache, cache_key
from rolesanywhere_signer.files import FileLock, locks_are_available
from tests.support.caching import KEY, SECRETS, World
from tests.support.refreshing import DEADLINE, START, join_all, start

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "cache")


@pytest.fixture
def stored(world: World) -> World:
    """A world whose cache holds credentials."""
    world.fetch()
    return world


class NeverContent:
    """A thread that finds nothing fresh enough; made once it has seen what is there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = threading.Event()
        self._credentials: Credentials | None = None
        self._thread = start(self._fetch)
        assert self._seen.wait(DEADLINE)

    def _fetch(self) -> None:
        self._credentials = self._world.cache.fetch(KEY, self._is_fresh, self._world.service.call)

    def _is_fresh(self, credentials: Credentials) -> bool:
        self._seen.set()
        return False

    def got(self) -> str | None:
        join_all([self._thread])
        return None if self._credentials is None else self._credentials.access_key_id


def held_lock(world: World) -> FileLock:
    lock = FileLock(str(world.path(".lock")))
    assert lock.try_acquire()
    return lock


# --- Sharing -------------------------------------------------------------------------------------------------------


def test_the_first_to_ask_calls_and_the_next_reads(world: World) -> None:
    first = world.fetch()
    second = world.fetch(world.new_cache())
    assert first == second == world.cache.read(KEY)
    assert world.service.calls == 1


def test_what_is_read_is_all_that_was_stored(stored: World) -> None:
    credentials = Credentials(
        *("ASIA9", *SECRETS, START + timedelta(seconds=1)),
        *("a role", "222222222222", "an assumed role", "a subject", "CN=\u00fcml\u00e4ut"),
        obtained_at=START - timedelta(minutes=10),
    )
    stored.cache.fetch("another", lambda _: True, lambda: credentials)
    found = stored.cache.read("another")
    assert found == credentials
    assert found.obtained_at == credentials.obtained_at


def test_when_they_were_obtained_is_noted_and_shared(world: World) -> None:
    world.clock.now += timedelta(microseconds=7)
    assert world.fetch().obtained_at == START
    world.clock.pass_seconds(100)
    assert world.fetch().obtained_at == START


def test_each_key_has_its_own(stored: World) -> None:
    assert stored.cache.read("another") is None
    stored.cache.fetch("another", lambda _: True, stored.service.call)
    assert stored.service.calls == 2
    first = stored.cache.read(KEY)
    assert first is not None
    assert first.access_key_id == "ASIA1"


def test_what_is_not_fresh_enough_is_replaced(stored: World) -> None:
    assert stored.fetch(is_fresh=False).access_key_id == "ASIA2"
    assert stored.fetch().access_key_id == "ASIA2"


def test_valid_credentials_are_read_to_their_end_and_not_beyond(stored: World) -> None:
    stored.clock.be_at_second(3599)
    assert stored.cache.read(KEY) is not None
    stored.clock.be_at_second(3600)
    assert stored.cache.read(KEY) is None
    assert stored.fetch().access_key_id == "ASIA2"


@pytest.mark.parametrize(("second", "access_key_id"), [(-60, "ASIA1"), (-61, "ASIA2"), (-7200, "ASIA2")])
def test_credentials_of_an_unknown_age_are_not_used_after_the_clock_was_set_back(
    stored: World, second: float, access_key_id: str
) -> None:
    stored.clock.be_at_second(second)
    assert stored.fetch().access_key_id == access_key_id


def test_an_error_of_the_call_passes_and_leaves_cache_and_lock_as_they_were(stored: World) -> None:
    error = stored.service.error = TransportError("no answer")
    with pytest.raises(TransportError) as raised:
        stored.fetch(is_fresh=False)
    assert raised.value is error
    assert stored.cache.read(KEY) is not None
    stored.service.error = None
    assert stored.fetch(stored.new_cache(0.01), is_fresh=False).access_key_id == "ASIA3"


def test_many_threads_make_one_call(world: World) -> None:
    got: list[Credentials] = []
    barrier = threading.Barrier(16)

    def ask() -> None:
        barrier.wait(DEADLINE)
        got.append(world.fetch())

    join_all([start(ask) for _ in range(16)])
    assert [credentials.access_key_id for credentials in got] == ["ASIA1"] * 16
    assert world.service.calls == 1


def test_short_lived_credentials_do_not_send_everybody_into_calls(stored: World) -> None:
    """Nothing is fresh enough for anybody: who waited takes what was obtained meanwhile."""
    stored.clock.pass_seconds(3600 - 30)
    lock = held_lock(stored)
    waiting = [NeverContent(stored) for _ in range(4)]
    lock.release()
    assert [one.got() for one in waiting] == ["ASIA2"] * 4
    assert stored.service.calls == 2


def test_a_cache_survives_pickle(tmp_path: Path) -> None:
    cache = CredentialsCache(tmp_path / "cache")
    copy = pickle.loads(pickle.dumps(cache))
    assert repr(copy) == repr(cache)
    assert copy.read(KEY) is None


def test_nobody_waits_for_another_process_while_the_credentials_are_good_for_a_while(stored: World) -> None:
    """Neither for one that hangs: the lock is never released here."""
    lock = held_lock(stored)
    stored.clock.pass_seconds(3600 - 90)
    assert stored.fetch(is_fresh=False).access_key_id == "ASIA1"
    assert stored.service.calls == 1
    lock.release()


# --- Another process that does not come back -----------------------------------------------------------------------


def test_a_lock_held_for_too_long_costs_a_warning_and_a_call_of_ones_own(
    stored: World, warnings_logged: Callable[[], list[str]]
) -> None:
    stored.clock.pass_seconds(3600 - 30)
    lock = held_lock(stored)
    cache = stored.new_cache(0.02)
    assert stored.fetch(cache, is_fresh=False).access_key_id == "ASIA2"
    (warning,) = warnings_logged()
    assert "for over 0.02 s" in warning
    # Those who wait behind the same lock are served by it.
    assert stored.fetch(cache).access_key_id == "ASIA2"
    lock.release()


def test_who_waits_takes_what_appears_though_the_lock_is_never_released(stored: World) -> None:
    stored.clock.pass_seconds(3600 - 30)
    lock = held_lock(stored)
    waiting = NeverContent(stored)
    stored.fetch(stored.new_cache(0.01), is_fresh=False)
    assert waiting.got() == "ASIA2"
    lock.release()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_neither_gives_back_nor_keeps_the_lock_of_its_parent(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    held = FileLock(path)
    assert held.try_acquire()
    child = os.fork()
    if child == 0:
        held.release()
        os._exit(1 if FileLock(path).try_acquire() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other = FileLock(path)
    assert not other.try_acquire()
    held.release()
    assert other.try_acquire()
    other.release()


def test_a_lock_given_back_is_free_though_a_program_being_started_still_shares_its_file(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    lock = FileLock(path)
    assert lock.try_acquire()
    assert lock._descriptor is not None
    shared = os.dup(lock._descriptor)
    lock.release()
    other = FileLock(path)
    assert other.try_acquire()
    other.release()
    os.close(shared)


def test_a_lock_whose_file_is_replaced_while_it_is_taken_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = tmp_path / "lock"
    really_lock = fcntl.flock

    def lock_too_late(descriptor: int, operation: int) -> None:
        path.rename(tmp_path / "removed")
        path.touch(mode=0o600)
        really_lock(descriptor, operation)

    lock = FileLock(str(path))
    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    assert not lock.try_acquire()
    monkeypatch.undo()
    assert lock.try_acquire()
    lock.release()


# --- The key -------------------------------------------------------------------------------------------------------

PARTS: dict[str, object] = {
    "role_arn": "arn:aws:iam::111111111111:role/app",
    "duration_seconds": 900,
    "instance_properties": {"b": "2", "a": "1"},
    "chain": ["aa", "bb"],
    "fips": False,
}


def test_the_key_is_canonical() -> None:
    reordered = dict(reversed(PARTS.items())) | {"instance_properties": {"a": "1", "b": "2"}, "chain": ("aa", "bb")}
    assert cache_key(PARTS) == cache_key(reordered) == cache_key({**PARTS, "role_session_name": None})
    assert cache_key({"b": "\u00fc", "a": [True, {}]}) == '{"parts":{"a":[true,{}],"b":"\\u00fc"},"version":1}'


@pytest.mark.parametrize(
    "change",
    [
        {"role_arn": "arn:aws:iam::111111111111:role/App"},
        {"duration_seconds": 901},
        {"duration_seconds": "900"},
        {"duration_seconds": None},
        {"instance_properties": {"a": "1"}},
        {"instance_properties": {}},
        {"chain": ["bb", "aa"]},
        {"chain": "aabb"},
        {"fips": 0},
        {"fips": True},
        {"added": ""},
    ],
)
def test_every_part_changes_the_key(change: dict[str, object]) -> None:
    assert cache_key({**PARTS, **change}) != cache_key(PARTS)


@pytest.mark.parametrize("value", [b"bytes", 1.5, {1: "a"}, {"a": {b"b"}}, object(), [datetime.now(timezone.utc)]])
def test_what_cannot_be_a_part(value: object) -> None:
    with pytest.raises(ConfigurationError, match="'given'"):
        cache_key({"given": value})


@pytest.mark.parametrize(
    "parts",
    [
        {"private_key": "planted"},
        {"passphrase": "planted"},
        {"certificate": "-----BEGIN CERTIFICATE-----planted"},
        {"chain": [{"a": "x-----BEGIN EC PRIVATE KEY-----planted"}]},
    ],
)
def test_a_secret_is_no_part_and_not_shown(parts: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="secret") as raised:
        cache_key(parts)
    assert "planted" not in str(raised.value)


# --- In fresh interpreters -----------------------------------------------------------------------------------------

SITE = str(Path(rolesanywhere_signer.__file__).parents[1])


def run_python(code: str, *arguments: str) -> str:
    # -I and -S shut out the environment and what installed packages run at the start.
    program = f"import sys; sys.path.insert(0, {SITE!r})\n{code}"
    command = [sys.executable, "-I", "-S", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_hit_is_read_with_few_imports(tmp_path: Path) -> None:
    world = World(tmp_path / "cache")
    world.clock.now = datetime.now(timezone.utc)
    world.fetch()
    code = (
        "from rolesanywhere_signer.cache import CredentialsCache\n"
        f"print(CredentialsCache(sys.argv[1]).read({KEY!r}).access_key_id, *sys.modules)"
    )
    found, *modules = run_python(code, str(world.directory)).split()
    assert found == "ASIA1"
    loaded = {name.partition(".")[0] for name in modules}
    assert loaded & {"cryptography", "requests", "urllib3", "botocore", "logging", "tempfile", "pathlib"} == set()


def test_a_system_without_file_locks_is_told_so(tmp_path: Path) -> None:
    code = (
        "sys.modules['fcntl'] = None\n"
        "from rolesanywhere_signer.cache import CredentialsCache\n"
        "from rolesanywhere_signer import ConfigurationError\n"
        "try: CredentialsCache(sys.argv[1])\n"
        "except ConfigurationError as error: print(error)\n"
    )
    assert "not available on this system" in run_python(code, str(tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []


# --- Credentials as JSON -------------------------------------------------------------------------------------------


def test_credentials_as_a_document_and_back() -> None:
    few = Credentials("ASIA1", *SECRETS, START)
    assert few.to_document() == {
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": SECRETS[0],
        "SessionToken": SECRETS[1],
        "Expiration": "2026-03-01T12:00:00Z",
    }
    elsewhere = START.astimezone(timezone(timedelta(hours=5)))
    same = Credentials("ASIA1", *SECRETS, elsewhere)
    assert Credentials.from_document(same.to_document()) == few
    assert Credentials.from_document(few.to_document() | {"ObtainedAt": "yesterday"}) == few


def test_the_time_of_obtaining_makes_no_difference() -> None:
    assert Credentials("ASIA1", *SECRETS, START, obtained_at=START) == Credentials("ASIA1", *SECRETS, START)
