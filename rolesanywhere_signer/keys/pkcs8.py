"""PKCS#8 by hand (RFC 5958), and its encryption PBES2 (RFC 8018), for the keys that cryptography does not read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

# Tags of DER.
INTEGER, OCTET_STRING, OBJECT_IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x06, 0x30
CONTEXT_0, CONTEXT_0_CONSTRUCTED, CONTEXT_1 = 0x80, 0xA0, 0x81

_LONG_FORM = 0x80

# The contents of object identifiers.
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
# RFC 8018, B.1.2.
_HMACS = {
    bytes.fromhex("2a864886f70d0207"): "sha1",
    bytes.fromhex("2a864886f70d0208"): "sha224",
    bytes.fromhex("2a864886f70d0209"): "sha256",
    bytes.fromhex("2a864886f70d020a"): "sha384",
    bytes.fromhex("2a864886f70d020b"): "sha512",
}
# AES in CBC mode, and how many octets its key has.
_CIPHERS = {
    bytes.fromhex("608648016503040102"): 16,
    bytes.fromhex("608648016503040116"): 24,
    bytes.fromhex("60864801650304012a"): 32,
}


# What a damaged file asks for may take hours, or all memory; some numbers make cryptography panic. OpenSSL derives with
# 2,048 rounds; ten million take seconds. scrypt takes 128 octets each: a gibibyte.
_MOST_ROUNDS = 10_000_000
_MOST_SCRYPT_BLOCKS = 1 << 23
_MOST_SCRYPT_PASSES = 16


class DerError(ValueError):
    """Bytes that are not what is read; the message never shows them."""


class CostlyError(DerError):
    """To derive the key of an encryption would take longer, or more memory, than anybody's file needs."""


class Element(NamedTuple):
    """One element of DER."""

    tag: int
    content: bytes

    def __repr__(self) -> str:
        return f"<Element of tag {self.tag:#x}>"  # the content may be a key


class PrivateKeyInfo(NamedTuple):
    """An unencrypted PKCS#8 key.

    Attributes:
        algorithm: The content of its object identifier.
        parameters: What stands behind the object identifier.
        private_key: The content of the octet string.
        public_key: Where the key carries it (RFC 5958, version 2).
    """

    algorithm: bytes
    parameters: tuple[Element, ...]
    private_key: bytes
    public_key: bytes | None

    def __repr__(self) -> str:
        return "<PrivateKeyInfo>"


def read_elements(data: bytes) -> list[Element]:
    """Return the elements that stand one after the other in ``data``.

    Raises:
        DerError: They do not fill it, or a length is not written as DER has it.
    """
    elements, offset = [], 0
    while offset < len(data):
        start, end = _span(data, offset)
        elements.append(Element(data[offset], data[start:end]))
        offset = end
    return elements


def _span(data: bytes, offset: int) -> tuple[int, int]:
    """Return where the content of the element at ``offset`` starts and ends."""
    start = offset + 2
    if start > len(data):
        raise DerError("cut off")
    length = data[offset + 1]
    if length & _LONG_FORM:
        octets = length & ~_LONG_FORM
        start += octets
        length = int.from_bytes(data[offset + 2 : start], "big")
        if length < _LONG_FORM or length.bit_length() <= 8 * (octets - 1):
            raise DerError("a length that is too long for what it says")
    if start + length > len(data):
        raise DerError("cut off")
    return start, start + length


def read_sequence(data: bytes) -> list[Element]:
    """Return the members of the SEQUENCE that ``data`` is.

    Raises:
        DerError: It is something else.
    """
    return read_elements(_only(read_elements(data), SEQUENCE))


def _only(elements: list[Element], tag: int) -> bytes:
    if [each.tag for each in elements] != [tag]:
        raise DerError("not the element that is expected")
    return elements[0].content


def read_private_key_info(data: bytes) -> PrivateKeyInfo:
    """Read an unencrypted PKCS#8 key.

    Raises:
        DerError: It is none.
    """
    version, algorithm, key, *more = _members(read_sequence(data), INTEGER, SEQUENCE, OCTET_STRING)
    if version.content not in (b"\x00", b"\x01") or [each.tag for each in more] not in (
        [],
        [CONTEXT_0_CONSTRUCTED],
        [CONTEXT_1],
        [CONTEXT_0_CONSTRUCTED, CONTEXT_1],
    ):
        raise DerError("not a PKCS#8 key")
    oid, *parameters = _members(read_elements(algorithm.content), OBJECT_IDENTIFIER)
    # A BIT STRING, whose first octet says that none of its bits is unused.
    public_key = next((each.content[1:] for each in more if each.tag == CONTEXT_1), None)
    return PrivateKeyInfo(oid.content, tuple(parameters), key.content, public_key)


def decrypt_pbes2(data: bytes, passphrase: bytes) -> bytes:
    """Decrypt an encrypted PKCS#8 key: PBES2 with PBKDF2 or scrypt, and AES in CBC mode.

    Returns:
        The unencrypted key's DER; what a wrong passphrase makes of it may look like anything.

    Raises:
        DerError: It is none, is encrypted in another way, or the padding is wrong, as a wrong passphrase has it.
    """
    scheme, ciphertext = _exactly(read_sequence(data), SEQUENCE, OCTET_STRING)
    oid, parameters = _exactly(read_elements(scheme.content), OBJECT_IDENTIFIER, SEQUENCE)
    if oid.content != _PBES2:
        raise DerError("not PBES2")
    derivation, encryption = _exactly(read_elements(parameters.content), SEQUENCE, SEQUENCE)
    cipher, iv = _exactly(read_elements(encryption.content), OBJECT_IDENTIFIER, OCTET_STRING)
    if cipher.content not in _CIPHERS:
        raise DerError("another cipher")
    try:
        key = _derive(derivation.content)(passphrase, _CIPHERS[cipher.content])
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv.content)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(ciphertext.content) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, OverflowError, MemoryError, UnsupportedAlgorithm) as error:
        raise DerError("cannot be decrypted") from error


def refuse_costly(data: bytes) -> None:
    """Return where an encrypted PKCS#8 key is none, or its key can be derived; PBES1 has rounds as PBKDF2 has.

    Raises:
        CostlyError: It would take too long, or too much memory.
    """
    try:
        scheme, _ = _exactly(read_sequence(data), SEQUENCE, OCTET_STRING)
        oid, parameters = _exactly(read_elements(scheme.content), OBJECT_IDENTIFIER, SEQUENCE)
        members = read_elements(parameters.content)
        if oid.content == _PBES2:
            derivation, _ = _exactly(members, SEQUENCE, SEQUENCE)
            _derive(derivation.content)
        else:
            _pbkdf2(members)
    except CostlyError:
        raise
    except DerError:
        return


def _derive(function: bytes) -> Callable[[bytes, int], bytes]:
    """Return what makes a key of a given length out of the passphrase."""
    oid, parameters = _exactly(read_elements(function), OBJECT_IDENTIFIER, SEQUENCE)
    members = read_elements(parameters.content)
    if oid.content == _PBKDF2:
        return _pbkdf2(members)
    if oid.content == _SCRYPT:
        return _scrypt(members)
    raise DerError("another way to derive the key")


def _pbkdf2(members: list[Element]) -> Callable[[bytes, int], bytes]:
    salt, rounds, *more = _members(members, OCTET_STRING, INTEGER)
    count = _number(rounds)
    if count > _MOST_ROUNDS:
        raise CostlyError("too many rounds")
    # The key's length may follow, and the hash, which is HMAC with SHA-1 where it is left out.
    hashes = [each for each in more if each.tag == SEQUENCE]
    hmac = "sha1"
    if hashes:
        oid, *_ = _members(read_elements(hashes[0].content), OBJECT_IDENTIFIER)
        if oid.content not in _HMACS:
            raise DerError("another hash")
        hmac = _HMACS[oid.content]
    return lambda passphrase, length: hashlib.pbkdf2_hmac(hmac, passphrase, salt.content, count, length)


def _scrypt(members: list[Element]) -> Callable[[bytes, int], bytes]:
    salt, cost, block_size, parallel, *_ = _members(members, OCTET_STRING, INTEGER, INTEGER, INTEGER)
    n, r, p = _number(cost), _number(block_size), _number(parallel)
    if max(n, r, n * r) > _MOST_SCRYPT_BLOCKS or p > _MOST_SCRYPT_PASSES:
        raise CostlyError("too much memory or time")
    return lambda passphrase, length: Scrypt(salt.content, length, n, r, p).derive(passphrase)


def _number(element: Element) -> int:
    return int.from_bytes(element.content, "big", signed=True)


def _exactly(elements: list[Element], *tags: int) -> list[Element]:
    """Return the elements, which have these tags, and no others."""
    if len(elements) != len(tags):
        raise DerError("not as many elements as are expected")
    return _members(elements, *tags)


def _members(elements: list[Element], *tags: int) -> list[Element]:
    """Return the elements, of which the first ones have these tags."""
    if tuple(each.tag for each in elements[: len(tags)]) != tags:
        raise DerError("not the elements that are expected")
    return elements
