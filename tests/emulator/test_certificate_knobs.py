"""CertificateAuthority: the knobs beyond the everyday ones: extensions, keys, dates, requests, other CAs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import cryptography
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from rolesanywhere_signer import ConfigurationError, validate_certificate
from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, IssuedCertificate
from rolesanywhere_signer.validation.signature import SignatureCheck, check_signature

NOW = datetime.now(timezone.utc)
KNOWS_ML_DSA = find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None
ML_DSA = ["ML-DSA-44", "ML-DSA-65", "mldsa87"]

EVERY_EXTENSION: CertificateOptions = {
    "issuer_alternative_names": ["DNS:ca.example"],
    "crl_distribution_points": ["URI:http://ca.example/ca.crl", "dirName:CN=CRL"],
    "freshest_crl": ["URI:http://ca.example/delta.crl"],
    "authority_information_access": ["OCSP;URI:http://ocsp.example", "caIssuers;URI:http://ca.example/ca.cer"],
    "subject_information_access": ["caRepository;URI:http://ca.example/certs"],
    "certificate_policies": ["anyPolicy", "1.2.3.4", x509.PolicyInformation(x509.ObjectIdentifier("1.2.5"), ["text"])],
    "policy_mappings": [("1.2.3.4", "1.2.3.5")],
    "require_explicit_policy": 0,
    "inhibit_policy_mapping": 1,
    "inhibit_any_policy": 2,
    "authority_key_identifier": "issuer",
}


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return CertificateAuthority("CN=Root,O=Example")


def openssl(tool: str, *words: str | Path) -> str:
    done = subprocess.run([tool, *words], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout + done.stderr


class TestExtensions:
    def test_openssl_shows_them(
        self, ca: CertificateAuthority, tmp_path: Path, require_tool: Callable[[str], str]
    ) -> None:
        path = ca.issue(**EVERY_EXTENSION).write(tmp_path).certificate
        shown = " ".join(openssl(require_tool("openssl"), "x509", "-noout", "-text", "-in", path).split())
        for text in (
            "Issuer Alternative Name: DNS:ca.example",
            "CRL Distribution Points: Full Name: URI:http://ca.example/ca.crl Full Name: DirName:CN = CRL",
            "Freshest CRL: Full Name: URI:http://ca.example/delta.crl",
            "OCSP - URI:http://ocsp.example",
            "CA Issuers - URI:http://ca.example/ca.cer",
            "CA Repository - URI:http://ca.example/certs",
            "Policy: X509v3 Any Policy",
            "Policy: 1.2.3.4",
            "CPS: text",
            "Policy Mappings: critical 1.2.3.4:1.2.3.5",
            "Require Explicit Policy:0, Inhibit Policy Mapping:1",
            "Inhibit Any Policy: critical 2",
            f"serial:{ca.certificate.serial_number:040X}"[:9],
        ):
            assert text in shown, text

    def test_none_of_them_is_there_without_being_asked_for(self, ca: CertificateAuthority) -> None:
        assert [extension.oid for extension in ca.issue().certificate.extensions] == [
            ExtensionOID.BASIC_CONSTRAINTS,
            ExtensionOID.KEY_USAGE,
            ExtensionOID.EXTENDED_KEY_USAGE,
            ExtensionOID.SUBJECT_KEY_IDENTIFIER,
            ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ]

    def test_any_of_them_is_critical_or_not(self, ca: CertificateAuthority) -> None:
        plain = ca.issue(**EVERY_EXTENSION).certificate.extensions
        turned = {extension.oid: not extension.critical for extension in plain}
        found = ca.issue(**EVERY_EXTENSION, criticality=turned).certificate.extensions
        assert {extension.oid: extension.critical for extension in found} == turned

    def test_key_identifiers(self, ca: CertificateAuthority) -> None:
        extensions = ca.issue(subject_key_identifier=b"own", authority_key_identifier=b"other").certificate.extensions
        assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == b"own"
        assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == b"other"
        below = ca.issue_ca("CN=Below").issue(authority_key_identifier="issuer").certificate.extensions
        named = below.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert named.authority_cert_issuer == [x509.DirectoryName(ca.certificate.subject)]

    @pytest.mark.parametrize(
        "options",
        [
            {"crl_distribution_points": "URI:http://a"},
            {"crl_distribution_points": ["http://a"]},
            {"authority_information_access": ["URI:http://a"]},
            {"authority_information_access": ["OCSP;http://a"]},
            {"authority_information_access": "OCSP;URI:http://a"},
            {"certificate_policies": ["policy"]},
            {"certificate_policies": "anyPolicy"},
            {"policy_mappings": [("1.2.3", "x")]},
            {"inhibit_any_policy": -1},
            {"require_explicit_policy": "0"},
            {"authority_key_identifier": "name"},
            {"valid_for": timedelta(days=1), "valid_until": NOW},
            {"expired": True, "not_yet_valid": True},
            {"expired": True, "valid_from": NOW},
            {"valid_until": datetime(2030, 1, 1)},  # noqa: DTZ001 - naive on purpose
            {"serial_number": 1, "odd_serial_number": 0},
        ],
        ids=" ".join,
    )
    def test_what_there_is_not_is_refused(self, ca: CertificateAuthority, options: CertificateOptions) -> None:
        with pytest.raises(ConfigurationError):
            ca.issue(**options)

    def test_a_root_in_the_making_has_no_name_to_give(self) -> None:
        with pytest.raises(ConfigurationError, match="cannot name itself"):
            CertificateAuthority(authority_key_identifier="issuer")
        assert CertificateAuthority(authority_key_identifier="issuer", serial_number=7)


class TestDates:
    def test_expired(self, ca: CertificateAuthority) -> None:
        certificate = ca.issue(expired=True, valid_for=timedelta(days=3)).certificate
        assert certificate.not_valid_after_utc < datetime.now(timezone.utc)
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=3)

    def test_not_yet_valid(self, ca: CertificateAuthority) -> None:
        certificate = ca.issue_ca(not_yet_valid=True).certificate
        assert certificate.not_valid_before_utc > datetime.now(timezone.utc)

    def test_without_end(self, ca: CertificateAuthority) -> None:
        end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
        assert ca.issue(valid_until=end).certificate.not_valid_after_utc == end


class TestKeys:
    @pytest.mark.parametrize(
        "key_type",
        ["RSA-1024", "P-192", "P-224", "prime256v1", "secp256k1", "brainpoolP256r1", "brainpoolP512r1", "DSA-1024"],
    )
    def test_of_every_kind(self, key_type: str) -> None:
        root = CertificateAuthority(key_type=key_type)
        leaf = root.issue(key_type=key_type)
        leaf.certificate.verify_directly_issued_by(root.certificate)
        assert leaf.private_key.public_key() == leaf.certificate.public_key()

    def test_every_curve_of_cryptography(self) -> None:
        curves = [kind for kind in vars(ec).values() if isinstance(kind, type) and issubclass(kind, ec.EllipticCurve)]
        for curve in set(curves) - {ec.EllipticCurve}:
            key = CertificateAuthority(key_type=curve.name).private_key
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            assert isinstance(key.curve, curve)

    @pytest.mark.parametrize("key_type", ["RSA-8193", "RSA-1023", "DSA-8192", "DSA-1025", "RSA", "RSA-", "P-0"])
    def test_of_no_such_size(self, key_type: str) -> None:
        with pytest.raises(ConfigurationError):
            CertificateAuthority(key_type=key_type)

    def test_the_same_makes_the_same(self, ca: CertificateAuthority) -> None:
        fixed: CertificateOptions = {
            "private_key": ca.private_key,
            "serial_number": 5,
            "valid_from": NOW,
            "deterministic": True,
        }
        assert ca.issue(**fixed).certificate == ca.issue(**fixed).certificate
        assert ca.issue(**fixed).certificate != ca.issue(**{**fixed, "deterministic": False}).certificate

    @pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography has no ML-DSA")
    @pytest.mark.parametrize("key_type", ML_DSA)
    def test_ml_dsa_for_issuer_and_leaf(self, key_type: str, tmp_path: Path) -> None:
        root = CertificateAuthority("CN=ML-DSA root", key_type=key_type)
        leaf = root.issue(key_type=key_type)
        for issued in (leaf, root.issue(key_type="P-256"), root.issue(version=1), root.issue(odd_serial_number=7)):
            assert check_signature(issued.certificate, root.certificate) is SignatureCheck.GOOD
            assert issued.certificate.signature_algorithm_oid == root.certificate.public_key_algorithm_oid
        wrong = root.issue(wrong_signature=True).certificate
        assert check_signature(wrong, root.certificate) is SignatureCheck.BAD
        written = leaf.write(tmp_path)
        assert written.private_key is not None
        renewed = root.issue(private_key=written.private_key.read_bytes())
        assert renewed.certificate.public_key() == leaf.certificate.public_key()
        with pytest.raises(ConfigurationError, match="without a hash"):
            root.issue(signature_hash="SHA-256")

    @pytest.mark.skipif(KNOWS_ML_DSA, reason="this cryptography has ML-DSA")
    @pytest.mark.parametrize("key_type", ML_DSA)
    def test_an_older_cryptography_is_named(self, key_type: str) -> None:
        with pytest.raises(ConfigurationError, match=rf"cryptography {cryptography.__version__}.*") as caught:
            CertificateAuthority(key_type=key_type)
        assert caught.value.hint == "update it to version 48 or later"

    @pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography has no ML-DSA")
    def test_no_such_ml_dsa(self) -> None:
        with pytest.raises(ConfigurationError, match="these parameters"):
            CertificateAuthority(key_type="ML-DSA-45")


class TestRequests:
    @pytest.fixture
    def request_of_openssl(self, tmp_path: Path, require_tool: Callable[[str], str]) -> Path:
        words = "req -new -newkey rsa:2048 -noenc -keyout app.key -out app.csr -subj /O=Example/CN=app"
        more = [
            "-addext",
            "subjectAltName=DNS:app.example,URI:spiffe://example/app",
            "-addext",
            "basicConstraints=CA:TRUE",
        ]
        subprocess.run(
            [require_tool("openssl"), *words.split(), *more], cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
        return tmp_path / "app.csr"

    def test_a_request_of_openssl(self, ca: CertificateAuthority, request_of_openssl: Path, tmp_path: Path) -> None:
        leaf = ca.sign_request(request_of_openssl.read_bytes())
        assert leaf.certificate.subject.rfc4514_string() == "CN=app,O=Example"
        names = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["app.example"]
        # Whoever asks to be a CA does not become one.
        report = validate_certificate(
            leaf.certificate_pem, (tmp_path / "app.key").read_bytes(), trust_anchor=ca.certificate_pem
        )
        assert report.findings == ()
        assert leaf.write(tmp_path / "written").private_key is None

    def test_the_ca_has_the_last_word(self, ca: CertificateAuthority, request_of_openssl: Path) -> None:
        content = request_of_openssl.read_bytes()
        leaf = ca.sign_request(content, "CN=other", subject_alternative_names=(), valid_for=timedelta(days=2))
        assert leaf.certificate.subject.rfc4514_string() == "CN=other"
        with pytest.raises(x509.ExtensionNotFound):
            leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)

    def test_der_and_an_object(self, ca: CertificateAuthority, request_of_openssl: Path) -> None:
        loaded = x509.load_pem_x509_csr(request_of_openssl.read_bytes())
        for request in (loaded, loaded.public_bytes(Encoding.DER)):
            assert ca.sign_request(request).certificate.public_key() == loaded.public_key()

    def test_nobody_gets_a_certificate_for_a_key_that_did_not_sign(
        self, ca: CertificateAuthority, request_of_openssl: Path
    ) -> None:
        encoded = x509.load_pem_x509_csr(request_of_openssl.read_bytes()).public_bytes(Encoding.DER)
        with pytest.raises(ConfigurationError, match="not signed by its own key"):
            ca.sign_request(encoded[:-1] + bytes((encoded[-1] ^ 1,)))

    @pytest.mark.parametrize("request_", [b"", b"nonsense", b"-----BEGIN CERTIFICATE REQUEST-----", "text", None])
    def test_what_is_no_request(self, ca: CertificateAuthority, request_: bytes) -> None:
        with pytest.raises(ConfigurationError, match="certificate request"):
            ca.sign_request(request_)


class TestOtherCas:
    def test_a_cross_signed_root_leads_to_both(self) -> None:
        old, new = CertificateAuthority("CN=Old root"), CertificateAuthority("CN=New root", key_type="RSA-2048")
        bridge = old.cross_sign(new)
        leaf = new.issue("CN=app")
        assert bridge.certificate.subject == new.certificate.subject
        assert bridge.certificate.public_key() == new.certificate.public_key()
        assert findings(leaf, new) == []
        assert findings(leaf, old) == ["issuer-not-found"]
        assert findings(leaf.with_chain(bridge), old) == []
        assert findings(bridge.issue("CN=later"), old) == []
        assert leaf.with_chain(bridge.certificate).chain_pem == bridge.certificate_pem

    def test_the_key_identifier_is_the_one_that_certificates_name(self) -> None:
        other = CertificateAuthority("CN=Other", subject_key_identifier=b"chosen by hand")
        bridge = CertificateAuthority().cross_sign(other).certificate.extensions
        assert bridge.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == b"chosen by hand"

    def test_crossed_below_an_intermediate(self) -> None:
        root = CertificateAuthority("CN=Root")
        upper = root.issue_ca("CN=Upper")
        other = CertificateAuthority("CN=Other")
        leaf = upper.cross_sign(other, path_length=0).issue()
        assert len(leaf.intermediates) == 2
        assert findings(leaf, root) == []

    def test_a_ca_that_is_there_already(self, ca: CertificateAuthority) -> None:
        again = CertificateAuthority.from_existing(ca.certificate, ca.private_key_pem)
        assert findings(again.issue(), ca) == []
        below = ca.issue_ca("CN=Below")
        again = CertificateAuthority.from_existing(below.certificate, below.private_key, below.intermediates)
        assert findings(again.issue(), ca) == []
        assert again.issue().chain_pem == below.certificate_pem
        with pytest.raises(ConfigurationError, match="not the CA certificate's"):
            CertificateAuthority.from_existing(ca.certificate, below.private_key)


def findings(leaf: IssuedCertificate, anchor: CertificateAuthority) -> list[str]:
    report = validate_certificate(
        leaf.certificate_pem, leaf.private_key_pem, leaf.chain_pem, trust_anchor=anchor.certificate_pem
    )
    return [finding.code for finding in report.findings]
