"""The knobs of a certificate, and what they are set to when nobody turns them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography import x509

from ..errors import ConfigurationError
from .key_types import PrivateKey, PublicKey
from .names import AlternativeName


class CertificateOptions(TypedDict, total=False):
    """The keyword arguments of everything that makes a certificate.

    Attributes:
        key_type: Of the new key: ``RSA-<bits>``, ``P-256``, ``P-384``, ``P-521``, ``Ed25519``, …
        private_key: The key to use instead of a new one: an object, or unencrypted PEM as bytes.
        public_key: The subject's key where the private key is elsewhere, as in a certificate request.
        valid_from: Aware; None: an hour ago (a day ago for a CA), by the machine's clock.
        valid_for: How long; None: 365 days (ten years for a CA).
        serial_number: Positive, at most 159 bits; None: random.
        signature_hash: Such as ``SHA-384``; None: SHA-256. An Ed25519 or Ed448 issuer has none.
        rsa_padding: ``PKCS1v15`` or ``PSS``, for an issuer with an RSA key.
        ca: The bit in the basic constraints; None: no basic constraints.
        path_length: How many CAs may follow; None: no limit.
        basic_constraints_critical: Whether the extension is.
        key_usage: Names such as ``digitalSignature``; None: no key usage.
        key_usage_critical: Whether the extension is.
        extended_key_usage: Names such as ``clientAuth``, or dotted OIDs; None: no extended key usage.
        extended_key_usage_critical: Whether the extension is.
        subject_alternative_names: Such as ``DNS:app.example``; critical where the subject is empty.
        permitted_names: Name constraints, such as ``DNS:example.com``, ``dirName:O=Example``, ``IP:10.0.0.0/8``.
        excluded_names: The same, for what is forbidden.
        name_constraints_critical: Whether the extension is.
        subject_key_identifier: Whether there is one.
        authority_key_identifier: Whether there is one.
        extra_extensions: Pairs of any ``x509.ExtensionType`` and whether it is critical;
            ``x509.UnrecognizedExtension(oid, der)`` holds arbitrary content.
    """

    key_type: str
    private_key: PrivateKey | bytes | None
    public_key: PublicKey | bytes | None
    valid_from: datetime | None
    valid_for: timedelta | None
    serial_number: int | None
    signature_hash: str | None
    rsa_padding: str
    ca: bool | None
    path_length: int | None
    basic_constraints_critical: bool
    key_usage: Iterable[str] | None
    key_usage_critical: bool
    extended_key_usage: Iterable[str] | None
    extended_key_usage_critical: bool
    subject_alternative_names: Iterable[AlternativeName]
    permitted_names: Iterable[AlternativeName]
    excluded_names: Iterable[AlternativeName]
    name_constraints_critical: bool
    subject_key_identifier: bool
    authority_key_identifier: bool
    extra_extensions: Iterable[tuple[x509.ExtensionType, bool]]


_COMMON: CertificateOptions = {
    "key_type": "P-384",
    "private_key": None,
    "public_key": None,
    "valid_from": None,
    "valid_for": None,
    "serial_number": None,
    "signature_hash": None,
    "rsa_padding": "PKCS1v15",
    "path_length": None,
    "basic_constraints_critical": True,
    "key_usage_critical": True,
    "extended_key_usage_critical": False,
    "subject_alternative_names": (),
    "permitted_names": (),
    "excluded_names": (),
    "name_constraints_critical": True,
    "subject_key_identifier": True,
    "authority_key_identifier": True,
    "extra_extensions": (),
}

_LEAF: CertificateOptions = {"ca": False, "key_usage": ("digitalSignature",), "extended_key_usage": ("clientAuth",)}
_CA: CertificateOptions = {"ca": True, "key_usage": ("keyCertSign", "cRLSign"), "extended_key_usage": None}


def leaf_options(options: CertificateOptions) -> CertificateOptions:
    """Return every knob of an end-entity certificate.

    Raises:
        ConfigurationError: A knob that there is not, or knobs that exclude each other.
    """
    _check(options)
    return {**_COMMON, **_LEAF, **options}


def ca_options(options: CertificateOptions) -> CertificateOptions:
    """Return every knob of a CA's certificate.

    Raises:
        ConfigurationError: A knob that there is not, or a public key alone: a CA has to sign.
    """
    _check(options)
    if options.get("public_key") is not None:
        raise ConfigurationError("a CA cannot be made of a public key: it has to sign", hint="give private_key")
    return {**_COMMON, **_CA, **options}


def _check(options: CertificateOptions) -> None:
    known = CertificateOptions.__annotations__
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigurationError(
            f"a certificate has no option {', '.join(unknown)}", hint=f"the options are {', '.join(known)}"
        )
    if options.get("private_key") is not None and options.get("public_key") is not None:
        raise ConfigurationError("give private_key or public_key, not both")
