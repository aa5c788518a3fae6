"""TPM key files and public areas, built here by their specifications: what they say, and any bytes in their place."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer.errors import PrivateKeyError, PrivateKeyLoadError, UnsupportedKeyError
from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.keys.tpm.key_file import parse_key_file
from rolesanywhere_signer.keys.tpm.public_area import parse_public_area
from rolesanywhere_signer.testing import CertificateAuthority

LOADABLE = bytes.fromhex("06 06 67 81 05 0a 01 03")
FALSE, TRUE, ONE = b"\x01\x01\x00", b"\x01\x01\xff", b"\x01\x01\x01"
SIGNS = 0x00040072
EC_KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
NULL, RSASSA, RSAPSS, ECDSA, ECDAA = 0x10, 0x14, 0x16, 0x18, 0x1A
SHA1, SHA256, SHA384, SHA512 = 0x04, 0x0B, 0x0C, 0x0D


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else b"\x82" + struct.pack(">H", size)
    return bytes([tag]) + length + content


def sized(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def number(value: int, size: int) -> bytes:
    return sized(value.to_bytes(size, "big"))


def ec_area(
    *, attributes: int = SIGNS, scheme: bytes | None = None, curve: int = 3, key: ec.EllipticCurvePrivateKey = EC_KEY
) -> bytes:
    numbers = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8
    area = struct.pack(">HHI", 0x23, SHA256, attributes) + sized(b"") + struct.pack(">H", NULL)
    area += struct.pack(">H", NULL) if scheme is None else scheme
    area += struct.pack(">HH", curve, NULL) + number(numbers.x, size) + number(numbers.y, size)
    return sized(area)


def rsa_area(*, attributes: int = SIGNS, scheme: bytes | None = None, exponent: int = 0) -> bytes:
    area = struct.pack(">HHI", 0x01, SHA256, attributes) + sized(b"") + struct.pack(">H", NULL)
    area += struct.pack(">H", NULL) if scheme is None else scheme
    area += struct.pack(">HI", 2048, exponent) + number(RSA_KEY.public_key().public_numbers().n, 256)
    return sized(area)


def key_file(
    *optional: bytes, oid: bytes = LOADABLE, parent: bytes = b"\x40\x00\x00\x01", public: bytes | None = None
) -> bytes:
    public = ec_area() if public is None else public
    content = oid + b"".join(optional) + tlv(0x02, parent) + tlv(0x04, public) + tlv(0x04, sized(b"private"))
    return tlv(0x30, content)


# Key files.


@pytest.mark.parametrize(
    ("optional", "has_password", "rsa_parent"),
    [
        ((), True, False),
        ((tlv(0xA0, FALSE),), True, False),
        ((tlv(0xA0, TRUE),), False, False),
        # What both engines of OpenSSL have written for true.
        ((tlv(0xA0, ONE),), False, False),
        ((tlv(0xA0, TRUE), tlv(0xA4, tlv(0x0C, b"mine")), tlv(0xA5, TRUE)), False, True),
        ((tlv(0xA5, FALSE),), True, False),
    ],
)
def test_what_a_file_says(optional: tuple[bytes, ...], *, has_password: bool, rsa_parent: bool) -> None:
    file = parse_key_file(key_file(*optional))
    assert (file.has_password, file.rsa_parent, file.parent) == (has_password, rsa_parent, 0x40000001)
    assert (file.public, file.private) == (ec_area(), sized(b"private"))
    assert "private'" not in repr(file)


@pytest.mark.parametrize(
    ("parent", "handle"),
    [
        ("0081000001", 0x81000001),
        # As if it were a negative number, which some programs write.
        ("81000001", 0x81000001),
        ("0081ffffff", 0x81FFFFFF),
        ("40000007", 0x40000007),
        ("4000000b", 0x4000000B),
        ("4000000c", 0x4000000C),
    ],
)
def test_parents(parent: str, handle: int) -> None:
    assert parse_key_file(key_file(parent=bytes.fromhex(parent))).parent == handle


@pytest.mark.parametrize("parent", ["00", "01", "40000002", "4000000a", "0080000001", "0082000000", "01810000", "ff"])
def test_parents_that_are_none(parent: str) -> None:
    with pytest.raises(UnsupportedKeyError, match="neither a persistent key nor a hierarchy"):
        parse_key_file(key_file(parent=bytes.fromhex(parent)))


@pytest.mark.parametrize(
    ("der", "said"),
    [
        (key_file(oid=bytes.fromhex("06 06 67 81 05 0a 01 04")), "imported into the TPM first"),
        (key_file(oid=bytes.fromhex("06 06 67 81 05 0a 01 05")), "sealed data"),
        (key_file(oid=bytes.fromhex("06 05 67 81 05 0a 02")), "the oldest form"),
        (key_file(oid=bytes.fromhex("06 03 55 04 03")), "an unknown type"),
        (key_file(tlv(0xA1, tlv(0x30, b""))), "bound to a policy"),
        (key_file(tlv(0xA3, tlv(0x30, b""))), "bound to a policy"),
        (key_file(tlv(0xA2, tlv(0x04, b"secret"))), "a secret to import the key with"),
    ],
)
def test_files_that_are_not_supported(der: bytes, said: str) -> None:
    with pytest.raises(UnsupportedKeyError, match=said):
        parse_key_file(der)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x00\x00\x00\x00\x00",
        tlv(0x30, b""),
        tlv(0x30, LOADABLE),
        tlv(0x31, key_file()[4:]),
        key_file()[:-1],
        key_file() + b"\x00",
        key_file(tlv(0xA0, TRUE), tlv(0xA0, TRUE)),
        key_file(tlv(0xA6, TRUE)),
        key_file(tlv(0xA0, tlv(0x02, b"\x01"))),
        key_file(tlv(0xA0, b"\x01\x02\xff\xff")),
        key_file(tlv(0xA0, TRUE + TRUE)),
        key_file(tlv(0x0C, b"text")),
        key_file(parent=b""),
        key_file(parent=b"\x00\x00\x81\x00\x00\x01"),
        key_file(public=ec_area() + b"\x00"),
        key_file(public=b"\x00"),
    ],
)
def test_damaged_files(der: bytes) -> None:
    with pytest.raises(PrivateKeyLoadError, match="TPM key file is damaged"):
        parse_key_file(der)


def test_pem_that_is_no_base64() -> None:
    with pytest.raises(PrivateKeyLoadError, match="is not base64"):
        parse_private_key(b"-----BEGIN TSS2 PRIVATE KEY-----\nplanted!\n-----END TSS2 PRIVATE KEY-----\n")


def test_other_keys_import_nothing_of_this(tmp_path: Path) -> None:
    CertificateAuthority().issue("CN=app").write(tmp_path)
    script = (
        "import sys\nfrom rolesanywhere_signer.identities import make_identity\n"
        "make_identity('certificate.pem', 'private-key.pem')\n"
        "print([name for name in sys.modules if 'tpm' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Public areas.


@pytest.mark.parametrize("exponent", [0, 65537])
def test_rsa_key(exponent: int) -> None:
    area = parse_public_area(rsa_area(exponent=exponent))
    assert (area.public_key, area.is_rsa, area.hash_algorithm) == (RSA_KEY.public_key(), True, None)
    assert area.name == b"\x00\x0b" + hashlib.sha256(rsa_area(exponent=exponent)[2:]).digest()
    assert area.longest_password == 32


@pytest.mark.parametrize(("number_", "curve"), [(2, ec.SECP224R1()), (4, ec.SECP384R1()), (5, ec.SECP521R1())])
def test_ec_key(number_: int, curve: ec.EllipticCurve) -> None:
    key = ec.derive_private_key(0xC0FFEE, curve)
    area = parse_public_area(ec_area(curve=number_, key=key))
    assert (area.public_key, area.is_rsa) == (key.public_key(), False)


def test_whether_wrong_passwords_are_counted() -> None:
    assert parse_public_area(ec_area()).counts_wrong_passwords
    assert not parse_public_area(ec_area(attributes=SIGNS | 1 << 10)).counts_wrong_passwords


@pytest.mark.parametrize(
    ("area", "said"),
    [
        (ec_area(curve=0x10), "on the curve BN P-256"),
        (ec_area(curve=0x99), "on the curve 0x0099"),
        (ec_area(scheme=struct.pack(">HHH", ECDAA, SHA256, 0)), "for ECDAA only"),
        (ec_area(scheme=struct.pack(">HH", 0x77, SHA256)), "for scheme 0x0077 only"),
        (rsa_area(scheme=struct.pack(">HH", RSAPSS, SHA256)), "for RSAPSS only"),
        (rsa_area(scheme=struct.pack(">H", 0x15)), "for RSAES only"),
        (rsa_area(attributes=0x00020072), "made for decryption"),
        (ec_area(attributes=0x00050072), "as an attestation key"),
        (ec_area(attributes=0x00030072), "as a storage key"),
        (ec_area(attributes=0x00040032), "userWithAuth is not set"),
        (sized(struct.pack(">HHIH", 0x99, SHA256, SIGNS, 0)), "but of an unknown kind"),
        (ec_area()[:5] + b"\x27" + ec_area()[6:], "named by a hash that is not supported"),
    ],
)
def test_keys_that_cannot_sign_requests(area: bytes, said: str) -> None:
    with pytest.raises(UnsupportedKeyError, match=said):
        parse_public_area(area)


@pytest.mark.parametrize(
    "area",
    [
        b"",
        b"\x00",
        sized(b""),
        ec_area()[:-1],
        ec_area() + b"\x00",
        sized(ec_area()[2:] + b"\x00"),
        ec_area()[:-32] + bytes(32),
    ],
)
def test_damaged_areas(area: bytes) -> None:
    with pytest.raises(PrivateKeyLoadError, match="cannot be understood"):
        parse_public_area(area)


# Which hash is named to the TPM.

CURVES = {3: ec.SECP256R1(), 4: ec.SECP384R1(), 5: ec.SECP521R1()}
OWN = {None: None, SHA1: hashes.SHA1(), SHA256: hashes.SHA256(), SHA384: hashes.SHA384(), SHA512: hashes.SHA512()}  # noqa: S303
WANTED = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}


@pytest.mark.parametrize("digest", list(WANTED))
@pytest.mark.parametrize("own", list(OWN))
@pytest.mark.parametrize("curve", list(CURVES))
def test_elliptic_key_signs_over_another_hash_than_its_own(curve: int, own: int | None, digest: str) -> None:
    key = ec.derive_private_key(0xC0FFEE, CURVES[curve])
    scheme = None if own is None else struct.pack(">HH", ECDSA, own)
    area = parse_public_area(ec_area(curve=curve, key=key, scheme=scheme))
    hashed = hashlib.new(digest, b"data").digest()
    named = OWN[own] or WANTED[digest]
    if own is not None and named.digest_size < min(len(hashed), (key.curve.key_size + 7) // 8):
        with pytest.raises(UnsupportedKeyError, match=r"signs over SHA-\d+ only, not over SHA-"):
            area.to_sign(digest, hashed)  # type: ignore[arg-type]
        return
    number_, value = area.to_sign(digest, hashed)  # type: ignore[arg-type]
    assert len(value) == named.digest_size
    assert own is None or number_ == own
    # As a TPM does: it signs the value, and knows of the hash no more than its length.
    signature = key.sign(value, ec.ECDSA(utils.Prehashed(named)))
    key.public_key().verify(signature, b"data", ec.ECDSA(WANTED[digest]))


def test_rsa_key_keeps_to_its_hash() -> None:
    area = parse_public_area(rsa_area(scheme=struct.pack(">HH", RSASSA, SHA384)))
    assert area.to_sign("SHA384", b"x" * 48) == (SHA384, b"x" * 48)
    with pytest.raises(UnsupportedKeyError, match="signs over SHA-384 only, not over SHA-256") as caught:
        area.to_sign("SHA256", b"x" * 32)
    assert "rsassa-sha256" in str(caught.value.hint)


# Any bytes.

FILES = [key_file(), key_file(tlv(0xA0, TRUE)), key_file(public=rsa_area())]
AREAS = [ec_area(), rsa_area(), ec_area(scheme=struct.pack(">HH", ECDSA, SHA256))]


def changed(valid: bytes, data: st.DataObject) -> bytes:
    content = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.integers(0, len(content)))]) if data.draw(st.booleans()) else bytes(content)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.data())
def test_any_bytes_end_in_a_key_or_an_error_of_ours(data: st.DataObject) -> None:
    for parse, valid in ((parse_key_file, FILES), (parse_public_area, AREAS)):
        drawn = data.draw(st.binary(max_size=300) | st.sampled_from(valid).map(lambda one: changed(one, data)))
        with contextlib.suppress(PrivateKeyError):
            parse(drawn)
