"""A signature that was made elsewhere: the right one passes, and of a wrong one the mistake is named."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer.errors import SigningError, UnsupportedKeyError
from rolesanywhere_signer.keys import CallableKey, SshAgentKey
from rolesanywhere_signer.keys.external.checking import checked_signature

DATA = b"AWS4-X509-ECDSA-SHA256\n20270131T120000Z\nscope\nhash"
EC = ec.generate_private_key(ec.SECP256R1())
P521 = ec.generate_private_key(ec.SECP521R1())
RSA = rsa.generate_private_key(65537, 2048)


def sign_ec(data: bytes = DATA, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    return EC.sign(data, ec.ECDSA(algorithm or hashes.SHA256()))


def sign_rsa(data: bytes = DATA, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    return RSA.sign(data, padding.PKCS1v15(), algorithm or hashes.SHA256())


def sign_pss(algorithm: hashes.HashAlgorithm, salt: int) -> bytes:
    return RSA.sign(DATA, padding.PSS(padding.MGF1(algorithm), salt), algorithm)


def side_by_side(key: ec.EllipticCurvePrivateKey) -> bytes:
    width = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(DATA, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_good_signatures_pass(form: Callable[[bytes], object]) -> None:
    for key, signature in ((EC, sign_ec()), (RSA, sign_rsa())):
        assert checked_signature(form(signature), DATA, key.public_key(), "it") == signature


@pytest.mark.parametrize(
    ("key", "answer", "mistake"),
    [
        (EC, base64.b64encode(sign_ec()), "base64 or hexadecimal"),
        (EC, base64.encodebytes(sign_ec()), "base64 or hexadecimal"),
        (RSA, sign_rsa().hex().encode(), "base64 or hexadecimal"),
        (RSA, sign_rsa() + b"\n", "line feed"),
        (EC, side_by_side(EC), "side by side"),
        (P521, side_by_side(P521), "side by side"),
        (EC, sign_ec(hashlib.sha256(DATA).digest()), "hashed once more"),
        (RSA, sign_rsa(hashlib.sha256(DATA).digest()), "hashed once more"),
        (EC, sign_ec(algorithm=hashes.SHA384()), "over SHA384"),
        (RSA, sign_rsa(algorithm=hashes.SHA512()), "over SHA512"),
        (RSA, sign_pss(hashes.SHA256(), 32), "RSA-PSS"),
        (RSA, sign_pss(hashes.SHA512(), 20), "RSA-PSS"),
        (EC, sign_ec(DATA + b"\n"), "certificate's own key"),
        (EC, sign_rsa(), "certificate's own key"),
        (RSA, sign_ec(), "certificate's own key"),
        (RSA, sign_rsa()[1:], "certificate's own key"),
        (EC, b"\0" * 64, "certificate's own key"),
        (EC, b"no signature", "certificate's own key"),
    ],
)
def test_mistakes_are_named(key: ec.EllipticCurvePrivateKey, answer: bytes, mistake: str) -> None:
    with pytest.raises(SigningError, match="the vault gave a signature that is not") as caught:
        checked_signature(answer, DATA, key.public_key(), "the vault")
    assert mistake in str(caught.value.hint)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "gave NoneType, not bytes"),
        ("c2lnbmF0dXJl", "gave str, not bytes"),
        ({"Signature": b""}, "gave dict, not bytes"),
        (b"", "gave no signature"),
        (b"x" * 16385, "16,385 bytes"),
    ],
)
def test_what_cannot_be_a_signature(answer: object, message: str) -> None:
    with pytest.raises(SigningError, match=message):
        checked_signature(answer, DATA, EC.public_key(), "it")


@given(st.binary(max_size=300))
def test_no_bytes_escape(answer: bytes) -> None:
    for key in (EC, RSA):
        with pytest.raises(SigningError):
            checked_signature(answer, DATA, key.public_key(), "it")


@pytest.mark.parametrize("changed", [0, 10, -1])
def test_one_changed_octet_is_enough(changed: int) -> None:
    for key, signature in ((EC, bytearray(sign_ec())), (RSA, bytearray(sign_rsa()))):
        signature[changed] ^= 1
        with pytest.raises(SigningError):
            checked_signature(bytes(signature), DATA, key.public_key(), "it")


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa(size: int) -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    key = getattr(mldsa, f"MLDSA{size}PrivateKey").generate()
    vault = CallableKey(key.sign, key.public_key())
    assert vault.algorithm == "AWS4-X509-MLDSA"
    assert len(vault.sign(DATA)) > 2000
    for answer, mistake in ((key.sign(DATA).hex().encode(), "hexadecimal"), (key.sign(DATA, b"context"), "own key")):
        with pytest.raises(SigningError) as caught:
            checked_signature(answer, DATA, key.public_key(), "it")
        assert mistake in str(caught.value.hint)
    with pytest.raises(UnsupportedKeyError, match="no keys of ML-DSA"):
        SshAgentKey(key.public_key())
