"""PKCS#12 files (RFC 7292): certificate, chain and private key in one, with or without a password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import CertificateLoadError, PassphraseError, PrivateKeyLoadError
from .protocol import SigningKey
from .software import Passphrase, passphrase_bytes, signing_key

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates


def is_pkcs12(data: bytes) -> bool:
    """Return whether ``data`` starts as a PFX does: SEQUENCE { INTEGER 3, SEQUENCE (RFC 7292, section 4)."""
    return data[:1] == b"\x30" and b"\x02\x01\x03\x30" in data[:12]


def parse_pkcs12(data: bytes, passphrase: Passphrase | None = None) -> tuple[list[x509.Certificate], SigningKey]:
    """Parse a PKCS#12 file.

    Args:
        data: The file's content.
        passphrase: Asked only where the file opens neither without a password nor with an empty one.

    Returns:
        The end-entity certificate and then the others in the order of the file, and the private key.

    Raises:
        PassphraseError: The passphrase is missing or wrong, or the file is damaged: the two look alike.
        CertificateLoadError: No certificate inside.
        PrivateKeyLoadError: No private key inside.
        UnsupportedKeyError: The key is neither RSA, EC nor ML-DSA.
    """
    bundle = _open(data, passphrase)
    if bundle.key is None:
        raise PrivateKeyLoadError(
            "the PKCS#12 file holds no private key", hint="export it together with the certificate"
        )
    if bundle.cert is None:
        raise CertificateLoadError("the PKCS#12 file holds no certificate that belongs to its private key")
    others = [additional.certificate for additional in bundle.additional_certs]
    return [bundle.cert.certificate, *others], signing_key(bundle.key)


def _open(data: bytes, passphrase: Passphrase | None) -> PKCS12KeyAndCertificates:
    for password in _passwords(passphrase):
        bundle = _open_with(data, password)
        if bundle is not None:
            return bundle
    raise PassphraseError("the PKCS#12 file cannot be opened: the passphrase is wrong, or the file is damaged")


def _open_with(data: bytes, password: bytes | None) -> PKCS12KeyAndCertificates | None:
    if password is not None and b"\0" in password:
        return None  # cryptography panics, and no Exception would catch that
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - most identities are PEM

    try:
        return pkcs12.load_pkcs12(data, password)
    except Exception:  # noqa: BLE001 - a wrong password shows itself as any kind of decoding error
        return None


def _passwords(passphrase: Passphrase | None) -> Iterator[bytes | None]:
    # "No password" and "an empty password" are two things in PKCS#12, and people rarely know which they have.
    yield None
    yield b""
    yield passphrase_bytes(passphrase, "the PKCS#12 file is encrypted and no passphrase was given")
