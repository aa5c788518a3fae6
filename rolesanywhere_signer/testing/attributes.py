"""What becomes of a leaf's names: the session tags of the credentials, and the specifiers that gave none.

Source: the service's user guide, "Certificate attribute mapping" and "Trust model"; the limits are those of STS tags.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from cryptography import x509
from cryptography.x509.oid import NameOID

SUBJECT, ISSUER, ALTERNATIVE_NAME = "x509Subject", "x509Issuer", "x509SAN"
# Certificate field -> specifiers, as a new profile has them.
AttributeMappings = Mapping[str, Iterable[str]]
DEFAULT_MAPPINGS: Mapping[str, tuple[str, ...]] = {
    ISSUER: ("*",),
    ALTERNATIVE_NAME: ("DNS", "URI", "Name/*"),
    SUBJECT: ("*",),
}

MAX_TAGS = 50
_MAX_KEY, _MAX_VALUE = 128, 256
# [\p{L}\p{Z}\p{N}_.:/=+\-@]*: STS, Tag.
_TAG_CATEGORIES = "LZN"
_TAG_PUNCTUATION = frozenset("_.:/=+-@")
_EVERY = "*"

# RFC 4514 has no short names for these.
_SHORT_NAMES = {
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SURNAME: "surname",
    NameOID.TITLE: "title",
    NameOID.INITIALS: "initials",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.PSEUDONYM: "pseudonym",
}


@dataclass(frozen=True)
class SessionTags:
    """What a leaf gives.

    Attributes:
        tags: In the order of the fields and of the certificate.
        dropped: For each of the three fields, the specifiers whose values are no tags.
    """

    tags: Mapping[str, str]
    dropped: Mapping[str, tuple[str, ...]]

    @property
    def failure_text(self) -> str | None:
        """What the service adds to a refusal of AssumeRole; None where nothing was dropped."""
        if not any(self.dropped.values()):
            return None
        lists = {field: f"[ {', '.join(specifiers)} ]" for field, specifiers in self.dropped.items()}
        return (
            "Some attributes failed to be mapped into session tags. "
            f"Issuer: {lists[ISSUER]}; Subject: {lists[SUBJECT]}; SAN: {lists[ALTERNATIVE_NAME]}"
        )


@dataclass(frozen=True)
class _Attribute:
    """One value of the certificate under a specifier; None: it is no text, or no tag can be made of it at all."""

    field: str
    specifier: str
    value: str | None


def session_tags(leaf: x509.Certificate, mappings: AttributeMappings = DEFAULT_MAPPINGS) -> SessionTags:
    """Map the names of a leaf that was validated to session tags.

    Args:
        leaf: The certificate.
        mappings: The profile's; a field that it does not name gives no tag.
    """
    tags: dict[str, str] = {}
    dropped: dict[str, dict[str, None]] = {ISSUER: {}, SUBJECT: {}, ALTERNATIVE_NAME: {}}
    taken: set[str] = set()
    for attribute in _attributes(leaf, mappings):
        key = f"{attribute.field}/{attribute.specifier}"
        # STS does not tell keys apart by their case.
        if key.lower() in taken:
            continue
        if attribute.value is None or not is_tag(key, attribute.value) or len(tags) == MAX_TAGS:
            dropped[attribute.field][attribute.specifier] = None
            continue
        taken.add(key.lower())
        tags[key] = attribute.value
    return SessionTags(tags, {field: tuple(specifiers) for field, specifiers in dropped.items()})


def _attributes(leaf: x509.Certificate, mappings: AttributeMappings) -> Iterator[_Attribute]:
    for field, name in ((SUBJECT, leaf.subject), (ISSUER, leaf.issuer)):
        yield from _of_name(field, "", name, mappings.get(field, ()))
    specifiers = tuple(mappings.get(ALTERNATIVE_NAME, ()))
    names = _alternative_names(leaf)
    if names is not None:
        yield from _of_texts("DNS", names.get_values_for_type(x509.DNSName), specifiers)
        yield from _of_texts("URI", names.get_values_for_type(x509.UniformResourceIdentifier), specifiers)
        yield from _of_directory_names(names.get_values_for_type(x509.DirectoryName), specifiers)


def _alternative_names(leaf: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _of_texts(kind: str, values: list[str], specifiers: Iterable[str]) -> Iterator[_Attribute]:
    """Yield the first value of a kind; the service names the others among those that it could not map."""
    if kind not in specifiers:
        return
    for number, value in enumerate(values, 1):
        yield _Attribute(ALTERNATIVE_NAME, kind if number == 1 else f"{kind}/{number}", value if number == 1 else None)


def _of_directory_names(names: list[x509.Name], specifiers: Iterable[str]) -> Iterator[_Attribute]:
    wanted = [
        specifier.partition("/")[2] or _EVERY for specifier in specifiers if specifier.partition("/")[0] == "Name"
    ]
    for number, name in enumerate(islice(names, None if wanted else 0), 1):
        if number == 1:
            yield from _of_name(ALTERNATIVE_NAME, "Name/", name, wanted)
        else:
            yield _Attribute(ALTERNATIVE_NAME, f"Name/{number}", None)


def _of_name(field: str, prefix: str, name: x509.Name, specifiers: Iterable[str]) -> Iterator[_Attribute]:
    """Yield one attribute for each type of a distinguished name; the values of a repeated type become one."""
    values: dict[tuple[str, str], list[str | bytes]] = {}
    for attribute in name:
        short_name = _SHORT_NAMES.get(attribute.oid, attribute.rfc4514_attribute_name)
        values.setdefault((short_name, attribute.oid.dotted_string), []).append(attribute.value)
    for specifier in specifiers:
        for names, parts in values.items():
            if specifier == _EVERY or specifier in names:
                yield _Attribute(field, prefix + (names[0] if specifier == _EVERY else specifier), _joined(parts))


def _joined(parts: list[str | bytes]) -> str | None:
    texts = [part for part in parts if isinstance(part, str)]
    return "/".join(texts) if len(texts) == len(parts) else None


def is_tag(key: str, value: str) -> bool:
    """Return whether STS takes a session tag."""
    return 1 <= len(key) <= _MAX_KEY and len(value) <= _MAX_VALUE and all(map(_is_legal, key + value))


def _is_legal(character: str) -> bool:
    return character in _TAG_PUNCTUATION or unicodedata.category(character)[0] in _TAG_CATEGORIES
