"""Programs that know nothing of us, by way of ``serve`` and ``exec``: the AWS CLI, boto3, the SDK for JavaScript."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.conftest import PROGRAM, Machine
from tests.support.command_line import session_words

_WHO_AM_I_IN_PYTHON = """
import boto3, sys
print(boto3.client("sts", region_name="eu-central-1", endpoint_url=sys.argv[1]).get_caller_identity()["Arn"])
"""
_WHO_AM_I_IN_JAVASCRIPT = """
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
new STSClient({ region: "eu-central-1", endpoint: process.argv[2] })
    .send(new GetCallerIdentityCommand({}))
    .then((told) => console.log(told.Arn));
"""
_ARN = re.compile(r"arn:aws:sts::123456789012:assumed-role/s3-reader/[0-9a-f]+")


@contextmanager
def serving(machine: Machine, *words: str) -> Iterator[dict[str, str]]:
    """Run ``serve``; yield the variables that it tells to export."""
    process = machine.start(PROGRAM, "serve", *session_words(machine.world), "--port", "0", *words)
    assert process.stderr is not None
    exports: dict[str, str] = {}
    wanted = 2 if "--container" in words else 1
    for line in process.stderr:
        found = re.match(r"export (\w+)=(\S+)$", line.strip())
        if found:
            exports[found[1]] = found[2]
        if len(exports) == wanted:
            break
    try:
        assert len(exports) == wanted, process.stderr.read()
        yield exports
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def who_am_i(machine: Machine, **environment: str) -> str:
    url = machine.world.service.url
    told = machine.aws("sts", "get-caller-identity", "--endpoint-url", url, "--region", "eu-central-1", **environment)
    return str(json.loads(told)["Arn"])


def who_am_i_in_python(machine: Machine, **environment: str) -> str:
    return machine.run(sys.executable, "-c", _WHO_AM_I_IN_PYTHON, machine.world.service.url, **environment).strip()


def who_am_i_in_javascript(machine: Machine, folder: Path, *before: str, **environment: str) -> str:
    script = folder / "who.js"
    script.write_text(_WHO_AM_I_IN_JAVASCRIPT)
    return machine.run(*before, "node", str(script), machine.world.service.url, **environment).strip()


def test_the_aws_cli_and_boto3_over_imds(machine: Machine) -> None:
    with serving(machine) as exports:
        assert _ARN.fullmatch(who_am_i(machine, **exports))
        assert _ARN.fullmatch(who_am_i_in_python(machine, **exports))
    assert len(machine.world.service.calls) == 1


def test_the_aws_cli_and_boto3_over_the_container_protocol(machine: Machine) -> None:
    with serving(machine, "--container") as exports:
        assert _ARN.fullmatch(who_am_i(machine, **exports))
        assert _ARN.fullmatch(who_am_i_in_python(machine, **exports))
        token = Path(exports["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
        assert token.stat().st_mode & 0o777 == 0o600
    assert not token.exists()
    assert len(machine.world.service.calls) == 1


def test_the_sdk_for_javascript_over_both(machine: Machine, javascript: Path) -> None:
    with serving(machine) as exports:
        assert _ARN.fullmatch(who_am_i_in_javascript(machine, javascript, **exports))
    with serving(machine, "--container") as exports:
        assert _ARN.fullmatch(who_am_i_in_javascript(machine, javascript, **exports))


def test_exec_runs_the_aws_cli(machine: Machine) -> None:
    url = machine.world.service.url
    told = machine.run(
        *(PROGRAM, "exec", *session_words(machine.world), "--"),
        *("aws", "sts", "get-caller-identity", "--endpoint-url", url),
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="not-to-be-used",
    )
    assert _ARN.fullmatch(json.loads(told)["Arn"])


def test_exec_runs_the_sdk_for_javascript(machine: Machine, javascript: Path) -> None:
    before = (PROGRAM, "exec", *session_words(machine.world), "--")
    assert _ARN.fullmatch(who_am_i_in_javascript(machine, javascript, *before))


def test_a_shared_credentials_file_that_update_writes(machine: Machine) -> None:
    machine.run(PROGRAM, "update", *session_words(machine.world), "--profile", "iam", "--once")
    assert _ARN.fullmatch(who_am_i(machine, AWS_PROFILE="iam"))
    file = Path(machine.environment["HOME"]) / ".aws" / "credentials"
    assert file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(["grep", "-c", "^aws_", file], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 3
