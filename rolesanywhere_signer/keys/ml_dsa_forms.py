"""The three forms of an ML-DSA key in PKCS#8 (RFC 9881, section 6), and whether two of them say the same."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from .pkcs8 import (
    CONTEXT_0,
    OCTET_STRING,
    SEQUENCE,
    DerError,
    PrivateKeyInfo,
    decrypt_pbes2,
    read_elements,
    read_private_key_info,
    read_sequence,
)

SEED_OCTETS = 32
# Where the first parts of an expanded key end: rho, K, and tr, the hash of the public key (FIPS 204, algorithm 24).
_RHO_END, _K_END, _TR_END = 32, 64, 128
# Padded: a seed, and at least the smallest expanded key. What is encrypted and has another length is no ML-DSA key.
_ENCRYPTED_SEED_OCTETS = 64
_LEAST_ENCRYPTED_OCTETS = 2560


class ParameterSet(NamedTuple):
    """One of the three of FIPS 204 (section 4).

    Attributes:
        name: Such as ``ML-DSA-65``.
        rows: Of the matrix; k there.
        columns: Of the matrix; l there.
        range: The coefficients of the secret run from minus this to this; eta there.
        expanded_octets: The length of an expanded key.
    """

    name: str
    rows: int
    columns: int
    range: int
    expanded_octets: int


_MODULO_FIVE = bytes.maketrans(b"0123456789abcde", b"012340123401234")

# By the content of the object identifiers 2.16.840.1.101.3.4.3.17 to 19.
PARAMETER_SETS = {
    bytes.fromhex("608648016503040311"): ParameterSet("ML-DSA-44", 4, 4, 2, 2560),
    bytes.fromhex("608648016503040312"): ParameterSet("ML-DSA-65", 6, 5, 4, 4032),
    bytes.fromhex("608648016503040313"): ParameterSet("ML-DSA-87", 8, 7, 2, 4896),
}


class Forms(NamedTuple):
    """What a key file holds; seed or expanded key may be missing.

    Attributes:
        parameters: Its parameter set.
        seed: What everything else can be made of.
        expanded: What signs.
        public_key: Where the file carries it.
    """

    parameters: ParameterSet
    seed: bytes | None
    expanded: bytes | None
    public_key: bytes | None

    def __repr__(self) -> str:
        return f"<Forms of {self.parameters.name}>"


def is_ml_dsa(data: bytes) -> bool:
    """Return whether ``data`` is a PKCS#8 key of ML-DSA, unencrypted; what is in it may be damaged."""
    try:
        return read_private_key_info(data).algorithm in PARAMETER_SETS
    except DerError:
        return False


def decrypt_if_ml_dsa(data: bytes, passphrase: bytes) -> bytes | None:
    """Return what is in an encrypted PKCS#8 key, where the passphrase opens it and it is one of ML-DSA; else None."""
    try:
        ciphertext = read_sequence(data)[-1].content
        if len(ciphertext) != _ENCRYPTED_SEED_OCTETS and len(ciphertext) < _LEAST_ENCRYPTED_OCTETS:
            return None  # deriving a key takes long, and for this one in vain
        decrypted = decrypt_pbes2(data, passphrase)
    except (DerError, IndexError):
        return None
    return decrypted if is_ml_dsa(decrypted) else None


def read_forms(data: bytes) -> Forms:
    """Read an unencrypted PKCS#8 key of ML-DSA.

    Raises:
        DerError: It is none, or of a form or a length that ML-DSA has not.
    """
    info = read_private_key_info(data)
    if info.algorithm not in PARAMETER_SETS or info.parameters:
        raise DerError("another algorithm")
    parameters = PARAMETER_SETS[info.algorithm]
    seed, expanded = _seed_and_expanded(info)
    if seed is not None and len(seed) != SEED_OCTETS:
        raise DerError("a seed of another length")
    if expanded is not None and len(expanded) != parameters.expanded_octets:
        raise DerError("an expanded key of another length")
    return Forms(parameters, seed, expanded, info.public_key)


def _seed_and_expanded(info: PrivateKeyInfo) -> tuple[bytes | None, bytes | None]:
    forms = read_elements(info.private_key)
    tags = [each.tag for each in forms]
    if tags == [CONTEXT_0]:
        return forms[0].content, None
    if tags == [OCTET_STRING]:
        return None, forms[0].content
    if tags == [SEQUENCE]:
        both = read_elements(forms[0].content)
        if [each.tag for each in both] == [OCTET_STRING, OCTET_STRING]:
            return both[0].content, both[1].content
    raise DerError("another form")


def agree(seed: bytes, expanded: bytes, public_key: bytes, parameters: ParameterSet) -> bool:
    """Return whether an expanded key is the one of a seed.

    Compared is everything that is secret in it, and what binds it to the public key. Its last part, t0, is left out: it
    follows from the rest, only by the arithmetic of signing.

    Args:
        seed: The seed.
        expanded: The expanded key, of the right length.
        public_key: The one that belongs to the seed.
        parameters: The parameter set.
    """
    # FIPS 204, algorithm 6.
    size = bytes((parameters.rows, parameters.columns))
    stretched = hashlib.shake_256(seed + size).digest(128)
    rho, rho_prime, k = stretched[:32], stretched[32:96], stretched[96:]
    tr = hashlib.shake_256(public_key).digest(64)
    secrets = _packed_secrets(rho_prime, parameters)
    return expanded.startswith(rho + k + tr + secrets)


def _packed_secrets(rho_prime: bytes, parameters: ParameterSet) -> bytes:
    """Return s1 and s2 as an expanded key holds them (FIPS 204, algorithms 15, 17, 24 and 33).

    Of each half octet of the hash that is small enough, eta minus the coefficient is what is packed: four bits, or of
    the remainder by five three bits. So the hash's hexadecimal digits are the packed number's digits, base 16 or 8.
    """
    base, octets, too_large = (8, 96, b"f") if parameters.range == 2 else (16, 128, b"9abcdef")
    packed = []
    for nonce in range(parameters.rows + parameters.columns):
        # 256 digits are needed, and nine of sixteen or more are small enough.
        stream = hashlib.shake_256(rho_prime + nonce.to_bytes(2, "little")).digest(512)
        # Turned around twice: of an octet, the lower half comes first.
        digits = stream[::-1].hex()[::-1].encode().translate(None, too_large)[:256]
        if parameters.range == 2:
            digits = digits.translate(_MODULO_FIVE)
        packed.append(int(digits[::-1], base).to_bytes(octets, "little"))
    return b"".join(packed)
