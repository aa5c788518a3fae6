"""The program's handler of the log, which must not outlive a test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def log_handlers_as_they_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Take the program's handler off again, and let no cache of the user's be found."""
    logger = logging.getLogger("rolesanywhere_signer")
    handlers, propagates = list(logger.handlers), logger.propagate
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    logger.handlers[:] = handlers
    logger.propagate = propagates
