"""The local service as a program: real processes, boto3, our own client, TLS, the state, and mistakes in the file."""

from __future__ import annotations

import json
import re
import signal
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.command_line import PROGRAM, run_here, run_process

REGION = "eu-central-1"
ARN = "arn:aws:rolesanywhere:eu-central-1:123456789012"
ANCHOR = f"{ARN}:trust-anchor/11111111-1111-1111-1111-111111111111"
PROFILE = f"{ARN}:profile/22222222-2222-2222-2222-222222222222"
ROLE = "arn:aws:iam::123456789012:role/reader"
CA = CertificateAuthority()
CONFIG = f"""
region: {REGION}
quotas: {{throttle: true}}
trust_anchors:
  - name: corp
    arn: {ANCHOR}
    pem: ca.pem
roles:
  - name: reader
    trust_policy:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          Principal: {{Service: rolesanywhere.amazonaws.com}}
          Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
          Condition: {{ArnEquals: {{"aws:SourceArn": "{ANCHOR}"}}}}
profiles:
  - name: readers
    arn: {PROFILE}
    roles: [reader]
    tags: {{team: storage}}
"""


@dataclass
class Running:
    """An emulator and what it printed."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def url(self) -> str:
        return self.lines[0].removeprefix("listening on ")

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def control(self, **more: Any) -> Any:
        return boto3.client(
            "rolesanywhere",
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            **more,
        )

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr


@contextmanager
def emulator(*words: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [*PROGRAM, "emulator", "--port", "0", *words],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("SIGTERM"):
                break
        else:
            raise AssertionError(process.communicate()[1])
        yield Running(process, lines)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    CA.issue("CN=app").write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(CA.certificate_pem)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def get_credentials(directory: Path, url: str, anchor: str, profile: str, role: str, *more: str) -> Any:
    outcome = run_process(
        *("credential-process", "--certificate", "certificate.pem", "--private-key", "private-key.pem"),
        *("--trust-anchor-arn", anchor, "--profile-arn", profile, "--role-arn", role, "--endpoint", url, *more),
        directory=directory,
    )
    assert outcome.code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def admin(url: str, token: str | None, method: str, name: str, body: object = None) -> tuple[int, Any]:
    request = urllib.request.Request(f"{url}/_local/{name}", method=method)  # noqa: S310 - loopback
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        sent = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, sent, 60) as answer:  # noqa: S310 - the same
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_what_is_made_over_the_control_plane_survives_a_restart(directory: Path) -> None:
    state = directory / "state.json"
    words = ("--region", REGION, "--state", str(state))
    with emulator(*words) as running:
        control = running.control()
        anchor = control.create_trust_anchor(
            name="corp",
            enabled=True,
            source={
                "sourceType": "CERTIFICATE_BUNDLE",
                "sourceData": {"x509CertificateData": CA.certificate_pem.decode()},
            },
            tags=[{"key": "team", "value": "storage"}],
        )["trustAnchor"]
        # Kept at once: what is killed has lost nothing.
        running.process.kill()
        running.process.wait(60)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    (directory / "roles.json").write_text(json.dumps({"roles": [{"name": "reader"}]}))
    with emulator(*words, "--config", str(directory / "roles.json")) as running:
        control = running.control()
        [again] = control.list_trust_anchors()["trustAnchors"]
        assert again == anchor
        profile = control.create_profile(name="readers", roleArns=[ROLE], enabled=True)["profile"]
        made = get_credentials(directory, running.url, anchor["trustAnchorArn"], profile["profileArn"], ROLE)
        assert running.stop() == (0, "stopped\n")
    kept = state.read_text()
    for secret in ("SecretAccessKey", "SessionToken", "AccessKeyId"):
        assert made[secret] not in kept
    with emulator("--state", str(state)) as running:
        [subject] = running.control().list_subjects()["subjects"]
        assert subject["x509Subject"] == "CN=app"
        assert anchor["trustAnchorArn"] in running.output
        get_credentials(directory, running.url, anchor["trustAnchorArn"], profile["profileArn"], ROLE)
        assert running.stop(signal.SIGINT)[0] == 0


def test_what_is_declared_gives_credentials_with_the_line_that_is_printed(directory: Path) -> None:
    with emulator("--config", str(directory / "config.yaml")) as running:
        [line] = [line for line in running.lines if line.startswith("  credential_process = ")]
        words = line.split()[3:]
        outcome = run_process(*words, directory=directory)
        assert outcome.code == 0, outcome.stderr
        assert ROLE in line
        assert "aws_signing_helper credential-process" in running.output
        tags = running.control().list_tags_for_resource(resourceArn=PROFILE)["tags"]
        assert tags == [{"key": "team", "value": "storage"}]


def test_tls(directory: Path) -> None:
    words = ("--config", str(directory / "config.yaml"), "--tls-directory", str(directory / "tls"))
    with emulator(*words) as running:
        assert running.url.startswith("https://")
        ca = directory / "tls" / "ca.pem"
        assert stat.S_IMODE((directory / "tls" / "server-key.pem").stat().st_mode) == 0o600
        assert running.control(verify=str(ca)).list_trust_anchors()["trustAnchors"]
        get_credentials(directory, running.url, ANCHOR, PROFILE, ROLE, "--ca-bundle", str(ca))
        with pytest.raises(urllib.error.URLError) as caught:
            urllib.request.urlopen(f"{running.url}/trustanchors", timeout=60)  # noqa: S310 - the same
        assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)


def test_the_admin_endpoint(directory: Path) -> None:
    file = directory / "token"
    with emulator("--config", str(directory / "config.yaml"), f"--admin={file}") as running:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        token = file.read_text().strip()
        assert str(file) in running.output
        assert token not in running.output
        assert admin(running.url, None, "GET", "state")[0] == 401
        assert admin(running.url, "wrong", "POST", "faults", {"fault": "reset"})[0] == 401
        assert (
            admin(running.url, token, "POST", "faults", {"fault": "throttled", "retry_after": 0, "times": 1})[0] == 200
        )
        get_credentials(directory, running.url, ANCHOR, PROFILE, ROLE)
        assert [each["status"] for each in admin(running.url, token, "GET", "calls")[1]["calls"]] == [429, 201]
        assert admin(running.url, token, "POST", "clock", {"offset_seconds": 60})[1]["offset_seconds"] == 60
        assert token not in running.stop()[1]


def test_the_line_for_the_admin_endpoint_can_be_pasted(directory: Path, require_tool: Callable[[str], str]) -> None:
    require_tool("curl")
    with emulator("--admin", "--tls-directory", str(directory / "t l s")) as running:
        [line] = [line for line in running.lines if "_local/state" in line]
        done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["trust_anchors"] == []


def test_half_of_the_keys_for_another_sts_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    outcome = run_here(capsys, "emulator", "--port", "0", "--iam-endpoint-url", "http://127.0.0.1:1")
    assert outcome.code == 1
    assert "error: of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in outcome.stderr


def test_without_admin_there_is_no_such_endpoint(directory: Path) -> None:
    with emulator("--admin") as running:
        [path] = re.findall(r"admin token: (\S+)", running.output)
        assert admin(running.url, Path(path).read_text().strip(), "GET", "state")[0] == 200
        running.stop()
        assert not Path(path).exists()
    with emulator() as running:
        assert admin(running.url, "x" * 20, "GET", "state")[0] == 404
        assert "TRUST_ANCHOR_ARN" in running.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trust_anchors: [", ", line 1, column 17: "),
        ("- 1", " must be a mapping"),
        ("anchors: []", ": anchors is unknown"),
        ("account_id: 123456789012", ": account_id must be text"),
        ("account_id: '12'", "account_id '12' does not have 12 digits"),
        ("quotas: {throttle: maybe}", ": quotas.throttle must be true or false"),
        ("trust_anchors: {}", ": trust_anchors must be a list"),
        ("trust_anchors: [x]", ": trust_anchors[0] must be a mapping"),
        ("trust_anchors: [{pem: ca.pem}]", ": trust_anchors[0].name is missing"),
        ("trust_anchors: [{name: a, pem: ca.pem}, {name: b, pen: ca.pem}]", ": trust_anchors[1].pen is unknown"),
        ("trust_anchors: [{name: a, pem: none.pem}]", ": trust_anchors[0]: "),
        ("trust_anchors: [{name: a, pem: config.yaml}]", ": trust_anchors[0]: "),
        ("trust_anchors: [{name: a, pem: ca.pem, arn: x}]", ": trust_anchors[0]: "),
        (
            "roles: [{name: a, max_session_duration_seconds: '1'}]",
            "roles[0].max_session_duration_seconds must be a whole",
        ),
        ("roles: [{name: a, trust_policy: {Version: 1}}]", ": roles[0]: "),
        ("roles: [{name: a, trust_policy: '{'}]", ": roles[0]: "),
        ("profiles: [{name: a, roles: [b]}]", ": profiles[0]: there is no role 'b'"),
        ("profiles: [{name: a, roles: b}]", ": profiles[0].roles must be a list"),
        ("crls: [{name: a, crl: ca.pem, trust_anchor: b}]", ": crls[0]: there is no trust anchor 'b'"),
        ("private_cas: [{arn: x, pem: ca.pem}]", ": private_cas[0]: 'x' is not the ARN of a private CA"),
        ("clock: {set: soon}", ": clock: this is no moment"),
        ("clock: {set: 9999-12-31T00:00:00Z}", ": clock: this is no moment"),
        ("clock: {offset_seconds: x}", ": clock: offset_seconds must be"),
        ("clock: {}", ": clock: give one of set and offset_seconds"),
        ("clock: {set: 2030-02-31}", " is not YAML"),
        ("a: !!python/object/apply:os.system [ls]", ", line 1, column 4: could not determine a constructor"),
        ("\x00", " is not YAML"),
        ("roles:\n  - {name: a, trust_policy: {x: 1, y: 2, x: 3}}", ", line 2, column 42: x stands there twice"),
        ("roles: []\nroles: []", ", line 2, column 1: roles stands there twice"),
        ("roles: [&a {name: x}, {<<: *a, name: x, name: y}]", ", line 1, column 41: name stands there twice"),
        # Small as text, and without end once its aliases are followed.
        ("roles: &r [{name: a, trust_policy: {a: *r}}]", " has more than "),
        (
            "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)),
            " has more than ",
        ),
        (f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 2000)}]", " has more than "),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_place(
    capsys: pytest.CaptureFixture[str], directory: Path, text: str, said: str
) -> None:
    path = directory / "config.yaml"
    path.write_text(text)
    outcome = run_here(capsys, "emulator", "--port", "0", "--config", str(path))
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: ")
    assert said in outcome.stderr
    if said.startswith((":", ",", " ")):
        assert f"error: {path}{said}" in outcome.stderr


def test_json_needs_no_yaml(
    capsys: pytest.CaptureFixture[str], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    outcome = run_here(capsys, "emulator", "--config", str(directory / "config.yaml"))
    assert outcome.code == 1
    assert "PyYAML is not installed\nhint: pip install 'rolesanywhere-signer[testing]'" in outcome.stderr
    (directory / "config.json").write_text('{"roles": [}')
    outcome = run_here(capsys, "emulator", "--config", str(directory / "config.json"))
    assert "config.json, line 1, column 12: " in outcome.stderr
    (directory / "config.json").write_text('{"roles": [{"name": "a", "trust_policy": {"x": {}, "x": {}}}]}')
    outcome = run_here(capsys, "emulator", "--config", str(directory / "config.json"))
    assert f"{directory / 'config.json'}: x stands there twice" in outcome.stderr


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("", 0o600, "is empty, or is not"),
        ("{}", 0o644, "is not this user's alone"),
        ("{", 0o600, "holds no state"),
        ("[]", 0o600, "holds no state"),
        ("{}", 0o600, "is not a state of version 1"),
        ('{"version": 1, "region": "us-east-1", "account_id": "123456789012"}', 0o600, "private_cas is missing"),
    ],
)
def test_states_that_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, mode: int, said: str
) -> None:
    state = tmp_path / "state.json"
    state.write_text(content)
    state.chmod(mode)
    outcome = run_here(capsys, "emulator", "--port", "0", "--state", str(state))
    assert outcome.code == 1
    assert said in outcome.stderr
    assert state.read_text() == content


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "x"), "--port must be a port"),
        (("--port", "65536"), "--port must be a port"),
        (("--region", "nowhere!"), "region"),
        (("--account-id", "1"), "12 digits"),
        (("--config", "/nowhere/config.yaml"), "config.yaml"),
        (("--state", "/nowhere/state.json"), "cannot be written"),
        (("--admin=/nowhere/token",), "admin token cannot be written"),
        (("--tls-directory", "/dev/null/x"), "cannot be kept"),
        (("--sts-endpoint-url", "http://192.0.2.1"), "is plain HTTP to another machine"),
        (("--iam-endpoint-url", "x"), "error: "),
    ],
)
def test_flags_that_are_refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    outcome = run_here(capsys, "emulator", *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert said in outcome.stderr
