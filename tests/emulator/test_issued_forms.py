"""The forms in which an issued certificate is handed over: encrypted keys, PKCS#12, full chains, files."""

from __future__ import annotations

import os
import stat
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from rolesanywhere_signer import ConfigurationError, Identity
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate

PASSPHRASE = "correct horse \N{BATTERY}"


@pytest.fixture(scope="module")
def leaf() -> IssuedCertificate:
    return CertificateAuthority("CN=Root").issue_ca("CN=Lower").issue("CN=app", key_type="P-256")


class TestPrivateKeys:
    def test_encrypted(self, leaf: IssuedCertificate) -> None:
        pem = leaf.encrypted_private_key_pem(PASSPHRASE)
        assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert load_pem_private_key(pem, PASSPHRASE.encode()).public_key() == leaf.certificate.public_key()
        assert Identity.from_bytes(leaf.certificate_pem, pem, passphrase=PASSPHRASE).current

    @pytest.mark.parametrize("passphrase", ["", b"", "nul\0inside", b"nul\0inside", "\ud800", 7, "x" * 1024])
    def test_passphrases_that_cannot_be(self, leaf: IssuedCertificate, passphrase: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            leaf.encrypted_private_key_pem(passphrase)
        told = "".join(traceback.format_exception(caught.value))
        assert "inside" not in told
        assert "ud800" not in told

    def test_of_a_public_key_there_is_none(self, leaf: IssuedCertificate) -> None:
        without = CertificateAuthority().issue(public_key=leaf.private_key.public_key())
        for make in (lambda: without.encrypted_private_key_pem("x"), without.pkcs12):
            with pytest.raises(ConfigurationError, match="issued for a public key"):
                make()


class TestPkcs12:
    @pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
    def test_it_holds_everything(self, leaf: IssuedCertificate, passphrase: str | None) -> None:
        content = leaf.pkcs12(passphrase, "app \N{HANGUL SYLLABLE GA}")
        found = pkcs12.load_pkcs12(content, passphrase and passphrase.encode())
        assert found.cert is not None
        assert found.cert.certificate == leaf.certificate
        assert found.cert.friendly_name == "app \N{HANGUL SYLLABLE GA}".encode()
        assert [each.certificate for each in found.additional_certs] == list(leaf.intermediates)
        assert found.key is not None
        assert found.key.public_key() == leaf.certificate.public_key()

    def test_the_library_signs_with_it(self, leaf: IssuedCertificate, tmp_path: Path) -> None:
        path = tmp_path / "identity.p12"
        path.write_bytes(leaf.pkcs12(PASSPHRASE))
        assert Identity.from_files(path, passphrase=PASSPHRASE).current.certificate == leaf.certificate

    def test_openssl_opens_it(
        self, leaf: IssuedCertificate, tmp_path: Path, require_tool: Callable[[str], str]
    ) -> None:
        (tmp_path / "identity.p12").write_bytes(leaf.pkcs12("secret"))
        command = [require_tool("openssl"), "pkcs12", "-in", "identity.p12", "-passin", "pass:secret", "-nokeys"]
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
        assert shown.count("BEGIN CERTIFICATE") == 2

    def test_a_kind_of_key_that_has_no_place_there(self) -> None:
        pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
        leaf = CertificateAuthority().issue(key_type="ML-DSA-44")
        with pytest.raises(ConfigurationError, match=r"PKCS#12 file cannot be made"):
            leaf.pkcs12()


class TestFiles:
    def test_the_full_chain(self, leaf: IssuedCertificate) -> None:
        assert leaf.full_chain_pem == leaf.certificate_pem + (leaf.chain_pem or b"")
        root = CertificateAuthority()
        assert root.full_chain_pem == root.certificate_pem

    def test_all_of_them(self, leaf: IssuedCertificate, tmp_path: Path) -> None:
        written = leaf.write(tmp_path, passphrase=PASSPHRASE, full_chain=True, pkcs12=True)
        certificate, private_key, chain = written
        assert written.full_chain is not None
        assert written.pkcs12 is not None
        assert private_key is not None
        assert written.full_chain.read_bytes() == leaf.full_chain_pem
        assert chain == tmp_path / "chain.pem"
        identity = Identity.from_files(written.pkcs12, passphrase=PASSPHRASE)
        assert identity.current.certificate == leaf.certificate
        assert Identity.from_files(written.full_chain, private_key, passphrase=PASSPHRASE).current
        names = {"certificate.pem", "private-key.pem", "chain.pem", "full-chain.pem", "identity.p12"}
        assert {each.name for each in tmp_path.iterdir()} == names
        assert b"ENCRYPTED" in private_key.read_bytes()
        if os.name == "posix":
            assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}

    def test_none_that_nobody_asked_for(self, leaf: IssuedCertificate, tmp_path: Path) -> None:
        written = leaf.write(tmp_path)
        assert (written.full_chain, written.pkcs12) == (None, None)
        assert len(list(tmp_path.iterdir())) == 3

    def test_a_bad_passphrase_writes_nothing(self, leaf: IssuedCertificate, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError):
            leaf.write(tmp_path / "folder", passphrase="")
        assert not (tmp_path / "folder").exists()
