"""The extensions of a certificate, as its options say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from ..errors import ConfigurationError
from .key_types import PublicKey
from .names import general_names
from .options import CertificateOptions

# RFC 5280, section 4.2.1.3, and cryptography's names of the bits.
_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
_EXTENDED_KEY_USAGES = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timeStamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
    "anyExtendedKeyUsage": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}

_Extension = tuple[x509.ExtensionType, bool]
IssuerKeyIdentity = x509.SubjectKeyIdentifier | CertificateIssuerPublicKeyTypes


def build_extensions(
    options: CertificateOptions, subject: x509.Name, public_key: PublicKey, issuer_key: IssuerKeyIdentity
) -> Iterator[_Extension]:
    """Yield each extension and whether it is critical.

    Args:
        options: Every knob.
        subject: Of the certificate; where it is empty, the alternative names are critical (RFC 5280, 4.2.1.6).
        public_key: The subject's.
        issuer_key: The issuer's key identifier, or its public key where its certificate has none.

    Raises:
        ConfigurationError: A usage or a name that there is not.
    """
    if options["ca"] is not None:
        constraints = x509.BasicConstraints(options["ca"], options["path_length"])
        yield constraints, options["basic_constraints_critical"]
    yield from _usages(options)
    yield from _names(options, subject)
    if options["subject_key_identifier"]:
        yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    if options["authority_key_identifier"]:
        yield _authority_key_identifier(issuer_key), False
    yield from options["extra_extensions"]


def _usages(options: CertificateOptions) -> Iterator[_Extension]:
    if options["key_usage"] is not None:
        yield _key_usage(options["key_usage"]), options["key_usage_critical"]
    if options["extended_key_usage"] is not None:
        yield _extended_key_usage(options["extended_key_usage"]), options["extended_key_usage_critical"]


def _names(options: CertificateOptions, subject: x509.Name) -> Iterator[_Extension]:
    alternatives = general_names(options["subject_alternative_names"])
    if alternatives:
        yield x509.SubjectAlternativeName(alternatives), not subject.rdns
    permitted = general_names(options["permitted_names"])
    excluded = general_names(options["excluded_names"])
    if permitted or excluded:
        yield x509.NameConstraints(permitted or None, excluded or None), options["name_constraints_critical"]


def _key_usage(names: Iterable[str]) -> x509.KeyUsage:
    _require_list("key_usage", names)
    bits = dict.fromkeys(_KEY_USAGES.values(), False)
    for name in names:
        if name not in _KEY_USAGES:
            raise ConfigurationError(f"there is no key usage {name!r}", hint=f"one of {', '.join(_KEY_USAGES)}")
        bits[_KEY_USAGES[name]] = True
    return x509.KeyUsage(**bits)


def _extended_key_usage(names: Iterable[str]) -> x509.ExtendedKeyUsage:
    _require_list("extended_key_usage", names)
    return x509.ExtendedKeyUsage([_EXTENDED_KEY_USAGES.get(name) or x509.ObjectIdentifier(name) for name in names])


def _require_list(option: str, names: Iterable[str]) -> None:
    if isinstance(names, str):
        raise ConfigurationError(f"{option} must be a list of names, not the text {names!r}")


def _authority_key_identifier(issuer_key: IssuerKeyIdentity) -> x509.AuthorityKeyIdentifier:
    if isinstance(issuer_key, x509.SubjectKeyIdentifier):
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
