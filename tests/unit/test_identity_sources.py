"""Identities that stand in no file: callables, environment variables, open descriptors; and passphrases in files."""

from __future__ import annotations

import functools
import os
import pickle
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta
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
)
from rolesanywhere_signer.identity_sources import PassphraseFile

from .pki import Issued, chain, issue

LEAF, SECOND, FIRST, ROOT = chain()
RENEWED = issue("leaf", key_name="renewed")
SECRET = "planted-passphrase"
Warnings = Callable[[], list[str]]


def encrypted_key() -> bytes:
    encryption = BestAvailableEncryption(SECRET.encode())
    pem: bytes = LEAF.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return pem


def secrets_of(issued: Issued) -> list[str]:
    return [
        SECRET,
        *issued.key_pem.decode().splitlines()[1:-1],
        str(issued.private_key.private_numbers().private_value),
    ]


def assert_shows_nothing(*values: object) -> None:
    shown = "".join(f"{value!r} {value}" for value in values)
    shown += "".join("".join(traceback.format_exception(each)) for each in values if isinstance(each, BaseException))
    assert not [secret for secret in secrets_of(LEAF) if secret in shown]


def leaf_from_a_module() -> tuple[bytes, bytes]:
    return LEAF.pem, LEAF.key_pem


class Store:
    """A secret store: it is asked, and may fail."""

    def __init__(self, answer: object = (LEAF.pem, LEAF.key_pem)) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class TestCallable:
    @pytest.mark.parametrize(
        ("parts", "intermediates"),
        [
            ((LEAF.pem + LEAF.key_pem,), ()),
            ((LEAF.key_pem + LEAF.pem + SECOND.pem,), (SECOND,)),
            ((LEAF.pem + LEAF.key_pem, None), ()),
            ((LEAF.pem, LEAF.key_pem), ()),
            ((LEAF.der, LEAF.key_pem), ()),
            ((bytearray(LEAF.pem), bytearray(LEAF.key_pem)), ()),
            ((LEAF.pem, LEAF.key_pem, None), ()),
            ((LEAF.pem, LEAF.key_pem, SECOND.pem + FIRST.pem), (SECOND, FIRST)),
            ((LEAF.pem + LEAF.key_pem, None, FIRST.pem), (FIRST,)),
        ],
    )
    def test_what_it_may_return(self, parts: tuple[Any, ...], intermediates: tuple[Issued, ...]) -> None:
        loaded = Identity.from_callable(lambda: parts).current
        assert loaded.certificate == LEAF.certificate
        assert loaded.chain == tuple(issued.certificate for issued in intermediates)

    def test_an_encrypted_key(self) -> None:
        for passphrase in (SECRET, lambda: SECRET):
            identity = Identity.from_callable(lambda: (LEAF.pem, encrypted_key()), passphrase)
            assert identity.current.certificate == LEAF.certificate

    def test_it_is_asked_at_each_load_and_what_is_new_is_used(self) -> None:
        store = Store()
        identity = Identity.from_callable(store)
        assert identity.load() is identity.current
        assert store.asked == 2
        store.answer = (RENEWED.pem, RENEWED.key_pem)
        assert identity.current.certificate == LEAF.certificate
        assert identity.load().certificate == RENEWED.certificate

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(OSError(SECRET), id="a failure"),
            pytest.param((RENEWED.pem, LEAF.key_pem), id="two generations"),
            pytest.param((RENEWED.pem[:200], RENEWED.key_pem), id="half a certificate"),
            pytest.param((), id="nothing"),
            pytest.param(None, id="None"),
        ],
    )
    def test_the_last_good_pair_goes_on_with_one_warning(self, answer: object, warnings_logged: Warnings) -> None:
        store = Store()
        identity = Identity.from_callable(store)
        store.answer = answer
        for _ in range(3):
            assert identity.load().certificate == LEAF.certificate
        (warning,) = warnings_logged()
        assert "the last good pair goes on" in warning
        assert_shows_nothing(warning)
        with pytest.raises(RolesAnywhereError):
            identity.load(at=LEAF.certificate.not_valid_after_utc)

    def test_a_pair_that_has_expired_waits_while_the_last_good_one_is_valid(self, warnings_logged: Warnings) -> None:
        expired = issue("expired", valid_for=timedelta(hours=1))
        store = Store()
        identity = Identity.from_callable(store)
        store.answer = (expired.pem, expired.key_pem)
        for _ in range(2):
            assert identity.load().certificate == LEAF.certificate
        (warning,) = warnings_logged()
        assert f"serial {expired.certificate.serial_number}" in warning
        # Where neither is valid, the service decides over the newer one.
        after = LEAF.certificate.not_valid_after_utc + timedelta(seconds=1)
        assert identity.load(at=after).certificate == expired.certificate

    @pytest.mark.parametrize(
        "answer",
        [
            None, [], (), (None,), LEAF.pem, [LEAF.pem, LEAF.key_pem], (LEAF.pem.decode(), LEAF.key_pem),
            (LEAF.pem, LEAF.key_pem.decode()), (LEAF.pem, LEAF.key_pem, SECRET), (LEAF.pem,) * 4, {"a": SECRET},
            (LEAF.pem, Path("key.pem")),
        ],
    )  # fmt: skip
    def test_what_it_must_not_return_is_told_and_not_shown(self, answer: object) -> None:
        with pytest.raises(CertificateLoadError, match="the callable that gives the identity") as caught:
            Identity.from_callable(Store(answer))
        assert_shows_nothing(caught.value)

    def test_its_failure_is_named_and_kept_as_the_cause(self) -> None:
        with pytest.raises(CertificateLoadError, match="failed: OSError") as caught:
            Identity.from_callable(Store(OSError("no such secret")))
        assert isinstance(caught.value.__cause__, OSError)
        assert "no such secret" not in str(caught.value)

    def test_an_interrupt_passes(self) -> None:
        def ask() -> tuple[bytes]:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Identity.from_callable(ask)

    def test_a_mismatch_names_no_content(self) -> None:
        with pytest.raises(KeyMismatchError, match="the one of the certificate") as caught:
            Identity.from_callable(lambda: (FIRST.pem, LEAF.key_pem))
        assert_shows_nothing(caught.value)

    def test_nothing_secret_is_shown(self) -> None:
        identity = Identity.from_callable(lambda: (LEAF.pem, encrypted_key()), SECRET)
        assert repr(identity) == "<Identity of the certificate>"
        assert_shows_nothing(identity, identity.current, vars(identity)["_source"])

    def test_a_function_of_a_module_goes_into_a_pickle_by_its_name(self) -> None:
        pickled = pickle.dumps(Identity.from_callable(leaf_from_a_module))
        assert b"leaf_from_a_module" in pickled
        assert len(pickled) < 500
        assert pickle.loads(pickled).current.certificate == LEAF.certificate

    @pytest.mark.parametrize(
        "load",
        [
            lambda: (LEAF.pem, LEAF.key_pem),
            functools.partial(tuple, (LEAF.pem, LEAF.key_pem)),
            Store(),
            Store().__call__,
        ],
        ids=["lambda", "partial", "object", "bound method"],
    )
    def test_other_callables_do_not_because_they_may_hold_the_key(self, load: Callable[[], Any]) -> None:
        with pytest.raises(ConfigurationError, match="function of a module"):
            pickle.dumps(Identity.from_callable(load))


class TestEnvironment:
    @pytest.fixture
    def set_pem(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        def set_pem(**texts: bytes | str) -> None:
            for name, text in texts.items():
                monkeypatch.setenv(name, text if isinstance(text, str) else text.decode())

        return set_pem

    @pytest.mark.parametrize(
        "spell",
        [
            pytest.param(lambda text: text, id="lines"),
            pytest.param(lambda text: text.replace("\n", "\\n"), id="written out"),
            pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
            pytest.param(lambda text: text.strip(), id="no line feed at the end"),
            pytest.param(lambda text: "\n\n" + text, id="empty lines before"),
        ],
    )
    def test_pem_text(self, set_pem: Callable[..., None], spell: Callable[[str], str]) -> None:
        set_pem(CERT=spell(LEAF.pem.decode()), KEY=spell(LEAF.key_pem.decode()), REST=spell(SECOND.pem.decode()))
        loaded = Identity.from_environment("CERT", "KEY", "REST").current
        assert (loaded.certificate, loaded.chain) == (LEAF.certificate, (SECOND.certificate,))

    def test_all_in_one_variable(self, set_pem: Callable[..., None]) -> None:
        set_pem(ALL=LEAF.key_pem + LEAF.pem + SECOND.pem)
        loaded = Identity.from_environment("ALL").current
        assert (loaded.certificate, loaded.chain) == (LEAF.certificate, (SECOND.certificate,))

    def test_an_encrypted_key(self, set_pem: Callable[..., None]) -> None:
        set_pem(CERT=LEAF.pem, KEY=encrypted_key())
        assert Identity.from_environment("CERT", "KEY", passphrase=SECRET).current.certificate == LEAF.certificate

    def test_what_is_set_later_is_used_by_the_next_load(self, set_pem: Callable[..., None]) -> None:
        set_pem(CERT=LEAF.pem, KEY=LEAF.key_pem)
        identity = Identity.from_environment("CERT", "KEY")
        set_pem(CERT=RENEWED.pem, KEY=RENEWED.key_pem)
        assert identity.load().certificate == RENEWED.certificate

    @pytest.mark.parametrize("missing", ["CERT", "KEY", "REST"])
    @pytest.mark.parametrize("empty", [True, False])
    def test_a_variable_that_is_not_set_is_named(
        self, set_pem: Callable[..., None], monkeypatch: pytest.MonkeyPatch, missing: str, empty: bool
    ) -> None:
        set_pem(CERT=LEAF.pem, KEY=LEAF.key_pem, REST=SECOND.pem)
        monkeypatch.setenv(missing, "")
        if not empty:
            monkeypatch.delenv(missing)
        with pytest.raises(CertificateLoadError, match=f"environment variable {missing} is not set"):
            Identity.from_environment("CERT", "KEY", "REST")

    @pytest.mark.parametrize("text", [SECRET, "-----BEGIN CERTIFICATE-----", "/etc/ssl/app.pem", "\udcff"])
    def test_what_is_no_pem_is_told_and_not_shown(self, set_pem: Callable[..., None], text: str) -> None:
        set_pem(CERT=text, KEY=LEAF.key_pem)
        with pytest.raises(CertificateLoadError, match="in the environment variable CERT") as caught:
            Identity.from_environment("CERT", "KEY")
        assert_shows_nothing(caught.value)

    def test_a_mismatch_names_the_variable(self, set_pem: Callable[..., None]) -> None:
        set_pem(CERT=FIRST.pem, KEY=LEAF.key_pem)
        with pytest.raises(KeyMismatchError, match="in the environment variable CERT") as caught:
            Identity.from_environment("CERT", "KEY")
        assert_shows_nothing(caught.value)

    def test_only_names_are_shown_and_pickled(self, set_pem: Callable[..., None]) -> None:
        set_pem(CERT=LEAF.pem, KEY=LEAF.key_pem)
        identity = Identity.from_environment("CERT", "KEY", passphrase=SECRET)
        assert repr(identity) == "<Identity of the certificate in the environment variable CERT>"
        pickled = pickle.dumps(identity)
        assert_shows_nothing(identity, vars(identity)["_source"], pickled)
        assert LEAF.pem not in pickled
        assert pickle.loads(pickled).current.certificate == LEAF.certificate


@pytest.mark.skipif(os.name != "posix", reason="descriptors are passed on otherwise here")
class TestDescriptors:
    def pipe(self, content: bytes) -> int:
        """Return the end of a pipe into which somebody has written."""
        end, other = os.pipe()
        # What is written here fits into a pipe.
        write_all(other, content)
        return end

    def assert_closed(self, descriptor: int) -> None:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)

    def test_pipes_are_read_once_and_closed(self) -> None:
        ends = [self.pipe(content) for content in (LEAF.pem, LEAF.key_pem, SECOND.pem)]
        identity = Identity.from_descriptors(*ends)
        for end in ends:
            self.assert_closed(end)
        assert identity.load() is identity.current
        assert (identity.current.certificate, identity.current.chain) == (LEAF.certificate, (SECOND.certificate,))

    def test_one_pipe_with_all(self) -> None:
        loaded = Identity.from_descriptors(self.pipe(LEAF.pem + SECOND.pem + LEAF.key_pem)).current
        assert (loaded.certificate, loaded.chain) == (LEAF.certificate, (SECOND.certificate,))

    def test_more_than_a_pipe_holds_at_once(self) -> None:
        end, other = os.pipe()
        content = LEAF.pem + b"\n" * 300_000 + LEAF.key_pem
        thread = threading.Thread(target=write_all, args=(other, content))
        thread.start()
        assert Identity.from_descriptors(end).current.certificate == LEAF.certificate
        thread.join()

    def test_a_file_that_has_no_name_any_more(self, tmp_path: Path) -> None:
        path = tmp_path / "both.pem"
        path.write_bytes(LEAF.pem + LEAF.key_pem)
        descriptor = os.open(path, os.O_RDONLY)
        path.unlink()
        assert Identity.from_descriptors(descriptor).current.certificate == LEAF.certificate

    def test_an_encrypted_key(self) -> None:
        identity = Identity.from_descriptors(self.pipe(LEAF.pem), self.pipe(encrypted_key()), passphrase=SECRET)
        assert identity.current.certificate == LEAF.certificate

    def test_a_descriptor_that_is_not_open(self) -> None:
        end = self.pipe(LEAF.pem)
        os.close(end)
        with pytest.raises(CertificateLoadError, match=f"cannot read the certificate from file descriptor {end}"):
            Identity.from_descriptors(end)

    @pytest.mark.parametrize("key_descriptor", [-1, 10**6, 2**40])
    def test_a_number_that_no_descriptor_has(self, key_descriptor: int) -> None:
        with pytest.raises(PrivateKeyLoadError, match="cannot read the private key from file descriptor"):
            Identity.from_descriptors(self.pipe(LEAF.pem), key_descriptor)

    def test_a_directory(self, tmp_path: Path) -> None:
        descriptor = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(CertificateLoadError, match="cannot read the certificate"):
                Identity.from_descriptors(descriptor)
        finally:
            os.close(descriptor)

    @pytest.mark.parametrize("content", [b"", b"planted", LEAF.pem[:100]])
    def test_content_that_is_none(self, content: bytes) -> None:
        with pytest.raises(CertificateLoadError):
            Identity.from_descriptors(self.pipe(content), self.pipe(LEAF.key_pem))

    def test_it_is_made_of_bytes_and_goes_into_no_pickle(self) -> None:
        identity = Identity.from_descriptors(self.pipe(LEAF.pem), self.pipe(LEAF.key_pem))
        assert_shows_nothing(identity, vars(identity)["_source"])
        with pytest.raises(ConfigurationError, match="made of bytes cannot be pickled"):
            pickle.dumps(identity)


def write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


class TestPassphraseFile:
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_a_line_feed_at_the_end_is_not_part_of_it(self, tmp_path: Path, end: str) -> None:
        path = tmp_path / "passphrase"
        path.write_bytes(f"{SECRET}{end}".encode())
        assert PassphraseFile(str(path))() == SECRET
        identity = Identity.from_bytes(LEAF.pem, encrypted_key(), passphrase=PassphraseFile(str(path)))
        assert identity.current.certificate == LEAF.certificate

    @pytest.mark.parametrize("content", [b" spaces \n", b"two\nlines\n", b"\n\n", b"caf\xe9\n", "é\n".encode()])
    def test_all_else_is_part_of_it(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "passphrase"
        path.write_bytes(content)
        assert PassphraseFile(str(path))().encode("utf-8", "surrogateescape") == content[:-1]

    def test_it_is_read_anew_each_time(self, tmp_path: Path) -> None:
        path = tmp_path / "passphrase"
        path.write_text("old")
        file = PassphraseFile(str(path))
        assert file() == "old"
        path.write_text("new")
        assert file() == "new"

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "passphrase"
        with pytest.raises(PassphraseError, match=f"cannot read the passphrase file '{path}'"):
            Identity.from_bytes(LEAF.pem, encrypted_key(), passphrase=PassphraseFile(str(path)))

    def test_a_pickle_carries_its_path(self, tmp_path: Path) -> None:
        paths = {"certificate.pem": LEAF.pem, "key.pem": encrypted_key(), "passphrase": SECRET.encode()}
        for name, content in paths.items():
            (tmp_path / name).write_bytes(content)
            (tmp_path / name).chmod(0o600)
        certificate, key, passphrase = (tmp_path / name for name in paths)
        identity = Identity.from_files(certificate, key, passphrase=PassphraseFile(str(passphrase)))
        pickled = pickle.dumps(identity)
        assert SECRET.encode() not in pickled
        assert pickle.loads(pickled).current.certificate == LEAF.certificate
