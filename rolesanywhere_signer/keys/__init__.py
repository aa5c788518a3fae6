"""Private keys behind one protocol: a key says its public key and its algorithm, and signs bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fixed_string import fixed_string, sign_fixed_string
from .pkcs12 import is_pkcs12, parse_pkcs12
from .protocol import Digest, DigestKey, SigningKey
from .software import Passphrase, as_signing_key, load_private_key, parse_private_key

if TYPE_CHECKING:
    from .external import CallableKey, CommandKey, SshAgentKey

__all__ = [
    "CallableKey",
    "CommandKey",
    "Digest",
    "DigestKey",
    "Passphrase",
    "SigningKey",
    "SshAgentKey",
    "as_signing_key",
    "fixed_string",
    "is_pkcs12",
    "load_private_key",
    "parse_pkcs12",
    "parse_private_key",
    "sign_fixed_string",
]

_EXTERNAL = ("CallableKey", "CommandKey", "SshAgentKey")


def __getattr__(name: str) -> object:
    """Import keys that sign elsewhere when they are first used; most programs have theirs in a file."""
    if name not in _EXTERNAL:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import external  # noqa: PLC0415

    return getattr(external, name)
