"""Every command whose key is behind another command: it signs, fails, hangs, and what is told of it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rolesanywhere_signer import create_botocore_session
from rolesanywhere_signer.errors import SigningError
from rolesanywhere_signer.keys import fixed_string
from tests.support.broken import Site
from tests.support.command_line import Outcome, run_here, run_process
from tests.support.external_keys import GOOD, signing_command
from tests.support.world import World

FAILING = "sys.exit('the vault is sealed')"


def command_for(world: World, body: str = GOOD) -> str:
    directory = world.directory / "signer"
    directory.mkdir(exist_ok=True)
    return shlex.join(signing_command(directory, world.leaf.private_key_pem, body))


@pytest.fixture
def words(world: World) -> list[str]:
    """Return the flags of a session; the private key is nowhere but with the command."""
    command = command_for(world)
    world.private_key.unlink()
    return [
        *("--certificate", str(world.certificate), "--signing-command", command, "--endpoint", world.service.url),
        *(word for name, arn in world.arns.items() for word in (f"--{name.replace('_', '-')}", arn)),
    ]


def with_body(world: World, body: str) -> None:
    command_for(world, body)


def assert_credentials(outcome: Outcome) -> None:
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["AccessKeyId"].startswith("ASIA")


def test_credential_process(words: list[str]) -> None:
    assert_credentials(run_process("credential-process", *words))


def test_credential_process_with_a_cache_keeps_no_word_of_it(
    words: list[str], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = world.directory / "cache"
    for _ in range(2):
        assert_credentials(run_here(capsys, "credential-process", *words, f"--cache={cache}"))
    assert len(world.service.calls) == 1
    assert list(cache.iterdir())
    assert not any(b"sign.py" in path.read_bytes() for path in cache.iterdir() if path.is_file())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (FAILING, "ended with exit code 1\nhint: it said at last: the vault is sealed; run it by hand"),
        ("write(b'garbage')", "gave a signature that is not one of the certificate's key"),
        ("write(sign(sys.stdin.buffer.read(), 'SHA384'))", "it was signed over SHA384"),
    ],
)
def test_what_goes_wrong(words: list[str], world: World, body: str, told: str) -> None:
    with_body(world, body)
    outcome = run_process("credential-process", *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert told in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not world.service.calls


def test_sign_string(words: list[str], world: World, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_here(capsys, "sign-string", *words[:4], "--format", "text")
    assert (outcome.code, outcome.stderr) == (0, "")
    key = load_pem_private_key(world.leaf.private_key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    public_key = key.public_key()
    public_key.verify(bytes.fromhex(outcome.stdout), fixed_string(public_key), ec.ECDSA(hashes.SHA256()))
    outcome = run_here(capsys, "sign-string", *words[:4], "--digest", "SHA384")
    assert outcome.code == 1
    assert "SHA-256 only" in outcome.stderr


@pytest.mark.parametrize("other", ["--private-key", "--pkcs8-password", "--passphrase-file"])
@pytest.mark.parametrize("command", ["credential-process", "sign-string"])
def test_what_it_excludes(words: list[str], capsys: pytest.CaptureFixture[str], command: str, other: str) -> None:
    outcome = run_here(capsys, command, *(words if command == "credential-process" else words[:4]), other, "planted")
    assert outcome.code != 0
    assert "exclude each other" in outcome.stderr
    assert "planted" not in outcome.stderr


def test_validate(words: list[str], world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "validate", *words[:4]).stdout.startswith("ok:")
    with_body(world, FAILING)
    outcome = run_here(capsys, "validate", *words[:4])
    assert outcome.code == 1
    assert "the vault is sealed" in outcome.stderr


def test_validate_by_a_profile(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    written = configured(site, capsys)
    assert written.code == 0, written.stderr
    outcome = run_here(capsys, "validate", "--profile", "vault")
    assert (outcome.code, outcome.stdout[:3]) == (0, "ok:")


def configured(site: Site, capsys: pytest.CaptureFixture[str], *more: str) -> Outcome:
    world = site.world
    command = command_for(world)
    world.private_key.unlink(missing_ok=True)
    return run_here(
        capsys,
        *("configure", "--profile", "vault", "--certificate", str(world.certificate), "--signing-command", command),
        *("--endpoint", world.service.url, *more),
        *(word for name, arn in world.arns.items() for word in (f"--{name.replace('_', '-')}", arn)),
    )


@pytest.mark.parametrize("style", ["keys", "process"])
def test_a_written_profile_gives_credentials(site: Site, capsys: pytest.CaptureFixture[str], style: str) -> None:
    outcome = configured(site, capsys, "--style", style)
    assert outcome.code == 0, outcome.stderr
    session = boto3.Session(botocore_session=create_botocore_session(profile="vault"))
    assert ":assumed-role/s3-reader/" in site.world.sts(session).get_caller_identity()["Arn"]


def test_a_profile_names_the_program_so_that_it_is_found_from_everywhere(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = site.world
    (world.directory / "sign").write_text(f"#!/bin/sh\nexec {command_for(world)}\n")
    (world.directory / "sign").chmod(0o700)
    monkeypatch.chdir(world.directory)
    monkeypatch.setattr("tests.cli.test_signing_command.command_for", lambda _world: "./sign 'a b'")
    assert configured(site, capsys).code == 0
    assert f"rolesanywhere_signing_command = {world.directory / 'sign'} 'a b'\n" in site.config.read_text()


def test_nothing_is_written_where_it_does_not_sign(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        command = command_for(site.world, FAILING)
        patch.setattr("tests.cli.test_signing_command.command_for", lambda _world: command)
        outcome = configured(site, capsys)
    assert outcome.code == 1
    assert "the vault is sealed" in outcome.stderr
    assert not site.config.exists()


def test_the_environment_gives_credentials(
    words: list[str], world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in zip(words[::2], words[1::2], strict=True):
        option = "ENDPOINT_URL" if name == "--endpoint" else name[2:].replace("-", "_").upper()
        monkeypatch.setenv(f"ROLESANYWHERE_{option}", value)
    assert_credentials(run_here(capsys, "credential-process"))


class TestDoctor:
    def test_all_is_well(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        outcome = run_here(capsys, "doctor", *words, "--format", "json")
        found = json.loads(outcome.stdout)
        assert found["ok"], found["error"]
        told = {step["name"]: step["found"] for step in found["steps"]}
        assert "with its key (CommandKey 'python" in told["identity"]
        assert not found["warnings"]

    @pytest.mark.parametrize(("body", "told"), [(FAILING, "the vault is sealed"), ("write(b'garbage')", "own key")])
    def test_a_key_that_does_not_sign_is_its_own_step(
        self, words: list[str], world: World, capsys: pytest.CaptureFixture[str], body: str, told: str
    ) -> None:
        with_body(world, body)
        outcome = run_here(capsys, "doctor", *words, "--format", "json")
        error = json.loads(outcome.stdout)["error"]
        assert (error["step"], error["code"]) == ("identity", "signing")
        assert told in error["hint"]

    def test_a_certificate_that_others_read_is_no_remark(
        self, words: list[str], world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        world.certificate.chmod(0o644)
        assert json.loads(run_here(capsys, "doctor", *words, "--format", "json").stdout)["warnings"] == []


def test_a_session_goes_on_with_its_last_credentials_while_the_command_fails(words: list[str], world: World) -> None:
    session = create_botocore_session(
        certificate=world.certificate, signing_command=words[3], endpoint_url=world.service.url, **world.arns
    )
    first = session.get_credentials().get_frozen_credentials()  # type: ignore[no-untyped-call]
    with_body(world, FAILING)
    assert session.get_credentials().get_frozen_credentials() == first  # type: ignore[no-untyped-call]
    other = create_botocore_session(
        certificate=world.certificate, signing_command=words[3], endpoint_url=world.service.url, **world.arns
    )
    with pytest.raises(SigningError, match="exit code 1"):
        other.get_credentials().get_frozen_credentials()  # type: ignore[no-untyped-call]


def test_it_is_found_on_the_path_of_the_program(words: list[str], world: World, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "vault-sign"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {words[3]}\n")
    program.chmod(0o700)
    changed = ["vault-sign" if word == words[3] else word for word in words]
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    assert_credentials(run_process("credential-process", *changed, environment={"PATH": path}))
