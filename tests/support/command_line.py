"""The program as a person runs it: in this process for the many cases, as a process of its own for the few."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rolesanywhere_signer.cli import main
from tests.support.world import World

PROGRAM = (sys.executable, "-m", "rolesanywhere_signer")


@dataclass(frozen=True)
class Outcome:
    """What became of a command line."""

    code: int
    stdout: str
    stderr: str


def session_words(world: World) -> list[str]:
    """Return the flags with which the local service gives credentials."""
    return [
        *("--certificate", str(world.certificate), "--private-key", str(world.private_key)),
        *(word for name, arn in world.arns.items() for word in (f"--{name.replace('_', '-')}", arn)),
        *("--endpoint", world.service.url),
    ]


def run_here(capsys: pytest.CaptureFixture[str], *words: str) -> Outcome:
    """Run the program in this process."""
    capsys.readouterr()
    code = main(list(words))
    return Outcome(code, *capsys.readouterr())


def run_process(*words: str, environment: Mapping[str, str] | None = None, directory: Path | None = None) -> Outcome:
    """Run the program as a process of its own, without a terminal."""
    done = subprocess.run(
        [*PROGRAM, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # no terminal to ask on
        env={**os.environ, **(environment or {})},
        cwd=directory,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
