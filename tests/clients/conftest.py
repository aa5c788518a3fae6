"""The programs that users have, as clients: a company in small, moto, and an environment with no settings but ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.e2e.moto_process import Recorder, moto_server, recording_proxy
from tests.support.world import World

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAM = str(SCRIPTS / "rolesanywhere-signer")


@dataclass(frozen=True)
class Machine:
    """A machine of the company, with an environment of its own."""

    world: World
    environment: Mapping[str, str]

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a program."""
        return subprocess.Popen(
            command,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environment, **environment},
        )

    def run(self, *command: str, **environment: str) -> str:
        """Run a program to its good end and return what it printed."""
        process = self.start(*command, **environment)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        return stdout

    def aws(self, *words: str, **environment: str) -> str:
        """Run the AWS CLI."""
        return self.run(str(SCRIPTS / "aws"), *words, **environment)

    def failing_aws(self, *words: str, **environment: str) -> str:
        """Run the AWS CLI to its bad end and return what it said."""
        process = self.start(str(SCRIPTS / "aws"), *words, **environment)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode != 0
        return stderr


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    with moto_server() as port:
        yield port


@pytest.fixture
def moto(moto_port: int) -> Iterator[Recorder]:
    """A moto server that writes down whose credentials each request carries."""
    with recording_proxy(moto_port) as recorder:
        yield recorder


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": f"{SCRIPTS}:{os.environ['PATH']}", "AWS_PAGER": ""}
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield Machine(World(service, tmp_path), environment)


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the AWS SDK for JavaScript."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not on PATH")
    folder = tmp_path_factory.mktemp("javascript")
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "@aws-sdk/client-sts@3"],
        cwd=folder,
        check=True,
        timeout=300,
    )
    return folder
