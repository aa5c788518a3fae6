"""Keys that are elsewhere, up to a boto3 client that works: in OpenSSH's agent, behind openssl, in moto's KMS."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from rolesanywhere_signer import Identity
from rolesanywhere_signer.errors import SigningError, UnsupportedKeyError
from rolesanywhere_signer.keys import CallableKey, CommandKey, SshAgentKey, sign_fixed_string
from rolesanywhere_signer.provider import create_botocore_session
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere
from tests.conftest import RequireTool
from tests.support.forking import forks_with_threads, in_forked_child

KEY_TYPES = pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "RSA-3072", "RSA-4096"])


class Company:
    """A local service, its CA, and what asks it for credentials."""

    def __init__(self, service: LocalRolesAnywhere) -> None:
        self.ca = CertificateAuthority()
        self._service = service
        self._arns = {
            "trust_anchor_arn": service.create_trust_anchor(self.ca.certificate_pem).arn,
            "role_arn": (role := service.create_role("s3-reader")).arn,
            "profile_arn": service.create_profile([role]).arn,
        }

    def caller(self, **identity: Any) -> str:
        """Return who a session with this identity is."""
        session = create_botocore_session(**identity, **self._arns, endpoint_url=self._service.url)
        sts = boto3.Session(botocore_session=session).client("sts", endpoint_url=self._service.url)
        return str(sts.get_caller_identity()["Arn"])


@pytest.fixture
def company() -> Iterator[Company]:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield Company(service)


# --- OpenSSH's ssh-agent -------------------------------------------------------------------------------------------


@pytest.fixture
def ssh(require_tool: RequireTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Run an ssh-agent, and return a function that runs ssh-add; an issued certificate stands for its key's file."""
    agent, add = require_tool("ssh-agent"), require_tool("ssh-add")
    path = str(tmp_path / "agent.sock")
    process = subprocess.Popen([agent, "-D", "-a", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()  # it listens now
    monkeypatch.setenv("SSH_AUTH_SOCK", path)

    def run(*words: str | IssuedCertificate) -> str:
        files = [key_file(tmp_path, word) if isinstance(word, IssuedCertificate) else word for word in words]
        done = subprocess.run([add, *files], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        yield run
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def key_file(directory: Path, issued: IssuedCertificate) -> str:
    path = directory / f"{issued.certificate.serial_number}.key"
    path.touch(mode=0o600)
    path.write_bytes(issued.private_key_pem)
    return str(path)


@KEY_TYPES
def test_ssh_agent(company: Company, ssh: Callable[..., str], key_type: Any) -> None:
    leaf = company.ca.issue("CN=app", key_type=key_type)
    ssh("-q", leaf)
    key = SshAgentKey(leaf.certificate_pem)
    assert ":assumed-role/s3-reader/" in company.caller(certificate=leaf.certificate_pem, private_key=key)


@pytest.mark.parametrize("key_type", ["P-384", "P-521"])
def test_ssh_agent_signs_with_other_curves_over_another_hash(
    company: Company, ssh: Callable[..., str], key_type: Any
) -> None:
    """What the refusal rests on: asked all the same, OpenSSH's agent signs over SHA-384 and SHA-512."""
    leaf = company.ca.issue("CN=app", key_type=key_type)
    ssh("-q", leaf)
    with pytest.raises(UnsupportedKeyError):
        SshAgentKey(leaf.certificate_pem)
    asked = SshAgentKey(company.ca.issue("CN=other", key_type="P-256").certificate_pem)
    public = leaf.certificate.public_key()
    asked._blob = _blob(public)
    with pytest.raises(SigningError, match=f"ecdsa-sha2-nistp{key_type[2:]}"):
        asked.sign(b"data")


def _blob(public_key: Any) -> bytes:
    return base64.b64decode(public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def test_ssh_agent_without_the_key_and_locked(company: Company, ssh: Callable[..., str]) -> None:
    leaf, other = company.ca.issue("CN=app", key_type="P-256"), company.ca.issue("CN=other", key_type="P-256")
    ssh("-q", other)
    key = SshAgentKey(leaf.certificate_pem)
    with pytest.raises(SigningError, match="does not have the certificate's key, but 1 others"):
        key.sign(b"data")
    ssh("-q", leaf)
    assert key.sign(b"data")
    ssh("-q", "-D")
    with pytest.raises(SigningError, match="but 0 others"):
        key.sign(b"data")


@forks_with_threads
def test_ssh_agent_serves_threads_forks_and_pickles(company: Company, ssh: Callable[..., str]) -> None:
    leaf = company.ca.issue("CN=app", key_type="P-256")
    ssh("-q", leaf)
    key = SshAgentKey(leaf.certificate_pem)
    good: list[bool] = []
    threads = [threading.Thread(target=lambda: good.append(len(key.sign(b"data")) > 60)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert good == [True] * 32
    assert in_forked_child(lambda: bool(key.sign(b"data")))
    assert pickle.loads(pickle.dumps(key)).sign(b"data")


def test_ssh_agent_behind_a_command(company: Company, ssh: Callable[..., str], tmp_path: Path) -> None:
    """The program of the documentation: for the command line, and for profiles."""
    leaf = company.ca.issue("CN=app", key_type="P-256")
    ssh("-q", leaf)
    certificate, program = tmp_path / "client.pem", tmp_path / "sign.py"
    certificate.write_bytes(leaf.certificate_pem)
    program.write_text(
        "import sys\nfrom rolesanywhere_signer.keys import SshAgentKey\n"
        "sys.stdout.buffer.write(SshAgentKey(sys.argv[1]).sign(sys.stdin.buffer.read()))\n"
    )
    command = [sys.executable, str(program), str(certificate)]
    assert ":assumed-role/" in company.caller(certificate=certificate, signing_command=command)


# --- openssl as the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "RSA-2048"])
def test_openssl(company: Company, require_tool: RequireTool, tmp_path: Path, key_type: Any) -> None:
    openssl = require_tool("openssl")
    leaf = company.ca.issue("CN=app", key_type=key_type)
    written = leaf.write(tmp_path)
    command = f"{openssl} dgst -sha256 -sign '{written.private_key}'"
    assert ":assumed-role/" in company.caller(certificate=written.certificate, signing_command=command)
    for pipe in ("base64 -w0 | base64 -d", "cat"):
        key = CommandKey(["sh", "-c", f"{command} | {pipe}"], leaf.certificate_pem)
        assert sign_fixed_string(key)


def test_openssl_pkeyutl_hashes_nothing_by_itself(company: Company, require_tool: RequireTool, tmp_path: Path) -> None:
    openssl = require_tool("openssl")
    leaf = company.ca.issue("CN=app", key_type="P-256")
    command = [openssl, "pkeyutl", "-sign", "-inkey", str(leaf.write(tmp_path).private_key)]
    with pytest.raises(SigningError):
        CommandKey(command, leaf.certificate_pem).sign(b"x" * 100)


# --- A key service -------------------------------------------------------------------------------------------------

SCHEMES = {"ECC_NIST_P256": "ECDSA_SHA_256", "RSA_2048": "RSASSA_PKCS1_V1_5_SHA_256"}


@pytest.fixture
def kms(moto_url: str) -> Any:
    return boto3.client(
        "kms",
        region_name="eu-central-1",
        endpoint_url=moto_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.mark.parametrize("spec", SCHEMES)
def test_kms(company: Company, kms: Any, spec: str) -> None:
    key_id = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["KeyId"]
    public_key = kms.get_public_key(KeyId=key_id)["PublicKey"]
    opened: Any = load_der_public_key(public_key)
    certificate = company.ca.issue("CN=app", public_key=opened).certificate_pem

    def sign(data: bytes) -> Any:
        answer = kms.sign(KeyId=key_id, Message=data, MessageType="RAW", SigningAlgorithm=SCHEMES[spec])
        return answer["Signature"]

    key = CallableKey(sign, public_key)
    assert Identity(certificate, key).current.key is key
    assert ":assumed-role/" in company.caller(certificate=certificate, private_key=key)


def test_kms_that_is_not_there(company: Company, kms: Any) -> None:
    leaf = company.ca.issue("CN=app", key_type="P-256")

    def sign(data: bytes) -> Any:
        answer = kms.sign(KeyId="alias/none", Message=data, SigningAlgorithm="ECDSA_SHA_256")
        return answer["Signature"]

    with pytest.raises(SigningError, match="failed: NotFoundException") as caught:
        company.caller(certificate=leaf.certificate_pem, private_key=CallableKey(sign, leaf.certificate_pem))
    assert "alias/none" not in str(caught.value)
