"""What becomes of a leaf's names: session tags and the source identity.

The service maps the subject, and the first DNS, URI and directory name among the alternative names, to session tags
such as ``x509Subject/CN``. A value that is no legal tag value is dropped without a word, and a trust policy that
asks for it then denies.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from . import sources

if TYPE_CHECKING:
    from ..findings import Finding
    from .parsed import ParsedCertificate

# [\p{L}\p{Z}\p{N}_.:/=+\-@]*, at most 256 characters: STS, Tag, Value.
_TAG_CATEGORIES = "LZN"
_TAG_PUNCTUATION = "_.:/=+-@"
_TAG_VALUE_MAXIMUM = 256

# The source identity holds 64 characters; "CN=" takes three of them.
_PREFIXED_NAME_MAXIMUM = 61
_SOURCE_IDENTITY_MAXIMUM = 64

# RFC 4514 has no short name for these, but people know them by one.
_SHORT_NAMES = {
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SURNAME: "surname",
    NameOID.TITLE: "title",
}


def attribute_findings(leaf: ParsedCertificate) -> Iterator[Finding]:
    """Yield what is to be said of the leaf's subject and alternative names."""
    for tag, value in _session_tags(leaf):
        fault = _tag_fault(value)
        if fault:
            yield _unmappable(leaf, tag, fault)
    yield from _common_name(leaf)


def _session_tags(leaf: ParsedCertificate) -> Iterator[tuple[str, str | None]]:
    """Yield each tag and its value; None for a value that is not text."""
    yield from _tags_of_name(leaf.subject_name, "x509Subject")
    names = leaf.extension(x509.SubjectAlternativeName)
    if names is None:
        return
    yield from (("x509SAN/DNS", value) for value in names.get_values_for_type(x509.DNSName)[:1])
    yield from (("x509SAN/URI", value) for value in names.get_values_for_type(x509.UniformResourceIdentifier)[:1])
    for directory_name in names.get_values_for_type(x509.DirectoryName)[:1]:
        yield from _tags_of_name(directory_name, "x509SAN/Name")


def _tags_of_name(name: x509.Name, field: str) -> Iterator[tuple[str, str | None]]:
    """Yield one tag per attribute type; the values of a repeated type are joined as the service joins them."""
    values: dict[str, list[str | bytes]] = {}
    for attribute in name:
        key = _SHORT_NAMES.get(attribute.oid, attribute.rfc4514_attribute_name)
        values.setdefault(key, []).append(attribute.value)
    for key, parts in values.items():
        yield f"{field}/{key}", _joined(parts)


def _joined(parts: list[str | bytes]) -> str | None:
    texts = [part for part in parts if isinstance(part, str)]
    return "/".join(texts) if len(texts) == len(parts) else None


def _tag_fault(value: str | None) -> str | None:
    if value is None:
        return "is not text"
    illegal = next((character for character in value if not _is_legal(character)), None)
    if illegal is not None:
        return f"contains {_character_text(illegal)}, which session tags do not allow"
    if len(value) > _TAG_VALUE_MAXIMUM:
        return f"has {len(value)} characters, and session tags hold {_TAG_VALUE_MAXIMUM}"
    return None


def _is_legal(character: str) -> bool:
    return character in _TAG_PUNCTUATION or unicodedata.category(character)[0] in _TAG_CATEGORIES


def _character_text(character: str) -> str:
    name = unicodedata.name(character, "a control character")
    shown = f"{character!r} " if character.isprintable() else ""
    return f"{shown}(U+{ord(character):04X}, {name})"


def _unmappable(leaf: ParsedCertificate, tag: str, fault: str) -> Finding:
    return leaf.warning(
        "unmappable-attribute",
        f"the value for {tag} {fault}; the service drops the tag",
        hint=f"do not rely on aws:PrincipalTag/{tag} in policies, or have it issued with letters, digits, spaces and "
        f"{' '.join(_TAG_PUNCTUATION)} only, at most {_TAG_VALUE_MAXIMUM} characters",
        rule=sources.ATTRIBUTE_MAPPING,
    )


def _common_name(leaf: ParsedCertificate) -> Iterator[Finding]:
    names = leaf.subject_name.get_attributes_for_oid(NameOID.COMMON_NAME)
    length = max((len(name.value) for name in names), default=0)
    if length <= _PREFIXED_NAME_MAXIMUM:
        return
    bare = "it becomes the source identity without the prefix CN="
    too_long = f"no source identity, which holds {_SOURCE_IDENTITY_MAXIMUM}, can be made of it"
    yield leaf.warning(
        "long-common-name",
        f"the common name has {length} characters; {bare if length <= _SOURCE_IDENTITY_MAXIMUM else too_long}",
        hint=f"keep the common name within {_PREFIXED_NAME_MAXIMUM} characters, "
        "or do not match sts:SourceIdentity against CN=... in trust policies",
        rule=sources.SOURCE_IDENTITY,
    )
