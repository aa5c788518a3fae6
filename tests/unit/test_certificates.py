"""Certificates as OpenSSL writes them, the choice of the leaf, and the forms in which a request carries them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from rolesanywhere_signer import CertificateLoadError, Identity, KeyMismatchError
from rolesanywhere_signer.certificates import (
    chain_base64,
    choose_leaf,
    der_base64,
    describe_source,
    has_key,
    load_certificates,
    name_text,
    parse_certificates,
)

from .conftest import OpenSsl
from .pki import Issued, chain, issue, key, key_pem

LEAF, SECOND, FIRST, ROOT = chain()

CA_CONFIG = """
[ca]
default_ca = own
[own]
dir = .
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
default_days = 30
policy = any
[any]
commonName = supplied
"""


def refused(data: bytes) -> CertificateLoadError:
    with pytest.raises(CertificateLoadError) as raised:
        parse_certificates(data)
    return raised.value


class TestWhatOpenSslWrites:
    def test_text_before_the_certificate_as_openssl_ca_writes_it(self, openssl: OpenSsl, tmp_path: Path) -> None:
        (tmp_path / "ca.cnf").write_text(CA_CONFIG)
        (tmp_path / "index.txt").write_text("")
        (tmp_path / "serial").write_text("1000\n")
        (tmp_path / "ca.pem").write_bytes(ROOT.pem)
        (tmp_path / "ca.key").write_bytes(ROOT.key_pem)
        (tmp_path / "app.key").write_bytes(key_pem(key()))
        openssl("req", "-new", "-key", "app.key", "-subj", "/CN=app", "-out", "app.csr")
        openssl(
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            "-in",
            "app.csr",
            "-out",
            "app.pem",
        )
        written = (tmp_path / "app.pem").read_bytes()
        assert written.startswith(b"Certificate:\n    Data:")
        (certificate,) = load_certificates(tmp_path / "app.pem")
        assert certificate.serial_number == 0x1000
        assert has_key(certificate, key().public_key())

    @pytest.mark.parametrize("form", [("-text",), ("-outform", "PEM"), ("-outform", "DER"), ("-text", "-fingerprint")])
    def test_every_form_of_openssl_x509(self, openssl: OpenSsl, form: tuple[str, ...]) -> None:
        assert parse_certificates(openssl("x509", *form, stdin=LEAF.pem)) == [LEAF.certificate]

    def test_a_trusted_certificate_is_named(self, openssl: OpenSsl) -> None:
        written = openssl("x509", "-trustout", "-addtrust", "clientAuth", stdin=LEAF.pem)
        assert "TRUSTED CERTIFICATE" in refused(written).message

    def test_a_request_is_not_a_certificate(self, openssl: OpenSsl, tmp_path: Path) -> None:
        (tmp_path / "app.key").write_bytes(key_pem(key()))
        written = openssl("req", "-new", "-key", "app.key", "-subj", "/CN=app")
        assert "CERTIFICATE REQUEST" in refused(written).message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LEAF.pem, id="PEM"),
        pytest.param(LEAF.der, id="DER"),
        pytest.param(LEAF.pem.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + LEAF.pem, id="BOM"),
        pytest.param(b"Bag Attributes\n    localKeyID: 01\nsubject=CN = app\n" + LEAF.pem, id="bag attributes"),
        pytest.param(LEAF.pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), id="label of early OpenSSL"),
        pytest.param(LEAF.key_pem + LEAF.pem, id="a key before"),
        pytest.param(LEAF.pem + LEAF.key_pem, id="a key after"),
        pytest.param(LEAF.pem.rstrip(b"\n"), id="no last line end"),
    ],
)
def test_one_certificate(data: bytes) -> None:
    assert parse_certificates(data) == [LEAF.certificate]


def test_several_keep_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    for order in ([LEAF, SECOND, FIRST], [FIRST, LEAF, SECOND], [SECOND, FIRST, LEAF]):
        path.write_bytes(b"some text\n".join(issued.pem for issued in order))
        assert load_certificates(path) == [issued.certificate for issued in order]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \n", "empty", id="blank"),
        pytest.param(b"words", "PEM", id="words"),
        pytest.param(LEAF.key_pem, "PRIVATE KEY", id="the key"),
        pytest.param(LEAF.der[:-1], "DER", id="a byte less"),
        pytest.param(LEAF.der + b"\0", "DER", id="a byte more"),
        pytest.param(LEAF.pem[:200], "half-written", id="half-written"),
        pytest.param(LEAF.pem[:200] + LEAF.pem, "base64", id="half-written, then whole"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nd29yZHM=\n-----END CERTIFICATE-----\n", "not an X.509", id="words inside"
        ),
        pytest.param("\ufeff".join(LEAF.pem.decode()).encode("utf-16"), "PEM", id="UTF-16"),
        pytest.param(LEAF.pem.replace(b"CERTIFICATE", b"PKCS7"), "PKCS7", id="PKCS#7"),
    ],
)
def test_what_is_no_certificate_is_told(data: bytes, said: str) -> None:
    assert said in str(refused(data))


def test_a_pfx_is_recognised_and_its_conversion_named() -> None:
    pfx = pkcs12.serialize_key_and_certificates(b"app", LEAF.private_key, LEAF.certificate, None, NoEncryption())
    assert "openssl pkcs12" in str(refused(pfx))


def test_which_certificate_of_a_file_is_bad_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes(LEAF.pem + b"-----BEGIN CERTIFICATE-----\nd29yZHM=\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateLoadError, match=r"certificate 2 of 2 in the intermediates file '.*bundle\.pem'"):
        load_certificates(path, "intermediates")


@pytest.mark.parametrize("length", range(30, len(LEAF.pem) - 10, 16))
def test_a_file_cut_anywhere_is_told(length: int) -> None:
    refused(LEAF.pem[:length])


class TestTheLeafOfAFile:
    CHAIN = (SECOND, LEAF, FIRST)

    def test_the_key_decides(self) -> None:
        for position, issued in enumerate(self.CHAIN):
            assert choose_leaf(_certificates(*self.CHAIN), issued.private_key.public_key()) == position

    def test_without_a_key_it_is_the_first_that_is_no_ca(self) -> None:
        assert choose_leaf(_certificates(*self.CHAIN)) == 1
        assert choose_leaf(_certificates(LEAF, issue("other"))) == 0

    def test_a_key_of_none_of_them_changes_nothing(self) -> None:
        assert choose_leaf(_certificates(*self.CHAIN), key(name="of nobody").public_key()) == 1

    def test_where_all_are_cas_it_is_the_first(self) -> None:
        assert choose_leaf(_certificates(FIRST, SECOND)) == 0

    def test_names_do_not_tell_it(self) -> None:
        ca = issue("same name", key_name="ca", ca=True)
        leaf = issue("same name", key_name="leaf", issuer=ca)
        assert choose_leaf(_certificates(ca, leaf)) == 1


def _certificates(*issued: Issued) -> list[x509.Certificate]:
    return [one.certificate for one in issued]


def test_whose_key_it_is() -> None:
    assert has_key(LEAF.certificate, LEAF.private_key.public_key())
    assert not has_key(LEAF.certificate, SECOND.private_key.public_key())
    assert not has_key(LEAF.certificate, key("RSA-2048").public_key())


class TestWhatCryptographyCannotRead:
    """Certificates that load, but hold a part that does not: validation reports it, and the rest goes on."""

    P256_OID = bytes.fromhex("06082a8648ce3d030107")

    def test_a_key_on_an_unknown_curve_is_nobody_s(self) -> None:
        unknown = self.P256_OID[:-1] + b"\x7f"
        (certificate,) = parse_certificates(LEAF.der.replace(self.P256_OID, unknown))
        assert not has_key(certificate, LEAF.private_key.public_key())
        assert choose_leaf([certificate, LEAF.certificate], LEAF.private_key.public_key()) == 1

    def test_basic_constraints_that_are_none_make_no_ca(self) -> None:
        absent, malformed = bytes.fromhex("0603551d130101ff04023000"), bytes.fromhex("0603551d130101ff04020500")
        assert absent in LEAF.der
        (certificate,) = parse_certificates(LEAF.der.replace(absent, malformed))
        assert choose_leaf([SECOND.certificate, certificate]) == 1

    def test_the_mismatch_of_a_certificate_with_a_broken_subject_is_told_all_the_same(self) -> None:
        broken = LEAF.der.replace(b"\x0c\x04leaf", b"\x0c\x04\xff\xff\xff\xff")
        with pytest.raises(KeyMismatchError):
            Identity.from_bytes(broken, SECOND.key_pem)


class TestHeaders:
    def test_a_certificate_is_one_line_of_padded_base64(self) -> None:
        text = der_base64(LEAF.certificate)
        assert base64.b64decode(text, validate=True) == LEAF.der
        assert "\n" not in text

    def test_a_chain_is_delimited_by_commas_in_the_given_order(self) -> None:
        text = chain_base64(_certificates(FIRST, SECOND, FIRST))
        assert text is not None
        assert [base64.b64decode(part) for part in text.split(",")] == [FIRST.der, SECOND.der, FIRST.der]

    def test_no_chain(self) -> None:
        assert chain_base64([]) is None


class TestNamesInMessages:
    @staticmethod
    def _name(*values: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, value, _validate=False) for value in values])

    @pytest.mark.parametrize(
        ("values", "text"),
        [(["app"], "CN=app"), ([], "(empty)"), (["a,b"], r"CN=a\,b"), (["b", "a"], "CN=a,CN=b"), (["é한"], "CN=é한")],
    )
    def test_rfc_4514(self, values: list[str], text: str) -> None:
        assert name_text(self._name(*values)) == text

    @pytest.mark.parametrize("value", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\x00b", "a\u2028b"])
    def test_nothing_in_them_can_forge_a_line_or_a_colour(self, value: str) -> None:
        text = name_text(self._name(value))
        assert text.isprintable()
        assert text.startswith("CN=a")
        assert text.endswith("b")

    def test_they_are_bounded(self) -> None:
        assert len(name_text(self._name(*["x" * 60] * 50))) == 300


def test_bytes_are_never_shown(tmp_path: Path) -> None:
    assert describe_source(b"planted", "certificate") == "the certificate"
    assert describe_source(tmp_path, "certificate") == f"the certificate file {str(tmp_path)!r}"


@pytest.mark.parametrize("digest", [hashes.SHA224(), hashes.SHA384(), hashes.SHA512(), hashes.SHA3_256()])
def test_how_the_ca_signed_does_not_matter_here(digest: hashes.HashAlgorithm) -> None:
    issued = issue(issuer=ROOT, digest=digest)
    assert parse_certificates(issued.der) == [issued.certificate]
