"""The same service as a WSGI app (PEP 3333), for any server that runs those."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .http_parser import BadRequestError, body_length
from .wire import Application, HttpRequest, HttpResponse, json_response, octets

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

WsgiApp = Callable[[dict[str, Any], "StartResponse"], Iterable[bytes]]


# What a test must not take for the fault that it asked for.
NEEDS_SERVER = "this fault needs the HTTP server of the local service: a WSGI app has no hand on the connection"


def make_wsgi_app(application: Application) -> WsgiApp:
    """Return a WSGI app for ``application``.

    The raw target is taken from ``RAW_URI`` or ``REQUEST_URI`` where the server gives one. Without it the target is
    put together again from the decoded path, and what was encoded in another way than usual is not seen as it came.

    Of the faults that concern the connection an app can only be late: it waits for ``Latency``, and answers ``Hold``,
    ``Reset`` and ``Cut`` with a 500 that says so.
    """

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = _delivered(_respond(application, environ))
        headers = [*response.headers, ("Content-Length", str(len(response.body)))]
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    return app


def _delivered(response: HttpResponse) -> HttpResponse:
    if not response.delivery.is_whole:
        return json_response(500, {"message": NEEDS_SERVER}, "InternalFailure")
    if response.delivery.wait_seconds:
        threading.Event().wait(response.delivery.wait_seconds)
    return response


def _respond(application: Application, environ: dict[str, Any]) -> HttpResponse:
    method, target, headers = environ["REQUEST_METHOD"], _target(environ), tuple(_headers(environ))
    try:
        length = body_length(HttpRequest(method, target, headers))
    except BadRequestError as error:
        return application.refuse(error.status, error.message)
    body = environ["wsgi.input"].read(length) if length else b""
    return application.respond(HttpRequest(method, target, headers, body))


def _target(environ: dict[str, Any]) -> str:
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw:
        return str(raw)
    path = quote(octets(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")), safe="/-_.~") or "/"
    query = environ.get("QUERY_STRING")
    return f"{path}?{query}" if query else path


def _headers(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield _header_name(name.removeprefix("HTTP_")), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield _header_name(name), value


def _header_name(key: str) -> str:
    return key.replace("_", "-").title()
