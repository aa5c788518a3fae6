"""Tell systemd how a service is doing, over the socket that it names: READY, STOPPING, and a line of status."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

_logger = logging.getLogger("rolesanywhere_signer")

_VARIABLE = "NOTIFY_SOCKET"
# systemd reads at once; a socket that nobody reads must not stop the service.
_TIMEOUT_SECONDS = 2.0
_LONGEST_STATUS = 500


def notify_ready(environment: Mapping[str, str], status: str) -> None:
    """Say that the service does its work now, which a unit of ``Type=notify`` is waited for.

    Args:
        environment: The environment variables; without ``NOTIFY_SOCKET`` nobody wants to know.
        status: What ``systemctl status`` shows; no secret.
    """
    _send(environment, "READY=1", _status_line(status))


def notify_status(environment: Mapping[str, str], status: str) -> None:
    """Say how it goes; as in ``notify_ready``."""
    _send(environment, _status_line(status))


def notify_stopping(environment: Mapping[str, str], status: str) -> None:
    """Say that the service is about to end; as in ``notify_ready``."""
    _send(environment, "STOPPING=1", _status_line(status))


def _status_line(status: str) -> str:
    # A second line would be an assignment of its own.
    return f"STATUS={' '.join(status.split())[:_LONGEST_STATUS]}"


def _send(environment: Mapping[str, str], *assignments: str) -> None:
    """Send assignments in one datagram; what goes wrong is logged, because the service is what matters.

    See sd_notify(3), "Notes".
    """
    name = environment.get(_VARIABLE, "")
    if not name:
        return
    if name[0] not in "/@":
        _logger.debug("%s is of a kind that is not known here", _VARIABLE)
        return
    # Linux's abstract names begin with NUL.
    address = f"\0{name[1:]}" if name[0] == "@" else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.sendto("\n".join(assignments).encode("utf-8", "replace"), address)
    # AttributeError: no such sockets on this system; ValueError: a name that no socket can have.
    except (OSError, ValueError, AttributeError) as error:
        _logger.warning("systemd could not be told through %s: %s", _VARIABLE, error)
