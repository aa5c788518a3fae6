"""The way to the TPM: found, busy, full, broken off, gone; used by threads and by forked children."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import ConfigurationError, PrivateKeyLoadError, RolesAnywhereError, SigningError
from rolesanywhere_signer.keys import load_private_key
from tests.support.forking import forks_with_threads, in_forked_child, needs_fork
from tests.tpm import relay as commands
from tests.tpm.relay import first, relay
from tests.tpm.signatures import verify
from tests.tpm.software_tpm import MadeKey, SoftwareTpm, software_tpm
from tests.tpm.test_keys import P256

HANDLE = "handle:0x81000001"


@pytest.fixture
def made(tpm: SoftwareTpm) -> MadeKey:
    return tpm.openssl_file(*P256)


# Busy and broken.


@pytest.mark.parametrize("code", [commands.RETRY, commands.YIELDED, commands.TESTING])
@pytest.mark.parametrize("command", [commands.SIGN, commands.LOAD])
def test_busy_tpm_is_asked_again(
    tpm: SoftwareTpm, made: MadeKey, monkeypatch: pytest.MonkeyPatch, command: int, code: int
) -> None:
    key = load_private_key(made.source)
    # The library itself asks five times.
    with relay(tpm.port, first(7, command, code)) as between:
        monkeypatch.setenv("TPM2TOOLS_TCTI", between.tcti)
        verify(made.public_key, key.sign(b"data"), b"data")
    assert between.commands.count(command) == 8


def test_tpm_that_stays_busy_is_given_up(tpm: SoftwareTpm, made: MadeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    key = load_private_key(made.source)
    with relay(tpm.port, first(10**6, commands.SIGN, commands.RETRY)) as between:
        monkeypatch.setenv("TPM2TOOLS_TCTI", between.tcti)
        with pytest.raises(SigningError, match="busy and stays so"):
            key.sign(b"data")
    assert between.commands.count(commands.SIGN) <= 40
    # What was loaded for it was flushed all the same: the key, and its parent.
    assert between.commands.count(commands.FLUSH_CONTEXT) == 2


def test_refusal_is_not_asked_again(tpm: SoftwareTpm, made: MadeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    key = load_private_key(made.source)
    with relay(tpm.port, first(1, commands.LOAD, commands.OBJECT_MEMORY)) as between:
        monkeypatch.setenv("TPM2TOOLS_TCTI", between.tcti)
        with pytest.raises(SigningError, match="no room left") as caught:
            key.sign(b"data")
    assert "tpm2_flushcontext -t" in str(caught.value.hint)
    assert between.commands.count(commands.FLUSH_CONTEXT) == 1


def test_tpm_without_room(tpm: SoftwareTpm, made: MadeKey) -> None:
    for name in ("one", "two", "three"):
        tpm.run("tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc256", "-c", f"{name}.ctx")
    try:
        with pytest.raises(PrivateKeyLoadError, match="no room left"):
            load_private_key(made.source)
        assert len(tpm.run("tpm2_getcap", "handles-transient").split()) == 6  # three, each behind a dash
    finally:
        tpm.flush()
    load_private_key(made.source)


def test_connection_that_breaks_off(tpm: SoftwareTpm, made: MadeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    key = load_private_key(made.source)
    with relay(tpm.port, first(1, commands.SIGN, commands.BREAK_OFF)) as between:
        monkeypatch.setenv("TPM2TOOLS_TCTI", between.tcti)
        with pytest.raises(SigningError, match="the TPM cannot be reached"):
            key.sign(b"data")
    # A TPM without a resource manager keeps what nobody could flush; that is what one is for.
    tpm.flush()


def test_tpm_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm) -> None:
    with software_tpm(tmp_path) as other:
        monkeypatch.setenv("TPM2TOOLS_TCTI", other.tcti)
        made = other.key_at_handle()
        key = load_private_key(made.source)
    with pytest.raises(SigningError, match="the TPM cannot be reached"):
        key.sign(b"data")
    with other.again():
        monkeypatch.setenv("TPM2TOOLS_TCTI", other.tcti)
        verify(made.public_key, key.sign(b"data"), b"data")


# Threads and processes.


def test_32_threads_sign_with_one_key(tpm: SoftwareTpm, made: MadeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    with relay(tpm.port) as between:
        monkeypatch.setenv("TPM2TOOLS_TCTI", between.tcti)
        keys = [load_private_key(made.source), load_private_key(tpm.key_at_handle().source)]
        start = threading.Barrier(32)

        def sign(number: int) -> tuple[int, bytes]:
            start.wait()
            return number, keys[number % 2].sign(b"data %d" % number)

        with ThreadPoolExecutor(32) as pool:
            for number, signature in pool.map(sign, range(32)):
                verify(keys[number % 2].public_key, signature, b"data %d" % number)
    assert between.most_at_once == 1


@needs_fork
def test_forked_child_signs_after_use(tpm: SoftwareTpm, made: MadeKey) -> None:
    key = load_private_key(made.source)
    key.sign(b"data")

    def sign_there() -> bool:
        verify(made.public_key, key.sign(b"there"), b"there")
        return True

    assert in_forked_child(sign_there)
    verify(made.public_key, key.sign(b"here"), b"here")


# The simulator takes the commands of several processes in any order and holds three objects, so that these use keys
# that take up one; on a real machine, the kernel's resource manager keeps programs apart.


@needs_fork
@forks_with_threads
def test_fork_while_another_thread_signs(tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    key = load_private_key(made.source)
    stop = threading.Event()
    failures: list[BaseException] = []

    def go_on() -> None:
        try:
            while not stop.is_set():
                key.sign(b"data")
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    def sign_there() -> bool:
        verify(made.public_key, key.sign(b"there"), b"there")
        return True

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        assert all(in_forked_child(sign_there) for _ in range(5))
    finally:
        stop.set()
        thread.join()
    assert failures == []


def test_processes_sign_at_the_same_time(tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    script = (
        "import sys\nfrom rolesanywhere_signer.keys import load_private_key\n"
        "key = load_private_key(sys.argv[1])\nfor _ in range(20): key.sign(b'data')"
    )
    running = [subprocess.Popen([sys.executable, "-W", "error", "-c", script, made.source]) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]


# Which TPM.


def open_by(monkeypatch: pytest.MonkeyPatch, **variables: str) -> RolesAnywhereError:
    for name in ("TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI", "TPM_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PrivateKeyLoadError) as caught:
        load_private_key(HANDLE)
    return caught.value


@pytest.mark.skipif(os.path.exists("/dev/tpm0"), reason="this machine has a TPM")
def test_no_tpm(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm) -> None:
    error = open_by(monkeypatch)
    assert error.message == "there is no TPM on this machine: neither /dev/tpmrm0 nor /dev/tpm0 is there"
    assert "TPM2TOOLS_TCTI" in str(error.hint)


@pytest.mark.parametrize("text", ["nonsense", "swtpm:port=1", "swtpm:host=127.0.0.1,port=x", ":", "device:"])
@pytest.mark.parametrize("variable", ["TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI"])
def test_way_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, variable: str, text: str) -> None:
    error = open_by(monkeypatch, **{variable: text})
    assert f"the TPM cannot be reached by '{text}' ({variable})" in error.message
    assert variable in str(error.hint)


def test_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, tmp_path: Path) -> None:
    for variables in ({"TPM_DEVICE": str(tmp_path / "tpm9")}, {"TPM2TOOLS_TCTI": f"device:{tmp_path}/tpm9"}):
        assert "cannot be opened: No such file or directory" in open_by(monkeypatch, **variables).message


def test_device_that_is_none(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, tmp_path: Path) -> None:
    (tmp_path / "tpm9").write_bytes(b"")
    error = open_by(monkeypatch, TPM_DEVICE=str(tmp_path / "tpm9"))
    assert "the TPM cannot be reached" in error.message


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read every file, as root may"
)
def test_device_of_somebody_else(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, tmp_path: Path) -> None:
    device = tmp_path / "tpm9"
    device.write_bytes(b"")
    device.chmod(stat.S_IRUSR)
    assert "usermod -aG tss" in str(open_by(monkeypatch, TPM_DEVICE=str(device)).hint)


def test_device_that_is_no_tpm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable takes a path, and no TCTI."""
    assert str(open_by(monkeypatch, TPM_DEVICE="/dev/null").hint).startswith("check TPM_DEVICE: /dev/tpmrm0 is ")


def test_variable_of_tpm2_tools_comes_first(monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, made: MadeKey) -> None:
    monkeypatch.setenv("TPM2OPENSSL_TCTI", "nonsense")
    monkeypatch.setenv("TPM_DEVICE", "/nowhere")
    load_private_key(made.source)
    monkeypatch.setenv("TPM2TOOLS_TCTI", "")
    monkeypatch.setenv("TPM2OPENSSL_TCTI", tpm.tcti)
    load_private_key(made.source)


def test_nothing_is_told_on_stderr_by_the_library(
    monkeypatch: pytest.MonkeyPatch, tpm: SoftwareTpm, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PrivateKeyLoadError):
        load_private_key("handle:0x81abcdef")
    open_by(monkeypatch, TPM2TOOLS_TCTI="swtpm:port=1")
    assert capfd.readouterr() == ("", "")


def test_missing_binding(monkeypatch: pytest.MonkeyPatch, made: MadeKey) -> None:
    monkeypatch.setitem(sys.modules, "tpm2_pytss", None)
    for source in (made.source, HANDLE):
        with pytest.raises(ConfigurationError, match="needs tpm2-pytss") as caught:
            load_private_key(source)
        assert 'pip install "rolesanywhere-signer[tpm]"' in str(caught.value.hint)
