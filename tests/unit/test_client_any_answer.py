"""Any answer of a server, over a real socket, is a result or one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import ResponseError, RolesAnywhereError, ServiceError, TransportError
from tests.support.answers import created, session_body
from tests.support.clients import make_client
from tests.support.servers import RawServer, http, raw_server

FAST = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
NOW = datetime.now(timezone.utc).replace(microsecond=0)

header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
headers = st.dictionaries(
    st.sampled_from(
        ["x-amzn-ErrorType", "Date", "Retry-After", "Content-Type", "Content-Encoding", "x-amzn-RequestId", "Location"]
    ),
    header_values
    | st.sampled_from(
        ["gzip", "br", "deflate", "AccessDeniedException:http://x", "Thu, 01 Jan 1970 00:00:00 GMT", "5"]
    ),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


class Peer:
    """A server whose one answer can be changed, and a client of it."""

    def __init__(self, server: RawServer, client: RolesAnywhereClient) -> None:
        self._server = server
        self._client = client

    def result(self, answer: bytes) -> Credentials | RolesAnywhereError:
        """Return what the client makes of an answer; anything else than ours goes through."""
        self._server.answers[:] = [answer]
        try:
            return self._client.create_session()
        except RolesAnywhereError as error:
            str(error)
            repr(error)
            return error


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    patch = pytest.MonkeyPatch()
    patch.setattr(client_module, "sleep", lambda _seconds: None)
    with raw_server(b"") as server:
        yield Peer(server, make_client(server.url, max_attempts=2))
    patch.undo()


def test_the_peer_can_also_succeed(peer: Peer) -> None:
    assert isinstance(peer.result(created(NOW)), Credentials)


@FAST
@given(answer=st.binary(max_size=200))
def test_any_bytes(peer: Peer, answer: bytes) -> None:
    assert isinstance(peer.result(answer), TransportError)


@FAST
@given(rest=st.binary(max_size=100))
def test_any_bytes_after_a_status(peer: Peer, rest: bytes) -> None:
    assert isinstance(peer.result(b"HTTP/1.1 201 " + rest), RolesAnywhereError)


@FAST
@given(status=st.integers(100, 999), fields=headers, body=st.binary(max_size=100))
@example(status=101, fields={}, body=b"")
@example(status=304, fields={}, body=b"x")
@example(status=201, fields={}, body=b"\xff\xfe{\x00}\x00")
@example(status=201, fields={}, body=b'{"credentialSet":' + b"[" * 200_000)
@example(status=403, fields={}, body=b'{"message":' + b"9" * 5000 + b"}")
def test_any_status_headers_and_body(peer: Peer, status: int, fields: dict[str, str], body: bytes) -> None:
    result = peer.result(http(status, body, **fields))
    assert isinstance(result, (ServiceError, ResponseError, TransportError))
    if isinstance(result, ServiceError):
        assert result.status == status


@FAST
@given(status=st.sampled_from([200, 201, 400, 403, 404, 429, 500]), body=json_values)
def test_any_json(peer: Peer, status: int, body: Any) -> None:
    assert isinstance(peer.result(http(status, json.dumps(body).encode())), (ServiceError, ResponseError))


@FAST
@given(message=json_values, code=json_values)
@example(message="\x1b[2J\r\nhint: run this", code="A\nB")
def test_any_message_is_told_in_printable_words(peer: Peer, message: Any, code: Any) -> None:
    body = json.dumps({"message": message, "__type": code}).encode()
    error = peer.result(http(403, body))
    assert isinstance(error, ServiceError)
    assert error.message.isprintable()
    assert len(error.message) < 1000


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every member of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = session_body(NOW + timedelta(hours=1))
    target: Any = body
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return body


@FAST
@given(path=st.sampled_from(list(paths(session_body(NOW)))), value=json_values)
@example(path=("credentialSet",), value=[])
@example(path=("credentialSet", 0, "credentials", "expiration"), value="9999-12-31T23:59:59-23:59")
@example(path=("credentialSet", 0, "credentials", "expiration"), value="2026-01-01T00:00:00")
@example(path=("credentialSet", 0, "credentials", "sessionToken"), value="a\r\nX-Injected: b")
def test_a_success_with_one_member_changed(peer: Peer, path: tuple[Any, ...], value: Any) -> None:
    result = peer.result(http(201, json.dumps(changed(path, value)).encode()))
    assert isinstance(result, (Credentials, ResponseError))
    if isinstance(result, Credentials):
        # Whatever it holds can go into HTTP headers, and ends in the future.
        assert all(part.isascii() and part.isprintable() for part in (result.access_key_id, result.session_token))
        assert result.expiration > NOW
    assert "planted-" not in f"{result!r}{result}"


@FAST
@given(st.data())
def test_a_success_with_some_bytes_changed(peer: Peer, data: st.DataObject) -> None:
    answer = bytearray(created(NOW))
    for _ in range(data.draw(st.integers(1, 5))):
        answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(peer.result(bytes(answer)), (Credentials, RolesAnywhereError))
