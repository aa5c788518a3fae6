"""Manners at a terminal: who reads what, when there is colour, and when somebody can be asked.

Results go to stdout, everything else to stderr. Colour is for people: on a terminal, without ``NO_COLOR``. Nothing is
asked where nobody can answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from ..errors import PassphraseError, RolesAnywhereError

_COLOURS: Mapping[str, str] = {"error": "31;1", "warning": "33;1", "hint": "36", "ok": "32;1"}


def note(text: str) -> None:
    """Tell something on stderr; where nobody can be told, what is being done matters more."""
    # For a stderr that is closed, print() would write to stdout.
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def drop_untold() -> None:
    """Drop what could not be written to stderr, before Python tries once more and makes an exit code of its own."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def warn(text: str) -> None:
    """Tell on stderr what is worth attention."""
    note(f"{paint('warning:', 'warning', sys.stderr)} {text}")


def tell_error(error: RolesAnywhereError) -> None:
    """Tell on stderr what was wrong, and in a line of its own what to do."""
    note(f"{paint('error:', 'error', sys.stderr)} {error.message}")
    if error.hint:
        note(f"{paint('hint:', 'hint', sys.stderr)} {error.hint}")


def paint(text: str, colour: str, stream: TextIO | None) -> str:
    """Return ``text`` in a colour where ``stream`` shows it to a person, else as it is."""
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if has_colour(stream) else text


def has_colour(stream: TextIO | None) -> bool:
    """Return whether ``stream`` shows colour: a terminal that can, and nobody who said NO_COLOR."""
    if stream is None:
        return False
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show_progress(text: str) -> None:
    """Show a person on stderr what is being waited for, in a line that the next one replaces; empty: nothing more."""
    if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def ask_passphrase() -> str:
    """Ask for the passphrase of the private key on the terminal.

    Raises:
        PassphraseError: There is no terminal, or nothing was typed.
    """
    try:
        # getpass would read from stdin, and echo, where there is no terminal.
        if os.name == "posix":
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        if os.name == "posix" or sys.stdin.isatty():
            import getpass

            return getpass.getpass("Passphrase or PIN of the private key: ")
    except (OSError, EOFError):
        pass
    raise PassphraseError(
        "the private key needs a passphrase or a PIN, none was given, and there is no terminal to ask on",
        hint="give --passphrase-file FILE (or --pkcs8-password, which other users can see)",
    )


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        name = "warning" if record.levelno >= logging.WARNING else record.levelname.lower()
        text = "\n".join(line for line in record.getMessage().splitlines() if line)
        return f"{paint(f'{name}:', name, sys.stderr) if name in _COLOURS else f'{name}:'} {text}"


if TYPE_CHECKING:
    _TextHandler = logging.StreamHandler[TextIO]
else:
    _TextHandler = logging.StreamHandler  # takes no parameter before Python 3.11


class _ToStderr(_TextHandler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Lines())

    @property
    def stream(self) -> TextIO:
        """The stderr of now: tests and programs replace it."""
        return sys.stderr

    @stream.setter
    def stream(self, _stream: TextIO) -> None:
        """Nothing is kept."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let go of what cannot be told: logging's own answer is a traceback on the same stderr."""


def show_log(level: int = logging.WARNING) -> None:
    """Show the library's log on stderr, a line each, from ``level`` on."""
    logger = logging.getLogger("rolesanywhere_signer")
    logger.setLevel(level)
    if not any(isinstance(handler, _ToStderr) for handler in logger.handlers):
        logger.addHandler(_ToStderr())
        logger.propagate = False
