"""What can go wrong with an answer, as plain values: each says what it does to the answer, or to its connection.

What concerns the content (``Throttled``, ``ServerError``, ``Truncated``, ``Garbled``, ``WrongClock``,
``ExpiredCredentials``) works at every door of the local service. What concerns the connection (``Hold``, ``Reset``,
``Cut``) is an instruction to its own HTTP server; the WSGI app waits for ``Latency`` and answers the others with a 500
that says so.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus

from ..errors import ConfigurationError
from .wire import Delivery, HttpResponse

_MOST_SECONDS = 86_400
_MOST_SKEW_SECONDS = 100 * 366 * 86_400
_MOST_BYTES = 1024 * 1024
# No JSON in UTF-8, and no byte order mark that would make it text of another kind.
_GARBAGE = b"\x81<\x00\xfe\x80garbled"


@dataclass(frozen=True)
class Refused:
    """An error that is answered instead of the service's own answer."""

    status: int
    error_code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fault:
    """The base of all faults; alone it does nothing."""

    def moment(self, now: datetime) -> datetime:
        """Return what the service takes for the time."""
        return now

    def instead(self) -> Refused | None:
        """Return what is answered without a look at the request; None: it is answered as ever."""
        return None

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Return what becomes of an answer.

        Args:
            response: Whole, with its headers.
            now: Aware, UTC.
        """
        return response


@dataclass(frozen=True)
class Latency(Fault):
    """The answer is late."""

    seconds: float = 1.0

    def __post_init__(self) -> None:
        _check_number("seconds", self.seconds, 0, _MOST_SECONDS)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Let the server wait."""
        return replace(response, delivery=Delivery(wait_seconds=self.seconds))


@dataclass(frozen=True)
class Hold(Fault):
    """No answer comes: the connection is held until the client gives up, the service stops, or ``seconds`` are over."""

    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None:
            _check_number("seconds", self.seconds, 0, _MOST_SECONDS)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Let the server send nothing."""
        return replace(response, delivery=Delivery(wait_seconds=self.seconds, hold=True))


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset (RST) in the place of an answer."""

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Let the server reset the connection."""
        return replace(response, delivery=Delivery(reset=True))


@dataclass(frozen=True)
class Cut(Fault):
    """The connection ends after so many bytes of the answer, its status line and headers counted."""

    after: int = 0

    def __post_init__(self) -> None:
        _check_whole("after", self.after, 0, _MOST_BYTES)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Let the server stop early."""
        return replace(response, delivery=Delivery(cut_after=self.after))


@dataclass(frozen=True)
class Throttled(Fault):
    """429 with Retry-After; None: without."""

    retry_after: int | None = 1

    def __post_init__(self) -> None:
        if self.retry_after is not None:
            _check_whole("retry_after", self.retry_after, 0, _MOST_SECONDS)

    def instead(self) -> Refused:
        """Return a ThrottlingException."""
        headers = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return Refused(429, "ThrottlingException", "Rate exceeded", headers)


@dataclass(frozen=True)
class ServerError(Fault):
    """A 5xx, with Retry-After where it is given."""

    status: int = 503
    retry_after: int | None = None

    def __post_init__(self) -> None:
        _check_whole("status", self.status, 500, 599)
        if self.status not in {each.value for each in HTTPStatus}:
            raise ConfigurationError(f"HTTP has no status {self.status!r}", hint="such as 500, 502, 503 or 504")
        if self.retry_after is not None:
            _check_whole("retry_after", self.retry_after, 0, _MOST_SECONDS)

    def instead(self) -> Refused:
        """Return the error."""
        code = "ServiceUnavailableException" if self.status == 503 else "InternalServerException"
        headers = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return Refused(self.status, code, HTTPStatus(self.status).phrase, headers)


@dataclass(frozen=True)
class Truncated(Fault):
    """The body has its first ``length`` bytes only, and a Content-Length that agrees: HTTP sees nothing wrong."""

    length: int = 20

    def __post_init__(self) -> None:
        _check_whole("length", self.length, 0, _MOST_BYTES)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Shorten the body."""
        return replace(response, body=response.body[: self.length])


@dataclass(frozen=True)
class Garbled(Fault):
    """The body is bytes that are neither text nor JSON."""

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:  # noqa: ARG002 - others need it
        """Replace the body."""
        return replace(response, body=_GARBAGE)


@dataclass(frozen=True)
class WrongClock(Fault):
    """The service's clock is off by ``seconds``: it refuses signatures that it takes for old, and says so in Date.

    Attributes:
        seconds: Forward; negative: back.
        date_only: Whether the Date header alone is wrong, and everything else in order.
    """

    seconds: float = 3600.0
    date_only: bool = False

    def __post_init__(self) -> None:
        _check_number("seconds", self.seconds, -_MOST_SKEW_SECONDS, _MOST_SKEW_SECONDS)
        if not isinstance(self.date_only, bool):
            raise ConfigurationError("date_only must be true or false")

    def moment(self, now: datetime) -> datetime:
        """Return the wrong time."""
        return now if self.date_only else self._wrong(now)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:
        """Put the wrong time into Date."""
        date = format_datetime(self._wrong(now), usegmt=True)
        headers = tuple((name, date if name == "Date" else value) for name, value in response.headers)
        return replace(response, headers=headers)

    def _wrong(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class ExpiredCredentials(Fault):
    """The credentials in the answer have expired, ``seconds`` ago; whoever uses them is refused."""

    seconds: float = 1.0

    def __post_init__(self) -> None:
        _check_number("seconds", self.seconds, 0, _MOST_SECONDS)

    def expiration(self, now: datetime) -> datetime:
        """Return when they expired."""
        return now.replace(microsecond=0) - timedelta(seconds=self.seconds)

    def alter(self, response: HttpResponse, now: datetime) -> HttpResponse:
        """Put another expiration into a CreateSession's answer; any other is left as it is."""
        if response.status != 201:
            return response
        content = json.loads(response.body)
        for each in content["credentialSet"]:
            each["credentials"]["expiration"] = self.expiration(now).strftime("%Y-%m-%dT%H:%M:%SZ")
        return replace(response, body=json.dumps(content).encode("ascii"))


# As the admin endpoint names them.
FAULTS: dict[str, type[Fault]] = {
    "latency": Latency,
    "hold": Hold,
    "reset": Reset,
    "cut": Cut,
    "throttled": Throttled,
    "server-error": ServerError,
    "truncated": Truncated,
    "garbled": Garbled,
    "wrong-clock": WrongClock,
    "expired-credentials": ExpiredCredentials,
}


def name_of(fault: Fault) -> str:
    """Return how the admin endpoint names a fault."""
    return next((name for name, kind in FAULTS.items() if type(fault) is kind), type(fault).__name__)


def _check_number(name: str, value: object, least: float, most: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not least <= value <= most:  # type: ignore[operator]
        raise ConfigurationError(f"{name} must be a number from {least} to {most}, not {value!r}")


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigurationError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
