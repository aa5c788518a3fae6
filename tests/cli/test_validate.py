"""``validate``: the report for a person and for a program, and what it is made of."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from rolesanywhere_signer.cli.validate import moment
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.support.command_line import PROGRAM, Outcome, run_here, run_process
from tests.support.profiled import write_config
from tests.support.secrets import PASSPHRASE

ROOT = CertificateAuthority("CN=Root")
ISSUING = ROOT.issue_ca("CN=Issuing")
GOOD = ISSUING.issue("CN=app")
NO_USAGE = ROOT.issue("CN=bad", key_usage=None)
OLD = ROOT.issue("CN=old", valid_from=datetime(2020, 1, 1, tzinfo=timezone.utc), valid_for=timedelta(days=9))
ENDING = ROOT.issue(
    "CN=ending", valid_from=datetime.now(timezone.utc) - timedelta(days=90), valid_for=timedelta(days=92)
)
OK = "ok: no errors, no warnings\n"
NO_PATH = "note: without --trust-anchor FILE, no path to a trust anchor is looked for\n"


def encrypted(issued: IssuedCertificate) -> bytes:
    encryption = BestAvailableEncryption(PASSPHRASE.encode())
    return issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put everything that the cases name into the current directory."""
    monkeypatch.chdir(tmp_path)
    assert GOOD.chain_pem
    contents = {
        "root.pem": ROOT.certificate_pem,
        "issuing.pem": ISSUING.certificate_pem,
        "good.pem": GOOD.certificate_pem,
        "good.key": GOOD.private_key_pem,
        "good.key.encrypted": encrypted(GOOD),
        "full.pem": GOOD.certificate_pem + GOOD.chain_pem,
        "both.pem": GOOD.certificate_pem + GOOD.chain_pem + GOOD.private_key_pem,
        "mixed.pem": GOOD.certificate_pem + OLD.private_key_pem,
        "bad.pem": NO_USAGE.certificate_pem,
        "old.pem": OLD.certificate_pem,
        "old.key": OLD.private_key_pem,
        "ending.pem": ENDING.certificate_pem,
        "passphrase": PASSPHRASE.encode(),
        "empty.pem": b"",
        "client.p12": pkcs12.serialize_key_and_certificates(
            b"app",
            GOOD.private_key,  # type: ignore[arg-type]
            GOOD.certificate,
            [ISSUING.certificate],
            BestAvailableEncryption(PASSPHRASE.encode()),
        ),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    for path in ("one/app.pem", "two/app.pem"):
        (tmp_path / path).write_bytes(GOOD.certificate_pem)
        (tmp_path / path).with_suffix(".key").write_bytes(GOOD.private_key_pem)
    (tmp_path / "one" / "cas.pem").write_bytes(ROOT.certificate_pem + ISSUING.certificate_pem)
    (tmp_path / "two" / "old.pem").write_bytes(OLD.certificate_pem + OLD.private_key_pem)


def validate(capsys: pytest.CaptureFixture[str], line: str) -> Outcome:
    return run_here(capsys, "validate", *line.split())


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("--certificate good.pem", NO_PATH),
        ("--certificate good.pem --private-key good.key", NO_PATH),
        ("--certificate full.pem --trust-anchor root.pem", ""),
        ("--certificate=both.pem --trust-anchor=root.pem", ""),
        ("--certificate good.pem --intermediates issuing.pem --trust-anchor root.pem", ""),
        ("--certificate good.pem --trust-anchor issuing.pem --private-key good.key", ""),
        ("--certificate good.pem --private-key good.key.encrypted --passphrase-file passphrase", NO_PATH),
        (f"--certificate good.pem --private-key good.key.encrypted --pkcs8-password {PASSPHRASE}", NO_PATH),
        ("--certificate client.p12 --passphrase-file passphrase --trust-anchor root.pem", ""),
        (
            "--cert-directory one --cert-selector Key=x509Subject,Value=CN=app --trust-anchor root.pem",
            "note: validating the certificate file 'one/app.pem'\n",
        ),
        ("--trust-anchor root.pem", ""),
        ("--certificate old.pem --at 2020-01-05 --private-key old.key", NO_PATH),
    ],
)
def test_what_is_right(capsys: pytest.CaptureFixture[str], line: str, note: str) -> None:
    assert validate(capsys, line) == Outcome(0, OK, note)


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("--certificate bad.pem", ["no-key-usage"]),
        ("--certificate old.pem", ["expired"]),
        ("--certificate good.pem --at 2024-01-01T10:30:00+09:00", ["not-yet-valid"]),
        ("--certificate mixed.pem", ["key-mismatch"]),
        ("--certificate good.pem --private-key old.key", ["key-mismatch"]),
        ("--certificate good.pem --trust-anchor root.pem", ["issuer-not-found"]),
        ("--cert-directory two --trust-anchor root.pem", ["issuer-not-found"]),
        ("--cert-directory two --cert-selector Key=x509Subject,Value=CN=old", ["expired"]),
        ("--trust-anchor bad.pem", ["not-a-ca", "cannot-sign-certificates"]),
    ],
)
def test_what_is_wrong(capsys: pytest.CaptureFixture[str], line: str, codes: list[str]) -> None:
    outcome = validate(capsys, f"{line} --format json")
    report = json.loads(outcome.stdout)
    assert outcome.code == 1
    assert [finding["code"] for finding in report["findings"] if finding["severity"] == "error"] == codes
    assert (report["ok"], report["errors"]) == (False, len(codes))
    table = validate(capsys, line)
    assert table.code == 1
    assert [each for each in codes if re.search(rf"^error +\S.*  {each}$", table.stdout, re.MULTILINE)] == codes
    assert f"\nrefused: {len(codes)} error" in table.stdout


def test_warnings_alone_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = validate(capsys, "--certificate ending.pem --trust-anchor root.pem")
    assert (outcome.code, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert lines[0] == "SEVERITY  SUBJECT  CODE"
    assert lines[1] == "warning   leaf     expires-soon"
    assert lines[2].startswith("          CN=ending expires on ")
    assert lines[3] == "          hint: have a new certificate issued before that day"
    assert lines[4:] == ["", "ok: no errors, 1 warning"]


def test_the_json_is_this(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = validate(
        capsys, "--certificate old.pem --at 2026-01-31T12:00:00+01:00 --format json --trust-anchor root.pem"
    )
    report = json.loads(outcome.stdout)
    assert list(report) == ["ok", "at", "errors", "warnings", "findings"]
    assert report["at"] == "2026-01-31T11:00:00Z"
    assert report["warnings"] == 0
    assert report["findings"][0] == {
        "severity": "error",
        "subject": "leaf",
        "code": "expired",
        "message": "CN=old expired on 2020-01-10 00:00:00 UTC, and it is 2026-01-31 11:00:00 UTC",
        "hint": "have a new certificate issued and put it in this one's place",
        "rule": "RFC 5280, 4.1.2.5",
    }
    right = validate(capsys, "--certificate full.pem --trust-anchor root.pem --format json")
    assert json.loads(right.stdout)["findings"] == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "validate: there is no certificate to validate"),
        ("--private-key good.key", "there is no certificate for --private-key"),
        ("--trust-anchor root.pem --intermediates issuing.pem", "there is no certificate for --intermediates"),
        ("--certificate none.pem", "cannot read the certificate file 'none.pem'"),
        ("--certificate empty.pem", "is not an X.509 certificate"),
        ("--certificate good.pem --private-key none.key", "cannot read the private key file 'none.key'"),
        ("--certificate good.pem --trust-anchor none.pem", "cannot read the trust anchor file 'none.pem'"),
        ("--certificate good.pem --private-key root.pem", "no private key inside"),
        ("--certificate good.pem --at tomorrow", "the value of --at must be a day such as 2027-01-31"),
        ("--certificate good.pem --at 2027-02-30", "the value of --at must be a day such as 2027-01-31"),
        ("--certificate good.pem --at 2027-01-31T12:00:00", "the value of --at must be a day such as"),
        ("--certificate good.pem --format xml", "the value of --format must be table or json"),
        ("--certificate pkcs11:tokn=a", "an attribute tokn that is unknown"),
        ("--cert-selector Key=x509Serial,Value=1", "--cert-selector needs the operating system's"),
        ("--cert-directory one --certificate good.pem", "--cert-directory and --certificate exclude each other"),
        ("--cert-directory one --cert-selector Key=x509Serial,Value=1", "no certificate in 'one' fits the selector"),
        ("--profile nobody", "no AWS config file"),
    ],
)
def test_what_cannot_be_validated(capsys: pytest.CaptureFixture[str], line: str, error: str) -> None:
    outcome = validate(capsys, line)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert error in next(each for each in outcome.stderr.splitlines() if each.startswith("error: "))


def test_a_wrong_passphrase_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    line = "--certificate good.pem --private-key good.key.encrypted --pkcs8-password planted-wrong"
    outcome = validate(capsys, line)
    assert outcome.code == 1
    assert "the passphrase is wrong" in outcome.stderr
    assert "planted" not in outcome.stderr


# --- Profiles ------------------------------------------------------------------------------------------------------

Configure = Callable[..., None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    def write(**profiles: str) -> None:
        write_config(tmp_path / "config", **profiles)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    return write


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ("rolesanywhere_certificate = full.pem\nrolesanywhere_private_key = good.key", []),
        ("rolesanywhere_certificate = both.pem", []),
        ("rolesanywhere_certificate = good.pem\nrolesanywhere_private_key = good.key", ["issuer-not-found"]),
        ("credential_process = aws_signing_helper credential-process --certificate both.pem", []),
        ("credential_process = aws_signing_helper credential-process --cert-directory one", []),
    ],
)
def test_the_certificate_of_a_profile(
    capsys: pytest.CaptureFixture[str], configure: Configure, keys: str, codes: list[str]
) -> None:
    configure(iam=f"{keys}\nrolesanywhere_trust_anchor = root.pem", other="role_arn = x\nsource_profile = y")
    report = json.loads(validate(capsys, "--profile iam --format json").stdout)
    assert [finding["code"] for finding in report["findings"]] == codes


def test_flags_go_before_the_profile(capsys: pytest.CaptureFixture[str], configure: Configure) -> None:
    configure(iam="rolesanywhere_certificate = good.pem\nrolesanywhere_private_key = good.key")
    assert validate(capsys, "--profile iam").code == 0
    outcome = validate(capsys, "--profile iam --certificate old.pem --private-key old.key --format json")
    assert [finding["code"] for finding in json.loads(outcome.stdout)["findings"]] == ["expired"]
    assert validate(capsys, "--profile iam --trust-anchor root.pem").code == 1
    assert validate(capsys, "--profile iam --trust-anchor root.pem --cert-directory one").code == 0


def test_a_profile_whose_key_is_nowhere(capsys: pytest.CaptureFixture[str], configure: Configure) -> None:
    configure(iam="rolesanywhere_certificate = good.pem")
    outcome = validate(capsys, "--profile iam")
    assert outcome.code == 1
    assert "no private key inside" in outcome.stderr


def test_the_profile_that_another_stands_on(capsys: pytest.CaptureFixture[str], configure: Configure) -> None:
    configure(
        base="rolesanywhere_certificate = old.pem\nrolesanywhere_private_key = old.key",
        top="role_arn = arn:aws:iam::123456789012:role/next\nsource_profile = base",
    )
    assert "expired" in validate(capsys, "--profile top").stdout


# --- At a terminal -------------------------------------------------------------------------------------------------


def on_a_terminal(line: str, **environment: str) -> str:
    """Run the program with a terminal as standard output; return what it shows."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm", **environment}
    done = subprocess.run([*PROGRAM, "validate", *line.split()], stdout=theirs, env=variables, check=False, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    assert done.returncode in (0, 1)
    return shown


def test_colour_is_for_terminals() -> None:
    line = "--certificate bad.pem --trust-anchor root.pem"
    shown = on_a_terminal(line, COLUMNS="100")
    assert "\033[31;1merror   \033[0m  leaf " in shown
    assert "\033[36mhint:\033[0m " in shown
    assert "\033[32;1mok:\033[0m " in on_a_terminal("--certificate full.pem --trust-anchor root.pem")
    plain = on_a_terminal(line, COLUMNS="100", NO_COLOR="1")
    assert plain == re.sub(r"\033\[[0-9;]*m", "", shown)
    assert run_process("validate", *line.split(), environment={"COLUMNS": "100"}).stdout == plain


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_lines_fit_the_terminal(columns: int) -> None:
    line = "--certificate good.pem --private-key old.key --trust-anchor root.pem"
    lines = on_a_terminal(line, COLUMNS=str(columns), NO_COLOR="1").splitlines()
    assert max(map(len, lines)) <= columns
    narrowest = on_a_terminal(line, COLUMNS="10", NO_COLOR="1").splitlines()
    assert max(map(len, narrowest)) <= 40


def test_as_a_program() -> None:
    done = run_process("validate", "--certificate", "bad.pem", "--trust-anchor", "root.pem")
    assert (done.code, done.stderr) == (1, "")
    assert "no-key-usage" in done.stdout
    right = run_process("validate", "--certificate", "full.pem", "--trust-anchor", "root.pem")
    assert (right.code, right.stdout, right.stderr) == (0, OK, "")


def test_libraries_keep_their_warnings_to_themselves(tmp_path: Path) -> None:
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90"),
        *("-keyout", "long.key", "-out", "long.pem", "-subj", f"/CN={'x' * 62}/O={'y' * 60}/C=DE"),
        *("-addext", "keyUsage=digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE"),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    done = run_process("validate", "--certificate", "long.pem")
    assert done.stderr == NO_PATH
    assert "long-common-name" in done.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-31", "2027-01-31T00:00:00+00:00"),
        ("2027-01-31T12:30Z", "2027-01-31T12:30:00+00:00"),
        ("2027-01-31T12:30:15-05:00", "2027-01-31T17:30:15+00:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert moment(text).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "31.1.2027",
        "2027-13-01",
        "2027-01-31 12:00Z",
        "2027-01-31T25:00Z",
        "0001-01-01T00:00+23:00",
        "2027-01-31Z",
    ],
)
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="a day such as"):
        moment(text)
