"""ML-DSA beyond our own code: keys and certificates' keys that OpenSSL makes, and expanded keys that it signs with.

npm's ``node`` has an OpenSSL of its own; psycopg's wheel brings one as a shared library, on which this Python's ``ssl``
runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import PassphraseError
from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.clients.conftest import Machine
from tests.support.ml_dsa import KEYS, NAMES, PASSPHRASE, encrypted, pem

CIPHERS = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"]

_MAKE = """
const crypto = require("node:crypto");
const [name, cipher, passphrase] = process.argv.slice(2);
const { privateKey, publicKey } = crypto.generateKeyPairSync(name);
const form = { type: "pkcs8", format: "pem", ...(cipher ? { cipher, passphrase } : {}) };
console.log(JSON.stringify({
    privateKey: privateKey.export(form),
    publicKey: publicKey.export({ type: "spki", format: "pem" }),
}));
"""
_VERIFY = """
const crypto = require("node:crypto");
const [publicKey, signature, data] = process.argv.slice(2);
console.log(crypto.verify(null, Buffer.from(data, "hex"), publicKey, Buffer.from(signature, "hex")));
"""
_READ = """
const key = require("node:crypto").createPrivateKey(require("node:fs").readFileSync(process.argv[2]));
console.log(key.asymmetricKeyType);
"""


class Node:
    """npm's node, which runs scripts."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "node_modules" / ".bin" / "node"
        self._folder = folder

    def __call__(self, script: str, *words: str) -> Any:
        path = self._folder / "script.js"
        path.write_text(script)
        command = [str(self._program), str(path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def make(self, name: str, *sealed: str) -> dict[str, str]:
        made: dict[str, str] = json.loads(self(_MAKE, name.lower(), *sealed))
        return made


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    if shutil.which("npm") is None:
        pytest.skip("npm is not on PATH")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "node@24"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return Node(folder)


@pytest.fixture(scope="session")
def newer_openssl(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables with which this Python's ``ssl`` runs on OpenSSL 3.5 or later."""
    if ssl.OPENSSL_VERSION_INFO >= (3, 5):
        return {}
    folder = tmp_path_factory.mktemp("openssl")
    for path in files("psycopg-binary") or ():
        name = path.name.partition("-")[0]
        if name in ("libcrypto", "libssl") and ".so." in path.name:
            # Under the name that Python was linked to, and under the one that the libraries have for each other.
            (folder / f"{name}.so.3").symlink_to(path.locate())
            (folder / path.name).symlink_to(path.locate())
    variables = {"LD_LIBRARY_PATH": str(folder)}
    command = [sys.executable, "-c", "import ssl; print(ssl.OPENSSL_VERSION_INFO >= (3, 5))"]
    told = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "True"
    return variables


def session_words(machine: Machine, certificate: IssuedCertificate, key: bytes) -> list[str]:
    """Write certificate and key; return the flags that get credentials with them."""
    world = machine.world
    (world.directory / "ml-dsa.pem").write_bytes(certificate.certificate_pem)
    (world.directory / "ml-dsa.key").write_bytes(key)
    (world.directory / "ml-dsa.key").chmod(0o600)
    files_of_it = ("--certificate", str(world.directory / "ml-dsa.pem"))
    arns = [word for name, arn in world.arns.items() for word in (f"--{name.replace('_', '-')}", arn)]
    key_of_it = ("--private-key", str(world.directory / "ml-dsa.key"))
    return [*files_of_it, *key_of_it, *arns, "--endpoint", world.service.url]


class TestKeysOfOpenSsl:
    @pytest.mark.parametrize("name", NAMES)
    def test_end_to_end(self, node: Node, machine: Machine, name: str) -> None:
        made = node.make(name)
        issued = machine.world.ca.issue("CN=app", public_key=made["publicKey"].encode())
        words = session_words(machine, issued, made["privateKey"].encode())
        told = json.loads(machine.run(sys.executable, "-m", "rolesanywhere_signer", "credential-process", *words))
        assert told["AccessKeyId"].startswith("ASIA")
        [call] = machine.world.service.calls
        assert next(iter(call.request.values("authorization"))).startswith("AWS4-X509-MLDSA ")

    @pytest.mark.parametrize("cipher", CIPHERS)
    def test_encrypted(self, node: Node, cipher: str) -> None:
        made = node.make("ML-DSA-65", cipher, PASSPHRASE)
        assert "ENCRYPTED" in made["privateKey"]
        key: Any = parse_private_key(made["privateKey"].encode(), PASSPHRASE)
        key.public_key.verify(key.sign(b"data"), b"data")
        with pytest.raises(PassphraseError):
            parse_private_key(made["privateKey"].encode(), "another")

    @pytest.mark.parametrize("name", NAMES)
    def test_it_verifies_our_signatures(self, node: Node, name: str) -> None:
        made = node.make(name)
        signature = parse_private_key(made["privateKey"].encode()).sign(b"data")
        assert node(_VERIFY, made["publicKey"], signature.hex(), b"data".hex()) == "true"
        assert node(_VERIFY, made["publicKey"], signature.hex(), b"dat".hex()) == "false"

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("form", ["as_seed", "as_expanded", "as_both"])
    def test_it_reads_the_forms_of_our_tests(self, node: Node, tmp_path: Path, name: str, form: str) -> None:
        (tmp_path / "key.pem").write_bytes(pem(getattr(KEYS[name], form)))
        assert node(_READ, str(tmp_path / "key.pem")) == name.lower()

    def test_it_reads_the_keys_of_the_test_ca(self, node: Node, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_bytes(CertificateAuthority(key_type="ML-DSA-87").private_key_pem)
        assert node(_READ, str(tmp_path / "key.pem")) == "ml-dsa-87"


class TestExpandedKeysAlone:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("of_ca", ["ML-DSA-44", "P-256"])
    @pytest.mark.parametrize("sealed", [False, True])
    def test_end_to_end(
        self, machine: Machine, newer_openssl: dict[str, str], name: str, of_ca: str, sealed: bool
    ) -> None:
        world = machine.world
        ca = CertificateAuthority("CN=Root", key_type=of_ca)
        world.arns["trust_anchor_arn"] = world.service.create_trust_anchor(ca.certificate_pem).arn
        issued = ca.issue("CN=app", private_key=pem(KEYS[name].as_seed))
        key = pem(KEYS[name].as_expanded)
        if sealed:
            key = pem(encrypted(KEYS[name].as_expanded), "ENCRYPTED PRIVATE KEY")
        words = [*session_words(machine, issued, key), "--pkcs8-password", PASSPHRASE]
        command = (sys.executable, "-m", "rolesanywhere_signer", "credential-process", *words)
        told = json.loads(machine.run(*command, **newer_openssl))
        assert told["AccessKeyId"].startswith("ASIA")

    def test_the_tests_of_such_keys(self, newer_openssl: dict[str, str], pytestconfig: pytest.Config) -> None:
        """Those of the fast suite, most of which an older OpenSSL leaves out."""
        place = Path(__file__).parents[1] / "unit" / "keys" / "test_ml_dsa.py"
        words = (
            "-c",
            str(pytestconfig.inipath),
            "-q",
            "-p",
            "no:cacheprovider",
            str(place),
            "-k",
            "expanded or refuses",
        )
        environment = {**os.environ, **newer_openssl}
        command = [sys.executable, "-m", "pytest", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout
        assert "older than 3.5" not in done.stdout
