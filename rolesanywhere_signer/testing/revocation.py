"""Certificate revocation lists: asked about every certificate between a leaf and its trust anchor.

Source: the service's user guide, "Revocation"; RFC 5280, sections 5 and 6.3. What the former leaves open stands in
``rolesanywhere_signer.testing.assumptions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice, pairwise

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID

from ..validation.names import CanonicalName, canonical_name
from ..validation.parsed import parse_certificate
from ..validation.path import PathSearch
from .refusals import CERTIFICATE_REVOKED, access_denied
from .trust import objections_to

# The longest list that the service takes has some thousand entries, which take about a megabyte here.
_KEPT_LISTS = 32
# As many as the validation itself looks at.
_MAX_PATHS = 50


def verify_not_revoked(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    lists: Sequence[ReadList],
    now: datetime,
) -> None:
    """Verify that a leaf which is trusted has a path on which nothing is revoked.

    Args:
        leaf: Found to be trusted.
        intermediates: Of the request.
        anchors: The trust anchor's certificates, which cannot be revoked.
        lists: The enabled ones of the trust anchor. Neither their dates count, nor whom they say they are about.
        now: Aware.

    Raises:
        Refusal: The leaf, or an intermediate on each of its paths, is revoked.
    """
    serial_numbers = {each.serial_number for each in (leaf, *intermediates)}
    # Most certificates are on no list: then the paths need not be looked for again.
    if all(serial_numbers.isdisjoint(each.serial_numbers) for each in lists):
        return
    paths = _sound_paths(leaf, intermediates, anchors, now)
    if all(_is_revoked(path, anchors, lists) for path in paths):
        raise access_denied(CERTIFICATE_REVOKED)


@dataclass(frozen=True)
class ReadList:
    """A list that was read through.

    Attributes:
        loaded: As cryptography's object.
        issuer: Whose it is.
        serial_numbers: What that issuer revoked.
    """

    loaded: x509.CertificateRevocationList = field(repr=False)
    issuer: CanonicalName
    serial_numbers: frozenset[int] = field(repr=False)

    def revokes(
        self, certificate: x509.Certificate, issuer: x509.Certificate, anchors: Sequence[x509.Certificate]
    ) -> bool:
        """Return whether it is a list of ``issuer`` and names ``certificate``.

        A CA with a new key goes on to revoke what it issued with the old one (RFC 5280, 6.3.3 (f)): so the key is the
        issuer's, or that of a trust anchor's certificate of the same name.
        """
        if certificate.serial_number not in self.serial_numbers or canonical_name(issuer.subject) != self.issuer:
            return False
        namesakes = (each for each in anchors if canonical_name(each.subject) == self.issuer)
        return any(is_signed_with_key_of(self.loaded, each) for each in (issuer, *namesakes))


def is_signed_with_key_of(revocation_list: x509.CertificateRevocationList, ca: x509.Certificate) -> bool:
    """Return whether the key of ``ca`` signed a list; whose name is in it is the caller's to look at."""
    try:
        key = ca.public_key()
        if type(key).__name__.startswith("MLDSA"):
            # cryptography 48 has such keys, and does not verify lists with them.
            key.verify(revocation_list.signature, revocation_list.tbs_certlist_bytes)  # type: ignore[union-attr,call-arg]
            return revocation_list.signature_algorithm_oid == ca.public_key_algorithm_oid
        return revocation_list.is_signature_valid(key)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - InvalidSignature; TypeError, UnsupportedAlgorithm: a key that signed no such list
        return False


def read_list(data: bytes, loaded: x509.CertificateRevocationList) -> ReadList:
    """Read a list through; the same content is read once.

    In an indirect list an entry may be of another issuer, and so are those behind it (RFC 5280, 5.3.3). What is in a
    delta list for being taken off the base list (5.3.1) is not revoked by it.

    Args:
        data: What was imported.
        loaded: What it holds.
    """
    return _read(_Content(data, loaded))


@dataclass(frozen=True)
class _Content:
    data: bytes
    # To read it once more for each comparison would take as long as to read it through.
    loaded: x509.CertificateRevocationList = field(compare=False)


@lru_cache(maxsize=_KEPT_LISTS)
def _read(content: _Content) -> ReadList:
    issuer = canonical_name(content.loaded.issuer)
    return ReadList(content.loaded, issuer, frozenset(_revoked(content.loaded, issuer)))


def _revoked(revocation_list: x509.CertificateRevocationList, own: CanonicalName) -> Iterator[int]:
    issuer = own
    for entry in revocation_list:
        extensions = _extensions(entry)
        named = extensions.get(CRLEntryExtensionOID.CERTIFICATE_ISSUER)
        if isinstance(named, x509.CertificateIssuer):
            issuer = _directory_name(named)
        reason = extensions.get(CRLEntryExtensionOID.CRL_REASON)
        removed = isinstance(reason, x509.CRLReason) and reason.reason is x509.ReasonFlags.remove_from_crl
        if issuer == own and not removed:
            yield entry.serial_number


def _extensions(entry: x509.RevokedCertificate) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
    try:
        return {extension.oid: extension.value for extension in entry.extensions}
    except Exception:  # noqa: BLE001 - what cannot be decoded revokes all the same
        return {}


def _directory_name(issuer: x509.CertificateIssuer) -> CanonicalName:
    names = issuer.get_values_for_type(x509.DirectoryName)
    return canonical_name(names[0]) if names else ()


def _is_revoked(
    path: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], lists: Sequence[ReadList]
) -> bool:
    return any(each.revokes(certificate, issuer, anchors) for certificate, issuer in pairwise(path) for each in lists)


def _sound_paths(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Yield the paths against which nothing else speaks, leaf first; there is one, as the leaf is trusted."""
    search = PathSearch(
        [parse_certificate(each, "intermediate") for each in intermediates],
        [parse_certificate(each, "trust anchor") for each in anchors],
        now,
    )
    for found in islice(search.paths(parse_certificate(leaf, "leaf")), _MAX_PATHS):
        path = tuple(each.certificate for each in found)
        if not objections_to(leaf, path[1:-1], path[-1:], now):
            yield path
