"""The credentials cache among real processes: many that start at once, and many that are killed while they use it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import rolesanywhere_signer
from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.files import FileLock, locks_are_available

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

from rolesanywhere_signer.cache import CredentialsCache

PROCESSES = int(os.environ.get("STRESS_CACHE_PROCESSES", "32"))
ROUNDS = int(os.environ.get("STRESS_CACHE_ROUNDS", "3"))
DEADLINE = 60.0
KEY = "a key"
WORKER = Path(__file__).with_name("cache_worker.py")
SITE = str(Path(rolesanywhere_signer.__file__).parents[1])


class Workers:
    """Processes of ``cache_worker.py`` that all wait for one pipe to end."""

    def __init__(self, mode: str, count: int, directory: Path, log: Path) -> None:
        gate, self._gate = os.pipe()
        command = [sys.executable, str(WORKER), mode, str(directory), str(log)]
        environment = {**os.environ, "PYTHONPATH": SITE}
        self.all = [
            subprocess.Popen(command, stdin=gate, stdout=subprocess.PIPE, env=environment, text=True)
            for _ in range(count)
        ]
        os.close(gate)
        for worker in self.all:
            assert self.line_of(worker) == "ready"

    def let_go(self) -> None:
        os.close(self._gate)

    def line_of(self, worker: subprocess.Popen[str]) -> str:
        assert worker.stdout is not None
        return worker.stdout.readline().strip()

    def outputs(self) -> list[str]:
        """Return what each has printed once it has ended well."""
        outputs = [worker.communicate(timeout=DEADLINE)[0].strip() for worker in self.all]
        assert [worker.returncode for worker in self.all] == [0] * len(self.all)
        return outputs

    def kill_each_at_some_moment(self) -> None:
        for worker in self.all:
            assert self.line_of(worker) == "looping"
        for worker in random.sample(self.all, len(self.all)):
            time.sleep(random.uniform(0, 0.02))  # noqa: S311 - keeps no secret
            assert worker.poll() is None, "it failed before it was killed"
            worker.kill()

    def end(self) -> None:
        for worker in self.all:
            worker.kill()
            worker.communicate(timeout=DEADLINE)


class World:
    """A cache's directory, the log of calls, and the processes in this test."""

    def __init__(self, path: Path) -> None:
        self.directory = path / "cache"
        self.log = path / "calls"
        self._workers: list[Workers] = []

    def start(self, mode: str, count: int) -> Workers:
        workers = Workers(mode, count, self.directory, self.log)
        self._workers.append(workers)
        return workers

    def calls(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def end(self) -> None:
        for workers in self._workers:
            workers.end()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.end()


def obtain() -> Credentials:
    return Credentials("ASIANEXT", "a-secret", "a-token", datetime.now(timezone.utc) + timedelta(hours=1))


def assert_no_lock_stays(directory: Path) -> None:
    (path,) = directory.glob("*.lock")
    lock = FileLock(str(path))
    assert lock.try_acquire()
    lock.release()


def test_processes_that_start_at_once_make_one_call(world: World) -> None:
    workers = world.start("once", PROCESSES)
    workers.let_go()
    outputs = workers.outputs()
    assert len(world.calls()) == 1
    assert outputs == world.calls() * PROCESSES
    assert_no_lock_stays(world.directory)


def test_the_next_processes_make_none(world: World) -> None:
    for _ in range(2):
        workers = world.start("once", 4)
        workers.let_go()
        workers.outputs()
    assert len(world.calls()) == 1


@pytest.mark.parametrize("_", range(ROUNDS))
def test_processes_killed_at_any_moment_leave_a_cache_that_works(world: World, _: int) -> None:
    workers = world.start("loop", PROCESSES)
    workers.let_go()
    workers.kill_each_at_some_moment()
    workers.end()
    assert len(world.calls()) > 1
    assert [worker.returncode for worker in workers.all] == [-signal.SIGKILL] * PROCESSES
    assert_no_lock_stays(world.directory)
    assert_whole_and_usable(world)


def assert_whole_and_usable(world: World) -> None:
    cache = CredentialsCache(world.directory, lock_timeout_seconds=0.001)
    found = cache.read(KEY)
    # Once a file is there, it is there for good.
    assert found is not None or not list(world.directory.glob("[!.]*.json"))
    if found is not None:
        assert found.secret_access_key == f"secret-of-{found.access_key_id}"
        assert found.session_token.startswith(f"{found.access_key_id}.")
    assert cache.fetch(KEY, lambda _: False, obtain).access_key_id == "ASIANEXT"
    assert cache.read(KEY) is not None
    assert all(path.stat().st_mode & 0o077 == 0 for path in world.directory.iterdir())
    assert_left_overs_go_after_a_day(world.directory, cache)


def assert_left_overs_go_after_a_day(directory: Path, cache: CredentialsCache) -> None:
    for path in directory.glob(".*.tmp"):
        a_day_ago = path.stat().st_mtime - 25 * 3600
        os.utime(path, (a_day_ago, a_day_ago))
    cache.fetch(KEY, lambda _: False, obtain)
    assert sorted(path.suffix for path in directory.iterdir()) == [".json", ".lock"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_during_a_call_does_not_keep_the_lock_of_its_killed_parent(world: World) -> None:
    workers = world.start("fork", 1)
    workers.let_go()
    child = int(workers.line_of(workers.all[0]))
    try:
        (path,) = world.directory.glob("*.lock")
        assert not FileLock(str(path)).try_acquire()
        workers.all[0].kill()
        workers.all[0].wait(DEADLINE)
        os.kill(child, 0)
        assert_no_lock_stays(world.directory)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_process_that_hangs_in_its_call_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    workers = world.start("fork", 1)
    workers.let_go()
    child = int(workers.line_of(workers.all[0]))
    os.kill(child, signal.SIGKILL)
    cache = CredentialsCache(world.directory, lock_timeout_seconds=0.05)
    assert cache.fetch(KEY, lambda _: True, obtain).access_key_id == "ASIANEXT"
    assert "another process has been renewing" in caplog.text
