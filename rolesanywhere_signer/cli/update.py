"""``update``: a profile of the shared credentials file kept current."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from types import FrameType

from ..flags import Flag, Given, switch
from ..helper_command import EXCLUSIONS
from ..seconds import sleep
from .command import PROGRAM, Command
from .common import ARNS, FALLBACK, SESSION_TABLE, assemble
from .signals import END_SIGNALS, handled
from .terminal import note, show_log

NAME = "update"
_FALLBACK = FALLBACK.replace("--profile", "--from-profile")
# What a shell reports of a program that a signal ended.
_SIGNALLED = 128


def run(given: Given) -> int:
    """Write credentials into the credentials file, and renew them there until a signal ends it.

    Raises:
        RolesAnywhereError: The first could not be obtained, or not be written.
    """
    from ..credentials_file import CredentialsSection, Updater, credentials_path
    from ..systemd import notify_stopping

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    is_once = given.is_on("once")
    section = CredentialsSection(credentials_path(os.environ), str(given["profile"]))
    assembly = assemble(given, NAME, given.text("from-profile"))
    ending = _Ending()
    updater = Updater(
        section,
        assembly.refresher(),
        assembly.client.now,
        tell=note,
        environment=os.environ,
        wait=ending.wait,
        undisturbed=ending.held_back,
    )
    with ending.by_signals():
        ending.release()
        if is_once:
            updater.update_once()
        else:
            updater.run()
    if ending.number is None:
        return 0
    notify_stopping(os.environ, "Ended by a signal; the last credentials stay in the file")
    # SIGTERM is how a service is ended; with --once, it came too early.
    return _SIGNALLED + ending.number if is_once or ending.number == signal.SIGINT else 0


class _Ended(BaseException):
    """A signal asked for the end."""


class _Ending:
    """Ends what runs when a signal asks for it: at once while it waits or calls, but a write is ended first.

    Attributes:
        number: The signal that asked for the end, or None.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._is_held_back = True

    @contextlib.contextmanager
    def by_signals(self) -> Iterator[None]:
        """Run a block that the signals end."""
        # Held back until the block, where what ends it is caught.
        with handled(END_SIGNALS, self._end):
            try:
                yield
            except _Ended:
                pass
            finally:
                self._is_held_back = True

    def release(self) -> None:
        """Let signals end at once what runs from here on, as the block begins; one that has come before ends it now."""
        self._is_held_back = False
        self._end_if_asked()

    def wait(self, seconds: float) -> None:
        """Let seconds pass, or end."""
        self._end_if_asked()
        sleep(seconds)
        self._end_if_asked()

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Run a block that ends before anything else does."""
        self._is_held_back = True
        try:
            yield
        finally:
            self._is_held_back = False
        self._end_if_asked()

    def _end_if_asked(self) -> None:
        # What a signal raises is lost where Python cannot raise it, as in a finalizer.
        if self.number is not None:
            raise _Ended

    def _end(self, number: int, _frame: FrameType | None) -> None:
        # A second signal finds the end under way.
        is_first = self.number is None
        self.number = self.number or number
        if is_first and not self._is_held_back:
            raise _Ended


COMMAND = Command(
    name=NAME,
    summary="keep a profile of the AWS credentials file current",
    description="Write temporary credentials into a section of the shared credentials file (that of "
    "AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials), and renew them there ahead of time, until SIGTERM or "
    "SIGINT. Nothing else in the file changes, and it is replaced in one step; its mode becomes 0600. systemd is told "
    f"when the first are written, if it asks (Type=notify).\n\n{_FALLBACK}",
    flags=(
        *SESSION_TABLE,
        Flag("profile", "The section to write: a profile of the credentials file.", "NAME", default="default"),
        switch("once", "Write once and end."),
        Flag("from-profile", "Take what is not given from this profile of the AWS config file.", "NAME", is_ours=True),
    ),
    exclusions=EXCLUSIONS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --from-profile onprem --profile app",
        f"{PROGRAM} {NAME} --certificate client.pem --private-key client.key {ARNS} --once",
    ),
)
