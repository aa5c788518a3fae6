"""``exec``: run a program that finds a container endpoint of its own, so that its credentials renew themselves."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..flags import Given
from ..helper_command import EXCLUSIONS
from .command import PROGRAM, Command
from .common import FALLBACK, PROFILE, SESSION_TABLE, assemble
from .serve import supplier_of
from .signals import handled
from .terminal import show_log, tell_error

if TYPE_CHECKING:
    from ..serve.supplier import Supplier

NAME = "exec"
_OPERANDS = "-- COMMAND [ARGUMENT ...]"
_LOOPBACK = "127.0.0.1"
_HOP_LIMIT = 64
# As shells have them.
_NOT_FOUND, _NOT_EXECUTABLE, _BY_SIGNAL = 127, 126, 128
# What users and supervisors send to a program by way of its parent.
_FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
_FROM_KEYBOARD = ("SIGINT", "SIGQUIT")


def run(given: Given) -> int:
    """Run the program and return its exit code: 128 and the signal's number where a signal ended it.

    Raises:
        RolesAnywhereError: There are no credentials; the program was not started.
    """
    from ..serve.running import require_server

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    if not given.operands:
        raise ConfigurationError(f"{NAME}: no program is named", hint=f"{PROGRAM} {NAME} [FLAGS] {_OPERANDS}")
    require_server()
    profile = given.text("profile")
    assembly = assemble(given, NAME, profile)
    supplier = supplier_of(assembly, profile)
    supplier.fetch()
    program = _Program(given.operands)
    region = assembly.client.settings.signing_region
    with program.signals(), _endpoint(supplier, profile, region) as environment:
        return program.run(environment)


@contextlib.contextmanager
def _endpoint(supplier: Supplier, profile: str | None, region: str) -> Iterator[dict[str, str]]:
    """Serve the role to one program, and yield its environment."""
    from ..serve.bearer import bearer_in, private_directory
    from ..serve.child import Endpoint, child_environment
    from ..serve.container import container_app
    from ..serve.listening import listen_tcp, parse_bind_address
    from ..serve.running import running

    with private_directory(os.environ) as directory, bearer_in(f"{directory}/token") as bearer:
        listener = listen_tcp(parse_bind_address(_LOOPBACK), 0, _HOP_LIMIT)
        with running(container_app({"/": supplier}, bearer.token), [supplier], listener):
            endpoint = Endpoint(f"{listener.url}/", bearer.path)
            yield child_environment(os.environ, endpoint, directory, profile=profile, region=region)


class _Program:
    """A program that is run, and gets the signals that are sent to this one."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Take signals while a block runs."""
        with handled(_FORWARDED, self._forward), _children_remembered():
            yield

    def run(self, environment: Mapping[str, str]) -> int:
        """Run it to its end and return the exit code."""
        if self._early:
            return _BY_SIGNAL + self._early[0]
        try:
            # What the caller left open for it stays open, such as the pipes of a shell; nothing of ours is inherited.
            self._child = subprocess.Popen(self._words, env=environment, close_fds=False)  # noqa: S603 - its purpose
        except OSError as error:
            return self._tell(error)
        for number in self._early:
            self._child.send_signal(number)
        code = self._child.wait()
        return _BY_SIGNAL - code if code < 0 else code

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        elif signal.Signals(number).name not in _FROM_KEYBOARD or not _is_in_foreground():
            # One that has ended meanwhile is told by the wait.
            with contextlib.suppress(OSError):
                self._child.send_signal(number)

    def _tell(self, error: OSError) -> int:
        is_missing = isinstance(error, FileNotFoundError)
        hint = "is it on PATH?" if is_missing and os.sep not in self._words[0] else None
        tell_error(ConfigurationError(f"cannot run {self._words[0]!r}: {error.strerror or error}", hint=hint))
        return _NOT_FOUND if is_missing else _NOT_EXECUTABLE


@contextlib.contextmanager
def _children_remembered() -> Iterator[None]:
    """Run a block in which the system tells how a child ended, also where SIGCHLD came ignored."""
    if not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _is_in_foreground() -> bool:
    """Return whether the keys of a terminal send their signals to this process, and so to the program as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


COMMAND = Command(
    name=NAME,
    summary="run a program with credentials that renew themselves",
    description="Run a program whose SDK or AWS CLI finds a container endpoint of its own. Its environment holds no "
    "credentials and no key: only the endpoint's address and the path of a token, which ends with the program. Its "
    "exit code becomes this one's, and signals are handed on.\n\nWhat an SDK would prefer to the endpoint is taken "
    "away: the variables with keys, AWS_PROFILE and the like, ROLESANYWHERE_*, the credentials file. The program's "
    f"AWS config file is a copy whose [default] is the profile in use.\n\n{FALLBACK}",
    flags=(*SESSION_TABLE, PROFILE),
    exclusions=EXCLUSIONS,
    operands=_OPERANDS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --profile onprem -- aws s3 ls",
        f"{PROGRAM} {NAME} --profile onprem -- terraform apply",
    ),
)
