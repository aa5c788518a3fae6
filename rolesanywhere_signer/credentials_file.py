"""The AWS shared credentials file: a profile's credentials written into it, once or again and again."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .credentials import Credentials, utc_text
from .errors import ConfigurationError, RolesAnywhereError, ServiceError, TransportError
from .ini_file import check_header, edit_file, remarks_on, set_values
from .refresh import Refresher, pause_after
from .seconds import sleep
from .systemd import notify_ready, notify_status

if TYPE_CHECKING:
    from .clock import Clock

_logger = logging.getLogger("rolesanywhere_signer")

_WHAT = "credentials file"
# How long to sleep at a stretch: a machine that slept, or whose clock was set, is noticed by it.
_LONGEST_SLEEP_SECONDS = 30.0


def credentials_path(environment: Mapping[str, str]) -> str:
    """Return where the credentials file is, or would be, as botocore finds it.

    ``AWS_SHARED_CREDENTIALS_FILE`` names it, else it is ``~/.aws/credentials``.

    Raises:
        ConfigurationError: This user has no home directory.
    """
    path = os.path.expandvars(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    path = os.path.expanduser(path)  # noqa: PTH111 - an error of ours where there is no home
    if path.startswith("~"):
        raise ConfigurationError(
            f"the {_WHAT} {path!r} cannot be found: there is no such home directory",
            hint="set HOME, or name the file in AWS_SHARED_CREDENTIALS_FILE",
        )
    return path


@dataclass(frozen=True)
class CredentialsSection:
    """One profile's section of a credentials file.

    Attributes:
        path: The file.
        profile: The profile; its section has the same name.

    Raises:
        ConfigurationError: No section can have this name.
    """

    path: str
    profile: str

    def __post_init__(self) -> None:
        check_header(self.profile)

    def write(self, credentials: Credentials) -> list[str]:
        """Write credentials into the section; nothing else in the file changes.

        Returns:
            What a person should know about the file, if anything.

        Raises:
            ConfigurationError: The file cannot be changed, and is as it was.
        """
        remarks: list[str] = []
        values = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
        }
        # Where these stand from before, boto3 would send them along with the new credentials.
        others = {"aws_security_token": credentials.session_token}
        if credentials.account_id is not None:
            others["aws_account_id"] = credentials.account_id

        def change(content: bytes) -> bytes:
            new = set_values(content, self.profile, values, if_present=others)
            # Of the new content, so that the lines that they name are there to be found.
            remarks[:] = remarks_on(new, self.profile)
            return new

        outcome = edit_file(self.path, change, what=_WHAT)
        return [*outcome.remarks, *(f"{outcome.path!r}: {remark}" for remark in remarks)]


class Updater:
    """Keeps the credentials of one section current.

    Args:
        section: Where they go.
        refresher: Where they come from.
        clock: Returns the time, aware.
        tell: Shows a line to a person.
        environment: The environment variables; they say whether systemd wants to know.
        wait: Lets seconds pass.
        undisturbed: Makes a context in which nothing interrupts what is being written.
    """

    def __init__(
        self,
        section: CredentialsSection,
        refresher: Refresher,
        clock: Clock,
        *,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
        wait: Callable[[float], None] = sleep,
        undisturbed: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._section = section
        self._refresher = refresher
        self._clock = clock
        self._tell = tell
        self._environment = environment
        self._wait = wait
        self._undisturbed = undisturbed
        self._remarks: set[str] = set()
        self._outage: str | None = None
        self._current: Credentials | None = None
        self._failed_writes = 0
        self._write_at: datetime | None = None

    def update_once(self) -> None:
        """Obtain credentials and write them.

        Raises:
            RolesAnywhereError: They could not be obtained, or not be written.
        """
        self._current = self._refresher.get()
        self._write(self._current)

    def run(self) -> None:
        """Obtain credentials and write them, and renew them each time that they are due, until ``wait`` raises.

        What fails for good as things are configured is raised at the start, so that it shows. What may pass, such as a
        network that is not there yet, is tried again; and after the first success, everything is.

        Raises:
            RolesAnywhereError: The first credentials could not be obtained, or not be written.
        """
        self._begin()
        notify_ready(self._environment, self._status())
        while True:
            due_at = self._refresher.due_at()
            write_at = due_at if self._write_at is None else self._write_at
            self._wait_until(min(due_at, write_at))
            if write_at < due_at and self._clock() < due_at:
                self._try_to_write()
            else:
                self._renew()

    def _begin(self) -> None:
        while not self._has_begun():
            self._wait_until(self._refresher.due_at())
        self._tell_next()

    def _has_begun(self) -> bool:
        try:
            self.update_once()
        except (ServiceError, TransportError) as error:
            if not error.retryable:
                raise
            self._tell_of("there are no credentials yet, and it is tried again", error)
            return False
        return True

    def _renew(self) -> None:
        try:
            self._current = self._refresher.renew()
        except RolesAnywhereError as error:
            seen = self._current
            if seen is not None and seen.expiration > self._clock():
                # The refresher has told it, and how long those at hand stay valid.
                notify_status(self._environment, f"{self._status()}; the last try failed: {error.message}")
            else:
                self._tell_of(f"the credentials in {self._section.path!r} have expired", error)
            return
        self._try_to_write()

    def _try_to_write(self) -> None:
        if self._current is None:
            return
        try:
            self._write(self._current)
        except RolesAnywhereError as error:
            self._failed_writes += 1
            self._write_at = self._clock() + pause_after(self._failed_writes)
            self._tell_of("the new credentials could not be written, which is tried again", error)
            return
        self._failed_writes = 0
        self._write_at = None
        self._outage = None
        self._tell_next()
        notify_status(self._environment, self._status())

    def _write(self, credentials: Credentials) -> None:
        with self._undisturbed():
            remarks = self._section.write(credentials)
        for remark in remarks:
            if remark not in self._remarks:
                self._remarks.add(remark)
                _logger.warning("%s", remark)

    def _wait_until(self, moment: datetime) -> None:
        """Wait until a moment by the clock, and no longer than it was until then at first: a clock may be set back."""
        left = (moment - self._clock()).total_seconds()
        while left > 0 and (seconds := (moment - self._clock()).total_seconds()) > 0:
            pause = min(seconds, left, _LONGEST_SLEEP_SECONDS)
            self._wait(pause)
            left -= pause

    def _tell_next(self) -> None:
        self._tell(f"Credentials will be refreshed at {utc_text(self._refresher.due_at())}")

    def _tell_of(self, what: str, error: RolesAnywhereError) -> None:
        """Log a failure, once for an outage: each further try ends the same way until something is done about it."""
        outage = f"{what}: {error.message}"
        notify_status(self._environment, outage)
        if outage != self._outage:
            self._outage = outage
            _logger.warning("%s%s", outage, f"; {error.hint}" if error.hint else "")

    def _status(self) -> str:
        if self._current is None:
            return "There are no credentials yet"
        return (
            f"Credentials of [{self._section.profile}] are valid until {self._current.expiration_text} and will be "
            f"refreshed at {utc_text(self._refresher.due_at())}"
        )
