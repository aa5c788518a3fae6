"""The commands with a key in a TPM, end to end against the local service, each as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import select
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM, run_process, session_words
from tests.support.serving import Program
from tests.support.updating import KEYS, WRITTEN, updating, written
from tests.support.world import World
from tests.tpm.signatures import verify
from tests.tpm.software_tpm import MadeKey, SoftwareTpm
from tests.tpm.test_keys import P256, RSA2048
from tests.tpm.test_passwords import PASSWORD

PROMPT = b"Passphrase or PIN of the private key: "


def certify(world: World, made: MadeKey) -> None:
    """Let the world's CA certify a key, and the world use it."""
    issued = world.ca.issue("CN=app", public_key=made.public_key)  # type: ignore[typeddict-item]
    world.certificate.write_bytes(issued.certificate_pem)
    world.leaf = issued
    world.private_key = made.source  # type: ignore[assignment]


def plain_handle(tpm: SoftwareTpm) -> tuple[MadeKey, list[str]]:
    return tpm.key_at_handle(), ["--no-tpm-key-password"]


def rsa_handle(tpm: SoftwareTpm) -> tuple[MadeKey, list[str]]:
    return tpm.key_at_handle("rsa2048"), ["--no-tpm-key-password"]


def protected_handle(tpm: SoftwareTpm) -> tuple[MadeKey, list[str]]:
    return tpm.key_at_handle(password=PASSWORD), ["--tpm-key-password", PASSWORD]


def plain_file(tpm: SoftwareTpm) -> tuple[MadeKey, list[str]]:
    return tpm.openssl_file(*P256), []


def protected_file(tpm: SoftwareTpm) -> tuple[MadeKey, list[str]]:
    (tpm.directory / "password").write_text(f"{PASSWORD}\n")
    return tpm.openssl_file(*RSA2048, password=PASSWORD), ["--passphrase-file", str(tpm.directory / "password")]


@pytest.fixture(
    params=[plain_handle, rsa_handle, protected_handle, plain_file, protected_file], ids=lambda p: p.__name__
)
def flags(request: pytest.FixtureRequest, tpm: SoftwareTpm, world: World) -> list[str]:
    """Put one of several keys into the world, and return what opens it."""
    made, flags = request.param(tpm)
    certify(world, made)
    return list(flags)


def key_words(world: World) -> list[str]:
    return ["--certificate", str(world.certificate), "--private-key", str(world.private_key)]


def test_credential_process(world: World, flags: list[str]) -> None:
    outcome = run_process("credential-process", *session_words(world), *flags)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["AccessKeyId"].startswith("ASIA")
    assert [call.status for call in world.service.calls] == [201]


def test_sign_string(world: World, flags: list[str]) -> None:
    from rolesanywhere_signer.keys import fixed_string

    public_key = world.leaf.certificate.public_key()
    for digest in ("SHA256", "SHA384"):
        outcome = run_process("sign-string", *key_words(world), *flags, "--format", "text", "--digest", digest)
        assert (outcome.code, outcome.stderr) == (0, "")
        verify(public_key, bytes.fromhex(outcome.stdout), fixed_string(public_key), digest)


def test_update(world: World, flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    with updating(world, *flags, AWS_SHARED_CREDENTIALS_FILE=str(path)) as running:
        running.wait_for(WRITTEN)
        assert running.end().code == 0
    assert tuple(written(path)) == KEYS


def test_serve(world: World, flags: list[str]) -> None:
    with Program([*session_words(world), *flags, "--port", "0"]) as program:
        assert any(line.startswith("Local server started on port") for line in program.lines)
    assert [call.status for call in world.service.calls] == [201]


def test_validate(world: World, flags: list[str], tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.pem"
    anchor.write_bytes(world.ca.certificate_pem)
    outcome = run_process("validate", *key_words(world), *flags, "--trust-anchor", str(anchor))
    assert (outcome.code, outcome.stderr) == (0, "")


def test_doctor(world: World, flags: list[str]) -> None:
    outcome = run_process("doctor", *session_words(world), *flags)
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_read_certificate_data(world: World, tpm: SoftwareTpm) -> None:
    certify(world, tpm.openssl_file(*P256))
    outcome = run_process("read-certificate-data", "--certificate", str(world.certificate))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["keyType"] == "EC"


# Passwords.


@pytest.mark.parametrize("command", ["credential-process", "update", "serve"])
def test_wrong_password_is_told_in_two_lines(world: World, tpm: SoftwareTpm, command: str) -> None:
    certify(world, tpm.key_at_handle(password=PASSWORD))
    outcome = run_process(command, *session_words(world), "--tpm-key-password", "planted")
    assert (outcome.code, outcome.stdout) == (1, "")
    error, hint = outcome.stderr.splitlines()
    assert error.startswith("error: signing with the key handle:0x81")
    assert error.endswith("the TPM refused the password")
    assert hint.startswith("hint: the TPM counted a wrong password")
    assert "planted" not in outcome.stderr
    assert tpm.failures() == 1


def test_no_password_where_there_is_one(world: World, tpm: SoftwareTpm) -> None:
    certify(world, tpm.key_at_handle(password=PASSWORD))
    outcome = run_process("credential-process", *session_words(world), "--no-tpm-key-password")
    assert outcome.code == 1
    assert "the key has a password: give it" in outcome.stderr


@pytest.mark.parametrize("make", [protected_handle, protected_file])
def test_without_a_terminal_nothing_is_asked(world: World, tpm: SoftwareTpm, make: object) -> None:
    made, _ = make(tpm)  # type: ignore[operator]
    certify(world, made)
    outcome = run_process("credential-process", *session_words(world))
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: ")
    assert len(outcome.stderr.splitlines()) == 2
    assert "--tpm-key-password" in outcome.stderr
    assert tpm.failures() == 0


@pytest.mark.parametrize(
    ("make", "typed"), [(protected_handle, PASSWORD), (plain_handle, ""), (protected_file, PASSWORD)]
)
def test_on_a_terminal_the_password_is_asked_for(world: World, tpm: SoftwareTpm, make: object, typed: str) -> None:
    made, _ = make(tpm)  # type: ignore[operator]
    certify(world, made)
    command = [*PROGRAM, "credential-process", *session_words(world)]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)  # noqa: S606 - a terminal of its own, and no shell
    shown = read_until(terminal, PROMPT)
    os.write(terminal, f"{typed}\n".encode())
    shown += read_until(terminal, b"}")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert shown.count(PROMPT) == 1
    assert PASSWORD.encode() not in shown
    assert json.loads(shown.splitlines()[-1])["AccessKeyId"].startswith("ASIA")


def read_until(terminal: int, end: bytes) -> bytes:
    shown = b""
    while end not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 4096)
    return shown


# Profiles.


@pytest.mark.parametrize("style", ["keys", "process"])
def test_configured_profile_serves_the_command(world: World, tpm: SoftwareTpm, tmp_path: Path, style: str) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    certify(world, tpm.key_at_handle(password=PASSWORD))
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path)}
    flags = ["--profile", "tpm", "--style", style, "--offline", "--passphrase-file", str(tmp_path / "password")]
    outcome = run_process("configure", *session_words(world), *flags, environment=environment)
    assert outcome.code == 0, outcome.stderr
    assert f"{world.private_key}" in (tmp_path / "config").read_text()
    assert f"/{world.private_key}" not in (tmp_path / "config").read_text()
    outcome = run_process("credential-process", "--profile", "tpm", environment=environment)
    assert outcome.code == 0, outcome.stderr


def test_configure_writes_no_password(world: World, tpm: SoftwareTpm, tmp_path: Path) -> None:
    certify(world, tpm.key_at_handle(password=PASSWORD))
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    flags = ["--profile", "tpm", "--offline", "--tpm-key-password", PASSWORD]
    outcome = run_process("configure", *session_words(world), *flags, environment=environment)
    assert outcome.code == 1
    assert "a passphrase does not go into the AWS config file" in outcome.stderr
    assert not (tmp_path / "config").exists()


def test_answer_that_is_kept_needs_no_tpm(
    world: World, tpm: SoftwareTpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify(world, tpm.key_at_handle())
    words = ["credential-process", *session_words(world), "--no-tpm-key-password", f"--cache={tmp_path / 'cache'}"]
    first = run_process(*words)
    assert first.code == 0, first.stderr
    monkeypatch.setenv("TPM2TOOLS_TCTI", "nonsense")
    again = run_process(*words)
    assert (again.code, again.stdout) == (0, first.stdout)
