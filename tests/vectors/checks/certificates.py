"""Certificates and chains: what the service's rules and RFC 5280 say of each, worked out apart from the library."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, PublicKeyAlgorithmOID

from .common import ML_DSA, SkippedError, certificates, require_equal
from .names import names_on_path
from .paths import paths_and_dead_end

Finding = tuple[str, str, str]  # severity, code, subject

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_KEYS = (PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.EC_PUBLIC_KEY)
_WEAK_HASHES = ("md5", "sha1", "sha224")
_PROCESSED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
}


def check_certificate(vector: dict[str, Any]) -> None:
    """Check one vector of a single certificate: a leaf, or a trust anchor."""
    [certificate] = certificates(vector["certificate_pem"])
    at = _time(vector["at"])
    if vector["role"] == "trust anchor":
        found = list(_authority(certificate, "trust anchor", at, is_anchor=True))
    else:
        found = list(_leaf(certificate, at))
        found += _key_mismatch(certificate, vector["private_key_pem"])
    _compare(found, vector)


def check_chain(vector: dict[str, Any]) -> None:
    """Check one vector of a leaf, what is sent with it, and the trust anchor."""
    [leaf] = certificates(vector["certificate_pem"])
    intermediates, anchors = certificates(vector["intermediates_pem"]), certificates(vector["trust_anchor_pem"])
    at = _time(vector["at"])
    found = [*_leaf(leaf, at), *_chain(leaf, intermediates, anchors, at)]
    if len(intermediates) > 5:
        found.append(("error", "too-many-intermediates", "path"))
    _compare(found, vector)
    require_equal(not any(severity == "error" for severity, _, _ in found), vector["valid"], "valid")


def _compare(found: list[Finding], vector: dict[str, Any]) -> None:
    claimed = [(each["severity"], each["code"], each["subject"]) for each in vector["findings"]]
    require_equal(sorted(found), sorted(claimed), "findings")


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def _leaf(leaf: x509.Certificate, at: datetime) -> Iterator[Finding]:
    if leaf.version is not x509.Version.v3:
        yield "error", "not-v3", "leaf"
    if not leaf.subject.rdns:
        yield "error", "empty-subject", "leaf"
    yield from _key(leaf)
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield "error", "is-ca", "leaf"
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None:
        yield "error", "no-key-usage", "leaf"
    elif not usage.digital_signature:
        yield "error", "no-digital-signature", "leaf"
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    wanted = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not wanted & set(purposes):
        yield "warning", "no-client-auth", "leaf"
    if _has_weak_hash(leaf):
        yield "error", "weak-signature-hash", "leaf"
    yield from _dates(leaf, "leaf", at)
    yield from _attributes(leaf)
    yield from _critical(leaf, "leaf")


def _key(leaf: x509.Certificate) -> Iterator[Finding]:
    algorithm = leaf.public_key_algorithm_oid
    if algorithm.dotted_string in ML_DSA:
        return
    key = leaf.public_key() if algorithm in _KEYS else None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < 2048:
            yield "warning", "weak-key", "leaf"
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        yield "error", "unsupported-key", "leaf"


def _key_mismatch(leaf: x509.Certificate, private_key_pem: str | None) -> Iterator[Finding]:
    if private_key_pem is None:
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    given: Any = load_pem_private_key(private_key_pem.encode(), None).public_key()
    if given.public_bytes(*form) != leaf.public_key().public_bytes(*form):
        yield "error", "key-mismatch", "private key"


def _authority(authority: x509.Certificate, name: str, at: datetime, *, is_anchor: bool) -> Iterator[Finding]:
    if authority.version is not x509.Version.v3:
        yield "error", "not-v3", name
    constraints = _extension(authority, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        yield "error", "not-a-ca", name
    usage = _extension(authority, x509.KeyUsage)
    if is_anchor if usage is None else not usage.key_cert_sign:
        yield "error", "cannot-sign-certificates", name
    # Nobody relies on the signature that a root has of itself.
    if _has_weak_hash(authority) and authority.issuer != authority.subject:
        yield "error", "weak-signature-hash", name
    yield from _dates(authority, name, at)
    yield from _critical(authority, name)


def _has_weak_hash(certificate: x509.Certificate) -> bool:
    try:
        chosen = certificate.signature_hash_algorithm
    except Exception as error:
        if certificate.signature_algorithm_oid.dotted_string in ML_DSA:
            return False
        raise SkippedError(f"this cryptography does not know a signature: {error}") from error
    return chosen is not None and chosen.name in _WEAK_HASHES


def _dates(certificate: x509.Certificate, name: str, at: datetime) -> Iterator[Finding]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < start:
        yield "error", "not-yet-valid", name
    if at > end:
        yield "error", "expired", name
    elif end - at < min(timedelta(days=30), (end - start) / 3):
        yield "warning", "expires-soon", name


def _critical(certificate: x509.Certificate, name: str) -> Iterator[Finding]:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _PROCESSED:
            yield "warning", "unhandled-critical-extension", name


def _attributes(leaf: x509.Certificate) -> Iterator[Finding]:
    for value in _tag_values(leaf):
        if len(value) > 256 or not all(map(_is_tag_character, value)):
            yield "warning", "unmappable-attribute", "leaf"
    common_names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if any(len(each.value) > 61 for each in common_names):
        yield "warning", "long-common-name", "leaf"


def _tag_values(leaf: x509.Certificate) -> Iterator[str]:
    """Yield the session tags' values: subject attributes, and the first DNS, URI and directory name."""
    names = [leaf.subject]
    alternatives = _extension(leaf, x509.SubjectAlternativeName)
    if alternatives is not None:
        yield from alternatives.get_values_for_type(x509.DNSName)[:1]
        yield from alternatives.get_values_for_type(x509.UniformResourceIdentifier)[:1]
        names += alternatives.get_values_for_type(x509.DirectoryName)[:1]
    for name in names:
        for kind in {attribute.oid for attribute in name}:
            yield "/".join(str(each.value) for each in name.get_attributes_for_oid(kind))


def _is_tag_character(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN"


def _chain(
    leaf: x509.Certificate, intermediates: list[x509.Certificate], anchors: list[x509.Certificate], at: datetime
) -> list[Finding]:
    """Return what is wrong with the best path, or, without one, with everything and why there is none."""
    labels = {each: f"intermediate[{n}]" for n, each in reversed(list(enumerate(intermediates)))}
    labels |= {each: f"trust anchor[{n}]" if n else "trust anchor" for n, each in enumerate(anchors)}
    labels[leaf] = "leaf"
    others = [each for each in dict.fromkeys(intermediates) if each not in anchors and each != leaf]
    paths, (last, code) = paths_and_dead_end(leaf, others, anchors)
    judged = [_path(path, labels, at) for path in paths]
    if judged:
        return min(judged, key=lambda findings: sum(severity == "error" for severity, _, _ in findings))
    alone = [finding for each in others for finding in _authority(each, labels[each], at, is_anchor=False)]
    alone += [finding for each in anchors for finding in _authority(each, labels[each], at, is_anchor=True)]
    return [*alone, ("error", code, labels[last])]


def _path(path: list[x509.Certificate], labels: dict[x509.Certificate, str], at: datetime) -> list[Finding]:
    found: list[Finding] = []
    for position, authority in enumerate(path[1:], 1):
        name = labels[authority]
        found += _authority(authority, name, at, is_anchor=authority is path[-1])
        constraints = _extension(authority, x509.BasicConstraints)
        below = [each for each in path[1:position] if each.issuer != each.subject]
        if constraints is not None and constraints.path_length is not None and len(below) > constraints.path_length:
            found.append(("error", "path-too-long", name))
    return [*found, *names_on_path(path, labels)]


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
