"""Decide whether a leaf is trusted: its chain header, the path to the anchor, the service's rules, the dates."""

from __future__ import annotations

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
        errors = validate_loaded(leaf, intermediates, anchors, now).errors
    except CertificateError as error:
        raise access_denied(UNFIT_LEAF) from error
    if errors:
        raise _refusal(errors)
    return intermediates


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


def _refusal(errors: tuple[Finding, ...]) -> Refusal:
    of_leaf = [error for error in errors if error.subject == "leaf" and error.code not in _ABOUT_THE_PATH]
    if len(of_leaf) < len(errors):
        return access_denied(UNTRUSTED_ISSUER)
    if all(error.code in _DATES for error in of_leaf):
        return access_denied(LEAF_NOT_VALID_NOW)
    return access_denied(UNFIT_LEAF)
