"""What keys that sign elsewhere share: a public half, and a signature that is checked before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .checking import checked_signature
from .public_keys import algorithm_of, load_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from .public_keys import PublicKeySource

# A person may have to touch a token; whoever waits for credentials rarely waits longer.
DEFAULT_TIMEOUT_SECONDS = 30.0


class ExternalKey:
    """A key that is elsewhere, seen as a ``SigningKey``.

    Args:
        public_key: A public key or a certificate, opened, as bytes or as a path: see ``load_public_key``.

    Raises:
        PrivateKeyLoadError: The public key cannot be read or understood.
        UnsupportedKeyError: It is neither RSA, EC nor ML-DSA.
    """

    def __init__(self, public_key: PublicKeySource) -> None:
        self.public_key: CertificatePublicKeyTypes = load_public_key(public_key)
        self.algorithm: str = algorithm_of(self.public_key)

    @property
    def signs(self) -> str:
        """How messages name what signs."""
        raise NotImplementedError

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``, verified with the public key.

        Raises:
            SigningError: No signature came, or one that is not of this key over these bytes.
        """
        return checked_signature(self._ask(data), data, self.public_key, self.signs)

    def _ask(self, data: bytes) -> object:
        raise NotImplementedError

    def _public_der(self) -> bytes:
        """Return the public key as a pickle carries it."""
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
