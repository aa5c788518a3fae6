"""A front before a real service that breaks in every way in which networks, proxies and services break."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
from collections import Counter
from collections.abc import Callable

from tests.support.keeping import kept
from tests.support.relay import hand_on
from tests.support.servers import http, read_request, reset
from tests.unit.wire import Received

_PATIENCE_SECONDS = 20
_HTML = b"<html><head><title>Sign in to the guest network</title></head></html>"
_WRONG_DATES = ["Thu, 01 Jan 1970 00:00:00 GMT", "tomorrow", "", "Fri, 31 Dec 9999 23:59:59 GMT", "-1"]

# What a fault returns: whether the connection may stay open.
Fault = Callable[["FaultyFront", socket.socket, Received], bool]


class FaultyFront:
    """Hands requests on, or does what ``harshness`` and chance make of them.

    Args:
        url: Of the real service.
        chance: Where all randomness comes from.

    Attributes:
        harshness: The share of requests that fail, 0 to 1.
        requests: How many came.
        on_kept: How many of them over a connection that had been used before.
        sent_again: How many of those got no answer, so that they came once more over a new connection.
        seen: How often each fault was chosen; ``none`` is one of them.
    """

    def __init__(self, url: str, chance: random.Random) -> None:
        self.harshness = 0.0
        self.requests = self.on_kept = self.sent_again = 0
        self.seen: Counter[str] = Counter()
        self.chance = chance
        self._url = url

    def __call__(self, connection: socket.socket) -> None:
        stays = self._serve(connection)
        while stays and self.chance.random() < 0.9:
            stays = self._serve(connection, was_used=True)

    def _serve(self, connection: socket.socket, *, was_used: bool = False) -> bool:
        received = read_request(connection)
        name = self._draw()
        self.requests += 1
        self.on_kept += was_used
        self.sent_again += was_used and name in UNANSWERED
        self.seen[name] += 1
        return FAULTS[name][1](self, connection, received)

    def _draw(self) -> str:
        if self.chance.random() >= self.harshness:
            return "none"
        names = [name for name in FAULTS if name != "none"]
        unseen = [name for name in names if not self.seen[name]]
        if unseen:
            return unseen[0]  # so that even a short run has had each
        return self.chance.choices(names, [FAULTS[name][0] for name in names])[0]

    def send(self, connection: socket.socket, answer: bytes) -> bool:
        """Send a whole answer, after which the connection may stay open."""
        stays = self.chance.random() < 0.8
        connection.sendall(kept(answer) if stays else answer)
        return stays

    def answer_to(self, received: Received) -> bytes:
        return hand_on(received, self._url)


def _none(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    return front.send(connection, front.answer_to(received))


def _silence(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    connection.settimeout(_PATIENCE_SECONDS)
    with contextlib.suppress(OSError):
        connection.recv(1)
    return False


def _reset(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    reset(connection)
    return False


def _hung_up(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    """Say nothing; the connection is closed by whoever called."""
    return False


def _answer_lost(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    front.answer_to(received)
    reset(connection)
    return False


def _throttled(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    seconds = front.chance.choice(["0", "1", "7", "30", "999999999", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"])
    body = json.dumps({"message": "Rate exceeded"}).encode()
    return front.send(connection, http(429, body, Retry_After=seconds, x_amzn_ErrorType="ThrottlingException"))


def _failed(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    return front.send(connection, http(front.chance.choice([500, 502, 503, 504]), b'{"message": "internal"}'))


def _cut_off(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    answer = front.answer_to(received)
    connection.sendall(answer[: front.chance.randrange(1, len(answer))])
    return False


def _half_a_document(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    body = front.answer_to(received).partition(b"\r\n\r\n")[2]
    half = body[: front.chance.randrange(len(body))]
    return front.send(connection, http(201, half, Content_Type="application/json"))


def _html(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    status = front.chance.choice([200, 201, 302, 403, 503])
    return front.send(connection, http(status, _HTML, Content_Type="text/html"))


def _wrong_date(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    date = f"Date: {front.chance.choice(_WRONG_DATES)}".encode()
    return front.send(connection, re.sub(rb"(?im)^date: [^\r]*", date, front.answer_to(received)))


def _refused_with_a_wrong_date(front: FaultyFront, connection: socket.socket, received: Received) -> bool:
    body = b'{"message": "Invalid signature"}'
    date = front.chance.choice(_WRONG_DATES)
    return front.send(connection, http(403, body, Date=date, x_amzn_ErrorType="AccessDeniedException"))


# How likely each is beside the others. Silence costs real time.
FAULTS: dict[str, tuple[float, Fault]] = {
    "none": (0, _none),
    "silence": (0.2, _silence),
    "reset": (1, _reset),
    "hung up": (1, _hung_up),
    "answer lost": (1, _answer_lost),
    "throttled": (2, _throttled),
    "failed": (2, _failed),
    "cut off": (1, _cut_off),
    "half a document": (1, _half_a_document),
    "HTML": (1, _html),
    "wrong date": (1, _wrong_date),
    "refused with a wrong date": (1, _refused_with_a_wrong_date),
}

# The connection ends without a byte of an answer.
UNANSWERED = {"reset", "hung up", "answer lost"}
