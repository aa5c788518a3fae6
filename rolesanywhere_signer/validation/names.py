"""Distinguished names as RFC 5280, 7.1 compares them: without regard to case, spacing and string type."""

from __future__ import annotations

import unicodedata

from cryptography import x509

_CanonicalValue = str | bytes
CanonicalRdn = frozenset[tuple[str, _CanonicalValue]]
CanonicalName = tuple[CanonicalRdn, ...]

# Normalising combining characters takes time that grows with the square of their number.
_MAX_NORMALIZED_LENGTH = 1024


def canonical_name(name: x509.Name) -> CanonicalName:
    """Return ``name`` in a form that is equal exactly when RFC 5280 calls two names equal.

    A CA may write its name as UTF8String in one certificate and as PrintableString in another. Of values over 1,024
    characters only case and spacing are levelled.
    """
    return tuple(frozenset((part.oid.dotted_string, _fold(part.value)) for part in rdn) for rdn in name.rdns)


def _fold(value: str | bytes) -> _CanonicalValue:
    if isinstance(value, bytes):
        return value
    text = unicodedata.normalize("NFKC", value) if len(value) <= _MAX_NORMALIZED_LENGTH else value
    return " ".join(text.casefold().split())
