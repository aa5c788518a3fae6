"""Revocation lists for tests, made with cryptography's own builder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.emulator.signing import NOW

Entry = IssuedCertificate | int | tuple[int, x509.ExtensionType]


def revocation_list(
    ca: CertificateAuthority,
    entries: Iterable[Entry] = (),
    *,
    signed_by: CertificateAuthority | None = None,
    days: tuple[int, int] = (-1, 7),
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """Return a list in PEM.

    Args:
        ca: Whose list it is.
        entries: Certificates, serial numbers, or those with an extension.
        signed_by: Another CA.
        days: When it begins and ends, from now on.
        extensions: Of the list, with whether they are critical.
    """
    begins, ends = (NOW + timedelta(days=each) for each in days)
    builder = x509.CertificateRevocationListBuilder(ca.certificate.subject, begins, ends)
    for entry in entries:
        builder = builder.add_revoked_certificate(_revoked(entry))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    key: Any = (signed_by or ca).private_key
    without_hash = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, cast(Any, None if without_hash else hashes.SHA256())).public_bytes(Encoding.PEM)


def _revoked(entry: Entry) -> x509.RevokedCertificate:
    number, extension = entry if isinstance(entry, tuple) else (entry, None)
    if isinstance(number, IssuedCertificate):
        number = number.certificate.serial_number
    builder = x509.RevokedCertificateBuilder(number, NOW - timedelta(days=1))
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.build()
