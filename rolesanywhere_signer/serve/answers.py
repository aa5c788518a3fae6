"""What an app answers, as a value, and the WSGI app (PEP 3333) around the function that makes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, "StartResponse"], Iterable[bytes]]


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: The HTTP status.
        body: Hidden: it may hold credentials.
        content_type: Of the body.
        headers: Further headers. Hidden.
    """

    status: int
    body: bytes = field(repr=False)
    content_type: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def text_answer(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """Return an answer of plain text."""
    return Answer(status, text.encode(), "text/plain; charset=utf-8", headers)


def json_answer(status: int, document: Mapping[str, object], *headers: tuple[str, str]) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, json.dumps(document).encode(), "application/json", headers)


def wsgi_app(respond: Callable[[Environ], Answer]) -> WsgiApp:
    """Return the WSGI app of a function; no cache and no browser is to keep what it answers."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = respond(environ)
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *answer.headers,
        ]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    return app


def path_of(environ: Environ) -> str:
    """Return the path of a request, decoded."""
    # PEP 3333: each character stands for a byte.
    return str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace")
