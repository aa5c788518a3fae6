"""One request over the wire: what is sent, and what comes back."""

from __future__ import annotations

import gzip
import socket

import pytest

from rolesanywhere_signer.errors import TransportError
from tests.support.arns import REGION, make_settings
from tests.support.sending import BODY, exchange, leaf
from tests.support.servers import http, raw_server
from tests.unit import wire

# --- what is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/prefix",
        "/a/b/",
        "/with%20space",
        "/%C3%A9",
        "//double",
        "/dot/./segment",
        "/colon:and@at",
        "/%7Etilde",
        "/%c3%a9",
    ],
)
def test_what_arrives_is_what_was_signed(path: str) -> None:
    with raw_server(http(201)) as server:
        exchange(make_settings(server.url + path))

    [received] = server.received
    wire.verify(received, leaf().certificate, REGION)
    assert received.body == BODY


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_host_header_is_the_one_that_was_signed(host: str) -> None:
    with raw_server(http(201)) as server:
        exchange(make_settings(f"http://{host}:{server.port}"))

    [received] = server.received
    assert [value for name, value in received.headers if name.lower() == "host"] == [f"{host.lower()}:{server.port}"]
    wire.verify(received, leaf().certificate, REGION)


def test_no_header_is_added_or_doubled_on_the_way() -> None:
    with raw_server(http(201)) as server:
        exchange(make_settings(server.url))

    names = sorted(name.lower() for name, _ in server.received[0].headers)
    assert names == [
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-x509",
    ]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_plain_http_to_loopback_never_goes_through_a_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(http(500)) as proxy, raw_server(http(201)) as server:
        monkeypatch.setenv(variable, proxy.url)
        answer = exchange(make_settings(server.url, proxies={"http": proxy.url, "https": proxy.url}))

    assert answer.status == 201
    assert proxy.connections == 0


# --- what comes back ---------------------------------------------------------------------------------------------


def test_an_answer_comes_back_as_it_was_sent() -> None:
    with raw_server(http(403, b'{"message": "no"}', x_amzn_ErrorType="AccessDeniedException", Date="now")) as server:
        answer = exchange(make_settings(server.url))

    assert (answer.status, answer.body) == (403, b'{"message": "no"}')
    assert answer.headers["X-Amzn-ErrorType"] == "AccessDeniedException"
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_the_repr_of_an_answer_hides_what_may_be_credentials() -> None:
    with raw_server(http(201, b"planted-secret", X_Secret="planted-secret")) as server:
        assert "planted" not in repr(exchange(make_settings(server.url)))


def test_a_chunked_answer_is_put_together() -> None:
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    with raw_server(chunked) as server:
        assert exchange(make_settings(server.url)).body == b"abcdefg"


def test_an_answer_without_length_ends_with_its_connection() -> None:
    with raw_server(b"HTTP/1.0 201 Created\r\n\r\nabc") as server:
        assert exchange(make_settings(server.url)).body == b"abc"


def test_an_answer_of_256_kib_is_taken() -> None:
    with raw_server(http(201, b"x" * 256 * 1024)) as server:
        assert len(exchange(make_settings(server.url)).body) == 256 * 1024


class Flood:
    """Sends without end, and counts what the client let it send."""

    MOST = 64 * 1024 * 1024

    def __init__(self, head: bytes, piece: bytes = b"x" * 65536) -> None:
        self.sent = 0
        self._head, self._piece = head, piece

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self._head)
        while self.sent < self.MOST:
            connection.sendall(self._piece)
            self.sent += len(self._piece)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 201 Created\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
    ],
    ids=["without length", "with length", "error"],
)
def test_an_answer_that_is_too_large_is_not_read_further(head: bytes) -> None:
    flood = Flood(head)
    with raw_server(flood) as server, pytest.raises(TransportError, match="more than 262,144 bytes") as caught:
        exchange(make_settings(server.url))

    assert not caught.value.retryable
    assert flood.sent < Flood.MOST


def test_a_redirect_that_is_too_large_is_not_read_further() -> None:
    flood = Flood(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")
    with raw_server(flood) as server, pytest.raises(TransportError, match="more than 262,144 bytes"):
        exchange(make_settings(server.url))

    assert flood.sent < Flood.MOST


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused() -> None:
    bomb = gzip.compress(bytes(32 * 1024 * 1024))
    with raw_server(http(201, bomb, Content_Encoding="gzip")) as server, pytest.raises(TransportError):
        exchange(make_settings(server.url))


def test_a_packed_answer_is_unpacked_or_refused() -> None:
    """None was asked for (``Accept-Encoding: identity``), yet a proxy may pack what passes."""
    with raw_server(http(201, gzip.compress(b"abc"), Content_Encoding="gzip")) as server:
        assert exchange(make_settings(server.url)).body == b"abc"


def test_a_body_that_is_not_as_packed_as_it_says_is_our_error() -> None:
    with raw_server(http(201, b"not gzip", Content_Encoding="gzip")) as server, pytest.raises(TransportError):
        exchange(make_settings(server.url))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_handed_back_and_the_other_host_is_never_asked(status: int) -> None:
    with raw_server(http(201)) as other, raw_server(http(status, b"moved", Location=f"{other.url}/x")) as server:
        answer = exchange(make_settings(server.url))

    assert (answer.status, answer.body) == (status, b"moved")
    assert server.connections == 1
    assert other.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "/sessions",
        "",
        "http://",
        "http://[::1",
        "ftp://elsewhere/",
        "\xff\xfe",
        "http://a b/%zz",
        "//",
    ],
)
def test_a_redirect_is_handed_back_wherever_it_points(location: str) -> None:
    with raw_server(http(302, b"moved", Location=location)) as server:
        assert exchange(make_settings(server.url)).status == 302
    assert server.connections == 1
