"""Single certificates, each with everything that the service's rules say of it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from rolesanywhere_signer.testing import IssuedCertificate

from . import fixed
from .findings import finding
from .fixed import AT

DESCRIPTION = (
    "Certificates, and what the rules of IAM Roles Anywhere say of each taken by itself at a time, as an end-entity "
    "certificate or as a trust anchor. README.md describes the members."
)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def vectors() -> list[dict[str, Any]]:
    """Return the vectors."""
    return [*_sound(), *_keys(), *_purposes(), *_hashes(), *_dates(), *_names(), *_several(), *_anchors()]


def _sound() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    yield _leaf("sound-ec-p256", "nothing to say", fixed.leaf(root))
    yield _leaf("sound-ec-p384", "nothing to say", _of_key("P-384"))
    yield _leaf("sound-ec-p521", "nothing to say", _of_key("P-521"))
    yield _leaf("sound-rsa-2048", "nothing to say", _of_key("RSA-2048"))
    yield _leaf("sound-ml-dsa-44", "nothing to say", _of_key("ML-DSA-44"))
    yield _leaf("sound-no-basic-constraints", "basic constraints may be absent", fixed.leaf(root, ca=None))
    yield _leaf(
        "sound-no-extended-key-usage", "so may the extended key usage", fixed.leaf(root, extended_key_usage=None)
    )
    any_purpose = fixed.leaf(root, extended_key_usage=["anyExtendedKeyUsage"])
    yield _leaf("sound-any-extended-key-usage", "any purpose is this purpose too", any_purpose)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    yield _leaf(
        "sound-unknown-extension",
        "an extension that is not critical",
        fixed.leaf(root, extra_extensions=[(unknown, False)]),
    )
    critical = fixed.leaf(root, extra_extensions=[(unknown, True)])
    yield _leaf("unknown-critical-extension", "the same, critical", critical, "unhandled-critical-extension")


def _keys() -> Iterator[dict[str, Any]]:
    yield _leaf("rsa-1024", "an RSA key that can be broken", _of_key("RSA-1024"), "weak-key")
    for kind in ("Ed25519", "Ed448", "P-224", "secp256k1", "brainpoolP256r1", "DSA-2048"):
        yield _leaf(f"key-{kind.lower()}", "a key that the service does not take", _of_key(kind), "unsupported-key")
    leaf = fixed.leaf(fixed.root())
    right = leaf.private_key_pem.decode()
    yield {**_leaf("private-key-right", "the private key of the certificate", leaf), "private_key_pem": right}
    wrong = {"private_key_pem": fixed.key("other-leaf").decode()}
    yield {**_leaf("private-key-wrong", "another private key", leaf, "private key: key-mismatch"), **wrong}


def _purposes() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    yield _leaf("no-key-usage", "key usage is absent", fixed.leaf(root, key_usage=None), "no-key-usage")
    other = fixed.leaf(root, key_usage=["keyEncipherment", "keyAgreement"])
    yield _leaf("no-digital-signature", "key usage without the bit", other, "no-digital-signature")
    yield _leaf("is-ca", "CA:TRUE", fixed.leaf(root, ca=True), "is-ca")
    server = fixed.leaf(root, extended_key_usage=["serverAuth"])
    yield _leaf("server-alone", "an extended key usage without clientAuth", server, "no-client-auth")
    yield _leaf(
        "version-1", "X.509 version 1, which has no extensions", fixed.leaf(root, version=1), "not-v3", "no-key-usage"
    )


def _hashes() -> Iterator[dict[str, Any]]:
    rsa_root = fixed.root("CN=Vector RSA root", "root-rsa-2048", key_type="RSA-2048")
    for name in ("MD5", "SHA-1", "SHA-224"):
        leaf = fixed.leaf(rsa_root, signature_hash=name)
        yield _leaf(
            f"signed-with-rsa-{name.lower()}", "a signature that the service refuses", leaf, "weak-signature-hash"
        )
    for name in ("SHA-1", "SHA-224"):
        leaf = fixed.leaf(fixed.root(), signature_hash=name)
        yield _leaf(
            f"signed-with-ecdsa-{name.lower()}", "a signature that the service refuses", leaf, "weak-signature-hash"
        )
    for name in ("SHA-384", "SHA-512"):
        yield _leaf(
            f"signed-with-{name.lower()}", "stronger than asked for", fixed.leaf(fixed.root(), signature_hash=name)
        )


def _dates() -> Iterator[dict[str, Any]]:
    year = fixed.leaf(fixed.root())
    start, end = fixed.LEAF_START, fixed.LEAF_END
    yield _leaf("first-second", "the start belongs to it", year, at=start)
    yield _leaf("before-the-first-second", "a second too early", year, "not-yet-valid", at=start - _SECOND)
    yield _leaf("last-second", "the end belongs to it too", year, "expires-soon", at=end)
    yield _leaf("after-the-last-second", "a second too late", year, "expired", at=end + _SECOND)
    yield _leaf("thirty-days-left", "a year's certificate is warned of when less is left", year, at=end - 30 * _DAY)
    yield _leaf("less-than-thirty-days-left", "a second less", year, "expires-soon", at=end - 30 * _DAY + _SECOND)
    month = fixed.leaf(fixed.root(), "CN=month", valid_from=AT, valid_for=30 * _DAY)
    yield _leaf("a-third-left", "of a month, ten days are a third", month, at=AT + 20 * _DAY)
    yield _leaf("less-than-a-third-left", "a second less", month, "expires-soon", at=AT + 20 * _DAY + _SECOND)
    hour = fixed.leaf(fixed.root(), "CN=hour", valid_from=AT, valid_for=timedelta(hours=1))
    yield _leaf("an-hour-at-its-start", "a short life is no finding", hour, at=AT)
    endless = fixed.leaf(fixed.root(), "CN=endless", valid_until=datetime(9999, 12, 31, 23, 59, 59, tzinfo=AT.tzinfo))
    yield _leaf("without-end", "the year 9999 means that there is no end", endless)


def _names() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    names = ["DNS:app.example"]
    yield _leaf(
        "empty-subject",
        "alternative names alone",
        fixed.leaf(root, "", subject_alternative_names=names),
        "empty-subject",
    )
    brackets = fixed.leaf(root, "CN=John M. Smith (EMP12345)")
    yield _leaf("name-with-parentheses", "no session tag holds parentheses", brackets, "unmappable-attribute")
    hangul = fixed.leaf(
        root, "CN=\N{HANGUL SYLLABLE SE}\N{HANGUL SYLLABLE O} \N{HANGUL SYLLABLE UL},O=A_b.c:d/e=f\\+g-h@i"
    )
    yield _leaf("name-in-hangul", "letters of any script, and all punctuation that tags may have", hangul)
    both = fixed.leaf(root, "CN=app,O=a*b,OU=c#d")
    yield _leaf("two-attributes", "each attribute is told of", both, "unmappable-attribute", "unmappable-attribute")
    joined = fixed.leaf(root, ",".join(f"OU={letter * 60}" for letter in "abcde"))
    yield _leaf("values-joined", "one type five times: joined, too long for a tag", joined, "unmappable-attribute")
    wildcard = fixed.leaf(root, subject_alternative_names=["DNS:*.example", "DNS:app.example"])
    yield _leaf("first-dns-name", "the first DNS name becomes a tag, and it cannot", wildcard, "unmappable-attribute")
    second = fixed.leaf(root, subject_alternative_names=["DNS:app.example", "DNS:*.example", "email:a*b@c.example"])
    yield _leaf("second-dns-name", "others do not become one", second)
    uri = fixed.leaf(root, subject_alternative_names=["URI:https://a.example/?b", "dirName:CN=x\\;y"])
    yield _leaf("uri-and-directory-name", "the first of each", uri, "unmappable-attribute", "unmappable-attribute")
    for length in (61, 62, 64):
        found = ["long-common-name"] if length > 61 else []
        yield _leaf(
            f"common-name-{length}",
            "over 61 characters, the source identity loses its CN=",
            fixed.leaf(root, f"CN={'n' * length}"),
            *found,
        )


def _several() -> Iterator[dict[str, Any]]:
    everything = fixed.leaf(
        fixed.root("CN=Vector RSA root", "root-rsa-2048", key_type="RSA-2048"),
        f"CN={'(' * 62}",
        "leaf-rsa-1024",
        key_type="RSA-1024",
        ca=True,
        key_usage=["keyEncipherment"],
        extended_key_usage=["serverAuth"],
        signature_hash="SHA-1",
        valid_for=_DAY,
    )
    found = ("is-ca", "no-digital-signature", "weak-signature-hash", "expired", "weak-key", "no-client-auth")
    names = ("unmappable-attribute", "long-common-name")
    yield _leaf("everything-at-once", "all is told, not the first alone", everything, *found, *names)


def _anchors() -> Iterator[dict[str, Any]]:
    yield _anchor("anchor-sound", "nothing to say", fixed.root())
    yield _anchor("anchor-intermediate", "an intermediate CA may be an anchor", fixed.below(fixed.root()))
    yield _anchor(
        "anchor-leaf", "an end-entity certificate", fixed.leaf(fixed.root()), "not-a-ca", "cannot-sign-certificates"
    )
    bare = fixed.root("CN=No basic constraints", ca=None)
    yield _anchor("anchor-no-basic-constraints", "basic constraints are absent", bare, "not-a-ca")
    mute = fixed.root("CN=No key usage", key_usage=None)
    yield _anchor("anchor-no-key-usage", "an anchor must have a key usage", mute, "cannot-sign-certificates")
    crl = fixed.root("CN=Lists alone", key_usage=["cRLSign"])
    yield _anchor("anchor-crl-sign-alone", "the bit for certificates is missing", crl, "cannot-sign-certificates")
    old = {"key_type": "RSA-2048", "signature_hash": "SHA-1"}
    sha1 = fixed.root("CN=Old root", "root-rsa-2048", **old)
    yield _anchor("anchor-self-signed-with-sha1", "nobody relies on a root's own signature", sha1)
    below = fixed.below(sha1, "CN=Old CA", "ca", signature_hash="SHA-1")
    yield _anchor("anchor-intermediate-signed-with-sha1", "but on an intermediate's", below, "weak-signature-hash")
    yield _anchor(
        "anchor-version-1",
        "version 1",
        fixed.root("CN=Version 1", version=1),
        "not-v3",
        "not-a-ca",
        "cannot-sign-certificates",
    )
    yield _anchor("anchor-expired", "over", fixed.root(), "expired", at=fixed.CA_END + _SECOND)
    small = fixed.root("CN=Small root", "root-rsa-1024", key_type="RSA-1024")
    yield _anchor("anchor-rsa-1024", "a CA's key is its owner's to judge", small)


def _of_key(kind: str) -> IssuedCertificate:
    return fixed.leaf(fixed.root(), "CN=app,O=Example", f"leaf-{kind.lower()}", key_type=kind)


def _leaf(name: str, description: str, leaf: IssuedCertificate, *found: str, at: datetime = AT) -> dict[str, Any]:
    return _vector(name, description, leaf, "leaf", found, at)


def _anchor(name: str, description: str, anchor: IssuedCertificate, *found: str, at: datetime = AT) -> dict[str, Any]:
    return _vector(name, description, anchor, "trust anchor", found, at)


def _vector(
    name: str, description: str, issued: IssuedCertificate, role: str, found: tuple[str, ...], at: datetime
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "role": role,
        "certificate_pem": issued.certificate_pem.decode(),
        "private_key_pem": None,
        "at": fixed.time_text(at),
        "findings": [finding(each if ": " in each else f"{role}: {each}") for each in found],
    }
