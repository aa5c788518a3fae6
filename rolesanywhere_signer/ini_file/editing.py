"""Change a file that other programs read and write too: one writer at a time, whole or not at all, private."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import ConfigurationError
from ..files import StrPath, locks_are_available, make_directories, old_files, try_lock, unlock
from ..private_files import NO_SURPRISES, OTHERS, remove_quietly, stage
from ..seconds import sleep

# Ten thousand profiles with their tokens are about 15 MB.
MOST_BYTES = 32 * 1024 * 1024
# Each writer holds the lock for as long as it takes to read and to write the file once.
LOCK_TIMEOUT_SECONDS = 60.0

_MODE = 0o600
# Of a path and of the links on it; the system itself follows 40 links.
_MOST_STEPS = 4096
# A writer that lives has done its part in less; and none that has the lock leaves one behind.
_STALE_SECONDS = 60.0
_PAUSE_SECONDS = (0.002, 0.03)
_HINTS = {
    errno.EACCES: "this user must be able to write the file, and its directory, because it is replaced as a whole",
    errno.EBUSY: "a file that is mounted by itself cannot be replaced: mount its directory instead",
    errno.ENOSPC: "make room on the disk; the file is as it was",
    errno.EDQUOT: "make room on the disk, or raise this user's quota; the file is as it was",
    errno.EFBIG: "raise the limit for the size of a file (ulimit -f); the file is as it was",
    errno.EROFS: "choose a file on a file system that can be written",
    errno.ENOLCK: "choose a file on a file system that has locks",
    errno.EOPNOTSUPP: "choose a file on a file system that has locks",
}
_HINTS[errno.EPERM] = _HINTS[errno.EACCES]

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        path: Its path, symbolic links followed.
        is_changed: Whether its content is another now.
        remarks: What else became of it, for messages.
    """

    path: str
    is_changed: bool
    remarks: tuple[str, ...] = ()


def edit_file(path: StrPath, change: Change, *, what: str) -> Outcome:
    """Replace a file by what ``change`` makes of its content; one that is missing is made, with its directories.

    Of those who write with this function, one at a time reads and writes; the lock is flock(2) on the file itself, so
    that nothing lies about beside it. What another program has written since the file was read is read anew. Readers
    see the old file or the new one, each whole. Its mode is 0600 from then on, that of new directories 0700. Its owner
    stays, also where root writes it. A symbolic link stays, and leads to the new file.

    Args:
        path: Which.
        change: Called with the content, empty where there is no file, perhaps several times.
        what: What it is, for messages, such as ``credentials file``.

    Raises:
        ConfigurationError: It cannot be read or written, is read-only, another user's, over 32 MiB, no file at all, or
            others have not let go of it for a minute; or what ``change`` raises. The file is as it was.
    """
    if not locks_are_available():
        raise ConfigurationError(f"the {what} cannot be changed safely on this system: it has no POSIX file locks")
    file = _File(_target_of(path, what), what)
    _check_links(path, file)
    waited = 0.0
    while waited < LOCK_TIMEOUT_SECONDS:
        with _explained(file.name):
            outcome = file.try_to_edit(change)
        if outcome is not None:
            return outcome
        pause = random.uniform(*_PAUSE_SECONDS)  # noqa: S311 - parts the writers, keeps no secret
        sleep(pause)
        waited += pause
    raise ConfigurationError(
        f"{file.name} is in use by other writers for over {LOCK_TIMEOUT_SECONDS:g} s",
        hint="see with `fuser` or `lsof` who holds it open",
    )


def _target_of(path: StrPath, what: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError) as cause:
        raise ConfigurationError(f"the {what} {os.fspath(path)!r} cannot be a file: {cause}") from cause


def _check_links(path: StrPath, file: _File) -> None:
    """Let no link of another user lead root to what is not that user's, as in a home that ``sudo`` keeps."""
    if os.geteuid() != 0:
        return
    with _explained(file.name):
        strangers = _owners_of_links(os.fspath(path)) - {0, _owner_of_nearest(file.path)}
    if strangers:
        raise ConfigurationError(
            f"{file.name} is reached over a symbolic link of another user (uid {min(strangers)})",
            hint="root follows only root's links, and those that lead to what belongs to their owner; name the file "
            "itself, or see why HOME is that user's",
        )


def _owners_of_links(path: str) -> set[int]:
    """Return the owners of all symbolic links that lead from a path to its file."""
    owners: set[int] = set()
    here, rest = os.sep, os.path.join(os.getcwd(), path).split(os.sep)
    for _ in range(_MOST_STEPS):
        if not rest:
            break
        name, *rest = rest
        if name == os.pardir:
            here = os.path.dirname(here)
            continue
        entry = os.path.join(here, name)
        if not os.path.islink(entry):
            here = entry
            continue
        owners.add(os.lstat(entry).st_uid)
        target = os.readlink(entry)
        here, rest = (os.sep if os.path.isabs(target) else here), [*target.split(os.sep), *rest]
    return owners


def _owner_of_nearest(path: str) -> int:
    """Return the owner of a file, or of the directory in which it, or its directories, would be made."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.lstat(path).st_uid


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as cause:
        raise ConfigurationError(
            f"{name} cannot be changed: {cause.strerror or type(cause).__name__}", hint=_HINTS.get(cause.errno or 0)
        ) from cause


@contextlib.contextmanager
def _staged(path: str, content: bytes, owner: tuple[int, int] | None = None) -> Iterator[str]:
    """Yield the path of a new file beside ``path``, for a block that renames it; what is left of it then is removed."""
    temporary = stage(path, content, owner)
    try:
        yield temporary
    finally:
        remove_quietly(temporary)


class _File:
    """The file at the end of all links.

    Attributes:
        path: Its absolute path.
        name: How messages name it.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.name = f"the {what} {path!r}"

    def try_to_edit(self, change: Change) -> Outcome | None:
        """Return the outcome, or None if another writer was faster, so that the file has to be read anew."""
        try:
            self._check(os.lstat(self.path))
            descriptor = os.open(self.path, os.O_RDWR | NO_SURPRISES)
        except FileNotFoundError:
            return self._make(change)
        try:
            return self._edit(descriptor, change) if try_lock(descriptor, self.path) else None
        finally:
            unlock(descriptor)

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise ConfigurationError(f"{self.name} is {kind}", hint="name another file")
        if not status.st_mode & stat.S_IWUSR:
            # A rename would replace it all the same, and root may write anything; but somebody meant it.
            raise ConfigurationError(
                f"{self.name} is read-only (mode {stat.S_IMODE(status.st_mode):04o})", hint="chmod u+w, or another file"
            )
        if os.geteuid() not in (0, status.st_uid):
            # The new file would be ours, and its owner could read it no more.
            raise ConfigurationError(
                f"{self.name} belongs to another user (uid {status.st_uid})", hint="run this as that user"
            )

    def _make(self, change: Change) -> Outcome | None:
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            make_directories(directory)
        with _staged(self.path, change(b"")) as temporary:
            try:
                # Not a rename: whoever was faster keeps the name.
                os.link(temporary, self.path)
            except (FileExistsError, FileNotFoundError):
                return None
            except OSError:  # a file system without hard links
                if os.path.lexists(self.path):
                    return None
                os.replace(temporary, self.path)
        return Outcome(self.path, is_changed=True)

    def _edit(self, descriptor: int, change: Change) -> Outcome | None:
        """Edit the file while its lock is held."""
        seen = os.fstat(descriptor)
        content = self._read(descriptor)
        new = change(content)
        remarks = self._remarks(seen, is_changed=new != content)
        if new == content:
            if stat.S_IMODE(seen.st_mode) != _MODE:
                os.fchmod(descriptor, _MODE)
            return Outcome(self.path, is_changed=False, remarks=remarks)
        with _staged(self.path, new, _owner_to_keep(seen)) as temporary:
            if not _is_as_seen(self.path, seen):
                return None
            os.replace(temporary, self.path)
        self._remove_left_overs(seen.st_uid)
        return Outcome(self.path, is_changed=True, remarks=remarks)

    def _read(self, descriptor: int) -> bytes:
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigurationError(f"{self.name} has more than {MOST_BYTES:,} bytes")
        return content

    def _remarks(self, seen: os.stat_result, *, is_changed: bool) -> tuple[str, ...]:
        remarks = []
        if seen.st_mode & OTHERS:
            remarks.append(
                f"{self.name} could be used by others (mode {stat.S_IMODE(seen.st_mode):04o}); its mode is "
                f"{_MODE:04o} now"
            )
        if is_changed and seen.st_nlink > 1:
            remarks.append(f"{self.name} had more than one name (hard links); the others keep the old content")
        return tuple(remarks)

    def _remove_left_overs(self, owner: int) -> None:
        """Remove what writers that were killed left behind: it holds credentials."""
        directory, name = os.path.split(self.path)
        ours = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.tmp", re.DOTALL)
        with contextlib.suppress(OSError):
            for path in old_files(directory, ours, _STALE_SECONDS, self.path):
                if os.lstat(path).st_uid in (os.geteuid(), owner):
                    remove_quietly(path)


def _owner_to_keep(seen: os.stat_result) -> tuple[int, int] | None:
    owner = (seen.st_uid, seen.st_gid)
    return owner if os.geteuid() == 0 and owner != (0, os.getegid()) else None


def _is_as_seen(path: str, seen: os.stat_result) -> bool:
    # Programs that know nothing of the lock write as well: an editor, `aws configure`.
    try:
        now = os.lstat(path)
    except FileNotFoundError:
        return False
    return _identity(now) == _identity(seen)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
