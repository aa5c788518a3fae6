"""What the tests of botocore and boto3 share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        yield World(service, tmp_path)
