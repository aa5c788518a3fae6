"""Trust anchors: where their certificates come from, and what the service refuses when one is made."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..certificates import parse_certificates
from ..errors import CertificateRejectedError
from ..pem import PemError, parse_blocks
from ..validation import validate_trust_anchor
from .account import Account
from .assumptions import TOO_MANY_CERTIFICATES, TOO_MANY_TRUST_ANCHORS
from .labels import check_number_of_tags
from .refusals import NOT_A_CA, PRIVATE_CA_REFUSED, invalid_request
from .resources import AWS_ACM_PCA, CERTIFICATE_BUNDLE, TrustAnchor

_DATES = frozenset({"expired", "not-yet-valid"})


class AnchorSource(NamedTuple):
    """Where a trust anchor's certificates come from.

    Attributes:
        source_type: ``CERTIFICATE_BUNDLE`` or ``AWS_ACM_PCA``.
        data: The PEM, or the ARN of the private CA.
        certificates: The CA's.
    """

    source_type: str
    data: str
    certificates: tuple[x509.Certificate, ...]


def bundle_source(data: bytes, most: int, now: datetime) -> AnchorSource:
    """Return the source that PEM or DER bytes make.

    Args:
        data: The certificates. What else stands among them, such as a key, is not kept.
        most: How many certificates there may be.
        now: Aware.

    Raises:
        CertificateLoadError: No certificate.
        CertificateRejectedError: One that the service takes for no CA, whatever its dates.
        Refusal: Too many.
    """
    _check_certificates(data, now)
    certificates = tuple(parse_certificates(data, where="the trust anchor"))
    if len(certificates) > most:
        raise invalid_request(TOO_MANY_CERTIFICATES)
    return AnchorSource(CERTIFICATE_BUNDLE, _kept_text(data, certificates), certificates)


def private_ca_source(account: Account, arn: str) -> AnchorSource:
    """Return the source that a private CA makes, as it is now.

    Raises:
        Refusal: Nobody registered it.
    """
    certificates = account.private_ca(arn)
    if certificates is None:
        raise invalid_request(PRIVATE_CA_REFUSED)
    return AnchorSource(AWS_ACM_PCA, arn, certificates)


def add_trust_anchor(account: Account, made: TrustAnchor) -> TrustAnchor:
    """Add a new trust anchor.

    Raises:
        ConfigurationError: One with that ARN is there already.
        Refusal: A limit is reached, or the alias is in use.
    """
    check_number_of_tags(made.tags, account.limits.tags_per_resource)
    with account.lock:
        if len(account.trust_anchors) >= account.limits.trust_anchors:
            raise invalid_request(TOO_MANY_TRUST_ANCHORS)
        return account.trust_anchors.add(made)


def _check_certificates(data: bytes, now: datetime) -> None:
    """Refuse what the service refuses when a trust anchor is made; dates count later, at each call."""
    found = tuple(error for error in validate_trust_anchor(data, at=now).errors if error.code not in _DATES)
    if any(error.code == "not-a-ca" for error in found):
        raise CertificateRejectedError(NOT_A_CA, hint=found[0].hint, findings=found)
    if found:
        raise CertificateRejectedError("; ".join(map(str, found)), hint=found[0].hint, findings=found)


def _kept_text(data: bytes, certificates: tuple[x509.Certificate, ...]) -> str:
    try:
        blocks = parse_blocks(data)
    except PemError:
        blocks = []
    if len(blocks) == len(certificates):
        return data.decode("utf-8", "replace")
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates).decode("ascii")
