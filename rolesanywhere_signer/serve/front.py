"""What stands before either protocol: refusals that concern every path, and the paths that tell about the process."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from .answers import Answer, Environ, WsgiApp, json_answer, path_of, text_answer, wsgi_app
from .hosts import Hosts
from .supplier import Shortage, Supplier

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

# Paths that no role can have.
HEALTH_PATHS = ("/healthz", "/readyz")


def front_app(app: WsgiApp, suppliers: Collection[Supplier], hosts: Hosts) -> WsgiApp:
    """Return the app with its front.

    Args:
        app: One of the protocols.
        suppliers: Whose state ``/healthz`` and ``/readyz`` tell.
        hosts: The names under which the endpoint is addressed.
    """
    health = wsgi_app(_Health(suppliers).respond)

    def front(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        refusal = _refusal(environ, hosts)
        if refusal is not None:
            return wsgi_app(lambda _environ: refusal)(environ, start_response)
        chosen = health if path_of(environ) in HEALTH_PATHS else app
        return chosen(environ, start_response)

    return front


def _refusal(environ: Environ, hosts: Hosts) -> Answer | None:
    """Return the answer to what comes through a proxy, or from a page whose name was made to lead here."""
    # RFC 9112, 3.2.2: the form that is sent to proxies.
    if not str(environ.get("REQUEST_URI", "/")).startswith("/"):
        return text_answer(400, "the request target must be a path\n")
    if not hosts.accept(environ.get("HTTP_HOST", "")):
        return text_answer(403, "the Host header does not name this endpoint\n")
    if "HTTP_X_FORWARDED_FOR" in environ:
        return text_answer(400, "unable to process requests with X-Forwarded-For header\n")
    if "HTTP_FORWARDED" in environ:
        return text_answer(400, "unable to process requests with Forwarded header\n")
    return None


class _Health:
    """``/healthz``: the process does its work; ``/readyz``: it has valid credentials of every role."""

    def __init__(self, suppliers: Collection[Supplier]) -> None:
        self._suppliers = suppliers

    def respond(self, environ: Environ) -> Answer:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return text_answer(405, "method not allowed\n", ("Allow", "GET, HEAD"))
        return self._ready() if path_of(environ) == "/readyz" else self._alive()

    def _alive(self) -> Answer:
        alive = all(supplier.is_alive() for supplier in self._suppliers)
        return json_answer(200 if alive else 500, {"alive": alive})

    def _ready(self) -> Answer:
        states = {supplier.name: supplier.look() for supplier in self._suppliers}
        reasons = {name: state.message for name, state in states.items() if isinstance(state, Shortage)}
        return json_answer(503, {"ready": False, "reasons": reasons}) if reasons else json_answer(200, {"ready": True})
