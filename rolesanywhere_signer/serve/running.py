"""An endpoint that runs: the suppliers at work, and the server in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import quote

from ..errors import ConfigurationError
from .answers import WsgiApp
from .front import HEALTH_PATHS, front_app
from .listening import Listener
from .supplier import Supplier

# A misconfiguration shows within a second or two; a service that does not answer is no reason to start later.
_FIRST_CALL_SECONDS = 5.0


def paths_of(suppliers: Collection[Supplier]) -> Mapping[str, Supplier]:
    """Return the path of each role: its name, and for the only one also the root.

    Raises:
        ConfigurationError: Two have the same name, or one that tells about the process.
    """
    paths: dict[str, Supplier] = {}
    for supplier in suppliers:
        path = f"/{supplier.name}"
        if path in paths or path in HEALTH_PATHS:
            raise ConfigurationError(f"the path {path!r} is taken", hint="give each profile once, and another name")
        paths[path] = supplier
    return {"/": next(iter(suppliers)), **paths} if len(paths) == 1 else paths


def url_of(listener: Listener, supplier: Supplier, *, alone: bool) -> str:
    """Return the URL of a role; the only one is at the root."""
    return f"{listener.url}/" if alone else f"{listener.url}/{quote(supplier.name, safe='')}"


@contextlib.contextmanager
def running(app: WsgiApp, suppliers: Collection[Supplier], listener: Listener) -> Iterator[Callable[[], bool]]:
    """Serve an app while a block runs; answers that are under way at its end are finished.

    Yields what tells whether the server is still there.

    Args:
        app: One of the protocols.
        suppliers: Started here, unless they have been.
        listener: Closed at the end.

    Raises:
        ConfigurationError: waitress is not installed.
        RolesAnywhereError: What is asked for cannot be had as things are configured.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(listener.close)
        require_server()
        from .server import Server  # noqa: PLC0415 - waitress may be missing

        server = Server(front_app(app, suppliers, listener.hosts), listener)
        thread = threading.Thread(target=server.run, name="rolesanywhere-serve", daemon=True)
        for supplier in suppliers:
            supplier.start()
            stack.callback(supplier.stop)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop)
        for supplier in suppliers:
            supplier.check_start(_FIRST_CALL_SECONDS)
        yield thread.is_alive


def require_server() -> None:
    """Make sure that the server is installed.

    Raises:
        ConfigurationError: It is not.
    """
    try:
        import waitress  # noqa: F401, PLC0415 - whether it is there is the question
    except ImportError:
        raise ConfigurationError(
            "serving credentials needs waitress, which is not installed",
            hint="pip install 'rolesanywhere-signer[serve]'",
        ) from None
