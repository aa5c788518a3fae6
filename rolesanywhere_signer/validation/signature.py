"""Whether one certificate's key signed another certificate, and with which hash."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ..keys.forking import no_fork_meanwhile

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

_SEQUENCE = 0x30

# SHA-256 has 32. Hashes with a shorter digest: MD5, SHA-1, SHA-224, SHA-512/224, SHA3-224, RIPEMD-160.
_SHORTEST_DIGEST = 32

# OpenSSL's own limit for large keys; a greater exponent makes each verification a hundred times slower.
_MAX_RSA_EXPONENT_BITS = 64

# Algorithms that cryptography has no hash for; MD2 and MD4 (RFC 8017, C), and the OIW's and TeleTrusT's old names.
_WEAK_WITHOUT_HASH = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.2.840.113549.1.1.15": "SHA-512/224",
    "1.3.14.3.2.3": "MD5",
    "1.3.14.3.2.13": "SHA-1",
    "1.3.14.3.2.27": "SHA-1",
    "1.3.14.3.2.29": "SHA-1",
    "1.3.36.3.3.1.2": "RIPEMD-160",
}


class SignatureCheck(Enum):
    """What the comparison of a signature with an issuer's key gave."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """The installed cryptography cannot check such a signature, or cannot read the issuer's key."""
    TOO_COSTLY = "too costly"
    """Nothing is verified with the issuer's key, since that takes much longer than with any key in use."""


def check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    """Check whether the key of ``issuer`` signed ``certificate``; that their names chain is the caller's to know."""
    with no_fork_meanwhile:
        return _check(certificate, issuer)


def _check(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    try:
        if _is_costly(issuer.public_key()):
            return SignatureCheck.TOO_COSTLY
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return SignatureCheck.BAD
    # ValueError: SHA-1, or names that are equal but encoded otherwise; TypeError: ML-DSA with cryptography 48.
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, and what other versions raise
        return _check_with_key(certificate, issuer)
    return SignatureCheck.GOOD


def _is_costly(key: object) -> bool:
    """Return whether ``key`` is RSA with an exponent such as nobody uses but to keep a verifier busy."""
    return isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > _MAX_RSA_EXPONENT_BITS


def _check_with_key(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    try:
        if not _algorithms_agree(certificate):
            return SignatureCheck.BAD
        _verify(certificate, issuer)
    except InvalidSignature:
        return SignatureCheck.BAD
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, a key that cannot verify, a damaged key
        return SignatureCheck.UNKNOWN
    return SignatureCheck.GOOD


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    key, signature, signed = issuer.public_key(), certificate.signature, certificate.tbs_certificate_bytes
    if isinstance(key, rsa.RSAPublicKey):
        hash_algorithm = _hash(certificate)
        # None for MD5 and other hashes that newer versions name, but do not pair with a padding.
        scheme = certificate.signature_algorithm_parameters or padding.PKCS1v15()
        if not isinstance(scheme, (padding.PKCS1v15, padding.PSS)):
            raise InvalidSignature
        key.verify(signature, signed, scheme, hash_algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = certificate.signature_algorithm_parameters or ec.ECDSA(_hash(certificate))
        if not isinstance(algorithm, ec.ECDSA):
            raise InvalidSignature
        key.verify(signature, signed, algorithm)
    else:
        # Ed25519, Ed448 and ML-DSA take no parameters; the class of the last exists only in newer versions.
        key.verify(signature, signed)  # type: ignore[call-arg, union-attr]
        # Their algorithm has the same name as their kind of key: one that calls itself another is refused elsewhere.
        if certificate.signature_algorithm_oid != issuer.public_key_algorithm_oid:
            raise InvalidSignature


def _hash(certificate: x509.Certificate) -> hashes.HashAlgorithm:
    hash_algorithm = certificate.signature_hash_algorithm
    if hash_algorithm is None:
        # Ed25519 and ML-DSA: no RSA or EC key made that.
        raise InvalidSignature
    return hash_algorithm


def _algorithms_agree(certificate: x509.Certificate) -> bool:
    """Compare the algorithm inside what is signed with the one outside it (RFC 5280, 4.1.1.2)."""
    signed, outside, _ = _elements(certificate.public_bytes(Encoding.DER))
    # Version (absent in v1), serial number, algorithm.
    inside = next(element for element in _elements(signed) if element[0] == _SEQUENCE)
    return inside == outside


def _elements(der: bytes) -> list[bytes]:
    """Split a DER sequence, which a parser has accepted before, into its elements."""
    offset, _ = _span(der, 0)
    elements = []
    while offset < len(der):
        _, end = _span(der, offset)
        elements.append(der[offset:end])
        offset = end
    return elements


def _span(der: bytes, offset: int) -> tuple[int, int]:
    """Return where the content of the element at ``offset`` starts and ends."""
    length, content = der[offset + 1], offset + 2
    if length & 0x80:
        octets = length & 0x7F
        length, content = int.from_bytes(der[content : content + octets], "big"), content + octets
    return content, content + length


def weak_hash(certificate: x509.Certificate) -> str | None:
    """Return the name of the hash that the certificate is signed with when it is weaker than SHA-256; else None.

    Ed25519 and ML-DSA signatures have no hash of their own; an algorithm that is not known here is not called weak.
    """
    try:
        algorithm = certificate.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, or malformed parameters
        return _WEAK_WITHOUT_HASH.get(certificate.signature_algorithm_oid.dotted_string)
    if algorithm is None or algorithm.digest_size >= _SHORTEST_DIGEST:
        return None
    return algorithm.name.upper().replace("SHA", "SHA-", 1).replace("SHA-3-", "SHA3-")


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Return whether the certificate's own key signed it; one that cannot be checked here is believed to be."""
    return check_signature(certificate, certificate) in (SignatureCheck.GOOD, SignatureCheck.UNKNOWN)
