"""Certificate revocation lists: read, checked against the trust anchor, imported."""

from __future__ import annotations

from cryptography import x509

from ..pem import PemError, parse_blocks
from .account import Account
from .assumptions import CRL_OF_ANOTHER_CA, CRL_TOO_LARGE, CRL_TRUST_ANCHOR_UNKNOWN, TOO_MANY_CRLS, UNREADABLE_CRL
from .labels import check_number_of_tags
from .refusals import invalid_request, not_found
from .resources import Crl, TrustAnchor
from .revocation import is_signed_with_key_of

MAX_CRL_BYTES = 300_000

_LABELS = ("X509 CRL",)


def parse_crl(data: bytes) -> x509.CertificateRevocationList:
    """Return the one CRL in PEM or DER bytes.

    Raises:
        Refusal: There is none, there are several, or it is too large.
    """
    if len(data) > MAX_CRL_BYTES:
        raise invalid_request(CRL_TOO_LARGE)
    try:
        blocks = parse_blocks(data)
        ders = [block.der for block in blocks if block.label in _LABELS] if blocks else [data]
    except PemError as error:
        raise invalid_request(UNREADABLE_CRL) from error
    if len(ders) != 1:
        raise invalid_request(UNREADABLE_CRL)
    try:
        revocation_list = x509.load_der_x509_crl(ders[0])
        _look_at_everything(revocation_list)
    # cryptography raises ValueError, InvalidVersion and others for bytes that are no CRL.
    except Exception as error:
        raise invalid_request(UNREADABLE_CRL) from error
    return revocation_list


def check_issuer(revocation_list: x509.CertificateRevocationList, anchor: TrustAnchor) -> None:
    """Refuse a CRL that no CA of the trust anchor signed.

    Raises:
        Refusal: None of them did.
    """
    if not any(_is_signed_by(revocation_list, ca) for ca in anchor.certificates):
        raise invalid_request(CRL_OF_ANOTHER_CA)


def add_crl(account: Account, made: Crl) -> Crl:
    """Add a CRL to its trust anchor.

    Raises:
        ConfigurationError: One with that ARN is there already.
        Refusal: There is no such trust anchor, its CA did not sign the CRL, a limit is reached, or the alias is in use.
    """
    check_number_of_tags(made.tags, account.limits.tags_per_resource)
    with account.lock:
        anchor = account.trust_anchor(made.trust_anchor_arn)
        if anchor is None:
            raise not_found(CRL_TRUST_ANCHOR_UNKNOWN)
        check_issuer(made.revocation_list, anchor)
        if len(account.crls_of(anchor.arn)) >= account.limits.crls_per_trust_anchor:
            raise invalid_request(TOO_MANY_CRLS)
        return account.crls.add(made)


def _look_at_everything(revocation_list: x509.CertificateRevocationList) -> None:
    """Decode what cryptography decodes when it is first looked at, so that nothing malformed is found later."""
    moments = [revocation_list.last_update_utc, revocation_list.next_update_utc]
    for revoked in revocation_list:
        moments.append(revoked.revocation_date_utc)
        list(revoked.extensions)
    list(revocation_list.extensions)


def _is_signed_by(revocation_list: x509.CertificateRevocationList, ca: x509.Certificate) -> bool:
    try:
        same_name = revocation_list.issuer == ca.subject
    except Exception:  # noqa: BLE001 - a name that cryptography cannot read
        return False
    return same_name and is_signed_with_key_of(revocation_list, ca)
