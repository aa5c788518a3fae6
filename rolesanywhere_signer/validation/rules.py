"""What the service asks of a leaf, of a CA certificate, and of the bundle that a trust anchor is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, PublicKeyAlgorithmOID

from ..findings import Finding
from . import sources
from .attributes import attribute_findings
from .dates import Timing, date_findings
from .signature import is_self_signed, weak_hash

if TYPE_CHECKING:
    from .parsed import ParsedCertificate

MAX_INTERMEDIATES = 5
_MAX_ANCHOR_CERTIFICATES = 2
_MAX_ANCHOR_CHARACTERS = 204_800
_RSA_BITS = 2048

# The curves that requests are known to be accepted with; the service documents no list.
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_ML_DSA = {f"2.16.840.1.101.3.4.3.{arc}" for arc in (17, 18, 19)}
_KEY_NAMES = {
    PublicKeyAlgorithmOID.DSA: "DSA",
    PublicKeyAlgorithmOID.RSASSA_PSS: "RSASSA-PSS, which cannot sign with PKCS #1 v1.5 as the service asks",
    PublicKeyAlgorithmOID.X25519: "X25519",
    PublicKeyAlgorithmOID.X448: "X448",
    PublicKeyAlgorithmOID.ED25519: "Ed25519",
    PublicKeyAlgorithmOID.ED448: "Ed448",
}

# What this package takes account of; of certificate policies, every one is accepted.
_PROCESSED_EXTENSIONS = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
}


def leaf_findings(leaf: ParsedCertificate, timing: Timing) -> Iterator[Finding]:
    """Yield what the service's rules say about an end-entity certificate taken by itself."""
    yield from _version(leaf)
    yield from _subject(leaf)
    yield from _key(leaf)
    yield from _end_entity(leaf)
    yield from _end_entity_key_usage(leaf)
    yield from _signature_hash(leaf)
    yield from date_findings(leaf, timing)
    yield from _extended_key_usage(leaf)
    yield from attribute_findings(leaf)
    yield from _critical_extensions(leaf)


def intermediate_findings(intermediate: ParsedCertificate, timing: Timing) -> Iterator[Finding]:
    """Yield what the rules say about a CA certificate between the leaf and the trust anchor."""
    yield from _authority(intermediate, timing, key_usage_required=False)


def anchor_findings(anchor: ParsedCertificate, timing: Timing) -> Iterator[Finding]:
    """Yield what the service's rules say about one certificate of a trust anchor."""
    yield from _authority(anchor, timing, key_usage_required=True)


def _authority(certificate: ParsedCertificate, timing: Timing, *, key_usage_required: bool) -> Iterator[Finding]:
    yield from _version(certificate)
    yield from _certificate_authority(certificate)
    yield from _authority_key_usage(certificate, required=key_usage_required)
    weak = list(_signature_hash(certificate))
    # Nobody relies on a signature that a certificate has from its own key; verifying takes long, so it comes last.
    if weak and not (certificate.is_self_issued and is_self_signed(certificate.certificate)):
        yield from weak
    yield from date_findings(certificate, timing)
    yield from _critical_extensions(certificate)


def bundle_findings(count: int, characters: int) -> Iterator[Finding]:
    """Yield what the service's limits say about a trust anchor's bundle.

    Args:
        count: How many certificates it has.
        characters: The length of the bundle in PEM.
    """
    if count > _MAX_ANCHOR_CERTIFICATES:
        yield Finding(
            "too-many-certificates",
            "warning",
            "trust anchor",
            f"it has {count} certificates; a trust anchor takes {_MAX_ANCHOR_CERTIFICATES} unless the quota is raised",
            hint="keep the certificates that leaves are issued under now, or ask AWS to raise the quota",
            rule=sources.QUOTAS,
        )
    if characters > _MAX_ANCHOR_CHARACTERS:
        yield Finding(
            "too-large",
            "error",
            "trust anchor",
            f"it has {characters:,} characters of PEM; the service takes {_MAX_ANCHOR_CHARACTERS:,}",
            hint="leave out what stands between the PEM blocks, and certificates that issue no leaf",
            rule=sources.ANCHOR_SIZE,
        )


def chain_length_findings(count: int) -> Iterator[Finding]:
    """Yield whether ``count`` certificates are too many for the chain header."""
    if count > MAX_INTERMEDIATES:
        yield Finding(
            "too-many-intermediates",
            "error",
            "path",
            f"there are {count} intermediates; the chain header of a request holds {MAX_INTERMEDIATES}",
            hint="send only the intermediates between the leaf and the trust anchor, without leaf and root, "
            "or make a CA nearer to the leaf the trust anchor",
            rule=sources.CHAIN_HEADER,
        )


def _version(certificate: ParsedCertificate) -> Iterator[Finding]:
    if certificate.certificate.version is not x509.Version.v3:
        yield certificate.error(
            "not-v3",
            f"it is an X.509 {certificate.certificate.version.name} certificate; the service takes v3",
            hint="have it issued with extensions, which make it v3: openssl x509 -req takes them with -extfile",
            rule=sources.SIGNATURE_VALIDATION,
        )


def _subject(leaf: ParsedCertificate) -> Iterator[Finding]:
    if not leaf.subject:
        yield leaf.error(
            "empty-subject",
            "its subject is empty",
            hint="have it issued with a subject, such as CN=my-application",
            rule=sources.SIGNATURE_VALIDATION,
        )


def _key(leaf: ParsedCertificate) -> Iterator[Finding]:
    unsupported = _unsupported_key(leaf)
    if unsupported:
        yield leaf.error(
            "unsupported-key",
            f"its key is {unsupported}; the service takes RSA, EC (P-256, P-384, P-521) and ML-DSA",
            hint="make a new key, for example: openssl ecparam -name prime256v1 -genkey -noout",
            rule=sources.SIGNING_PROCESS,
        )
    elif isinstance(leaf.public_key, rsa.RSAPublicKey) and leaf.public_key.key_size < _RSA_BITS:
        yield leaf.warning(
            "weak-key",
            f"its RSA key has {leaf.public_key.key_size} bits; under {_RSA_BITS} it can be broken",
            hint=f"make a new key of {_RSA_BITS} bits or more, or an EC key, and have a certificate issued",
            rule=sources.RSA_SIZE,
        )


def _unsupported_key(leaf: ParsedCertificate) -> str | None:
    """Return what the key is when the service does not take it; by its OID, since ML-DSA may be unreadable here."""
    algorithm = leaf.certificate.public_key_algorithm_oid
    if algorithm.dotted_string in _ML_DSA:
        return None
    if algorithm not in (PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.EC_PUBLIC_KEY):
        return _KEY_NAMES.get(algorithm, f"of the algorithm {algorithm.dotted_string}")
    if leaf.public_key is None:
        return "damaged, or on a curve that is not known"
    if isinstance(leaf.public_key, ec.EllipticCurvePublicKey) and leaf.public_key.curve.name not in _CURVES:
        return f"on the curve {leaf.public_key.curve.name}"
    return None


def _end_entity(leaf: ParsedCertificate) -> Iterator[Finding]:
    if leaf.is_ca:
        yield leaf.error(
            "is-ca",
            "it is a CA certificate (basic constraints say CA:TRUE)",
            hint="give the end-entity certificate, or have one issued with: basicConstraints = critical, CA:FALSE",
            rule=sources.SIGNATURE_VALIDATION,
        )


def _end_entity_key_usage(leaf: ParsedCertificate) -> Iterator[Finding]:
    usage = leaf.extension(x509.KeyUsage)
    hint = "have it issued with: keyUsage = critical, digitalSignature"
    if usage is None:
        message = "it has no key usage extension, and the service demands one with digitalSignature"
        yield leaf.error("no-key-usage", message, hint=hint, rule=sources.SIGNATURE_VALIDATION)
    elif not usage.digital_signature:
        message = "its key usage does not include digitalSignature"
        yield leaf.error("no-digital-signature", message, hint=hint, rule=sources.SIGNATURE_VALIDATION)


def _extended_key_usage(leaf: ParsedCertificate) -> Iterator[Finding]:
    usage = leaf.extension(x509.ExtendedKeyUsage)
    wanted = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and wanted.isdisjoint(usage):
        yield leaf.warning(
            "no-client-auth",
            "its extended key usage does not include clientAuth; the service may take it for another purpose",
            hint="have it issued with: extendedKeyUsage = clientAuth, or without the extension",
            rule=sources.EXTENDED_KEY_USAGE,
        )


def _signature_hash(certificate: ParsedCertificate) -> Iterator[Finding]:
    name = weak_hash(certificate.certificate)
    if name:
        yield certificate.error(
            "weak-signature-hash",
            f"its issuer signed it with {name}; the service demands SHA-256 or stronger",
            hint="have it issued anew with SHA-256 or stronger: openssl x509 -req -sha256, or default_md = sha256",
            rule=sources.SIGNATURE_VALIDATION,
        )


def _certificate_authority(certificate: ParsedCertificate) -> Iterator[Finding]:
    if not certificate.is_ca:
        yield certificate.error(
            "not-a-ca",
            f"{certificate.subject_text} is not a CA (basic constraints do not say CA:TRUE)",
            hint="give the CA's own certificate, or have it issued with: basicConstraints = critical, CA:TRUE",
            rule=sources.BASIC_CONSTRAINTS,
        )


def _authority_key_usage(certificate: ParsedCertificate, *, required: bool) -> Iterator[Finding]:
    usage = certificate.extension(x509.KeyUsage)
    if usage.key_cert_sign if usage is not None else not required:
        return
    found = "does not include keyCertSign" if usage is not None else "is absent"
    yield certificate.error(
        "cannot-sign-certificates",
        f"the key usage of {certificate.subject_text} {found}",
        hint="have it issued with: keyUsage = critical, keyCertSign, cRLSign",
        rule=sources.SIGNATURE_VALIDATION if required else sources.KEY_USAGE,
    )


def _critical_extensions(certificate: ParsedCertificate) -> Iterator[Finding]:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _PROCESSED_EXTENSIONS:
            yield certificate.warning(
                "unhandled-critical-extension",
                f"its extension {extension.oid.dotted_string} is critical, and is not checked here",
                hint="the service may refuse the certificate; if the extension is yours, mark it as not critical",
                rule=sources.CRITICAL_EXTENSIONS,
            )
