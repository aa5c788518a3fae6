"""A request as it was received, and the answer to it: plain values between the servers and the service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote_to_bytes

# A server accepts the absolute form too (RFC 9112, 3.2.2); where its authority ends: RFC 3986, 3.2.
_ABSOLUTE_FORM = re.compile(r"https?://(?P<authority>[^/?#]*)", re.IGNORECASE)

HeaderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HttpRequest:
    """A request, nothing of it normalised.

    Attributes:
        method: Such as ``POST``.
        target: As in the request line: the path and the query, percent-encoded as they came.
        headers: Name and value pairs in the order received, duplicates kept; text stands for ISO 8859-1 bytes.
        body: The bytes received.
    """

    method: str
    target: str
    # They may hold a signature or a session token, which are nothing for a log.
    headers: HeaderPairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def raw_path(self) -> str:
        """The path as received."""
        return self._origin_form.partition("?")[0]

    @property
    def raw_query(self) -> str:
        """The query as received, without its question mark."""
        return self._origin_form.partition("?")[2]

    @property
    def path(self) -> bytes:
        """The path, decoded once."""
        return unquote_to_bytes(octets(self.raw_path))

    def values(self, name: str) -> Iterator[str]:
        """Yield the value of each header ``name``, which is in lower case."""
        return (value for received, value in self.headers if received.lower() == name)

    @property
    def authority(self) -> str | None:
        """The host and port in a target of the absolute form; None in any other."""
        match = _ABSOLUTE_FORM.match(self.target)
        return match["authority"] if match else None

    @property
    def _origin_form(self) -> str:
        match = _ABSOLUTE_FORM.match(self.target)
        if match is None:
            return self.target
        rest = self.target[match.end() :]
        return rest if rest.startswith("/") else f"/{rest}"


@dataclass(frozen=True)
class Delivery:
    """What a server is to do with the connection, other than send the answer.

    Attributes:
        wait_seconds: Before anything else; None: for ever, where nothing is sent.
        hold: Whether nothing is sent.
        reset: Whether the connection is reset and nothing sent.
        cut_after: How many bytes are sent before the connection ends; None: all.
    """

    wait_seconds: float | None = 0
    hold: bool = False
    reset: bool = False
    cut_after: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer is sent, late perhaps."""
        return not self.hold and not self.reset and self.cut_after is None


PROMPT = Delivery()


@dataclass(frozen=True)
class HttpResponse:
    """An answer; its body holds credentials where it is a success, so the repr does not show it.

    Attributes:
        status: Of HTTP.
        headers: Without those of the connection.
        body: The bytes.
        delivery: How the server sends it.
    """

    status: int
    headers: HeaderPairs
    body: bytes = field(repr=False)
    delivery: Delivery = PROMPT


class Application(Protocol):
    """What a server serves."""

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""

    def refuse(self, status: int, message: str) -> HttpResponse:
        """Answer what could not even become a request."""


def octets(text: str) -> bytes:
    """Return the bytes that ``text`` of a request stands for; a character that no byte stands for becomes ``?``."""
    return text.encode("latin-1", "replace")


def json_response(status: int, content: object, error_code: str | None = None) -> HttpResponse:
    """Return an answer with a JSON body, and the header that names the error."""
    headers: HeaderPairs = (("Content-Type", "application/json"),)
    if error_code is not None:
        headers += (("x-amzn-ErrorType", error_code),)
    return HttpResponse(status, headers, json.dumps(content).encode("ascii"))
