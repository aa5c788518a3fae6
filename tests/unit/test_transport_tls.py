"""TLS: who is believed, and what the messages say when nobody is."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from requests.utils import get_netrc_auth

from rolesanywhere_signer.errors import ConfigurationError, TransportError
from tests.support.arns import make_settings
from tests.support.sending import exchange
from tests.support.servers import http, raw_server, reset
from tests.support.tls import ca_pem, server_context


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem())
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_a_bundle_given_as_verify_is_believed(ca_file: Path, as_text: bool) -> None:
    with raw_server(http(201, b"ok"), tls=server_context()) as server:
        assert exchange(make_settings(server.url, verify=str(ca_file) if as_text else ca_file)).body == b"ok"


def test_a_bundle_of_the_environment_is_believed(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    with raw_server(http(201, b"ok"), tls=server_context()) as server:
        assert exchange(make_settings(server.url)).body == b"ok"


def test_a_bundle_given_as_verify_wins_over_the_environment(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with raw_server(http(201, b"ok"), tls=server_context()) as server:
        assert exchange(make_settings(server.url, verify=ca_file)).body == b"ok"


def test_a_pipe_in_the_place_of_a_bundle_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    os.mkfifo(path)
    # Were it opened, a writer that comes and goes would let it go on; the test fails then, and does not hang.
    writer = threading.Thread(target=path.write_bytes, args=(b"",), daemon=True)
    writer.start()
    with raw_server(http(201), tls=server_context()) as server, pytest.raises(ConfigurationError, match="neither a"):
        exchange(make_settings(server.url, verify=path))
    assert server.received == []
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    writer.join(20)


def test_an_unknown_ca_is_refused() -> None:
    with raw_server(http(201), tls=server_context()) as server, pytest.raises(TransportError) as caught:
        exchange(make_settings(server.url))

    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.message
    assert not caught.value.retryable
    assert caught.value.hint is not None
    assert "verify=" in caught.value.hint
    assert server.received == []


def test_another_ca_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pem"
    path.write_bytes(ca_pem("another CA"))
    with raw_server(http(201), tls=server_context()) as server, pytest.raises(TransportError, match="VERIFY_FAILED"):
        exchange(make_settings(server.url, verify=path))
    assert server.received == []


@pytest.mark.parametrize("host", ["service.example", "127.0.0.2"])
def test_a_certificate_of_another_host_is_refused(ca_file: Path, host: str) -> None:
    with (
        raw_server(http(201), tls=server_context(host)) as server,
        pytest.raises(TransportError, match=r"127\.0\.0\.1"),
    ):
        exchange(make_settings(server.url, verify=ca_file))
    assert server.received == []


def test_an_expired_certificate_is_refused(ca_file: Path) -> None:
    with (
        raw_server(http(201), tls=server_context(expired=True)) as server,
        pytest.raises(TransportError, match="certificate has expired"),
    ):
        exchange(make_settings(server.url, verify=ca_file))
    assert server.received == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verify_false_believes_anybody_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with raw_server(http(201, b"ok"), tls=server_context(expired=True)) as server:
        assert exchange(make_settings(server.url, verify=False)).body == b"ok"


@pytest.mark.parametrize("given", ["verify", "environment"])
def test_a_bundle_that_is_not_there_is_told(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"verify": "/no/such/bundle.pem"} if given == "verify" else {}
    if given == "environment":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with raw_server(http(201), tls=server_context()) as server, pytest.raises(ConfigurationError) as caught:
        exchange(make_settings(server.url, **settings))
    assert "/no/such/bundle.pem" in caught.value.message
    assert server.connections == 0


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_bundle_that_is_none_is_our_error(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(content)
    with (
        raw_server(http(201), tls=server_context()) as server,
        pytest.raises((TransportError, ConfigurationError)) as caught,
    ):
        exchange(make_settings(server.url, verify=bundle))
    assert server.received == []
    assert "verify=" in str(caught.value)
    assert not getattr(caught.value, "retryable", False)


def test_https_to_a_plain_http_server_is_our_error() -> None:
    with raw_server(http(400), reads=False) as server, pytest.raises(TransportError) as caught:
        exchange(make_settings(server.url.replace("http:", "https:")))
    assert not caught.value.retryable


@pytest.mark.parametrize("with_reset", [False, True])
def test_a_handshake_that_breaks_off_is_a_fault_of_the_network(with_reset: bool) -> None:
    """Load balancers that restart do this; nothing is wrong with any certificate."""

    def break_off() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            if with_reset:
                reset(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        breaker = threading.Thread(target=break_off, daemon=True)
        breaker.start()
        with pytest.raises(TransportError) as caught:
            exchange(make_settings(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        breaker.join(20)

    assert caught.value.retryable


@pytest.mark.parametrize("entry", ["machine 127.0.0.1", "default"])
def test_netrc_does_not_replace_the_signature(
    ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"{entry} login user password netrc-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert get_netrc_auth("https://127.0.0.1/") is not None  # requests would use it

    with raw_server(http(201), tls=server_context()) as server:
        exchange(make_settings(server.url, verify=ca_file))

    assert server.received[0].header("authorization").startswith("AWS4-X509-ECDSA-SHA256 ")
