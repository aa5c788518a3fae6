"""What the tests of aiobotocore share. They have an environment of their own: ``tox -e aio``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.aio.world import AioWorld, join_calls
from tests.e2e.moto_process import Recorder, moto_server, recording_proxy

# aioboto3 wants one version of aiobotocore, that of `tox -e aio-oldest`, which installs both.
collect_ignore = [] if find_spec("aioboto3") else ["test_aioboto3.py"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AioWorld]:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        yield AioWorld(service, tmp_path)
        join_calls()


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    with moto_server() as port:
        yield port


@pytest.fixture
def moto(moto_port: int) -> Iterator[Recorder]:
    """Run moto behind a proxy that writes down who signed what."""
    with recording_proxy(moto_port) as recorder:
        yield recorder
