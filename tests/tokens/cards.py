"""SoftHSM tokens that a test makes, and what is put into them by tools that are not ours."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rolesanywhere_signer.testing import IssuedCertificate

PIN = "648219"
SO_PIN = "38201947"
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def softhsm_module() -> str | None:
    """Return where SoftHSM's module lies, or None: it is not installed."""
    named = os.environ.get("SOFTHSM2_MODULE")
    return next((path for path in ((named,) if named else _MODULES) if Path(path).exists()), None)


def run(*words: str) -> str:
    """Return what a tool prints; it must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Card:
    """A token, its PIN, and the module that finds it."""

    label: str
    module: str
    directory: Path

    @property
    def uri(self) -> str:
        return f"pkcs11:token={self.label}"

    def write_key(self, issued: IssuedCertificate, object_id: str, label: str = "") -> None:
        """Import a private key, and its public half beside it."""
        path = self.directory / f"{self.label}-{object_id}.key"
        path.write_bytes(issued.private_key_pem)
        words = ("softhsm2-util", "--import", str(path), "--token", self.label, "--pin", PIN, "--id", object_id)
        run(*words, "--label", label or f"key {object_id}")

    def write_certificate(self, certificate_der: bytes, object_id: str, label: str = "") -> None:
        path = self.directory / f"{self.label}-{object_id}.der"
        path.write_bytes(certificate_der)
        self.tool("--write-object", str(path), "--type", "cert", "--id", object_id, "--label", label or object_id)

    def write(self, issued: IssuedCertificate, object_id: str = "01", label: str = "client") -> None:
        """Write a certificate and its key, tied together by their id."""
        self.write_key(issued, object_id, label)
        self.write_certificate(issued.certificate_der, object_id, label)

    def make_key(self, kind: str, object_id: str, label: str, *more: str) -> None:
        """Let the token make a key that never was anywhere else."""
        self.tool("--keypairgen", "--key-type", kind, "--id", object_id, "--label", label, *more)

    def tool(self, *words: str) -> str:
        """Run OpenSC's pkcs11-tool, logged in."""
        return run("pkcs11-tool", "--module", self.module, "--token-label", self.label, "--login", "--pin", PIN, *words)
