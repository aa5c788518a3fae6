"""CertificateAuthority: certificates that are wrong on purpose, as wrong as they say and in nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtensionOID

from rolesanywhere_signer import CertificateLoadError, ConfigurationError, validate_certificate
from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, IssuedCertificate, der


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return CertificateAuthority("CN=Root")


@pytest.fixture(scope="module")
def rsa_ca() -> CertificateAuthority:
    return CertificateAuthority("CN=RSA root", key_type="RSA-2048")


def codes(leaf: IssuedCertificate, anchor: CertificateAuthority) -> list[str]:
    report = validate_certificate(leaf.certificate_pem, leaf.private_key_pem, trust_anchor=anchor.certificate_pem)
    return [finding.code for finding in report.findings]


def signature_holds(certificate: x509.Certificate, issuer: CertificateAuthority) -> bool:
    """Return whether the issuer's key signed, by the bare primitives: cryptography refuses weak hashes elsewhere."""
    key, chosen = issuer.private_key.public_key(), certificate.signature_hash_algorithm
    assert chosen is not None
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), chosen)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(chosen))
    except InvalidSignature:
        return False
    return True


class TestSignatures:
    def test_one_bit_is_wrong_and_nothing_else(self, ca: CertificateAuthority) -> None:
        wrong = ca.issue(wrong_signature=True)
        assert codes(wrong, ca) == ["bad-signature"]
        encoded = wrong.certificate_der
        right = x509.load_der_x509_certificate(encoded[:-1] + bytes((encoded[-1] ^ 1,)))
        assert signature_holds(right, ca)

    @pytest.mark.parametrize("name", ["MD5", "SHA-1", "sha1"])
    def test_a_weak_hash_under_rsa(self, rsa_ca: CertificateAuthority, name: str) -> None:
        leaf = rsa_ca.issue(signature_hash=name)
        used = leaf.certificate.signature_hash_algorithm
        assert isinstance(used, hashes.MD5 if name == "MD5" else hashes.SHA1)
        assert signature_holds(leaf.certificate, rsa_ca)
        assert codes(leaf, rsa_ca) == ["weak-signature-hash"]

    def test_sha1_under_ec(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue(signature_hash="SHA-1")
        assert signature_holds(leaf.certificate, ca)
        assert codes(leaf, ca) == ["weak-signature-hash"]

    def test_openssl_takes_sha1_where_it_is_told_to(self, tmp_path: Path, require_tool: Callable[[str], str]) -> None:
        root = CertificateAuthority("CN=Old root", key_type="RSA-2048", signature_hash="SHA-1")
        leaf = root.issue(signature_hash="SHA-1").write(tmp_path / "leaf").certificate
        command = [require_tool("openssl"), "verify", "-auth_level", "0", "-CAfile"]
        trusted = root.write(tmp_path / "root").certificate
        done = subprocess.run([*command, trusted, leaf], capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.strip().endswith(": OK")

    @pytest.mark.parametrize(
        ("key_type", "options"),
        [
            ("P-256", {"signature_hash": "MD5"}),
            ("Ed25519", {"signature_hash": "SHA-1"}),
            ("RSA-2048", {"signature_hash": "SHA-1", "rsa_padding": "PSS"}),
        ],
    )
    def test_what_has_no_name_is_refused(self, key_type: str, options: CertificateOptions) -> None:
        with pytest.raises(ConfigurationError, match="not supported"):
            CertificateAuthority(key_type=key_type).issue(**options)

    def test_an_altered_body_is_signed_all_the_same(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue("CN=app-one", edit_tbs=lambda body: body.replace(b"app-one", b"app-two"))
        assert leaf.certificate.subject.rfc4514_string() == "CN=app-two"
        assert codes(leaf, ca) == []

    def test_an_altered_certificate_is_not(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue("CN=app-one", edit_der=lambda encoded: encoded.replace(b"app-one", b"app-two"))
        assert codes(leaf, ca) == ["bad-signature"]


class TestSerialNumbers:
    @pytest.mark.filterwarnings("ignore:Parsed a serial number")
    @pytest.mark.parametrize("serial", [0, -1, -(1 << 159)])
    def test_not_positive(self, ca: CertificateAuthority, serial: int) -> None:
        leaf = ca.issue(odd_serial_number=serial)
        assert leaf.certificate.serial_number == serial
        assert signature_holds(leaf.certificate, ca)

    @pytest.mark.parametrize("bits", [160, 161, 200, 8192])
    def test_long(self, ca: CertificateAuthority, bits: int) -> None:
        leaf = ca.issue(odd_serial_number=1 << bits)
        assert leaf.certificate.serial_number == 1 << bits
        assert signature_holds(leaf.certificate, ca)


class TestVersions:
    def test_version_1_has_no_extensions(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue(version=1)
        assert leaf.certificate.version is x509.Version.v1
        assert len(leaf.certificate.extensions) == 0
        assert codes(leaf, ca) == ["not-v3", "no-key-usage"]

    def test_a_root_of_version_1(self) -> None:
        root = CertificateAuthority(version=1)
        assert signature_holds(root.issue().certificate, root)

    @pytest.mark.parametrize("version", [2, 4])
    def test_versions_that_cryptography_does_not_read(
        self, ca: CertificateAuthority, version: int, require_tool: Callable[[str], str]
    ) -> None:
        with pytest.raises(ConfigurationError, match="reads no such certificate") as caught:
            ca.issue(version=version)
        assert "issue_der" in str(caught.value.hint)
        command = [require_tool("openssl"), "x509", "-inform", "DER", "-noout", "-text"]
        shown = subprocess.run(
            command, input=ca.issue_der(version=version), capture_output=True, check=True, timeout=30
        )
        assert f"Version: {'2' if version == 2 else 'Unknown'}" in shown.stdout.decode()


class TestExtensions:
    def test_one_that_stands_there_twice(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue(repeated_extensions=[ExtensionOID.KEY_USAGE, ExtensionOID.BASIC_CONSTRAINTS])
        with pytest.raises(x509.DuplicateExtension):
            _ = leaf.certificate.extensions
        assert signature_holds(leaf.certificate, ca)
        with pytest.raises(CertificateLoadError, match="cannot be decoded"):
            codes(leaf, ca)

    def test_one_that_is_malformed(self, ca: CertificateAuthority) -> None:
        mangled = der.extension("2.5.29.30", b"\x30\x03mmm", critical=True)
        leaf = ca.issue(raw_extensions=[mangled])
        with pytest.raises(ValueError, match="parsing asn1 value"):
            _ = leaf.certificate.extensions
        assert signature_holds(leaf.certificate, ca)
        with pytest.raises(CertificateLoadError, match="cannot be decoded"):
            codes(leaf, ca)

    def test_one_that_is_sound(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue(raw_extensions=[der.extension("1.2.3.4", b"anything")])
        found = leaf.certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4"))
        assert isinstance(found.value, x509.UnrecognizedExtension)
        assert found.value.value == b"anything"
        assert codes(leaf, ca) == []

    def test_what_is_not_there_is_not_repeated(self, ca: CertificateAuthority) -> None:
        with pytest.raises(ConfigurationError, match="cannot be repeated"):
            ca.issue(repeated_extensions=[ExtensionOID.NAME_CONSTRAINTS])
        bare: CertificateOptions = {
            "ca": None,
            "key_usage": None,
            "extended_key_usage": None,
            "subject_key_identifier": False,
            "authority_key_identifier": False,
        }
        with pytest.raises(ConfigurationError, match="without extensions"):
            ca.issue(**bare, repeated_extensions=[ExtensionOID.KEY_USAGE])


class TestMalformed:
    @pytest.mark.parametrize(
        "options",
        [
            {"raw_extensions": [b"\x30\x02nonsense"]},
            {"edit_tbs": lambda body: body[:-5]},
            {"edit_tbs": lambda _body: b""},
            {"edit_der": lambda encoded: encoded[:-1]},
            {"edit_der": lambda encoded: encoded + b"\0"},
            {"edit_der": lambda _encoded: b"nonsense"},
        ],
        ids=range(6),
    )
    def test_the_bytes_are_there_and_no_object(self, ca: CertificateAuthority, options: CertificateOptions) -> None:
        with pytest.raises(ConfigurationError, match="reads no such certificate"):
            ca.issue(**options)
        encoded = ca.issue_der(**options)
        with pytest.raises(CertificateLoadError):
            validate_certificate(encoded)

    def test_sound_bytes_are_a_certificate(self, ca: CertificateAuthority) -> None:
        key = CertificateAuthority().private_key
        leaf = x509.load_der_x509_certificate(ca.issue_der("CN=app", private_key=key))
        assert codes(IssuedCertificate(leaf, key), ca) == []

    def test_names_that_are_empty(self) -> None:
        root = CertificateAuthority("")
        leaf = root.issue("")
        assert not leaf.certificate.issuer.rdns
        assert codes(leaf, root) == ["empty-subject"]
