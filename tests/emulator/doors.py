"""The three ways to the service: the function, the WSGI app, and a real socket."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

from rolesanywhere_signer.testing import HttpRequest, HttpResponse, LocalRolesAnywhere

Door = Callable[[LocalRolesAnywhere, HttpRequest], HttpResponse]


def raw_bytes(request: HttpRequest) -> bytes:
    """Return the request as it goes over the wire, with a Content-Length if it has none."""
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
    if request.body and not any(request.values("content-length")):
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


@contextmanager
def connected(service: LocalRolesAnywhere) -> Iterator[socket.socket]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        yield connection


def receive(connection: socket.socket, method: str = "POST") -> HttpResponse:
    """Read one answer, as Python's own client reads it."""
    parsed = HTTPResponse(connection, method=method)
    parsed.begin()
    body = parsed.read()
    return HttpResponse(parsed.status, tuple(parsed.getheaders()), body)


def by_function(service: LocalRolesAnywhere, request: HttpRequest) -> HttpResponse:
    return service.respond(request)


def by_wsgi(service: LocalRolesAnywhere, request: HttpRequest) -> HttpResponse:
    return call_wsgi(service, environ_of(request, RAW_URI=request.target))


def by_socket(service: LocalRolesAnywhere, request: HttpRequest) -> HttpResponse:
    with service, connected(service) as connection:
        connection.sendall(raw_bytes(request))
        return receive(connection, request.method)


DOORS = [by_function, by_wsgi, by_socket]


def environ_of(request: HttpRequest, **more: str) -> dict[str, Any]:
    """Return the WSGI environment that a server would make of a request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.raw_query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }
    if request.body:
        environ["CONTENT_LENGTH"] = str(len(request.body))
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key.startswith("HTTP_") and key in environ else value
    return environ


def call_wsgi(service: LocalRolesAnywhere, environ: dict[str, Any]) -> HttpResponse:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return io.BytesIO().write

    body = b"".join(service.wsgi_app(environ, start_response))
    [(status, headers)] = started
    return HttpResponse(int(status.split()[0]), tuple(headers), body)
