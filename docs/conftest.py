"""Run the examples of the documentation.

| block | what becomes of it |
|---|---|
| ``python`` | run; one with tests by pytest; one that begins with a comment ``# name.py`` is written to that file |
| ``bash`` | run as one script; the ``AWS_*`` and ``ROLESANYWHERE_*`` that it exports hold for the rest of the page |
| ``text`` | compared with what the block before it printed: but for spaces and line ends, and an ellipsis is any text |
| ``ini`` with a profile | becomes the AWS config file |
| ``sh`` and others | shown |

Each page has a folder of its own, which is the current directory and the home. In it lie the files that the pages
name, and the ARNs that they name are those of a local service. Where a page names no endpoint, the library's
CreateSession and botocore's STS go to that service instead of AWS, in this process and in those that it starts.
"""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from moto import mock_aws
from moto.server import ThreadedMotoServer
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser

import rolesanywhere_signer.settings
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere

REGION = "ap-northeast-2"
TRUST_ANCHOR = f"arn:aws:rolesanywhere:{REGION}:123456789012:trust-anchor/3b1b5c1e-8a55-4a0b-9d0c-5f1d7a1f2c11"
PROFILE = f"arn:aws:rolesanywhere:{REGION}:123456789012:profile/6d0a5b7c-14b4-4b0e-8c11-0a4f6e2b9d22"
PASSPHRASE = "the passphrase of the examples"  # noqa: S105 - of a key made for one page

# How the pages show the folder.
HOME = "/home/app"

# Leads the programs that a page starts to the page's service, as `_lead_to` does in this process.
LEADING = """
import rolesanywhere_signer.settings

regional = rolesanywhere_signer.settings.service_url


def local(region, *, endpoint_url, **variants):
    own = None if any(variants.values()) else {url!r}
    return regional(region, endpoint_url=endpoint_url or own, **variants)


rolesanywhere_signer.settings.service_url = local
"""

_run_python = PythonEvaluator()
_FILE_NAME = re.compile(r"# (\w+\.py)\n")


def evaluate_python(example: Example) -> None:
    """Run a block; one with tests is a test module, and pytest runs it; one with a file's name is for later."""
    file_name = _FILE_NAME.match(example.parsed)
    if file_name:
        Path(file_name[1]).write_text(example.parsed, encoding="utf-8")
        return
    if "\ndef test_" in example.parsed:
        Path("test_example.py").write_text(example.parsed, encoding="utf-8")
        run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"])
    # What follows on the page uses the same imports.
    printed = io.StringIO()
    with redirect_stdout(printed):
        _run_python(example)
    _world.printed = printed.getvalue()


def evaluate_bash(example: Example) -> None:
    """Run a block as one script, and keep what it exports."""
    _world.printed = run(["bash", "-euo", "pipefail", "-c", f"{example.parsed}\nenv -0 > exported"])
    for variable in Path("exported").read_text(encoding="utf-8").split("\0"):
        name, _, value = variable.partition("=")
        if name.startswith(("AWS_", "ROLESANYWHERE_")):
            _world.patch.setenv(name, value)


def evaluate_text(example: Example) -> None:
    """Compare a block with what was printed."""
    printed = " ".join(_world.printed.replace(str(Path.cwd()), HOME).split())
    shown = re.escape(" ".join(example.parsed.split())).replace("…", ".*")
    assert re.fullmatch(shown, printed), printed


def evaluate_ini(example: Example) -> None:
    """Make a block the AWS config file if it holds profiles; pages show other files too."""
    if re.search(r"^\[(default|profile .+)\]$", example.parsed, re.MULTILINE):
        path = Path(".aws", "config")
        path.parent.mkdir(exist_ok=True)
        path.write_text(example.parsed, encoding="utf-8")


def run(command: list[str]) -> str:
    """Run a command that must succeed; return what it wrote to standard output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class PrintingHandler(logging.Handler):
    """Prints each record to what is standard output at that time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.levelname, record.getMessage())  # noqa: T201


class World:
    """What surrounds the examples of one page."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.printed = ""

    def enter(self, namespace: dict[str, Any]) -> None:
        self.printed = ""
        # The servers of this process share what they hold; moto empties itself when its mock begins.
        with mock_aws():
            pass
        self.patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.patch.chdir(directory)
        service = self._stack.enter_context(LocalRolesAnywhere(region=REGION))
        self._write_files(directory, service)
        self._lead_to(service, directory)
        self.patch.setattr(boto3, "DEFAULT_SESSION", None)
        namespace["service"] = service
        namespace["use_moto_sts"] = partial(self._use_moto, "STS")
        namespace["use_moto_kms"] = self._use_moto_kms
        namespace["print_log"] = self._print_log

    def leave(self) -> None:
        self._stack.close()

    def _write_files(self, directory: Path, service: LocalRolesAnywhere) -> None:
        ca = CertificateAuthority("CN=Example Root CA,O=Example Corp")
        leaf = ca.issue("CN=my-application,O=Example Corp", key_type="P-256")
        stranger = CertificateAuthority("CN=Another CA").issue("CN=stranger")
        began = datetime.now(timezone.utc) - timedelta(days=80)
        ending = ca.issue("CN=my-application,O=Example Corp", valid_from=began, valid_for=timedelta(days=90, hours=1))
        for name, issued in (("rootCA", ca), ("client", leaf), ("ending", ending), ("other-ca", stranger)):
            (directory / f"{name}.pem").write_bytes(issued.certificate_pem)
            write_key(directory / f"{name}.key", issued.private_key_pem)
        write_key(directory / "client-encrypted.key", encrypted(leaf.private_key))
        anchor = service.create_trust_anchor(ca.certificate_pem, arn=TRUST_ANCHOR)
        assert anchor.arn == TRUST_ANCHOR
        service.create_profile(roles=[service.create_role("s3-reader")], arn=PROFILE)

    def _lead_to(self, service: LocalRolesAnywhere, directory: Path) -> None:
        regional = rolesanywhere_signer.settings.service_url

        def local(region: str, *, endpoint_url: str | None, **variants: bool) -> str:
            own = None if any(variants.values()) else service.url
            return regional(region, endpoint_url=endpoint_url or own, **variants)

        self.patch.setattr(rolesanywhere_signer.settings, "service_url", local)
        for name in [
            name
            for name in os.environ
            if name.startswith(("AWS_", "ROLESANYWHERE_")) or name.lower().endswith("_proxy")
        ]:
            self.patch.delenv(name)
        leading = directory / ".leading"
        leading.mkdir()
        (leading / "sitecustomize.py").write_text(LEADING.format(url=service.url), encoding="utf-8")
        self.patch.setenv("PYTHONPATH", str(leading), prepend=os.pathsep)
        # The programs of a page import each other.
        self.patch.delenv("PYTHONSAFEPATH", raising=False)
        self.patch.setenv("AWS_ENDPOINT_URL_STS", service.url)
        # Of what signs without the library.
        self.patch.setenv("AWS_ENDPOINT_URL_ROLESANYWHERE", service.url)
        self.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        self.patch.setenv("HOME", str(directory))
        self.patch.setenv("CLIENT_KEY_PASSPHRASE", PASSPHRASE)
        self.patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def _print_log(self) -> None:
        """Print what is logged from here on, so that the page can show it."""
        handler = PrintingHandler()
        logger = logging.getLogger("rolesanywhere_signer")
        logger.addHandler(handler)
        self._stack.callback(logger.removeHandler, handler)

    def _use_moto_kms(self) -> None:
        """Lead KMS to moto from here on, and give its clients credentials."""
        self._use_moto("KMS")
        self.patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        self.patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")

    def _use_moto(self, name: str) -> None:
        """Lead a service to moto from here on. Its STS lets everybody assume every role; the local service does not."""
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        self._stack.callback(server.stop)
        host, port = server.get_host_and_port()
        self.patch.setenv(f"AWS_ENDPOINT_URL_{name}", f"http://{host}:{port}")


def encrypted(key: Any) -> bytes:
    return bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )


def write_key(path: Path, pem: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(pem)


_world = World()
_sybil = Sybil(
    parsers=[
        CodeBlockParser("python", evaluate_python),
        CodeBlockParser("bash", evaluate_bash),
        CodeBlockParser("text", evaluate_text),
        CodeBlockParser("ini", evaluate_ini),
    ],
    patterns=["*.md"],
    setup=_world.enter,
    teardown=lambda _namespace: _world.leave(),
)

pytest_collect_file = _sybil.pytest()


@pytest.fixture
def run_examples() -> Callable[[Path], int]:
    """Run the examples of a page outside docs/ and return how many there are."""

    def run_page(path: Path) -> int:
        document = _sybil.parse(path)
        _world.enter(document.namespace)
        try:
            examples = list(document.examples())
            for example in examples:
                example.evaluate()
        finally:
            _world.leave()
        return len(examples)

    return run_page
