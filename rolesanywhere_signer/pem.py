"""PEM blocks out of bytes (RFC 7468, read tolerantly as OpenSSL does)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

_BEGIN = b"-----BEGIN "
_DASHES = b"-----"
# RFC 7468, section 3: printable characters, single spaces or hyphens between them.
_LABEL = re.compile(rb"[!-,.-~]+([ -][!-,.-~]+)*")


class PemError(ValueError):
    """The bytes hold a PEM block that cannot be read; the message never shows its content."""


class PemBlock(NamedTuple):
    """One block.

    Attributes:
        label: Such as ``CERTIFICATE`` or ``EC PRIVATE KEY``.
        lines: Everything between the BEGIN and END lines, stripped, without empty lines. Hidden: may be a key.
    """

    label: str
    lines: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"PemBlock(label={self.label!r})"

    @property
    def text(self) -> bytes:
        """The block as PEM with LF line ends, for parsers that want PEM."""
        label = self.label.encode("ascii")
        # RFC 1421 headers (Proc-Type, DEK-Info) end with an empty line.
        headers = [line for line in self.lines if b":" in line]
        body = [line for line in self.lines if b":" not in line]
        separator = [b""] if headers else []
        block = [_BEGIN + label + _DASHES, *headers, *separator, *body, b"-----END " + label + _DASHES, b""]
        return b"\n".join(block)

    @property
    def der(self) -> bytes:
        """The decoded content.

        Raises:
            PemError: Not base64.
        """
        try:
            return base64.b64decode(b"".join(self.lines), validate=True)
        except binascii.Error as error:
            raise PemError(f"the {self.label} block is not base64") from error


def parse_blocks(data: bytes) -> list[PemBlock]:
    """Return every PEM block of ``data`` in order; what stands before and between them, a BOM too, is passed over.

    Raises:
        PemError: A block begins and does not end, as in a file that is still being written.
    """
    blocks = []
    start = data.find(_BEGIN)
    while start >= 0:
        label, body_start = _read_label(data, start)
        end_marker = b"-----END " + label + _DASHES
        end = data.find(end_marker, body_start)
        if end < 0:
            raise PemError(f"the block {_shown(label)} begins but does not end; the file may be half-written")
        lines = (line.strip() for line in data[body_start:end].splitlines())
        blocks.append(PemBlock(_shown(label), tuple(line for line in lines if line)))
        start = data.find(_BEGIN, end + len(end_marker))
    return blocks


def _read_label(data: bytes, start: int) -> tuple[bytes, int]:
    label_start = start + len(_BEGIN)
    label_end = data.find(_DASHES, label_start, label_start + 100)
    if label_end < 0 or not _LABEL.fullmatch(data, label_start, label_end):
        raise PemError("a line starts with -----BEGIN but is no PEM block")
    return data[label_start:label_end], label_end + len(_DASHES)


def _shown(label: bytes) -> str:
    return label.decode("ascii", "replace")
