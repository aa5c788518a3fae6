"""The public area of a TPM's key (TPM 2.0 Library, part 2, "TPMT_PUBLIC"): what the key is, and whether it can sign.

It is read here, and not by the binding, so that a key file is judged with no TPM and no binding at hand.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...errors import PrivateKeyLoadError, UnsupportedKeyError

if TYPE_CHECKING:
    from ..protocol import Digest

RSA, EC = 0x0001, 0x0023
SHA1, SHA256, SHA384, SHA512 = 0x0004, 0x000B, 0x000C, 0x000D
NULL, RSASSA, ECDSA = 0x0010, 0x0014, 0x0018
HASHES: dict[Digest, int] = {"SHA256": SHA256, "SHA384": SHA384, "SHA512": SHA512}
_HASH_SIZES = {SHA1: 20, SHA256: 32, SHA384: 48, SHA512: 64}
_HASH_NAMES = {SHA1: "SHA-1", SHA256: "SHA-256", SHA384: "SHA-384", SHA512: "SHA-512"}
# Those that stand without a hash behind them.
_WITHOUT_HASH = {NULL, 0x0015}
_SCHEME_NAMES = {0x0015: "RSAES", 0x0016: "RSAPSS", 0x0017: "OAEP", 0x0019: "ECDH", 0x001A: "ECDAA", 0x001B: "SM2"}
_KINDS = {0x0008: "an HMAC key or sealed data", 0x0025: "a symmetric key"}
_CURVES: dict[int, ec.EllipticCurve] = {
    0x0001: ec.SECP192R1(),
    0x0002: ec.SECP224R1(),
    0x0003: ec.SECP256R1(),
    0x0004: ec.SECP384R1(),
    0x0005: ec.SECP521R1(),
}
_CURVE_NAMES = {0x0010: "BN P-256", 0x0011: "BN P-638", 0x0020: "SM2 P-256"}
# Bits of TPMA_OBJECT.
_USER_WITH_AUTH, _NO_DA, _RESTRICTED, _DECRYPT, _SIGN = 1 << 6, 1 << 10, 1 << 16, 1 << 17, 1 << 18
_DEFAULT_EXPONENT = 65537


class PublicArea(NamedTuple):
    """What the public area of a key says; it is a key that signs.

    Attributes:
        public_key: Its public half.
        hash_algorithm: The only hash that the key signs over, by the TPM's number; None: any.
        counts_wrong_passwords: Whether the TPM counts them, and locks itself when there are too many.
        name: The TPM's own name of the key: a hash of the public area, behind the hash's number.
    """

    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    hash_algorithm: int | None
    counts_wrong_passwords: bool
    name: bytes

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key, and not an elliptic one."""
        return isinstance(self.public_key, rsa.RSAPublicKey)

    @property
    def longest_password(self) -> int:
        """How many bytes the password of the key has at most."""
        return _HASH_SIZES.get(int.from_bytes(self.name[:2], "big"), len(self.name) - 2)

    def to_sign(self, digest: Digest, hashed: bytes) -> tuple[int, bytes]:
        """Return the hash to name to the TPM, and the value to hand over, for a signature over ``digest``.

        An elliptic key that is made for one hash signs over another, too: ECDSA knows the hash's value alone, as a
        number of the curve's length (FIPS 186-5, section 6.4.1), and a value of any length can be written as that.

        Args:
            digest: The hash that the signature is over.
            hashed: Its value.

        Raises:
            UnsupportedKeyError: The key is made for another hash.
        """
        wanted = HASHES[digest]
        if self.hash_algorithm is None or self.hash_algorithm == wanted:
            return wanted, hashed
        size = _HASH_SIZES.get(self.hash_algorithm, 0)
        if isinstance(self.public_key, ec.EllipticCurvePublicKey):
            length = (self.public_key.curve.key_size + 7) // 8
            number = hashed[:length]
            if size >= len(number):
                return self.hash_algorithm, number.rjust(min(length, size), b"\0").ljust(size, b"\0")
        own = _HASH_NAMES.get(self.hash_algorithm, f"hash 0x{self.hash_algorithm:04x}")
        raise UnsupportedKeyError(
            f"the key in the TPM signs over {own} only, not over {_HASH_NAMES[wanted]}",
            hint="make a key without a scheme of its own, or with rsassa or ecdsa over SHA-256: tpm2_create -G "
            "rsa2048:rsassa-sha256:null",
        )


def parse_public_area(data: bytes) -> PublicArea:
    """Parse a marshalled TPM2B_PUBLIC.

    Raises:
        PrivateKeyLoadError: It is damaged.
        UnsupportedKeyError: The key cannot sign requests: another kind, restricted, not for signatures, with another
            scheme or curve, or not usable with a password.
    """
    try:
        return _parse(data)
    except (struct.error, ValueError) as error:
        raise PrivateKeyLoadError("the public area of the key in the TPM cannot be understood") from error
    except UnsupportedAlgorithm as error:
        raise UnsupportedKeyError("the key in the TPM is of a size or on a curve that is not supported here") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int = 2) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        return self.take(self.number())

    def take(self, size: int) -> bytes:
        if len(self._data) < self._at + size:
            raise ValueError("cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("more than there should be")


def _parse(data: bytes) -> PublicArea:
    outer = _Reader(data)
    area = outer.sized()
    outer.end()
    reader = _Reader(area)
    kind, name_hash, attributes = reader.number(), reader.number(), reader.number(4)
    reader.sized()  # the policy, which no use of the password asks for
    if kind not in (RSA, EC):
        raise UnsupportedKeyError(
            f"what lies in the TPM is no RSA or EC key, but {_KINDS.get(kind, 'of an unknown kind')}",
            hint="tpm2_readpublic -c HANDLE tells what it is; such a key is made by tpm2_create -G ecc256",
        )
    _check_attributes(attributes)
    if reader.number() != NULL:
        raise ValueError("a key that signs has no symmetric algorithm")
    scheme_hash = _scheme(reader, RSASSA if kind == RSA else ECDSA)
    public_key = _rsa_key(reader) if kind == RSA else _ec_key(reader)
    reader.end()
    return PublicArea(public_key, scheme_hash, not attributes & _NO_DA, _name(name_hash, area))


def _check_attributes(attributes: int) -> None:
    fault = None
    if attributes & _RESTRICTED:
        kind = "a storage key" if attributes & _DECRYPT else "an attestation key"
        fault = f"restricted: as {kind}, it signs nothing that comes from outside of the TPM"
    elif not attributes & _SIGN:
        fault = "made for decryption, and does not sign"
    elif not attributes & _USER_WITH_AUTH:
        fault = "used under a policy alone, and with no password (userWithAuth is not set), which is not supported"
    if fault:
        raise UnsupportedKeyError(
            f"the key in the TPM is {fault}",
            hint="make another: tpm2_create -G ecc256 -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
        )


def _scheme(reader: _Reader, wanted: int) -> int | None:
    scheme = reader.number()
    if scheme == NULL:
        return None
    hash_algorithm = None if scheme in _WITHOUT_HASH else reader.number()
    if scheme != wanted or hash_algorithm is None:
        name = _SCHEME_NAMES.get(scheme, f"scheme 0x{scheme:04x}")
        raise UnsupportedKeyError(
            f"the key in the TPM is for {name} only, and the service takes {'RSASSA' if wanted == RSASSA else 'ECDSA'}",
            hint="make a key without a scheme of its own: tpm2_create -G rsa2048, or -G ecc256",
        )
    return hash_algorithm


def _rsa_key(reader: _Reader) -> rsa.RSAPublicKey:
    reader.number()  # the length in bits, which the modulus has
    exponent = reader.number(4) or _DEFAULT_EXPONENT
    return rsa.RSAPublicNumbers(exponent, int.from_bytes(reader.sized(), "big")).public_key()


def _ec_key(reader: _Reader) -> ec.EllipticCurvePublicKey:
    number = reader.number()
    if number not in _CURVES:
        name = _CURVE_NAMES.get(number, f"0x{number:04x}")
        raise UnsupportedKeyError(
            f"the key in the TPM is on the curve {name}, which is not supported", hint="make one on P-256: -G ecc256"
        )
    if reader.number() != NULL:
        raise ValueError("a key that signs derives no keys")
    x, y = reader.sized(), reader.sized()
    return ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), _CURVES[number]
    ).public_key()


def _name(name_hash: int, area: bytes) -> bytes:
    names = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}
    if name_hash not in names:
        raise UnsupportedKeyError("the key in the TPM is named by a hash that is not supported")
    return struct.pack(">H", name_hash) + hashlib.new(names[name_hash], area).digest()
