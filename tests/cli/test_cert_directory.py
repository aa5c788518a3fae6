"""Credentials with a certificate that is chosen in a directory: by flags, by a profile, and after a renewal."""

from __future__ import annotations

import json
import os
import pty
import select
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer.testing import IssuedCertificate
from tests.support.command_line import PROGRAM, Outcome, run_here, run_process, session_words
from tests.support.profiled import write_config
from tests.support.secrets import PASSPHRASE
from tests.support.world import World

SELECTOR = ("--cert-selector", "Key=x509Subject,Value=CN=app")


def directory_words(world: World) -> list[str]:
    """Return the flags of a session, with the directory in the place of certificate and key."""
    words = session_words(world)
    return ["--cert-directory", str(world.directory), *words[words.index("--trust-anchor-arn") :]]


def run(capsys: pytest.CaptureFixture[str], world: World, *more: str) -> Outcome:
    return run_here(capsys, "credential-process", *directory_words(world), *more)


def used(world: World) -> str:
    """Return the serial number of the certificate that the service saw last."""
    return headers(world)["Authorization"].partition("Credential=")[2].partition("/")[0]


def headers(world: World) -> dict[str, str]:
    return dict(world.service.calls[-1].request.headers)


def serial(issued: IssuedCertificate) -> str:
    return str(issued.certificate.serial_number)


def put(world: World, name: str, issued: IssuedCertificate) -> IssuedCertificate:
    for suffix, content in ((".pem", issued.certificate_pem), (".key", issued.private_key_pem)):
        path = world.directory / f"{name}{suffix}"
        path.write_bytes(content)
        path.chmod(0o600)
    return issued


@pytest.mark.parametrize("more", [(), SELECTOR, (*SELECTOR, "--use-latest-expiring-certificate")])
def test_the_only_certificate_that_fits(
    capsys: pytest.CaptureFixture[str], world: World, more: tuple[str, ...]
) -> None:
    outcome = run(capsys, world, *more)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["AccessKeyId"].startswith("ASIA")
    assert used(world) == serial(world.leaf)


def test_of_several_one_must_be_named(capsys: pytest.CaptureFixture[str], world: World) -> None:
    later = put(world, "renewed", world.ca.issue("CN=app", valid_for=timedelta(days=500)))
    outcome = run(capsys, world, *SELECTOR)
    assert (outcome.code, outcome.stdout) == (1, "")
    lines = outcome.stderr.splitlines()
    assert lines[0] == f"error: 2 certificates in {str(world.directory)!r} fit, and one must be chosen:"
    assert lines[1].startswith(f"  {world.directory}/certificate.pem: subject CN=app, issuer CN=Test CA, serial ")
    assert lines[2].startswith(f"  {world.directory}/renewed.pem: ")
    assert lines[3].startswith("hint: --use-latest-expiring-certificate")
    assert run(capsys, world, *SELECTOR, "--use-latest-expiring-certificate").code == 0
    assert used(world) == serial(later)
    assert (
        run(capsys, world, "--cert-selector", f"Key=x509Serial,Value={world.leaf.certificate.serial_number:x}").code
        == 0
    )
    assert used(world) == serial(world.leaf)


def test_intermediates_are_found_beside_it(capsys: pytest.CaptureFixture[str], world: World) -> None:
    issuing = world.ca.issue_ca("CN=Issuing")
    put(world, "deep", issuing.issue("CN=deep"))
    (world.directory / "issuing.crt").write_bytes(issuing.certificate_pem)
    assert run(capsys, world, "--cert-selector", "Key=x509Subject,Value=CN=deep").code == 0
    assert headers(world)["X-Amz-X509-Chain"]


def test_a_renewal_under_a_new_name_is_found_in_spite_of_the_cache(world: World, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    words = ("credential-process", *directory_words(world), "--use-latest-expiring-certificate", f"--cache={cache}")
    first, again = run_process(*words), run_process(*words)
    assert (first.code, first.stderr) == (0, "")
    assert again.stdout == first.stdout
    assert len(world.service.calls) == 1
    later = put(world, "renewed", world.ca.issue("CN=app", valid_for=timedelta(days=500)))
    renewed = run_process(*words)
    assert renewed.code == 0
    assert renewed.stdout != first.stdout
    assert used(world) == serial(later)


def test_the_line_of_a_profile(
    capsys: pytest.CaptureFixture[str], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = " ".join(directory_words(world))
    line = f'credential_process = aws_signing_helper credential-process {words} --cert-selector "{SELECTOR[1]}"'
    write_config(tmp_path / "config", iam=line)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    outcome = run_here(capsys, "credential-process", "--profile", "iam")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert used(world) == serial(world.leaf)


def encrypt(world: World) -> None:
    encryption = BestAvailableEncryption(PASSPHRASE.encode())
    key = world.leaf.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    world.private_key.write_bytes(key)


def test_an_encrypted_key(capsys: pytest.CaptureFixture[str], world: World, tmp_path: Path) -> None:
    encrypt(world)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    assert run(capsys, world, "--passphrase-file", str(tmp_path / "passphrase")).code == 0
    wrong = run(capsys, world, "--pkcs8-password", "planted-wrong")
    assert wrong.code == 1
    assert "the passphrase is wrong" in wrong.stderr
    assert "planted-wrong" not in wrong.stderr
    unasked = run_process("credential-process", *directory_words(world))
    assert unasked.code == 1
    assert "there is no terminal to ask on" in unasked.stderr


def test_a_person_is_asked_once(world: World) -> None:
    encrypt(world)
    child, terminal = pty.fork()
    if child == 0:
        command = [*PROGRAM, "credential-process", *directory_words(world)]
        os.execv(command[0], command)  # noqa: S606 - a terminal of its own, and no shell
    shown = read_until(terminal, b"Passphrase or PIN of the private key: ")
    os.write(terminal, f"{PASSPHRASE}\n".encode())
    shown += read_until(terminal, b"}")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
    assert shown.count(b"Passphrase") == 1
    assert PASSPHRASE.encode() not in shown
    assert used(world) == serial(world.leaf)


def read_until(terminal: int, end: bytes) -> bytes:
    shown = b""
    while end not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 4096)
    return shown


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--private-key", "x"), "--cert-directory and --private-key exclude each other"),
        (("--intermediates", "x"), "--cert-directory and --intermediates exclude each other"),
        (("--certificate", "x"), "--cert-directory and --certificate exclude each other"),
        (("--cert-selector", "CN=app"), "unable to parse cert selector string"),
        (("--cert-selector", "Key=x509Name,Value=CN=app"), "cert selector contained invalid key: x509Name"),
        (("--cert-selector", "Key=x509Subject,Value=CN=other"), "fits the selector; these are there:"),
        (("--cert-directory", "/nowhere"), "cannot read the certificate directory '/nowhere': No such file"),
    ],
)
def test_what_is_refused(capsys: pytest.CaptureFixture[str], world: World, words: tuple[str, ...], error: str) -> None:
    outcome = run(capsys, world, *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert error in outcome.stderr.splitlines()[0]
