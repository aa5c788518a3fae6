"""The string that sign-string signs, and its signatures: openssl makes the same, or verifies them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rolesanywhere_signer import SigningError, UnsupportedKeyError
from rolesanywhere_signer.keys import Digest, DigestKey, fixed_string, parse_private_key, sign_fixed_string

from ..conftest import OpenSsl
from ..pki import key, key_pem

DIGESTS: tuple[Digest, ...] = ("SHA256", "SHA384", "SHA512")
CURVES = ("P-256", "P-384", "P-521")


def string_of_openssl(openssl: OpenSsl, kind: str) -> bytes:
    """Compute the string with openssl alone."""
    if kind.startswith("RSA"):
        public = openssl("rsa", "-RSAPublicKey_out", "-outform", "DER", stdin=key_pem(key(kind)))
    else:
        # The uncompressed point is the end of the SubjectPublicKeyInfo.
        info = openssl("ec", "-pubout", "-outform", "DER", "-conv_form", "uncompressed", stdin=key_pem(key(kind)))
        public = info[-(2 * ((key(kind).curve.key_size + 7) // 8) + 1) :]
        assert public[0] == 4
    digest = openssl("dgst", "-sha256", "-binary", stdin=b"IAM RA" + public)
    assert len(digest) == 32
    return b"AWS Roles Anywhere Credential Helper Signing Test1" + digest


@pytest.mark.parametrize("kind", ["RSA-2048", *CURVES])
def test_the_string_is_openssls(openssl: OpenSsl, kind: str) -> None:
    assert fixed_string(key(kind).public_key()) == string_of_openssl(openssl, kind)


def test_another_kind_of_key_is_not_named() -> None:
    assert fixed_string(key("Ed25519").public_key()) == b"AWS Roles Anywhere Credential Helper Signing Test1"


@pytest.mark.parametrize("digest", DIGESTS)
def test_rsa_signs_byte_for_byte_as_openssl(openssl: OpenSsl, tmp_path: Path, digest: Digest) -> None:
    (tmp_path / "key.pem").write_bytes(key_pem(key("RSA-2048")))
    by_openssl = openssl("dgst", f"-{digest.lower()}", "-sign", "key.pem", stdin=string_of_openssl(openssl, "RSA-2048"))
    assert sign_fixed_string(parse_private_key(key_pem(key("RSA-2048"))), digest) == by_openssl


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("kind", CURVES)
def test_openssl_verifies_ec(openssl: OpenSsl, tmp_path: Path, kind: str, digest: Digest) -> None:
    public = key(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "signature").write_bytes(sign_fixed_string(parse_private_key(key_pem(key(kind))), digest))
    arguments = ("-verify", "public.pem", "-signature", "signature")
    printed = openssl("dgst", f"-{digest.lower()}", *arguments, stdin=string_of_openssl(openssl, kind))
    assert printed == b"Verified OK\n"


class Token:
    """A key that signs over SHA-256 alone, as one in hardware may."""

    algorithm = "AWS4-X509-ECDSA-SHA256"

    def __init__(self) -> None:
        self.public_key: ec.EllipticCurvePublicKey = key().public_key()

    def sign(self, data: bytes) -> bytes:
        return b"signed:" + data


def test_a_key_of_another_kind_signs_as_it_signs_requests() -> None:
    token = Token()
    assert not isinstance(token, DigestKey)
    assert sign_fixed_string(token) == b"signed:" + fixed_string(token.public_key)
    with pytest.raises(UnsupportedKeyError, match="SHA-256 only, not SHA512") as caught:
        sign_fixed_string(token, "SHA512")
    assert "--digest" in str(caught.value.hint)


def test_a_key_too_small_for_the_digest_is_our_error() -> None:
    small = parse_private_key(key_pem(key("RSA-1024")))
    assert len(sign_fixed_string(small, "SHA512")) == 128

    class Broken:
        def sign(self, *_arguments: object) -> bytes:
            raise ValueError("digest too large")

        def public_key(self) -> object:
            return key("RSA-1024").public_key()

    from rolesanywhere_signer.keys.software import RsaKey

    with pytest.raises(SigningError):
        RsaKey(Broken()).sign_with(b"", "SHA512")  # type: ignore[arg-type]
