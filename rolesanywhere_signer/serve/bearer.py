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
from ..files import StrPath, read_source, readable_by_others
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
        ConfigurationError: The file cannot be read or made, or holds what cannot be a token.
    """
    shown = os.path.abspath(path)  # noqa: PTH100 - keeps bytes that are no text
    if os.path.lexists(shown):
        token = _checked(read_source(shown, what=_WHAT, error=ConfigurationError), shown)
        yield Bearer(token, shown, others_can_read=readable_by_others(shown))
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
