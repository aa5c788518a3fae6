"""Sockets to listen on: an address of this machine with its hop limit, or a Unix socket of this user alone."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass, field

from ..errors import ConfigurationError
from .hosts import Address, Hosts

_BACKLOG = 1024
_RECEIVE_BUFFER_BYTES = 16384


@dataclass(frozen=True)
class Listener:
    """A socket that listens.

    Attributes:
        socket: It.
        hosts: The names under which it is addressed.
        url: Where, without a slash at the end; empty for a Unix socket.
        path: Of a Unix socket; empty otherwise.
        inode: Of the socket's name; another number at its path is another's socket.
    """

    socket: socket.socket = field(repr=False)
    hosts: Hosts
    url: str = ""
    path: str = ""
    inode: int | None = None

    @property
    def port(self) -> int | None:
        """The port, or None: a Unix socket."""
        return self.hosts.port

    def close(self) -> None:
        """Close the socket, and remove the name of a Unix socket if it is still this one's."""
        with contextlib.suppress(OSError):
            if self.path and os.lstat(self.path).st_ino == self.inode:
                os.unlink(self.path)  # noqa: PTH108 - as it was made
        self.socket.close()


def parse_bind_address(text: str) -> Address:
    """Return an address of this machine as a user writes it, with or without brackets.

    Raises:
        ConfigurationError: It is no address.
    """
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not an IP address to listen on", hint="such as 127.0.0.1, ::1 or 169.254.170.2; no name"
        ) from None


def listen_tcp(address: Address, port: int, hop_limit: int) -> Listener:
    """Listen on an address.

    Args:
        address: Of this machine.
        port: 0: any that is free.
        hop_limit: Over how many routers the answers go; accepted connections take it over.

    Raises:
        ConfigurationError: The port or hop limit cannot be, is taken, or may not be used by this user.
    """
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"the port {port} is not between 0 and 65535")
    if not 1 <= hop_limit <= 255:
        raise ConfigurationError(f"the hop limit {hop_limit} is not between 1 and 255")
    is_v6 = address.version == 6
    where = f"[{address}]" if is_v6 else str(address)
    listening = None
    try:
        listening = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET)
        _set_options(listening, hop_limit, is_v6=is_v6)
        listening.bind(_socket_address(address, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise _cannot_listen(f"{where}:{port}", error) from error
    bound = listening.getsockname()[1]
    return Listener(listening, Hosts(address, bound), url=f"http://{where}:{bound}")


def _socket_address(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    found = socket.getaddrinfo(str(address), port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return found[0][4]  # type: ignore[return-value] # with the number of the interface behind a %


def _set_options(listening: socket.socket, hop_limit: int, *, is_v6: bool) -> None:
    # Accepted connections take it over: how much of what nobody has asked for the system keeps while others are served.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    if os.name == "posix":
        # On Windows it would let two programs listen on one port.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_v6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
    else:
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop_limit)


def _cannot_listen(where: str, error: OSError) -> ConfigurationError:
    hints = {
        errno.EADDRINUSE: "another program listens there; end it, or choose another --port",
        errno.EACCES: "ports below 1024 are for root; choose another --port",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }
    return ConfigurationError(f"cannot listen on {where}: {error.strerror or error}", hint=hints.get(error.errno or 0))


def listen_unix(path: str) -> Listener:
    """Listen on a Unix socket that this user alone may connect to (0600). One that a dead process left is replaced.

    Raises:
        ConfigurationError: Something else has this name, somebody listens there, or it cannot be made.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigurationError("this system has no Unix sockets")
    path = os.path.abspath(path)  # noqa: PTH100 - keeps bytes that are no text
    _remove_abandoned(path)
    listening = socket.socket(socket.AF_UNIX)
    # Set for the whole process, so this comes before any thread; afterwards nobody could have connected in between.
    mask = os.umask(0o177)
    try:
        listening.bind(path)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot make the Unix socket {path!r}: {error.strerror or error}",
            hint="its directory must be there and writable, and the path not longer than about 100 characters",
        ) from error
    finally:
        os.umask(mask)
    listening.listen(_BACKLOG)
    return Listener(listening, Hosts(None, None), path=path, inode=os.lstat(path).st_ino)


def _remove_abandoned(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # what is wrong with the path, bind() says
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"{path!r} is there and is not a socket", hint="choose another --unix-socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - the same path
            return
        except OSError as error:
            raise ConfigurationError(f"cannot use the socket {path!r}: {error.strerror or error}") from error
    raise ConfigurationError(f"another program listens on {path!r}", hint="end it, or choose another --unix-socket")
