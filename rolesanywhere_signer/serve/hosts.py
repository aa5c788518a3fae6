"""The names under which a local endpoint may be addressed: what DNS rebinding cannot forge.

A page of the web can have its own name lead to this machine, and the browser then sends that name as ``Host``. It
cannot make the browser send an address in its place.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where the SDKs look for a container's endpoint, and take it over plain HTTP.
CONTAINER_ADDRESSES = frozenset(map(ipaddress.ip_address, ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")))
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Hosts:
    """Decides by the ``Host`` header.

    Attributes:
        address: Where the endpoint listens; None: on a Unix socket, which browsers do not reach. What stands before it
            is taken to listen on loopback, or where the SDKs look for a container's endpoint.
        port: The port that goes with it; None: any.
    """

    address: Address | None
    port: int | None

    def accept(self, header: str) -> bool:
        """Return whether a ``Host`` header names this endpoint."""
        match = _HOST.fullmatch(header)
        if match is None:
            return False
        port = match["port"]
        if port is not None and self.port is not None and int(port) != self.port:
            return False
        return self._accept_name(match["v6"] or match["name"])

    def _accept_name(self, name: str) -> bool:
        if name.lower() == "localhost":
            return self.address is None or self.address.is_loopback or self.address.is_unspecified
        try:
            named = ipaddress.ip_address(name)
        except ValueError:
            return False
        if self.address is None:
            return named.is_loopback or named in CONTAINER_ADDRESSES
        if self.address.is_loopback:
            return named.is_loopback
        # All addresses of the machine: which ones it has may change, and an address is no name.
        return self.address.is_unspecified or named == self.address
