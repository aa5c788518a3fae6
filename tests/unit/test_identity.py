"""Certificate, chain and key as one thing: where they come from, whether they fit, how they rotate."""

from __future__ import annotations

import itertools
import os
import pickle
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import (
    CertificateLoadError,
    ConfigurationError,
    Identity,
    KeyMismatchError,
    PassphraseError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    UnsupportedKeyError,
)

from .pki import Issued, chain, issue, key, key_der, key_pem

LEAF, SECOND, FIRST, ROOT = chain()
OTHER = issue("other")
SECRET = "planted-passphrase"
Warnings = Callable[[], list[str]]


def encrypted(issued: Issued) -> bytes:
    encryption = BestAvailableEncryption(SECRET.encode())
    pem: bytes = issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return pem


def ask_for_passphrase() -> str:
    return SECRET


class Files:
    """A certificate and a key on disk, replaced as a renewal replaces them."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "certificate.pem"
        self.key = directory / "key.pem"

    def write(self, issued: Issued) -> Issued:
        self.certificate.write_bytes(issued.pem)
        self.write_key(issued.key_pem)
        return issued

    def write_key(self, content: bytes) -> None:
        self.key.write_bytes(content)
        self.key.chmod(0o600)

    def identity(self, passphrase: Any = None) -> Identity:
        return Identity.from_files(self.certificate, self.key, passphrase=passphrase)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


class TestSources:
    def test_files(self, files: Files) -> None:
        issued = files.write(issue(serial_number=291))
        loaded = files.identity().current
        assert (loaded.certificate, loaded.chain, loaded.serial_number) == (issued.certificate, (), "291")
        assert loaded.chain_header is None

    def test_bytes_in_pem_and_der(self) -> None:
        keys = [LEAF.key_pem, key_der(LEAF.private_key)]
        for certificate, private_key in itertools.product([LEAF.pem, LEAF.der], keys):
            loaded = Identity.from_bytes(certificate, private_key).current
            assert (loaded.certificate, loaded.chain) == (LEAF.certificate, ())

    def test_the_class_takes_either_part_by_part(self, files: Files) -> None:
        files.write(LEAF)
        assert Identity(files.certificate, LEAF.key_pem).current.certificate == LEAF.certificate
        assert Identity(LEAF.pem, files.key).current.certificate == LEAF.certificate

    @pytest.mark.parametrize("order", list(itertools.permutations([LEAF, SECOND, FIRST])))
    def test_in_a_full_chain_the_key_tells_the_leaf_and_the_rest_keeps_its_order(
        self, order: tuple[Issued, ...]
    ) -> None:
        loaded = Identity.from_bytes(b"".join(issued.pem for issued in order), LEAF.key_pem).current
        assert loaded.certificate == LEAF.certificate
        assert loaded.chain == tuple(issued.certificate for issued in order if issued is not LEAF)

    @pytest.mark.parametrize("order", [[LEAF, OTHER], [OTHER, LEAF]])
    def test_the_key_tells_the_leaf_even_where_none_is_a_ca(self, order: list[Issued]) -> None:
        loaded = Identity.from_bytes(b"".join(issued.pem for issued in order), LEAF.key_pem).current
        assert (loaded.certificate, loaded.chain) == (LEAF.certificate, (OTHER.certificate,))

    @pytest.mark.parametrize("parts", list(itertools.permutations([LEAF.pem, SECOND.pem, LEAF.key_pem])))
    def test_everything_in_one_file(self, parts: tuple[bytes, ...], files: Files) -> None:
        files.certificate.write_bytes(b"".join(parts))
        files.certificate.chmod(0o600)
        loaded = Identity.from_files(files.certificate).current
        assert (loaded.certificate, loaded.chain) == (LEAF.certificate, (SECOND.certificate,))

    @pytest.mark.parametrize("order", [[SECOND, FIRST], [FIRST, SECOND], [SECOND, SECOND], [SECOND, ROOT, LEAF]])
    def test_given_intermediates_are_sent_as_they_are(self, order: list[Issued]) -> None:
        bundle = b"".join(issued.pem for issued in order)
        loaded = Identity.from_bytes(LEAF.pem + FIRST.pem, LEAF.key_pem, bundle).current
        assert loaded.chain == tuple(issued.certificate for issued in order)

    def test_a_repeated_leaf_is_chosen_once(self) -> None:
        loaded = Identity.from_bytes(LEAF.pem + SECOND.pem, LEAF.key_pem).current
        assert loaded.chain == (SECOND.certificate,)

    @pytest.mark.parametrize("passphrase", [SECRET, SECRET.encode(), ask_for_passphrase])
    def test_an_encrypted_key(self, files: Files, passphrase: Any) -> None:
        files.write(LEAF)
        files.write_key(encrypted(LEAF))
        assert files.identity(passphrase).current.certificate == LEAF.certificate

    def test_each_maker_refuses_what_the_other_takes(self, files: Files) -> None:
        files.write(LEAF)
        for parts in ((LEAF.pem,), (files.certificate, LEAF.key_pem), (files.certificate, files.key, SECOND.pem)):
            with pytest.raises(ConfigurationError, match="takes paths"):
                Identity.from_files(*parts)  # type: ignore[arg-type]
        for parts in ((files.certificate,), (LEAF.pem, files.key), (LEAF.pem, LEAF.key_pem, str(files.certificate))):
            with pytest.raises(ConfigurationError, match="takes bytes"):
                Identity.from_bytes(*parts)  # type: ignore[arg-type]


class TestRefusals:
    def test_a_key_of_another_certificate(self, files: Files) -> None:
        files.write(LEAF)
        files.write_key(FIRST.key_pem)
        with pytest.raises(KeyMismatchError) as raised:
            files.identity()
        assert str(files.certificate) in raised.value.message
        assert "CN=leaf" in raised.value.message
        assert str(LEAF.certificate.serial_number) in raised.value.message
        assert "openssl" in str(raised.value.hint)

    def test_a_key_of_another_kind(self) -> None:
        with pytest.raises(KeyMismatchError):
            Identity.from_bytes(LEAF.pem, key_pem(key("RSA-2048")))

    def test_a_certificate_without_a_key_beside_it(self, files: Files) -> None:
        files.write(LEAF)
        with pytest.raises(PrivateKeyLoadError, match="no private key inside"):
            Identity.from_files(files.certificate)

    @pytest.mark.parametrize(
        ("parts", "kind"),
        [
            ((b"", LEAF.key_pem), CertificateLoadError),
            ((LEAF.key_pem, LEAF.pem), CertificateLoadError),
            ((LEAF.pem, b""), PrivateKeyLoadError),
            ((LEAF.pem, LEAF.key_pem, b""), CertificateLoadError),
            ((LEAF.pem, LEAF.key_pem, LEAF.key_pem), CertificateLoadError),
            ((LEAF.pem, key_pem(key("Ed25519"))), UnsupportedKeyError),
            ((LEAF.pem, encrypted(LEAF)), PassphraseError),
            ((LEAF.pem, encrypted(LEAF), None, "wrong"), PassphraseError),
        ],
    )
    def test_a_part_that_cannot_be_used(self, parts: tuple[Any, ...], kind: type[RolesAnywhereError]) -> None:
        with pytest.raises(kind):
            Identity.from_bytes(*parts)

    @pytest.mark.parametrize("missing", ["certificate", "key"])
    def test_a_missing_file_is_named(self, files: Files, missing: str) -> None:
        files.write(LEAF)
        path: Path = getattr(files, missing)
        path.unlink()
        with pytest.raises(RolesAnywhereError) as raised:
            files.identity()
        assert str(path) in raised.value.message

    def test_pem_text_where_a_path_belongs_is_not_echoed(self) -> None:
        with pytest.raises(PrivateKeyLoadError) as raised:
            Identity(LEAF.pem, LEAF.key_pem.decode())
        assert LEAF.key_pem.decode().splitlines()[1] not in "".join(traceback.format_exception(raised.value))


class TestRotation:
    def test_a_renewed_pair_is_used_at_the_next_load_and_not_before(self, files: Files) -> None:
        files.write(LEAF)
        identity = files.identity()
        renewed = files.write(issue("leaf", key_name="renewed"))
        assert identity.current.certificate == LEAF.certificate
        assert identity.load().certificate == renewed.certificate
        assert identity.current.key.public_key == renewed.private_key.public_key()

    def test_content_decides_and_not_the_time_of_the_file(self, files: Files) -> None:
        files.write(LEAF)
        identity, status = files.identity(), files.key.stat()
        renewed = files.write(issue("leaf", key_name="renewed"))
        for path in (files.certificate, files.key):
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert identity.load().certificate == renewed.certificate

    def test_what_has_not_changed_is_not_parsed_again(self, files: Files) -> None:
        files.write(LEAF)
        files.write_key(encrypted(LEAF))
        asked = []
        identity = files.identity(lambda: asked.append(1) or SECRET)  # type: ignore[func-returns-value]
        first = identity.load()
        assert identity.load() is identity.current is first
        assert asked == [1]

    def test_a_link_that_is_swapped_as_kubernetes_does_it(self, files: Files, tmp_path: Path) -> None:
        for name, issued in (("old", LEAF), ("new", issue("leaf", key_name="renewed"))):
            (tmp_path / name).mkdir()
            Files(tmp_path / name).write(issued)
        link = tmp_path / "current"
        link.symlink_to(tmp_path / "old")
        identity = Identity.from_files(link / "certificate.pem", link / "key.pem")
        (tmp_path / "other").symlink_to(tmp_path / "new")
        (tmp_path / "other").replace(link)
        assert identity.load().certificate != LEAF.certificate

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(
                lambda files: files.certificate.write_bytes(issue("leaf", key_name="new").pem),
                id="new certificate, old key",
            ),
            pytest.param(lambda files: files.write_key(FIRST.key_pem), id="old certificate, new key"),
            pytest.param(lambda files: files.certificate.write_bytes(LEAF.pem[:300]), id="half a certificate"),
            pytest.param(lambda files: files.write_key(LEAF.key_pem[:100]), id="half a key"),
            pytest.param(lambda files: files.certificate.write_bytes(b""), id="truncated certificate"),
            pytest.param(lambda files: files.key.unlink(), id="no key"),
            pytest.param(lambda files: files.write_key(encrypted(LEAF)), id="suddenly encrypted"),
            pytest.param(lambda files: files.write_key(key_pem(key("Ed25519"))), id="of another kind"),
        ],
    )
    def test_a_bad_pair_is_passed_over_with_one_warning(
        self, files: Files, spoil: Callable[[Files], None], warnings_logged: Warnings
    ) -> None:
        files.write(LEAF)
        identity = files.identity()
        spoil(files)
        for _ in range(3):
            assert identity.load().certificate == LEAF.certificate
        (warning,) = warnings_logged()
        assert "last good pair" in warning
        renewed = files.write(issue("leaf", key_name="renewed"))
        assert identity.load().certificate == renewed.certificate
        spoil(files)
        files.certificate.write_bytes(b"spoiled again")
        identity.load()
        assert len(warnings_logged()) == 2

    def test_a_bad_pair_is_an_error_once_the_good_certificate_has_expired(self, files: Files) -> None:
        files.write(LEAF)
        identity = files.identity()
        files.certificate.write_bytes(b"")
        end = LEAF.certificate.not_valid_after_utc
        assert identity.load(at=end - timedelta(seconds=1)).certificate == LEAF.certificate
        with pytest.raises(CertificateLoadError):
            identity.load(at=end + timedelta(seconds=1))

    def test_a_good_pair_is_used_whatever_its_dates_because_the_service_decides(self, files: Files) -> None:
        expired = files.write(issue("expired", valid_for=timedelta(hours=1)))
        assert files.identity().load().certificate == expired.certificate

    def test_a_naive_time_is_refused(self, files: Files) -> None:
        files.write(LEAF)
        identity = files.identity()
        files.certificate.write_bytes(b"")
        with pytest.raises(ConfigurationError, match="time zone"):
            identity.load(at=datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose

    def test_bytes_stay_as_they_are(self) -> None:
        identity = Identity.from_bytes(LEAF.pem, LEAF.key_pem)
        assert identity.load(at=datetime(2100, 1, 1, tzinfo=timezone.utc)) is identity.current


@pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")
class TestExposedKeys:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_a_key_that_others_can_read_is_told_once(self, files: Files, mode: int, warnings_logged: Warnings) -> None:
        files.write(LEAF)
        files.key.chmod(mode)
        identity = files.identity()
        identity.load()
        files.certificate.write_bytes(issue("leaf").pem)
        identity.load()
        (warning,) = warnings_logged()
        assert str(files.key) in warning
        assert "chmod 600" in warning

    def test_a_key_beside_the_certificate_counts_too(self, files: Files, warnings_logged: Warnings) -> None:
        files.certificate.write_bytes(LEAF.pem + LEAF.key_pem)
        files.certificate.chmod(0o644)
        Identity.from_files(files.certificate)
        assert str(files.certificate) in warnings_logged()[0]

    def test_a_key_for_its_owner_alone_is_nothing_to_tell(self, files: Files, warnings_logged: Warnings) -> None:
        files.write(LEAF)
        files.identity()
        Identity(LEAF.pem, LEAF.key_pem)
        assert warnings_logged() == []


class AsksAnObject:
    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __call__(self) -> str:
        return self.secret


class TestPickle:
    def test_it_carries_the_paths_and_reads_again(self, files: Files) -> None:
        files.write(LEAF)
        identity = files.identity()
        renewed = files.write(issue("leaf", key_name="renewed"))
        assert pickle.loads(pickle.dumps(identity)).current.certificate == renewed.certificate

    @pytest.mark.parametrize(
        "passphrase",
        [
            SECRET,
            SECRET.encode(),
            SECRET.strip,
            partial(str, SECRET),
            AsksAnObject(SECRET),
            AsksAnObject(SECRET).__call__,
            lambda: SECRET,
        ],
        ids=["text", "bytes", "bound builtin", "partial", "object", "bound method", "lambda"],
    )
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_neither_key_nor_passphrase_is_in_it(self, files: Files, passphrase: Any, protocol: int) -> None:
        files.write(LEAF)
        files.write_key(encrypted(LEAF))
        pickled = pickle.dumps(files.identity(passphrase), protocol)
        numbers = LEAF.private_key.private_numbers()
        for secret in (SECRET.encode(), encrypted(LEAF)[60:120], numbers.private_value.to_bytes(32, "big")):
            assert secret not in pickled
        with pytest.raises(PassphraseError):
            pickle.loads(pickled).load()

    def test_a_named_function_goes_along_by_its_name(self, files: Files) -> None:
        files.write(LEAF)
        files.write_key(encrypted(LEAF))
        pickled = pickle.dumps(files.identity(ask_for_passphrase))
        assert SECRET.encode() not in pickled
        assert pickle.loads(pickled).load().certificate == LEAF.certificate

    @pytest.mark.parametrize("parts", ["certificate", "key", "both"])
    def test_bytes_are_refused(self, files: Files, parts: str) -> None:
        files.write(LEAF)
        certificate = files.certificate if parts == "key" else LEAF.pem
        private_key = files.key if parts == "certificate" else LEAF.key_pem
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(Identity(certificate, private_key))

    def test_what_was_loaded_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(Identity.from_bytes(LEAF.pem, LEAF.key_pem).current.key)


def test_nothing_secret_is_shown(files: Files) -> None:
    files.write(LEAF)
    files.write_key(encrypted(LEAF))
    secrets = [SECRET, LEAF.key_pem.decode().splitlines()[1], encrypted(LEAF).decode().splitlines()[1]]
    for identity in (files.identity(SECRET), Identity.from_bytes(LEAF.pem, LEAF.key_pem, passphrase=SECRET)):
        for shown in (
            repr(identity),
            str(identity),
            repr(identity.current),
            str(identity.current),
        ):
            assert not [secret for secret in secrets if secret in shown]
    assert str(files.certificate) in repr(files.identity(SECRET))


def test_nor_by_tools_that_show_what_an_object_holds() -> None:
    identity = Identity.from_bytes(LEAF.pem, LEAF.key_pem)
    assert LEAF.key_pem.decode().splitlines()[1] not in repr(vars(identity))
