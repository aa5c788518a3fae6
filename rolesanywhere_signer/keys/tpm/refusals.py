"""Passwords that a TPM refused: none is tried twice, because a TPM locks itself after some wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import os

from ...errors import PassphraseError

# Digests under a key of this process alone: they say nothing to whoever reads its memory later. A process that is
# started anew may try again.
_KEY = os.urandom(32)
_MOST = 1000
_refused: set[bytes] = set()


def remember(key_name: bytes, password: bytes) -> None:
    """Remember that a password was refused for a key."""
    if len(_refused) >= _MOST:
        _refused.clear()
    _refused.add(_digest(key_name, password))


def check(key_name: bytes, password: bytes, what: str) -> None:
    """Return where a password was not refused before for a key.

    Raises:
        PassphraseError: It was.
    """
    if _digest(key_name, password) in _refused:
        raise PassphraseError(
            f"{what}: the TPM refused this password before, and it is not tried again",
            hint="a TPM locks itself after some wrong passwords; give the right one, or start the program anew",
        )


def _digest(key_name: bytes, password: bytes) -> bytes:
    return hmac.digest(_KEY, hashlib.sha256(key_name).digest() + password, "sha256")
