"""A company in small for the commands that get credentials."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.broken import Site
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path)


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(world, monkeypatch)


@pytest.fixture(autouse=True)
def log_handlers_as_they_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Take the program's handler off again, and let no cache of the user's be found."""
    logger = logging.getLogger("rolesanywhere_signer")
    handlers, propagates = list(logger.handlers), logger.propagate
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    logger.handlers[:] = handlers
    logger.propagate = propagates
