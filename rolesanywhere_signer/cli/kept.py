"""The answer of ``credential-process --cache``, kept ready to be printed: it is found without importing anything heavy.

An answer is kept for one command line in one directory, with the variables of the environment that have a say, and
holds while the files it was made of are what they were and its credentials are not due. It lies in the directory of the
cache, under that directory's rules. The cache itself is asked whenever there is none.
"""

from __future__ import annotations

import binascii
import os
import sys

from ..private_files import DEFAULT_CACHE_DIRECTORY, directory_fault, read_private, write_private
from ..seconds import epoch_seconds

# What `typing` has under this name, without importing it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMAT = "rolesanywhere-signer answer 2"
_MOST_BYTES = 256 * 1024
_COMMAND = "credential-process"
# Beside the flags, these say what is asked for.
_VARIABLES = (
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "HOME",
)
# Their values may be secrets, and must not lie on the disk in any form.
_SECRET_FLAGS = ("--pkcs8-password", "--tpm-key-password", "--signing-command")
_OUR_VARIABLES = "ROLESANYWHERE_"
# A file that was changed so recently may change again with no trace in its times.
_SETTLED_SECONDS = 0.1
# Some file systems keep whole seconds, or two of them.
_COARSELY_SETTLED_SECONDS = 2.5
# By how much the clock may be set back before it is noticed, as it is by those who keep time.
_CLOCK_STEP_SECONDS = 60


def find_kept(words: Sequence[str]) -> str | None:
    """Return the answer kept for a command line, or None: it has to be obtained.

    Args:
        words: Of the command line, without the program's name.
    """
    directory = _directory(words)
    request = None if directory is None else _request(words)
    if directory is None or request is None or not _is_private(directory):
        return None
    content = read_private(_path(directory, request), _MOST_BYTES)
    return None if content is None else _valid_answer(content, request)


def keep(words: Sequence[str], directory: str, files: Iterable[tuple[str, str]], answer: str, renew_at: float) -> None:
    """Keep an answer for the next time that the same is asked for; where that cannot be, nothing is kept.

    Args:
        words: Of the command line.
        directory: Of the cache, which was found to be private.
        files: What the answer was made of: paths, each with its ``fingerprint`` from before it was read.
        answer: What was printed.
        renew_at: The seconds since 1970 from which on the credentials are due.
    """
    request = _request(words)
    given = list(files)
    if request is None or directory != _directory(words) or any(not mark for _, mark in given):
        return
    head = [_FORMAT, str(int(renew_at)), str(int(epoch_seconds())), answer, str(len(given))]
    content = "\0".join([*head, *(text for pair in given for text in pair), request])
    try:
        write_private(_path(directory, request), _octets(content))
    except OSError:
        return  # a convenience that cannot be had is no fault of the answer


def fingerprint(path: str) -> str:
    """Return what tells one state of a file from another; empty where that is not certain."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "absent"
    except (OSError, ValueError):
        return ""
    settled = _SETTLED_SECONDS if status.st_ctime_ns % 1_000_000_000 else _COARSELY_SETTLED_SECONDS
    if abs(epoch_seconds() - status.st_ctime) < settled:
        return ""
    return f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _directory(words: Sequence[str]) -> str | None:
    """Return the directory of the cache that a command line names, or None: it asks for no kept answer."""
    if not words or words[0] != _COMMAND or os.name != "posix":
        return None
    cache = ""
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--debug", "--help", "-h") or name in _SECRET_FLAGS:
            return None
        if name == "--cache":
            cache = value if equals else "true"
    if cache.lower() in ("", "false"):
        return None
    try:
        return os.path.abspath(os.path.expanduser(DEFAULT_CACHE_DIRECTORY if cache.lower() == "true" else cache))
    except OSError:
        return None  # the working directory is gone


def _request(words: Sequence[str]) -> str | None:
    """Return all that a command line depends on beside files, or None: it is not told by this."""
    if any(name.startswith(_OUR_VARIABLES) for name in os.environ):
        return None
    try:
        here = os.getcwd()
    except OSError:
        return None
    # A path may name further variables, and what counts is where it leads now.
    said = [os.path.expandvars(os.environ.get(name, "\1")) for name in _VARIABLES]
    return "\0".join([sys.version, here, *said, *words])


def _path(directory: str, request: str) -> str:
    # The checksum finds the file; what is in the file says whether it is the one.
    return f"{directory}/{binascii.crc32(_octets(request)):08x}.answer"


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_private(directory: str) -> bool:
    try:
        return directory_fault(os.lstat(directory)) is None
    except OSError:
        return False


def _valid_answer(content: bytes, request: str) -> str | None:
    try:
        form, renew_at, kept_at, answer, count, *rest = content.decode("utf-8", "surrogateescape").split("\0")
        files, told = rest[: 2 * int(count)], rest[2 * int(count) :]
        if form != _FORMAT or "\0".join(told) != request:
            return None
        # Where the clock has been set back, nobody knows how old the answer is.
        if not int(kept_at) - _CLOCK_STEP_SECONDS <= epoch_seconds() < int(renew_at):
            return None
    except ValueError:
        return None
    pairs = zip(files[::2], files[1::2], strict=False)
    return answer if all(fingerprint(path) == mark for path, mark in pairs) else None
