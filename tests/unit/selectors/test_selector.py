"""The selectors' grammar: what the official helper takes, what it says of the rest, and our two keys more."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.selectors import Selector, helper_text, parse_selector
from rolesanywhere_signer.testing import CertificateAuthority

SERIAL = 0x15D19632234BF759A32802C0DA88F9E8AFC8702D
CA = CertificateAuthority("CN=Issuer,O=Example")
LEAF = CA.issue(
    "CN=Subject",
    serial_number=SERIAL,
    subject_alternative_names=["DNS:App-7.Example.com", "URI:spiffe://example/app", "IP:192.0.2.7", "RID:1.2.3"],
).certificate
OTHER = CA.issue("CN=Other").certificate


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("Key=x509Issuer,Value=CN=Issuer", Selector(issuer="CN=Issuer")),
        ("  Key=x509Subject,Value=CN=a b,O=c \n", Selector(subject="CN=a b,O=c")),
        (
            f"Key=x509Subject,Value=CN=Subject Key=x509Issuer,Value=CN=Issuer Key=x509Serial,Value={SERIAL:X}",
            Selector("CN=Subject", "CN=Issuer", SERIAL),
        ),
        (f"Key=x509Serial,Value={SERIAL:x}  Key=x509Subject,Value=CN=x", Selector("CN=x", None, SERIAL)),
        ("Key=x509Serial,Value=0x00Ab", Selector(serial_number=0xAB)),
        ("Key=x509Serial,Value=00:ab:CD", Selector(serial_number=0xABCD)),
        (f"Key=x509Fingerprint,Value={'AB' * 20}", Selector(fingerprint=b"\xab" * 20)),
        (f"Key=x509Fingerprint,Value={':'.join(['0c'] * 32)}", Selector(fingerprint=b"\x0c" * 32)),
        ("Key=x509SAN,Value=*.example.com", Selector(san="*.example.com")),
    ],
)
def test_what_the_grammar_takes(text: str, selector: Selector) -> None:
    assert parse_selector(text) == selector


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("laksdjadf", "unable to parse cert selector string"),
        ("", "unable to parse cert selector string"),
        ("Key=laksdjf,Valalsd", "unable to parse cert selector string"),
        ("Key=x509Subject,Value=", "unable to parse cert selector string"),
        ("Value=CN=a,Key=x509Subject", "unable to parse cert selector string"),
        ("Key=x509Subject,Value=CN=a Key=", "unable to parse cert selector string"),
        ("Key=aljsdf,Value=aljsdfadsf", "cert selector contained invalid key: aljsdf"),
        ("Key=-----BEGIN,Value=x", "cert selector contained invalid key"),
        (
            "Key=x509Subject,Value=CN=a Key=x509Issuer,Value=CN=b Key=x509Subject,Value=CN=c",
            "duplicate x509Subject keys can't be present in cert selector",
        ),
        ("Key=x509Serial,Value=12 34", "the cert selector's x509Serial must be hexadecimal"),
        ("Key=x509Serial,Value=-5", "the cert selector's x509Serial must be hexadecimal"),
        ("Key=x509Serial,Value=0x", "the cert selector's x509Serial must be hexadecimal"),
        (
            "Key=x509Fingerprint,Value=abcd",
            "the cert selector's x509Fingerprint must be a SHA-1 or SHA-256 fingerprint, 40 or 64 hexadecimal digits",
        ),
        ("Key=x509SAN,Value=  ", "unable to parse cert selector string"),
    ],
)
def test_what_it_does_not(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_selector(text)
    assert caught.value.message == message
    assert caught.value.hint


def write(directory: Path, content: str | bytes) -> str:
    path = directory / "selector.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"file://{path}"


@pytest.mark.parametrize(
    ("content", "selector"),
    [
        ('[{"Key": "x509Subject", "Value": "CN=Subject"}]', Selector(subject="CN=Subject")),
        (
            '[{"Key":"x509Subject","Value":"CN=S"},{"Key":"x509Issuer","Value":"CN=I"},{"Key":"x509Serial","Value":"1f"}]',
            Selector("CN=S", "CN=I", 31),
        ),
        ('[{"key": "x509Subject", "VALUE": "CN=Key=x509 ", "Comment": 1}]', Selector(subject="CN=Key=x509")),
        ("[]", Selector()),
        ('[{"Key": "x509Subject", "Value": "CN=Zoë"}]'.encode("utf-16"), Selector(subject="CN=Zoë")),
    ],
)
def test_json_files(tmp_path: Path, content: str | bytes, selector: Selector) -> None:
    assert parse_selector(write(tmp_path, content)) == selector


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "unable to parse JSON map entries"),
        ("{", "unable to parse JSON map entries"),
        ("null", "unable to parse JSON map entries"),
        ("5", "unable to parse JSON map entries"),
        ('"Key"', "unable to parse JSON map entries"),
        ('{"Key": "x509Subject", "Value": "CN=S"}', "unable to parse JSON map entries"),
        ('[["Key", "x509Subject"]]', "unable to parse JSON map entries"),
        ('[{"Key": "x509Serial", "Value": 31}]', "unable to parse JSON map entries"),
        ('[{"Key": "x509Subject"}]', "unable to parse JSON map entries"),
        ("[" * 100_000, "unable to parse JSON map entries"),
        (b"\xff\xff", "unable to parse JSON map entries"),
        ('[{"Key": "x509Subject", "Value": ""}]', "the cert selector's x509Subject has an empty value"),
        ('[{"Key": "x509Who", "Value": "CN=S"}]', "cert selector contained invalid key: x509Who"),
        (
            '[{"Key": "x509Serial", "Value": "1"}, {"Key": "x509Serial", "Value": "1"}]',
            "duplicate x509Serial keys can't be present in cert selector",
        ),
    ],
)
def test_json_files_that_are_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_selector(write(tmp_path, content))
    assert caught.value.message == message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_selector(f"file://{tmp_path}/none.json")
    assert caught.value.message.startswith("unable to read cert selector file: ")
    assert "none.json': No such file" in caught.value.message


SHA1 = LEAF.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - the helper's fingerprint
SHA256 = LEAF.fingerprint(hashes.SHA256()).hex().upper()


@pytest.mark.parametrize(
    "text",
    [
        "Key=x509Subject,Value=CN=Subject",
        "Key=x509Issuer,Value=CN=Issuer,O=Example",
        "Key=x509Issuer,Value=CN=Issuer, O=Example",
        f"Key=x509Serial,Value={SERIAL:x}",
        f"Key=x509Subject,Value=CN=Subject Key=x509Issuer,Value=CN=Issuer,O=Example Key=x509Serial,Value=00{SERIAL:X}",
        f"Key=x509Fingerprint,Value={SHA1}",
        f"Key=x509Fingerprint,Value={SHA256}",
        "Key=x509SAN,Value=app-?.EXAMPLE.com",
        "Key=x509SAN,Value=*.example.com",
        "Key=x509SAN,Value=spiffe://example/*",
        "Key=x509SAN,Value=192.0.2.7",
    ],
)
def test_what_fits(text: str) -> None:
    selector = parse_selector(text)
    assert selector.fits(LEAF)
    assert not selector.fits(OTHER) or selector.issuer


@pytest.mark.parametrize(
    "text",
    [
        "Key=x509Subject,Value=CN=subject",
        "Key=x509Subject,Value=CN=Sub*",
        "Key=x509Issuer,Value=O=Example,CN=Issuer",
        f"Key=x509Serial,Value={SERIAL:x}0",
        f"Key=x509Serial,Value={SERIAL:x} Key=x509Subject,Value=CN=Other",
        f"Key=x509Fingerprint,Value={'00' * 20}",
        "Key=x509SAN,Value=example.com",
        "Key=x509SAN,Value=1.2.3",
    ],
)
def test_what_does_not(text: str) -> None:
    assert not parse_selector(text).fits(LEAF)


def test_the_order_of_the_helper_fits_too() -> None:
    # The certificate has O=Example first, so that RFC 4514 would end with it; Go's order is fixed.
    issuer = CertificateAuthority("O=Example,CN=Issuer").certificate.subject
    assert issuer.rfc4514_string() == "O=Example,CN=Issuer"
    assert helper_text(issuer) == "CN=Issuer,O=Example"
    leaf = CertificateAuthority("O=Example,CN=Issuer").issue("CN=a").certificate
    assert Selector(issuer="CN=Issuer,O=Example").fits(leaf)
    assert Selector(issuer="O=Example,CN=Issuer").fits(leaf)


def test_the_empty_selector_fits_everything() -> None:
    assert Selector().fits(LEAF)
    assert Selector().is_empty
    assert not Selector(san="*").is_empty
    assert not Selector(san="*").fits(OTHER)


class Unreadable:
    """A certificate in which nothing can be decoded."""

    def __getattr__(self, name: str) -> object:
        raise ValueError("malformed")


def test_what_cannot_be_read_fits_no_question() -> None:
    assert not Selector(subject="CN=a").fits(Unreadable())  # type: ignore[arg-type]
    assert Selector().fits(Unreadable())  # type: ignore[arg-type]


def test_all_kinds_of_alternative_names_are_seen() -> None:
    leaf = CA.issue("CN=a", subject_alternative_names=[x509.IPAddress(ipaddress.ip_address("2001:db8::1"))]).certificate
    assert Selector(san="2001:db8::*").fits(leaf)
