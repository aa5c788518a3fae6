from __future__ import annotations

import os
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from rolesanywhere_signer import CertificateLoadError, PrivateKeyLoadError
from rolesanywhere_signer.files import MAX_BYTES, read_source, readable_by_others
from rolesanywhere_signer.private_files import write_private

posix = pytest.mark.skipif(os.name != "posix", reason="modes and FIFOs are POSIX")


def read(source: object) -> bytes:
    return read_source(source, what="private key", error=PrivateKeyLoadError)  # type: ignore[arg-type]


def refused(source: object) -> str:
    with pytest.raises(PrivateKeyLoadError) as raised:
        read(source)
    return str(raised.value)


def test_bytes_are_the_content_itself() -> None:
    assert read(b"content") == b"content"
    assert type(read(bytearray(b"content"))) is bytes


def test_a_path_is_read_as_text_or_path_like(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"content")
    assert read(path) == read(str(path)) == b"content"


def test_a_missing_file_is_named_with_what_it_should_be(tmp_path: Path) -> None:
    message = refused(tmp_path / "none.pem")
    assert "private key" in message
    assert "none.pem" in message
    assert "hint:" in message


def test_a_directory_is_refused_by_name(tmp_path: Path) -> None:
    assert str(tmp_path) in refused(tmp_path)


@posix
def test_a_file_that_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"content")
    path.chmod(0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(_outcome_without_the_rights_of_root())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _outcome_without_the_rights_of_root() -> int:
    """Return 0 if the file is refused with our error; runs in a process of its own."""
    try:
        if os.geteuid() == 0:
            os.setuid(65534)
        read("key.pem")
    except PrivateKeyLoadError as error:
        return 0 if "key.pem': Permission denied" in error.message else 1
    except BaseException:  # noqa: BLE001 - a child must not go on as a test run of its own
        return 2
    return 3


@pytest.mark.parametrize("path", ["", "nul\0byte", "x" * 5000, "lone \udcff surrogate"])
def test_paths_that_no_file_can_have(path: str) -> None:
    assert "private key" in refused(path)


@pytest.mark.parametrize("source", [None, 3, 1.5, ["key.pem"], object(), memoryview(b"content")])
def test_what_is_neither_path_nor_bytes(source: object) -> None:
    assert type(source).__name__ in refused(source)


def test_a_path_in_bytes_form_is_refused(tmp_path: Path) -> None:
    class BytesPath(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path)

    assert "must be text" in refused(BytesPath())


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----\nplanted", "\ufeff\n -----BEGIN EC PRIVATE KEY-----planted"]
)
def test_pem_text_where_a_path_belongs_is_not_echoed(text: str) -> None:
    for source in (text, Path(text)):
        message = refused(source)
        assert "planted" not in message
        assert "bytes" in message


@pytest.mark.parametrize(
    "text", ["MIGHAgEAMBMGByqGSM49" * 30 + "planted", "MIGHAgEAMBMGByqGSM49\nplantedAgEAMBMGByqGSM49AwEHBG0wawIBAQQg\n"]
)
def test_key_text_without_its_pem_lines_is_not_echoed(text: str) -> None:
    assert "planted" not in refused(text)


def test_the_limit_is_one_mebibyte_of_file_or_bytes(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"x" * MAX_BYTES)
    assert len(read(path)) == len(read(b"x" * MAX_BYTES)) == MAX_BYTES
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    assert "1,048,576" in refused(path)
    assert "1,048,576" in refused(b"x" * (MAX_BYTES + 1))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_a_file_without_an_end_is_not_read_to_it() -> None:
    assert refused("/dev/zero")


@posix
def test_a_fifo_that_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    code = (
        "from rolesanywhere_signer import CertificateLoadError\n"
        "from rolesanywhere_signer.certificates import load_certificates\n"
        "try: load_certificates('fifo')\n"
        "except CertificateLoadError: print('refused')\n"
    )
    path = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs")
    assert done.stdout == b"refused\n"


def test_the_error_class_and_its_cause_are_the_callers_and_the_systems(tmp_path: Path) -> None:
    with pytest.raises(CertificateLoadError) as raised:
        read_source(tmp_path / "none", what="certificate", error=CertificateLoadError)
    assert isinstance(raised.value.__cause__, FileNotFoundError)


@posix
@pytest.mark.parametrize(
    ("mode", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)]
)
def test_who_may_read(tmp_path: Path, mode: int, *, exposed: bool) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"")
    path.chmod(mode)
    assert readable_by_others(path) is exposed


@posix
def test_what_is_no_file_is_not_exposed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert not readable_by_others(tmp_path)
    assert not readable_by_others(tmp_path / "none")


@posix
@pytest.mark.parametrize("mask", [0, 0o777], ids=oct)
def test_a_private_file_is_private_whatever_the_umask_and_its_mode_before(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"old")
    path.chmod(0o644)
    umask = os.umask(mask)
    try:
        write_private(path, b"new")
    finally:
        os.umask(umask)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_private(path, "text")  # type: ignore[arg-type]
    assert [entry.name for entry in tmp_path.iterdir()] == ["credentials"]
    assert path.read_bytes() == b"old"


def test_a_reader_of_the_old_file_keeps_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    write_private(path, b"old content")
    with path.open("rb") as reader:
        write_private(path, b"new")
        assert reader.read() == b"old content"


def test_a_bare_file_name_is_written_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_private("credentials", b"new")
    assert (tmp_path / "credentials").read_bytes() == b"new"


@posix
def test_a_file_of_the_kernel_s_that_has_nothing_to_say_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Such as /proc/kmsg, which is a regular file to fstat() and lets a reader wait; a pipe behaves alike.
    path = tmp_path / "kmsg"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        monkeypatch.setattr(stat, "S_ISREG", lambda _mode: True)
        assert read(path) == b""
    finally:
        os.close(writer)


@pytest.mark.parametrize("path", ["pkcs11;token=card?pin-value=PLANTED", " pkcs11:token=card?pin-value=PLANTED"])
def test_uri_of_a_token_that_is_misspelled_is_not_shown(path: str) -> None:
    with pytest.raises(CertificateLoadError) as caught:
        read_source(path, what="certificate", error=CertificateLoadError)
    assert "PLANTED" not in "".join(traceback.format_exception(caught.value))
