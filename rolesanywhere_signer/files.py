"""Files, carefully: bounded reads, atomic writes that nobody else can read, a look at who may read a key."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from typing import Union

from .errors import RolesAnywhereError

StrPath = Union[str, "os.PathLike[str]"]
Source = Union[str, "os.PathLike[str]", bytes]

# A chain of six ML-DSA-87 certificates in PEM is about 80 KB; a trust anchor may have 204,800 characters.
MAX_BYTES = 1024 * 1024
_KEY_LIKE = re.compile(r"M[A-Za-z0-9+/=\s]{39,}|.*[\r\n].*|.{1024,}", re.DOTALL)


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
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_BYTES + 1) if regular else b""
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
        raise error(
            f"cannot read the {what} file {_shown(path)}: {reason}",
            hint="check that the path is right and that this user may read it",
        ) from (None if _KEY_LIKE.fullmatch(path) else cause)
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


def write_private(path: StrPath, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step; no reader sees half of it, and its mode is 0600 from the start.

    Raises:
        OSError: The directory cannot be written; the old file is as it was.
    """
    target = os.path.abspath(path)
    # mkstemp makes the file 0600; beside the target, because a rename works only within one file system.
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
