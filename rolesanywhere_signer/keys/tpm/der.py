"""As much of DER (X.690) as a TPM key file needs."""

from __future__ import annotations

from typing import NamedTuple

BOOLEAN, INTEGER, OCTET_STRING, OBJECT_IDENTIFIER, SEQUENCE = 0x01, 0x02, 0x04, 0x06, 0x30


class DerError(ValueError):
    """The bytes are no DER; the message never shows them."""


class Element(NamedTuple):
    """One value.

    Attributes:
        tag: Its identifier octet.
        content: What is in it.
    """

    tag: int
    content: bytes


def explicit(number: int) -> int:
    """Return the tag of a value that is tagged explicitly with a number of its context."""
    return 0xA0 | number


def read_one(data: bytes, tag: int) -> bytes:
    """Return the content of the one value that ``data`` is.

    Raises:
        DerError: It is of another type, cut off, or not alone.
    """
    elements = read_all(data)
    if len(elements) != 1 or elements[0].tag != tag:
        raise DerError("another value stands where one was expected")
    return elements[0].content


def read_all(data: bytes) -> list[Element]:
    """Return the values that follow each other in ``data``.

    Raises:
        DerError: One is cut off, or its length is written in a way that DER does not have.
    """
    elements = []
    start = 0
    while start < len(data):
        element, start = _read(data, start)
        elements.append(element)
    return elements


def _read(data: bytes, start: int) -> tuple[Element, int]:
    if len(data) < start + 2:
        raise DerError("a value is cut off")
    begin, length = start + 2, data[start + 1]
    if length >= 0x80:
        size = length & 0x7F
        begin, length = begin + size, int.from_bytes(data[begin : begin + size], "big")
        # Neither the indefinite form nor sizes that no file has.
        if not 1 <= size <= 4:
            raise DerError("a length is written in a way that DER does not have")
    if len(data) < begin + length:
        raise DerError("a value is cut off")
    return Element(data[start], data[begin : begin + length]), begin + length
