"""The public half of a key that is elsewhere: out of a certificate, or of what a key service gives."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Union

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ...errors import PrivateKeyLoadError, UnsupportedKeyError
from ...files import is_source, read_source
from ...pem import PemError, parse_blocks
from ..protocol import ECDSA_SHA256, ML_DSA, RSA_SHA256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

PublicKeySource = Union["CertificatePublicKeyTypes", x509.Certificate, str, "os.PathLike[str]", bytes]

_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
_HINT = "give the certificate, or a public key as PEM or DER (SubjectPublicKeyInfo), as key services hand it out"


def load_public_key(source: PublicKeySource) -> CertificatePublicKeyTypes:
    """Return a public key.

    Args:
        source: One of cryptography's own, or a certificate of its; a path, or PEM or DER as bytes, of a certificate or
            of a public key. Of several certificates the first one counts, as in a full chain.

    Raises:
        PrivateKeyLoadError: It cannot be read, or is none.
        UnsupportedKeyError: Its type is unknown here.
    """
    if is_source(source):
        return _parse(read_source(source, what="public key", error=PrivateKeyLoadError))  # type: ignore[arg-type]
    if isinstance(source, x509.Certificate):
        return _of_certificate(source)
    if hasattr(source, "verify") and hasattr(source, "public_bytes"):
        return source  # type: ignore[return-value]
    raise PrivateKeyLoadError(f"the public key cannot be {type(source).__name__}", hint=_HINT)


def _parse(data: bytes) -> CertificatePublicKeyTypes:
    try:
        blocks = parse_blocks(data)
        fitting = [block for block in blocks if block.label in _CERTIFICATES or block.label == "PUBLIC KEY"]
        der, label = (fitting[0].der, fitting[0].label) if fitting else (data, "")
    except PemError as error:
        raise PrivateKeyLoadError(f"the public key cannot be read: {error}") from error
    if blocks and not fitting:
        labels = ", ".join(sorted({block.label for block in blocks}))
        raise PrivateKeyLoadError(f"no public key inside; there is: {labels}", hint=_HINT)
    if label != "PUBLIC KEY":
        certificate = _certificate(der)
        if certificate is not None:
            return _of_certificate(certificate)
    return _of_der(der)


def _certificate(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001 - whatever the parser makes of bytes that are none
        return None


def _of_certificate(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    try:
        return certificate.public_key()
    except Exception as error:
        raise UnsupportedKeyError("the certificate's key is of a type or curve that is not supported") from error


def _of_der(der: bytes) -> CertificatePublicKeyTypes:
    try:
        return load_der_public_key(der)  # type: ignore[return-value]
    except Exception as error:
        raise PrivateKeyLoadError("the public key cannot be understood", hint=_HINT) from error


def algorithm_of(public_key: CertificatePublicKeyTypes) -> str:
    """Return the SigV4-X509 algorithm that a key signs with.

    Raises:
        UnsupportedKeyError: Neither RSA, EC nor ML-DSA.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return RSA_SHA256
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return ECDSA_SHA256
    if is_ml_dsa(public_key):
        return ML_DSA
    kind = type(public_key).__name__.removesuffix("PublicKey").lstrip("_")
    raise UnsupportedKeyError(
        f"keys of type {kind} that sign elsewhere are not supported", hint="use an RSA, an EC or an ML-DSA key"
    )


def is_ml_dsa(public_key: object) -> bool:
    """Return whether a public key is one of ML-DSA; where the installed cryptography lacks it, there is none."""
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 - not in every version
    except ImportError:
        return False
    return isinstance(public_key, (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey))
