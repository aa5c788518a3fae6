"""Whether one certificate's key signed another certificate, and with which hash."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

if TYPE_CHECKING:
    from cryptography import x509

# SHA-256 has 32. Hashes with a shorter digest: MD5, SHA-1, SHA-224, SHA-512/224, SHA3-224, RIPEMD-160.
_SHORTEST_DIGEST = 32

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


def check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    """Check whether the key of ``issuer`` signed ``certificate``; that their names chain is the caller's to know."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return SignatureCheck.BAD
    except ValueError:
        return _after_value_error(certificate, issuer)
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm; TypeError for ML-DSA before cryptography 50
        return _check_with_key(certificate, issuer)
    return SignatureCheck.GOOD


def _after_value_error(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    """Tell a name that is merely encoded otherwise from a signature algorithm that does not fit."""
    if certificate.issuer.public_bytes() != issuer.subject.public_bytes():
        return _check_with_key(certificate, issuer)
    # The algorithm stands twice in a certificate and must be the same (RFC 5280, 4.1.1.2), and must be the key's.
    return SignatureCheck.BAD


def _check_with_key(certificate: x509.Certificate, issuer: x509.Certificate) -> SignatureCheck:
    try:
        _verify(certificate, issuer.public_key())
    except InvalidSignature:
        return SignatureCheck.BAD
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, a key that cannot verify, a damaged key
        return SignatureCheck.UNKNOWN
    return SignatureCheck.GOOD


def _verify(certificate: x509.Certificate, key: object) -> None:
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    if isinstance(key, rsa.RSAPublicKey):
        scheme = certificate.signature_algorithm_parameters
        if not isinstance(scheme, (padding.PKCS1v15, padding.PSS)) or certificate.signature_hash_algorithm is None:
            raise InvalidSignature
        key.verify(signature, signed, scheme, certificate.signature_hash_algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        scheme = certificate.signature_algorithm_parameters
        if not isinstance(scheme, ec.ECDSA):
            raise InvalidSignature
        key.verify(signature, signed, scheme)
    else:
        # Ed25519, Ed448 and ML-DSA take no parameters; the class of the last exists only in newer versions.
        key.verify(signature, signed)  # type: ignore[attr-defined]


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
    return check_signature(certificate, certificate) is not SignatureCheck.BAD
