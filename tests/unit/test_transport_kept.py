"""The connection that is kept between two requests: when it is used again, and when it is not."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import transport as transport_module
from tests.support.keeping import LONGEST_WAIT, OK, kept, proxy_to, sender_to, stall
from tests.support.sending import exchange
from tests.support.servers import Behaviour, http
from tests.support.tls import ca_pem, server_context


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem())
    return path


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the one number that the transport measures idleness with; only the test lets it pass."""
    passed = [1000.0]
    monkeypatch.setattr(transport_module, "monotonic_seconds", lambda: passed[0])
    return passed


# --- it is used again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over_tls", [False, True])
def test_two_requests_have_one_connection(ca_file: Path, over_tls: bool) -> None:
    with sender_to(OK, tls=server_context() if over_tls else None, verify=ca_file) as (send, server):
        assert [send().body for _ in range(3)] == [b"ok"] * 3
        assert server.counts == [3]


def test_two_transports_share_nothing() -> None:
    with sender_to(OK) as (send, server):
        send()
        exchange(send.settings)
        assert server.counts == [1, 1]


def test_one_tunnel_through_a_proxy_is_used_again(ca_file: Path) -> None:
    with sender_to(OK, tls=server_context(), verify=ca_file) as (send, server), proxy_to(send) as proxy:
        send.settings = replace(send.settings, proxies={"https": proxy.url})
        send()
        send()
        assert (server.counts, len(proxy.received)) == ([2], 1)


def test_what_is_kept_shows_no_password_of_a_proxy(ca_file: Path) -> None:
    with sender_to(OK, tls=server_context(), verify=ca_file) as (send, _), proxy_to(send) as proxy:
        url = proxy.url.replace("//", "//user:planted-password@")
        send.settings = replace(send.settings, proxies={"https": url})
        send()
        [one] = send.transport._kept.values()
        assert one.adapter.is_connected
        assert "planted" not in repr((send.transport, vars(send.transport), one, one.adapter))


@pytest.mark.parametrize("status", [200, 204, 302, 403, 429])
@pytest.mark.parametrize("body", [b"", b"x" * 40_000])
def test_any_answer_but_a_fault_of_the_server_lets_it_be_used_again(status: int, body: bytes) -> None:
    with sender_to(kept(http(status, b"" if status == 204 else body)), OK) as (send, server):
        assert [send().status, send().status] == [status, 201]
        assert server.counts == [2]


def test_a_chunked_answer_lets_it_be_used_again() -> None:
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with sender_to(chunked, OK) as (send, server):
        assert [send().body, send().body] == [b"abc", b"ok"]
        assert server.counts == [2]


# --- it is not used again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("idle", "counts"), [(0, [2]), (20, [2]), (20.1, [1, 1]), (3600, [1, 1])])
def test_idle_for_too_long(seconds: list[float], idle: float, counts: list[int]) -> None:
    with sender_to(OK) as (send, server):
        send()
        seconds[0] += idle
        send()
        assert server.counts == counts
        assert server.wait_for_open(1)


def test_idleness_is_counted_from_the_last_use(seconds: list[float]) -> None:
    with sender_to(OK) as (send, server):
        for _ in range(5):
            send()
            seconds[0] += 15
        assert server.counts == [5]


def stall_in_the_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc")
    stall(connection)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(kept(http(201, b"x" * 300_000)), id="too large"),
        pytest.param(kept(http(201, b"no gzip", Content_Encoding="gzip")), id="badly packed"),
        pytest.param(b"garbage\r\n\r\n", id="no HTTP"),
        pytest.param(stall, id="silence"),
        pytest.param(stall_in_the_body, id="half a body"),
    ],
)
def test_after_an_error(answer: bytes | Behaviour) -> None:
    with sender_to(answer, OK, read_timeout_seconds=0.2) as (send, server):
        send.fails()
        assert server.wait_for_open(0)
        assert send().status == 201
        assert server.counts == [1, 1]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_a_fault_of_the_server(status: int) -> None:
    """Another server of the same name may be well."""
    with sender_to(kept(http(status)), OK) as (send, server):
        assert [send().status, send().status] == [status, 201]
        assert server.counts == [1, 1]


@pytest.mark.parametrize("tail", [b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\nforeign", b"\r\n"])
def test_with_something_left_in_it(tail: bytes) -> None:
    """What comes after an answer must never be taken for the next one."""

    def two_answers(connection: socket.socket) -> None:
        connection.sendall(OK)
        assert first_has_come.wait(LONGEST_WAIT)
        connection.sendall(tail)
        tail_has_come.set()
        stall(connection)

    first_has_come, tail_has_come = threading.Event(), threading.Event()
    with sender_to(two_answers, OK) as (send, server):
        send()
        first_has_come.set()
        assert tail_has_come.wait(LONGEST_WAIT)
        assert send().body == b"ok"
        assert server.counts == [1, 1]


def test_for_another_url() -> None:
    with sender_to(OK) as (send, server), sender_to(OK) as (other, other_server):
        send()
        send.settings = other.settings
        send()
        assert server.wait_for_open(0)
        assert (server.counts, other_server.counts) == ([1], [1])
        [one] = send.transport._kept.values()
        assert len(one.adapter._connections) == 1


# --- settings and environment ask for another way -----------------------------------------------------------------


def test_a_proxy_that_came_into_the_environment(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sender_to(OK, tls=server_context(), verify=ca_file) as (send, server), proxy_to(send) as proxy:
        send()
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        send()
        assert (server.counts, len(proxy.received)) == ([1, 1], 1)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        send()
        assert (server.counts, len(proxy.received)) == ([1, 1, 1], 1)
        assert server.wait_for_open(1)


def test_another_bundle_in_the_environment(ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose CA is no longer believed is not asked over the connection from before."""
    other = tmp_path / "other.pem"
    other.write_bytes(ca_pem("another CA"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    with sender_to(OK, tls=server_context()) as (send, server):
        send()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        assert "VERIFY_FAILED" in send.fails().message
        assert server.counts == [1]
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
        send()
        assert server.counts == [1, 1]


def test_settings_that_verify_after_settings_that_did_not(ca_file: Path) -> None:
    with sender_to(OK, tls=server_context("other.example"), verify=False) as (send, server):
        with pytest.warns(match="Unverified HTTPS request"):
            send()
        send.settings = replace(send.settings, verify=str(ca_file))
        assert "127.0.0.1" in send.fails().message
        assert sum(server.counts) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"verify": True}, {"verify": False}),
        ({"verify": "a.pem"}, {"verify": "b.pem"}),
        ({"proxies": {}}, {"proxies": {"https": "http://127.0.0.1:1"}}),
        ({"proxies": {"https": "http://127.0.0.1:1"}}, {"proxies": {"https": "http://127.0.0.1:2"}}),
        ({"proxies": {"https": "http://u:a@127.0.0.1:1"}}, {"proxies": {"https": "http://u:b@127.0.0.1:1"}}),
    ],
)
def test_even_one_adapter_has_a_pool_for_each_way(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Our own comparison does not stand alone: requests tells these apart as well."""
    import requests

    prepared = requests.Request("POST", "https://127.0.0.1:9/").prepare()
    adapter = transport_module._AbortableAdapter()
    defaults: dict[str, Any] = {"verify": True, "proxies": {}}
    pools = [adapter.get_connection_with_tls_context(prepared, **{**defaults, **way}) for way in (one, one, other)]
    assert pools[0] is pools[1]
    assert pools[0] is not pools[2]
    adapter.close()
