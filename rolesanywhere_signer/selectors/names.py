"""Distinguished names as text: as the official helper writes them, and RFC 4514 read.

The helper compares a name's whole text, as Go's ``pkix.Name`` writes it. That text does not keep the certificate's
order: attributes that Go knows come in an order of its own and several of one kind are joined by ``+``; the others
stand at its end, as OID and hexadecimal DER.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cryptography import x509

_Value = str | bytes
_Attribute = tuple[str, _Value]
# The certificate's order, the most general first.
NameParts = tuple[frozenset[_Attribute], ...]

_GO_NAMES = {
    "2.5.4.6": "C",
    "2.5.4.8": "ST",
    "2.5.4.7": "L",
    "2.5.4.9": "STREET",
    "2.5.4.17": "POSTALCODE",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
}
# Of these Go keeps the last one alone.
_GO_SINGLE = ("2.5.4.3", "2.5.4.5")

# Keywords of RFC 4514, section 3, and further ones that OpenSSL, Java and Windows write; case does not matter.
_KEYWORDS = {
    **{keyword: oid for oid, keyword in _GO_NAMES.items()},
    "S": "2.5.4.8",
    "SP": "2.5.4.8",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
    "E": "1.2.840.113549.1.9.1",
    "SN": "2.5.4.4",
    "GN": "2.5.4.42",
    "G": "2.5.4.42",
    "INITIALS": "2.5.4.43",
    "GENERATIONQUALIFIER": "2.5.4.44",
    "TITLE": "2.5.4.12",
    "T": "2.5.4.12",
    "DESCRIPTION": "2.5.4.13",
    "BUSINESSCATEGORY": "2.5.4.15",
    "DNQUALIFIER": "2.5.4.46",
    "PSEUDONYM": "2.5.4.65",
    "ORGANIZATIONIDENTIFIER": "2.5.4.97",
    "UNSTRUCTUREDNAME": "1.2.840.113549.1.9.2",
    "UNSTRUCTUREDADDRESS": "1.2.840.113549.1.9.8",
}

_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*")
_UTF8_STRING, _PRINTABLE_STRING, _BIT_STRING = 0x0C, 0x13, 0x03
_ENCODINGS = {0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}

_TYPE = re.compile(r" *(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+) *= *", re.IGNORECASE)
_HEX_VALUE = re.compile(r"#((?:[0-9A-Fa-f]{2})+) *")
_TEXT_VALUE = re.compile(r'(?!#)(?:\\[0-9A-Fa-f]{2}|\\.|[^\\,+"<>;])*', re.DOTALL)
_TOKEN = re.compile(r"\\[0-9A-Fa-f]{2}|\\?.", re.DOTALL)


def helper_text(name: x509.Name) -> str:
    """Return a name as the official helper writes and compares it."""
    known: dict[str, list[str]] = {oid: [] for oid in _GO_NAMES}
    others: list[list[str]] = []
    for oid, value in (each for rdn in _parts(name) for each in rdn):
        if oid not in known:
            others.append([f"{oid}=#{_der(value).hex()}"])
        elif isinstance(value, str):
            known[oid] = [] if oid in _GO_SINGLE else known[oid]
            if value or oid not in _GO_SINGLE:
                known[oid].append(f"{_GO_NAMES[oid]}={_escaped(value)}")
    sequence = [*others, *filter(None, known.values())]
    return ",".join("+".join(rdn) for rdn in reversed(sequence))


def _parts(name: x509.Name) -> Iterator[list[_Attribute]]:
    for rdn in name.rdns:
        yield [(attribute.oid.dotted_string, attribute.value) for attribute in rdn]


def _escaped(value: str) -> str:
    last = len(value) - 1
    return "".join(
        f"\\{char}" if char in ',+"\\<>;' or (char == " " and n in (0, last)) or (char == "#" and n == 0) else char
        for n, char in enumerate(value)
    )


def _der(value: _Value) -> bytes:
    """Encode a value as Go does that has forgotten which kind of string it was."""
    if isinstance(value, bytes):
        return _tlv(_BIT_STRING, value)
    tag = _PRINTABLE_STRING if _PRINTABLE.fullmatch(value) else _UTF8_STRING
    return _tlv(tag, value.encode("utf-8"))


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def name_parts(name: x509.Name) -> NameParts:
    """Return a name as attributes, to compare with what ``parse_name`` makes of text."""
    return tuple(frozenset(rdn) for rdn in _parts(name))


def parse_name(text: str) -> NameParts | None:
    """Read RFC 4514 text, its last attribute first, such as ``openssl x509 -subject -nameopt RFC2253`` prints.

    Blanks around commas, plus and equals signs do not count, nor does the case of keywords.

    Returns:
        The name, or None: the text is no name in this form.
    """
    names: list[frozenset[_Attribute]] = []
    rdn: list[_Attribute] = []
    position = 0
    while True:
        found = _take_attribute(text, position)
        if found is None:
            return None
        attribute, position = found
        rdn.append(attribute)
        separator = text[position : position + 1]
        if separator not in ("", ",", "+"):
            return None
        if separator != "+":
            names.append(frozenset(rdn))
            rdn = []
        if not separator:
            return tuple(reversed(names))
        position += 1


def _take_attribute(text: str, position: int) -> tuple[_Attribute, int] | None:
    """Return an attribute and where it ends, or None."""
    found = _TYPE.match(text, position)
    if found is None:
        return None
    oid = found[1] if "." in found[1] else _KEYWORDS.get(found[1].upper())
    hexadecimal = _HEX_VALUE.match(text, found.end())
    raw = hexadecimal or _TEXT_VALUE.match(text, found.end())
    if oid is None or raw is None:
        return None
    value = _decoded(bytes.fromhex(hexadecimal[1])) if hexadecimal else _unescaped(raw[0])
    return None if value is None else ((oid, value), raw.end())


def _unescaped(raw: str) -> str | None:
    tokens = _TOKEN.findall(raw)
    while tokens and tokens[-1] == " ":  # a blank at the end counts only if it is escaped
        tokens.pop()
    try:
        return b"".join(_token_bytes(token) for token in tokens).decode("utf-8")
    except UnicodeError:
        return None


def _token_bytes(token: str) -> bytes:
    if len(token) == 3:
        return bytes.fromhex(token[1:])
    return token[-1].encode("utf-8")


def _decoded(data: bytes) -> str | None:
    """Return the text of a DER string, or None: it is none."""
    if len(data) < 2 or data[0] not in _ENCODINGS:
        return None
    octets = data[1] & 0x7F if data[1] & 0x80 else 0
    content = data[2 + octets :]
    if _tlv(data[0], content) != data:
        return None
    try:
        return content.decode(_ENCODINGS[data[0]])
    except UnicodeError:
        return None
