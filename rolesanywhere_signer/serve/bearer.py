"""The bearer token of a container endpoint: text in a file, whose mode says who may read the credentials."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigurationError
from ..files import StrPath, read_descriptor
from ..private_files import read_private, remove_quietly, write_private

_WHAT = "endpoint's token"
_RANDOM_BYTES = 32
# What a header can hold, without spaces; shorter ones could be guessed.
_USABLE = re.compile(rb"[\x21-\x7e]{16,4096}")
_PREFIX = "rolesanywhere-"


@dataclass(frozen=True)
class Bearer:
    """A token and its file.

    Attributes:
        token: It. Hidden.
        path: Of the file.
        others_can_read: Whether users other than the file's owner may read it.
    """

    token: str = field(repr=False)
    path: str
    others_can_read: bool = False


@contextlib.contextmanager
def bearer_in(path: StrPath) -> Iterator[Bearer]:
    """Yield the token in a file; where there is no file, a new token, whose file is there until the end.

    Args:
        path: Of the file.

    Raises:
        ConfigurationError: The file cannot be read or made, holds what cannot be a token, or may be another user's
            doing.
    """
    shown = os.path.abspath(path)  # noqa: PTH100 - keeps bytes that are no text
    if os.path.lexists(shown):
        content, mode = _read(shown)
        yield Bearer(_checked(content, shown), shown, others_can_read=bool(mode & (stat.S_IRGRP | stat.S_IROTH)))
        return
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    try:
        # Without a line end: the SDKs send what they find, and refuse to send that.
        write_private(shown, token.encode())
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the {_WHAT} to {shown!r}: {error.strerror or error}",
            hint="choose a directory that is there and that this user may write to",
        ) from error
    try:
        yield Bearer(token, shown)
    finally:
        # Unless somebody has put another one there meanwhile.
        if read_private(shown, len(token)) == token.encode():
            remove_quietly(shown)


def _read(path: str) -> tuple[bytes, int]:
    """Return what is in a file and its mode, both of the same file whatever becomes of its name meanwhile."""
    try:
        # A named pipe without a writer would keep open() waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the {_WHAT} file {path!r}: {error.strerror or error}",
            hint="check that the path is right and that this user may read it",
        ) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ConfigurationError(f"the {_WHAT} {path!r} is not a regular file")
    content = read_descriptor(descriptor, what=_WHAT, error=ConfigurationError)
    if os.name != "posix":
        return content, 0
    # Whoever can write it knows the token, and so may have put it there.
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"the {_WHAT} file {path!r} belongs to another user, or others may write to it",
            hint="give one of this user's or root's; or remove the file, and a new token is made",
        )
    return content, status.st_mode


def _checked(content: bytes, path: str) -> str:
    if _USABLE.fullmatch(content) is None:
        raise ConfigurationError(
            f"the {_WHAT} file {path!r} must hold 16 to 4096 visible ASCII characters and nothing else",
            hint="write it without a line end, as printf does; or remove the file, and a new token is made",
        )
    return content.decode()


@contextlib.contextmanager
def private_directory(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a new directory that this user alone can use (0700); it is removed at the end, with all that is in it.

    It lies in ``XDG_RUNTIME_DIR``, which is in memory, or else where temporary files are.

    Raises:
        ConfigurationError: It cannot be made.
    """
    try:
        directory = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_runtime_directory(environment))
    except OSError as error:
        raise ConfigurationError(
            f"cannot make a private directory: {error.strerror or error}",
            hint="set TMPDIR to one that can be written to",
        ) from error
    with directory as path:
        yield path


def _runtime_directory(environment: Mapping[str, str]) -> str | None:
    given = environment.get("XDG_RUNTIME_DIR", "")
    if not Path(given).is_absolute() or os.name != "posix":
        return None
    try:
        status = os.lstat(given)
    except OSError:
        return None
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return given if is_ours and os.access(given, os.W_OK) else None
