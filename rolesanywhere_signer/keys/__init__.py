"""Private keys behind one protocol: a key says its public key and its algorithm, and signs bytes."""

from __future__ import annotations

from .pkcs12 import is_pkcs12, parse_pkcs12
from .protocol import SigningKey
from .software import Passphrase, load_private_key, parse_private_key

__all__ = ["Passphrase", "SigningKey", "is_pkcs12", "load_private_key", "parse_pkcs12", "parse_private_key"]
