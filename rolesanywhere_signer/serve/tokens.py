"""Session tokens of IMDSv2 that say themselves when they end; nothing is kept of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from ..seconds import monotonic_seconds

_TIME_BYTES = 8
_RANDOM_BYTES = 16


class Tokens:
    """Makes tokens and tells its own from others, by a key that lives as long as this object.

    A table of tokens needs a bound, and whoever asks often enough then throws out the tokens of everybody else. Here
    there is no table: a token is its end and some chance, under a message authentication code.

    Args:
        seconds: Returns seconds that only grow.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic_seconds) -> None:
        self._seconds = seconds
        self._key = secrets.token_bytes(32)

    def make(self, ttl_seconds: int) -> str:
        """Return a new token."""
        end = int((self._seconds() + ttl_seconds) * 1000)
        content = end.to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return base64.urlsafe_b64encode(content + self._code(content)).decode()

    def seconds_left(self, token: str) -> int | None:
        """Return for how long a token is still good, rounded up, or None: it has ended, or is none of ours."""
        try:
            given = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return None
        content, code = given[: _TIME_BYTES + _RANDOM_BYTES], given[_TIME_BYTES + _RANDOM_BYTES :]
        if not hmac.compare_digest(code, self._code(content)):
            return None
        left = int.from_bytes(content[:_TIME_BYTES], "big") - int(self._seconds() * 1000)
        return -(-left // 1000) if left > 0 else None

    def _code(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)
