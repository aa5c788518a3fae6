"""Run the examples of the documentation: blocks of ``python`` and ``bash``; blocks of ``sh`` are only shown.

Each page has a folder of its own as the current directory. In it lie the files that the pages name, and the ARNs that
they name are those of a local service. Where a page names no endpoint, the library's CreateSession and botocore's STS
go to that service instead of AWS.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser

import rolesanywhere_signer.settings
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere

REGION = "ap-northeast-2"
TRUST_ANCHOR = f"arn:aws:rolesanywhere:{REGION}:123456789012:trust-anchor/3b1b5c1e-8a55-4a0b-9d0c-5f1d7a1f2c11"
PROFILE = f"arn:aws:rolesanywhere:{REGION}:123456789012:profile/6d0a5b7c-14b4-4b0e-8c11-0a4f6e2b9d22"
PASSPHRASE = "the passphrase of the examples"  # noqa: S105 - of a key made for one page

_run_python = PythonEvaluator()


def evaluate_python(example: Example) -> None:
    """Run a block; one with tests is a test module, and pytest runs it."""
    if "\ndef test_" not in example.parsed:
        _run_python(example)
        return
    Path("test_example.py").write_text(example.parsed, encoding="utf-8")
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"])
    # What follows on the page uses the same imports.
    _run_python(example)


def evaluate_bash(example: Example) -> None:
    """Run a block as one script."""
    run(["bash", "-euo", "pipefail", "-c", example.parsed])


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


class World:
    """What surrounds the examples of one page."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def enter(self, namespace: dict[str, Any]) -> None:
        self._patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._patch.chdir(directory)
        service = self._stack.enter_context(LocalRolesAnywhere(region=REGION))
        self._write_files(directory, service)
        self._lead_to(service, directory)
        namespace["service"] = service

    def leave(self) -> None:
        self._stack.close()

    def _write_files(self, directory: Path, service: LocalRolesAnywhere) -> None:
        ca = CertificateAuthority("CN=Example Root CA,O=Example Corp")
        leaf = ca.issue("CN=my-application,O=Example Corp", key_type="P-256")
        stranger = CertificateAuthority("CN=Another CA").issue("CN=stranger")
        (directory / "rootCA.pem").write_bytes(ca.certificate_pem)
        for name, issued in (("client", leaf), ("other-ca", stranger)):
            (directory / f"{name}.pem").write_bytes(issued.certificate_pem)
            write_key(directory / f"{name}.key", issued.private_key_pem)
        write_key(directory / "client-encrypted.key", encrypted(leaf.private_key))
        anchor = service.create_trust_anchor(ca.certificate_pem, arn=TRUST_ANCHOR)
        assert anchor.arn == TRUST_ANCHOR
        service.create_profile(roles=[service.create_role("s3-reader")], arn=PROFILE)

    def _lead_to(self, service: LocalRolesAnywhere, directory: Path) -> None:
        regional = rolesanywhere_signer.settings.service_url

        def local(region: str, *, endpoint_url: str | None, **variants: bool) -> str:
            return regional(region, endpoint_url=endpoint_url or service.url, **variants)

        self._patch.setattr(rolesanywhere_signer.settings, "service_url", local)
        for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
            self._patch.delenv(name)
        self._patch.setenv("AWS_ENDPOINT_URL_STS", service.url)
        self._patch.setenv("AWS_CONFIG_FILE", str(directory / "no-config"))
        self._patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "no-credentials"))
        self._patch.setenv("CLIENT_KEY_PASSPHRASE", PASSPHRASE)
        self._patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


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
    parsers=[CodeBlockParser("python", evaluate_python), CodeBlockParser("bash", evaluate_bash)],
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
