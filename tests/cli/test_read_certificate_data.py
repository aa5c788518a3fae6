"""``read-certificate-data``: byte for byte what the official helper prints."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.support.command_line import run_here, run_process
from tests.support.secrets import PASSPHRASE

NAME = "read-certificate-data"
CA = CertificateAuthority("CN=CA,O=Example")
DATA = Path(__file__).parents[1] / "unit" / "validation" / "data"


def put(directory: Path, name: str, issued: IssuedCertificate) -> Path:
    (directory / f"{name}.key").write_bytes(issued.private_key_pem)
    path = directory / f"{name}.pem"
    path.write_bytes(issued.certificate_pem)
    return path


def der_of(issued: IssuedCertificate) -> str:
    return base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()


@pytest.mark.parametrize(
    ("kind", "named", "algorithms"),
    [
        ("RSA-2048", "RSA", '["RSASHA256","RSASHA384","RSASHA512"]'),
        ("P-256", "EC", '["ECSHA256","ECSHA384","ECSHA512"]'),
        ("P-521", "EC", '["ECSHA256","ECSHA384","ECSHA512"]'),
        ("Ed25519", "", '["SHA256","SHA384","SHA512"]'),
    ],
)
def test_a_file_is_told_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, named: str, algorithms: str
) -> None:
    leaf = CA.issue("CN=app", key_type=kind, serial_number=0x15D19632234BF759A32802C0DA88F9E8AFC8702D)
    outcome = run_here(capsys, NAME, "--certificate", str(put(tmp_path, "app", leaf)))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout == (
        f'{{"keyType":"{named}","certificateData":"{der_of(leaf)}",'
        f'"serialNumber":"124562745837719059303232313298209415765143613485","supportedAlgorithms":{algorithms}}}'
    )


def test_ml_dsa(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_here(capsys, NAME, f"--certificate={DATA / 'ml-dsa-leaf.pem'}")
    told = json.loads(outcome.stdout)
    assert told["keyType"].startswith("ML-DSA-")
    assert told["supportedAlgorithms"] == [told["keyType"]]


def test_of_several_the_first_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leaf = CA.issue("CN=app")
    path = tmp_path / "chain.pem"
    path.write_bytes(b"text before\n" + CA.certificate_pem + leaf.certificate_pem + leaf.private_key_pem)
    outcome = run_here(capsys, NAME, "--certificate", str(path))
    assert json.loads(outcome.stdout)["certificateData"] == der_of(CA)


def block(number: int, issued: IssuedCertificate, subject: str, issuer: str = "CN=CA,O=Example") -> str:
    certificate = issued.certificate
    return (
        f"{number}) Hex Fingerprint: {certificate.fingerprint(hashes.SHA1()).hex()}\n"  # noqa: S303 - a name
        f"Subject: {subject}\nIssuer: {issuer}\nSerial Number: {certificate.serial_number:X}\n\n"
    )


def test_a_directory_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    one = CA.issue("CN=one,OU=a\\, b,C=DE", serial_number=0xAB)
    two = CA.issue("CN=two,DC=example")
    put(tmp_path, "2-one", one)
    put(tmp_path, "1-two", two)
    (tmp_path / "1-two.key").unlink()
    (tmp_path / "ca.pem").write_bytes(CA.certificate_pem)
    (tmp_path / "half.pem").write_bytes(CA.certificate_pem[:-20])
    outcome = run_here(capsys, NAME, "--cert-directory", str(tmp_path))
    assert outcome.code == 0
    domain = "CN=two,0.9.2342.19200300.100.1.25=#13076578616d706c65"
    assert outcome.stdout == "Matching identities\n" + block(1, two, domain) + block(2, one, "CN=one,OU=a\\, b,C=DE")
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith(f"1) {tmp_path}/1-two.pem, valid until ")
    assert lines[0].endswith("its key was not found")
    assert lines[1].endswith(f"its key is in {tmp_path}/2-one.key")
    assert lines[2].startswith("passed over: ")
    assert "half.pem" in lines[2]


@pytest.mark.parametrize(
    ("selector", "numbers"),
    [
        ("Key=x509Subject,Value=CN=one", [1]),
        ("Key=x509Issuer,Value=CN=CA,O=Example", [1, 2]),
        ("Key=x509Issuer,Value=CN=CA, O=Example Key=x509Serial,Value=00bc", [2]),
        ("Key=x509Subject,Value=CN=three", []),
    ],
)
def test_a_selector_says_which(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, selector: str, numbers: list[int]
) -> None:
    put(tmp_path, "one", CA.issue("CN=one", serial_number=0xAB))
    put(tmp_path, "two", CA.issue("CN=two", serial_number=0xBC))
    outcome = run_here(capsys, NAME, "--cert-directory", str(tmp_path), "--cert-selector", selector)
    assert outcome.code == 0
    serials = [line.removeprefix("Serial Number: ") for line in outcome.stdout.splitlines() if "Serial" in line]
    assert serials == [{1: "AB", 2: "BC"}[number] for number in numbers]
    assert outcome.stdout.startswith("Matching identities\n" if numbers else "No matching identities\n")


def test_what_is_shown_is_what_a_selector_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    subject = 'CN=\\#1 \\"x\\"\\, y,OU=b+OU=a,1.2.840.113549.1.9.1=a@b.example,C=DE'
    put(tmp_path, "odd", CA.issue(subject))
    put(tmp_path, "other", CA.issue("CN=other"))
    listed = run_here(capsys, NAME, "--cert-directory", str(tmp_path)).stdout
    shown = {line.partition(": ")[0]: line.partition(": ")[2] for line in listed.splitlines()[1:5]}
    selector = f"Key=x509Subject,Value={shown['Subject']} Key=x509Issuer,Value={shown['Issuer']}"
    found = run_here(capsys, NAME, "--cert-directory", str(tmp_path), "--cert-selector", selector)
    assert found.stdout == "\n".join(listed.splitlines()[:6]) + "\n"


def test_a_name_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    put(tmp_path, "app", CA.issue("CN=\x1b]0\\;title\x07"))
    outcome = run_here(capsys, NAME, "--cert-directory", str(tmp_path))
    assert "Subject: CN=\\x1b]0\\;title\\x07\n" in outcome.stdout


def test_encrypted_keys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leaf = CA.issue("CN=app")
    put(tmp_path, "app", leaf)
    encryption = BestAvailableEncryption(PASSPHRASE.encode())
    key = leaf.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    (tmp_path / "app.key").write_bytes(key)
    closed = run_here(capsys, NAME, "--cert-directory", str(tmp_path))
    assert closed.code == 0
    assert "its key was not found" in closed.stderr
    assert "app.key: it is encrypted, and no passphrase was given" in closed.stderr
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    flags = ("--cert-directory", str(tmp_path), "--passphrase-file", str(tmp_path / "passphrase"))
    opened = run_here(capsys, NAME, *flags)
    assert opened.stdout == closed.stdout
    assert "its key is in" in opened.stderr
    assert PASSPHRASE not in opened.stderr


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        ((), "there is no certificate to read", "--cert-directory DIR"),
        (("--certificate", "none.pem"), "cannot read the certificate file 'none.pem'", "path"),
        (("--certificate", "empty.pem"), "is not an X.509 certificate", "the file is empty"),
        (("--certificate", "key.pem"), "holds no certificate; it holds: PRIVATE KEY", "BEGIN CERTIFICATE"),
        (
            ("--certificate", "pkcs11:tokn=a"),
            "the PKCS#11 URI has an attribute tokn that is unknown",
            "known there are",
        ),
        (("--pkcs11-lib", "/p11.so"), "there is no certificate to read", ""),
        (("--system-store-name", "MY"), "needs the operating system's certificate stores", ""),
        (("--cert-selector", "Key=x509Subject,Value=CN=a"), "--cert-selector needs the operating system's", "--cert-d"),
        (("--cert-directory", "none"), "cannot read the certificate directory 'none'", "path"),
        (("--certificate", "a", "--cert-selector", "b"), "--certificate and --cert-selector exclude each other", ""),
        (("--certificate", "a", "--system-store-name", "b"), "--certificate and --system-store-name exclude", ""),
        (("--certificate", "a", "--cert-directory", "b"), "--certificate and --cert-directory exclude each other", ""),
        (("--cert-directory", ".", "--cert-selector", "x"), "unable to parse cert selector string", "Key=x509Subject"),
        (("--cert-directory", ".", "--cert-selector", "file://x"), "unable to read cert selector file", "path"),
        (("--private-key", "key.pem"), "the flag --private-key is unknown", ""),
        (("client.pem",), "a word that is no flag stands after read-certificate-data", ""),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    error: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pem").touch()
    (tmp_path / "key.pem").write_bytes(CA.private_key_pem)
    outcome = run_here(capsys, NAME, *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    assert hint in "\n".join(lines[1:])


def test_as_a_program(tmp_path: Path) -> None:
    leaf = CA.issue("CN=app")
    put(tmp_path, "app", leaf)
    done = run_process(NAME, "--certificate", "app.pem", directory=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["certificateData"] == der_of(leaf)
    listed = run_process(NAME, "--cert-directory", ".", directory=tmp_path)
    assert listed.stdout == "Matching identities\n" + block(1, leaf, "CN=app")
