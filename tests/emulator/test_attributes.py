"""From the names of a leaf to session tags, and what is told of those that give none."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from rolesanywhere_signer.testing import CertificateAuthority
from rolesanywhere_signer.testing.attributes import SessionTags, session_tags

CA = CertificateAuthority("CN=Root,O=Example,C=KR")
ISSUER_TAGS = {"x509Issuer/C": "KR", "x509Issuer/O": "Example", "x509Issuer/CN": "Root"}


def tags_of(
    subject: Any = "CN=app", names: Any = (), mappings: Any = None, issuer: CertificateAuthority = CA
) -> SessionTags:
    leaf = issuer.issue(subject, subject_alternative_names=names).certificate
    return session_tags(leaf) if mappings is None else session_tags(leaf, mappings)


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


class TestDefaults:
    def test_a_certificate_with_one_of_everything(self) -> None:
        names = [
            "DNS:app.example",
            "URI:spiffe://example/app",
            "dirName:CN=inner,O=Inner",
            "IP:192.0.2.1",
            "email:a@b.c",
        ]
        found = tags_of("CN=Alice,OU=IAM,O=Amazon,L=Seattle,ST=Washington,C=US", names)
        assert found.tags == {
            "x509Subject/C": "US",
            "x509Subject/ST": "Washington",
            "x509Subject/L": "Seattle",
            "x509Subject/O": "Amazon",
            "x509Subject/OU": "IAM",
            "x509Subject/CN": "Alice",
            **ISSUER_TAGS,
            "x509SAN/DNS": "app.example",
            "x509SAN/URI": "spiffe://example/app",
            "x509SAN/Name/O": "Inner",
            "x509SAN/Name/CN": "inner",
        }
        assert found.failure_text is None

    def test_repeated_types_are_joined_in_the_order_of_the_certificate(self) -> None:
        units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, each) for each in ("Security", "Engineering", "Research")]
        found = tags_of(name(*units, (NameOID.COMMON_NAME, "app")))
        assert found.tags["x509Subject/OU"] == "Security/Engineering/Research"

    def test_types_without_a_short_name(self) -> None:
        found = tags_of(
            name(
                (NameOID.SERIAL_NUMBER, "17"),
                (NameOID.EMAIL_ADDRESS, "a@b.c"),
                (NameOID.USER_ID, "u"),
                (NameOID.DOMAIN_COMPONENT, "d"),
                (x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), "x"),
            )
        )
        assert {
            "x509Subject/serialNumber": "17",
            "x509Subject/emailAddress": "a@b.c",
            "x509Subject/UID": "u",
            "x509Subject/DC": "d",
            "x509Subject/1.3.6.1.4.1.32473.1": "x",
        }.items() <= found.tags.items()

    def test_letters_of_every_language(self) -> None:
        assert tags_of("CN=알람 서버,O=Ünïcode №").tags["x509Subject/CN"] == "알람 서버"


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ({}, {}),
        ({"x509Subject": ["CN"]}, {"x509Subject/CN": "app"}),
        ({"x509Subject": ["2.5.4.3"]}, {"x509Subject/2.5.4.3": "app"}),
        ({"x509Subject": ["CN", "2.5.4.3"]}, {"x509Subject/CN": "app", "x509Subject/2.5.4.3": "app"}),
        ({"x509Subject": ["cn"]}, {}),
        ({"x509Subject": ["OU"]}, {}),
        ({"x509Subject": ["*", "CN"]}, {"x509Subject/CN": "app", "x509Subject/O": "Corp"}),
        ({"x509Issuer": ["CN"]}, {"x509Issuer/CN": "Root"}),
        ({"x509SAN": ["DNS"]}, {"x509SAN/DNS": "a.example"}),
        ({"x509SAN": ["URI"]}, {"x509SAN/URI": "urn:a"}),
        ({"x509SAN": ["*"]}, {}),
        ({"x509SAN": ["Name/CN"]}, {"x509SAN/Name/CN": "inner"}),
        ({"x509SAN": ["Name/*"]}, {"x509SAN/Name/CN": "inner", "x509SAN/Name/O": "Inner"}),
        ({"x509SAN": ["Name"]}, {"x509SAN/Name/CN": "inner", "x509SAN/Name/O": "Inner"}),
        ({"x509SAN": ["Name/"]}, {"x509SAN/Name/CN": "inner", "x509SAN/Name/O": "Inner"}),
        ({"x509SAN": ["Name/2.5.4.10"]}, {"x509SAN/Name/2.5.4.10": "Inner"}),
        ({"x509SAN": ["email", "IP"]}, {}),
    ],
    ids=str,
)
def test_mappings(mappings: Any, expected: dict[str, str]) -> None:
    names = ["DNS:a.example", "URI:urn:a", "dirName:CN=inner,O=Inner", "email:a@b.c", "IP:192.0.2.1"]
    found = tags_of("CN=app,O=Corp", names, mappings)
    assert found.tags == expected
    assert found.failure_text is None


TEXT = "Some attributes failed to be mapped into session tags. Issuer: [ {} ]; Subject: [ {} ]; SAN: [ {} ]"


class TestWhatIsDropped:
    @pytest.mark.parametrize(
        ("subject", "names", "of_subject", "of_names"),
        [
            ("CN=John M. Smith (EMP12345)", [], "CN", ""),
            ("CN=a&b,OU=c*d,O=fine", [], "OU, CN", ""),
            ("CN=app", ["DNS:a.example", "DNS:b.example"], "", "DNS/2"),
            ("CN=app", ["DNS:a", "DNS:b", "DNS:c", "URI:urn:a", "URI:urn:b"], "", "DNS/2, DNS/3, URI/2"),
            ("CN=app", ["URI:urn:a?b"], "", "URI"),
            ("CN=app", ["DNS:*.example"], "", "DNS"),
            ("CN=app", ["dirName:CN=(a),O=b", "dirName:CN=c"], "", "Name/CN, Name/2"),
            ("CN=app", [f"URI:urn:{'x' * 252}"], "", ""),
            ("CN=app", [f"URI:urn:{'x' * 253}"], "", "URI"),
        ],
    )
    def test_it_is_listed(self, subject: str, names: list[str], of_subject: str, of_names: str) -> None:
        found = tags_of(subject, names)
        dropped = bool(of_subject or of_names)
        assert found.failure_text == (TEXT.format("", of_subject, of_names) if dropped else None)
        assert "x509Issuer/CN" in found.tags

    def test_of_the_issuer_too(self) -> None:
        found = tags_of(issuer=CertificateAuthority("CN=Root (2030),O=Example"))
        assert found.failure_text == TEXT.format("CN", "", "")
        assert found.tags == {"x509Issuer/O": "Example", "x509Subject/CN": "app"}

    def test_one_bad_value_of_a_repeated_type_takes_the_others_along(self) -> None:
        units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, each) for each in ("fine", "not;fine")]
        found = tags_of(name(*units, (NameOID.COMMON_NAME, "app")))
        assert "x509Subject/OU" not in found.tags
        assert found.failure_text == TEXT.format("", "OU", "")

    def test_what_is_not_mapped_is_not_missed(self) -> None:
        assert tags_of("CN=(a),O=b", ["DNS:a", "DNS:b"], {"x509Subject": ["O"]}).failure_text is None

    def test_twice_named_it_is_listed_once(self) -> None:
        assert tags_of("CN=(a)", (), {"x509Subject": ["*", "CN"]}).failure_text == TEXT.format("", "CN", "")

    def test_bytes_are_no_text(self) -> None:
        odd = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "app"),
                x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01", x509.name._ASN1Type.BitString),
            ]
        )
        assert tags_of(odd).failure_text == TEXT.format("", "2.5.4.45", "")

    def test_more_than_fifty(self) -> None:
        many = name(*((x509.ObjectIdentifier(f"1.3.6.1.4.1.32473.{n}"), "x") for n in range(60)))
        found = tags_of(many)
        assert len(found.tags) == 50
        assert list(found.tags)[-1] == "x509Subject/1.3.6.1.4.1.32473.49"
        listed = ", ".join(f"1.3.6.1.4.1.32473.{n}" for n in range(50, 60))
        assert found.failure_text == TEXT.format("C, O, CN", listed, "")

    def test_a_key_that_is_too_long(self) -> None:
        oid = ".".join(["1.3.6.1.4.1.32473", *["4294967295"] * 10])
        found = tags_of(name((NameOID.COMMON_NAME, "app"), (x509.ObjectIdentifier(oid), "x")))
        assert found.failure_text == TEXT.format("", oid, "")
