"""Passwords that are right, wrong and missing; a TPM counts the wrong ones, so none is tried twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rolesanywhere_signer import Identity
from rolesanywhere_signer.errors import PassphraseError, PrivateKeyLoadError, SigningError, UnsupportedKeyError
from rolesanywhere_signer.identities import make_identity
from rolesanywhere_signer.identity_sources import PassphraseFile
from rolesanywhere_signer.keys import load_private_key
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.secrets import watching
from tests.tpm.signatures import verify
from tests.tpm.software_tpm import MadeKey, SoftwareTpm
from tests.tpm.test_keys import P256, RSA2048, SIGNS

PASSWORD = "planted-password-of-the-tpm"
Make = Callable[[SoftwareTpm], MadeKey]


def never() -> str:
    raise AssertionError("nobody is to be asked")


def at_handle(tpm: SoftwareTpm) -> MadeKey:
    return tpm.key_at_handle(password=PASSWORD)


def in_file(tpm: SoftwareTpm) -> MadeKey:
    return tpm.openssl_file(*P256, password=PASSWORD)


def rsa_in_file(tpm: SoftwareTpm) -> MadeKey:
    return tpm.openssl_file(*RSA2048, password=PASSWORD)


ANY_PLACE = pytest.mark.parametrize("make", [at_handle, in_file, rsa_in_file])


@ANY_PLACE
def test_every_form_of_a_password_opens(tpm: SoftwareTpm, make: Make, tmp_path: Path) -> None:
    made = make(tpm)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    for password in (PASSWORD, PASSWORD.encode(), lambda: PASSWORD, PassphraseFile(str(tmp_path / "password"))):
        verify(made.public_key, load_private_key(made.source, password).sign(b"data"), b"data")
    assert tpm.failures() == 0


@ANY_PLACE
def test_wrong_one_is_tried_once(tpm: SoftwareTpm, make: Make) -> None:
    made = make(tpm)
    with pytest.raises(PassphraseError, match="the TPM refused the password") as caught:
        load_private_key(made.source, "wrong")
    assert "locks itself" in str(caught.value.hint)
    assert tpm.failures() == 1
    for _ in range(3):
        with pytest.raises(PassphraseError, match="refused this password before, and it is not tried again"):
            load_private_key(made.source, "wrong")
    assert tpm.failures() == 1
    # Another one is tried, and the right one opens.
    with pytest.raises(PassphraseError, match="the TPM refused the password"):
        load_private_key(made.source, "another wrong one")
    assert tpm.failures() == 2
    load_private_key(made.source, PASSWORD).sign(b"data")


def test_identity_that_is_read_again_does_not_try_again(tpm: SoftwareTpm, tmp_path: Path) -> None:
    made = in_file(tpm)
    ca = CertificateAuthority()
    software = ca.issue("CN=app")
    certificate, key, _ = software.write(tmp_path)
    assert key is not None
    identity = Identity.from_files(certificate, key, passphrase="wrong")
    # The renewed key lies in the TPM, and nobody told the new password.
    certificate.write_bytes(ca.issue("CN=app", public_key=made.public_key).certificate_pem)  # type: ignore[typeddict-item]
    key.write_bytes(Path(made.source).read_bytes())
    for _ in range(3):
        assert identity.load().certificate == software.certificate
    assert tpm.failures() == 1


def test_missing_one_is_not_guessed_for_a_file(tpm: SoftwareTpm) -> None:
    made = in_file(tpm)
    with pytest.raises(PassphraseError, match="has a password, as its file says, and none was given") as caught:
        load_private_key(made.source)
    assert "passphrase" in str(caught.value.hint)
    assert tpm.failures() == 0


def test_missing_one_of_a_handle_is_tried_as_empty(tpm: SoftwareTpm) -> None:
    made = at_handle(tpm)
    with pytest.raises(PassphraseError, match="the TPM refused the password") as caught:
        load_private_key(made.source)
    assert "the key has a password: give it" in str(caught.value.hint)
    assert tpm.failures() == 1


def test_callable_is_asked_for_a_handle(tpm: SoftwareTpm) -> None:
    load_private_key(tpm.key_at_handle().source, lambda: "")
    load_private_key(at_handle(tpm).source, lambda: PASSWORD)
    assert tpm.failures() == 0


def test_callable_that_has_none(tpm: SoftwareTpm) -> None:
    def nobody() -> str:
        raise PassphraseError("there is no terminal")

    with pytest.raises(
        PassphraseError, match=r"handle:0x81[0-9a-f]{6} may have a password: there is no terminal"
    ) as caught:
        load_private_key(at_handle(tpm).source, nobody)
    assert "--no-tpm-key-password" in str(caught.value.hint)
    assert tpm.failures() == 0


def test_password_file_that_cannot_be_read(tpm: SoftwareTpm, tmp_path: Path) -> None:
    for source in (at_handle(tpm).source, in_file(tpm).source):
        with pytest.raises(PassphraseError, match="cannot read the passphrase file"):
            load_private_key(source, PassphraseFile(str(tmp_path / "none")))
    assert tpm.failures() == 0


def test_callable_is_not_asked_where_no_password_is_and_none_is_counted(tpm: SoftwareTpm) -> None:
    plain = tpm.key_at_handle(attributes=f"{SIGNS}|noda")
    load_private_key(plain.source, never).sign(b"data")
    protected = tpm.key_at_handle(password=PASSWORD, attributes=f"{SIGNS}|noda")
    for _ in range(2):
        load_private_key(protected.source, lambda: PASSWORD).sign(b"data")
    with pytest.raises(PassphraseError) as caught:
        load_private_key(protected.source, "wrong")
    assert "counted" not in str(caught.value.hint)
    assert tpm.failures() == 0


def test_callable_is_not_asked_for_a_file_without(tpm: SoftwareTpm) -> None:
    load_private_key(tpm.openssl_file(*P256).source, never).sign(b"data")


def test_what_is_said_counts_more_than_the_file(tpm: SoftwareTpm) -> None:
    # tpm2_encodeobject has written each of these wrong.
    load_private_key(tpm.encoded_file(), "").sign(b"data")
    load_private_key(tpm.encoded_file(password=PASSWORD), PASSWORD).sign(b"data")
    assert tpm.failures() == 0


def test_one_that_no_key_can_have(tpm: SoftwareTpm) -> None:
    made = at_handle(tpm)
    with pytest.raises(PassphraseError, match="more than 32 bytes"):
        load_private_key(made.source, "x" * 33)
    assert tpm.failures() == 0
    longest = tpm.key_at_handle(password="y" * 32)
    load_private_key(longest.source, "y" * 32).sign(b"data")


def test_tpm_that_has_locked_itself(tpm: SoftwareTpm) -> None:
    made, plain = at_handle(tpm), tpm.key_at_handle()
    key = load_private_key(plain.source)
    tpm.bear(2)
    for number in range(2):
        with pytest.raises(PassphraseError):
            load_private_key(made.source, f"wrong {number}")
    with pytest.raises(PrivateKeyLoadError, match="locked itself after too many wrong passwords") as caught:
        load_private_key(made.source, PASSWORD)
    assert "tpm2_dictionarylockout" in str(caught.value.hint)
    with pytest.raises(SigningError, match="locked itself"):
        key.sign(b"data")
    # The right password was not refused, and opens when the TPM does.
    tpm.bear(200)
    load_private_key(made.source, PASSWORD).sign(b"data")


def test_parent_with_a_password(tpm: SoftwareTpm) -> None:
    file = tpm.encoded_file_under_protected_parent("parent-password")
    with pytest.raises(UnsupportedKeyError, match="has a password of its own") as caught:
        load_private_key(file, "")
    assert "persistent parent without a password" in str(caught.value.hint)
    before = tpm.failures()
    with pytest.raises(PassphraseError, match="not tried again"):
        load_private_key(file, "")
    assert tpm.failures() == before


def test_owner_with_a_password(tpm: SoftwareTpm) -> None:
    made = tpm.openssl_file(*P256)
    tpm.run("tpm2_changeauth", "-Q", "-c", "owner", "owner-password")
    try:
        with pytest.raises(UnsupportedKeyError, match="has a password of its own"):
            load_private_key(made.source)
    finally:
        tpm.run("tpm2_changeauth", "-Q", "-c", "owner", "-p", "owner-password", "")


@ANY_PLACE
def test_no_password_is_shown(tpm: SoftwareTpm, make: Make, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = make(tpm)
    certificate = CertificateAuthority().issue("CN=app", public_key=made.public_key)  # type: ignore[typeddict-item]
    path = tmp_path / "certificate.pem"
    path.write_bytes(certificate.certificate_pem)
    wrong = "planted-wrong-password"
    with watching(capfd) as exposure:
        identity = make_identity(path, made.source, passphrase=PASSWORD)
        key = identity.current.key
        exposure.show(identity, key, vars(key)["_place"], vars(key)["_area"], identity.current)
        with exposure.failing(PassphraseError):
            load_private_key(made.source, wrong)
        with exposure.failing(PassphraseError):
            load_private_key(made.source, wrong)
        with exposure.failing(PassphraseError):
            load_private_key(made.source, PASSWORD * 9)
    assert exposure.leaks([PASSWORD, wrong]) == []
