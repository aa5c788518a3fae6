"""The proxy between here and a URL, as requests finds it, and what proxies answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from ..diagnosis import Cause
from ..transport import root_of
from .findings import BrokenStepError

if TYPE_CHECKING:
    from ..errors import TransportError
    from ..settings import Settings

_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    Attributes:
        scheme: Of its URL.
        host, port: Where it listens.
        user_info: User name and password, or None. Hidden.
        is_given: It was given with the settings, and does not come from the environment.
    """

    scheme: str
    host: str
    port: int
    user_info: tuple[str, str] | None = field(repr=False)
    is_given: bool

    def __str__(self) -> str:
        return f"the proxy {self.scheme}://{self.host}:{self.port}"

    @property
    def said(self) -> str:
        """Where the proxy comes from."""
        return "the settings" if self.is_given else "HTTPS_PROXY"


def find_proxy(settings: Settings) -> Proxy | None:
    """Return the proxy that requests to the service go through, or None. A URL that cannot be read is left alone."""
    url = settings.url
    if not url.startswith("https:"):
        return None  # plain HTTP stays on this machine
    given = settings.proxies is not None
    chosen = select_proxy(url, dict(settings.proxies or {}) if given else get_environ_proxies(url))
    if not chosen:
        return None
    try:
        parts = urlsplit(chosen if "://" in chosen else f"http://{chosen}")
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return None  # the transport refuses it
    user_info = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(parts.scheme, parts.hostname or "", port, user_info, given) if parts.hostname else None


def proxy_fault(error: TransportError, proxy: Proxy | None, host: str) -> BrokenStepError:
    """Return what ends the walk when a proxy did not let a request through.

    Args:
        error: What the transport made of it.
        proxy: Which, if it is known.
        host: Of the service, with its port.
    """
    name = str(proxy) if proxy is not None else "the proxy"
    refused = _REFUSED_TUNNEL.search(error.message)
    if refused is None:
        return BrokenStepError.of_causes(
            "proxy-unusable",
            f"no way to {host} by {name} ({_reason(error)})",
            [
                Cause(
                    "it does not listen there, or what listens is no proxy",
                    f"see what HTTPS_PROXY names: curl -v -x {_url(proxy)} https://{host}",
                ),
                Cause(f"{host} has to be reached without it", "name the host in NO_PROXY"),
            ],
        )
    return _refused_tunnel(int(refused[1]), name, host)


def _refused_tunnel(status: int, name: str, host: str) -> BrokenStepError:
    if status == 407:
        return BrokenStepError(
            "proxy-wants-password",
            f"{name} wants a user name and a password, or other ones (407)",
            "write them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT, with @ : / # ? percent-encoded",
        )
    if status == 403:
        return BrokenStepError(
            "proxy-refuses",
            f"{name} does not let anybody connect to {host} (403)",
            f"have whoever runs it allow CONNECT to {host}, or name the host in NO_PROXY if there is a way without",
        )
    causes = [
        Cause("it answers with a page of its own instead of connecting", "open that page: curl -v shows it"),
        Cause("it cannot reach the service itself", f"have whoever runs it look at its way to {host}"),
    ]
    if status >= 500:
        causes.reverse()
    return BrokenStepError.of_causes("proxy-refuses", f"{name} did not connect to {host} ({status})", causes)


def _reason(error: TransportError) -> str:
    root = root_of(error)
    return getattr(root, "strerror", None) or error.message.rpartition("failed: ")[2]


def _url(proxy: Proxy | None) -> str:
    return "PROXY" if proxy is None else f"{proxy.scheme}://{proxy.host}:{proxy.port}"
