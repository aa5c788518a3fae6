"""Which private key among PEM files is a certificate's: the nearest in name is looked at first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import PassphraseError, PrivateKeyError, PrivateKeyLoadError
from ..keys import parse_private_key
from ..keys.software import passphrase_bytes
from ..pem import PemBlock, PemError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ..keys import Passphrase
    from .directory import PemFile

# Decrypting takes as long as whoever encrypted wished.
MOST_ENCRYPTED = 20
# rsaEncryption, as PKCS#8 has it (RFC 8017, appendix A.1).
_RSA_OID = bytes.fromhex("06092a864886f70d010101")


@dataclass(frozen=True)
class FoundKey:
    """A private key among the files.

    Attributes:
        path: The file that it stands in.
        pem: Its block. Hidden.
    """

    path: str
    pem: bytes = field(repr=False)


@dataclass(frozen=True)
class _Key:
    path: str
    block: PemBlock = field(repr=False)

    @property
    def is_encrypted(self) -> bool:
        # PKCS#8, and the older form with a header (RFC 1421).
        return self.block.label.startswith("ENCRYPTED") or b"ENCRYPTED" in b"".join(self.block.lines[:1])


class KeySearch:
    """Finds the private keys of certificates among the files of a directory.

    Args:
        files: Where to look.
        passphrase: For encrypted keys; asked once at most, and only when no other key fits.
        known: The public halves of keys that were decrypted before, by the digest of their blocks; added to.

    Attributes:
        failures: What was wrong with keys that could not be used, by their paths.
        is_locked: Whether an encrypted key could not be opened.
    """

    def __init__(
        self, files: Iterable[PemFile], passphrase: Passphrase | None, known: dict[bytes, bytes] | None = None
    ) -> None:
        self._keys = [_Key(file.path, block) for file in files for block in file.keys]
        self._passphrase = passphrase
        self._known = {} if known is None else known
        self._decrypted = 0
        self.failures: dict[str, str] = {}
        self.is_locked = False

    def find(self, certificate: x509.Certificate, path: str) -> FoundKey | None:
        """Return the key of a certificate that stands in the file ``path``, or None.

        Raises:
            PassphraseError: The passphrase is needed and cannot be had.
        """
        try:
            public_key = certificate.public_key()
            wanted = _spki(public_key)
        except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, ValueError: no key here can be a match
            return None
        for key in sorted(self._keys, key=lambda each: _distance(each, path)):
            if (key.is_encrypted or _may_fit(key.block, public_key)) and self._public_half(key) == wanted:
                return FoundKey(key.path, key.block.text)
        return None

    def _public_half(self, key: _Key) -> bytes | None:
        digest = hashlib.sha256(key.block.text).digest()
        if digest not in self._known:
            half = self._decrypt(key) if key.is_encrypted else self._parse(key, None)
            if half is None:
                return None
            self._known[digest] = half
        return self._known[digest]

    def _decrypt(self, key: _Key) -> bytes | None:
        if self._passphrase is None:
            self._lock(key, "it is encrypted, and no passphrase was given")
            return None
        if self._decrypted >= MOST_ENCRYPTED:
            self._lock(key, f"{MOST_ENCRYPTED} other encrypted keys were tried before it")
            return None
        self._decrypted += 1
        passphrase = passphrase_bytes(self._passphrase)
        self._passphrase = passphrase
        return self._parse(key, passphrase)

    def _parse(self, key: _Key, passphrase: bytes | None) -> bytes | None:
        try:
            return _spki(_public_key(key.block, passphrase))
        except PassphraseError as error:
            self._lock(key, error.message)
        except PrivateKeyError as error:
            self.failures[key.path] = error.message
        return None

    def _lock(self, key: _Key, why: str) -> None:
        self.failures[key.path] = why
        self.is_locked = True


def _public_key(block: PemBlock, passphrase: bytes | None) -> CertificatePublicKeyTypes:
    if block.label != "TSS2 PRIVATE KEY":
        return parse_private_key(block.text, passphrase).public_key
    from ..keys.tpm import public_key_of_file  # noqa: PLC0415 - for such keys alone

    # It is no secret, and the TPM opens the key that is chosen.
    try:
        return public_key_of_file(block.der)
    except PemError as error:
        raise PrivateKeyLoadError(f"the TPM key file cannot be read: {error}") from error


def _spki(public_key: CertificatePublicKeyTypes) -> bytes:
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _distance(key: _Key, path: str) -> tuple[bool, bool, int, str]:
    """Order keys: in the certificate's own file, then without encryption, then with a name like the certificate's."""
    names = [os.path.basename(each) for each in (key.path, path)]  # noqa: PTH119 - text, as it was given
    common = os.path.commonprefix(names)  # noqa: RUF071 - how much the names are alike
    return key.path != path, key.is_encrypted, -len(common), key.path


def _may_fit(block: PemBlock, public_key: CertificatePublicKeyTypes) -> bool:
    """Return whether a plain key can be the one: an RSA key, which takes long to load, holds the modulus."""
    try:
        der = block.der
    except PemError:
        return True  # loading it says what is wrong
    if isinstance(public_key, rsa.RSAPublicKey):
        modulus = public_key.public_numbers().n
        return modulus.to_bytes((modulus.bit_length() + 7) // 8, "big") in der
    return block.label != "RSA PRIVATE KEY" and _RSA_OID not in der
