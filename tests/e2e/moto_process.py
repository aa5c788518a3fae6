"""A moto server in a process of its own, and a reverse proxy before it that writes down who signed what."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """One request that reached moto: what was asked, and who signed it."""

    method: str
    path: str
    access_key_id: str
    session_token: str


@dataclass
class Recorder:
    """A running proxy.

    Attributes:
        url: What clients are given in place of moto's.
        seen: Every request, in order.
    """

    url: str
    seen: list[Seen] = field(default_factory=list)


@contextlib.contextmanager
def moto_server() -> Iterator[int]:
    """Run moto on a free port until the end of the block; yield the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(_DEADLINE_SECONDS)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the moto server ended by itself"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the moto server does not answer")


@contextlib.contextmanager
def recording_proxy(target_port: int) -> Iterator[Recorder]:
    """Forward every request to ``target_port`` and write down whose credentials it carries."""

    class Handler(_ForwardingHandler):
        port = target_port

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.recorder = recorder = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


class _ForwardingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port: int
    recorder: Recorder

    def forward(self) -> None:
        self.recorder.seen.append(_seen(self.command, self.path, self.headers))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE_SECONDS)
        with contextlib.closing(upstream):
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    # The names are those that http.server looks for.
    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Keep the output of the tests clean."""


def _seen(method: str, target: str, headers: Any) -> Seen:
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    credential = headers.get("Authorization", "").partition("Credential=")[2] or query.get("X-Amz-Credential", [""])[0]
    token = headers.get("X-Amz-Security-Token") or query.get("X-Amz-Security-Token", [""])[0]
    return Seen(method, parts.path, credential.split("/")[0], token)
