"""A command between its standard input and output, bounded in time and in what it writes, and gone at the end.

It runs in a session of its own: it has no terminal, and can be ended with all that it has started. Only what has moved
on to another session, as daemons do, is left alone.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ...errors import SigningError
from ...seconds import monotonic_seconds, sleep
from ..forking import no_fork_meanwhile

if TYPE_CHECKING:
    from typing import IO

# Every pipe takes as much while nobody reads.
_MOST_DATA_BYTES = 4 * 1024
_CHUNK_BYTES = 16 * 1024
_KEPT_OF_STDERR_BYTES = 4 * 1024
# How often is looked whether the command has ended, while something that it has started holds its pipes open.
_GLANCE_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.0005
# For the system to take away what was killed.
_REAPING_SECONDS = 1.0


class Ended(NamedTuple):
    """What became of a command.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        output: All that it wrote to standard output, up to the limit and one byte more.
        complaint: The end of what it wrote to standard error.
    """

    code: int
    output: bytes
    complaint: bytes

    def __repr__(self) -> str:
        return f"Ended(code={self.code})"


class TimedOutError(Exception):
    """The command did not end in time; whoever catches it knows how to name the command.

    Attributes:
        complaint: The end of what it wrote to standard error.
    """

    def __init__(self, complaint: bytes) -> None:
        super().__init__("the command did not end in time")
        self.complaint = complaint


def run_command(words: Sequence[str], data: bytes, timeout_seconds: float, most_bytes: int) -> Ended:
    """Run a command that reads ``data`` and writes its answer.

    Args:
        words: The program and its arguments; no shell is asked.
        data: For its standard input, up to 4,096 bytes: a string to sign has 200. Not to read it all is no fault.
        timeout_seconds: How long it may take.
        most_bytes: How much it may write to standard output; it is ended when it writes more.

    Raises:
        SigningError: It cannot be started, or ``data`` is longer.
        TimedOutError: It did not end in time.
    """
    process = _start(words, data)
    talk = _Talk(process, monotonic_seconds() + timeout_seconds, most_bytes)
    try:
        talk.hold()
    finally:
        _end(process)
    return Ended(process.returncode or 0, bytes(talk.output), bytes(talk.complaint))


def _start(words: Sequence[str], data: bytes) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        with open(_filled_pipe(data), "rb", buffering=0) as given:
            return subprocess.Popen(  # noqa: S603 - the user's own command, in words
                list(words), stdin=given, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
            )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SigningError(
            f"the signing command {program_name(words)} cannot be started: {reason}",
            hint="give the whole path of the program, and each argument as a word of its own; it is run by no shell, "
            "so that a variable is set by env: env NAME=VALUE PROGRAM",
        ) from None  # the cause shows the whole first word


def _filled_pipe(data: bytes) -> int:
    """Return what a pipe is read from that holds ``data`` and its end.

    A process that is forked meanwhile would hold the other side open, so that the command waited for more.
    """
    if len(data) > _MOST_DATA_BYTES:
        raise SigningError(f"a signing command gets up to {_MOST_DATA_BYTES:,} bytes to sign, not {len(data):,}")
    with no_fork_meanwhile:
        source, sink = os.pipe()
        try:
            os.set_blocking(sink, False)
            if os.write(sink, data) < len(data):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        except OSError:
            os.close(source)
            raise
        finally:
            os.close(sink)
    return source


def program_name(words: Sequence[str]) -> str:
    """Return how messages name a command; its arguments may be secrets.

    Also those that stand in the first word by mistake: ``TOKEN=… sign``, or one text in the place of words.
    """
    plain = re.split(r"[=\s]", words[0], maxsplit=1)[0]
    return repr(os.path.basename(plain)[:60] + "…" * (plain != words[0]))  # noqa: PTH119 - a name as it was given


class _Talk:
    """Reads from a command, until it has ended or must be."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float, most_bytes: int) -> None:
        self._process = process
        self._deadline = deadline
        self._most_bytes = most_bytes
        self.output = bytearray()
        self.complaint = bytearray()

    def hold(self) -> None:
        with selectors.DefaultSelector() as selector:
            process = self._process
            for pipe, act in ((process.stdout, self._read_output), (process.stderr, self._read_complaint)):
                os.set_blocking(pipe.fileno(), False)  # type: ignore[union-attr]
                selector.register(pipe, selectors.EVENT_READ, act)  # type: ignore[arg-type]
            self._serve_pipes(selector)
        self._wait()

    def _serve_pipes(self, selector: selectors.BaseSelector) -> None:
        while selector.get_map() and not self._is_too_much():
            has_ended = _has_ended(self._process)
            wait = min(_GLANCE_SECONDS, self._remaining())  # also after the end: something may write for ever
            ready = selector.select(0 if has_ended else wait)
            if has_ended and not ready:
                return  # something that it has started holds the pipes
            for key, _ in ready:
                with suppress(BlockingIOError):
                    if key.data(key.fileobj):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]

    def _read_output(self, pipe: IO[bytes]) -> bool:
        """Read some; return whether nothing is left to read."""
        read = os.read(pipe.fileno(), _CHUNK_BYTES)
        self.output += read
        return not read

    def _read_complaint(self, pipe: IO[bytes]) -> bool:
        read = os.read(pipe.fileno(), _CHUNK_BYTES)
        self.complaint += read
        del self.complaint[:-_KEPT_OF_STDERR_BYTES]
        return not read

    def _wait(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_too_much() and not _has_ended(self._process):
            sleep(min(pause, self._remaining()))
            pause = min(2 * pause, _GLANCE_SECONDS)

    def _is_too_much(self) -> bool:
        return len(self.output) > self._most_bytes

    def _remaining(self) -> float:
        remaining = self._deadline - monotonic_seconds()
        if remaining <= 0:
            raise TimedOutError(bytes(self.complaint))
        return remaining


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process has ended, and leave it there, so that its number is still its own."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody else in this program waits for every child


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and whatever it has started in its session's first group, and close its pipes."""
    # PermissionError: it runs as another user now, as under sudo.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REAPING_SECONDS)
