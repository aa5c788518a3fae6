"""The directory of the credentials cache: made for its owner alone, or refused."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.cache import CredentialsCache
from rolesanywhere_signer.files import locks_are_available
from tests.support.caching import KEY, World
from tests.support.users import home_of_nobody, outcome_as_nobody

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "cache")


@pytest.fixture
def stored(world: World) -> World:
    """A world whose cache holds credentials."""
    world.fetch()
    return world


def test_the_directory_and_its_parents_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        world = World(tmp_path / "a" / "b" / "cache")
        world.fetch()
    finally:
        os.umask(umask)
    for directory in (tmp_path / "a", tmp_path / "a" / "b", world.directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in world.directory.iterdir()} == {0o600}


def test_the_names_of_files_tell_nothing(stored: World) -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}\.(json|lock)", path.name) for path in stored.directory.iterdir())
    assert KEY not in stored.path(".json").read_text()


def test_without_a_directory_it_is_below_the_aws_directory_of_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    CredentialsCache()
    assert (tmp_path / ".aws/rolesanywhere/cache").is_dir()


def make_directory(path: Path, mode: int) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


def make_symlink(path: Path) -> Path:
    path.symlink_to(make_directory(path.with_name("real"), 0o700))
    return path


def make_dangling_symlink(path: Path) -> Path:
    path.symlink_to(path.with_name("none"))
    return path


def make_file(path: Path) -> Path:
    path.touch(mode=0o700)
    return path


def make_foreign(path: Path) -> Path:
    os.chown(make_directory(path, 0o700), NOBODY, NOBODY)
    return path


UNSAFE_DIRECTORIES = {
    "writable by the group": (lambda path: make_directory(path, 0o720), "mode 0720"),
    "readable by the group": (lambda path: make_directory(path, 0o750), "mode 0750"),
    "writable by all": (lambda path: make_directory(path, 0o1777), "mode 1777"),
    "readable by others": (lambda path: make_directory(path, 0o704), "mode 0704"),
    "passable for others": (lambda path: make_directory(path, 0o701), "mode 0701"),
    "a symbolic link": (make_symlink, "is a symbolic link"),
    "a symbolic link with a slash": (lambda path: f"{make_symlink(path)}/", "is a symbolic link"),
    "a symbolic link with a dot": (lambda path: f"{make_symlink(path)}/.", "is a symbolic link"),
    "a dangling symbolic link": (make_dangling_symlink, "is a symbolic link"),
    "below a dangling symbolic link": (lambda path: make_dangling_symlink(path) / "cache", "cannot be used: No such"),
    "a file": (make_file, "is not a directory"),
    "below a file": (lambda path: make_file(path) / "cache", "cannot be used: Not a directory"),
}
UNSAFE = [
    *(pytest.param(*row, id=name) for name, row in UNSAFE_DIRECTORIES.items()),
    pytest.param(make_foreign, f"another user (uid {NOBODY})", id="another user's", marks=needs_root),
]


@pytest.mark.parametrize(("make", "message"), UNSAFE)
def test_an_unsafe_directory_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], str | Path], message: str
) -> None:
    directory = make(tmp_path / "cache")
    before = [(path, path.lstat().st_mode, path.lstat().st_uid) for path in sorted(tmp_path.rglob("*"))]
    with pytest.raises(ConfigurationError, match="directory of the credentials cache") as raised:
        CredentialsCache(directory)
    assert message in str(raised.value)
    assert raised.value.hint
    assert before == [(path, path.lstat().st_mode, path.lstat().st_uid) for path in sorted(tmp_path.rglob("*"))]


@pytest.mark.parametrize("directory", ["", "nul\0byte", "-----BEGIN PRIVATE KEY-----", b"cache", 3, "x" * 5000])
def test_what_no_directory_can_be(directory: object) -> None:
    with pytest.raises(ConfigurationError, match="directory of the credentials cache"):
        CredentialsCache(directory)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5", None, True])
def test_a_bound_that_is_none(tmp_path: Path, seconds: object) -> None:
    with pytest.raises(ConfigurationError, match="lock_timeout_seconds"):
        CredentialsCache(tmp_path / "cache", lock_timeout_seconds=seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", None, b"key", 1])
def test_a_key_that_is_none(world: World, key: object) -> None:
    with pytest.raises(ConfigurationError, match="must be text"):
        world.cache.read(key)  # type: ignore[arg-type]


def test_a_directory_that_became_unsafe_is_neither_read_nor_written(
    stored: World, warnings_logged: Callable[[], list[str]]
) -> None:
    path = stored.path(".json")
    before = path.read_bytes()
    stored.directory.chmod(0o755)
    assert stored.cache.read(KEY) is None
    assert [stored.fetch().access_key_id for _ in range(2)] == ["ASIA2", "ASIA3"]
    assert path.read_bytes() == before
    (warning,) = warnings_logged()
    assert "mode 0755" in warning


def test_a_directory_that_was_removed_is_made_again(stored: World, warnings_logged: Callable[[], list[str]]) -> None:
    for path in stored.directory.iterdir():
        path.unlink()
    stored.directory.rmdir()
    assert stored.fetch() == stored.fetch(stored.new_cache())
    assert stored.service.calls == 2
    assert warnings_logged() == []


def test_a_warning_comes_back_once_sharing_has_worked_in_between(
    stored: World, warnings_logged: Callable[[], list[str]]
) -> None:
    for _ in range(2):
        stored.directory.chmod(0o755)
        stored.fetch(is_fresh=False)
        stored.fetch(is_fresh=False)
        stored.directory.chmod(0o700)
        stored.fetch(is_fresh=False)
    assert len(warnings_logged()) == 2


@needs_root
def test_a_umask_that_takes_the_owner_s_rights_shuts_nobody_out(caplog: pytest.LogCaptureFixture) -> None:
    def fetch_twice() -> int:
        os.umask(0o777)
        world = World(home / "cache")
        world.fetch()
        world.fetch(is_fresh=False)
        return len(caplog.records)

    with home_of_nobody() as home:
        assert outcome_as_nobody(fetch_twice) == 0
