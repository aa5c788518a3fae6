"""``sign-string``: RSA byte for byte as openssl signs, EC as openssl verifies, in every form."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.conftest import RequireTool
from tests.support.command_line import PROGRAM, run_here, run_process
from tests.support.secrets import PASSPHRASE

NAME = "sign-string"
CA = CertificateAuthority("CN=CA")
RSA, EC = CA.issue("CN=rsa", key_type="RSA-2048"), CA.issue("CN=ec", key_type="P-384")
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}


def words_for(directory: Path, issued: IssuedCertificate) -> tuple[str, ...]:
    written = issued.write(directory)
    return "--certificate", str(written.certificate), "--private-key", str(written.private_key)


def string_of(issued: IssuedCertificate) -> bytes:
    public = issued.private_key.public_key()
    if issued is RSA:
        own = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        own = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b"AWS Roles Anywhere Credential Helper Signing Test" + b"1" + hashlib.sha256(b"IAM RA" + own).digest()


def expected(digest: str) -> bytes:
    return bytes(RSA.private_key.sign(string_of(RSA), padding.PKCS1v15(), HASHES[digest]))  # type: ignore[union-attr]


@pytest.mark.parametrize("digest", [None, *HASHES])
@pytest.mark.parametrize("form", [None, "json", "text", "bin"])
def test_rsa(capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path, digest: str | None, form: str | None) -> None:
    flags = [*(("--digest", digest) if digest else ()), *((f"--format={form}",) if form else ())]
    outcome = run_here(capsysbinary, NAME, *words_for(tmp_path, RSA), *flags)  # type: ignore[arg-type]
    signature = expected(digest or "SHA256")
    text = signature.hex().encode()
    printed = {"bin": signature, "text": text}.get(form or "json", b'"' + text + b'"')
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, printed, b"")


def test_openssl_signs_the_same(tmp_path: Path, require_tool: RequireTool) -> None:
    words = words_for(tmp_path, RSA)
    (tmp_path / "string").write_bytes(string_of(RSA))
    sign = [require_tool("openssl"), "dgst", "-sha512", "-sign", words[3], str(tmp_path / "string")]
    by_openssl = subprocess.run(sign, check=True, capture_output=True).stdout
    by_us = subprocess.run(
        [*PROGRAM, NAME, *words, "--digest", "SHA512", "--format", "bin"],
        check=True,
        capture_output=True,
        input=b"not read",
        timeout=60,
    )
    assert (by_us.stdout, by_us.stderr) == (by_openssl, b"")


@pytest.mark.parametrize("digest", HASHES)
def test_openssl_verifies_ec(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, require_tool: RequireTool, digest: str
) -> None:
    outcome = run_here(capsys, NAME, *words_for(tmp_path, EC), "--digest", digest, "--format", "text")
    (tmp_path / "signature").write_bytes(bytes.fromhex(outcome.stdout))
    (tmp_path / "string").write_bytes(string_of(EC))
    public = EC.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    verify = ("dgst", f"-{digest.lower()}", "-verify", "public.pem", "-signature", "signature", "string")
    done = subprocess.run([require_tool("openssl"), *verify], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout == "Verified OK\n"


def verified(text: str) -> bool:
    public = EC.private_key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(bytes.fromhex(text), string_of(EC), ec.ECDSA(hashes.SHA256()))
    return True


def encrypted(issued: IssuedCertificate) -> bytes:
    encryption = BestAvailableEncryption(PASSPHRASE.encode())
    return issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_key_beside_its_certificate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(EC.certificate_pem + EC.private_key_pem)
    outcome = run_here(capsys, NAME, "--certificate", str(tmp_path / "both.pem"), "--format=text")
    assert verified(outcome.stdout)


def test_pkcs12(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bundle = pkcs12.serialize_key_and_certificates(
        b"app",
        EC.private_key,
        EC.certificate,
        None,
        BestAvailableEncryption(PASSPHRASE.encode()),  # type: ignore[arg-type]
    )
    (tmp_path / "client.p12").write_bytes(bundle)
    flags = ("--certificate", str(tmp_path / "client.p12"), "--pkcs8-password", PASSPHRASE, "--format", "text")
    assert verified(run_here(capsys, NAME, *flags).stdout)


@pytest.mark.parametrize("flag", ["--pkcs8-password", "--passphrase-file"])
def test_an_encrypted_key(capsys: pytest.CaptureFixture[str], tmp_path: Path, flag: str) -> None:
    words = words_for(tmp_path, EC)
    Path(words[3]).write_bytes(encrypted(EC))
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    value = PASSPHRASE if flag == "--pkcs8-password" else str(tmp_path / "passphrase")
    assert verified(run_here(capsys, NAME, *words, flag, value, "--format", "text").stdout)


def test_nobody_is_asked_where_there_is_no_terminal(tmp_path: Path) -> None:
    words = words_for(tmp_path, EC)
    Path(words[3]).write_bytes(encrypted(EC))
    outcome = run_process(NAME, *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "there is no terminal to ask on" in outcome.stderr
    assert "--passphrase-file" in outcome.stderr


def test_a_selector_chooses_the_key(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, issued in (("a", EC), ("b", RSA)):
        issued.write(tmp_path / name)
        (tmp_path / name / "certificate.pem").rename(tmp_path / f"{name}.pem")
        (tmp_path / name / "private-key.pem").rename(tmp_path / f"{name}.key")
    flags = ("--cert-directory", str(tmp_path), "--cert-selector", "Key=x509Subject,Value=CN=ec", "--format", "text")
    assert verified(run_here(capsys, NAME, *flags).stdout)


# The official helper's table, each pair once; ours behind it.
EXCLUDED = [
    "certificate|cert-selector",
    "certificate|system-store-name",
    "private-key|cert-selector",
    "private-key|system-store-name",
    "private-key|use-latest-expiring-certificate",
    "use-latest-expiring-certificate|reuse-pin",
    "cert-selector|reuse-pin",
    "system-store-name|reuse-pin",
    "tpm-key-password|cert-selector",
    "tpm-key-password|reuse-pin",
    "no-tpm-key-password|cert-selector",
    "no-tpm-key-password|reuse-pin",
    "no-tpm-key-password|tpm-key-password",
    "pkcs8-password|tpm-key-password",
    "cert-directory|certificate",
    "cert-directory|private-key",
    "cert-directory|system-store-name",
    "passphrase-file|pkcs8-password",
    "passphrase-file|tpm-key-password",
    "passphrase-file|no-tpm-key-password",
]


@pytest.mark.parametrize("pair", EXCLUDED)
def test_flags_that_exclude_each_other(capsys: pytest.CaptureFixture[str], pair: str) -> None:
    names = pair.split("|")
    outcome = run_here(capsys, NAME, *(f"--{name}=true" for name in names))
    assert outcome.code == 1
    assert "exclude each other" in outcome.stderr
    assert all(f"--{name}" in outcome.stderr for name in names)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "there is no key to sign with"),
        (("--private-key", "ec.key"), "undefined certificate value"),
        (("--certificate", "ec.pem"), "no private key inside"),
        (("--certificate", "ec.pem", "--private-key", "rsa.key"), "the private key is not the one of"),
        (("--certificate", "none", "--private-key", "ec.key"), "cannot read the certificate file 'none'"),
        (("--certificate", "ec.pem", "--private-key", "none"), "cannot read the private key file 'none'"),
        (("--certificate", "ec.pem", "--private-key", "handle:x1"), "the handle of a key in a TPM must be"),
        (("--format", "xml"), "the value of --format must be json, text or bin"),
        (("--digest", "SHA1"), "the value of --digest must be SHA256, SHA384 or SHA512"),
        (("--use-latest-expiring-certificate",), "needs the operating system's certificate stores"),
        (("--intermediates", "x"), "the flag --intermediates is unknown"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    error: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, issued in (("ec", EC), ("rsa", RSA)):
        (tmp_path / f"{name}.pem").write_bytes(issued.certificate_pem)
        (tmp_path / f"{name}.key").write_bytes(issued.private_key_pem)
        (tmp_path / f"{name}.key").chmod(0o600)
    outcome = run_here(capsys, NAME, *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: ")
    assert error in outcome.stderr.splitlines()[0]
