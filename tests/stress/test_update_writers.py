"""Eight ``update`` commands at once on one credentials file, small and large."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.seconds import sleep
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.command_line import PROGRAM, session_words
from tests.support.updating import KEYS, written
from tests.support.whole_files import (
    PROFILES,
    fault_of,
    keys_of,
    left_overs,
    seed,
    start_worker,
    wait_until_ready,
)
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

ROUNDS = int(os.environ.get("STRESS_UPDATE_ROUNDS", "1"))
SECTIONS = int(os.environ.get("STRESS_UPDATE_SECTIONS", "10000"))
SECONDS = float(os.environ.get("STRESS_UPDATE_SECONDS", "2"))
DEADLINE = 300.0


class Site:
    """A service, and a file that the commands write."""

    def __init__(self, world: World, path: Path) -> None:
        self._words = session_words(world)
        self._environment = {**os.environ, "AWS_SHARED_CREDENTIALS_FILE": str(path)}
        self.path = path

    def update(self, *profiles: str) -> None:
        """Let a command for each profile start at once; all must succeed."""
        processes = [
            subprocess.Popen(
                [*PROGRAM, "update", *self._words, "--once", "--profile", profile],
                env=self._environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for profile in profiles
        ]
        outcomes = [(process.communicate(timeout=DEADLINE)[1], process.returncode) for process in processes]
        assert [outcome for outcome in outcomes if outcome[1] != 0] == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield Site(World(service, tmp_path), tmp_path / "aws" / "credentials")


def test_no_writer_loses_what_another_wrote(site: Site) -> None:
    site.path.parent.mkdir(mode=0o700)
    site.path.write_bytes(seed())
    for _ in range(ROUNDS):
        before = keys_of(site.path)
        site.update(*PROFILES)
        after = keys_of(site.path)
        assert len(set(after)) == 8
        assert not set(before) & set(after)
        assert fault_of(site.path.read_bytes(), seed()) is None
        assert left_overs(site.path) == []


def test_no_writer_loses_what_another_wrote_into_a_file_that_was_not_there(site: Site) -> None:
    for _ in range(ROUNDS):
        site.path.unlink(missing_ok=True)
        site.update(*PROFILES)
        assert all(tuple(written(site.path, profile)) == KEYS for profile in PROFILES)
        assert left_overs(site.path) == []


def test_no_write_is_lost_among_writers_that_never_rest(site: Site, tmp_path: Path) -> None:
    site.path.parent.mkdir(mode=0o700)
    site.path.write_bytes(seed())
    workers = [start_worker("write", site.path, profile) for profile in PROFILES]
    for worker in workers:
        wait_until_ready(worker)
    sleep(SECONDS)
    last = [worker.communicate(timeout=DEADLINE)[0].strip() for worker in workers]
    assert [key.decode() for key in keys_of(site.path)] == last
    assert fault_of(site.path.read_bytes(), seed()) is None
    sys.stdout.write(f"\n{sum(int(key.rpartition('x')[2]) + 1 for key in last)} writes in {SECONDS:g} s\n")


def test_a_file_of_ten_thousand_profiles(site: Site) -> None:
    before = seed(SECTIONS)
    site.path.parent.mkdir(mode=0o700)
    site.path.write_bytes(before)
    site.update(*PROFILES)
    assert fault_of(site.path.read_bytes(), before) is None
    assert len(set(keys_of(site.path))) == 8
    site.update("new")
    end = site.path.read_bytes().rpartition(b"\n\n[new]\n")[2].decode()
    assert tuple(dict(line.split(" = ", 1) for line in end.split("\n"))) == KEYS
