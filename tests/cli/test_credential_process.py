"""``credential-process``: arguments, files and environment to stdout, stderr and exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
from pathlib import Path

import pytest
from botocore.credentials import ProcessProvider

from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.command_line import PROGRAM, Outcome, run_here, run_process, session_words
from tests.support.profiled import own_keys, write_config
from tests.support.secrets import PASSPHRASE
from tests.support.world import World

CREDENTIAL_PROCESS = "credential-process"


def run(capsys: pytest.CaptureFixture[str], world: World, *more: str) -> Outcome:
    return run_here(capsys, CREDENTIAL_PROCESS, *session_words(world), *more)


def encrypt_key(world: World) -> Path:
    path = world.directory / "encrypted.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", world.private_key, "-out", path, "-passout", f"pass:{PASSPHRASE}"],
        check=True,
    )
    return path


# --- What is printed -----------------------------------------------------------------------------------------------


def test_it_prints_what_the_official_helper_prints_and_the_account(
    capsys: pytest.CaptureFixture[str], world: World
) -> None:
    outcome = run(capsys, world)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert re.fullmatch(
        r'\{"Version":1,"AccessKeyId":"ASIA\w+","SecretAccessKey":"[^"]{40}","SessionToken":"[^"]+",'
        r'"Expiration":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","AccountId":"123456789012"\}',
        outcome.stdout,
    )


def test_botocore_takes_it(world: World) -> None:
    line = " ".join([*PROGRAM, CREDENTIAL_PROCESS, *session_words(world)])
    provider = ProcessProvider("iam", lambda: {"profiles": {"iam": {"credential_process": line}}})
    credentials = provider.load()
    assert credentials is not None
    assert credentials.get_frozen_credentials().account_id == "123456789012"


@pytest.mark.parametrize(
    ("flag", "asked"), [((), 3600), (("--session-duration", "900"), 900), (("--session-duration=1200",), 1200)]
)
def test_the_duration_is_always_sent_as_the_official_helper_does(
    capsys: pytest.CaptureFixture[str], world: World, flag: tuple[str, ...], asked: int
) -> None:
    assert run(capsys, world, *flag).code == 0
    assert json.loads(world.service.calls[-1].request.body)["durationSeconds"] == asked


def test_the_role_session_name_is_sent(capsys: pytest.CaptureFixture[str], world: World) -> None:
    assert run(capsys, world, "--role-session-name", "machine-7").code == 0
    assert json.loads(world.service.calls[-1].request.body)["roleSessionName"] == "machine-7"


def test_empty_values_are_flags_that_are_not_there(capsys: pytest.CaptureFixture[str], world: World) -> None:
    empty = ("--intermediates", "", "--role-session-name=", "--region", "", "--pkcs8-password", "")
    assert run(capsys, world, *empty).code == 0
    assert "roleSessionName" not in json.loads(world.service.calls[-1].request.body)


def test_intermediates_go_along(capsys: pytest.CaptureFixture[str], world: World) -> None:
    issuing = world.ca.issue_ca("CN=Issuing CA")
    issuing.issue("CN=app").write(world.directory)
    assert run(capsys, world).code == 1
    chain = world.directory / "issuing.pem"
    chain.write_bytes(issuing.certificate_pem)
    assert run(capsys, world, "--intermediates", str(chain)).code == 0


def test_one_file_may_hold_both(capsys: pytest.CaptureFixture[str], world: World) -> None:
    both = world.directory / "both.pem"
    both.write_bytes(world.leaf.certificate_pem + world.leaf.private_key_pem)
    both.chmod(0o600)
    words = session_words(world)[4:]
    assert run_here(capsys, CREDENTIAL_PROCESS, "--certificate", str(both), *words).code == 0


# --- Where settings come from --------------------------------------------------------------------------------------


def test_a_profile_gives_what_flags_leave_out(
    capsys: pytest.CaptureFixture[str], world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The profile's own line runs this program, so that the AWS CLI and the SDKs find the same settings.
    line = "credential_process = rolesanywhere-signer credential-process --profile iam"
    write_config(tmp_path / "config", iam=f"{own_keys(world)}\n{line}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert run_here(capsys, CREDENTIAL_PROCESS, "--profile", "iam").code == 0
    assert "durationSeconds" not in json.loads(world.service.calls[-1].request.body)
    assert run_here(capsys, CREDENTIAL_PROCESS, "--profile", "iam", "--session-duration", "1000").code == 0
    assert json.loads(world.service.calls[-1].request.body)["durationSeconds"] == 1000
    monkeypatch.setenv("AWS_PROFILE", "iam")
    assert run_here(capsys, CREDENTIAL_PROCESS).code == 0


def test_the_environment_gives_them(
    capsys: pytest.CaptureFixture[str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLESANYWHERE_CERTIFICATE_PEM", world.leaf.certificate_pem.decode())
    monkeypatch.setenv("ROLESANYWHERE_PRIVATE_KEY_PEM", world.leaf.private_key_pem.decode())
    monkeypatch.setenv("ROLESANYWHERE_ENDPOINT_URL", world.service.url)
    for name, arn in world.arns.items():
        monkeypatch.setenv(f"ROLESANYWHERE_{name.upper()}", arn)
    assert run_here(capsys, CREDENTIAL_PROCESS).code == 0


# --- Errors --------------------------------------------------------------------------------------------------------

OTHER_REGION = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/22222222-2222-2222-2222-222222222222"


@pytest.mark.parametrize(
    ("flags", "error", "hint"),
    [
        (["--trust-anchor-arn", "nonsense"], "trust_anchor_arn 'nonsense': it does not have", ""),
        (["--profile-arn", OTHER_REGION], "the trust anchor is in eu-central-1 and the profile in us-east-1", ""),
        (["--session-duration", "60"], "duration_seconds is 60", ""),
        (["--session-duration", "an hour"], "the value of --session-duration must be a whole number", ""),
        (["--certificate", "/nowhere/client.pem"], "cannot read the certificate file '/nowhere/client.pem'", "path"),
        (["--private-key", "/nowhere/client.key"], "cannot read the private key file '/nowhere/client.key'", "path"),
        (["--certifcate", "planted"], "the flag --certifcate is unknown", "is --certificate meant?"),
        (["--region"], "--region has no value", "--region=VALUE"),
        (["planted"], "a word that is no flag stands after --endpoint", "quotation marks"),
        (["--debug=perhaps"], "the value of --debug must be true or false", ""),
        (["--endpoint", "http://example.com"], "is plain HTTP to another machine", "https"),
        (["--pkcs8-password", "planted", "--tpm-key-password", "x"], "exclude each other", ""),
        (["--cert-selector", "Key=x509Subject,Value=CN=a"], "--cert-selector", ""),
        (["--private-key", "handle:0x40000001"], "handle 0x40000001 is no persistent handle of a TPM", "evictcontrol"),
        (["--certificate", "pkcs11:tokn=a"], "the URI of the certificate has an attribute tokn that is unknown", ""),
        (["--no-verify-ssl", "--ca-bundle", "x"], "exclude each other", ""),
        (["--use-fips-endpoint"], "endpoint_url cannot be combined with", ""),
    ],
)
def test_bad_flags_are_told_in_two_lines(
    capsys: pytest.CaptureFixture[str], world: World, flags: list[str], error: str, hint: str
) -> None:
    outcome = run(capsys, world, *flags)
    assert (outcome.code, outcome.stdout) == (1, "")
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    assert hint in (lines[1] if len(lines) > 1 else "")
    assert "planted" not in outcome.stderr
    assert world.service.calls == []


def test_flags_stand_alone_and_name_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_here(capsys, CREDENTIAL_PROCESS, "--certificate", "client.pem", "--role-arn", "x")
    assert outcome.code == 1
    assert "--trust-anchor-arn and --profile-arn are missing" in outcome.stderr


def test_nothing_given_says_what_was_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_here(capsys, CREDENTIAL_PROCESS)
    assert outcome.code == 1
    assert "ROLESANYWHERE_CERTIFICATE" in outcome.stderr
    assert "AWS_PROFILE" in outcome.stderr


def test_the_service_s_own_words_are_there_for_scripts(capsys: pytest.CaptureFixture[str], world: World) -> None:
    CertificateAuthority().issue("CN=stranger").write(world.directory)
    outcome = run(capsys, world)
    assert outcome.code == 1
    assert "AccessDeniedException: Untrusted signing certificate" in outcome.stderr
    assert "hint: " in outcome.stderr


def test_a_key_of_another_certificate_is_no_matter_for_the_service(
    capsys: pytest.CaptureFixture[str], world: World
) -> None:
    world.private_key.write_bytes(CertificateAuthority().issue("CN=other").private_key_pem or b"")
    outcome = run(capsys, world)
    assert outcome.code == 1
    assert "the private key is not the one of" in outcome.stderr
    assert world.service.calls == []


def test_a_service_that_is_not_there(capsys: pytest.CaptureFixture[str], world: World) -> None:
    outcome = run(capsys, world, "--endpoint", "http://127.0.0.1:9")
    assert outcome.code == 1
    assert "no answer from 127.0.0.1:9" in outcome.stderr
    assert "Traceback" not in outcome.stderr


# --- Passphrases ---------------------------------------------------------------------------------------------------


def test_a_passphrase_from_a_flag_or_a_file(
    capsys: pytest.CaptureFixture[str], world: World, require_tool: object
) -> None:
    key = str(encrypt_key(world))
    file = world.directory / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    assert run(capsys, world, "--private-key", key, "--pkcs8-password", PASSPHRASE).code == 0
    assert run(capsys, world, "--private-key", key, "--passphrase-file", str(file)).code == 0
    outcome = run(capsys, world, "--private-key", key, "--pkcs8-password", "wrong")
    assert outcome.code == 1
    assert "the passphrase is wrong" in outcome.stderr


def test_without_a_terminal_nothing_is_asked(world: World) -> None:
    outcome = run_process(CREDENTIAL_PROCESS, *session_words(world), "--private-key", str(encrypt_key(world)))
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "there is no terminal to ask on" in outcome.stderr
    assert "--passphrase-file" in outcome.stderr


def test_on_a_terminal_the_passphrase_is_asked_for_and_not_shown(world: World) -> None:
    command = [*PROGRAM, CREDENTIAL_PROCESS, *session_words(world), "--private-key", str(encrypt_key(world))]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)  # noqa: S606 - a terminal of its own, and no shell
    shown = _converse(terminal, f"{PASSPHRASE}\n")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert "Passphrase or PIN of the private key:" in shown
    assert '"AccessKeyId"' in shown
    assert PASSPHRASE not in shown


def _converse(terminal: int, answer: str) -> str:
    """Answer the first question on a terminal and return all that it showed."""
    guard = threading.Timer(60, os.close, (terminal,))
    guard.start()
    shown = b""
    try:
        while b"Passphrase" not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, answer.encode())
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:
        pass  # how Linux tells that the other side has ended
    guard.cancel()
    os.close(terminal)
    return shown.decode()


# --- Debugging -----------------------------------------------------------------------------------------------------


def test_debug_shows_the_stages_and_no_secret(capsys: pytest.CaptureFixture[str], world: World) -> None:
    outcome = run(capsys, world, "--debug")
    assert outcome.code == 0
    for told in ("POST ", "canonical request:", "string to sign:\nAWS4-X509-ECDSA-SHA256", "HTTP 201 after"):
        assert told in outcome.stderr
    printed = json.loads(outcome.stdout)
    sent = dict(world.service.calls[-1].request.headers)
    signature = sent["Authorization"].rpartition("=")[2]
    for secret in (printed["SecretAccessKey"], printed["SessionToken"], signature):
        assert secret not in outcome.stderr


def test_it_imports_neither_botocore_nor_more_of_ours_than_it_needs(world: World) -> None:
    words = [CREDENTIAL_PROCESS, *session_words(world)]
    code = (
        "import sys; from rolesanywhere_signer.cli import main\n"
        f"code = main({words!r})\n"
        "sys.exit(code or 'botocore' in sys.modules)"
    )
    done = subprocess.run([PROGRAM[0], "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
