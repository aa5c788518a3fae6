"""Passwords and PINs that a TPM or a token refused: none is tried twice, because both lock after some wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import os

# Digests under a key of this process alone: they say nothing to whoever reads its memory later. A process that is
# started anew may try again.
_KEY = os.urandom(32)
_MOST = 1000
_refused: set[bytes] = set()


def remember(name: bytes, secret: bytes) -> None:
    """Remember that a secret was refused by what has this name."""
    if len(_refused) >= _MOST:
        _refused.clear()
    _refused.add(_digest(name, secret))


def was_refused(name: bytes, secret: bytes) -> bool:
    """Return whether a secret was refused before by what has this name."""
    return _digest(name, secret) in _refused


def _digest(name: bytes, secret: bytes) -> bytes:
    return hmac.digest(_KEY, hashlib.sha256(name).digest() + secret, "sha256")
