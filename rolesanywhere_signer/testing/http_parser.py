"""HTTP/1.1 requests off a stream, byte for byte: nothing decoded, joined or put in order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from .wire import HttpRequest

# Five ML-DSA-87 certificates in the chain header take about 50 KB.
MAX_LINE = 65536
MAX_HEADER_BYTES = 4 * MAX_LINE
MAX_HEADERS = 100
# A CRL of 300,000 bytes takes 400,000 in base64, and its tags up to 80,000.
MAX_BODY = 480 * 1024

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/1\.([01])")
# No underscore: gateways (CGI, WSGI) cannot tell it from a hyphen, so that a header could be signed as another one.
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]{1,12}")


class BadRequestError(Exception):
    """Bytes that are no request; the connection ends with the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_request(stream: BinaryIO, send_continue: Callable[[], None]) -> tuple[HttpRequest, bool] | None:
    """Read one request.

    Args:
        stream: Buffered.
        send_continue: Called before the body of a client that waits for it (``Expect: 100-continue``).

    Returns:
        The request, and whether the connection stays open; None where the stream ended before a request.

    Raises:
        BadRequestError: The bytes are no request, or too many.
        OSError: The connection broke.
    """
    line = _line(stream, 414)
    if line is None:
        return None
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequestError(400, "the request line is malformed")
    method, target = match[1].decode("ascii"), match[2].decode("latin-1")
    request = HttpRequest(method, target, _headers(stream))
    is_http_11 = match[3] == b"1"
    if is_http_11 and len(list(request.values("host"))) != 1:
        raise BadRequestError(400, "there must be one Host header")
    body = _body(stream, request, send_continue)
    return HttpRequest(method, target, request.headers, body), is_http_11 and not _wants_close(request)


def body_length(request: HttpRequest) -> int:
    """Return how long the body is, by the headers.

    Raises:
        BadRequestError: Nobody can say, or it is too long.
    """
    if any(True for _ in request.values("transfer-encoding")):
        raise BadRequestError(411, "a body needs a Content-Length; transfer codings are not supported")
    lengths = list(request.values("content-length"))
    if not lengths:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise BadRequestError(400, "Content-Length is malformed")
    if int(lengths[0]) > MAX_BODY:
        raise BadRequestError(413, f"the body has more than {MAX_BODY} bytes")
    return int(lengths[0])


def _line(stream: BinaryIO, status_if_long: int) -> bytes | None:
    line = stream.readline(MAX_LINE + 1)
    if not line:
        return None
    if len(line) > MAX_LINE:
        raise BadRequestError(status_if_long, "a line is too long")
    if not line.endswith(b"\n"):
        raise BadRequestError(400, "the request ends too early")
    return line[:-1].removesuffix(b"\r")


def _headers(stream: BinaryIO) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    size = 0
    while line := _line(stream, 431):
        size += len(line)
        if size > MAX_HEADER_BYTES or len(headers) == MAX_HEADERS:
            raise BadRequestError(431, "there are too many headers")
        headers.append(_header(line))
    if line is None:
        raise BadRequestError(400, "the request ends too early")
    return tuple(headers)


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    # A line that starts with a space would continue the one before (RFC 9112, section 5.2): it fails here.
    if not colon or not _HEADER_NAME.fullmatch(name):
        raise BadRequestError(400, "a header name is malformed, or has an underscore")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise BadRequestError(400, "a header value has a control character")
    return name.decode("ascii"), value.strip(b" \t").decode("latin-1")


def _body(stream: BinaryIO, request: HttpRequest, send_continue: Callable[[], None]) -> bytes:
    length = body_length(request)
    if length and any(value.lower() == "100-continue" for value in request.values("expect")):
        send_continue()
    body = stream.read(length)
    if len(body) < length:
        raise BadRequestError(400, "the body ends too early")
    return body


def _wants_close(request: HttpRequest) -> bool:
    return any("close" in value.lower().replace(" ", "").split(",") for value in request.values("connection"))
