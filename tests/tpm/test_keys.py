"""Keys that tpm2-tools and OpenSSL make, at handles and in files, with a password and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from rolesanywhere_signer.errors import ConfigurationError, PrivateKeyLoadError, SigningError, UnsupportedKeyError
from rolesanywhere_signer.keys import DigestKey, SigningKey, load_private_key
from tests.tpm.signatures import HASHES, verify
from tests.tpm.software_tpm import SoftwareTpm, software_tpm

PASSWORD = "planted-password-of-the-tpm"
P256 = ("-algorithm", "EC", "-pkeyopt", "group:P-256")
P384 = ("-algorithm", "EC", "-pkeyopt", "group:P-384")
RSA2048 = ("-algorithm", "RSA", "-pkeyopt", "bits:2048")


def check(key: SigningKey, public_key: object = None) -> None:
    """See that a key signs over every hash, and is the one that it should be."""
    if public_key is not None:
        assert key.public_key == public_key
    kind = "RSA" if isinstance(key.public_key, rsa.RSAPublicKey) else "ECDSA"
    assert key.algorithm == f"AWS4-X509-{kind}-SHA256"
    verify(key.public_key, key.sign(b"data"), b"data")
    assert isinstance(key, DigestKey)
    for digest in HASHES:
        verify(key.public_key, key.sign_with(b"data", digest), b"data", digest)  # type: ignore[arg-type]


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "password"])
@pytest.mark.parametrize("algorithm", ["ecc256", "ecc384", "rsa2048"])
def test_persistent_handle(tpm: SoftwareTpm, algorithm: str, password: str | None) -> None:
    made = tpm.key_at_handle(algorithm, password)
    check(load_private_key(made.source, password), made.public_key)


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "password"])
@pytest.mark.parametrize("options", [P256, P384, RSA2048], ids=["P-256", "P-384", "RSA"])
def test_file_of_openssl_under_the_owner(tpm: SoftwareTpm, options: tuple[str, ...], password: str | None) -> None:
    made = tpm.openssl_file(*options, password=password)
    check(load_private_key(made.source, password), made.public_key)


def test_file_of_openssl_under_a_persistent_parent(tpm: SoftwareTpm) -> None:
    made = tpm.openssl_file(*P256, "-pkeyopt", f"parent:{tpm.parent()}")
    check(load_private_key(made.source), made.public_key)


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "password"])
@pytest.mark.parametrize("algorithm", ["ecc256", "rsa2048"])
def test_file_of_tpm2_encodeobject(tpm: SoftwareTpm, algorithm: str, password: str | None) -> None:
    check(load_private_key(tpm.encoded_file(algorithm, password), password or ""))


def test_parent_that_is_an_rsa_key(tpm: SoftwareTpm) -> None:
    check(load_private_key(tpm.encoded_file(parent=tpm.parent("rsa2048")), ""))


@pytest.mark.parametrize("digits", ["0x{}", "{}", "0X{}"])
def test_handle_is_written_as_for_the_official_helper(tpm: SoftwareTpm, digits: str) -> None:
    made = tpm.key_at_handle()
    hexadecimal = made.source.removeprefix("handle:0x")
    check(load_private_key("handle:" + digits.format(hexadecimal)), made.public_key)


def test_certificate_may_stand_beside_the_key(tpm: SoftwareTpm) -> None:
    made = tpm.openssl_file(*P256)
    content = (
        b"some text\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + Path(made.source).read_bytes()
    )
    check(load_private_key(content), made.public_key)


# A key that is made for one hash.


@pytest.mark.parametrize(
    "algorithm",
    ["rsa2048:rsassa-sha256:null", "ecc256:ecdsa-sha256:null", "ecc384:ecdsa-sha384:null", "ecc256:ecdsa-sha512:null"],
)
def test_key_with_a_scheme_of_its_own_signs_requests(tpm: SoftwareTpm, algorithm: str) -> None:
    made = tpm.key_at_handle(algorithm, attributes=SIGNS)
    verify(made.public_key, load_private_key(made.source).sign(b"data"), b"data")


SIGNS = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"


@pytest.mark.parametrize(
    ("algorithm", "attributes", "said"),
    [
        ("rsa2048:rsassa-sha1:null", SIGNS, "signs over SHA-1 only"),
        ("rsa2048:rsassa-sha384:null", SIGNS, "signs over SHA-384 only"),
        ("rsa2048:rsapss-sha256:null", SIGNS, "is for RSAPSS only, and the service takes RSASSA"),
        ("ecc256:ecdsa-sha1:null", SIGNS, "signs over SHA-1 only"),
        ("ecc256:ecdaa4-sha256:null", SIGNS, "is for ECDAA only"),
        ("rsa2048", SIGNS.replace("sign", "decrypt"), "made for decryption"),
        ("ecc256", SIGNS.replace("sign", "decrypt"), "made for decryption"),
        ("ecc256:ecdsa-sha256:null", f"{SIGNS}|restricted", "as an attestation key, it signs nothing"),
        ("rsa2048:aes128cfb", SIGNS.replace("sign", "decrypt|restricted"), "as a storage key, it signs nothing"),
        ("ecc256", SIGNS.replace("userwithauth|", ""), "userWithAuth is not set"),
        ("hmac", SIGNS, "is no RSA or EC key, but an HMAC key or sealed data"),
        ("aes128", SIGNS.replace("sign", "decrypt|sign"), "is no RSA or EC key, but a symmetric key"),
    ],
)
@pytest.mark.parametrize("place", ["handle", "file"])
def test_key_that_cannot_sign_requests(
    tpm: SoftwareTpm, algorithm: str, attributes: str, said: str, place: str
) -> None:
    source: object
    if place == "file":
        source = tpm.encoded_file(algorithm, attributes=attributes)
    else:
        source = tpm.key_at_handle(algorithm, attributes=attributes).source
    with pytest.raises(UnsupportedKeyError) as caught:
        load_private_key(source, "")  # type: ignore[arg-type]
    assert said in caught.value.message
    assert caught.value.hint


def test_key_at_no_handle(tpm: SoftwareTpm) -> None:
    with pytest.raises(PrivateKeyLoadError, match="the TPM has no key at this handle"):
        load_private_key("handle:0x81abcdef")


def test_key_of_another_tpm(tpm: SoftwareTpm, tmp_path: Path) -> None:
    with software_tpm(tmp_path) as other:
        made = other.openssl_file(*P256)
    with pytest.raises(PrivateKeyLoadError, match="made by another TPM, or under another parent"):
        load_private_key(made.source)


def test_parent_that_is_gone(tpm: SoftwareTpm) -> None:
    parent = tpm.parent()
    file = tpm.encoded_file(parent=parent)
    tpm.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", parent)
    with pytest.raises(PrivateKeyLoadError, match="no key at this handle"):
        load_private_key(file, "")


def test_key_that_is_gone_between_two_signatures(tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    key = load_private_key(made.source)
    tpm.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", made.source.removeprefix("handle:"))
    with pytest.raises(SigningError, match="no key at this handle"):
        key.sign(b"data")


def test_another_key_at_the_handle_does_not_sign(tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle(password=PASSWORD)
    key = load_private_key(made.source, PASSWORD)
    assert tpm.another_key_there().source == made.source
    with pytest.raises(SigningError, match="another key is there by now"):
        key.sign(b"data")


@pytest.mark.parametrize(
    "text", ["handle:", "handle:0x", "handle:81000001 ", "handle:0x810000011", "handle:0xg1000001"]
)
def test_no_handle_at_all(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be written as handle:0x"):
        load_private_key(text)


@pytest.mark.parametrize("handle", ["0x0", "0x40000001", "0x80ffffff", "0x82000000", "0x80000001", "0xffffffff"])
def test_handle_of_something_else(handle: str) -> None:
    with pytest.raises(ConfigurationError, match="no persistent handle of a TPM"):
        load_private_key(f"handle:{handle}")
