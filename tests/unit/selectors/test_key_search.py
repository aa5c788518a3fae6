"""Which private key is a certificate's: plain and encrypted, of every kind, in whatever file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import PassphraseError
from rolesanywhere_signer.keys import Passphrase, parse_private_key
from rolesanywhere_signer.selectors import KeySearch, read_directory
from rolesanywhere_signer.selectors.key_search import MOST_ENCRYPTED

from ..pki import Issued, issue, key_pem

SECRET = "planted-passphrase"
KINDS = {kind: issue("app", kind=kind, key_name=kind) for kind in ("P-256", "P-521", "RSA-2048")}
FORMS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]


def encrypted(issued: Issued, secret: str = SECRET, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    pem: bytes = issued.private_key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(secret.encode()))
    return pem


def search(directory: Path, passphrase: Passphrase | None = None) -> KeySearch:
    return KeySearch(read_directory(directory).files, passphrase)


def found_for(issued: Issued, keys: KeySearch, path: Path) -> str | None:
    found = keys.find(issued.certificate, str(path))
    if found is None:
        return None
    # What is handed on is that key, and nothing else of the file.
    assert parse_private_key(found.pem, SECRET).public_key == issued.certificate.public_key()
    assert "PRIVATE" not in repr(found)
    return Path(found.path).name


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_from_the_others(tmp_path: Path, kind: str, form: PrivateFormat) -> None:
    for name, issued in KINDS.items():
        (tmp_path / f"{name}.key").write_bytes(key_pem(issued.private_key, form))
    (tmp_path / "another.key").write_bytes(key_pem(issue("b", kind=kind, key_name="other").private_key, form))
    assert found_for(KINDS[kind], search(tmp_path), tmp_path / "app.pem") == f"{kind}.key"


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_beside_its_certificate_is_taken_first(tmp_path: Path, kind: str) -> None:
    issued = KINDS[kind]
    (tmp_path / "app.pem").write_bytes(issued.pem + issued.key_pem)
    (tmp_path / "app.key").write_bytes(issued.key_pem)
    assert found_for(issued, search(tmp_path), tmp_path / "app.pem") == "app.pem"


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
def test_an_encrypted_key_is_opened(tmp_path: Path, kind: str, form: PrivateFormat) -> None:
    (tmp_path / "app.key").write_bytes(encrypted(KINDS[kind], form=form))
    assert found_for(KINDS[kind], search(tmp_path, SECRET), tmp_path / "app.pem") == "app.key"


def test_a_plain_key_goes_before_an_encrypted_one_and_nobody_is_asked(tmp_path: Path) -> None:
    issued = KINDS["P-256"]
    (tmp_path / "a.key").write_bytes(encrypted(issued))
    (tmp_path / "z.key").write_bytes(issued.key_pem)
    assert found_for(issued, search(tmp_path, lambda: pytest.fail("asked")), tmp_path / "a.pem") == "z.key"


def test_the_passphrase_is_asked_for_once(tmp_path: Path) -> None:
    for name, issued in KINDS.items():
        (tmp_path / f"{name}.key").write_bytes(encrypted(issued))
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return SECRET

    keys = search(tmp_path, ask)
    assert [found_for(issued, keys, tmp_path / "x.pem") for issued in KINDS.values()] == [f"{n}.key" for n in KINDS]
    assert len(asked) == 1


def test_a_passphrase_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "app.key").write_bytes(encrypted(KINDS["P-256"]))
    with pytest.raises(PassphraseError, match="failed: FileNotFoundError"):
        search(tmp_path, (tmp_path / "none").read_text).find(KINDS["P-256"].certificate, "x")


@pytest.mark.parametrize(
    ("passphrase", "reason"),
    [(None, "it is encrypted, and no passphrase was given"), ("wrong", "the passphrase is wrong")],
)
def test_a_key_that_cannot_be_opened_is_told(tmp_path: Path, passphrase: str | None, reason: str) -> None:
    (tmp_path / "app.key").write_bytes(encrypted(KINDS["P-256"]))
    keys = search(tmp_path, passphrase)
    assert keys.find(KINDS["P-256"].certificate, "x") is None
    assert keys.is_locked
    assert reason in keys.failures[str(tmp_path / "app.key")]


def test_only_so_many_keys_are_decrypted(tmp_path: Path) -> None:
    content = encrypted(KINDS["P-256"], "another")
    for number in range(MOST_ENCRYPTED + 1):
        # Each another content, so that none is known from before.
        (tmp_path / f"{number:02}.key").write_bytes(encrypted(issue("x", key_name=str(number)), "another"))
    (tmp_path / "zz.key").write_bytes(content)
    keys = search(tmp_path, SECRET)
    assert keys.find(KINDS["P-256"].certificate, "x") is None
    assert keys.failures[str(tmp_path / "zz.key")] == "20 other encrypted keys were tried before it"
    # One that is named like the certificate is among the first.
    assert "wrong" in search_failure(tmp_path)


def search_failure(directory: Path) -> str:
    keys = search(directory, SECRET)
    keys.find(KINDS["P-256"].certificate, str(directory / "zz.pem"))
    return keys.failures[str(directory / "zz.key")]


def test_what_is_broken_is_told_and_the_search_goes_on(tmp_path: Path) -> None:
    issued = KINDS["P-256"]
    (tmp_path / "a.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (tmp_path / "b.key").write_text("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n")
    (tmp_path / "c.key").write_bytes(key_pem(issue("x", kind="Ed25519", digest=None).private_key))
    (tmp_path / "z.key").write_bytes(issued.key_pem)
    keys = search(tmp_path)
    assert found_for(issued, keys, tmp_path / "x.pem") == "z.key"
    assert sorted(Path(path).name for path in keys.failures) == ["a.key", "b.key", "c.key"]
    assert not keys.is_locked


def test_of_several_keys_in_one_file_the_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "all.pem").write_bytes(b"".join(issued.key_pem for issued in KINDS.values()))
    for issued in KINDS.values():
        assert found_for(issued, search(tmp_path), tmp_path / "x.pem") == "all.pem"


def test_what_was_opened_before_is_not_opened_again(tmp_path: Path) -> None:
    issued = KINDS["P-256"]
    (tmp_path / "app.key").write_bytes(encrypted(issued))
    files = read_directory(tmp_path).files
    known: dict[bytes, bytes] = {}
    assert KeySearch(files, SECRET, known).find(issued.certificate, "x")
    assert KeySearch(files, lambda: pytest.fail("asked"), known).find(issued.certificate, "x")


def test_a_certificate_whose_key_is_of_no_known_kind_has_none(tmp_path: Path) -> None:
    (tmp_path / "app.key").write_bytes(KINDS["P-256"].key_pem)

    class Strange:
        def public_key(self) -> object:
            raise ValueError("unknown algorithm")

    assert search(tmp_path).find(Strange(), "x") is None  # type: ignore[arg-type]
