"""PKCS#8 read by hand: what openssl encrypts in every way is decrypted, and odd bytes are an error of one kind."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import PassphraseError, UnsupportedKeyError
from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.keys.pkcs8 import DerError, decrypt_pbes2, read_elements, read_private_key_info
from rolesanywhere_signer.testing import der
from tests.support.ml_dsa import PASSPHRASE, encrypted, pem

from ..conftest import OpenSsl
from ..pki import key, key_der, key_pem

SECRET = "planted-passphrase"
CIPHERS = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"]
DERIVATIONS = {
    **{name: ("-v2prf", f"hmacWith{name}") for name in ("SHA1", "SHA224", "SHA256", "SHA384", "SHA512")},
    "scrypt": ("-scrypt",),
}
OCTETS = key_der(key())


def encrypted_by(openssl: OpenSsl, cipher: str, *how: str) -> bytes:
    words = ("pkcs8", "-topk8", "-v2", cipher, *how, "-outform", "DER", "-passout", f"pass:{SECRET}")
    return openssl(*words, stdin=key_pem(key()))


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("derivation", DERIVATIONS)
def test_what_openssl_encrypts(openssl: OpenSsl, cipher: str, derivation: str) -> None:
    encrypted = encrypted_by(openssl, cipher, *DERIVATIONS[derivation])
    assert decrypt_pbes2(encrypted, SECRET.encode()) == OCTETS


@pytest.mark.parametrize("kind", ["P-384", "RSA-2048"])
def test_a_default_that_is_written_out(kind: str) -> None:
    """Some programs name HMAC with SHA-1, which DER leaves out; cryptography's parser refuses that."""
    sealed = encrypted(key_der(key(kind)), 16, "sha1")
    for data in (sealed, pem(sealed, "ENCRYPTED PRIVATE KEY")):
        assert parse_private_key(data, PASSPHRASE).public_key == key(kind).public_key()
        with pytest.raises(PassphraseError, match="wrong"):
            parse_private_key(data, "another")
        with pytest.raises(PassphraseError, match="no passphrase"):
            parse_private_key(data)


def test_a_wrong_passphrase_never_gives_the_key(openssl: OpenSsl) -> None:
    encrypted = encrypted_by(openssl, "aes-128-cbc")
    for number in range(20):
        with suppress(DerError):
            assert decrypt_pbes2(encrypted, f"{SECRET}{number}".encode()) != OCTETS  # one of 256 has a sound padding


def test_another_cipher_and_another_scheme(openssl: OpenSsl) -> None:
    for how in (("-v2", "des3"), ("-v1", "PBE-SHA1-3DES")):
        words = ("pkcs8", "-topk8", *how, "-outform", "DER", "-passout", f"pass:{SECRET}")
        with pytest.raises(DerError):
            decrypt_pbes2(openssl(*words, stdin=key_pem(key())), SECRET.encode())


def test_what_is_in_a_key() -> None:
    info = read_private_key_info(OCTETS)
    assert info.algorithm == bytes.fromhex("2a8648ce3d0201")
    assert [each.tag for each in info.parameters] == [der.OBJECT_IDENTIFIER]
    assert info.public_key is None
    assert repr(info) == "<PrivateKeyInfo>"
    assert repr(read_elements(OCTETS)) == "[<Element of tag 0x30>]"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30", id="a tag alone"),
        pytest.param(b"\x30\x05\x02\x01", id="cut off"),
        pytest.param(b"\x30\x84\x02", id="its length cut off"),
        pytest.param(b"\x30\x81\x03\x02\x01\x00", id="a length in more octets than it needs"),
        pytest.param(b"\x30\x80\x00\x00", id="no length"),
        pytest.param(OCTETS + b"\0\0", id="something behind it"),
        pytest.param(OCTETS.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), id="another version"),
        pytest.param(der.sequence(der.integer(0), der.sequence(), der.octet_string(b"")), id="no algorithm"),
        pytest.param(der.sequence(*der.split(OCTETS), der.tagged(2, b"")), id="a member that there is not"),
    ],
)
def test_what_is_no_key(data: bytes) -> None:
    with pytest.raises(DerError):
        read_private_key_info(data)
    with pytest.raises(DerError):
        decrypt_pbes2(data, b"")


def sealed_by(scheme: str, *members: bytes) -> bytes:
    """Return what looks like an encrypted key; ``members``: of the derivation."""
    identifier, salt = der.object_identifier(scheme), der.octet_string(bytes(8))
    derivation = der.sequence(identifier, der.sequence(salt, *members))
    if scheme != "1.2.840.113549.1.12.1.3":
        cipher = der.sequence(der.object_identifier("2.16.840.1.101.3.4.1.42"), der.octet_string(bytes(16)))
        derivation = der.sequence(der.object_identifier("1.2.840.113549.1.5.13"), der.sequence(derivation, cipher))
    return der.sequence(derivation, der.octet_string(bytes(64)))


@pytest.mark.parametrize("size", [64, 144])
@pytest.mark.parametrize(
    ("scheme", "numbers"),
    [
        *[("1.2.840.113549.1.5.12", (rounds,)) for rounds in (10_000_001, 2**31 - 1, 2**31, 2**63, 2**64, 2**200)],
        *[("1.2.840.113549.1.12.1.3", (rounds,)) for rounds in (2**31 - 1, 2**63)],
        *[
            ("1.3.6.1.4.1.11591.4.11", numbers)
            for numbers in (
                (2**24, 1, 1),
                (2**63, 8, 1),
                (2, 2**63, 1),
                (2, 2**31, 2**31),
                (2**20, 8, 17),
                (0, 2**63, 1),
            )
        ],
    ],
)
def test_what_would_take_hours_or_all_memory(scheme: str, numbers: tuple[int, ...], size: int) -> None:
    """Some of these numbers make cryptography panic, which no ``except Exception`` would catch."""
    sealed = sealed_by(scheme, *map(der.integer, numbers))
    sealed = der.sequence(der.split(sealed)[0], der.octet_string(bytes(size)))
    for data in (sealed, pem(sealed, "ENCRYPTED PRIVATE KEY")):
        with pytest.raises(UnsupportedKeyError, match="no passphrase is tried"):
            parse_private_key(data, PASSPHRASE)


@given(st.binary(max_size=200) | st.integers(0, len(OCTETS) - 1).map(lambda n: OCTETS[:n] + b"\xff" + OCTETS[n + 1 :]))
def test_any_bytes(data: bytes) -> None:
    for read in (read_elements, read_private_key_info, lambda odd: decrypt_pbes2(odd, b"")):
        with suppress(DerError):
            read(data)


@pytest.mark.parametrize("change", [*(1 << bit for bit in range(8)), "zero", "ones"])
def test_any_change_to_how_a_key_is_encrypted(change: int | str) -> None:
    for place in range(len(_SMALL)):
        data = bytearray(_SMALL)
        data[place] = {"zero": 0, "ones": 255}[change] if isinstance(change, str) else data[place] ^ change
        with suppress(DerError):
            decrypt_pbes2(bytes(data), b"x")


# PBKDF2 in one round, so that any change stays quick, but to the rounds themselves, which are two octets at most.
_SMALL = der.sequence(
    der.sequence(
        der.object_identifier("1.2.840.113549.1.5.13"),
        der.sequence(
            der.sequence(
                der.object_identifier("1.2.840.113549.1.5.12"),
                der.sequence(der.octet_string(bytes(8)), der.integer(1)),
            ),
            der.sequence(der.object_identifier("2.16.840.1.101.3.4.1.2"), der.octet_string(bytes(16))),
        ),
    ),
    der.octet_string(bytes(32)),
)
