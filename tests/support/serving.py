"""What the tests of local endpoints share: WSGI requests without a server, a real server, raw sockets, the program."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from rolesanywhere_signer.refresh import Refresher
from rolesanywhere_signer.serve.answers import WsgiApp
from rolesanywhere_signer.serve.container import container_app
from rolesanywhere_signer.serve.hosts import Hosts
from rolesanywhere_signer.serve.listening import Listener, listen_tcp, parse_bind_address
from rolesanywhere_signer.serve.running import running
from rolesanywhere_signer.serve.supplier import Supplier
from tests.support.refreshing import DEADLINE, CountingFetch, SetClock

if TYPE_CHECKING:
    from typing_extensions import Self

TOKEN = "planted-bearer-token-of-the-endpoint"
HOSTS = Hosts(parse_bind_address("127.0.0.1"), 9911)


@dataclass(frozen=True)
class Reply:
    """What an app answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(app: WsgiApp, method: str, path: str, **headers: str) -> Reply:
    """Send a request to an app, with the rules of WSGI watched; ``x_y="z"`` is the header ``X-Y: z``."""
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": ""}
    environ["HTTP_HOST"] = "127.0.0.1:9911"
    environ.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, answered: list[tuple[str, str]], _exc: object = None) -> Callable[[bytes], object]:
        started.extend([status, answered])
        return lambda _data: None

    with contextlib.closing(validator(app)(environ, start_response)) as chunks:  # type: ignore[type-var,arg-type]
        body = b"".join(chunks)
    status, answered = started
    return Reply(int(status.split(" ")[0]), dict(answered), body)


@contextlib.contextmanager
def at_work(*suppliers: Supplier) -> Iterator[None]:
    """Let suppliers do their work while a block runs."""
    for supplier in suppliers:
        supplier.start()
        supplier.check_start(DEADLINE)
    try:
        yield
    finally:
        for supplier in suppliers:
            supplier.stop()
            supplier._thread.join(DEADLINE)
            assert not supplier.is_alive()


def new_supplier(name: str = "reader", length_seconds: float = 3600) -> tuple[SetClock, CountingFetch, Supplier]:
    clock = SetClock()
    service = CountingFetch(clock, length_seconds)
    return clock, service, Supplier(name, Refresher(service.fetch, clock), clock)


@contextlib.contextmanager
def served(app: WsgiApp, *suppliers: Supplier) -> Iterator[Listener]:
    """Serve an app on a free port of loopback."""
    listener = listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    with running(app, suppliers, listener):
        yield listener


@contextlib.contextmanager
def served_container(*suppliers: Supplier) -> Iterator[Listener]:
    """Serve roles as a container's endpoint."""
    paths = {f"/{supplier.name}": supplier for supplier in suppliers}
    with served(container_app(paths, TOKEN), *suppliers) as listener:
        yield listener


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection(listener.socket.getsockname()[:2], timeout=DEADLINE)


def converse(listener: Listener, data: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes."""
    with connect(listener) as connection, contextlib.suppress(ConnectionResetError):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        return read_all(connection)
    return b""


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def request_bytes(target: str = "/healthz", *lines: str, method: str = "GET", host: str | None = "localhost") -> bytes:
    """Return a request that asks for the connection to be closed."""
    heads = [f"{method} {target} HTTP/1.1", *([] if host is None else [f"Host: {host}"]), "Connection: close", *lines]
    return ("\r\n".join(heads) + "\r\n\r\n").encode("latin-1")


def status_of(answer: bytes) -> int:
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(match[1]) if match else 0


class Program:
    """``rolesanywhere-signer serve`` as a process of its own.

    Attributes:
        lines: What it wrote to stderr up to its last line of exports.
        exports: The variables that it told to export.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rolesanywhere_signer", "serve", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.lines: list[str] = []
        self.exports: dict[str, str] = {}
        self._read_start()

    def _read_start(self) -> None:
        assert self.process.stderr is not None
        last = re.compile(r"export AWS_(EC2_METADATA|CONTAINER_AUTH)\w+=|No SDK uses a socket")
        while not self.lines or not last.match(self.lines[-1]):
            line = self.process.stderr.readline()
            assert line, f"it ended: {self.lines}"
            self.lines.append(line.rstrip("\n"))
            exported = re.fullmatch(r"export (\w+)=(.*)\n", line)
            if exported:
                self.exports[exported[1]] = exported[2]

    @property
    def port(self) -> int:
        return next(int(line.rpartition(": ")[2]) for line in self.lines if "server started on port" in line)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return the exit code, and what came on stdout and, since the start, on stderr."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, stdout, stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=DEADLINE)


def write_profiles(path: Path, sections: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Write an AWS config file; return the environment that names it."""
    path.write_text("".join(f"[profile {name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items()))
    return {"AWS_CONFIG_FILE": str(path)}
