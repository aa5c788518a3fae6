"""``RolesAnywhereAuth`` with real ``requests`` against a real server: what is received is what was signed."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from rolesanywhere_signer import (
    ConfigurationError,
    Identity,
    KeyMismatchError,
    Request,
    RolesAnywhereAuth,
    SigV4X509Signer,
    TransportError,
)

from .pki import chain, issue
from .wire import Received, Recorder, recording_server, verify

REGION = "eu-central-1"
LEAF, SECOND, FIRST, _ROOT = chain()


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording_server() as recorder:
        yield recorder


@pytest.fixture(params=["P-256", "RSA-2048"])
def leaf(request: pytest.FixtureRequest) -> Any:
    return issue("client", kind=request.param, issuer=SECOND)


def auth_of(leaf: Any = LEAF) -> RolesAnywhereAuth:
    identity = Identity.from_bytes(leaf.pem, leaf.key_pem, SECOND.pem + FIRST.pem)
    return RolesAnywhereAuth(SigV4X509Signer(identity, REGION))


def received(server: Recorder, leaf: Any = LEAF) -> Received:
    """Return the one request that came in, verified."""
    (request,) = server.received
    verify(request, leaf.certificate, REGION)
    return request


def test_a_post_with_json(server: Recorder, leaf: Any) -> None:
    answer = requests.post(server.url("/sessions"), json={"a": "\u00e9"}, auth=auth_of(leaf), timeout=10)
    assert answer.text == "ok"
    assert received(server, leaf).body == b'{"a": "\\u00e9"}'


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="no body"),
        pytest.param({"data": {"a": "b c", "d": "\u00e9"}}, id="form"),
        pytest.param({"data": "text \u00e9\ud55c"}, id="text"),
        pytest.param({"data": b"\x00\xff" * 40_000}, id="bytes"),
        pytest.param({"data": b""}, id="empty bytes"),
        pytest.param({"json": {"a": [1, None]}}, id="json"),
        pytest.param({"files": {"f": ("name.txt", io.BytesIO(b"content")), "g": ("\u00e9", "text")}}, id="files"),
        pytest.param({"params": {"b": "2 3", "a": ["1", "0"], "c": "", "d": "a=b&c+d"}}, id="parameters"),
        pytest.param({"headers": {"X-Own": "a   b", "Accept-Encoding": "br", "User-Agent": "own"}}, id="headers"),
        pytest.param({"headers": {"X-Own": b"bytes"}}, id="header in bytes"),
        pytest.param({"cookies": {"name": "value"}}, id="cookies"),
        pytest.param({"headers": {"Host": "Other.Example:80"}}, id="host"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_requests_makes_of_its_options(server: Recorder, method: str, options: dict[str, Any]) -> None:
    assert requests.request(method, server.url(), auth=auth_of(), timeout=10, **options).status_code == 200
    received(server)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/a b", "/a%20b", "/caf\u00e9", "/caf%c3%a9", "/%41%7E", "/100%", "/[x]", "/a//b", "/a/../b/./c",
        "/%2e%2e/a",
        "/a;b=c,d@e:f!$&'()*+", "/?a=b=c&a=b", "/?a=x+y", "/?a=%2B&b=%c3%a9", '/?a=[1]|^`"<>', "/?", "/?a", "/?=",
        "/?a&&b",
        "/#fragment", "/?a=1#fragment", "/a%2Fb%25", "/?q=a/b?c", "/\\x", "/?a=%zz",
    ],
)  # fmt: skip
def test_urls(server: Recorder, path: str) -> None:
    assert requests.get(server.url(path), auth=auth_of(), timeout=10).status_code == 200
    received(server)


@pytest.mark.parametrize(
    "path", ["/caf%c3%a9?b=%c3%a9&a", "/[x]", "/%41/%7e", "/100%", "/a b?c d", "/\u00e9", "/a//b/../c/"]
)
def test_a_request_signed_by_hand_and_sent_by_requests(server: Recorder, path: str) -> None:
    identity = Identity.from_bytes(LEAF.pem, LEAF.key_pem)
    signed = SigV4X509Signer(identity, REGION).sign(Request("PUT", server.url(path), {"X-Own": "1"}, "body"))
    requests.request(signed.method, signed.url, headers=signed.headers, data=signed.body, timeout=10)
    received(server)


def test_host_and_chain_are_what_was_sent(server: Recorder) -> None:
    requests.get(server.url().replace("127.0.0.1", "LOCALHOST"), auth=auth_of(), timeout=10)
    request = received(server)
    assert request.header("host") == f"localhost:{server.port}"
    assert len(request.header("x-amz-x509-chain").split(",")) == 2
    assert [name.lower() for name, _ in request.headers].count("authorization") == 1


class TestNetrc:
    @pytest.fixture(autouse=True)
    def netrc(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (".netrc", "_netrc"):
            (tmp_path / name).write_text("default login planted password planted\n")
            (tmp_path / name).chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        monkeypatch.delenv("NETRC", raising=False)

    def test_it_would_be_used_without_an_auth(self, server: Recorder) -> None:
        requests.get(server.url(), timeout=10)
        assert server.received[0].header("authorization").startswith("Basic ")

    @pytest.mark.parametrize("variable", ["HOME", "NETRC"])
    def test_it_does_not_replace_the_signature(
        self, server: Recorder, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if variable == "NETRC":
            monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        requests.get(server.url(), auth=auth_of(), timeout=10)
        received(server)

    def test_nor_that_of_a_whole_session(self, server: Recorder) -> None:
        with requests.Session() as session:
            session.auth = auth_of()
            session.get(server.url(), timeout=10)
        received(server)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_none_is_followed(self, status: int) -> None:
        with recording_server() as other:
            location = other.url("/elsewhere")
            answer = (
                f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            with recording_server(answer.encode()) as first:
                with pytest.raises(TransportError, match=f"HTTP {status}") as raised:
                    requests.get(first.url(), auth=auth_of(), timeout=10)
                assert len(first.received) == 1
            assert other.received == []
        assert raised.value.hint

    def test_the_connection_is_closed_though_nobody_reads_the_answer(self) -> None:
        at_the_end: list[bytes] = []

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nmo")
                with contextlib.suppress(TimeoutError):
                    at_the_end.append(connection.recv(1))

        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = threading.Thread(target=answer)
            server.start()
            # The error is kept, as a logger may keep it, and with it all that its frames refer to.
            with pytest.raises(TransportError) as kept:
                requests.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", auth=auth_of(), timeout=10)
            server.join()
        assert at_the_end == [b""]
        assert kept.value.retryable is False

    @pytest.mark.parametrize("status", [300, 304])
    def test_other_answers_in_the_three_hundreds_come_back(self, status: int) -> None:
        with recording_server(
            f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        ) as first:
            assert requests.get(first.url(), auth=auth_of(), timeout=10).status_code == status


class TestBodiesThatCannotBeSigned:
    @pytest.mark.parametrize(
        "stream", [lambda: iter([b"a", b"b"]), lambda: io.BytesIO(b"content"), lambda: (part for part in [b"a"])]
    )
    def test_streams_are_refused_before_anything_is_sent(self, server: Recorder, stream: Callable[[], Any]) -> None:
        with pytest.raises(ConfigurationError, match="streamed body"):
            requests.post(server.url(), data=stream(), auth=auth_of(), timeout=10)
        assert server.received == []

    def test_an_open_file_too(self, server: Recorder, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(b"content")
        with (tmp_path / "body").open("rb") as body, pytest.raises(ConfigurationError, match="streamed body"):
            requests.post(server.url(), data=body, auth=auth_of(), timeout=10)
        assert server.received == []


class TestRotation:
    def test_files_renewed_between_two_requests_are_used(self, server: Recorder, tmp_path: Path) -> None:
        old, new = issue("client", key_name="old", issuer=SECOND), issue("client", key_name="new", issuer=SECOND)
        certificate, private_key = tmp_path / "c.pem", tmp_path / "k.pem"
        certificate.write_bytes(old.pem)
        private_key.write_bytes(old.key_pem)
        auth = RolesAnywhereAuth(SigV4X509Signer(Identity.from_files(certificate, private_key), REGION))
        requests.get(server.url(), auth=auth, timeout=10)
        certificate.write_bytes(new.pem)
        private_key.write_bytes(new.key_pem)
        requests.get(server.url(), auth=auth, timeout=10)
        verify(server.received[0], old.certificate, REGION)
        verify(server.received[1], new.certificate, REGION)

    def test_a_foreign_key_is_refused_before_any_request(self, server: Recorder, tmp_path: Path) -> None:
        expired = issue("client", key_name="expired", issuer=SECOND, valid_for=timedelta(hours=1))
        certificate, private_key = tmp_path / "c.pem", tmp_path / "k.pem"
        certificate.write_bytes(expired.pem)
        private_key.write_bytes(expired.key_pem)
        auth = RolesAnywhereAuth(SigV4X509Signer(Identity.from_files(certificate, private_key), REGION))
        private_key.write_bytes(FIRST.key_pem)
        with pytest.raises(KeyMismatchError):
            requests.get(server.url(), auth=auth, timeout=10)
        with pytest.raises(KeyMismatchError):
            Identity.from_bytes(LEAF.pem, FIRST.key_pem)
        assert server.received == []


def test_each_request_of_a_session_is_signed_anew(server: Recorder) -> None:
    moments = [datetime(2026, 1, 2, 3, 4, second, tzinfo=timezone.utc) for second in (6, 5)]
    auth = RolesAnywhereAuth(SigV4X509Signer(Identity.from_bytes(LEAF.pem, LEAF.key_pem), REGION, moments.pop))
    with requests.Session() as session:
        session.auth = auth
        for _ in range(2):
            session.get(server.url(), timeout=10)
    first, second = server.received
    assert (first.header("x-amz-date"), second.header("x-amz-date")) == ("20260102T030405Z", "20260102T030406Z")
    for request in (first, second):
        verify(request, LEAF.certificate, REGION)
