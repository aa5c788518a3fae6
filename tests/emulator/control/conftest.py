"""The fixtures of the control plane's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.emulator.control.world import REGION, Clock, boto3_client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> Iterator[LocalRolesAnywhere]:
    """A service that listens, on a clock that stands still."""
    with LocalRolesAnywhere(region=REGION) as service:
        service.clock = clock
        yield service


@pytest.fixture
def client(service: LocalRolesAnywhere) -> Iterator[Any]:
    client = boto3_client(service)
    yield client
    client.close()
