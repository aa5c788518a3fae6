"""Private keys by the name of their type, or given by the caller."""

from __future__ import annotations

import re
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ..errors import ConfigurationError
from .seam import arguments_of

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

_PRIVATE = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
    "SECP256R1": ec.SECP256R1,
    "SECP384R1": ec.SECP384R1,
    "SECP521R1": ec.SECP521R1,
    "SECP256K1": ec.SECP256K1,
}
_RSA = re.compile(r"RSA([0-9]{3,5})")


def generate_key(key_type: str) -> PrivateKey:
    """Make a new private key.

    Args:
        key_type: ``RSA-<bits>``, ``P-256``, ``P-384``, ``P-521``, ``P-224``, ``secp256k1``, ``Ed25519`` or ``Ed448``;
            curves may have OpenSSL's names (``secp384r1``); ``EC`` in front, case, spaces and hyphens do not matter.

    Raises:
        ConfigurationError: No such type, or not with that size.
    """
    with arguments_of(f"cannot make a key of type {key_type!r}"):
        name = key_type.upper().translate({ord(char): None for char in " -_"}).removeprefix("EC")
        bits = _RSA.fullmatch(name)
        if bits:
            return rsa.generate_private_key(public_exponent=65537, key_size=int(bits[1]))
        if name in _CURVES:
            return ec.generate_private_key(_CURVES[name]())
        if name == "ED25519":
            return ed25519.Ed25519PrivateKey.generate()
        if name == "ED448":
            return ed448.Ed448PrivateKey.generate()
    raise ConfigurationError(
        f"there is no key type {key_type!r}",
        hint="one of RSA-2048 (any number of bits), P-256, P-384, P-521, P-224, secp256k1, Ed25519, Ed448",
    )


def own_private_key(key: PrivateKey | bytes) -> PrivateKey:
    """Return a private key that the caller gave as an object or as unencrypted PEM.

    Raises:
        ConfigurationError: Neither, or a key that cannot be in a certificate here.
    """
    with arguments_of("private_key cannot be read"):
        loaded = load_pem_private_key(key, password=None) if isinstance(key, bytes) else key
    if not isinstance(loaded, _PRIVATE):
        raise ConfigurationError(f"private_key must be RSA, EC, Ed25519 or Ed448, not {type(loaded).__name__}")
    return loaded


def own_public_key(key: PublicKey | bytes) -> PublicKey:
    """Return a public key that the caller gave as an object or as PEM; the certificate's builder checks its type.

    Raises:
        ConfigurationError: PEM that cannot be read.
    """
    with arguments_of("public_key cannot be read"):
        return cast(PublicKey, load_pem_public_key(key)) if isinstance(key, bytes) else key


def private_key_pem(key: PrivateKey) -> bytes:
    """Return ``key`` as unencrypted PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
