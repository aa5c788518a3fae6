"""ML-DSA keys in the three forms of PKCS#8, encrypted in every way; what does not belong together, and what lacks."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import cryptography
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import (
    ConfigurationError,
    Identity,
    KeyMismatchError,
    PassphraseError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    SigningError,
    UnsupportedKeyError,
)
from rolesanywhere_signer.keys import SigningKey, fixed_string, parse_private_key, sign_fixed_string
from rolesanywhere_signer.keys.openssl import why_not
from rolesanywhere_signer.testing import CertificateAuthority, der
from tests.support.ml_dsa import (
    CIPHERS,
    HASHES,
    KEYS,
    KNOWS_ML_DSA,
    NAMES,
    PASSPHRASE,
    MlDsaKey,
    encrypted,
    needs_ml_dsa,
    pem,
)

SMALL = KEYS["ML-DSA-44"]
SIGNATURE_OCTETS = {"ML-DSA-44": 2420, "ML-DSA-65": 3309, "ML-DSA-87": 4627}
EXPANDED_SIGNS = why_not() is None


def assert_is(key: SigningKey, parts: MlDsaKey) -> None:
    """``key`` is the one of ``parts``, and what it signs verifies as pure ML-DSA without a context."""
    public_key: Any = key.public_key
    assert public_key.public_bytes_raw() == parts.public_key
    assert key.algorithm == "AWS4-X509-MLDSA"
    signature = key.sign(b"string to sign")
    assert len(signature) == SIGNATURE_OCTETS[parts.name]
    public_key.verify(signature, b"string to sign")
    public_key.verify(parts.signature_over_data, b"data")
    assert repr(key) == f"<MlDsaKey {parts.name}>"


def refused(kind: type[RolesAnywhereError], data: bytes, passphrase: Any = None) -> RolesAnywhereError:
    with pytest.raises(kind) as caught:
        parse_private_key(data, passphrase)
    assert type(caught.value) is kind
    shown = "".join(traceback.format_exception(caught.value))
    assert "planted" not in shown
    assert SMALL.seed.hex() not in shown
    assert str(SMALL.seed)[2:-1] not in shown
    return caught.value


@needs_ml_dsa
@pytest.mark.parametrize("name", NAMES)
class TestForms:
    @pytest.mark.parametrize("form", ["as_seed", "as_both"])
    def test_with_the_seed(self, name: str, form: str) -> None:
        encoded = getattr(KEYS[name], form)
        assert_is(parse_private_key(encoded), KEYS[name])
        assert_is(parse_private_key(pem(encoded)), KEYS[name])

    @pytest.mark.parametrize("form", ["as_seed", "as_both"])
    @pytest.mark.parametrize("derivation", [*HASHES, "scrypt"])
    @pytest.mark.parametrize("key_octets", CIPHERS)
    def test_encrypted(self, name: str, form: str, derivation: str | None, key_octets: int) -> None:
        sealed = encrypted(getattr(KEYS[name], form), key_octets, derivation)
        for data in (sealed, pem(sealed, "ENCRYPTED PRIVATE KEY")):
            assert_is(parse_private_key(data, PASSPHRASE), KEYS[name])

    @pytest.mark.parametrize("form", ["as_seed", "as_both", "as_expanded"])
    def test_encrypted_with_a_wrong_passphrase_or_none(self, name: str, form: str) -> None:
        sealed = encrypted(getattr(KEYS[name], form))
        assert "wrong" in refused(PassphraseError, sealed, "another").message
        assert "no passphrase" in refused(PassphraseError, pem(sealed, "ENCRYPTED PRIVATE KEY")).message

    def test_with_its_public_key(self, name: str) -> None:
        parts = KEYS[name]
        form = der.tagged(0, parts.seed, constructed=False)
        carried = der.tagged(1, b"\0" + parts.public_key, constructed=False)
        assert_is(parse_private_key(parts.pkcs8(form, carried, version=1)), parts)
        assert_is(parse_private_key(parts.pkcs8(form, der.tagged(0, b""), carried, version=1)), parts)
        other = der.tagged(1, b"\0" + parts.public_key[:-1] + b"\0", constructed=False)
        assert "not its own" in refused(PrivateKeyLoadError, parts.pkcs8(form, other, version=1)).message

    def test_the_expanded_key_alone(self, name: str) -> None:
        """It signs where Python's OpenSSL can; elsewhere it is told what would help."""
        parts = KEYS[name]
        for data, passphrase in ((parts.as_expanded, None), (encrypted(parts.as_expanded), PASSPHRASE)):
            if EXPANDED_SIGNS:
                assert_is(parse_private_key(data, passphrase), parts)
                continue
            error = refused(UnsupportedKeyError, data, passphrase)
            assert f"the {name} private key has no seed" in error.message
            assert "OpenSSL" in error.message
            assert f"openssl genpkey -algorithm {name}" in str(error.hint)

    def test_an_identity(self, name: str, tmp_path: Path) -> None:
        parts = KEYS[name]
        issued = CertificateAuthority(key_type="P-256").issue(private_key=pem(parts.as_seed))
        (tmp_path / "key.pem").write_bytes(pem(parts.as_both))
        (tmp_path / "key.pem").chmod(0o600)
        issued.write(tmp_path)
        identity = Identity.from_files(tmp_path / "certificate.pem", tmp_path / "key.pem")
        assert_is(identity.current.key, parts)
        assert_is(pickle.loads(pickle.dumps(identity)).load().key, parts)
        with pytest.raises(KeyMismatchError):
            Identity.from_bytes(issued.certificate_pem, CertificateAuthority(key_type=name).private_key_pem)


@needs_ml_dsa
class TestWhatDoesNotBelongTogether:
    # The ends of rho, K, tr, s1 and s2, and the last octet before t0.
    @pytest.mark.parametrize("place", [0, 31, 32, 63, 64, 127, 128, 511, 895])
    def test_an_octet_of_the_expanded_key(self, place: int) -> None:
        expanded = bytearray(SMALL.expanded)
        expanded[place] ^= 1
        error = refused(PrivateKeyLoadError, SMALL._replace(expanded=bytes(expanded)).as_both)
        assert "seed and an expanded key that do not belong together" in error.message

    @pytest.mark.parametrize("name", NAMES)
    def test_the_last_octet_that_is_secret(self, name: str) -> None:
        parts = KEYS[name]
        expanded = bytearray(parts.expanded)
        expanded[-1 - 416 * {"ML-DSA-44": 4, "ML-DSA-65": 6, "ML-DSA-87": 8}[name]] ^= 0x80
        refused(PrivateKeyLoadError, parts._replace(expanded=bytes(expanded)).as_both)

    def test_another_seed(self) -> None:
        refused(PrivateKeyLoadError, SMALL._replace(seed=bytes(32)).as_both)

    @pytest.mark.skipif(not EXPANDED_SIGNS, reason="this Python's OpenSSL is older than 3.5")
    @pytest.mark.parametrize("place", [0, 64, 128, 2559])
    def test_what_openssl_refuses(self, place: int) -> None:
        expanded = bytearray(SMALL.expanded)
        expanded[place] ^= 1
        assert (
            "OpenSSL refuses"
            in refused(PrivateKeyLoadError, SMALL._replace(expanded=bytes(expanded)).as_expanded).message
        )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SMALL.pkcs8(b""), id="nothing"),
        pytest.param(SMALL.pkcs8(SMALL.seed), id="a bare seed"),
        pytest.param(SMALL.pkcs8(SMALL.expanded), id="a bare expanded key"),
        pytest.param(SMALL.pkcs8(der.octet_string(SMALL.seed)), id="a seed in the place of the expanded key"),
        pytest.param(SMALL.pkcs8(der.tagged(0, SMALL.seed[1:], constructed=False)), id="a seed of 31"),
        pytest.param(SMALL.pkcs8(der.tagged(0, der.octet_string(SMALL.seed))), id="a seed tagged explicitly"),
        pytest.param(SMALL.pkcs8(der.tagged(1, SMALL.seed, constructed=False)), id="another tag"),
        pytest.param(SMALL.pkcs8(der.octet_string(SMALL.expanded + b"\0")), id="an octet more"),
        pytest.param(SMALL._replace(name="ML-DSA-65").as_both, id="an expanded key of another size"),
        pytest.param(SMALL.pkcs8(der.sequence(der.octet_string(SMALL.seed))), id="half of both"),
        pytest.param(
            SMALL.pkcs8(der.sequence(der.octet_string(SMALL.expanded), der.octet_string(SMALL.seed))), id="both, turned"
        ),
        pytest.param(SMALL.pkcs8(der.tagged(0, SMALL.seed, constructed=False) * 2), id="two seeds"),
        pytest.param(
            SMALL.pkcs8(der.tagged(0, SMALL.seed, constructed=False), parameters=der.element(der.NULL)), id="parameters"
        ),
        pytest.param(SMALL.as_both[:-1], id="cut off"),
        pytest.param(SMALL.as_seed + b"\0", id="an octet behind it"),
    ],
)
def test_damage(data: bytes) -> None:
    for form in (data, pem(data)):
        assert "ML-DSA private key cannot be understood" in refused(PrivateKeyLoadError, form).message


@given(st.integers(0, len(SMALL.as_seed) - 1), st.integers(0, 255))
def test_any_change_gives_another_key_or_our_error(place: int, value: int) -> None:
    data = bytearray(SMALL.as_seed)
    data[place] = value
    try:
        parse_private_key(bytes(data))
    except RolesAnywhereError:
        return


@pytest.mark.skipif(KNOWS_ML_DSA, reason="this cryptography has ML-DSA")
@pytest.mark.parametrize("form", ["as_seed", "as_both", "as_expanded"])
def test_a_cryptography_without_ml_dsa_is_named(form: str) -> None:
    encoded = getattr(SMALL, form)
    for data, passphrase in ((encoded, None), (encrypted(encoded), PASSPHRASE)):
        error = refused(UnsupportedKeyError, data, passphrase)
        assert f"ML-DSA-44, and cryptography {cryptography.__version__}" in error.message
        assert "cryptography>=48" in str(error.hint)


_WITHOUT = """
import sys
sys.modules["cryptography.hazmat.primitives.asymmetric.mldsa"] = None
from rolesanywhere_signer import UnsupportedKeyError
from rolesanywhere_signer.keys import load_private_key
try:
    load_private_key(sys.argv[1])
except UnsupportedKeyError as error:
    print(error.message)
    print(error.hint)
"""


@pytest.mark.parametrize("form", ["as_seed", "as_both", "as_expanded"])
def test_the_same_where_the_module_is_taken_away(form: str, tmp_path: Path) -> None:
    (tmp_path / "key.der").write_bytes(getattr(SMALL, form))
    words = [sys.executable, "-W", "error", "-c", _WITHOUT, str(tmp_path / "key.der")]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"cryptography {cryptography.__version__}" in said
    assert "cryptography>=48" in said


@needs_ml_dsa
class TestTheKey:
    def test_it_is_neither_shown_nor_pickled(self) -> None:
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(parse_private_key(SMALL.as_both))

    def test_signatures_differ_and_hold(self) -> None:
        key: Any = parse_private_key(SMALL.as_seed)
        first, second = key.sign(b"data"), key.sign(b"data")
        assert first != second
        for signature in (first, second):
            key.public_key.verify(signature, b"data")

    def test_one_that_fails_is_our_error(self) -> None:
        from rolesanywhere_signer.keys.ml_dsa import MlDsaKey as Key

        class Broken:
            def sign(self, data: bytes) -> bytes:
                raise MemoryError

        public_key: Any = parse_private_key(SMALL.as_seed).public_key
        with pytest.raises(SigningError, match="ML-DSA key failed to sign"):
            Key(Broken(), public_key).sign(b"data")

    def test_the_fixed_string_has_nothing_of_the_key_in_it(self) -> None:
        key: Any = parse_private_key(SMALL.as_seed)
        assert fixed_string(key.public_key) == b"AWS Roles Anywhere Credential Helper Signing Test1"
        key.public_key.verify(sign_fixed_string(key), fixed_string(key.public_key))
        with pytest.raises(UnsupportedKeyError, match="the string itself, and no hash") as caught:
            sign_fixed_string(key, "SHA384")
        assert "--digest" in str(caught.value.hint)
