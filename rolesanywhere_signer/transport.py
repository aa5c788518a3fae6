"""One request over HTTPS: time-outs, proxies, no redirects, a bounded answer; foreign errors become ours."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import requests
import urllib3
from urllib3.util.connection import is_connection_dropped

from .errors import ConfigurationError, RolesAnywhereError, TransportError
from .seconds import monotonic_seconds

if TYPE_CHECKING:
    from .settings import Settings
    from .signer import SignedRequest

_BUNDLE_HINT = "check verify=, AWS_CA_BUNDLE, ca_bundle of the profile, and REQUESTS_CA_BUNDLE"
# A CreateSession answer has about 2 KB.
_MAX_ANSWER_BYTES = 256 * 1024
# Address translation and load balancers forget a connection without a word, some of them after less than a minute.
_LONGEST_IDLE_SECONDS = 20.0
_THE_ONE = "the one that is kept"
# Whatever stands around an @ may be the password of a proxy's URL, in whichever way the URL is broken.
_USER_INFO = r"\S*@\S*"


# The endpoint's own URL was checked with the settings, so it is mostly a proxy's that leads to these.
_UNUSABLE_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
    TypeError,
    UnicodeError,
)


class Answer(NamedTuple):
    """An HTTP answer.

    Attributes:
        status: Such as 201.
        headers: Names in any case.
        body: At most 256 KiB. Hidden: it may hold credentials.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"


class Transport:
    """Sends requests, and keeps one connection for the next of them.

    Threads may share it: each request that is under way has a connection of its own. A forked child leaves its
    parent's alone, and a copy or a pickle starts with none. What is kept ends with the transport, because urllib3
    closes the connections of a pool that nobody refers to any more.
    """

    def __init__(self) -> None:
        # One entry or none. Single operations on a dictionary need no lock, which could be held when a process forks.
        self._kept: dict[str, _Kept] = {}

    def __reduce__(self) -> tuple[type[Transport], tuple[()]]:
        return Transport, ()

    def send(self, signed: SignedRequest, settings: Settings) -> Answer:
        """Send one signed request exactly as it is, and return the answer.

        A connection that was kept and turns out to be closed is replaced: the request is then sent once more. What the
        environment says about proxies and CA bundles is read each time.

        Raises:
            TransportError: No answer came, or one too large.
            ConfigurationError: The CA bundle or a proxy's URL cannot be used.
        """
        with requests.Session() as session:
            session.headers.clear()
            # Plain HTTP goes to loopback only, and never out through a proxy of the environment.
            session.trust_env = signed.url.startswith("https:")
            try:
                return self._exchange(session, signed, settings)
            except RolesAnywhereError:
                raise
            # requests raises its own, urllib3's and OSError, and TypeError for a proxy's URL without a host.
            except Exception as error:  # noqa: BLE001
                raise _our_error(error, signed, settings) from presentable_cause(error)

    def _exchange(self, session: requests.Session, signed: SignedRequest, settings: Settings) -> Answer:
        prepared, way = _prepare(session, signed, settings)
        timeout = (settings.connect_timeout_seconds, settings.read_timeout_seconds)
        adapter = self._take(prepared.url, way) or _AbortableAdapter()
        try:
            # Straight to the adapter: Session.send looks at a redirect even where it must not follow it.
            with adapter.aborting_after(sum(timeout)), adapter.send(prepared, timeout=timeout, **way) as response:
                answer = Answer(response.status_code, response.headers, _bounded_body(response))
        except BaseException:
            adapter.close()
            raise
        # A server that fails may not be the only one of its name: the next connection may lead to another.
        if answer.status < 500:
            self._keep(_Kept(adapter, prepared.url, way))
        else:
            adapter.close()
        return answer

    def _take(self, url: str | None, way: dict[str, Any]) -> _AbortableAdapter | None:
        """Return the adapter that was kept, if its connection may be used for this request; close it otherwise."""
        kept = self._kept.pop(_THE_ONE, None)
        if kept is None:
            return None
        if kept.is_usable(url, way):
            return kept.adapter
        # In a forked child, too: this shuts nothing down, and the parent has a descriptor of its own.
        kept.adapter.close()
        return None

    def _keep(self, kept: _Kept) -> None:
        if not kept.adapter.is_connected or self._kept.setdefault(_THE_ONE, kept) is not kept:
            kept.adapter.close()


class _Kept:
    """An adapter whose connection waits for the next request.

    Args:
        adapter: With one connection.
        url: Of the request before.
        way: What was said about proxies and TLS when it was sent.
    """

    def __init__(self, adapter: _AbortableAdapter, url: str | None, way: dict[str, Any]) -> None:
        self.adapter = adapter
        self._way = (url, way)
        self._process = os.getpid()
        self._since = monotonic_seconds()

    def is_usable(self, url: str | None, way: dict[str, Any]) -> bool:
        """Return whether the connection is this process's, leads the same way and is likely to be still there."""
        return (
            self._process == os.getpid()
            and self._way == (url, way)
            and monotonic_seconds() - self._since <= _LONGEST_IDLE_SECONDS
            and self.adapter.is_connected
        )


def _prepare(
    session: requests.Session, signed: SignedRequest, settings: Settings
) -> tuple[requests.PreparedRequest, dict[str, Any]]:
    """Return the request, and what settings and environment say now about proxies and TLS."""
    request = requests.Request(signed.method, signed.url, data=signed.body, auth=_SignedAlready(signed.headers))
    prepared = session.prepare_request(request)
    way = cast(
        "dict[str, Any]",
        session.merge_environment_settings(prepared.url, {}, stream=True, verify=verify_value(settings), cert=None),
    )
    if settings.proxies is not None and session.trust_env:
        # Exactly those given, none where none is given; requests would add the environment's.
        way["proxies"] = dict(settings.proxies)
    _check_bundle(way["verify"])
    return prepared, way


def _check_bundle(bundle: object) -> None:
    """Refuse a pipe: TLS would open it before any time-out counts, and wait for a writer for ever."""
    path = Path(bundle) if isinstance(bundle, str) else None
    if path is not None and path.exists() and not (path.is_file() or path.is_dir()):
        raise ConfigurationError(f"the CA bundle {bundle!r} is neither a file nor a directory", hint=_BUNDLE_HINT)


class _AbortableAdapter(requests.adapters.HTTPAdapter):
    """An adapter of one connection, which another thread can end.

    The time-outs of sockets begin anew with every byte; a server that sends one now and then would hold us for ever.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._connections: list[Any] = []
        self._passed = threading.Event()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that the server has not closed, as far as is known here."""
        return not (self._passed.is_set() or all(map(is_connection_dropped, self._connections)))

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool, which notes the connections that it makes."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" in vars(pool):
            return pool  # it was used before, and notes them already
        # Without the adapter itself, which has the pool: the two would keep each other.
        make, noted = pool.ConnectionCls, self._connections

        def make_noted(*args: Any, **kwargs: Any) -> Any:
            noted.append(make(*args, **kwargs))
            return noted[-1]

        pool.ConnectionCls = make_noted
        return pool

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; once more over a new connection where the server has closed the one that was kept."""
        was_kept = bool(self._connections)
        try:
            return super().send(*args, **kwargs)
        except requests.exceptions.ConnectionError as error:
            if not was_kept or self._passed.is_set() or not _ended_unanswered(error):
                raise
        self._connections.clear()
        return super().send(*args, **kwargs)

    def close(self) -> None:
        """Close the connection, whoever may still have the pool."""
        super().close()
        for connection in self._connections:
            connection.close()

    @contextlib.contextmanager
    def aborting_after(self, seconds: float) -> Iterator[None]:
        """Run a block that ends with a ``TransportError`` once ``seconds`` have passed."""
        ended = threading.Event()
        watcher = threading.Thread(target=self._abort_after, args=(seconds, ended), daemon=True)
        try:
            watcher.start()
            yield
        except Exception as error:
            if self._passed.is_set():
                raise _too_slow(seconds) from presentable_cause(error)
            raise
        else:
            # An answer that was cut off within its headers looks like a whole one.
            if self._passed.is_set():
                raise _too_slow(seconds)
        finally:
            ended.set()
            if watcher.ident is not None:
                watcher.join()

    def _abort_after(self, seconds: float, ended: threading.Event) -> None:
        while not ended.wait(seconds):
            self._passed.set()
            for connection in list(self._connections):
                # Of the plain class: SSLSocket's own shutdown() is not made for another thread.
                with contextlib.suppress(OSError, AttributeError, TypeError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            # And again: a connection that is only being made has no socket yet.
            seconds = 0.2


def _ended_unanswered(error: requests.exceptions.ConnectionError) -> bool:
    """Return whether the connection ended instead of an answer; a reset among the first bytes of one looks the same."""
    return isinstance(_wrapped(error)[-1], (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _too_slow(seconds: float) -> TransportError:
    return TransportError(f"no whole answer came within {seconds:g} s", retryable=True)


class _SignedAlready(requests.auth.AuthBase):
    """Puts the signed headers in place; being an ``auth``, it also keeps ``.netrc`` out."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        prepared.headers.update(self._headers)
        return prepared


def verify_value(settings: Settings) -> bool | str | None:
    """Return ``verify`` as requests and botocore take it."""
    if isinstance(settings.verify, bool):
        # None lets them look at the CA bundles of the environment; False must win over it.
        return None if settings.verify else False
    return os.fspath(settings.verify)


def _bounded_body(response: requests.Response) -> bytes:
    body = b""
    for part in response.iter_content(16 * 1024):
        body += part
        if len(body) > _MAX_ANSWER_BYTES:
            raise TransportError(f"the answer has more than {_MAX_ANSWER_BYTES:,} bytes; it was not read further")
    return body


def _our_error(error: Exception, signed: SignedRequest, settings: Settings) -> TransportError | ConfigurationError:
    host = signed.headers["Host"]
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(
            f"the proxy on the way to {host} failed: {reason_of(error)}",
            hint="check HTTPS_PROXY, NO_PROXY or proxies=",
            retryable=True,
        )
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            f"TLS to {host} failed: {reason_of(error)}",
            hint="behind a TLS-inspecting proxy, give its CA bundle as verify=; an expired or foreign certificate must "
            "be mended at the server",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return _timed_out(error, host, settings)
    if names_unusable_url(error):
        return unusable_url_error()
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        # requests raises a bare OSError for a CA bundle that is not there.
        return ConfigurationError(
            f"the CA bundle cannot be used: {reason_of(error)}",
            hint=_BUNDLE_HINT,
        )
    return TransportError(f"no answer from {host}: {reason_of(error)}", hint=_network_hint(error), retryable=True)


def _timed_out(error: requests.exceptions.Timeout, host: str, settings: Settings) -> TransportError:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError(
            f"{host} did not accept a connection within {settings.connect_timeout_seconds} s",
            hint="is port 443 open to it, or is a proxy needed?",
            retryable=True,
        )
    return TransportError(f"{host} did not answer within {settings.read_timeout_seconds} s", retryable=True)


def _network_hint(error: Exception) -> str | None:
    if any(isinstance(part, socket.gaierror) for part in _wrapped(error)):
        return "the name does not resolve: is the region right, and is DNS working?"
    return None


def unusable_url_error() -> ConfigurationError:
    """Return the error for a URL that cannot be parsed; no part of it is told, as one may be a password."""
    return ConfigurationError(
        "the URL of a proxy, or endpoint_url, cannot be used",
        hint="such as http://proxy.example.com:3128; in a user name or password, @ : / # ? are percent-encoded",
    )


def names_unusable_url(error: BaseException) -> bool:
    """Return whether a URL that cannot be parsed is behind ``error``, whose text then shows parts of it."""
    return any(isinstance(part, _UNUSABLE_URL) for part in _wrapped(error))


def reason_of(error: Exception) -> str:
    """Return the innermost reason in a printable line, without what may be a proxy's user name and password."""
    text = "".join(char if char.isprintable() else " " for char in str(_wrapped(error)[-1]))
    return re.sub(_USER_INFO, "(hidden)", " ".join(text.split()))[:300]


def _wrapped(error: BaseException) -> list[BaseException]:
    """Return the error and what it wraps: MaxRetryError has it as ``reason``, others among their arguments."""
    found = [error]
    while len(found) < 10:
        # botocore keeps it among the values of its message.
        kept = vars(found[-1]).get("kwargs", {}).get("error")
        candidates = (getattr(found[-1], "reason", None), *found[-1].args, kept, found[-1].__cause__)
        inner = next((part for part in candidates if isinstance(part, BaseException)), None)
        if inner is None or inner in found:
            break
        found.append(inner)
    return found


def presentable_cause(error: Exception) -> Exception | None:
    """Return ``error`` as a cause that may be shown, or None if a proxy's password stands in its text."""
    if names_unusable_url(error) or any(re.search(_USER_INFO, str(part)) for part in _wrapped(error)):
        return None
    for part in _wrapped(error):
        # These carry the signed request, and the pool with a proxy's password, into debuggers and crash reports.
        for name in ("request", "response", "pool", "conn"):
            if name in vars(part):
                vars(part)[name] = None
    return error


def root_of(error: BaseException) -> BaseException:
    """Return the innermost error of those that ``error`` wraps."""
    return _wrapped(error)[-1]
