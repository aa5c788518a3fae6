"""A company in small for the commands that get credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.broken import Site
from tests.support.log_handlers import log_handlers_as_they_were  # noqa: F401
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path)


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(world, monkeypatch)
