"""Roles Anywhere's certificate rules: for the leaf, its intermediates, the trust anchor, and the path between them.

The rules come from the service's user guide and from RFC 5280. Not checked: revocation (only the service knows its
revocation lists), name constraints on IP addresses and rarer kinds of names, certificate policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..certificates import (
    CertificateSource,
    choose_leaf,
    has_key,
    load_certificates,
    parse_certificates,
)
from ..clock import utc_now
from ..errors import CertificateLoadError, UnsupportedKeyError
from ..files import Source, describe_source, read_source
from ..findings import Finding, ValidationReport
from ..keys import load_private_key
from . import sources
from .dates import Timing, make_timing
from .parsed import ParsedCertificate, parse_certificate
from .rules import anchor_findings, bundle_findings, chain_length_findings, leaf_findings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ..keys import Passphrase, SigningKey

__all__ = ["validate_certificate", "validate_loaded", "validate_trust_anchor"]


def validate_certificate(
    certificate: CertificateSource,
    private_key: Source | SigningKey | None = None,
    intermediates: CertificateSource | None = None,
    trust_anchor: CertificateSource | None = None,
    at: datetime | None = None,
    expiry_warning_seconds: int | None = None,
    *,
    passphrase: Passphrase | None = None,
) -> ValidationReport:
    """Validate an end-entity certificate as the service will, and say everything that is wrong with it at once.

    Revocation is not checked. Without a trust anchor no path is looked for, and every intermediate is judged by
    itself; with one, those on the path are judged, or all of them when there is no path.

    Args:
        certificate: A path, or PEM or DER bytes. In a full chain the leaf is the certificate that the private key
            fits, else the first that is no CA.
        private_key: A path, PEM or DER bytes, or a ``SigningKey``; None: whether it fits is not looked at.
        intermediates: A path, or PEM or DER bytes, in any order. None: what stands beside the leaf in ``certificate``.
        trust_anchor: A path, or PEM or DER bytes, of one certificate or several.
        at: When, aware. None: now.
        expiry_warning_seconds: How long before its expiry a certificate is warned of. None: 30 days or a third of
            its life, whichever is shorter.
        passphrase: Of the private key, or a callable that returns it.

    Raises:
        CertificateLoadError: A certificate cannot be read, or a name, date or extension in it cannot be decoded.
        PrivateKeyLoadError: The private key cannot be read.
        PassphraseError: The private key is encrypted, and the passphrase is missing or wrong.
        ConfigurationError: ``at`` has no time zone, or ``expiry_warning_seconds`` is negative or no whole number.
    """
    timing = make_timing(utc_now() if at is None else at, expiry_warning_seconds)
    public_key, key_findings = _load_public_key(private_key, passphrase)
    chain = load_certificates(certificate)
    leaf = chain.pop(choose_leaf(chain, public_key))
    if intermediates is not None:
        chain = load_certificates(intermediates, "intermediates")
    anchors, anchor_limits = (None, []) if trust_anchor is None else _load_anchor(trust_anchor)
    if public_key is not None:
        key_findings = _mismatch_findings(leaf, public_key)
    return _Case(leaf, chain, anchors, key_findings, anchor_limits).report(timing)


def validate_trust_anchor(
    trust_anchor: CertificateSource, at: datetime | None = None, expiry_warning_seconds: int | None = None
) -> ValidationReport:
    """Validate the certificates of a trust anchor as the service will when they are uploaded.

    Args:
        trust_anchor: A path, or PEM or DER bytes, of one certificate or several.
        at: When, aware. None: now.
        expiry_warning_seconds: As for ``validate_certificate``.

    Raises:
        CertificateLoadError: A certificate cannot be read, or a name, date or extension in it cannot be decoded.
        ConfigurationError: ``at`` has no time zone, or ``expiry_warning_seconds`` is negative or no whole number.
    """
    timing = make_timing(utc_now() if at is None else at, expiry_warning_seconds)
    anchors, limits = _load_anchor(trust_anchor)
    own = [finding for anchor in _parse_anchors(anchors) for finding in anchor_findings(anchor, timing)]
    return ValidationReport((*own, *limits))


def validate_loaded(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate] | None,
    at: datetime,
    *,
    expiry_warning_seconds: int | None = None,
) -> ValidationReport:
    """Validate certificates that are loaded already, as ``validate_certificate`` does with files.

    Args:
        leaf: The end-entity certificate.
        intermediates: What the chain header carries, in its order.
        anchors: The trust anchor's certificates. None: no path is looked for. How many they are and how large is
            not looked at.
        at: When, aware.
        expiry_warning_seconds: As for ``validate_certificate``.

    Raises:
        CertificateLoadError: A name, date or extension in a certificate cannot be decoded.
        ConfigurationError: ``at`` has no time zone, or ``expiry_warning_seconds`` is negative or no whole number.
    """
    return _Case(leaf, intermediates, anchors).report(make_timing(at, expiry_warning_seconds))


class _Case(NamedTuple):
    """What is to be validated, and what was found while it was loaded."""

    leaf: x509.Certificate
    intermediates: Sequence[x509.Certificate]
    anchors: Sequence[x509.Certificate] | None
    key_findings: Sequence[Finding] = ()
    anchor_limits: Sequence[Finding] = ()

    def report(self, timing: Timing) -> ValidationReport:
        leaf = parse_certificate(self.leaf, "leaf")
        own = (*leaf_findings(leaf, timing), *self.key_findings)
        if not self.intermediates and self.anchors is None:
            return ValidationReport(own)
        return ValidationReport((*own, *self._chain_findings(leaf, timing)))

    def _chain_findings(self, leaf: ParsedCertificate, timing: Timing) -> Iterator[Finding]:
        # A process that gets credentials for a lone leaf once, and ends, starts a tenth faster without it.
        from .chain import judge_chain  # noqa: PLC0415

        intermediates = [parse_certificate(each, f"intermediate[{n}]") for n, each in enumerate(self.intermediates)]
        anchors = None if self.anchors is None else _parse_anchors(self.anchors)
        verdict = judge_chain(leaf, intermediates, anchors, timing)
        yield from verdict.intermediates
        yield from verdict.anchors
        yield from self.anchor_limits
        yield from chain_length_findings(len(intermediates))
        yield from verdict.path


def _parse_anchors(anchors: Iterable[x509.Certificate]) -> list[ParsedCertificate]:
    return [parse_certificate(each, f"trust anchor[{n}]" if n else "trust anchor") for n, each in enumerate(anchors)]


def _load_anchor(source: CertificateSource) -> tuple[list[x509.Certificate], list[Finding]]:
    """Return the certificates of a trust anchor, and what is to be said of their number and size."""
    data = read_source(source, what="trust anchor", error=CertificateLoadError)
    anchors = parse_certificates(data, where=describe_source(source, "trust anchor"))
    return anchors, list(bundle_findings(len(anchors), _pem_characters(data, anchors)))


def _pem_characters(data: bytes, certificates: Iterable[x509.Certificate]) -> int:
    """Return how long the text is that would be uploaded: the file as it is, or what DER becomes in PEM."""
    if b"-----BEGIN" in data:
        return len(data.decode("utf-8", "replace"))
    return sum(len(certificate.public_bytes(Encoding.PEM)) for certificate in certificates)


def _load_public_key(
    source: Source | SigningKey | None, passphrase: Passphrase | None
) -> tuple[CertificatePublicKeyTypes | None, list[Finding]]:
    """Return the public half of the private key; an unsupported one is a finding, so that the others are told too."""
    if source is None:
        return None, []
    try:
        return load_private_key(source, passphrase).public_key, []
    except UnsupportedKeyError as error:
        hint = error.hint or "use an RSA, an EC or an ML-DSA key"
        return None, [Finding("unsupported-key", "error", "private key", error.message, hint, sources.SIGNING_PROCESS)]


def _mismatch_findings(leaf: x509.Certificate, public_key: CertificatePublicKeyTypes) -> list[Finding]:
    if has_key(leaf, public_key):
        return []
    return [
        Finding(
            "key-mismatch",
            "error",
            "private key",
            "it is not the key of the leaf: their public keys differ",
            "give the key that the certificate was requested with; the outputs of openssl pkey -in KEY -pubout and "
            "openssl x509 -in CERTIFICATE -noout -pubkey must be equal",
            sources.SIGNATURE_VALIDATION,
        )
    ]
