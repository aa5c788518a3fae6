"""What the signer needs of a key, wherever it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

# The names of SigV4-X509 (user guide, "Signing process"). The hash is SHA-256 whatever the size of the key.
RSA_SHA256 = "AWS4-X509-RSA-SHA256"
ECDSA_SHA256 = "AWS4-X509-ECDSA-SHA256"
# Without a hash: ML-DSA signs the string to sign itself. One name for 44, 65 and 87.
ML_DSA = "AWS4-X509-MLDSA"


class SigningKey(Protocol):
    """A private key that signs and is never shown."""

    @property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The public half, to compare with a certificate's."""

    @property
    def algorithm(self) -> str:
        """The SigV4-X509 algorithm, such as ``AWS4-X509-ECDSA-SHA256``."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``.

        Raises:
            SigningError: The key failed to sign.
        """


Digest = Literal["SHA256", "SHA384", "SHA512"]


@runtime_checkable
class DigestKey(Protocol):
    """A key that signs over another hash, too: for the diagnostic ``sign-string``, and for no request."""

    def sign_with(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature over ``data`` with ``digest``.

        Raises:
            SigningError: The key failed to sign.
        """
