"""The credentials file on disks that are full, read-only, or mounted under it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.command_line import Outcome, run_process, session_words
from tests.support.whole_files import PROFILES, fault_of, keys_of, left_overs, seed
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)


@contextlib.contextmanager
def mounted(*words: str, at: Path) -> Iterator[None]:
    """Mount something, or skip the test where this process may not."""
    command = ["mount", *words, str(at)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("this process may not mount a file system")
    if done.returncode != 0:
        pytest.skip(f"this process may not mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True, timeout=60)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", at=directory):
        yield directory


def update(world: World, path: Path) -> Outcome:
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(path)}
    return run_process("update", *session_words(world), "--once", "--profile", PROFILES[0], environment=environment)


def fill(directory: Path, left: int) -> Path:
    """Fill a disk up to ``left`` pages."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    os.truncate(filler, max(0, filler.stat().st_size - left * 4096))
    return filler


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_full_disk_costs_nothing_but_the_new_credentials(world: World, small_disk: Path, left: int) -> None:
    path = small_disk / "credentials"
    # Three pages, so that the new file needs more than is left.
    path.write_bytes(seed(150))
    path.chmod(0o600)
    filler = fill(small_disk, left)
    outcome = update(world, path)
    assert (outcome.code, outcome.stdout) == (1, "")
    error, hint = outcome.stderr.splitlines()
    assert error == f"error: the credentials file {str(path)!r} cannot be changed: No space left on device"
    assert hint == "hint: make room on the disk; the file is as it was"
    assert path.read_bytes() == seed(150)
    assert left_overs(path) == [filler]
    filler.unlink()
    assert update(world, path) == Outcome(0, "", "")
    assert fault_of(path.read_bytes(), seed(150)) is None
    assert len(keys_of(path)) == 1


def test_a_full_disk_without_a_file_stays_without(world: World, small_disk: Path) -> None:
    filler = fill(small_disk, 0)
    path = small_disk / "aws" / "credentials"
    outcome = update(world, path)
    assert outcome.code == 1
    assert "No space left on device" in outcome.stderr
    assert not path.parent.exists() or list(path.parent.iterdir()) == []
    assert filler.exists()


def test_a_disk_that_cannot_be_written(world: World, small_disk: Path) -> None:
    path = small_disk / "credentials"
    path.write_bytes(seed())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=60)
    outcome = update(world, path)
    assert outcome.code == 1
    assert "Read-only file system" in outcome.stderr


def test_a_file_that_is_mounted_by_itself(world: World, tmp_path: Path) -> None:
    path, other = tmp_path / "credentials", tmp_path / "other"
    path.write_bytes(seed())
    path.chmod(0o600)
    other.write_bytes(b"")
    with mounted("--bind", str(path), at=other):
        outcome = update(world, other)
        assert other.read_bytes() == seed()
    assert outcome.code == 1
    assert "hint: a file that is mounted by itself cannot be replaced: mount its directory instead" in outcome.stderr
    assert path.read_bytes() == seed()
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(".tmp")]
