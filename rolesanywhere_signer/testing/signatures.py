"""Sign what a builder has put together, or what is not its own work any more: sound, weak, or wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ..errors import ConfigurationError
from . import der
from .key_types import PrivateKey

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "MD5": hashes.MD5,
    "SHA1": hashes.SHA1,
    "SHA224": hashes.SHA224,
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
    "SHA3256": hashes.SHA3_256,
    "SHA3384": hashes.SHA3_384,
    "SHA3512": hashes.SHA3_512,
}
_PADDINGS: dict[str, padding.PKCS1v15 | padding.PSS] = {
    "PKCS1v15": padding.PKCS1v15(),
    "PSS": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH),
}
# Hashes that cryptography's builders refuse, and what the algorithm is called with each kind of key (RFC 3279, 2.2).
_NULL = der.element(der.NULL)
_WEAK = {
    ("MD5", rsa.RSAPrivateKey): der.sequence(der.object_identifier("1.2.840.113549.1.1.4"), _NULL),
    ("SHA1", rsa.RSAPrivateKey): der.sequence(der.object_identifier("1.2.840.113549.1.1.5"), _NULL),
    ("SHA1", ec.EllipticCurvePrivateKey): der.sequence(der.object_identifier("1.2.840.10045.4.1")),
    ("SHA1", dsa.DSAPrivateKey): der.sequence(der.object_identifier("1.2.840.10040.4.3")),
}
_WEAK_NAMES = ("MD5", "SHA1")
# By the names of cryptography's classes, which exist only in newer versions (RFC 9881, section 2).
_ML_DSA = {
    f"MLDSA{size}PrivateKey": der.sequence(der.object_identifier(f"2.16.840.1.101.3.4.3.{arc}"))
    for size, arc in (("44", 17), ("65", 18), ("87", 19))
}

_Builder = x509.CertificateBuilder | x509.CertificateRevocationListBuilder
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Signing:
    """A key, and how it signs.

    Attributes:
        key: The issuer's.
        hash_name: Such as ``SHA-384``; None: SHA-256 where the key needs one.
        padding_name: ``PKCS1v15`` or ``PSS``, for an RSA key.
        deterministic: As RFC 6979 has it, for an EC key.
    """

    key: PrivateKey
    hash_name: str | None = None
    padding_name: str = "PKCS1v15"
    deterministic: bool = False

    def sign(self, builder: _Builder) -> bytes:
        """Return what the builder holds, signed, as DER.

        Raises:
            ConfigurationError: There is no such signature.
        """
        algorithm = self._algorithm_by_hand()
        signed = self._sign_with_builder(builder, weak=algorithm is not None)
        return signed if algorithm is None else self.sign_again(signed, lambda body: body)

    def sign_again(self, encoded: bytes, edit: Callable[[bytes], bytes]) -> bytes:
        """Return a certificate or a CRL with another body, signed anew.

        Args:
            encoded: A SEQUENCE of the body, the algorithm and a signature, in DER.
            edit: Makes another body of the body's DER.

        Raises:
            ConfigurationError: There is no such signature.
        """
        body, algorithm, _ = der.split(encoded)
        by_hand = self._algorithm_by_hand()
        if by_hand is not None:
            members = der.split(body)
            # Both in a certificate and in a CRL, the first SEQUENCE is the algorithm.
            place = next(n for n, member in enumerate(members) if member[0] == der.SEQUENCE)
            body, algorithm = der.sequence(*members[:place], by_hand, *members[place + 1 :]), by_hand
        body = edit(body)
        return der.sequence(body, algorithm, der.bit_string(self._sign_bytes(body)))

    def _algorithm_by_hand(self) -> bytes | None:
        """Return the algorithm where no builder signs with it: a weak one, or ML-DSA (cryptography 48)."""
        if self.hash_name is None and type(self.key).__name__ in _ML_DSA:
            return _ML_DSA[type(self.key).__name__]
        name = _hash_key(self.hash_name)
        if name not in _WEAK_NAMES:
            return None
        kinds = {kind: identifier for (weak, kind), identifier in _WEAK.items() if weak == name}
        found = next((identifier for kind, identifier in kinds.items() if isinstance(self.key, kind)), None)
        if found is None or self.padding_name == "PSS":
            raise ConfigurationError(f"a signature with {self.hash_name} is not supported for this key and padding")
        return found

    def _sign_with_builder(self, builder: _Builder, *, weak: bool) -> bytes:
        rsa_padding = _choice(_PADDINGS, self.padding_name, "rsa_padding")
        if not isinstance(self.key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, dsa.DSAPrivateKey)):
            return self._sign_without_hash(builder)
        algorithm = _hash("SHA-256" if weak else self.hash_name)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return _encoded(builder.sign(self.key, algorithm, rsa_padding=rsa_padding))
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return _encoded(builder.sign(self.key, algorithm, ecdsa_deterministic=self.deterministic or None))
        return _encoded(builder.sign(self.key, algorithm))

    def _sign_without_hash(self, builder: _Builder) -> bytes:
        if self.hash_name is not None:
            raise ConfigurationError(
                "an Ed25519, Ed448 or ML-DSA issuer signs without a hash", hint="leave signature_hash out"
            )
        # What is signed by hand afterwards is signed with another key here, which every version's builders take.
        by_hand = self._algorithm_by_hand() is not None
        return _encoded(builder.sign(ed25519.Ed25519PrivateKey.generate() if by_hand else self.key, None))

    def _sign_bytes(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, _choice(_PADDINGS, self.padding_name, "rsa_padding"), _hash(self.hash_name))
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            algorithm = ec.ECDSA(_hash(self.hash_name), deterministic_signing=self.deterministic)
            return self.key.sign(data, algorithm)
        if isinstance(self.key, dsa.DSAPrivateKey):
            return self.key.sign(data, _hash(self.hash_name))
        return self.key.sign(data)


def turn_a_bit(encoded: bytes) -> bytes:
    """Return a certificate or a CRL with the last bit of its signature turned over."""
    return encoded[:-1] + bytes((encoded[-1] ^ 1,))


def _encoded(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return signed.public_bytes(Encoding.DER)


def _hash_key(name: str | None) -> str:
    return (name or "SHA-256").upper().replace("-", "")


def _hash(name: str | None) -> hashes.SHA256:
    # The builder's annotation knows the sound hashes only; the wrong ones are here on purpose.
    return cast(hashes.SHA256, _choice(_HASHES, _hash_key(name), "signature_hash")())


def _choice(table: Mapping[str, _Value], name: str, option: str) -> _Value:
    if name not in table:
        raise ConfigurationError(f"there is no {option} {name!r}", hint=f"one of {', '.join(table)}")
    return table[name]
