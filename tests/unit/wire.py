"""A small HTTP server that keeps what it receives byte for byte, and a verifier of SigV4-X509 for the tests alone.

The verifier shares no code with the library: it starts from the bytes on the wire, as the service does.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the values of a header, joined as SigV4 joins them."""
        return ",".join(re.sub(" +", " ", value).strip() for key, value in self.headers if key.lower() == name)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        method, target, _version = self.rfile.readline().decode("latin-1").split(" ")
        headers = []
        while (line := self.rfile.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            headers.append((name, value.strip(" ")))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        received = Received(method, target, tuple(headers), self.rfile.read(length))
        server: Any = self.server
        server.received.append(received)
        self.wfile.write(server.answer)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    answer = OK
    received: list[Received]


@dataclass(frozen=True)
class Recorder:
    """A running server."""

    port: int
    received: list[Received]

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def recording_server(answer: bytes = OK) -> Iterator[Recorder]:
    """Serve one canned answer on a free loopback port and keep every request."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.received = []
        server.answer = answer
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Recorder(server.server_address[1], server.received)
        finally:
            server.shutdown()
            thread.join()


def verify(received: Received, certificate: x509.Certificate, region: str) -> str:
    """Verify the signature of a request as received; return its canonical request.

    Raises:
        AssertionError, InvalidSignature: It does not fit.
    """
    match = re.fullmatch(
        r"(\S+) Credential=([0-9]+)/([0-9]{8})/([^/]+)/rolesanywhere/aws4_request, "
        r"SignedHeaders=(\S+), Signature=([0-9a-f]+)",
        received.header("authorization"),
    )
    assert match, "the Authorization header has another form"
    algorithm, serial, day, scope_region, names, signature = match.groups()
    assert int(serial) == certificate.serial_number
    assert scope_region == region
    date = received.header("x-amz-date")
    assert date.startswith(day)
    canonical = canonical_request(received, names)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{algorithm}\n{date}\n{day}/{region}/rolesanywhere/aws4_request\n{digest}"
    verify_signature(certificate.public_key(), algorithm, bytes.fromhex(signature), text.encode())
    assert x509.load_der_x509_certificate(base64.b64decode(received.header("x-amz-x509"))) == certificate
    return canonical


def verify_signature(public_key: Any, algorithm: str, signature: bytes, data: bytes) -> None:
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        assert algorithm == "AWS4-X509-ECDSA-SHA256"
        public_key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    elif type(public_key).__name__.startswith("MLDSA"):
        assert algorithm == "AWS4-X509-MLDSA"
        public_key.verify(signature, data)
    else:
        assert algorithm == "AWS4-X509-RSA-SHA256"
        public_key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


def canonical_request(received: Received, names: str) -> str:
    path, _, query = received.target.partition("?")
    lines = [f"{name}:{received.header(name)}" for name in names.split(";")]
    body = hashlib.sha256(received.body).hexdigest()
    return "\n".join([received.method, _canonical_path(path), _canonical_query(query), *lines, "", names, body])


def _canonical_path(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(quote_from_bytes(segment.encode("latin-1"), safe=""))
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part:
            pairs.append((_encoded_once(name), _encoded_once(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded_once(text: str) -> str:
    return quote_from_bytes(unquote_to_bytes(text.replace("+", " ")), safe="")
