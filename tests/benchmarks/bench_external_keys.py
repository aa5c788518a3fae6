"""Signatures per second through keys that are elsewhere, beside the bare library call that each of them wraps."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from rolesanywhere_signer.keys import CallableKey, CommandKey, SshAgentKey, as_signing_key
from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_calls

_DATA = b"AWS4-X509-ECDSA-SHA256\n20270131T120000Z\n20270131/eu-central-1/rolesanywhere/aws4_request\n" + b"0" * 64
_BARE = "bare ECDSA P-256 signature"


def main() -> None:
    """Print the figures."""
    leaf = CertificateAuthority().issue("CN=app", key_type="P-256")
    key, certificate = leaf.private_key, leaf.certificate_pem
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    ecdsa = ec.ECDSA(hashes.SHA256())

    def bare(data: bytes) -> bytes:
        return key.sign(data, ecdsa)

    quick = {
        _BARE: bare,
        "key in a file": as_signing_key(key).sign,
        "callable, in the same thread": CallableKey(bare, certificate, timeout_seconds=None).sign,
        "callable, bounded in time": CallableKey(bare, certificate).sign,
    }
    with tempfile.TemporaryDirectory() as directory:
        path = leaf.write(Path(directory)).private_key
        command = ["openssl", "dgst", "-sha256", "-sign", str(path)]
        slow: dict[str, Callable[[bytes], object]] = {
            "openssl, started by subprocess.run": lambda data: subprocess.run(
                command, input=data, capture_output=True, check=True
            ),
            "command: openssl": CommandKey(command, certificate).sign,
        }
        with _agent(Path(directory), str(path)) as socket_path:
            if socket_path:
                quick["ssh-agent"] = SshAgentKey(certificate, socket_path=socket_path).sign
            _print(_time(quick, 100) | _time(slow, 5))


def _time(signs: dict[str, Callable[[bytes], object]], repeat: int) -> dict[str, float]:
    return time_calls({name: lambda sign=sign: sign(_DATA) for name, sign in signs.items()}, repeat=repeat)  # type: ignore[misc]


@contextmanager
def _agent(directory: Path, key: str) -> Iterator[str | None]:
    """Run an ssh-agent with a key, if there is one on this machine."""
    if shutil.which("ssh-agent") is None:
        yield None
        return
    path = str(directory / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it listens now
        subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": path}, check=True)
        yield path
        process.terminate()


def _print(figures: dict[str, float]) -> None:
    print("Signing with keys that are elsewhere (median; signatures per second; ratio to the bare signature)")
    for name, microseconds in figures.items():
        print(f"  {name:<36}{1e6 / microseconds:>10,.0f}{microseconds / figures[_BARE]:>10.2f}")


if __name__ == "__main__":
    main()
