"""DER by hand (X.690): what certificates and CRLs are made of, for those that no builder makes.

Right and wrong structures alike: nothing here knows what belongs where. Everything is bounded by ``MAX_BYTES``.
"""

from __future__ import annotations

from datetime import datetime

from ..clock import require_aware
from ..errors import ConfigurationError

# A CRL with 200,000 entries has about 8 MB.
MAX_BYTES = 16 * 1024 * 1024

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_CONTEXT = 0x80
_CONSTRUCTED = 0x20
_LONG_FORM = 0x80


def element(tag: int, *contents: bytes) -> bytes:
    """Return an element: its tag, the length, the contents one after the other.

    Args:
        tag: One octet, such as ``SEQUENCE``.
        contents: Elements, or the octets of a primitive value.

    Raises:
        ConfigurationError: A tag of more than an octet, or more than ``MAX_BYTES``.
    """
    if not 0 <= tag <= 0xFF:
        raise ConfigurationError(f"a tag is one octet here, not {tag}")
    size = sum(map(len, contents))
    if size > MAX_BYTES:
        raise ConfigurationError(f"{size:,} bytes of DER are more than the {MAX_BYTES:,} that are made here")
    return bytes((tag,)) + _length(size) + b"".join(contents)


def _length(size: int) -> bytes:
    if size < _LONG_FORM:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((_LONG_FORM | len(octets),)) + octets


def sequence(*contents: bytes) -> bytes:
    """Return a SEQUENCE of elements."""
    return element(SEQUENCE, *contents)


def boolean(value: bool) -> bytes:  # noqa: FBT001 - the value that is encoded
    """Return a BOOLEAN."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER, also zero or negative; or, with its ``tag``, an ENUMERATED."""
    # Of two's complement: -128 fits into the octet that 128 does not fit into.
    octets = (value + (value < 0)).bit_length() // 8 + 1
    return element(tag, value.to_bytes(octets, "big", signed=True))


def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER, such as of ``2.5.29.15``.

    Raises:
        ConfigurationError: It is none.
    """
    arcs = [int(arc) if arc.isascii() and arc.isdigit() else -1 for arc in dotted.split(".")]
    if len(arcs) < 2 or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise ConfigurationError(f"{dotted!r} is no object identifier", hint="such as 2.5.29.15")
    return element(OBJECT_IDENTIFIER, *(_base_128(arc) for arc in (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _base_128(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.insert(0, arc & 0x7F | 0x80)
    return bytes(septets)


def bit_string(octets: bytes, unused_bits: int = 0) -> bytes:
    """Return a BIT STRING of whole octets, of whose last one some bits do not count."""
    return element(BIT_STRING, bytes((unused_bits,)), octets)


def octet_string(octets: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(OCTET_STRING, octets)


def time(moment: datetime) -> bytes:
    """Return a time as RFC 5280 has it (section 4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050 on.

    Args:
        moment: Aware.

    Raises:
        ConfigurationError: ``moment`` has no time zone.
    """
    if 1950 <= require_aware(moment, "a time").year < 2050:
        return element(UTC_TIME, _time_text(moment)[2:])
    return generalized_time(moment)


def generalized_time(moment: datetime) -> bytes:
    """Return a GeneralizedTime in whole seconds.

    Args:
        moment: Aware.

    Raises:
        ConfigurationError: ``moment`` has no time zone.
    """
    return element(GENERALIZED_TIME, _time_text(moment))


def _time_text(moment: datetime) -> bytes:
    utc = require_aware(moment, "a time")
    return f"{utc.year:04}{utc.month:02}{utc.day:02}{utc.hour:02}{utc.minute:02}{utc.second:02}Z".encode()


def tagged(number: int, *contents: bytes, constructed: bool = True) -> bytes:
    """Return contents under a context-specific tag: ``[0]`` to ``[30]``."""
    return element(_CONTEXT | (_CONSTRUCTED if constructed else 0) | number, *contents)


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return an Extension of a certificate or CRL (RFC 5280, section 4.1).

    Args:
        dotted: Its object identifier.
        value: What stands in its OCTET STRING: usually an element, and anything where it is to be malformed.
        critical: Whether it is.
    """
    flag = (boolean(critical),) if critical else ()
    return sequence(object_identifier(dotted), *flag, octet_string(value))


def content(encoded: bytes) -> bytes:
    """Return what stands in one element, which nothing may follow.

    Raises:
        ConfigurationError: It is not DER.
    """
    start, end = _span(encoded, 0)
    if end != len(encoded):
        raise ConfigurationError("not DER: something stands behind the element")
    return encoded[start:end]


def split(encoded: bytes) -> list[bytes]:
    """Return the elements that stand in one element, such as the members of a SEQUENCE.

    Raises:
        ConfigurationError: It is not DER.
    """
    inside = content(encoded)
    elements, offset = [], 0
    while offset < len(inside):
        _, end = _span(inside, offset)
        elements.append(inside[offset:end])
        offset = end
    return elements


def _span(encoded: bytes, offset: int) -> tuple[int, int]:
    """Return where the content of the element at ``offset`` starts and ends."""
    start = offset + 2
    if start > len(encoded):
        raise ConfigurationError("not DER: an element is cut off")
    length = encoded[offset + 1]
    if length & _LONG_FORM:
        octets = length & ~_LONG_FORM
        start += octets
        length = int.from_bytes(encoded[offset + 2 : start], "big")
        if not 1 <= octets <= 8:
            raise ConfigurationError("not DER: a length that DER has not")
    if start + length > len(encoded):
        raise ConfigurationError("not DER: an element is cut off")
    return start, start + length
