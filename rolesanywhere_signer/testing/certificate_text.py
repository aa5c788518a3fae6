"""A certificate for a person to read: names, number, dates, key, extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from ..certificates import name_text

_WIDTH = 16
# Of what is not taken apart here, the first octets.
_MOST_OCTETS = 32


def certificate_text(certificate: x509.Certificate) -> str:
    """Return the text of a certificate, which ends with a line feed; what cannot be decoded is told as such."""
    lines = [
        ("subject", _name(lambda: certificate.subject)),
        ("issuer", _name(lambda: certificate.issuer)),
        ("serial number", f"{certificate.serial_number} (0x{certificate.serial_number:x})"),
        ("valid from", _date(lambda: certificate.not_valid_before_utc)),
        ("valid until", _date(lambda: certificate.not_valid_after_utc)),
        ("key", _key(certificate)),
        ("signature", _oid_name(SignatureAlgorithmOID, certificate.signature_algorithm_oid, "-")),
    ]
    shown = [f"{head + ':':<{_WIDTH}}{text}" for head, text in lines]
    return "\n".join([*shown, "extensions:", *_extensions(certificate), ""])


def _name(read: Callable[[], x509.Name]) -> str:
    try:
        return name_text(read())
    except Exception:  # noqa: BLE001 - cryptography decodes a name when it is first looked at
        return "(unreadable)"


def _date(read: Callable[[], datetime]) -> str:
    try:
        return read().strftime("%Y-%m-%d %H:%M:%S UTC")
    except Exception:  # noqa: BLE001 - the same for dates that no calendar has
        return "(unreadable)"


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, ValueError
        return f"of a kind that is not known here ({certificate.public_key_algorithm_oid.dotted_string})"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").replace("MLDSA", "ML-DSA-")


def _extensions(certificate: x509.Certificate) -> Iterator[str]:
    try:
        found = list(certificate.extensions)
    except Exception as error:  # noqa: BLE001 - doubled, malformed, or of names that are not supported
        yield f"  (unreadable: {_printable(str(error))})"
        return
    for extension in found:
        critical = ", critical" if extension.critical else ""
        yield f"  {_oid_name(ExtensionOID, extension.oid, ' ')}{critical}: {_value(extension.value)}"
    if not found:
        yield "  none"


def _value(value: x509.ExtensionType) -> str:
    return _SHOWN.get(type(value), _octets)(value)


def _basic_constraints(value: Any) -> str:
    length = "" if value.path_length is None else f", pathlen:{value.path_length}"
    return f"CA:{str(value.ca).upper()}{length}"


def _key_usage(value: Any) -> str:
    return ", ".join(_usages(value)) or "none"


def _extended_key_usage(value: Any) -> str:
    return ", ".join(_oid_name(ExtendedKeyUsageOID, oid, " ") for oid in value)


def _general_names(value: Any) -> str:
    return ", ".join(map(_general_name, value))


def _key_identifier(value: Any) -> str:
    return value.key_identifier.hex() if value.key_identifier is not None else "without a key identifier"


def _distribution_points(value: Any) -> str:
    return ", ".join(_general_name(name) for point in value for name in point.full_name or ()) or "without a full name"


def _access_descriptions(value: Any) -> str:
    return ", ".join(f"{each.access_method.dotted_string} {_general_name(each.access_location)}" for each in value)


def _policies(value: Any) -> str:
    return ", ".join(policy.policy_identifier.dotted_string for policy in value)


def _usages(usage: x509.KeyUsage) -> Iterator[str]:
    for name, attribute in _KEY_USAGES.items():
        if getattr(usage, attribute):
            yield name
    if usage.key_agreement:
        yield from (name for name in ("encipher_only", "decipher_only") if getattr(usage, name))


_KEY_USAGES: Mapping[str, str] = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_GENERAL_NAMES: Mapping[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS",
    x509.UniformResourceIdentifier: "URI",
    x509.RFC822Name: "email",
    x509.IPAddress: "IP",
}


def _general_name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return f"dirName:{name_text(name.value)}"
    return f"{_GENERAL_NAMES.get(type(name), type(name).__name__)}:{_printable(str(name.value))}"


def _octets(value: x509.ExtensionType) -> str:
    try:
        octets = value.value if isinstance(value, x509.UnrecognizedExtension) else value.public_bytes()
    except Exception:  # noqa: BLE001 - what cannot be encoded anew
        return "(not shown)"
    return octets[:_MOST_OCTETS].hex() + ("…" if len(octets) > _MOST_OCTETS else "")


def _oid_name(names: type[object], oid: x509.ObjectIdentifier, between: str) -> str:
    """Return the name under which cryptography has an object identifier, or its dotted form."""
    found = next((name for name, value in vars(names).items() if value == oid), None)
    return oid.dotted_string if found is None else found.lower().replace("_", between)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)[:300]


_SHOWN: Mapping[type[x509.ExtensionType], Callable[[Any], str]] = {
    x509.BasicConstraints: _basic_constraints,
    x509.KeyUsage: _key_usage,
    x509.ExtendedKeyUsage: _extended_key_usage,
    x509.SubjectAlternativeName: _general_names,
    x509.IssuerAlternativeName: _general_names,
    x509.SubjectKeyIdentifier: _key_identifier,
    x509.AuthorityKeyIdentifier: _key_identifier,
    x509.CRLDistributionPoints: _distribution_points,
    x509.FreshestCRL: _distribution_points,
    x509.AuthorityInformationAccess: _access_descriptions,
    x509.SubjectInformationAccess: _access_descriptions,
    x509.CertificatePolicies: _policies,
}
