"""Proxies: real ones on loopback, and what of them never comes into a message."""

from __future__ import annotations

import base64
import logging
import traceback
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import ConfigurationError, RolesAnywhereError, TransportError
from tests.support.arns import REGION, make_settings
from tests.support.sending import exchange, leaf
from tests.support.servers import ConnectProxy, RawServer, http, raw_server, unused_port
from tests.support.tls import ca_pem, server_context
from tests.unit import wire

PASSWORD = "planted-proxy-password"


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem())
    return path


@pytest.mark.parametrize("given", ["environment", "proxies"])
@pytest.mark.parametrize("user_info", ["", f"user:{PASSWORD}@"])
def test_https_goes_through_the_proxy_and_arrives_as_signed(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch, given: str, user_info: str
) -> None:
    with raw_server(http(201, b"ok"), tls=server_context()) as server:
        connect = ConnectProxy(server.port)
        with raw_server(connect) as proxy:
            url = f"http://{user_info}127.0.0.1:{proxy.port}"
            if given == "environment":
                monkeypatch.setenv("HTTPS_PROXY", url)
            proxies = {"https": url} if given == "proxies" else None
            answer = exchange(make_settings(server.url, verify=ca_file, proxies=proxies))

    assert answer.body == b"ok"
    assert [(asked.method, asked.target) for asked in proxy.received] == [("CONNECT", f"127.0.0.1:{server.port}")]
    expected = f"Basic {base64.b64encode(f'user:{PASSWORD}'.encode()).decode()}" if user_info else ""
    assert proxy.received[0].header("proxy-authorization") == expected
    wire.verify(server.received[0], leaf().certificate, REGION)
    assert server.received[0].header("proxy-authorization") == ""


def test_the_proxy_sees_neither_signature_nor_certificate(ca_file: Path) -> None:
    with (
        raw_server(http(201), tls=server_context()) as server,
        raw_server(ConnectProxy(server.port)) as proxy,
    ):
        exchange(make_settings(server.url, verify=ca_file, proxies={"https": proxy.url}))
    names = {name.lower() for name, _ in proxy.received[0].headers}
    assert names.isdisjoint({"authorization", "x-amz-x509", "x-amz-date"})


def test_no_proxy_is_honoured(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(http(201, b"ok"), tls=server_context()) as server, raw_server(http(500)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert exchange(make_settings(server.url, verify=ca_file)).body == b"ok"
    assert proxy.connections == 0


def test_a_given_proxy_wins_over_the_environment(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        raw_server(http(201, b"ok"), tls=server_context()) as server,
        raw_server(http(500)) as other,
        raw_server(ConnectProxy(server.port)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", other.url)
        assert exchange(make_settings(server.url, verify=ca_file, proxies={"https": proxy.url})).body == b"ok"
    assert (other.connections, proxy.connections) == (0, 1)


def through_proxy(proxy_url: str) -> RolesAnywhereError:
    """Return the error of a request through a proxy that cannot work."""
    with pytest.raises(RolesAnywhereError) as caught:
        exchange(make_settings("https://rolesanywhere.invalid", proxies={"https": proxy_url}))
    return caught.value


def everything_shown(error: BaseException) -> str:
    """Return all that tracebacks and crash reports show of an error, its causes and what was hidden behind them."""
    shown = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        shown += [*traceback.format_exception(one, chain=True), repr(one), repr(vars(one))]
        pending.append(one.__cause__)
    return "".join(shown)


def url_of(proxy: RawServer) -> str:
    return f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"


@pytest.mark.parametrize(
    "answer",
    [
        http(407, b"authenticate", Proxy_Authenticate="Basic"),
        http(403, b"<html>blocked by policy</html>", Content_Type="text/html"),
        http(502),
        http(302, Location="http://login.example/"),
        b"<html>what?</html>\r\n\r\n",
        b"",
    ],
    ids=["407", "403 HTML", "502", "302", "not HTTP", "nothing"],
)
def test_a_proxy_that_refuses_is_our_error_without_its_password(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), raw_server(answer) as proxy:
        error = through_proxy(url_of(proxy))

    assert isinstance(error, TransportError)
    assert PASSWORD not in everything_shown(error)
    assert PASSWORD not in caplog.text


def test_the_status_of_a_proxy_that_refuses_is_told() -> None:
    with raw_server(http(407)) as proxy:
        error = through_proxy(url_of(proxy))
    assert "407" in error.message
    assert error.hint is not None
    assert "HTTPS_PROXY" in error.hint


def test_the_words_of_a_proxy_are_made_printable() -> None:
    with raw_server(b"HTTP/1.1 407 \x1b[2J\x1b[31mowned\r\n\r\n") as proxy:
        assert through_proxy(url_of(proxy)).message.isprintable()


def test_a_proxy_that_is_not_there_is_retryable() -> None:
    with unused_port() as port:
        error = through_proxy(f"http://user:{PASSWORD}@127.0.0.1:{port}")
    assert isinstance(error, TransportError)
    assert error.retryable
    assert PASSWORD not in everything_shown(error)


def test_a_proxy_whose_name_does_not_resolve_is_our_error() -> None:
    error = through_proxy(f"http://user:{PASSWORD}@proxy.invalid:3128")
    assert isinstance(error, TransportError)
    assert PASSWORD not in everything_shown(error)


@pytest.mark.parametrize(
    "proxy_url",
    [
        f"http://user:{PASSWORD}@proxy:port",
        f"user:{PASSWORD}@proxy:port",
        f"http://user:a/{PASSWORD}@proxy.invalid:3128",
        f"http://user:a@{PASSWORD}@proxy:port",
        f"http://user:a#{PASSWORD}@proxy.invalid:3128",
        f"http://user:a {PASSWORD}@proxy:port",
        f"http:/user:{PASSWORD}@proxy:3128",
        f"http://user:{PASSWORD}@",
        f"http://user:{PASSWORD}@[::1:3128",
        f"http://user:{PASSWORD}@a..b:3128",
        f"socks5://user:{PASSWORD}@proxy.invalid:1080",
        f"ftp://user:{PASSWORD}@proxy.invalid:21",
        f"://user:{PASSWORD}@proxy.invalid",
        f"http://{PASSWORD}",
    ],
)
@pytest.mark.parametrize("given", ["environment", "proxies"])
def test_a_proxy_url_that_cannot_be_is_our_error_without_its_password(
    proxy_url: str, given: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if given == "environment":
        monkeypatch.setenv("HTTPS_PROXY", proxy_url)
    proxies = {"https": proxy_url} if given == "proxies" else None
    with caplog.at_level(logging.DEBUG), pytest.raises((TransportError, ConfigurationError)) as caught:
        exchange(make_settings("https://rolesanywhere.invalid", proxies=proxies))

    if f"//{PASSWORD}" not in proxy_url:  # there it stands where the host belongs
        assert PASSWORD not in everything_shown(caught.value)
        assert PASSWORD not in caplog.text


@pytest.mark.parametrize("character", ["/", "#", "?", "\\"])
@pytest.mark.parametrize("given", ["environment", "proxies"])
def test_a_password_with_characters_that_end_a_host_is_not_shown(
    character: str, given: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They have to be percent-encoded, which is easily forgotten; what stands before them looks like host and port."""
    proxy_url = f"http://user:{PASSWORD}{character}x@proxy.invalid:3128"
    if given == "environment":
        monkeypatch.setenv("HTTPS_PROXY", proxy_url)
    proxies = {"https": proxy_url} if given == "proxies" else None
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError, match="proxy") as caught:
        exchange(make_settings("https://rolesanywhere.invalid", proxies=proxies))

    assert PASSWORD not in everything_shown(caught.value)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("character", [" ", "@", ":", "%2F", "\t"])
def test_a_password_with_other_odd_characters_is_not_shown(character: str, caplog: pytest.LogCaptureFixture) -> None:
    for proxy_url in (
        f"http://user:{PASSWORD}{character}x@proxy.invalid:3128",
        f"http://user:{PASSWORD}{character}x@proxy:port",
        f"user:{PASSWORD}{character}x@proxy.invalid:3128",
    ):
        with caplog.at_level(logging.DEBUG), pytest.raises((TransportError, ConfigurationError)) as caught:
            exchange(make_settings("https://rolesanywhere.invalid", proxies={"https": proxy_url}))
        assert PASSWORD not in everything_shown(caught.value)
    assert PASSWORD not in caplog.text
