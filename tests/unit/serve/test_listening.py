"""Sockets to listen on, looked at with the operating system's own eyes."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.serve.listening import Listener, listen_tcp, listen_unix, parse_bind_address

LOOPBACK = parse_bind_address("127.0.0.1")


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@contextlib.contextmanager
def listening(address: str = "127.0.0.1", port: int = 0, hop_limit: int = 64) -> Iterator[Listener]:
    listener = listen_tcp(parse_bind_address(address), port, hop_limit)
    try:
        yield listener
    finally:
        listener.close()


@contextlib.contextmanager
def accepted(listener: Listener) -> Iterator[socket.socket]:
    family = listener.socket.family
    with socket.socket(family) as client:
        client.connect(listener.socket.getsockname())
        connection, _ = listener.socket.accept()
        with connection:
            yield connection


@pytest.mark.parametrize("hop_limit", [1, 64, 255])
def test_accepted_connections_have_the_hop_limit(hop_limit: int) -> None:
    with listening(hop_limit=hop_limit) as listener, accepted(listener) as connection:
        assert connection.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == hop_limit


@needs_ipv6
@pytest.mark.parametrize("hop_limit", [1, 255])
def test_accepted_connections_have_the_hop_limit_of_ipv6(hop_limit: int) -> None:
    with listening("::1", hop_limit=hop_limit) as listener, accepted(listener) as connection:
        assert connection.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == hop_limit


@needs_ipv6
def test_an_ipv6_address_has_brackets_in_its_url() -> None:
    with listening("[::1]") as listener:
        assert listener.url == f"http://[::1]:{listener.port}"
        assert listener.hosts.accept(f"[::1]:{listener.port}")


def test_port_0_is_any_that_is_free_and_told() -> None:
    with listening() as one, listening() as other:
        assert one.url == f"http://127.0.0.1:{one.socket.getsockname()[1]}"
        assert one.port != other.port


def test_a_port_that_is_taken_is_an_error() -> None:
    with listening() as listener, pytest.raises(ConfigurationError, match="cannot listen on 127") as caught:
        listen_tcp(LOOPBACK, listener.port or 0, 64)
    assert "another --port" in (caught.value.hint or "")


def test_a_port_can_be_used_again_at_once() -> None:
    with listening() as listener, accepted(listener):
        port = listener.port or 0
    with listening(port=port) as again:
        assert again.port == port


@pytest.mark.parametrize(("port", "hop_limit"), [(-1, 64), (65536, 64), (0, 0), (0, 256)])
def test_numbers_out_of_range_are_errors(port: int, hop_limit: int) -> None:
    with pytest.raises(ConfigurationError, match="is not between"):
        listen_tcp(LOOPBACK, port, hop_limit)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="cannot listen on 192"):
        listen_tcp(parse_bind_address("192.0.2.7"), 0, 64)


@pytest.mark.parametrize("text", ["localhost", "", "127.1", "256.0.0.1", "127.0.0.1:80", "*", "[::1]:80", "eth0"])
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an IP address to listen on"):
        parse_bind_address(text)


@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_a_unix_socket_is_this_users_alone_and_gone_at_the_end(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "socket"
    before = os.umask(mask)
    try:
        listener = listen_unix(str(path))
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    with accepted(listener):
        pass
    listener.close()
    assert not path.exists()


def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    listener = listen_unix(str(path))
    with accepted(listener):
        pass
    listener.close()


def test_a_socket_on_which_somebody_listens_is_not(tmp_path: Path) -> None:
    first = listen_unix(str(tmp_path / "socket"))
    with pytest.raises(ConfigurationError, match="another program listens"):
        listen_unix(str(tmp_path / "socket"))
    with accepted(first):
        pass
    first.close()


def test_a_socket_of_this_name_that_is_anothers_now_stays(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    first = listen_unix(str(path))
    path.rename(tmp_path / "moved")
    second = listen_unix(str(path))
    first.close()
    with accepted(second):
        pass
    second.close()
    assert not path.exists()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "socket"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="is there and is not a socket"):
        listen_unix(str(path))
    assert os.path.lexists(path)


@pytest.mark.parametrize("name", ["x" * 200, "missing/socket"])
def test_a_path_that_cannot_be_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot make the Unix socket"):
        listen_unix(str(tmp_path / name))
