"""The credentials cache on disk: what is ignored and replaced, what is cleared away."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rolesanywhere_signer.files import FileLock, locks_are_available
from tests.support.caching import KEY, SECRETS, World

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


# --- Files that are not what they should be ------------------------------------------------------------------------


def document(world: World) -> dict[str, object]:
    value: dict[str, object] = json.loads(world.path(".json").read_bytes())
    return value


def with_credentials(**changes: object) -> Callable[[dict[str, object]], object]:
    def change(value: dict[str, object]) -> object:
        credentials = value["Credentials"]
        assert isinstance(credentials, dict)
        return {**value, "Credentials": {**credentials, **changes}}

    return change


CORRUPT_DOCUMENTS: dict[str, Callable[[dict[str, object]], object]] = {
    "a list": lambda value: [value],
    "null": lambda value: None,
    "another format": lambda value: {**value, "Format": "rolesanywhere-signer cache 2"},
    "no format": lambda value: {name: item for name, item in value.items() if name != "Format"},
    "another key": lambda value: {**value, "Key": "0" * 64},
    "no credentials": lambda value: {**value, "Credentials": None},
    "credentials as text": lambda value: {**value, "Credentials": "planted-secret-key"},
    "no key identifier": with_credentials(AccessKeyId=None),
    "an empty secret": with_credentials(SecretAccessKey=""),
    "a number for a token": with_credentials(SessionToken=7),
    "a line break in the token": with_credentials(SessionToken="planted\r\nX-Header: 1"),
    "a token that no header can carry": with_credentials(SessionToken="t\u00f6ken"),
    "a role that is no text": with_credentials(RoleArn=["arn"]),
    "no end": with_credentials(Expiration=None),
    "an end without a zone": with_credentials(Expiration="2999-01-01T00:00:00"),
    "an end that is no time": with_credentials(Expiration="2999-13-01T00:00:00Z"),
    "an end with a surrogate": with_credentials(Expiration="2999-01-01T00:00:0\ud800Z"),
    "an end that is a number": with_credentials(Expiration=9999999999),
    "an end long ago": with_credentials(Expiration="2001-01-01T00:00:00Z"),
}
CORRUPT_CONTENTS = {
    "empty": b"",
    "no JSON": b"planted-secret-key",
    "a NUL": b"\0",
    "no UTF-8": b'{"Format": "\xff"}',
    "nested too deep": b"[" * 60_000,
    "a number too long": b"9" * 60_000,
    "too large": b" " * 70_000,
}


def assert_ignored_and_replaced(world: World) -> None:
    assert world.cache.read(KEY) is None
    assert world.fetch().access_key_id == "ASIA2"
    assert world.cache.read(KEY) == world.fetch(world.new_cache())
    assert world.service.calls == 2


@pytest.mark.parametrize("change", CORRUPT_DOCUMENTS.values(), ids=CORRUPT_DOCUMENTS)
def test_a_document_that_cannot_be_used(
    stored: World, change: Callable[[dict[str, object]], object], warnings_logged: Callable[[], list[str]]
) -> None:
    stored.path(".json").write_text(json.dumps(change(document(stored))))
    assert_ignored_and_replaced(stored)
    assert warnings_logged() == []


@pytest.mark.parametrize("content", CORRUPT_CONTENTS.values(), ids=CORRUPT_CONTENTS)
def test_a_content_that_cannot_be_used(stored: World, content: bytes) -> None:
    stored.path(".json").write_bytes(content)
    assert_ignored_and_replaced(stored)


def test_a_document_cut_off_anywhere(stored: World) -> None:
    path = stored.path(".json")
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        assert stored.cache.read(KEY) is None
    path.write_bytes(whole)
    assert stored.cache.read(KEY) is not None


def test_too_large_is_too_large_even_if_well_formed(stored: World) -> None:
    path = stored.path(".json")
    path.write_bytes(path.read_bytes() + b" " * 70_000)
    assert_ignored_and_replaced(stored)


def test_names_that_a_later_version_may_add_are_passed_over(stored: World) -> None:
    changed = with_credentials(Added=[1])(document(stored))
    assert isinstance(changed, dict)
    stored.path(".json").write_text(json.dumps({**changed, "Added": 1}))
    assert stored.cache.read(KEY) is not None


def test_a_file_under_the_name_of_another_key_is_ignored(stored: World) -> None:
    other = stored.cache.fetch("another", lambda _: True, stored.service.call)
    one, two = sorted(stored.directory.glob("*.json"))
    one.write_bytes(two.read_bytes())
    assert [stored.cache.read(key) for key in (KEY, "another")].count(None) == 1
    assert other.access_key_id == "ASIA2"


def plant_symlink(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def plant_dangling_symlink(path: Path, elsewhere: Path) -> None:
    path.unlink()
    path.symlink_to(elsewhere / "none")


def plant_hard_link(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    os.link(elsewhere, path)


def plant_fifo(path: Path, elsewhere: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def open_to_the_group(path: Path, elsewhere: Path) -> None:
    path.chmod(0o640)


def open_to_others(path: Path, elsewhere: Path) -> None:
    path.chmod(0o602)


def give_away(path: Path, elsewhere: Path) -> None:
    os.chown(path, NOBODY, NOBODY)


PLANTED = [plant_symlink, plant_dangling_symlink, plant_hard_link, plant_fifo, open_to_the_group, open_to_others]
PLANTED_KINDS = [*PLANTED, pytest.param(give_away, marks=needs_root)]


@pytest.mark.parametrize("plant", PLANTED_KINDS)
def test_what_is_planted_under_the_name_of_the_credentials(
    stored: World, tmp_path: Path, plant: Callable[[Path, Path], None], warnings_logged: Callable[[], list[str]]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    path = stored.path(".json")
    plant(path, elsewhere)
    before = elsewhere.read_bytes() if elsewhere.exists() else None
    assert_ignored_and_replaced(stored)
    status = path.lstat()
    assert stat.S_ISREG(status.st_mode)
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_nlink) == (0o600, os.geteuid(), 1)
    assert before == (elsewhere.read_bytes() if elsewhere.exists() else None)
    assert warnings_logged() == []


@pytest.mark.parametrize("plant", PLANTED_KINDS)
def test_what_is_planted_under_the_name_of_the_lock(
    stored: World, tmp_path: Path, plant: Callable[[Path, Path], None], warnings_logged: Callable[[], list[str]]
) -> None:
    plant(stored.path(".lock"), tmp_path / "elsewhere")
    assert stored.fetch(is_fresh=False).access_key_id == "ASIA2"
    assert stored.fetch(is_fresh=False).access_key_id == "ASIA3"
    assert stored.cache.read(KEY) is not None
    assert len(warnings_logged()) == 2
    assert "the lock cannot be used" in warnings_logged()[0]
    assert not (tmp_path / "elsewhere" / "none").exists()


def test_a_directory_under_the_name_of_the_credentials(stored: World, warnings_logged: Callable[[], list[str]]) -> None:
    path = stored.path(".json")
    path.unlink()
    path.mkdir()
    assert stored.cache.read(KEY) is None
    assert [stored.fetch().access_key_id for _ in range(3)] == ["ASIA2", "ASIA3", "ASIA4"]
    (warning,) = warnings_logged()
    assert "cannot be stored" in warning
    assert [entry.suffix for entry in sorted(stored.directory.iterdir())] == [".json", ".lock"]


def test_a_full_disk_costs_a_warning_and_not_the_credentials(
    stored: World, warnings_logged: Callable[[], list[str]]
) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        credentials = stored.fetch(is_fresh=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert credentials.access_key_id == "ASIA2"
    (warning,) = warnings_logged()
    assert "cannot be stored" in warning
    assert list(stored.directory.glob(".*")) == []
    kept = stored.cache.read(KEY)
    assert kept is not None
    assert kept.access_key_id == "ASIA1"


@pytest.mark.parametrize("plant", [plant_symlink, plant_fifo, open_to_the_group])
def test_no_trouble_shows_a_secret(
    stored: World, tmp_path: Path, plant: Callable[[Path, Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for suffix in (".json", ".lock"):
        plant(stored.path(suffix), tmp_path / "elsewhere")
    stored.fetch()
    shown = [caplog.text, repr(stored.cache), repr(vars(stored.cache)), *(repr(one.args) for one in caplog.records)]
    assert "the lock cannot be used" in caplog.text
    assert [secret for secret in SECRETS if secret in "".join(shown)] == []


# --- What processes leave behind -----------------------------------------------------------------------------------

HASH = "0123456789abcdef" * 4
STALE = [f"{HASH}.json", f"{HASH}.lock", f".{HASH}.json.0123456789abcdef.tmp"]
OTHERS = ["notes.json", "my.lock", f"{HASH}.json.bak", f".{HASH}.tmp", f"{HASH}.JSON", ".0123456789abcdef.tmp"]


def age(path: Path, hours: float) -> None:
    seconds = path.lstat().st_mtime - hours * 3600
    os.utime(path, (seconds, seconds), follow_symlinks=False)


@pytest.mark.parametrize(("hours", "kept"), [(23, STALE), (25, [])])
def test_what_is_a_day_old_is_removed(stored: World, hours: float, kept: list[str]) -> None:
    for name in STALE:
        (stored.directory / name).touch(mode=0o600)
        age(stored.directory / name, hours)
    stored.fetch(is_fresh=False)
    assert [name for name in STALE if (stored.directory / name).exists()] == kept
    assert stored.cache.read(KEY) is not None


def test_what_others_put_there_is_not_touched(stored: World) -> None:
    for name in OTHERS:
        (stored.directory / name).touch(mode=0o600)
        age(stored.directory / name, 1000)
    (stored.directory / f"{HASH}.json").symlink_to(stored.directory / "notes.json")
    (stored.directory / f"{HASH}.lock").mkdir()
    for name in STALE[:2]:
        age(stored.directory / name, 1000)
    stored.fetch(is_fresh=False)
    assert all((stored.directory / name).exists() for name in [*OTHERS, *STALE[:2]])


def test_a_lock_that_is_held_is_not_removed_however_old(stored: World) -> None:
    old = stored.directory / f"{HASH}.lock"
    lock = FileLock(str(old))
    assert lock.try_acquire()
    for path in (old, stored.path(f"{document(stored)['Key']}.lock")):
        age(path, 1000)
    stored.fetch(is_fresh=False)
    assert old.exists()
    assert len(list(stored.directory.glob("*.lock"))) == 2
    lock.release()
