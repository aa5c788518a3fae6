"""Certificate requests (PKCS#10, RFC 2986): what a holder of a key asks a CA for."""

from __future__ import annotations

from typing import NamedTuple, cast

from cryptography import x509

from ..errors import ConfigurationError
from .key_types import PublicKey
from .seam import arguments_of

CertificateRequest = bytes | x509.CertificateSigningRequest


class Asked(NamedTuple):
    """What is taken of a request: whoever asks does not decide what the certificate is good for."""

    subject: x509.Name
    public_key: PublicKey
    alternative_names: list[x509.GeneralName]


def read_request(request: CertificateRequest) -> Asked:
    """Return what a request asks for, once its key has proved to have signed it.

    Raises:
        ConfigurationError: It cannot be read, or another key signed it.
    """
    if not isinstance(request, (bytes, x509.CertificateSigningRequest)):
        raise ConfigurationError(f"a certificate request is bytes, not {type(request).__name__}")
    with arguments_of("the certificate request cannot be read"):
        loaded = _load(request) if isinstance(request, bytes) else request
        if not loaded.is_signature_valid:
            raise ConfigurationError(
                "the certificate request was not signed by its own key, so that nobody has proved to hold that",
                hint="make it anew: openssl req -new -key KEY",
            )
        return Asked(loaded.subject, cast(PublicKey, loaded.public_key()), _alternative_names(loaded))


def _load(request: bytes) -> x509.CertificateSigningRequest:
    if b"-----BEGIN" in request:
        return x509.load_pem_x509_csr(request)
    return x509.load_der_x509_csr(request)


def _alternative_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
