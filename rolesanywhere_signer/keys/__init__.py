"""Private keys behind one protocol: a key says its public key and its algorithm, and signs bytes."""

from __future__ import annotations

from .fixed_string import fixed_string, sign_fixed_string
from .pkcs12 import is_pkcs12, parse_pkcs12
from .protocol import Digest, DigestKey, SigningKey
from .software import Passphrase, as_signing_key, load_private_key, parse_private_key

__all__ = [
    "Digest",
    "DigestKey",
    "Passphrase",
    "SigningKey",
    "as_signing_key",
    "fixed_string",
    "is_pkcs12",
    "load_private_key",
    "parse_pkcs12",
    "parse_private_key",
    "sign_fixed_string",
]
