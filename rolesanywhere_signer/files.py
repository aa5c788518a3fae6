"""Files, carefully: bounded reads, atomic writes that nobody else can read, a look at who may read, locks."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from typing import Union

from .errors import ConfigurationError, RolesAnywhereError
from .private_files import NO_SURPRISES, directory_fault, is_ours_alone

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

StrPath = Union[str, "os.PathLike[str]"]
Source = Union[str, "os.PathLike[str]", bytes]

# What stands in the place of a private key's path and is none: a key in a TPM.
KEY_SCHEMES = ("handle:",)
# A chain of six ML-DSA-87 certificates in PEM is about 80 KB; a trust anchor may have 204,800 characters.
MAX_BYTES = 1024 * 1024
_MOST_ENTRIES = 1000
# A URI of a token whose beginning is misspelled is taken for a path, and its PIN is in it.
_KEY_LIKE = re.compile(r"M[A-Za-z0-9+/=\s]{39,}|.*[\r\n].*|.{1024,}|.*pin-value.*", re.DOTALL)


def is_source(value: object) -> bool:
    """Return whether ``value`` is a path or content, and no object of another kind."""
    return isinstance(value, (str, bytes, bytearray, os.PathLike))


def read_source(source: Source, *, what: str, error: type[RolesAnywhereError]) -> bytes:
    """Return the content that ``source`` names: bytes as they are, a path's file.

    Args:
        source: Bytes, or a path as str or PathLike.
        what: What the content is, for messages, such as ``certificate``.
        error: The class to raise.

    Raises:
        RolesAnywhereError: As ``error``: unreadable, over 1 MiB, or a str that is PEM text rather than a path.
    """
    if isinstance(source, (bytes, bytearray)):
        if len(source) > MAX_BYTES:
            raise error(f"the {what} has {len(source):,} bytes, more than the {MAX_BYTES:,} that are read")
        return bytes(source)
    return _read_file(_checked_path(source, what=what, error=error), what=what, error=error)


def describe_source(source: Source, what: str) -> str:
    """Return how messages name ``source``; bytes are never shown."""
    return f"the {what}" if isinstance(source, (bytes, bytearray)) else f"the {what} file {_shown(os.fspath(source))}"


def read_descriptor(descriptor: int, *, what: str, error: type[RolesAnywhereError]) -> bytes:
    """Return all that an open file descriptor gives, and close it.

    Raises:
        RolesAnywhereError: As ``error``: it cannot be read, or holds over 1 MiB.
    """
    try:
        with open(descriptor, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, TypeError) as cause:
        raise error(f"cannot read the {what} from file descriptor {descriptor}: {cause}") from cause
    return read_source(content, what=what, error=error)


def _checked_path(source: StrPath, *, what: str, error: type[RolesAnywhereError]) -> str:
    if not isinstance(source, (str, os.PathLike)):
        raise error(f"the {what} must be a path or bytes, not {type(source).__name__}")
    path = os.fspath(source)
    if not isinstance(path, str):
        raise error(f"the path of the {what} must be text, not {type(path).__name__}")
    if "-----BEGIN" in path:
        # The text may be a private key, so it is not shown.
        raise error(
            f"the {what} was given as PEM text where a path belongs",
            hint="pass a path, or the PEM text as bytes: text.encode()",
        )
    return path


def _read_file(path: str, *, what: str, error: type[RolesAnywhereError]) -> bytes:
    failure: OSError | ValueError | None = None
    regular, content = True, b""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            # None: a file of the kernel's that would let a reader wait.
            content = (file.read(MAX_BYTES + 1) or b"") if regular else b""
    except (OSError, ValueError) as cause:
        failure = cause.with_traceback(None)  # or it would hold this frame, which holds it
    if failure is not None:
        # Raised out here, so that what looks like a key does not hang on the error as its context.
        told = isinstance(failure, OSError) and failure.strerror
        raise error(
            f"cannot read the {what} file {_shown(path)}: {told or type(failure).__name__}",
            hint="check that the path is right and that this user may read it",
        ) from (None if _KEY_LIKE.fullmatch(path) else failure)
    if not regular:
        raise error(
            f"the {what} {_shown(path)} is not a regular file",
            hint="read a pipe or a device yourself and pass the bytes",
        )
    if len(content) > MAX_BYTES:
        raise error(f"the {what} file {_shown(path)} has more than {MAX_BYTES:,} bytes")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    # A named pipe without a writer would keep open() waiting for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _shown(path: str) -> str:
    """Return the path for a message, unless it looks like the key itself: base64 of DER starts with M."""
    if _KEY_LIKE.fullmatch(path):
        return "(not shown: it looks like the content, not like a path)"
    return repr(path)


def readable_by_others(path: StrPath) -> bool:
    """Return whether users other than the owner may read the file; False where modes mean nothing (Windows)."""
    if os.name != "posix":
        return False
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def make_private_directory(path: StrPath, what: str) -> str:
    """Make a directory that its owner alone can use (0700), unless it is there; its missing parents likewise.

    One that is there is taken only as it should be, and never repaired: what others could do to it, they may have
    done already.

    Returns:
        Its absolute path.

    Raises:
        ConfigurationError: It cannot be made, is no directory or a symbolic link, belongs to another user, or can be
            used by others.
    """
    given = _checked_path(path, what=what, error=ConfigurationError)
    if not given:
        raise ConfigurationError(f"the path of the {what} is empty")
    directory = given
    try:
        directory = os.path.abspath(given)
        status = _status_of_new_directory(directory)
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
        raise ConfigurationError(
            f"the {what} {directory!r} cannot be used: {reason}", hint="choose a directory that this user can make"
        ) from cause
    fault = directory_fault(status)
    if fault:
        raise ConfigurationError(
            f"the {what} {directory!r} {fault}",
            hint="choose a directory of this user alone, mode 700; see what others may have put into this one before "
            "you make it so",
        )
    return directory


def _status_of_new_directory(directory: str) -> os.stat_result:
    try:
        return os.lstat(directory)
    except FileNotFoundError:
        make_directories(directory)
        return os.lstat(directory)


def make_directories(directory: str) -> None:
    """Make a directory that its owner alone can use, and its missing parents; what is there stays as it is.

    Raises:
        OSError: One of them cannot be made.
    """
    # Not os.makedirs, which gives parents the default mode.
    parent = os.path.dirname(directory)
    if not os.path.isdir(parent):
        make_directories(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, 0o700)
        if os.lstat(directory).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(directory, 0o700)  # a umask has taken the owner's own rights


def old_files(directory: str, names: re.Pattern[str], seconds: float, newest: str) -> list[str]:
    """Return the paths of regular files whose whole name fits ``names`` and that are older than the file ``newest``.

    Ages are differences between the file system's own times, so that no clock has a say. Of a directory with very
    many entries only some are looked at.

    Args:
        directory: Where; folders in it are not entered.
        names: Which.
        seconds: How much older.
        newest: The path of a file that has just been written.

    Raises:
        OSError: The directory or ``newest`` cannot be read.
    """
    limit = os.lstat(newest).st_mtime - seconds
    with os.scandir(directory) as entries:
        return [
            entry.path
            for entry in itertools.islice(entries, _MOST_ENTRIES)
            if names.fullmatch(entry.name) and _is_older(entry, limit)
        ]


def _is_older(entry: os.DirEntry[str], limit: float) -> bool:
    try:
        return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < limit
    except OSError:
        return False  # another process has removed it


def locks_are_available() -> bool:
    """Return whether this system has the locks of ``FileLock``; Windows has not."""
    return fcntl is not None


def try_lock(descriptor: int, path: str) -> bool:
    """Take the lock of an opened file if nobody else has it; never wait.

    Returns:
        Whether it is held now, and the file is still the one under ``path``: one that was replaced or removed since it
        was opened is found by nobody else.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except (BlockingIOError, FileNotFoundError):
        return False


def unlock(descriptor: int) -> None:
    """Give the lock of an opened file back, and close it."""
    try:
        # Closing alone would not do while a program that is just being started shares the opened file.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


class FileLock:
    """A lock between processes, and between threads, on a file; the system releases it when its holder dies.

    Each holder needs an object of its own. The lock is flock(2): it belongs to the opened file, not to the process.

    Args:
        path: The lock's file; made when it is missing, and empty.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody else has it; never wait.

        Returns:
            Whether it is held now.

        Raises:
            OSError: The file cannot be opened or locked, or is not a file of this user alone.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | NO_SURPRISES, 0o600)
        try:
            held = self._lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if not held:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        _held_locks.add(self)
        return True

    def _lock(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        if not is_ours_alone(status):
            raise OSError(errno.EPERM, "not a regular file of this user alone", self._path)
        if status.st_mode & stat.S_IRWXU != stat.S_IRUSR | stat.S_IWUSR:
            os.fchmod(descriptor, 0o600)  # a umask has taken the owner's own rights, and the next could not open it
        return try_lock(descriptor, self._path)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held_locks.discard(self)
            unlock(descriptor)

    def remove_if_idle(self) -> None:
        """Remove the lock's file unless somebody holds the lock or the file cannot be removed."""
        with contextlib.suppress(OSError):
            if self.try_acquire():
                try:
                    os.unlink(self._path)
                finally:
                    self.release()

    def _forget_in_child(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_held_locks: set[FileLock] = set()


def _after_fork_in_child() -> None:
    # A child shares the opened file and would keep the lock for as long as it lives, its parent dead or not.
    for lock in list(_held_locks):
        lock._forget_in_child()
    _held_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
