"""CertificateAuthority: what it makes by default, every knob, and what OpenSSL says of it."""

from __future__ import annotations

import os
import stat
import subprocess
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, IssuedCertificate


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return CertificateAuthority("CN=Root,O=Example")


def extension(issued: IssuedCertificate, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return issued.certificate.extensions.get_extension_for_class(kind)


class TestDefaults:
    def test_the_root_is_p384_and_may_sign_certificates(self, ca: CertificateAuthority) -> None:
        assert isinstance(ca.private_key, ec.EllipticCurvePrivateKey)
        assert ca.private_key.curve.name == "secp384r1"
        assert ca.certificate.issuer == ca.certificate.subject
        assert extension(ca, x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=None)
        usage = extension(ca, x509.KeyUsage).value
        assert isinstance(usage, x509.KeyUsage)
        assert usage.key_cert_sign
        assert usage.crl_sign
        assert not usage.digital_signature

    def test_a_leaf_is_what_the_service_wants(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue("CN=app,O=Example")
        leaf.certificate.verify_directly_issued_by(ca.certificate)
        assert leaf.certificate.subject.rfc4514_string() == "CN=app,O=Example"
        assert extension(leaf, x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
        assert extension(leaf, x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        usage = extension(leaf, x509.KeyUsage).value
        assert isinstance(usage, x509.KeyUsage)
        assert usage.digital_signature
        assert not usage.key_cert_sign
        assert leaf.certificate.not_valid_before_utc < datetime.now(timezone.utc) < leaf.certificate.not_valid_after_utc

    def test_the_pem_forms_are_the_objects(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue()
        assert x509.load_pem_x509_certificate(leaf.certificate_pem) == leaf.certificate
        key = load_pem_private_key(leaf.private_key_pem, None)
        assert key.public_key() == leaf.certificate.public_key()
        assert leaf.chain_pem is None

    def test_no_repr_shows_a_key(self, ca: CertificateAuthority) -> None:
        assert repr(ca) == "<CertificateAuthority CN=Root,O=Example>"
        assert repr(ca.issue("CN=app")) == "<IssuedCertificate CN=app>"


class TestKnobs:
    @pytest.mark.parametrize(
        ("key_type", "kind", "bits"),
        [
            ("RSA-2048", rsa.RSAPrivateKey, 2048),
            ("RSA-1024", rsa.RSAPrivateKey, 1024),
            ("P-256", ec.EllipticCurvePrivateKey, 256),
            ("EC P-384", ec.EllipticCurvePrivateKey, 384),
            ("ec-p521", ec.EllipticCurvePrivateKey, 521),
            ("EC-P256", ec.EllipticCurvePrivateKey, 256),
            ("secp384r1", ec.EllipticCurvePrivateKey, 384),
        ],
    )
    def test_key_types(self, ca: CertificateAuthority, key_type: str, kind: type, bits: int) -> None:
        key = ca.issue(key_type=key_type).private_key
        assert isinstance(key, kind)
        assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        assert key.key_size == bits

    @pytest.mark.parametrize("name", ["SHA-224", "SHA-256", "SHA-384", "sha512", "SHA3-256"])
    def test_signature_hashes(self, ca: CertificateAuthority, name: str) -> None:
        used = ca.issue(signature_hash=name).certificate.signature_hash_algorithm
        assert used is not None
        assert used.name.replace("-", "") == name.lower().replace("-", "")

    @pytest.mark.parametrize("name", ["MD5", "SHA-1"])
    def test_a_broken_hash_is_used_or_refused_in_our_words(self, name: str) -> None:
        root = CertificateAuthority(key_type="RSA-2048")
        try:
            used = root.issue(signature_hash=name).certificate.signature_hash_algorithm
        except ConfigurationError as error:
            assert "not supported" in error.message
        else:
            assert used is not None
            assert used.name == name.lower().replace("-", "")

    def test_an_rsa_issuer_signs_with_pss_where_asked(self) -> None:
        root = CertificateAuthority(key_type="RSA-2048", rsa_padding="PSS")
        leaf = root.issue(rsa_padding="PSS", signature_hash="SHA-384")
        leaf.certificate.verify_directly_issued_by(root.certificate)
        assert leaf.certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS

    def test_an_ed25519_ca_signs_any_leaf(self) -> None:
        root = CertificateAuthority(key_type="Ed25519")
        leaf = root.issue(key_type="P-256")
        assert isinstance(root.private_key, ed25519.Ed25519PrivateKey)
        leaf.certificate.verify_directly_issued_by(root.certificate)

    def test_basic_constraints(self, ca: CertificateAuthority) -> None:
        with pytest.raises(x509.ExtensionNotFound):
            extension(ca.issue(ca=None), x509.BasicConstraints)
        wrong = extension(ca.issue(ca=True, path_length=3, basic_constraints_critical=False), x509.BasicConstraints)
        assert wrong.value == x509.BasicConstraints(ca=True, path_length=3)
        assert not wrong.critical

    def test_usages(self, ca: CertificateAuthority) -> None:
        none = ca.issue(key_usage=None, extended_key_usage=None)
        assert {each.oid for each in none.certificate.extensions} == {
            x509.BasicConstraints.oid,
            x509.SubjectKeyIdentifier.oid,
            x509.AuthorityKeyIdentifier.oid,
        }
        odd = ca.issue(key_usage=["keyEncipherment"], key_usage_critical=False, extended_key_usage=["1.2.3.4"])
        usage = extension(odd, x509.KeyUsage)
        assert isinstance(usage.value, x509.KeyUsage)
        assert usage.value.key_encipherment
        assert not usage.value.digital_signature
        assert not usage.critical
        assert extension(odd, x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.2.3.4")])

    def test_alternative_names_of_every_kind(self, ca: CertificateAuthority) -> None:
        written = [
            "DNS:a.example",
            "URI:spiffe://a/b",
            "email:a@b.example",
            "IP:192.0.2.1",
            "dirName:CN=x",
            "RID:1.2.3",
        ]
        names = extension(ca.issue(subject_alternative_names=written), x509.SubjectAlternativeName)
        assert isinstance(names.value, x509.SubjectAlternativeName)
        assert len(names.value) == len(written)
        assert names.value.get_values_for_type(x509.DNSName) == ["a.example"]
        assert not names.critical

    def test_an_empty_subject(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue("", subject_alternative_names=["DNS:a.example"])
        assert not leaf.certificate.subject.rdns
        assert extension(leaf, x509.SubjectAlternativeName).critical

    @pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
    def test_a_name_object_is_not_checked(self, ca: CertificateAuthority) -> None:
        long = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 70, _validate=False)])
        assert ca.issue(long).certificate.subject == long

    def test_attributes_beyond_rfc_4514(self, ca: CertificateAuthority) -> None:
        subject = ca.issue("CN=app,emailAddress=a@b.example,serialNumber=7").certificate.subject
        assert subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)[0].value == "a@b.example"
        assert subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)[0].value == "7"

    def test_name_constraints(self, ca: CertificateAuthority) -> None:
        below = ca.issue_ca(permitted_names=["DNS:example.com"], excluded_names=["IP:10.0.0.0/8"])
        constraints = extension(below, x509.NameConstraints)
        assert constraints.critical
        assert isinstance(constraints.value, x509.NameConstraints)
        assert constraints.value.permitted_subtrees == [x509.DNSName("example.com")]
        assert constraints.value.excluded_subtrees is not None

    def test_key_identifiers_off(self, ca: CertificateAuthority) -> None:
        leaf = ca.issue(subject_key_identifier=False, authority_key_identifier=False)
        present = {each.oid for each in leaf.certificate.extensions}
        assert not present & {x509.SubjectKeyIdentifier.oid, x509.AuthorityKeyIdentifier.oid}

    def test_an_issuer_without_key_identifier(self) -> None:
        root = CertificateAuthority(subject_key_identifier=False)
        identifier = extension(root.issue(), x509.AuthorityKeyIdentifier).value
        assert identifier == x509.AuthorityKeyIdentifier.from_issuer_public_key(root.private_key.public_key())

    def test_arbitrary_extensions(self, ca: CertificateAuthority) -> None:
        mine = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
        leaf = ca.issue(extra_extensions=[(mine, True)])
        found = leaf.certificate.extensions.get_extension_for_oid(mine.oid)
        assert found.critical
        assert found.value == mine

    def test_validity_and_serial(self, ca: CertificateAuthority) -> None:
        start = datetime(2030, 1, 2, 3, 4, 5, 678, timezone(timedelta(hours=9)))
        leaf = ca.issue(valid_from=start, valid_for=timedelta(hours=2), serial_number=0x1000)
        assert leaf.certificate.not_valid_before_utc == datetime(2030, 1, 1, 18, 4, 5, tzinfo=timezone.utc)
        assert leaf.certificate.not_valid_after_utc == datetime(2030, 1, 1, 20, 4, 5, tzinfo=timezone.utc)
        assert leaf.certificate.serial_number == 0x1000

    @pytest.mark.parametrize("as_pem", [True, False])
    def test_a_public_key_from_outside(self, ca: CertificateAuthority, as_pem: bool, tmp_path: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        leaf = ca.issue(public_key=pem if as_pem else key)
        assert leaf.certificate.public_key() == key
        with pytest.raises(ConfigurationError, match="issued for a public key"):
            _ = leaf.private_key_pem
        assert leaf.write(tmp_path).private_key is None
        assert not (tmp_path / "private-key.pem").exists()

    @pytest.mark.parametrize("as_pem", [True, False])
    def test_a_key_of_ones_own(self, ca: CertificateAuthority, as_pem: bool) -> None:
        renewed = CertificateAuthority("CN=Renewed", private_key=ca.private_key_pem if as_pem else ca.private_key)
        assert renewed.certificate.public_key() == ca.certificate.public_key()


class TestChains:
    def test_each_leaf_carries_what_stands_below_its_root(self, ca: CertificateAuthority) -> None:
        upper = ca.issue_ca("CN=Upper")
        lower = upper.issue_ca("CN=Lower", path_length=0)
        leaf = lower.issue("CN=app")
        assert leaf.chain_pem == lower.certificate_pem + upper.certificate_pem
        assert lower.chain_pem == upper.certificate_pem
        assert upper.chain_pem is None

    def test_an_intermediate_with_the_name_of_its_root_is_still_one(self, ca: CertificateAuthority) -> None:
        twin = ca.issue_ca("CN=Root,O=Example")
        assert twin.issue().chain_pem == twin.certificate_pem


class TestBadArguments:
    @pytest.mark.parametrize(
        "options",
        [
            {"key_type": "DES"},
            {"key_type": "RSA-512"},
            {"key_type": 7},
            {"valid_from": datetime(2030, 1, 1)},  # noqa: DTZ001 - naive on purpose
            {"valid_for": timedelta(days=-1)},
            {"valid_for": timedelta(days=4_000_000)},
            {"valid_for": 7},
            {"serial_number": 0},
            {"serial_number": 1 << 160},
            {"signature_hash": "CRC"},
            {"signature_hash": 5},
            {"rsa_padding": "none"},
            {"path_length": 1},
            {"key_usage": ["signing"]},
            {"key_usage": "digitalSignature"},
            {"key_usage": ["encipherOnly"]},
            {"extended_key_usage": ["clientauth"]},
            {"extended_key_usage": "clientAuth"},
            {"subject_alternative_names": ["app.example"]},
            {"subject_alternative_names": ["IP:999.0.0.1"]},
            {"subject_alternative_names": ["DNS:bücher.example"]},
            {"subject_alternative_names": "DNS:a"},
            {"permitted_names": ["XYZ:a"]},
            {"extra_extensions": ["text"]},
            {"extra_extensions": [(x509.OCSPNoCheck(), True), (x509.OCSPNoCheck(), True)]},
            {"private_key": b"-----BEGIN NONSENSE-----"},
            {"private_key": "text"},
            {"public_key": b"nonsense"},
            {"public_key": "text"},
            {"colour": "blue"},
        ],
        ids=str,
    )
    def test_each_is_refused_in_our_words(self, ca: CertificateAuthority, options: CertificateOptions) -> None:
        with pytest.raises(ConfigurationError):
            ca.issue(**options)

    @pytest.mark.parametrize("subject", ["app", "CN", "CN=" + "x" * 65, "C=KOREA", "XX=1", b"CN=app", None])
    def test_subjects(self, ca: CertificateAuthority, subject: str) -> None:
        with pytest.raises(ConfigurationError):
            ca.issue(subject)

    def test_a_ca_has_to_sign(self, ca: CertificateAuthority) -> None:
        with pytest.raises(ConfigurationError, match="has to sign"):
            ca.issue_ca(public_key=ca.private_key.public_key())
        with pytest.raises(ConfigurationError, match="not both"):
            ca.issue(public_key=ca.private_key.public_key(), private_key=ca.private_key)

    def test_an_ed25519_issuer_has_no_hash(self) -> None:
        with pytest.raises(ConfigurationError, match="without a hash"):
            CertificateAuthority(key_type="Ed25519", signature_hash="SHA-256")

    def test_no_message_shows_a_key(self, ca: CertificateAuthority) -> None:
        broken = ca.private_key_pem.replace(b"A", b"!")
        with pytest.raises(ConfigurationError) as caught:
            ca.issue(private_key=broken)
        assert broken.splitlines()[1].decode() not in "".join(traceback.format_exception(caught.value))


class TestFiles:
    def test_the_files_are_the_owners_alone(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        leaf = ca.issue_ca("CN=Lower").issue()
        written = leaf.write(tmp_path / "new" / "folder")
        assert written.certificate == tmp_path / "new" / "folder" / "certificate.pem"
        assert written.certificate.read_bytes() == leaf.certificate_pem
        assert written.private_key is not None
        assert written.private_key.read_bytes() == leaf.private_key_pem
        assert written.chain is not None
        assert written.chain.read_bytes() == leaf.chain_pem
        if os.name == "posix":
            assert stat.S_IMODE(written.private_key.stat().st_mode) == 0o600
        assert {each.name for each in written.certificate.parent.iterdir()} == {
            "certificate.pem",
            "private-key.pem",
            "chain.pem",
        }

    @pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")
    def test_a_readable_key_file_is_replaced_by_a_private_one(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        old = tmp_path / "private-key.pem"
        old.write_bytes(b"old")
        old.chmod(0o644)
        ca.issue().write(tmp_path)
        assert stat.S_IMODE(old.stat().st_mode) == 0o600

    def test_no_stale_chain_stays(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        ca.issue_ca("CN=Lower").issue().write(tmp_path)
        assert ca.issue().write(tmp_path).chain is None
        assert not (tmp_path / "chain.pem").exists()

    def test_a_place_that_cannot_be_written(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ConfigurationError, match="cannot write"):
            ca.issue().write(tmp_path / "file")


class TestWithOpenSSL:
    @pytest.fixture(autouse=True)
    def openssl(self, require_tool: Callable[[str], str]) -> None:
        require_tool("openssl")

    @staticmethod
    def run(*arguments: str | Path) -> str:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    def test_it_verifies_a_chain(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        leaf = ca.issue_ca("CN=Lower", path_length=0).issue("CN=app", key_type="RSA-2048")
        files = leaf.write(tmp_path / "leaf")
        root = ca.write(tmp_path / "root").certificate
        assert files.chain is not None
        verdict = self.run("verify", "-x509_strict", "-CAfile", root, "-untrusted", files.chain, files.certificate)
        assert verdict.strip().endswith(": OK")

    def test_it_shows_what_the_knobs_say(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        leaf = ca.issue(
            "CN=app,O=Example",
            serial_number=0x1234,
            key_type="P-521",
            signature_hash="SHA-512",
            key_usage=["digitalSignature", "keyAgreement"],
            extended_key_usage=["clientAuth", "serverAuth"],
            subject_alternative_names=["DNS:app.example", "URI:spiffe://example/app"],
        )
        text = self.run("x509", "-noout", "-text", "-nameopt", "rfc2253", "-in", leaf.write(tmp_path).certificate)
        for line in (
            "Serial Number: 4660 (0x1234)",
            "Signature Algorithm: ecdsa-with-SHA512",
            "Subject: CN=app,O=Example",
            "NIST CURVE: P-521",
            "CA:FALSE",
            "Digital Signature, Key Agreement",
            "TLS Web Client Authentication, TLS Web Server Authentication",
            "DNS:app.example, URI:spiffe://example/app",
        ):
            assert line in text

    def test_it_reads_the_key(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        key = ca.issue(key_type="P-256").write(tmp_path).private_key
        assert key is not None
        assert "Key is valid" in self.run("pkey", "-check", "-noout", "-in", key)
