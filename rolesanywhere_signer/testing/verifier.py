"""Verify the SigV4-X509 signature of a request: the second implementation, which checks the library's first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from .assumptions import MISSING_AUTHORIZATION
from .refusals import INVALID_SIGNATURE, access_denied
from .sigv4 import (
    Authorization,
    MalformedSignatureError,
    only_value,
    parse_amz_date,
    parse_authorization,
    string_to_sign,
)
from .wire import HttpRequest

SERVICE = "rolesanywhere"
CERTIFICATE_HEADER = "x-amz-x509"
CHAIN_HEADER = "x-amz-x509-chain"
MAX_CLOCK_SKEW = timedelta(seconds=300)

_MUST_BE_SIGNED = ("host", "x-amz-date", CERTIFICATE_HEADER)
# RFC 5280 allows 20 octets; what is longer need not be written in decimal.
_MAX_SERIAL_BITS = 8 * 32

_Verify = Callable[[object, bytes, bytes], None]


def verify_signature(request: HttpRequest, region: str, now: datetime) -> x509.Certificate:
    """Verify that the holder of the leaf's private key sent exactly this request, here, about now.

    Not checked: whether the leaf is trusted.

    Args:
        request: As received.
        region: The service's.
        now: Aware.

    Returns:
        The leaf, of which nothing else is known yet.

    Raises:
        Refusal: The signature is missing, malformed or wrong; the answer does not tell why.
    """
    if not any(request.values("authorization")):
        raise access_denied(MISSING_AUTHORIZATION)
    try:
        return _verify(request, region, now)
    except (MalformedSignatureError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise access_denied(INVALID_SIGNATURE) from error


def _verify(request: HttpRequest, region: str, now: datetime) -> x509.Certificate:
    authorization = parse_authorization(only_value(request, "authorization"))
    _check_scope(authorization, region)
    _check_date(request, authorization, now)
    _check_signed_headers(request, authorization)
    leaf = _leaf(request)
    if authorization.key_id != _decimal_serial(leaf):
        raise MalformedSignatureError("the credential is not the serial number of the certificate")
    _verify_bytes(leaf, authorization, string_to_sign(request, authorization))
    return leaf


def _check_scope(authorization: Authorization, region: str) -> None:
    if (authorization.region, authorization.service) != (region, SERVICE):
        raise MalformedSignatureError("the signature is for another region or service")


def _check_date(request: HttpRequest, authorization: Authorization, now: datetime) -> None:
    text = only_value(request, "x-amz-date")
    signed_at = parse_amz_date(text)
    if authorization.day != text[:8]:
        raise MalformedSignatureError("the scope is of another day than the request")
    if abs(now - signed_at) > MAX_CLOCK_SKEW:
        raise MalformedSignatureError("the request is too old or from the future")


def _check_signed_headers(request: HttpRequest, authorization: Authorization) -> None:
    required = set(_MUST_BE_SIGNED)
    if any(True for _ in request.values(CHAIN_HEADER)):
        required.add(CHAIN_HEADER)
    if not required.issubset(authorization.signed_headers):
        raise MalformedSignatureError("a header that must be signed is not")


def _leaf(request: HttpRequest) -> x509.Certificate:
    certificate = parse_certificate(only_value(request, CERTIFICATE_HEADER))
    if certificate is None:
        raise MalformedSignatureError("X-Amz-X509 is no certificate")
    return certificate


def parse_certificate(text: str) -> x509.Certificate | None:
    """Return the certificate whose DER ``text`` is in base64, padded and in one line; None if it is none."""
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text.encode("ascii"), validate=True))
    except (UnicodeEncodeError, binascii.Error):
        return None
    except Exception:  # noqa: BLE001 - cryptography raises ValueError, InvalidVersion and others for odd bytes
        return None


def _decimal_serial(certificate: x509.Certificate) -> str:
    serial = certificate.serial_number
    if serial.bit_length() > _MAX_SERIAL_BITS:
        raise MalformedSignatureError("the serial number is too long")
    return str(serial)


def _verify_rsa(key: object, signature: bytes, data: bytes) -> None:
    if not isinstance(key, rsa.RSAPublicKey):
        raise MalformedSignatureError("the key of the certificate is not RSA")
    key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


def _verify_ecdsa(key: object, signature: bytes, data: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise MalformedSignatureError("the key of the certificate is not EC")
    key.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def _verify_ml_dsa(key: object, signature: bytes, data: bytes) -> None:
    # Of any parameter set, pure and without a context; the classes of these keys exist only in newer versions.
    if not type(key).__name__.startswith("MLDSA"):
        raise MalformedSignatureError("the key of the certificate is not ML-DSA")
    key.verify(signature, data)  # type: ignore[attr-defined]


_VERIFIERS: dict[str, _Verify] = {
    "AWS4-X509-RSA-SHA256": _verify_rsa,
    "AWS4-X509-ECDSA-SHA256": _verify_ecdsa,
    "AWS4-X509-MLDSA": _verify_ml_dsa,
}


def _verify_bytes(leaf: x509.Certificate, authorization: Authorization, data: bytes) -> None:
    verify = _VERIFIERS.get(authorization.algorithm)
    if verify is None:
        raise MalformedSignatureError("there is no such algorithm")
    try:
        key = leaf.public_key()
    except ValueError as error:
        raise MalformedSignatureError("the key of the certificate cannot be read") from error
    verify(key, authorization.signature, data)
