"""Keys as OpenSSL writes them, and all that is no key."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from rolesanywhere_signer import (
    ConfigurationError,
    PassphraseError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    SigningError,
    UnsupportedKeyError,
)
from rolesanywhere_signer.keys import SigningKey, load_private_key, parse_private_key
from rolesanywhere_signer.keys.software import RsaKey

from ..conftest import OpenSsl
from ..pki import issue, key, key_der, key_pem

SECRET = "planted-passphrase"
KINDS = ["P-256", "P-384", "P-521", "RSA-2048"]
FORMS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
ENCRYPTED = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode()))


def assert_signs(loaded: SigningKey, kind: str) -> None:
    """The key signs as its own kind says, and always with SHA-256."""
    public_key: Any = loaded.public_key
    signature = loaded.sign(b"data")
    if kind.startswith("RSA"):
        assert loaded.algorithm == "AWS4-X509-RSA-SHA256"
        public_key.verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    else:
        assert loaded.algorithm == "AWS4-X509-ECDSA-SHA256"
        public_key.verify(signature, b"data", ec.ECDSA(hashes.SHA256()))


def refused(kind: type[RolesAnywhereError], data: bytes, passphrase: Any = None) -> RolesAnywhereError:
    with pytest.raises(kind) as raised:
        parse_private_key(data, passphrase)
    assert type(raised.value) is kind
    return raised.value


@pytest.mark.parametrize("write", [key_pem, key_der])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_every_kind(kind: str, form: PrivateFormat, write: Callable[..., bytes]) -> None:
    loaded = parse_private_key(write(key(kind), form))
    assert loaded.public_key == key(kind).public_key()
    assert_signs(loaded, kind)


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(key_pem(key()))
    for source in (path, str(path), path.read_bytes()):
        assert load_private_key(source).public_key == key().public_key()


class TestWhatOpenSslWrites:
    @pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
    def test_parameters_before_a_sec1_key(self, openssl: OpenSsl, curve: str) -> None:
        written = openssl("ecparam", "-genkey", "-name", curve)
        assert written.index(b"BEGIN EC PARAMETERS") < written.index(b"BEGIN EC PRIVATE KEY")
        assert_signs(parse_private_key(written), "EC")

    @pytest.mark.parametrize("form", ["PEM", "DER"])
    @pytest.mark.parametrize(
        "conversion",
        [
            pytest.param(("ec",), id="SEC1"),
            pytest.param(("pkcs8", "-topk8", "-nocrypt"), id="PKCS#8"),
            pytest.param(("ec", "-conv_form", "compressed"), id="SEC1, compressed point"),
            pytest.param(("ec", "-no_public"), id="SEC1, no public key"),
        ],
    )
    def test_an_ec_key(self, openssl: OpenSsl, conversion: tuple[str, ...], form: str) -> None:
        written = openssl(*conversion, "-outform", form, stdin=key_pem(key("P-384")))
        loaded = parse_private_key(written)
        assert loaded.public_key == key("P-384").public_key()
        assert_signs(loaded, "EC")

    @pytest.mark.parametrize("form", ["PEM", "DER"])
    @pytest.mark.parametrize(
        "conversion",
        [
            pytest.param(("rsa", "-traditional"), id="PKCS#1"),
            pytest.param(("pkcs8", "-topk8", "-nocrypt"), id="PKCS#8"),
        ],
    )
    def test_an_rsa_key(self, openssl: OpenSsl, conversion: tuple[str, ...], form: str) -> None:
        loaded = parse_private_key(openssl(*conversion, "-outform", form, stdin=key_pem(key("RSA-2048"))))
        assert loaded.public_key == key("RSA-2048").public_key()
        assert_signs(loaded, "RSA")

    @pytest.mark.parametrize("form", ["PEM", "DER"])
    @pytest.mark.parametrize(
        "cipher",
        [
            ("-v2", "aes-256-cbc"),
            ("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"),
            ("-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"),
            ("-v2", "des3"),
            ("-scrypt",),
        ],
        ids=" ".join,
    )
    def test_an_encrypted_pkcs8_key(self, openssl: OpenSsl, cipher: tuple[str, ...], form: str) -> None:
        arguments = ("pkcs8", "-topk8", *cipher, "-outform", form, "-passout", f"pass:{SECRET}")
        written = openssl(*arguments, stdin=key_pem(key()))
        assert parse_private_key(written, SECRET).public_key == key().public_key()
        refused(PassphraseError, written)

    @pytest.mark.parametrize("cipher", ["-aes256", "-aes128", "-des3"])
    @pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
    def test_a_key_encrypted_in_the_traditional_way(self, openssl: OpenSsl, kind: str, cipher: str) -> None:
        command = ("rsa", "-traditional") if kind.startswith("RSA") else ("ec",)
        written = openssl(*command, cipher, "-passout", f"pass:{SECRET}", stdin=key_pem(key(kind)))
        assert b"Proc-Type: 4,ENCRYPTED" in written
        for data in (written, written.replace(b"\n", b"\r\n")):
            assert_signs(parse_private_key(data, SECRET), kind)
        refused(PassphraseError, written, "wrong")
        refused(PassphraseError, written)

    def test_what_windows_editors_add(self, openssl: OpenSsl) -> None:
        written = openssl("ecparam", "-genkey", "-name", "prime256v1")
        assert_signs(parse_private_key(b"\xef\xbb\xbf" + written.replace(b"\n", b"\r\n")), "EC")

    def test_text_beside_the_key(self, openssl: OpenSsl) -> None:
        written = openssl("pkey", "-text", stdin=key_pem(key()))
        assert b"Private-Key" in written
        assert_signs(parse_private_key(written), "EC")

    def test_explicit_curve_parameters_give_a_key_or_our_error(self, openssl: OpenSsl) -> None:
        written = openssl("ecparam", "-genkey", "-name", "prime256v1", "-param_enc", "explicit", "-noout")
        try:
            assert_signs(parse_private_key(written), "EC")
        except (PrivateKeyLoadError, UnsupportedKeyError) as error:
            assert error.message

    @pytest.mark.parametrize("algorithm", ["ED25519", "X25519", "ED448"])
    def test_other_kinds_are_refused(self, openssl: OpenSsl, algorithm: str) -> None:
        refused(UnsupportedKeyError, openssl("genpkey", "-algorithm", algorithm))


class TestPassphrase:
    @pytest.mark.parametrize("passphrase", [SECRET, SECRET.encode(), lambda: SECRET, SECRET.encode])
    def test_text_bytes_or_a_callable(self, passphrase: Any) -> None:
        assert parse_private_key(ENCRYPTED, passphrase).public_key == key().public_key()

    def test_text_is_utf_8(self) -> None:
        encryption = BestAvailableEncryption("pässwörd".encode())
        data = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        assert parse_private_key(data, "pässwörd").public_key == key().public_key()

    @pytest.mark.parametrize("form", [key_pem, key_der])
    def test_a_key_in_clear_needs_none_and_asks_for_none(self, form: Callable[..., bytes]) -> None:
        def ask() -> str:
            raise AssertionError("asked for nothing")

        for passphrase in (SECRET, ask):
            assert parse_private_key(form(key()), passphrase).public_key == key().public_key()

    def test_a_missing_one_is_told_with_what_to_do(self) -> None:
        assert "passphrase=" in str(refused(PassphraseError, ENCRYPTED))
        assert "passphrase=" in str(refused(PassphraseError, ENCRYPTED, lambda: None))

    @pytest.mark.parametrize(
        "passphrase", ["wrong-planted", b"wrong-planted", lambda: "wrong-planted", "", b"", "x" * 5000]
    )
    def test_a_wrong_one_is_told_and_not_shown(self, passphrase: Any) -> None:
        error = refused(PassphraseError, ENCRYPTED, passphrase)
        assert "planted" not in "".join(traceback.format_exception(error))

    @pytest.mark.parametrize("passphrase", [7, ["planted"], {"planted": 1}, lambda: 7])
    def test_another_type_is_told_and_not_shown(self, passphrase: Any) -> None:
        error = refused(PassphraseError, ENCRYPTED, passphrase)
        assert "must be str or bytes" in error.message
        assert "planted" not in error.message

    @pytest.mark.parametrize("passphrase", ["planted\udcff", lambda: "planted\ud800"])
    def test_text_that_is_no_text_is_told_and_not_shown(self, passphrase: Any) -> None:
        error = refused(PassphraseError, ENCRYPTED, passphrase)
        assert "planted" not in "".join(traceback.format_exception(error))

    def test_a_callable_that_fails_is_told_with_its_cause(self) -> None:
        def ask() -> str:
            raise OSError("no terminal")

        error = refused(PassphraseError, ENCRYPTED, ask)
        assert "OSError" in error.message
        assert isinstance(error.__cause__, OSError)

    def test_who_is_asked_may_give_up(self) -> None:
        def ask() -> str:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            parse_private_key(ENCRYPTED, ask)


class TestWhatIsNoKey:
    @pytest.mark.parametrize("kind", ["Ed25519", "X25519", "DSA"])
    @pytest.mark.parametrize("form", [key_pem, key_der])
    def test_other_kinds_of_keys_are_named(self, kind: str, form: Callable[..., bytes]) -> None:
        error = refused(UnsupportedKeyError, form(key(kind)))
        assert kind in error.message
        assert "RSA or an EC" in str(error)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"\n\n", id="blank"),
            pytest.param(b"planted words", id="words"),
            pytest.param(b"\x30\x82\x01\x00planted", id="DER cut short"),
            pytest.param(b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", id="nothing in the block"),
            pytest.param(
                b"-----BEGIN PRIVATE KEY-----\ncGxhbnRlZA==\n-----END PRIVATE KEY-----\n", id="words in the block"
            ),
            pytest.param(b"-----BEGIN PRIVATE KEY-----\nplanted!\n-----END PRIVATE KEY-----\n", id="no base64"),
            pytest.param(b"-----BEGIN PRIVATE KEY-----\nplanted", id="no end"),
            pytest.param(key_pem(key()).replace(b"PRIVATE KEY", b"EC PRIVATE KEY"), id="PKCS#8 called SEC1"),
            pytest.param(key_pem(key()).replace(b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"), id="clear called encrypted"),
            pytest.param(ENCRYPTED.replace(b"ENCRYPTED ", b""), id="encrypted called clear"),
            pytest.param(key_der(key())[:-1], id="a byte less"),
            pytest.param(key_der(key()) + b"\0", id="a byte more"),
            pytest.param(key_pem(key("Ed25519"), PrivateFormat.OpenSSH), id="OpenSSH"),
        ],
    )
    def test_damage_is_told_and_not_shown(self, data: bytes) -> None:
        error = refused(PrivateKeyLoadError, data)
        shown = "".join(traceback.format_exception(error))
        assert "planted" not in shown
        assert "MIG" not in shown

    def test_an_unknown_curve_is_our_error_whatever_cryptography_makes_of_it(self) -> None:
        curve = bytes.fromhex("06082a8648ce3d030107")
        with pytest.raises((UnsupportedKeyError, PrivateKeyLoadError)):
            parse_private_key(key_der(key()).replace(curve, curve[:-1] + b"\x7f"))

    def test_an_unknown_cipher_is_our_error_whatever_cryptography_makes_of_it(self) -> None:
        headers = b"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: ROT13,00112233445566778899AABBCCDDEEFF\n\n"
        traditional = key_pem(key(), PrivateFormat.TraditionalOpenSSL)
        with pytest.raises((UnsupportedKeyError, PassphraseError)):
            parse_private_key(traditional.replace(b"-----\n", headers, 1), SECRET)

    def test_the_files_beside_it_are_named(self) -> None:
        public = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        error = refused(PrivateKeyLoadError, public + issue().pem)
        assert "CERTIFICATE, PUBLIC KEY" in error.message
        assert "BEGIN PRIVATE KEY" in str(error.hint)

    def test_two_keys_leave_open_which_one_is_meant(self) -> None:
        assert "2 private keys" in refused(PrivateKeyLoadError, key_pem(key()) + key_pem(key("P-384"))).message

    @pytest.mark.parametrize("length", range(40, len(key_pem(key())) - 10, 12))
    def test_a_file_cut_anywhere(self, length: int) -> None:
        refused(PrivateKeyLoadError, key_pem(key())[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_neither_shown_nor_pickled(kind: str) -> None:
    loaded = parse_private_key(key_pem(key(kind)))
    assert repr(loaded) in {
        "<EcKey secp256r1>", "<EcKey secp384r1>", "<EcKey secp521r1>", "<RsaKey 2048 bits>",
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(loaded)


def test_a_key_too_small_to_sign_with_is_our_error() -> None:
    # 256 bits leave no room for a SHA-256 and its padding; such a key comes from no file, only from its numbers.
    p, q = 319644926005210688158358540075388937679, 290113219349848966028065643233613988691
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    with pytest.raises(SigningError, match="too small"):
        RsaKey(rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()).sign(b"data")
