"""``update`` as a process: what it tells, and how it ends."""

from __future__ import annotations

import configparser
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.command_line import PROGRAM, Outcome, session_words
from tests.support.world import World

_DEADLINE = 60.0
KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
WRITTEN = "Credentials will be refreshed at "


class Updating:
    """A process of ``update`` that goes on until it is told to end."""

    def __init__(self, *words: str, environment: Mapping[str, str], ignored: tuple[int, ...] = ()) -> None:
        # A program starts with what its parent ignores.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
        try:
            self.process = subprocess.Popen(
                [*PROGRAM, "update", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.lines: list[str] = []

    def wait_for(self, beginning: str) -> str:
        """Wait for a line on stderr and return it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1]
        raise AssertionError(f"it ended with {self.process.wait(_DEADLINE)}: {self.lines}")

    def end(self, number: int = signal.SIGTERM) -> Outcome:
        """Send a signal and return what it told from then on."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=_DEADLINE)
        return Outcome(self.process.returncode, stdout, stderr)


@contextlib.contextmanager
def updating(world: World, *words: str, ignored: tuple[int, ...] = (), **environment: str) -> Iterator[Updating]:
    """Run ``update`` against a world's service; what is left of it at the end is killed."""
    running = Updating(*session_words(world), *words, environment=environment, ignored=ignored)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate(timeout=_DEADLINE)


def written(path: Path, profile: str = "default") -> dict[str, str]:
    """Return the keys of a profile, as botocore's parser reads them."""
    parser = configparser.RawConfigParser()
    with path.open(encoding="utf-8") as file:
        parser.read_file(file)
    return dict(parser[profile])
