"""The credentials file among writers that are killed at any moment, and readers that look at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.credentials_file import CredentialsSection
from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.command_line import PROGRAM, session_words
from tests.support.whole_files import (
    PROFILES,
    fault_of,
    generation,
    left_overs,
    seed,
    start_worker,
    wait_until_ready,
)
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

KILLS = int(os.environ.get("STRESS_UPDATE_KILLS", "24"))
COMMAND_KILLS = int(os.environ.get("STRESS_UPDATE_COMMAND_KILLS", "4"))
DEADLINE = 120.0
AT_ONCE = 4


@contextlib.contextmanager
def reading(path: Path) -> Iterator[list[int]]:
    """Let a process read the file all the time; in the end, yield how often it has seen it whole."""
    with tempfile.NamedTemporaryFile() as original:
        original.write(seed())
        original.flush()
        reader = start_worker("read", path, original.name)
        wait_until_ready(reader)
        times: list[int] = []
        try:
            yield times
        finally:
            stdout, stderr = reader.communicate(timeout=DEADLINE)
            assert reader.returncode == 0, stderr
        times.append(int(stdout))


def tell(figures: str) -> None:
    """Tell the figures to those who look: pytest -s."""
    sys.stdout.write(f"\n{figures}\n")


def a_random_while(longest: float) -> None:
    time.sleep(random.uniform(0, longest))  # noqa: S311 - keeps no secret


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "aws" / "credentials"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(seed())
    path.chmod(0o600)
    return path


def assert_usable(path: Path) -> None:
    """No lock stays, what is left over goes when it is old, and the file can be written."""
    left = left_overs(path)
    for other in left:
        assert other.stat().st_mode & 0o077 == 0
        os.utime(other, (1, 1))
    CredentialsSection(str(path), PROFILES[0]).write(generation("END", 1))
    assert left_overs(path) == []
    assert fault_of(path.read_bytes(), seed()) is None


def test_writers_that_are_killed_at_any_moment(path: Path) -> None:
    left = 0
    with reading(path) as times:
        for begin in range(0, KILLS, AT_ONCE):
            workers = [start_worker("write", path, profile) for profile in PROFILES[: min(AT_ONCE, KILLS - begin)]]
            for worker in workers:
                wait_until_ready(worker)
            for worker in random.sample(workers, len(workers)):
                a_random_while(0.03)
                assert worker.poll() is None, worker.communicate()
                worker.kill()
            for worker in workers:
                worker.communicate(timeout=DEADLINE)
                assert worker.returncode == -9
            assert fault_of(path.read_bytes(), seed()) is None
            left = max(left, len(left_overs(path)))
    assert times[0] > 0
    tell(f"{KILLS} kills, {times[0]} whole files read, at most {left} files left over")
    assert_usable(path)


def test_commands_that_are_killed_at_any_moment(path: Path, tmp_path: Path) -> None:
    killed = started = left = 0
    with LocalRolesAnywhere(region="eu-central-1") as service, reading(path) as times:
        world = World(service, tmp_path)
        environment = {**os.environ, "AWS_SHARED_CREDENTIALS_FILE": str(path)}
        command = [*PROGRAM, "update", *session_words(world), "--once", "--profile"]
        began = time.monotonic()
        subprocess.run([*command, PROFILES[0]], env=environment, check=True, timeout=DEADLINE)
        longest = time.monotonic() - began
        while killed < COMMAND_KILLS:
            process = subprocess.Popen([*command, PROFILES[started % 8]], env=environment, stderr=subprocess.PIPE)
            started += 1
            a_random_while(longest)
            process.kill()
            _, stderr = process.communicate(timeout=DEADLINE)
            assert process.returncode in (0, -9), stderr
            killed += process.returncode == -9
            assert fault_of(path.read_bytes(), seed()) is None
            left = max(left, len(left_overs(path)))
    tell(f"{killed} of {started} were killed, {times[0]} whole files read, at most {left} files left over")
    assert_usable(path)


def test_the_reader_of_these_tests_notices_what_is_wrong(path: Path) -> None:
    CredentialsSection(str(path), PROFILES[0]).write(generation("A", 1))
    good = path.read_bytes()
    assert fault_of(good, seed()) is None
    assert fault_of(good[:-1], seed()) is not None
    assert fault_of(good.replace(b"eu-west-3", b"eu-west-4"), seed()) is not None
    assert fault_of(good.replace(b"secret-of-ASIAAx1", b"secret-of-ASIAAx2"), seed()) is not None
    assert fault_of(b"", seed()) is not None
    with pytest.raises(AssertionError, match="foreign bytes changed"):
        read_half_a_file(path)


def read_half_a_file(path: Path) -> None:
    with reading(path):
        path.write_bytes(b"[half")
        time.sleep(0.5)
