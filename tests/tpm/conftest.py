"""What the tests of keys in a TPM share: one TPM, and a look at it after each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.world import World
from tests.tpm.software_tpm import MOST_FAILURES, SoftwareTpm, skip_without_tools, software_tpm


@pytest.fixture(scope="session")
def running_tpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftwareTpm]:
    skip_without_tools()
    pytest.importorskip("tpm2_pytss")
    with software_tpm(tmp_path_factory.mktemp("tpm")) as tpm:
        yield tpm


@pytest.fixture
def tpm(running_tpm: SoftwareTpm, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftwareTpm]:
    """Lead this process to the TPM; after the test, nothing may be left in it."""
    monkeypatch.delenv("TPM_DEVICE", raising=False)
    monkeypatch.delenv("TPM2OPENSSL_TCTI", raising=False)
    monkeypatch.setenv("TPM2TOOLS_TCTI", running_tpm.tcti)
    running_tpm.flush()
    yield running_tpm
    assert running_tpm.leftovers() == ""
    running_tpm.bear(MOST_FAILURES)
    running_tpm.forget()


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path_factory.mktemp("world"))
