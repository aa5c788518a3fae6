"""Certificates as the real ``openssl`` makes them, among them those that cryptography refuses to make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rolesanywhere_signer import ValidationReport, validate_certificate, validate_trust_anchor

from .table import found

OpenSsl = Callable[..., bytes]

CA_CONFIG = """
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha512
default_days = 3650
policy = any
string_mask = default
x509_extensions = v3_ca
[any]
countryName = supplied
localityName = supplied
organizationName = supplied
[req]
string_mask = default
distinguished_name = empty
[empty]
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
"""
LEAF_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
COMPANY = "/C=KR/L=Seoul/O=Kimalarm Inc."


_MADE: dict[str, bytes] = {}


@pytest.fixture
def company(openssl: OpenSsl, tmp_path: Path) -> Path:
    """A CA made of a request by ``openssl ca -selfsign``, and a client whose subject is the CA's own."""
    if not _MADE:
        make_company(openssl, tmp_path)
        _MADE.update({file.name: file.read_bytes() for file in tmp_path.iterdir()})
    for name, content in _MADE.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def make_company(openssl: OpenSsl, tmp_path: Path) -> None:
    (tmp_path / "ca.cnf").write_text(CA_CONFIG)
    (tmp_path / "client.ext").write_text(LEAF_EXTENSIONS)
    (tmp_path / "index.txt").touch()
    (tmp_path / "serial").write_text("1000\n")
    openssl("ecparam", "-genkey", "-name", "secp384r1", "-out", "ca.key")
    openssl("req", "-new", "-config", "ca.cnf", "-key", "ca.key", "-subj", COMPANY, "-out", "ca.csr")
    openssl("ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", "ca.key", "-in", "ca.csr", "-out", "ca.pem")
    openssl("ecparam", "-genkey", "-name", "secp384r1", "-out", "client.key")
    request(openssl, "client")
    sign(openssl, "client", "-sha512")


def request(openssl: OpenSsl, name: str) -> None:
    openssl("req", "-new", "-sha512", "-key", f"{name}.key", "-subj", COMPANY, "-out", f"{name}.csr")


def sign(openssl: OpenSsl, name: str, *options: str, extensions: bool = True) -> None:
    with_extensions = ("-extfile", "client.ext") if extensions else ()
    issuer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    files = ("-in", f"{name}.csr", "-out", f"{name}.pem")
    openssl("x509", "-req", *files, *issuer, "-days", "365", *with_extensions, *options)


def validate(folder: Path, name: str = "client") -> ValidationReport:
    return validate_certificate(folder / f"{name}.pem", folder / f"{name}.key", trust_anchor=folder / "ca.pem")


def test_subject_equal_to_the_issuers_and_not_self_signed(company: Path) -> None:
    """=> root -> leaf, both named C=KR, L=Seoul, O=Kimalarm Inc."""
    assert found(validate(company)) == []
    assert found(validate_trust_anchor(company / "ca.pem")) == []


def test_openssl_agrees(company: Path, openssl: OpenSsl) -> None:
    assert openssl("verify", "-x509_strict", "-CAfile", "ca.pem", "-check_ss_sig", "ca.pem") == b"ca.pem: OK\n"
    assert openssl("verify", "-partial_chain", "-CAfile", "ca.pem", "client.pem") == b"client.pem: OK\n"


def test_version_1(company: Path, openssl: OpenSsl) -> None:
    """=> root -> leaf (v1, since no extension was asked for)."""
    sign(openssl, "client", extensions=False)
    assert found(validate(company)) == ["leaf: not-v3", "leaf: no-key-usage"]


def test_version_1_root(company: Path, openssl: OpenSsl) -> None:
    """=> root (v1)."""
    options = ("-in", "ca.csr", "-signkey", "ca.key", "-days", "99", "-out", "ca.pem")
    openssl("x509", "-req", *options)
    assert found(validate_trust_anchor(company / "ca.pem")) == [
        "trust anchor: not-v3",
        "trust anchor: not-a-ca",
        "trust anchor: cannot-sign-certificates",
    ]


WEAK = [("EC", "sha1"), ("EC", "sha224"), ("EC", "sha3-224"), ("RSA", "md5"), ("RSA", "sha1"), ("RSA", "sha224")]
WEAK += [("RSA", "sha512-224"), ("RSA", "ripemd160"), ("RSA", "sha3-224")]


@pytest.mark.parametrize(("key", "digest"), WEAK)
def test_weak_hash(company: Path, openssl: OpenSsl, key: str, digest: str) -> None:
    """=> root -weak hash-> leaf."""
    if key == "RSA":
        rsa_root(openssl)
    sign(openssl, "client", f"-{digest}")
    report = validate(company)
    assert found(report) == ["leaf: weak-signature-hash"]
    shown = report.findings[0].message.upper().replace("-", "").replace("/", "")
    assert digest.upper().replace("-", "") in shown


def test_weak_hash_is_no_excuse_for_a_foreign_signature(company: Path, openssl: OpenSsl) -> None:
    """=> another root of the same name -x SHA-1> leaf."""
    sign(openssl, "client", "-sha1")
    rsa_root(openssl)
    assert found(validate(company)) == ["leaf: weak-signature-hash", "leaf: bad-signature"]


def test_pss_with_sha1(company: Path, openssl: OpenSsl) -> None:
    """=> root (RSA) -PSS with SHA-1-> leaf."""
    rsa_root(openssl)
    sign(openssl, "client", "-sha1", "-sigopt", "rsa_padding_mode:pss")
    assert found(validate(company)) == ["leaf: weak-signature-hash"]


def test_self_signed_root_with_sha1(company: Path, openssl: OpenSsl) -> None:
    """=> root (signed by itself with SHA-1) -> leaf."""
    rsa_root(openssl, "-sha1")
    sign(openssl, "client", "-sha256")
    assert found(validate(company)) == []


def test_pss_root(company: Path, openssl: OpenSsl) -> None:
    """=> root (a key for PSS alone) -> leaf."""
    rsa_root(openssl, algorithm="RSA-PSS")
    sign(openssl, "client", "-sha256")
    assert found(validate(company)) == []


def test_pss_leaf(company: Path, openssl: OpenSsl) -> None:
    """=> root -> leaf (a key for PSS alone, which cannot sign requests)."""
    openssl("genpkey", "-algorithm", "RSA-PSS", "-out", "pss.key")
    request(openssl, "pss")
    sign(openssl, "pss")
    report = validate_certificate(company / "pss.pem", trust_anchor=company / "ca.pem")
    assert found(report) == ["leaf: unsupported-key"]
    assert "PSS" in report.findings[0].message


def test_brainpool_leaf(company: Path, openssl: OpenSsl) -> None:
    """=> root -> leaf (brainpoolP256r1)."""
    openssl("ecparam", "-genkey", "-name", "brainpoolP256r1", "-noout", "-out", "client.key")
    request(openssl, "client")
    sign(openssl, "client")
    report = validate(company)
    assert found(report) == ["leaf: unsupported-key"]
    assert "brainpoolP256r1" in report.findings[0].message


def test_full_chain_in_one_file(company: Path) -> None:
    chain = (company / "ca.pem").read_bytes() + (company / "client.pem").read_bytes()
    report = validate_certificate(chain, company / "client.key", trust_anchor=company / "ca.pem")
    assert found(report) == []


def rsa_root(openssl: OpenSsl, *options: str, algorithm: str = "RSA") -> None:
    openssl("genpkey", "-algorithm", algorithm, "-out", "ca.key")
    extensions = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", "-key", "ca.key", "-subj", COMPANY, "-days", "99", "-out", "ca.pem", *extensions, *options)
