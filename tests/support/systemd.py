"""systemd's end of the socket."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_DEADLINE = 60.0


class NotifySocket:
    """Receives what a service tells.

    Attributes:
        name: As ``NOTIFY_SOCKET`` has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self._messages: queue.Queue[list[str]] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        """Begin to read; before that, a few messages fill the socket."""
        self._thread.start()

    def _read(self) -> None:
        # Closing does not wake a thread that reads; an empty message does.
        while message := self._socket.recv(65536):
            self._messages.put(message.decode().split("\n"))

    def receive(self) -> list[str]:
        """Wait for a message; return its lines."""
        return self._messages.get(timeout=_DEADLINE)

    def receive_until(self, line: str) -> list[list[str]]:
        """Wait for a message that has a line; return all messages up to it."""
        messages = [self.receive()]
        while line not in messages[-1]:
            messages.append(self.receive())
        return messages

    def lines(self) -> list[str]:
        """Return the lines of all messages that have been sent, and end."""
        self.close()
        return [line for message in self._messages.queue for line in message]

    def close(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.sendto(b"", self._socket.getsockname())
            self._thread.join(_DEADLINE)
        self._socket.close()


@contextlib.contextmanager
def notify_socket(directory: Path) -> Iterator[NotifySocket]:
    """Yield a socket with a path, or an abstract one where the path would be too long for a socket."""
    path = str(directory / "notify")
    sink = NotifySocket(path if len(path) < 100 else f"@rolesanywhere-{os.getpid()}-{os.urandom(4).hex()}")
    sink.start()
    try:
        yield sink
    finally:
        sink.close()
