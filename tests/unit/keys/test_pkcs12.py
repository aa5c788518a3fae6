"""PKCS#12 files as OpenSSL writes them, old and new, and PKCS#8 in each encryption that is in use."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from rolesanywhere_signer import (
    CertificateLoadError,
    Identity,
    PassphraseError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    UnsupportedKeyError,
)
from rolesanywhere_signer.keys import is_pkcs12, parse_pkcs12, parse_private_key

from ..conftest import OpenSsl
from ..pki import Issued, chain, issue, key, key_der, key_pem

LEAF, SECOND, FIRST, ROOT = chain()
PASSWORD = "planted-password"
LEGACY = ("-legacy", "-provider", "legacy", "-provider", "default")
Export = Callable[..., bytes]


@pytest.fixture
def export(openssl: OpenSsl, tmp_path: Path) -> Export:
    """Return what ``openssl pkcs12 -export`` writes for the leaf."""
    (tmp_path / "key.pem").write_bytes(LEAF.key_pem)

    def run(*options: str, password: str = PASSWORD, certificates: tuple[Issued, ...] = (LEAF,)) -> bytes:
        (tmp_path / "certificates.pem").write_bytes(b"".join(issued.pem for issued in certificates))
        files = () if "-nokeys" in options else ("-inkey", "key.pem")
        return openssl("pkcs12", "-export", *files, "-in", "certificates.pem", "-passout", f"pass:{password}", *options)

    return run


def refused(kind: type[RolesAnywhereError], data: bytes, passphrase: Any = None) -> RolesAnywhereError:
    with pytest.raises(kind) as raised:
        parse_pkcs12(data, passphrase)
    assert type(raised.value) is kind
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    return raised.value


class TestFiles:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param((), id="OpenSSL 3: AES-256-CBC, PBKDF2 with HMAC-SHA256"),
            pytest.param(("-certpbe", "AES-128-CBC", "-keypbe", "AES-128-CBC", "-macalg", "sha512"), id="AES-128-CBC"),
            pytest.param(("-certpbe", "NONE", "-keypbe", "AES-256-CBC"), id="certificates in clear"),
            pytest.param(("-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"), id="3DES"),
            pytest.param(LEGACY, id="OpenSSL 1: RC2-40 and 3DES"),
            pytest.param((*LEGACY, "-certpbe", "PBE-SHA1-RC2-128"), id="RC2-128"),
            pytest.param(("-nomaciter",), id="one round for the MAC"),
            pytest.param(("-name", "Bärenhöhle"), id="with a name"),
        ],
    )
    @pytest.mark.parametrize("as_given", [str, str.encode, lambda text: lambda: text], ids=["text", "bytes", "asked"])
    def test_with_a_password(self, export: Export, options: tuple[str, ...], as_given: Callable[[str], Any]) -> None:
        data = export(*options)
        assert is_pkcs12(data)
        certificates, private_key = parse_pkcs12(data, as_given(PASSWORD))
        assert certificates == [LEAF.certificate]
        assert private_key.public_key == LEAF.private_key.public_key()

    @pytest.mark.parametrize("options", [(), LEGACY], ids=["new", "old"])
    @pytest.mark.parametrize("passphrase", [None, "", PASSWORD])
    def test_with_an_empty_password_whatever_is_given(
        self, export: Export, options: tuple[str, ...], passphrase: str | None
    ) -> None:
        certificates, _ = parse_pkcs12(export(*options, password=""), passphrase)
        assert certificates == [LEAF.certificate]

    def test_without_any_encryption(self, export: Export) -> None:
        data = export("-certpbe", "NONE", "-keypbe", "NONE", "-nomac")
        assert parse_pkcs12(data)[0] == [LEAF.certificate]

    def test_a_password_that_is_no_ascii(self, export: Export) -> None:
        assert parse_pkcs12(export(password="pässwörd"), "pässwörd")[0] == [LEAF.certificate]

    def test_nobody_is_asked_for_a_password_that_is_not_needed(self, export: Export) -> None:
        def ask() -> str:
            raise AssertionError("asked for nothing")

        parse_pkcs12(export(password=""), ask)

    def test_an_rsa_key(self) -> None:
        issued = issue("rsa", kind="RSA-2048")
        data = pkcs12.serialize_key_and_certificates(
            None, issued.private_key, issued.certificate, None, BestAvailableEncryption(PASSWORD.encode())
        )
        certificates, private_key = parse_pkcs12(data, PASSWORD)
        assert (certificates, private_key.algorithm) == ([issued.certificate], "AWS4-X509-RSA-SHA256")


class TestChains:
    @pytest.mark.parametrize(
        "order",
        [(LEAF, SECOND, FIRST), (LEAF, FIRST, SECOND), (SECOND, LEAF, FIRST), (LEAF, SECOND, FIRST, ROOT)],
    )
    @pytest.mark.parametrize("options", [(), LEGACY], ids=["new", "old"])
    def test_the_leaf_comes_first_and_the_others_as_in_the_file(
        self, export: Export, order: tuple[Issued, ...], options: tuple[str, ...]
    ) -> None:
        certificates, _ = parse_pkcs12(export(*options, certificates=order), PASSWORD)
        assert certificates[0] == LEAF.certificate
        others = [issued.certificate for issued in order if issued is not LEAF]
        assert sorted(certificates[1:], key=hash) == sorted(others, key=hash)

    def test_the_leaf_is_never_in_the_chain_header(self, export: Export, tmp_path: Path) -> None:
        path = tmp_path / "app.p12"
        path.write_bytes(export(certificates=(LEAF, SECOND, FIRST)))
        path.chmod(0o600)
        for identity in (
            Identity.from_files(path, passphrase=PASSWORD),
            Identity.from_bytes(path.read_bytes(), passphrase=PASSWORD),
        ):
            loaded = identity.current
            assert loaded.certificate == LEAF.certificate
            assert LEAF.certificate not in loaded.chain
            assert set(loaded.chain) == {SECOND.certificate, FIRST.certificate}
            assert loaded.x509_header not in (loaded.chain_header or "").split(",")

    def test_a_leaf_alone_has_no_chain_header(self, export: Export) -> None:
        assert Identity.from_bytes(export(), passphrase=PASSWORD).current.chain_header is None

    def test_given_intermediates_stand_in_place_of_those_inside(self, export: Export) -> None:
        data = export(certificates=(LEAF, SECOND, FIRST))
        loaded = Identity.from_bytes(data, None, SECOND.pem, PASSWORD).current
        assert loaded.chain == (SECOND.certificate,)


class TestRefusals:
    def test_a_missing_password_is_told_with_what_to_do(self, export: Export) -> None:
        error = refused(PassphraseError, export())
        assert "the PKCS#12 file is encrypted" in error.message
        assert "passphrase=" in str(error.hint)

    @pytest.mark.parametrize("options", [(), LEGACY], ids=["new", "old"])
    @pytest.mark.parametrize(
        "passphrase", ["wrong", b"wrong", "", lambda: "wrong", PASSWORD.upper(), "\0", b"\xff", "x" * 5000]
    )
    def test_a_wrong_password(self, export: Export, options: tuple[str, ...], passphrase: Any) -> None:
        assert (
            "the passphrase is wrong, or the file is damaged"
            in refused(PassphraseError, export(*options), passphrase).message
        )

    def test_no_key_inside(self, export: Export) -> None:
        error = refused(PrivateKeyLoadError, export("-nokeys"), PASSWORD)
        assert "no private key" in error.message

    def test_no_certificate_inside(self, export: Export) -> None:
        error = refused(CertificateLoadError, export("-nocerts"), PASSWORD)
        assert "no certificate" in error.message

    def test_a_key_of_another_kind(self) -> None:
        ed25519 = key("Ed25519")
        data = pkcs12.serialize_key_and_certificates(
            None, ed25519, None, None, BestAvailableEncryption(PASSWORD.encode())
        )
        with pytest.raises((UnsupportedKeyError, CertificateLoadError)):
            parse_pkcs12(data, PASSWORD)

    @pytest.mark.parametrize("part", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
    def test_a_file_cut_anywhere(self, export: Export, part: float) -> None:
        data = export()
        refused(PassphraseError, data[: max(12, int(len(data) * part))], PASSWORD)

    @pytest.mark.parametrize("place", range(30, 600, 45))
    def test_a_byte_changed_anywhere_is_seen_by_the_mac(self, export: Export, place: int) -> None:
        data = bytearray(export())
        data[place] ^= 1
        refused(PassphraseError, bytes(data), PASSWORD)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", LEAF.pem, LEAF.der, LEAF.key_pem, key_der(key()), b"\x30\x82\x02\x01\x03", b"MII" * 20],
)
def test_what_is_no_pkcs12(data: bytes) -> None:
    assert not is_pkcs12(data)


class TestEncryptedPkcs8:
    """PBES2 (RFC 8018) in the combinations that OpenSSL, Java, Go and ACM write."""

    @pytest.mark.parametrize("form", ["PEM", "DER"])
    @pytest.mark.parametrize("prf", ["hmacWithSHA1", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"])
    @pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"])
    def test_pbkdf2(self, openssl: OpenSsl, cipher: str, prf: str, form: str) -> None:
        data = encrypted(openssl, "-v2", cipher, "-v2prf", prf, form=form)
        assert parse_private_key(data, PASSWORD).public_key == key().public_key()
        with pytest.raises(PassphraseError):
            parse_private_key(data, "wrong")

    @pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"])
    def test_scrypt(self, openssl: OpenSsl, cipher: str) -> None:
        data = encrypted(openssl, "-v2", cipher, "-scrypt", "-scrypt_N", "1024")
        assert parse_private_key(data, PASSWORD).public_key == key().public_key()
        with pytest.raises(PassphraseError):
            parse_private_key(data, "wrong")

    @pytest.mark.parametrize("kind", ["RSA-2048", "P-256"])
    def test_as_acm_exports_a_key(self, openssl: OpenSsl, kind: str) -> None:
        """AES-256-CBC and PBKDF2 with HMAC-SHA1, 2,048 rounds: the PRF is left out of the file, being the default."""
        options = ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1", "-iter", "2048")
        issued = issue("acm", kind=kind)
        data = encrypted(openssl, *options, private_key=issued.private_key)
        assert b"hmacWith" not in openssl("asn1parse", "-i", stdin=data)
        assert data.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        loaded = Identity.from_bytes(issued.pem + SECOND.pem, data, passphrase=PASSWORD).current
        assert (loaded.certificate, loaded.chain) == (issued.certificate, (SECOND.certificate,))

    @pytest.mark.parametrize("prf", ["hmacWithSHA1", "hmacWithSHA512"])
    def test_in_one_file_with_its_certificate(self, openssl: OpenSsl, tmp_path: Path, prf: str) -> None:
        path = tmp_path / "both.pem"
        issued = issue("both")
        encrypted_key = encrypted(openssl, "-v2", "aes-128-cbc", "-v2prf", prf, private_key=issued.private_key)
        path.write_bytes(issued.pem + encrypted_key)
        path.chmod(0o600)
        assert Identity.from_files(path, passphrase=PASSWORD).current.certificate == issued.certificate


class TestTraditionalEncryption:
    """``Proc-Type: 4,ENCRYPTED`` (RFC 1421), as older tools write it."""

    @pytest.mark.parametrize("cipher", ["-aes128", "-aes256", "-des3"])
    @pytest.mark.parametrize("kind", ["P-384", "RSA-2048"])
    def test_with_its_certificate(self, openssl: OpenSsl, kind: str, cipher: str) -> None:
        issued = issue("traditional", kind=kind)
        data = traditional(openssl, issued, cipher)
        assert Identity.from_bytes(issued.pem, data, passphrase=PASSWORD).current.certificate == issued.certificate
        for passphrase in ("wrong", "", None):
            with pytest.raises(PassphraseError):
                Identity.from_bytes(issued.pem, data, passphrase=passphrase)

    def test_a_cipher_that_cryptography_does_not_know_is_our_error(self, openssl: OpenSsl) -> None:
        with pytest.raises((PassphraseError, UnsupportedKeyError)):
            parse_private_key(traditional(openssl, LEAF, "-aes192"), PASSWORD)


def traditional(openssl: OpenSsl, issued: Issued, cipher: str) -> bytes:
    command = ("rsa", "-traditional") if "RSA" in type(issued.private_key).__name__ else ("ec",)
    written = openssl(*command, cipher, "-passout", f"pass:{PASSWORD}", stdin=issued.key_pem)
    assert b"Proc-Type: 4,ENCRYPTED" in written
    return written


def encrypted(openssl: OpenSsl, *options: str, form: str = "PEM", private_key: Any = None) -> bytes:
    command = ("pkcs8", "-topk8", *options, "-outform", form, "-passout", f"pass:{PASSWORD}")
    return openssl(*command, stdin=key_pem(private_key or key()))
