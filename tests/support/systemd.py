"""systemd's end of the socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path


class NotifySocket:
    """Receives what a service tells.

    Attributes:
        name: As ``NOTIFY_SOCKET`` has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(60)
        self._socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)

    def receive(self) -> list[str]:
        """Wait for a message; return its lines."""
        return self._socket.recv(65536).decode().split("\n")

    def receive_until(self, line: str) -> list[list[str]]:
        """Wait for a message that has a line; return all messages up to it."""
        messages = [self.receive()]
        while line not in messages[-1]:
            messages.append(self.receive())
        return messages

    def pending(self) -> list[list[str]]:
        """Return the messages that have come already."""
        self._socket.setblocking(False)
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self.receive())
        self._socket.settimeout(60)
        return messages

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def notify_socket(directory: Path) -> Iterator[NotifySocket]:
    """Yield a socket with a path, or an abstract one where the path would be too long for a socket."""
    path = str(directory / "notify")
    sink = NotifySocket(path if len(path) < 100 else f"@rolesanywhere-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        yield sink
    finally:
        sink.close()
