"""waitress, within bounds: requests, headers, connections and time.

waitress counts the silence of a connection, so that a client that sends a byte now and then is never cut off; and at
its limit of connections it takes no more, so that silent ones keep the others out. Here a request has a time in which
it must be whole, and at the limit the connection that has waited longest makes room.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer
from waitress.task import ThreadedTaskDispatcher

from ..seconds import monotonic_seconds
from .answers import WsgiApp
from .listening import Listener

# Requests have a few hundred bytes, and no body.
_MOST_HEADER_BYTES = 8192
_MOST_BODY_BYTES = 1024
# Local clients send a request in one piece.
_REQUEST_SECONDS = 5.0
# A connection that is kept for the next request; the SDKs ask every few minutes at most.
_IDLE_SECONDS = 30.0
_MOST_CONNECTIONS = 100
# What else needs a descriptor: the service, certificate and key, the cache, logs.
_OTHER_DESCRIPTORS = 40
_FEWEST_CONNECTIONS = 8
# Between two looks at the connections that are there: fewer than these, so that each is looked at once.
_MOST_ACCEPTED = 32
_SEND_BUFFER_BYTES = 16384
_LOOK_SECONDS = 0.2
# About what a request has: of a crowd that sends many at once, each has one or few turns before the others.
_READ_BYTES = 512
_NEVER = 2**30
_THREADS = 8
# How long answers that are under way at the end have.
_LAST_ANSWERS_SECONDS = 5.0


class Server:
    """Serves an app on a listener.

    Args:
        app: Called in several threads.
        listener: Closed with the server.
    """

    def __init__(self, app: WsgiApp, listener: Listener) -> None:
        # Its queue reports as a warning what is no matter of the user's.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._listener = listener
        self._map: dict[int, Any] = {}
        self._server = _BoundedServer(app, listener.socket, self._map)
        self._ending = False
        self._is_closed = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Serve until ``stop`` is called, finish the answers that are under way, and close everything."""
        try:
            while not self._ending:
                self._turn()
            self._server.stop_accepting()
            last = monotonic_seconds() + _LAST_ANSWERS_SECONDS
            while self._server.is_answering() and monotonic_seconds() < last:
                self._turn()
        finally:
            self._close()

    def stop(self) -> None:
        """Have ``run`` come to its end; for other threads, and for no signal handler."""
        self._ending = True
        with self._lock:
            # The number of its pipe may be another file's once it is closed.
            if not self._is_closed:
                self._server.pull_trigger()

    def _turn(self) -> None:
        self._server.cut_off()
        wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)

    def _close(self) -> None:
        self._listener.close()
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.task_dispatcher.shutdown()
        with self._lock:
            self._is_closed = True
            self._server.close()


def _most_connections() -> int:
    """Return how many connections there may be, so that this process can still open a file."""
    if sys.platform == "win32":
        return _MOST_CONNECTIONS
    import resource  # noqa: PLC0415 - Windows has none

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, soft - _OTHER_DESCRIPTORS))


class _Parser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    # waitress logs the path of what it refuses when the client has gone, and fails where there was none.
    path = ""

    def parse_header(self, header_plus: bytes) -> None:
        """Understand the request's head.

        Raises:
            ParsingError: It cannot be understood, where waitress would pass on what Python says of a URL or a number.
        """
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError("Invalid request") from None


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection that knows since when its client owes something."""

    parser_class = _Parser

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.waiting_since = monotonic_seconds()
        self._request_since: float | None = None
        self._has_asked = False
        super().__init__(*arguments, **options)

    def received(self, data: bytes) -> bool:
        """Take what has come, and note when a request began that is not whole yet."""
        now = monotonic_seconds()
        if self._request_since is None or self._is_answered():
            # Empty lines count as its beginning: they may come before a request, and without end in place of it.
            self._request_since = now
        if self.request is None:
            # To waitress each of them is a request of its own, which costs a hundred times as much.
            data = data.lstrip(b"\r\n")
        taken = bool(super().received(data))
        if self.requests:
            self.waiting_since = now
            self._request_since = None if self.request is None else now
        return taken

    def service(self) -> None:
        """Answer a request."""
        super().service()
        self._has_asked = True
        self.waiting_since = monotonic_seconds()

    def _is_answered(self) -> bool:
        # A thread may be so quick that `received` finds no request any more.
        return self.request is None and self._request_since is not None and self._request_since < self.waiting_since

    def is_overdue(self, now: float) -> bool:
        """Return whether the client has had its time, for a request or to take an answer."""
        if self.requests:
            return False
        if self._request_since is not None and not self._is_answered():
            return now - self._request_since > _REQUEST_SECONDS
        return now - self.waiting_since > (_IDLE_SECONDS if self._has_asked else _REQUEST_SECONDS)


class _BoundedServer(BaseWSGIServer):  # type: ignore[misc] # waitress has no types
    channel_class = _Channel

    def __init__(self, app: WsgiApp, listening: socket.socket, dispatchers: dict[int, Any]) -> None:
        adjustments = Adjustments(
            ident=None,
            # The front looks at them; waitress would take them away.
            clear_untrusted_proxy_headers=False,
            max_request_header_size=_MOST_HEADER_BYTES,
            max_request_body_size=_MOST_BODY_BYTES,
            # What one connection can ask for at once, and so what waits in memory for a client that takes no answer.
            recv_bytes=_READ_BYTES,
            # Never in a file: it holds credentials.
            outbuf_overflow=_NEVER,
            # Never reached while connections are waiting, because one of them makes room.
            connection_limit=2 * _MOST_CONNECTIONS,
            log_socket_errors=False,
        )
        self._looked_at = monotonic_seconds()
        threads = ThreadedTaskDispatcher()
        threads.set_thread_count(_THREADS)
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            app, dispatchers, _sock=listening, dispatcher=threads, adj=adjustments, sockinfo=where, bind_socket=False
        )

    def handle_accept(self) -> None:
        """Take all who wait, within bounds; one at a time, a crowd would keep the others out."""
        for _ in range(min(_MOST_ACCEPTED, _most_connections() - 1)):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return

    def getsockname(self) -> tuple[str, int]:
        """Return what waitress tells the app about the server."""
        name = self.socket.getsockname()
        return (name[0], name[1]) if isinstance(name, tuple) else ("localhost", 0)

    def set_reuse_addr(self) -> None:
        """Leave the options of the socket as they are."""

    def set_socket_options(self, conn: socket.socket) -> None:
        """Let an answer leave at once, and the system keep little for a client that takes none."""
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        if conn.family != getattr(socket, "AF_UNIX", None):
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fix_addr(self, addr: Any) -> Any:
        """Return the client's address; on a Unix socket it has none."""
        return addr or ("localhost", 0)

    def maintenance(self, now: float) -> None:
        """Do nothing here, where waitress would cut off by its own rules."""

    def cut_off(self) -> None:
        """Close connections whose clients have had their time, and those that waited longest where there are too many.

        Between two turns of the loop: within one, the number of a closed file may be a new connection's already.
        """
        now = monotonic_seconds()
        most = _most_connections()
        if len(self.active_channels) > most:
            waiting = [channel for channel in self.active_channels.values() if not channel.requests]
            waiting.sort(key=lambda channel: channel.waiting_since)
            for channel in waiting[: len(self.active_channels) - most]:
                channel.handle_close()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            for channel in [channel for channel in self.active_channels.values() if channel.is_overdue(now)]:
                channel.handle_close()

    def stop_accepting(self) -> None:
        """Take no more connections; those that are open stay."""
        self.accepting = False

    def is_answering(self) -> bool:
        """Return whether an answer is being made or sent."""
        return any(channel.requests or channel.total_outbufs_len for channel in self.active_channels.values())
