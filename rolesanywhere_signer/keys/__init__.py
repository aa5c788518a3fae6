"""Private keys behind one protocol: a key says its public key and its algorithm, and signs bytes."""

from __future__ import annotations

from .protocol import SigningKey
from .software import Passphrase, load_private_key, parse_private_key, passphrase_bytes, signing_key

__all__ = ["Passphrase", "SigningKey", "load_private_key", "parse_private_key", "passphrase_bytes", "signing_key"]
