"""A local Roles Anywhere behind TLS, as benchmarks need it: each answer goes out in one write."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere


@contextmanager
def tls_service(directory: Path) -> Iterator[tuple[LocalRolesAnywhere, str, Path]]:
    """Yield the service, its ``host:port``, and the path of the CA certificate that its TLS certificate leads to."""
    service = LocalRolesAnywhere(region="eu-central-1")
    context = _server_context(directory)
    server = _Server(("127.0.0.1", 0), _handler(service))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service, f"localhost:{server.server_address[1]}", directory / "tls-ca.pem"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server_context(directory: Path) -> ssl.SSLContext:
    ca = CertificateAuthority("CN=TLS CA of the benchmark")
    (directory / "tls-ca.pem").write_bytes(ca.certificate_pem)
    (directory / "tls").mkdir()
    server = ca.issue("CN=localhost", subject_alternative_names=["DNS:localhost"], extended_key_usage=["serverAuth"])
    server.write(directory / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls" / "certificate.pem", directory / "tls" / "private-key.pem")
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(service: LocalRolesAnywhere) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
            del environ["HTTP_CONTENT_LENGTH"]  # WSGI has these two without the prefix
            environ.pop("HTTP_CONTENT_TYPE", None)
            environ |= {
                "REQUEST_METHOD": "POST",
                "RAW_URI": self.path,
                "PATH_INFO": self.path,
                "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": self.headers["Content-Type"],
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.input": BytesIO(body),
            }
            started: list[tuple[str, list[tuple[str, str]]]] = []
            content = b"".join(service.wsgi_app(environ, lambda status, headers: started.append((status, headers))))
            status, headers = started[0]
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
            self.wfile.write("\r\n".join(lines).encode("latin-1") + content)

        def log_message(self, *_arguments: object) -> None:
            """Print nothing: the figures are the output."""

    return Handler
