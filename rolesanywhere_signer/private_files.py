"""Files of this user alone: written in one step with mode 0600, and read only where they are still so.

A short program that answers out of such a file imports no more than this.
"""

from __future__ import annotations

import os
import stat

# What a planted link or pipe must not do to an open(): lead elsewhere, wait for ever, become a terminal.
NO_SURPRISES = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Of the cache of credentials: beside botocore's ~/.aws/boto/cache and the AWS CLI's ~/.aws/cli/cache.
DEFAULT_CACHE_DIRECTORY = "~/.aws/rolesanywhere/cache"


def write_private(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step; no reader sees half of it, and its mode is 0600 from the start.

    Raises:
        OSError: The directory cannot be written; the old file is as it was.
    """
    temporary = stage(path, content)
    try:
        os.replace(temporary, os.path.abspath(path))
    except BaseException:
        remove_quietly(temporary)
        raise


def stage(path: str | os.PathLike[str], content: bytes, owner: tuple[int, int] | None = None) -> str:
    """Write ``content`` to a new file beside ``path``, for a rename, and return its path.

    Args:
        path: What it is to become; its mode is 0600 from the start, whatever the umask.
        content: All of it.
        owner: The user and group that it is given to; None: it stays this process's.

    Raises:
        OSError: It cannot be written; nothing is left of it.
    """
    directory, name = os.path.split(os.path.abspath(path))
    # Beside the target, because a rename works only within one file system. Killed here, a process leaves it behind.
    temporary = os.path.join(directory, f".{name}.{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb", opener=_open_private) as file:
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        remove_quietly(temporary)
        raise
    return temporary


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)  # a umask may have taken the owner's own rights
    return descriptor


def read_private(path: str | os.PathLike[str], most_bytes: int) -> bytes | None:
    """Return the content of a regular file that is this user's alone, with one name and mode 0600 or stricter.

    Returns:
        None for anything else and for whatever cannot be read; a link is not followed, a pipe not waited for.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_SURPRISES)
    except OSError:
        return None
    try:
        content = os.read(descriptor, most_bytes + 1) if is_ours_alone(os.fstat(descriptor)) else b""
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return content if 0 < len(content) <= most_bytes else None


def is_ours_alone(status: os.stat_result) -> bool:
    """Return whether a status is that of a regular file of this user alone, with one name and mode 0600 or stricter."""
    # A file that was replaced since it was opened has no name left, which is fine; a second name is a planted link.
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & OTHERS
        and status.st_nlink <= 1
    )


def directory_fault(status: os.stat_result) -> str | None:
    """Return what keeps a directory from being this user's alone, or None: nothing does."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a directory"
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    if status.st_mode & OTHERS:
        return f"can be used by other users (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def remove_quietly(path: str) -> None:
    """Remove a file; one that is gone or cannot be removed is left at that."""
    try:  # noqa: SIM105 - contextlib is nothing that a short program needs
        os.unlink(path)
    except OSError:
        pass
