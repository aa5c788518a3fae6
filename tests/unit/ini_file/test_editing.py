"""The file around the text: who may read it, what is kept, what is refused, and that nothing lies about afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.files import locks_are_available, try_lock, unlock
from rolesanywhere_signer.ini_file import Outcome, edit_file, editing
from tests.support.users import NOBODY, as_nobody, home_of_nobody

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def edit(path: Path | str, change: Callable[[bytes], bytes] = lambda content: content + b"new") -> Outcome:
    return edit_file(path, change, what="credentials file")


def refused(path: Path | str, change: Callable[[bytes], bytes] = lambda content: content + b"new") -> str:
    with pytest.raises(ConfigurationError) as raised:
        edit(path, change)
    return str(raised.value)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with content, alone in a directory."""
    path = tmp_path / "aws" / "credentials"
    path.parent.mkdir()
    path.write_bytes(b"old ")
    path.chmod(0o600)
    return path


def test_the_content_is_replaced_and_nothing_lies_about(path: Path) -> None:
    assert edit(path) == Outcome(str(path), is_changed=True)
    assert path.read_bytes() == b"old new"
    assert mode_of(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_of_the_old_file_keeps_all_of_it(path: Path) -> None:
    with path.open("rb") as reader:
        edit(path)
        assert reader.read() == b"old "


@pytest.mark.parametrize("umask", [0, 0o022, 0o777], ids=oct)
def test_a_file_and_its_directories_are_made_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "home" / ".aws" / "credentials"
    before = os.umask(umask)
    try:
        assert edit(path).is_changed
        edit(path)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"newnew"
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_directory_that_is_there_stays_as_it_is(path: Path) -> None:
    path.parent.chmod(0o755)
    path.unlink()
    edit(path)
    assert mode_of(path.parent) == 0o755


def test_unchanged_content_is_not_written(path: Path) -> None:
    before = path.stat()
    assert edit(path, lambda content: content) == Outcome(str(path), is_changed=False)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("change", [lambda content: content, lambda content: content + b"new"])
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o666])
def test_a_looser_mode_is_tightened_and_told(path: Path, change: Callable[[bytes], bytes], mode: int) -> None:
    path.chmod(mode)
    (remark,) = edit(path, change).remarks
    assert f"mode {mode:04o}" in remark
    assert mode_of(path) == 0o600
    assert edit(path).remarks == ()


def test_links_are_followed_and_stay(path: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to("second")
    second.symlink_to(path)
    assert edit(first).path == str(path)
    assert path.read_bytes() == b"old new"
    assert first.is_symlink()
    assert second.is_symlink()


def test_a_link_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("below/credentials")
    edit(link)
    assert (tmp_path / "below" / "credentials").read_bytes() == b"new"
    assert link.is_symlink()


def test_a_second_name_keeps_the_old_content_and_is_told(path: Path) -> None:
    other = path.with_name("other")
    other.hardlink_to(path)
    (remark,) = edit(path).remarks
    assert "more than one name" in remark
    assert other.read_bytes() == b"old "


def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    assert "not a regular file" in refused(link)


def test_a_directory(tmp_path: Path) -> None:
    assert f"the credentials file {str(tmp_path)!r} is a directory" in refused(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in refused(tmp_path / "fifo")


@pytest.mark.parametrize("name", ["credentials/credentials", "x" * 300, "nul\0byte", "\ud800"])
def test_a_path_that_no_file_can_have(path: Path, name: str) -> None:
    refused(f"{path.parent}/{name}")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o040, 0])
def test_a_read_only_file_is_not_written_even_by_root(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert f"is read-only (mode {mode:04o})" in refused(path)
    assert mode_of(path) == mode
    path.chmod(0o600)
    assert path.read_bytes() == b"old "


def test_a_file_without_an_end_is_not_read_to_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "MOST_BYTES", 4)
    edit(path, lambda content: content)
    path.write_bytes(b"12345")
    assert "more than 4 bytes" in refused(path)
    assert path.read_bytes() == b"12345"


def test_what_the_change_raises_leaves_the_file_as_it_was(path: Path) -> None:
    def change(content: bytes) -> bytes:
        raise ConfigurationError("not this one")

    assert refused(path, change) == "not this one"
    assert refused(path.with_name("other"), change) == "not this one"
    assert path.read_bytes() == b"old "
    assert list(path.parent.iterdir()) == [path]


def test_what_another_program_wrote_meanwhile_is_read_anew(path: Path) -> None:
    seen = []

    def change(content: bytes) -> bytes:
        seen.append(content)
        if len(seen) == 1:
            path.write_bytes(b"by another, ")
        elif len(seen) == 2:
            other = path.with_name("other")
            other.write_bytes(b"by a third, ")
            other.replace(path)
        return content + b"new"

    assert edit(path, change).is_changed
    assert seen == [b"old ", b"by another, ", b"by a third, "]
    assert path.read_bytes() == b"by a third, new"


def test_a_file_that_vanishes_meanwhile_is_made(path: Path) -> None:
    def change(content: bytes) -> bytes:
        path.unlink(missing_ok=True)
        return content + b"new"

    edit(path, change)
    assert path.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_read(path: Path) -> None:
    path.unlink()

    def change(content: bytes) -> bytes:
        if not content:
            path.write_bytes(b"by another, ")
        return content + b"new"

    edit(path, change)
    assert path.read_bytes() == b"by another, new"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_system_without_hard_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    path.unlink()
    edit(path)
    edit(path)
    assert path.read_bytes() == b"newnew"


def test_a_system_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "locks_are_available", lambda: False)
    assert "no POSIX file locks" in refused(path)
    assert path.read_bytes() == b"old "


def test_writers_wait_for_each_other(path: Path) -> None:
    def add(number: int) -> None:
        for _ in range(10):
            edit(path, lambda content: content + b"%d " % number)

    path.unlink()
    threads = [threading.Thread(target=add, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes().split()) == sorted(b"%d" % number for number in range(5) for _ in range(10))


def test_a_writer_that_does_not_let_go_is_told_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "LOCK_TIMEOUT_SECONDS", 0.1)
    descriptor = os.open(path, os.O_RDWR)
    assert try_lock(descriptor, str(path))
    try:
        assert "in use by other writers" in refused(path)
    finally:
        unlock(descriptor)
    edit(path)
    assert path.read_bytes() == b"old new"


def test_what_killed_writers_left_behind_is_removed_once_it_is_old(path: Path) -> None:
    old = path.with_name(".credentials.0123456789abcdef.tmp")
    new = path.with_name(".credentials.0123456789abcde0.tmp")
    others = [".credentials.0123456789abcdef.tmp2", ".credentials.0123.tmp", ".config.0123456789abcdef.tmp", "a.tmp"]
    for left in [old, new, *map(path.with_name, others)]:
        left.write_bytes(b"secret")
        if left != new:
            os.utime(left, (1, 1))
    edit(path)
    assert {left.name for left in path.parent.iterdir()} == {"credentials", new.name, *others}


def test_a_directory_is_no_left_over(path: Path) -> None:
    directory = path.with_name(".credentials.0123456789abcdef.tmp")
    directory.mkdir()
    os.utime(directory, (1, 1))
    edit(path)
    assert directory.is_dir()


def test_a_file_that_cannot_become_so_large(path: Path) -> None:
    program = (
        "import resource, sys; from rolesanywhere_signer.ini_file import edit_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "edit_file(sys.argv[1], lambda content: content * 1000, what='credentials file')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "ConfigurationError: the credentials file" in done.stderr
    assert "the file is as it was" in done.stderr
    assert path.read_bytes() == b"old "
    assert list(path.parent.iterdir()) == [path]


@only_root
def test_the_owner_stays_where_root_writes(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY - 1)
    path.chmod(0o640)
    edit(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY - 1, 0o600)


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A file of nobody's, alone in a directory of nobody's."""
    with home_of_nobody() as directory:
        path = directory / "credentials"
        path.write_bytes(b"old ")
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o600)
        yield path


@only_root
def test_a_file_of_another_user_is_refused(nobodys: Path) -> None:
    os.chown(nobodys, 0, 0)
    nobodys.chmod(0o666)
    with as_nobody():
        assert "belongs to another user (uid 0)" in refused(nobodys)
    assert nobodys.read_bytes() == b"old "


@only_root
def test_a_directory_that_cannot_be_written(nobodys: Path) -> None:
    os.chown(nobodys.parent, 0, 0)
    nobodys.parent.chmod(0o755)
    with as_nobody():
        message = refused(nobodys)
        assert "Permission denied" in refused(nobodys.with_name("other"))
        assert "Permission denied" in refused(nobodys.parent / "directory" / "credentials")
    assert "Permission denied" in message
    assert "its directory" in message
    assert nobodys.read_bytes() == b"old "
    assert list(nobodys.parent.iterdir()) == [nobodys]


@only_root
def test_a_file_that_cannot_be_read(nobodys: Path) -> None:
    nobodys.chmod(0o200)
    with as_nobody():
        assert "Permission denied" in refused(nobodys)
    assert nobodys.read_bytes() == b"old "


@only_root
@pytest.mark.parametrize("umask", [0, 0o022, 0o777], ids=oct)
def test_a_user_without_a_directory_makes_it_whatever_the_umask(nobodys: Path, umask: int) -> None:
    path = nobodys.parent / "home" / ".aws" / "credentials"
    with as_nobody():
        before = os.umask(umask)
        try:
            edit(path)
            edit(path)
        finally:
            os.umask(before)
    assert path.read_bytes() == b"newnew"
    assert [mode_of(each) for each in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]


@only_root
@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("of_directory", [True, False])
def test_root_follows_no_link_of_another_user_to_its_own_files(
    nobodys: Path, tmp_path: Path, is_there: bool, of_directory: bool
) -> None:
    precious = tmp_path / "credentials"
    if is_there:
        precious.write_bytes(b"old ")
        precious.chmod(0o644)
    link = nobodys.with_name("link")
    link.symlink_to(tmp_path if of_directory else precious)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(ConfigurationError, match=f"over a symbolic link of another user .uid {NOBODY}."):
        edit(link / "credentials" if of_directory else link)
    assert precious.exists() == is_there
    assert not is_there or precious.stat().st_mode & 0o777 == 0o644


@only_root
def test_root_follows_a_link_to_what_is_its_owner_s(nobodys: Path) -> None:
    link = nobodys.with_name("link")
    link.symlink_to("./../" + nobodys.parent.name + "/credentials")
    os.lchown(link, NOBODY, NOBODY)
    edit(link)
    assert nobodys.read_bytes() != b"old "
    assert nobodys.stat().st_uid == NOBODY
