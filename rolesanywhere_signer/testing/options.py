"""The knobs of a certificate, and what they are set to when nobody turns them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography import x509

from ..errors import ConfigurationError
from .key_types import PrivateKey, PublicKey
from .names import AlternativeName


class CertificateOptions(TypedDict, total=False):
    """The keyword arguments of everything that makes a certificate.

    Attributes:
        key_type: Of the new key: ``RSA-<bits>``, ``P-256``, ``P-384``, ``P-521``, ``Ed25519``, ``ML-DSA-65``, …
        private_key: The key to use instead of a new one: an object, or unencrypted PEM as bytes.
        public_key: The subject's key where the private key is elsewhere, as in a certificate request.
        valid_from: Aware; None: an hour ago (a day ago for a CA), by the machine's clock.
        valid_for: How long; None: 365 days (ten years for a CA).
        valid_until: Until when, aware, instead of ``valid_for``; the year 9999 is RFC 5280's "no end".
        expired: Valid for as long, and over since an hour ago.
        not_yet_valid: Valid for as long, and from tomorrow on.
        serial_number: Positive, at most 159 bits; None: random.
        signature_hash: Such as ``SHA-384``, also ``MD5`` and ``SHA-1``; None: SHA-256. An Ed25519, Ed448 or ML-DSA
            issuer has none.
        rsa_padding: ``PKCS1v15`` or ``PSS``, for an issuer with an RSA key.
        deterministic: Whether an issuer with an EC key signs as RFC 6979 has it, so that the same makes the same.
        ca: The bit in the basic constraints; None: no basic constraints.
        path_length: How many CAs may follow; None: no limit.
        basic_constraints_critical: Whether the extension is.
        key_usage: Names such as ``digitalSignature``; None: no key usage.
        key_usage_critical: Whether the extension is.
        extended_key_usage: Names such as ``clientAuth``, or dotted OIDs; None: no extended key usage.
        extended_key_usage_critical: Whether the extension is.
        subject_alternative_names: Such as ``DNS:app.example``; critical where the subject is empty.
        issuer_alternative_names: The same for the issuer.
        permitted_names: Name constraints, such as ``DNS:example.com``, ``dirName:O=Example``, ``IP:10.0.0.0/8``.
        excluded_names: The same, for what is forbidden.
        name_constraints_critical: Whether the extension is.
        subject_key_identifier: Whether there is one, or the octets that it is.
        authority_key_identifier: Whether there is one, or the octets that it is; ``issuer``: with the issuer's name and
            serial number too.
        crl_distribution_points: Where the CRL is, such as ``URI:http://ca.example/ca.crl``; one point for each.
        freshest_crl: Where the delta CRL is, likewise.
        authority_information_access: Such as ``OCSP;URI:http://ocsp.example`` and ``caIssuers;URI:http://…``.
        subject_information_access: Such as ``caRepository;URI:http://…``.
        certificate_policies: Dotted OIDs, ``anyPolicy``, or ``x509.PolicyInformation`` with its qualifiers.
        policy_mappings: Pairs of dotted OIDs: the issuer's policy, and what it is to the subject.
        require_explicit_policy: How many certificates may follow without an acceptable policy.
        inhibit_policy_mapping: How many may follow that map policies.
        inhibit_any_policy: How many may follow in which anyPolicy counts.
        extra_extensions: Pairs of any ``x509.ExtensionType`` and whether it is critical;
            ``x509.UnrecognizedExtension(oid, der)`` holds arbitrary content.
        criticality: Whether extensions are critical, by their OIDs, over all that is said elsewhere.
        version: 3; or, wrong on purpose, 1 or 2, which have no extensions.
        odd_serial_number: Any whole number instead of a sound one: zero, negative, over 20 octets.
        wrong_signature: Whether one bit of the signature is turned over.
        repeated_extensions: The OIDs of extensions that stand in the certificate twice.
        raw_extensions: Whole extensions in DER, as ``der.extension`` makes them, behind the others; nothing is checked.
        edit_tbs: Called with the DER of the certificate's body; what it returns is signed instead.
        edit_der: Called with the DER of the signed certificate; what it returns takes its place.
    """

    key_type: str
    private_key: PrivateKey | bytes | None
    public_key: PublicKey | bytes | None
    valid_from: datetime | None
    valid_for: timedelta | None
    valid_until: datetime | None
    expired: bool
    not_yet_valid: bool
    serial_number: int | None
    signature_hash: str | None
    rsa_padding: str
    deterministic: bool
    ca: bool | None
    path_length: int | None
    basic_constraints_critical: bool
    key_usage: Iterable[str] | None
    key_usage_critical: bool
    extended_key_usage: Iterable[str] | None
    extended_key_usage_critical: bool
    subject_alternative_names: Iterable[AlternativeName]
    issuer_alternative_names: Iterable[AlternativeName]
    permitted_names: Iterable[AlternativeName]
    excluded_names: Iterable[AlternativeName]
    name_constraints_critical: bool
    subject_key_identifier: bool | bytes
    authority_key_identifier: bool | bytes | str
    crl_distribution_points: Iterable[AlternativeName]
    freshest_crl: Iterable[AlternativeName]
    authority_information_access: Iterable[str | x509.AccessDescription]
    subject_information_access: Iterable[str | x509.AccessDescription]
    certificate_policies: Iterable[str | x509.PolicyInformation]
    policy_mappings: Iterable[tuple[str, str]]
    require_explicit_policy: int | None
    inhibit_policy_mapping: int | None
    inhibit_any_policy: int | None
    extra_extensions: Iterable[tuple[x509.ExtensionType, bool]]
    criticality: Mapping[x509.ObjectIdentifier, bool]
    version: int
    odd_serial_number: int | None
    wrong_signature: bool
    repeated_extensions: Iterable[x509.ObjectIdentifier]
    raw_extensions: Iterable[bytes]
    edit_tbs: Callable[[bytes], bytes] | None
    edit_der: Callable[[bytes], bytes] | None


_COMMON: CertificateOptions = {
    "key_type": "P-384",
    "private_key": None,
    "public_key": None,
    "valid_from": None,
    "valid_for": None,
    "valid_until": None,
    "expired": False,
    "not_yet_valid": False,
    "serial_number": None,
    "signature_hash": None,
    "rsa_padding": "PKCS1v15",
    "deterministic": False,
    "path_length": None,
    "basic_constraints_critical": True,
    "key_usage_critical": True,
    "extended_key_usage_critical": False,
    "subject_alternative_names": (),
    "issuer_alternative_names": (),
    "permitted_names": (),
    "excluded_names": (),
    "name_constraints_critical": True,
    "subject_key_identifier": True,
    "authority_key_identifier": True,
    "crl_distribution_points": (),
    "freshest_crl": (),
    "authority_information_access": (),
    "subject_information_access": (),
    "certificate_policies": (),
    "policy_mappings": (),
    "require_explicit_policy": None,
    "inhibit_policy_mapping": None,
    "inhibit_any_policy": None,
    "extra_extensions": (),
    "criticality": {},
    "version": 3,
    "odd_serial_number": None,
    "wrong_signature": False,
    "repeated_extensions": (),
    "raw_extensions": (),
    "edit_tbs": None,
    "edit_der": None,
}

_LEAF: CertificateOptions = {"ca": False, "key_usage": ("digitalSignature",), "extended_key_usage": ("clientAuth",)}
_CA: CertificateOptions = {"ca": True, "key_usage": ("keyCertSign", "cRLSign"), "extended_key_usage": None}

# Each says what another says too.
_EXCLUSIVE = (
    ("private_key", "public_key"),
    ("valid_for", "valid_until"),
    ("valid_from", "expired"),
    ("valid_until", "expired"),
    ("valid_from", "not_yet_valid"),
    ("expired", "not_yet_valid"),
    ("serial_number", "odd_serial_number"),
)


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
        ConfigurationError: A knob that there is not, knobs that exclude each other, or a public key alone: a CA has to
            sign.
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
    # Identity: a zero is a serial number.
    given = {name for name, value in options.items() if value is not None and value is not False}
    for one, other in _EXCLUSIVE:
        if {one, other} <= given:
            raise ConfigurationError(f"give {one} or {other}, not both")
