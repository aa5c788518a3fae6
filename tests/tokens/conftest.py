"""A directory of SoftHSM tokens for each test; nothing of it is left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.keys.pkcs11 import load_module
from rolesanywhere_signer.keys.pkcs11.module import in_use
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.log_handlers import log_handlers_as_they_were  # noqa: F401
from tests.support.world import World

from .cards import PIN, SO_PIN, Card, run, softhsm_module

pytest.importorskip("pkcs11")
MakeCard = Callable[[str], Card]


@pytest.fixture(scope="session")
def softhsm(require_tool: Callable[[str], str]) -> str:
    """Return the path of SoftHSM's module, or skip the test."""
    for tool in ("softhsm2-util", "pkcs11-tool"):
        require_tool(tool)
    module = softhsm_module()
    if module is None:
        pytest.skip("SoftHSM's module is not installed (Debian: softhsm2)")
    return module


@pytest.fixture
def token_directory(tmp_path: Path, softhsm: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tokens"
    directory.mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {directory}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    return directory


@pytest.fixture
def make_card(token_directory: Path, softhsm: str) -> Iterator[MakeCard]:
    """Make tokens by their labels. The module forgets the tokens of the test before."""

    def make(label: str) -> Card:
        run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN)
        return Card(label, softhsm, token_directory.parent)

    module = load_module(softhsm)
    with in_use(module):
        module.restart()
    yield make
    with in_use(module):
        module.forget_sessions()


@pytest.fixture
def card(make_card: MakeCard) -> Card:
    return make_card("card")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield World(service, tmp_path)


@pytest.fixture
def shim(softhsm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shim:
    """Compile the shim, and let it forward to SoftHSM."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is on PATH, which the shim of PKCS#11 needs")
    module = tmp_path / "shim.so"
    run(compiler, "-shared", "-fPIC", "-o", str(module), str(Path(__file__).with_name("shim.c")), "-ldl")
    found = Shim(str(module), tmp_path / "faults", tmp_path / "logins")
    # A copy is a library of its own to the loader; the process has initialized the original already.
    monkeypatch.setenv("SHIM_MODULE", shutil.copy(softhsm, str(tmp_path / "behind-the-shim.so")))
    monkeypatch.setenv("SHIM_FAULTS", str(found.faults))
    monkeypatch.setenv("SHIM_LOGINS", str(found.logins))
    return found


class Shim:
    """A module that forwards to SoftHSM, and returns the codes that it is told to."""

    def __init__(self, module: str, faults: Path, logins: Path) -> None:
        self.module = module
        self.faults = faults
        self.logins = logins

    def fail(self, **codes: int) -> None:
        """Let calls return codes, by their names; without any, all is well again."""
        self.faults.write_text(
            "".join(f"{name.replace('token_flags', 'token-flags')} {code:x}\n" for name, code in codes.items())
        )

    @property
    def login_count(self) -> int:
        return len(self.logins.read_text().splitlines()) if self.logins.exists() else 0
