"""A signature that was made elsewhere is verified before it travels; if it is wrong, how is found out by trying.

The service would answer with a terse 403, and whoever reads that looks at the certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ...errors import SigningError
from ..forking import no_fork_meanwhile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# Three times the longest, which ML-DSA-87 makes: base64 or hexadecimal of it is told from it below.
MOST_BYTES = 16 * 1024
_SHA256 = hashes.SHA256()
_OTHER_HASHES = (hashes.SHA384(), hashes.SHA512(), hashes.SHA1())  # noqa: S303 - to be told from the right one
_FORM = (
    "RSA signs with PKCS#1 v1.5, EC with ECDSA as a DER SEQUENCE of r and s, both over SHA-256 of the bytes given; "
    "ML-DSA signs the bytes themselves, without a context"
)
_SALT = padding.PSS.AUTO


def checked_signature(answer: object, data: bytes, public_key: CertificatePublicKeyTypes, signs: str) -> bytes:
    """Return a signature that was made elsewhere, if it is one over ``data`` with the key of ``public_key``.

    Args:
        answer: What came back.
        data: What was to be signed.
        public_key: RSA, EC or ML-DSA.
        signs: How messages name what signed.

    Raises:
        SigningError: It is none; the hint says which mistake it looks like.
    """
    if not isinstance(answer, (bytes, bytearray, memoryview)):
        raise SigningError(f"{signs} gave {type(answer).__name__}, not bytes", hint=_FORM)
    signature = bytes(answer)
    if not signature:
        raise SigningError(f"{signs} gave no signature", hint=_FORM)
    if len(signature) > MOST_BYTES:
        raise SigningError(f"{signs} gave {len(signature):,} bytes; no signature is so long", hint=_FORM)
    if not _verifies(signature, data, public_key):
        raise SigningError(
            f"{signs} gave a signature that is not one of the certificate's key over what was to be signed",
            hint=next(_mistakes(signature, data, public_key)),
        )
    return signature


def _verifies(
    signature: bytes,
    data: bytes,
    public_key: CertificatePublicKeyTypes,
    algorithm: hashes.HashAlgorithm = _SHA256,
    *,
    pss: bool = False,
) -> bool:
    try:
        with no_fork_meanwhile:
            if isinstance(public_key, ec.EllipticCurvePublicKey):
                public_key.verify(signature, data, ec.ECDSA(algorithm))
            elif isinstance(public_key, rsa.RSAPublicKey):
                scheme = padding.PSS(padding.MGF1(algorithm), _SALT) if pss else padding.PKCS1v15()
                public_key.verify(signature, data, scheme, algorithm)
            else:
                public_key.verify(signature, data)  # type: ignore[call-arg, union-attr]
    # A wrong signature, a key too small for the scheme, a hash that a policy of the system forbids.
    except Exception:  # noqa: BLE001
        return False
    return True


def _mistakes(signature: bytes, data: bytes, public_key: CertificatePublicKeyTypes) -> Iterator[str]:
    """Yield what was done otherwise, the likeliest first."""
    for what, changed in _rewritten(signature, public_key):
        if _verifies(changed, data, public_key):
            yield what
    if _verifies(signature, hashlib.sha256(data).digest(), public_key):
        yield "the digest was hashed once more: give the signer the bytes as they are, or tell it that it gets a digest"
    for algorithm in _OTHER_HASHES:
        if _verifies(signature, data, public_key, algorithm):
            yield f"it was signed over {algorithm.name.upper()}; requests are signed over SHA-256 whatever the key"
    if any(_verifies(signature, data, public_key, algorithm, pss=True) for algorithm in (_SHA256, *_OTHER_HASHES)):
        yield "it was signed with RSA-PSS; the scheme is RSASSA-PKCS1-v1_5"
    yield f"see that it signs with the certificate's own key; {_FORM}"


def _rewritten(signature: bytes, public_key: CertificatePublicKeyTypes) -> Iterator[tuple[str, bytes]]:
    """Yield the signature as it would be if it were written in another form, with what to do about that."""
    yield "a line feed stands behind the signature: write the bytes alone", signature.rstrip(b"\r\n")
    if isinstance(public_key, ec.EllipticCurvePublicKey) and len(signature) == 2 * ((public_key.key_size + 7) // 8):
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        what = "r and s stand side by side, as in a JWT; put them into a DER SEQUENCE (encode_dss_signature does it)"
        yield what, encode_dss_signature(r, s)
    decoded = _decoded(signature)
    if decoded is not None:
        yield "it is base64 or hexadecimal text; write the bytes that it stands for (| base64 -d, | xxd -r -p)", decoded


def _decoded(text: bytes) -> bytes | None:
    compact = b"".join(text.split())
    if re.fullmatch(rb"([0-9A-Fa-f]{2})+", compact):
        return binascii.unhexlify(compact)
    try:
        return base64.b64decode(compact, validate=True)
    except ValueError:
        return None
