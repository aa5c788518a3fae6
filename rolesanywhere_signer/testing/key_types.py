"""Private keys by the name of their type, or given by the caller."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import cryptography
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ..errors import ConfigurationError, PassphraseError, PrivateKeyLoadError
from .seam import arguments_of

try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # before cryptography 48
    mldsa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    PrivateKey = (
        rsa.RSAPrivateKey
        | ec.EllipticCurvePrivateKey
        | ed25519.Ed25519PrivateKey
        | ed448.Ed448PrivateKey
        | dsa.DSAPrivateKey
        | mldsa.MLDSA44PrivateKey
        | mldsa.MLDSA65PrivateKey
        | mldsa.MLDSA87PrivateKey
    )
    PublicKey = (
        rsa.RSAPublicKey
        | ec.EllipticCurvePublicKey
        | ed25519.Ed25519PublicKey
        | ed448.Ed448PublicKey
        | dsa.DSAPublicKey
        | mldsa.MLDSA44PublicKey
        | mldsa.MLDSA65PublicKey
        | mldsa.MLDSA87PublicKey
    )
else:
    PrivateKey = (
        rsa.RSAPrivateKey
        | ec.EllipticCurvePrivateKey
        | ed25519.Ed25519PrivateKey
        | ed448.Ed448PrivateKey
        | dsa.DSAPrivateKey
    )
    PublicKey = (
        rsa.RSAPublicKey
        | ec.EllipticCurvePublicKey
        | ed25519.Ed25519PublicKey
        | ed448.Ed448PublicKey
        | dsa.DSAPublicKey
    )

# By their names in FIPS 204; empty before cryptography 48.
_ML_DSA: dict[str, type[Any]] = (
    {}
    if mldsa is None
    else {
        "MLDSA44": mldsa.MLDSA44PrivateKey,
        "MLDSA65": mldsa.MLDSA65PrivateKey,
        "MLDSA87": mldsa.MLDSA87PrivateKey,
    }
)
_PRIVATE: tuple[type[Any], ...] = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    dsa.DSAPrivateKey,
    *_ML_DSA.values(),
)

# Every curve that the installed cryptography has, under its name there, and those of NIST and OpenSSL.
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    name.upper(): curve
    for name, curve in vars(ec).items()
    if isinstance(curve, type) and issubclass(curve, ec.EllipticCurve) and curve is not ec.EllipticCurve
}
_CURVES |= {f"P{name[4:7]}": curve for name, curve in _CURVES.items() if name.startswith("SECP") and name[7:] == "R1"}
_CURVES["PRIME256V1"] = ec.SECP256R1

_ML_DSA_SINCE = 48

_SIZED = re.compile(r"(RSA|DSA)([0-9]{2,5})")
# Beyond it, making a key takes minutes.
_MOST_BITS = 8192


def generate_key(key_type: str) -> PrivateKey:
    """Make a new private key.

    Args:
        key_type: ``RSA-<bits>`` of 1024 to 8192, ``P-192`` to ``P-521``, ``secp256k1``, ``brainpoolP256r1`` and every
            other curve that the installed cryptography has, ``Ed25519``, ``Ed448``, ``ML-DSA-44``, ``ML-DSA-65``,
            ``ML-DSA-87``, ``DSA-<bits>``. ``EC`` in front, case, spaces and hyphens do not matter.

    Raises:
        ConfigurationError: No such type, not with that size, or not with the installed cryptography.
    """
    with arguments_of(f"cannot make a key of type {key_type!r}"):
        name = key_type.upper().translate({ord(char): None for char in " -_"}).removeprefix("EC")
        sized = _SIZED.fullmatch(name)
        if sized:
            return _sized_key(sized[1], int(sized[2]))
        if name in _CURVES:
            return ec.generate_private_key(_CURVES[name]())
        if name == "ED25519":
            return ed25519.Ed25519PrivateKey.generate()
        if name == "ED448":
            return ed448.Ed448PrivateKey.generate()
        if name.startswith("MLDSA"):
            return _ml_dsa_key(name)
    raise ConfigurationError(
        f"there is no key type {key_type!r}",
        hint="one of RSA-2048 (1024 to 8192 bits), P-256, P-384, P-521, another curve, Ed25519, Ed448, ML-DSA-65",
    )


def _sized_key(kind: str, bits: int) -> PrivateKey:
    if bits > _MOST_BITS:
        raise ConfigurationError(f"a key of {bits} bits takes too long to make", hint=f"at most {_MOST_BITS} bits")
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return dsa.generate_private_key(key_size=bits)


def _ml_dsa_key(name: str) -> PrivateKey:
    if not _ML_DSA:
        raise ConfigurationError(
            f"cryptography {cryptography.__version__}, which is installed, has no ML-DSA",
            hint=f"update it to version {_ML_DSA_SINCE} or later",
        )
    if name not in _ML_DSA:
        raise ConfigurationError("there is no ML-DSA with these parameters", hint="ML-DSA-44, ML-DSA-65 or ML-DSA-87")
    return cast("PrivateKey", _ML_DSA[name].generate())


def is_ml_dsa(key: PrivateKey | PublicKey) -> bool:
    """Return whether ``key`` is one of ML-DSA, of which cryptography 48 makes no certificates itself."""
    return type(key).__name__.startswith("MLDSA")


def own_private_key(key: PrivateKey | bytes) -> PrivateKey:
    """Return a private key that the caller gave as an object or as unencrypted PEM.

    Raises:
        ConfigurationError: Neither, or a key that cannot be in a certificate.
    """
    with arguments_of("private_key cannot be read"):
        loaded = load_pem_private_key(key, password=None) if isinstance(key, bytes) else key
    if not isinstance(loaded, _PRIVATE):
        raise ConfigurationError(
            f"private_key must be RSA, EC, Ed25519, Ed448, ML-DSA or DSA, not {type(loaded).__name__}"
        )
    return cast("PrivateKey", loaded)


def stored_private_key(pem: bytes, ask: Callable[[], str | bytes | None]) -> PrivateKey:
    """Return a private key of PEM that may be encrypted.

    Args:
        pem: The content of a file.
        ask: Called for the passphrase where one is needed.

    Raises:
        PrivateKeyLoadError: It cannot be read, or is of a kind that is not in certificates here.
        PassphraseError: It is encrypted, and the passphrase is missing or wrong.
    """
    # The causes are dropped: what a parser says of key material is nothing to show.
    try:
        loaded = load_pem_private_key(pem, password=None)
    except TypeError:
        loaded = _decrypted(pem, ask())
    except (ValueError, UnsupportedAlgorithm):
        raise PrivateKeyLoadError("the CA's private key cannot be understood; it is damaged") from None
    if not isinstance(loaded, _PRIVATE):
        raise PrivateKeyLoadError(f"a CA has no private key of the type {type(loaded).__name__}")
    return cast("PrivateKey", loaded)


def _decrypted(pem: bytes, passphrase: str | bytes | None) -> PrivateKeyTypes:
    if passphrase is None:
        raise PassphraseError("the CA's private key is encrypted and no passphrase was given")
    try:
        return load_pem_private_key(pem, passphrase_bytes(passphrase))
    except (ValueError, UnsupportedAlgorithm):
        raise PassphraseError(
            "the CA's private key cannot be decrypted: the passphrase is wrong, or the file is damaged"
        ) from None


def own_public_key(key: PublicKey | bytes) -> PublicKey:
    """Return a public key that the caller gave as an object or as PEM; the certificate's builder checks its type.

    Raises:
        ConfigurationError: PEM that cannot be read.
    """
    with arguments_of("public_key cannot be read"):
        return cast("PublicKey", load_pem_public_key(key)) if isinstance(key, bytes) else key


def private_key_pem(key: PrivateKey, passphrase: str | bytes | None = None) -> bytes:
    """Return ``key`` as PKCS#8 PEM, encrypted where there is a passphrase.

    Raises:
        ConfigurationError: A passphrase that cannot be one.
    """
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with arguments_of("the private key cannot be encrypted"):
        encryption = BestAvailableEncryption(passphrase_bytes(passphrase))
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def passphrase_bytes(passphrase: str | bytes) -> bytes:
    """Return a passphrase as bytes.

    Raises:
        ConfigurationError: It is empty, neither text nor bytes, holds a NUL, which ends it in some programs, or what no
            encoding has.
    """
    if not isinstance(passphrase, (str, bytes)):
        raise ConfigurationError(f"a passphrase must be str or bytes, not {type(passphrase).__name__}")
    try:
        octets = passphrase.encode("utf-8", "surrogateescape") if isinstance(passphrase, str) else passphrase
    except UnicodeEncodeError:
        # The cause is dropped, because it shows a piece.
        raise ConfigurationError("the passphrase holds a character that no encoding has") from None
    if not octets or b"\0" in octets:
        raise ConfigurationError("a passphrase must not be empty, and holds no NUL")
    return octets
