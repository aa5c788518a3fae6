"""What the unit tests share."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

OpenSsl = Callable[..., bytes]


@pytest.fixture
def openssl(tmp_path: Path, require_tool: Callable[[str], str]) -> OpenSsl:
    """Run the real ``openssl`` in the test's own folder; return what it writes."""
    program = require_tool("openssl")

    def run(*arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run([program, *arguments], cwd=tmp_path, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


@pytest.fixture
def warnings_logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the library has logged as warnings up to now."""
    caplog.set_level(logging.DEBUG)
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
