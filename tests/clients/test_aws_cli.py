"""The AWS CLI itself, by way of ``credential_process``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.conftest import PROGRAM, Machine
from tests.e2e.moto_process import Recorder
from tests.support.command_line import session_words
from tests.support.profiled import own_keys, write_config


def configure(machine: Machine, text: str) -> None:
    path = Path(machine.environment["HOME"]) / ".aws" / "config"
    path.parent.mkdir(exist_ok=True)
    write_config(path, iam=text)


def test_a_profile_with_credential_process(machine: Machine, moto: Recorder) -> None:
    words = " ".join(session_words(machine.world))
    configure(machine, f"credential_process = {PROGRAM} credential-process {words}")
    endpoint = ("--profile", "iam", "--endpoint-url", moto.url)
    machine.aws("s3", "mb", "s3://aws-cli-bucket", *endpoint)
    assert "aws-cli-bucket" in machine.aws("s3", "ls", *endpoint)
    assert {seen.access_key_id[:4] for seen in moto.seen} == {"ASIA"}
    assert len({seen.access_key_id for seen in moto.seen}) == len(machine.world.service.calls) == 2


def test_who_am_i_at_the_local_service(machine: Machine) -> None:
    words = " ".join(session_words(machine.world))
    configure(machine, f"credential_process = {PROGRAM} credential-process {words}")
    url = machine.world.service.url
    told = json.loads(machine.aws("sts", "get-caller-identity", "--profile", "iam", "--endpoint-url", url))
    assert told["Account"] == "123456789012"
    assert ":assumed-role/s3-reader/" in told["Arn"]


def test_our_keys_serve_the_aws_cli_and_the_library_alike(machine: Machine) -> None:
    line = f"credential_process = {PROGRAM} credential-process --profile iam --cache"
    configure(machine, f"{own_keys(machine.world)}\n{line}")
    url = machine.world.service.url
    for _ in range(3):
        machine.aws("sts", "get-caller-identity", "--profile", "iam", "--endpoint-url", url)
    assert len(machine.world.service.calls) == 1


def test_a_refusal_is_seen_by_the_person_at_the_aws_cli(machine: Machine) -> None:
    words = " ".join(session_words(machine.world)).replace("role/s3-reader", "role/other")
    configure(machine, f"credential_process = {PROGRAM} credential-process {words}")
    done = machine.failing_aws("sts", "get-caller-identity", "--profile", "iam")
    assert "Requested Role isn't one of those listed in the Profile." in done
    assert "hint: " in done
