"""The official helper's test of a key: a signature over one string that names the key, and can never be a request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import UnsupportedKeyError
from .protocol import ML_DSA, Digest, DigestKey, SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# With the version of the string at its end.
_PREFIX = b"AWS Roles Anywhere Credential Helper Signing Test1"
_KEY_PREFIX = b"IAM RA"


def fixed_string(public_key: CertificatePublicKeyTypes) -> bytes:
    """Return the string that the official helper's ``sign-string`` signs with the key of ``public_key``.

    The digest of the public key stands at its end as raw bytes; for a key that is neither RSA nor EC, nothing does.
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        own = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    elif isinstance(public_key, rsa.RSAPublicKey):
        own = public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        return _PREFIX
    return _PREFIX + hashlib.sha256(_KEY_PREFIX + own).digest()


def sign_fixed_string(key: SigningKey, digest: Digest = "SHA256") -> bytes:
    """Sign the string of ``key`` with it.

    Args:
        key: Any; one that is no ``DigestKey`` signs as it signs requests: over SHA-256, or without a hash.
        digest: The hash.

    Raises:
        SigningError: The key failed to sign.
        UnsupportedKeyError: It signs over no other hash than SHA-256.
    """
    data = fixed_string(key.public_key)
    if digest == "SHA256":
        return key.sign(data)
    if not isinstance(key, DigestKey):
        how = "the string itself, and no hash of it" if key.algorithm == ML_DSA else f"over SHA-256 only, not {digest}"
        raise UnsupportedKeyError(f"this key signs {how}", hint="leave --digest out")
    return key.sign_with(data, digest)
