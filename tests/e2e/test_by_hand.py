"""A request signed by hand: the script of the documentation, with the real openssl and the real curl."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from rolesanywhere_signer.testing import IssuedCertificate, LocalRolesAnywhere
from tests.conftest import RequireTool
from tests.e2e.openssl_pki import OpenSslPki
from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "sign-with-openssl-and-curl.md"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        yield World(service, tmp_path)


@pytest.fixture
def script(tmp_path: Path, require_tool: RequireTool) -> Path:
    """The script as the page has it."""
    for tool in ("bash", "openssl", "curl", "awk", "od"):
        require_tool(tool)
    [text] = re.findall(r"<<'END'\n(.*?)\nEND\n", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "create-session.sh"
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(script: Path, world: World, *files: Path | None, **arns: str) -> subprocess.CompletedProcess[str]:
    names = {**world.arns, **arns}
    certificate, private_key, *more = files
    words = [certificate, private_key, *(names[f"{kind}_arn"] for kind in ("trust_anchor", "profile", "role")), *more]
    environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_ROLESANYWHERE": world.service.url}
    return subprocess.run(
        [script, *filter(None, words)], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def sign(script: Path, world: World, issued: IssuedCertificate) -> None:
    """Let the script sign with an identity, and look whether what it got are credentials."""
    done = run(script, world, *issued.write(world.directory / "by-hand"))
    assert done.returncode == 0, done.stdout + done.stderr
    keys = json.loads(done.stdout)["credentialSet"][0]["credentials"]
    sts = boto3.client(
        "sts",
        region_name="ap-northeast-2",
        endpoint_url=world.service.url,
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys["sessionToken"],
    )
    assert ":assumed-role/s3-reader/" in sts.get_caller_identity()["Arn"]
    [call] = world.service.calls
    assert call.status == 201


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "RSA-2048", "RSA-4096"])
def test_any_key_gets_credentials(script: Path, world: World, key_type: str) -> None:
    sign(script, world, world.ca.issue("CN=app", key_type=key_type))


def test_with_intermediates(script: Path, world: World) -> None:
    sign(script, world, world.ca.issue_ca("CN=Upper").issue_ca("CN=Lower").issue("CN=app"))


@pytest.mark.parametrize("serial", [1, 0xFF, 10**9, 10**18 + 7, 0x1234567890ABCDEF1234567890ABCDEF, (1 << 159) - 1])
def test_any_serial_number(script: Path, world: World, serial: int) -> None:
    sign(script, world, world.ca.issue("CN=app", serial_number=serial))


def test_how_the_ca_signed_does_not_matter(script: Path, world: World) -> None:
    sign(script, world, world.ca.issue("CN=app", signature_hash="SHA-512"))


def test_files_with_text_and_windows_line_ends(script: Path, world: World) -> None:
    written = world.ca.issue_ca("CN=Below").issue("CN=app").write(world.directory / "by-hand")
    assert written.chain is not None
    pem = written.chain.read_bytes()
    written.chain.write_bytes(b"subject=CN = Below\r\n" + pem.replace(b"\n", b"\r\n"))
    assert run(script, world, *written).returncode == 0


def test_a_certificate_made_by_openssl_alone(
    script: Path, world: World, tmp_path: Path, require_tool: RequireTool
) -> None:
    (tmp_path / "pki").mkdir()
    pki = OpenSslPki(require_tool("openssl"), tmp_path / "pki")
    anchor = world.service.create_trust_anchor(pki.ca.read_bytes())
    done = run(script, world, pki.certificate, pki.private_key, trust_anchor_arn=anchor.arn)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["credentialSet"][0]["sourceIdentity"]


@pytest.mark.parametrize("wrong", ["key", "anchor", "role"])
def test_a_refusal_is_told(script: Path, world: World, wrong: str) -> None:
    issued = world.ca.issue("CN=app", key_type="P-256")
    written = issued.write(world.directory / "by-hand")
    other = world.ca.issue("CN=other", key_type="P-256").write(world.directory / "other")
    arns = {"role_arn": "arn:aws:iam::123456789012:role/other"} if wrong == "role" else {}
    if wrong == "anchor":
        arns["trust_anchor_arn"] = world.arns["trust_anchor_arn"][:-1] + "0"
    done = run(script, world, written.certificate, (other if wrong == "key" else written).private_key, **arns)
    assert done.returncode != 0
    said = {"key": "Invalid signature", "anchor": "Trust Anchor", "role": "Requested Role isn't one of those"}[wrong]
    assert said in done.stdout
