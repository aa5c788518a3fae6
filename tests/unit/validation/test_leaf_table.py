"""Leaves that break the service's rules, each under a sound root that is the trust anchor."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, x25519
from cryptography.x509.oid import NameOID

from .table import NOW, ROOT, Builder, Chain, Table, check, key

table = Table()

DAY = timedelta(days=1)


def leaf(subject: str | x509.Name = "CN=app", **options: Any) -> Chain:
    return Chain(ROOT.issue(subject, **options), ROOT)


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@table.case()
def sound() -> Chain:
    """=> root -> leaf."""
    return leaf()


@table.case("leaf: empty-subject")
def empty_subject() -> Chain:
    """=> root -> leaf (no subject, only a DNS name)."""
    return leaf("", subject_alternative_names=["DNS:app.example"])


@table.case("leaf: unsupported-key")
def ed25519_key() -> Chain:
    """=> root -> leaf (Ed25519 key)."""
    return leaf(key_type="Ed25519")


@table.case("leaf: unsupported-key")
def ed448_key() -> Chain:
    """=> root -> leaf (Ed448 key)."""
    return leaf(key_type="Ed448")


@table.case("leaf: unsupported-key")
def x25519_key() -> Chain:
    """=> root -> leaf (X25519 key, which cannot sign at all)."""
    return leaf(public_key=x25519.X25519PrivateKey.generate().public_key())


@table.case("leaf: unsupported-key")
def dsa_key() -> Chain:
    """=> root -> leaf (DSA key)."""
    return leaf(public_key=new_dsa_key().public_key())


@cache
def new_dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(2048)


@table.case("leaf: unsupported-key")
def p224_key() -> Chain:
    """=> root -> leaf (P-224 key)."""
    return leaf(key_type="P-224")


@table.case("leaf: unsupported-key")
def secp256k1_key() -> Chain:
    """=> root -> leaf (secp256k1 key)."""
    return leaf(key_type="secp256k1")


@table.case("leaf: weak-key")
def rsa_1024_key() -> Chain:
    """=> root -> leaf (RSA 1024)."""
    return leaf(key_type="RSA-1024")


@table.case()
def rsa_2048_key() -> Chain:
    """=> root -> leaf (RSA 2048)."""
    return leaf(private_key=key("RSA-2048"))


@table.case()
def p521_key() -> Chain:
    """=> root -> leaf (P-521)."""
    return leaf(key_type="P-521")


@table.case("leaf: is-ca")
def ca_bit() -> Chain:
    """=> root -> leaf (CA:TRUE)."""
    return leaf(ca=True)


@table.case("leaf: is-ca", "leaf: no-digital-signature")
def intermediate_as_leaf() -> Chain:
    """=> root -> intermediate, given as the leaf."""
    return Chain(ROOT.issue_ca(), ROOT)


@table.case()
def no_basic_constraints() -> Chain:
    """=> root -> leaf (no basic constraints)."""
    return leaf(ca=None)


@table.case("leaf: no-key-usage")
def no_key_usage() -> Chain:
    """=> root -> leaf (no key usage)."""
    return leaf(key_usage=None)


@table.case("leaf: no-digital-signature")
def key_encipherment_only() -> Chain:
    """=> root -> leaf (keyEncipherment)."""
    return leaf(key_usage=["keyEncipherment"])


@table.case("leaf: weak-signature-hash")
def sha224() -> Chain:
    """=> root -SHA-224-> leaf."""
    return leaf(signature_hash="SHA-224")


@table.case("leaf: expired")
def expired() -> Chain:
    """=> root -> leaf (ended a second ago)."""
    return leaf(valid_from=NOW.replace(microsecond=0) - 10 * DAY, valid_for=10 * DAY - timedelta(seconds=1))


@table.case("leaf: not-yet-valid")
def not_yet_valid() -> Chain:
    """=> root -> leaf (starts tomorrow)."""
    return leaf(valid_from=NOW + DAY)


@table.case("leaf: expires-soon")
def expires_soon() -> Chain:
    """=> root -> leaf (a year long, 29 days left)."""
    return leaf(valid_from=NOW - 336 * DAY, valid_for=365 * DAY)


@table.case()
def expires_later() -> Chain:
    """=> root -> leaf (a year long, 31 days left)."""
    return leaf(valid_from=NOW - 334 * DAY, valid_for=365 * DAY)


@table.case("leaf: no-client-auth")
def server_auth_only() -> Chain:
    """=> root -> leaf (extended key usage serverAuth)."""
    return leaf(extended_key_usage=["serverAuth"])


@table.case()
def any_extended_key_usage() -> Chain:
    """=> root -> leaf (anyExtendedKeyUsage)."""
    return leaf(extended_key_usage=["anyExtendedKeyUsage"])


@table.case()
def no_extended_key_usage() -> Chain:
    """=> root -> leaf (no extended key usage)."""
    return leaf(extended_key_usage=None)


@table.case("leaf: unmappable-attribute")
def parentheses_in_the_common_name() -> Chain:
    """=> root -> leaf (CN=John M. Smith (EMP12345))."""
    return leaf("CN=John M. Smith (EMP12345)")


@table.case("leaf: unmappable-attribute")
def wildcard() -> Chain:
    """=> root -> leaf (DNS:*.example.com)."""
    return leaf(subject_alternative_names=["DNS:*.example.com"])


@table.case()
def second_names_are_not_mapped() -> Chain:
    """=> root -> leaf (DNS:app.example, DNS:*.app.example, URI:spiffe://example/app, URI:https://app.example/?a)."""
    names = ["DNS:app.example", "DNS:*.app.example", "URI:spiffe://example/app", "URI:https://app.example/?a"]
    return leaf(subject_alternative_names=names)


@table.case()
def address_is_not_mapped() -> Chain:
    """=> root -> leaf (email:a!b@example.com, IP:192.0.2.1)."""
    return leaf(subject_alternative_names=["email:a!b@example.com", "IP:192.0.2.1"])


@table.case("leaf: unmappable-attribute")
def query_in_the_uri() -> Chain:
    """=> root -> leaf (URI:https://app.example/?a=b)."""
    return leaf(subject_alternative_names=["URI:https://app.example/?a=b"])


@table.case("leaf: unmappable-attribute", "leaf: unmappable-attribute")
def two_bad_attributes_in_a_directory_name() -> Chain:
    """=> root -> leaf (dirName:CN=a*b,O=c&d)."""
    return leaf(subject_alternative_names=["dirName:CN=a*b,O=c&d"])


@table.case("leaf: unmappable-attribute")
def combining_character() -> Chain:
    """=> root -> leaf (CN with a decomposed u umlaut)."""
    return leaf("CN=Mu\u0308ller")


@table.case()
def letters_of_the_world() -> Chain:
    """=> root -> leaf (CN with letters, digits and spaces outside ASCII)."""
    return leaf("CN=\u30ad\u30e0\u30a2\u30e9\u30fc\u30e0 \u00fc\u0667\u2002x")


@table.case("leaf: unmappable-attribute")
def joined_value_too_long() -> Chain:
    """=> root -> leaf (five OU of 60 characters, 304 when joined)."""
    units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, letter * 60) for letter in "abcde"]
    return leaf(name(*units, (NameOID.COMMON_NAME, "app")))


@table.case()
def joined_value_that_fits() -> Chain:
    """=> root -> leaf (OU=Security, OU=Engineering, OU=Research)."""
    units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in ("Security", "Engineering", "Research")]
    return leaf(name(*units, (NameOID.COMMON_NAME, "app")))


@table.case("leaf: unmappable-attribute")
def value_that_is_not_text() -> Chain:
    """=> root -> leaf (a bit string as unique identifier)."""
    unique = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\x02", x509.name._ASN1Type.BitString)
    return leaf(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app"), unique]))


@table.case()
def common_name_of_61() -> Chain:
    """=> root -> leaf (CN of 61 characters)."""
    return leaf(f"CN={'a' * 61}")


@table.case("leaf: long-common-name")
def common_name_of_62() -> Chain:
    """=> root -> leaf (CN of 62 characters)."""
    return leaf(f"CN={'a' * 62}")


@table.case("leaf: unhandled-critical-extension")
def critical_extension() -> Chain:
    """=> root -> leaf (a critical extension that nobody knows)."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    return leaf(extra_extensions=[(unknown, True)])


@table.case()
def unknown_extension() -> Chain:
    """=> root -> leaf (an extension that nobody knows, not critical)."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    return leaf(extra_extensions=[(unknown, False)])


@table.case(
    "leaf: empty-subject",
    "leaf: unsupported-key",
    "leaf: is-ca",
    "leaf: no-key-usage",
    "leaf: weak-signature-hash",
    "leaf: expired",
    "leaf: no-client-auth",
    "leaf: unmappable-attribute",
)
def everything_at_once() -> Chain:
    """=> root -SHA-224-> leaf (Ed25519, CA:TRUE, expired, no subject, no key usage, serverAuth, a wildcard)."""
    return leaf(
        "",
        key_type="Ed25519",
        ca=True,
        key_usage=None,
        signature_hash="SHA-224",
        valid_from=NOW - 3 * DAY,
        valid_for=2 * DAY,
        extended_key_usage=["serverAuth"],
        subject_alternative_names=["DNS:*.example"],
    )


@table.parametrized
def test_leaf_gives_exactly_its_findings(build: Builder, expected: list[str]) -> None:
    check(build, expected)
