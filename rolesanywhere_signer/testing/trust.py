"""Decide whether a leaf is trusted: its chain header, the path to the anchor, the service's rules, the dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from ..errors import CertificateError
from ..findings import Finding
from ..validation import validate_loaded
from .assumptions import LEAF_NOT_VALID_NOW, TOO_MANY_INTERMEDIATES, UNREADABLE_CHAIN
from .refusals import UNFIT_LEAF, UNTRUSTED_ISSUER, Refusal, access_denied, invalid_request
from .verifier import CHAIN_HEADER, parse_certificate
from .wire import HttpRequest

MAX_INTERMEDIATES = 5

_DATES = frozenset({"expired", "not-yet-valid"})
_ABOUT_THE_PATH = frozenset(
    {"issuer-not-found", "bad-signature", "path-too-long", "name-not-permitted", "too-many-intermediates"}
)

# Those that the validation evaluates name constraints for.
_CONSTRAINED_NAMES = (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.DirectoryName)


def verify_trust(
    request: HttpRequest, leaf: x509.Certificate, anchors: tuple[x509.Certificate, ...], now: datetime
) -> list[x509.Certificate]:
    """Verify that one of ``anchors`` stands behind ``leaf`` and that the service's rules allow it, at ``now``.

    Not checked: revocation.

    Returns:
        The intermediates that the request carries.

    Raises:
        Refusal: Untrusted, unfit, or outside its validity; the path is judged before the leaf, the dates last.
    """
    intermediates = parse_chain(request, leaf, anchors)
    try:
        objections = objections_to(leaf, intermediates, anchors, now)
    except CertificateError as error:
        raise access_denied(UNFIT_LEAF) from error
    if objections:
        raise _refusal(objections)
    return intermediates


def objections_to(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> list[Finding]:
    """Return what speaks against a leaf: the errors, and what nobody looked at but must be looked at.

    A critical extension that is not understood (RFC 5280, 4.2), and a constraint on names of a kind that is not
    evaluated, where a certificate has such names (4.2.1.10), are reasons to refuse; a client is only warned of them.

    Raises:
        CertificateError: A certificate cannot be decoded.
    """
    report = validate_loaded(leaf, intermediates, anchors, now)
    unchecked = {"unhandled-critical-extension"}
    if any(_has_other_names(each) for each in (leaf, *intermediates)):
        unchecked.add("name-constraints-not-checked")
    return [finding for finding in report.findings if finding.severity == "error" or finding.code in unchecked]


def _has_other_names(certificate: x509.Certificate) -> bool:
    """Return whether there are names of a kind that name constraints are not evaluated for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return any(not isinstance(name, _CONSTRAINED_NAMES) for name in names)


def parse_chain(
    request: HttpRequest, leaf: x509.Certificate, anchors: tuple[x509.Certificate, ...]
) -> list[x509.Certificate]:
    """Return the intermediates that the request carries, without the leaf, the anchors and duplicates.

    Raises:
        Refusal: Not certificates, or more than five of them.
    """
    texts = [text.strip(" \t") for value in request.values(CHAIN_HEADER) for text in value.split(",")]
    intermediates: list[x509.Certificate] = []
    # The same text is the same certificate: each is parsed once.
    for text in dict.fromkeys(texts):
        certificate = parse_certificate(text)
        if certificate is None:
            raise invalid_request(UNREADABLE_CHAIN)
        if certificate in (leaf, *anchors):
            continue
        if len(intermediates) == MAX_INTERMEDIATES:
            raise access_denied(TOO_MANY_INTERMEDIATES)
        intermediates.append(certificate)
    return intermediates


def _refusal(objections: Sequence[Finding]) -> Refusal:
    of_leaf = [each for each in objections if each.subject == "leaf" and each.code not in _ABOUT_THE_PATH]
    if len(of_leaf) < len(objections):
        return access_denied(UNTRUSTED_ISSUER)
    if all(each.code in _DATES for each in of_leaf):
        return access_denied(LEAF_NOT_VALID_NOW)
    return access_denied(UNFIT_LEAF)
