"""Certificates out of PEM and DER, and the forms in which a request carries them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Union

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .errors import CertificateLoadError
from .files import describe_source, read_source
from .pem import PemError, parse_blocks

if TYPE_CHECKING:
    import os

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

CertificateSource = Union[str, "os.PathLike[str]", bytes]

# "X509 CERTIFICATE" is the label of early OpenSSL.
PEM_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")


def load_certificates(source: CertificateSource, what: str = "certificate") -> list[x509.Certificate]:
    """Load every certificate of a PEM or DER file, in the order of the file.

    Args:
        source: A path, or the content as bytes.
        what: What they are, for messages.

    Returns:
        At least one certificate.

    Raises:
        CertificateLoadError: Unreadable, no certificate inside, or a certificate that is no X.509.
    """
    data = read_source(source, what=what, error=CertificateLoadError)
    return parse_certificates(data, where=describe_source(source, what))


def parse_certificates(data: bytes, where: str = "the certificate") -> list[x509.Certificate]:
    """Parse every certificate of PEM or DER bytes.

    Raises:
        CertificateLoadError: None inside, or one that is no X.509.
    """
    try:
        blocks = parse_blocks(data)
        found = [block.der for block in blocks if block.label in PEM_LABELS]
    except PemError as error:
        raise CertificateLoadError(f"{where} cannot be read: {error}") from error
    if found:
        return [_parse_der(der, f"certificate {n} of {len(found)} in {where}") for n, der in enumerate(found, 1)]
    if blocks:
        labels = ", ".join(sorted({block.label for block in blocks}))
        raise CertificateLoadError(
            f"{where} holds no certificate; it holds: {labels}",
            hint="give the file that has a line -----BEGIN CERTIFICATE-----",
        )
    return [_parse_der(data, where)]


def _parse_der(der: bytes, where: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    # cryptography raises ValueError, InvalidVersion and others for bytes that are no certificate.
    except Exception as error:
        raise CertificateLoadError(f"{where} is not an X.509 certificate", hint=_format_hint(der)) from error


def _format_hint(data: bytes) -> str:
    if not data.strip():
        return "the file is empty"
    # SEQUENCE { INTEGER 3 }: how a PFX starts (RFC 7292, section 4).
    if data[:1] == b"\x30" and b"\x02\x01\x03\x30" in data[:12]:
        return "this looks like PKCS#12; convert it: openssl pkcs12 -in FILE -out client.pem -noenc"
    return (
        "a certificate is expected in PEM (-----BEGIN CERTIFICATE-----) or DER; openssl x509 -in FILE -text shows one"
    )


def choose_leaf(certificates: Sequence[x509.Certificate], public_key: CertificatePublicKeyTypes | None = None) -> int:
    """Return the index of the end-entity certificate among those of one file.

    It is the one with ``public_key``; else the first that is not a CA; else the first. Names do not tell it:
    a leaf may carry the very subject of its issuer.
    """
    if public_key is not None:
        matching = [n for n, certificate in enumerate(certificates) if has_key(certificate, public_key)]
        if matching:
            return matching[0]
    return next((n for n, certificate in enumerate(certificates) if not claims_ca(certificate)), 0)


def has_key(certificate: x509.Certificate, public_key: CertificatePublicKeyTypes) -> bool:
    """Return whether ``public_key`` is the certificate's; False for a key that cryptography cannot read."""
    try:
        return bool(certificate.public_key() == public_key)
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, ValueError: a key unknown here is not the one asked for
        return False


# Names of the official helper's read-certificate-data, by the algorithm of the public key (RFC 3279, RFC 9881).
_KEY_TYPES = {
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.10045.2.1": "EC",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}


def key_type(certificate: x509.Certificate) -> str:
    """Return ``RSA``, ``EC``, ``ML-DSA-44``, ``-65`` or ``-87``; empty for another type of key."""
    return _KEY_TYPES.get(certificate.public_key_algorithm_oid.dotted_string, "")


def claims_ca(certificate: x509.Certificate) -> bool:
    """Return whether a certificate says that it is a CA's; False where that cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # noqa: BLE001 - absent, doubled or malformed: validation reports it, the choice goes on
        return False


def der_base64(certificate: x509.Certificate) -> str:
    """Return the form of the ``X-Amz-X509`` header: base64 of the DER, padded, in one line."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def pem_text(certificates: Iterable[x509.Certificate]) -> bytes:
    """Return certificates as PEM, one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def chain_base64(certificates: Iterable[x509.Certificate]) -> str | None:
    """Return the form of the ``X-Amz-X509-Chain`` header, comma-delimited; None without certificates."""
    return ",".join(der_base64(certificate) for certificate in certificates) or None


def subject_text(certificate: x509.Certificate) -> str:
    """Return the subject as ``name_text`` does, also where it cannot be decoded at all."""
    try:
        return name_text(certificate.subject)
    except Exception:  # noqa: BLE001 - cryptography decodes a name when it is first looked at
        return "(unreadable)"


def name_text(name: x509.Name) -> str:
    """Return a distinguished name as RFC 4514 text for messages: control characters escaped, at most 300 long."""
    try:
        text = name.rfc4514_string()
    except Exception:  # noqa: BLE001 - malformed names must not break the message that tells of them
        return "(unreadable)"
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return shown[:300] or "(empty)"
