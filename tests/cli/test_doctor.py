"""``doctor``: the shape of what it prints, for a person and for a program, and what it never does."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.doctor import LOCAL_STEPS, STEPS
from tests.support.broken import Site, first_lines, warnings_of
from tests.support.command_line import PROGRAM, run_here, run_process
from tests.support.secrets import PASSPHRASE
from tests.support.servers import http, raw_server

# A way without further roles has no such step.
TAKEN = [name for name in STEPS if name != "assume-role"]


def document(capsys: pytest.CaptureFixture[str], words: list[str], code: int = 0) -> dict[str, Any]:
    outcome = run_here(capsys, *words, "--format", "json")
    assert (outcome.code, outcome.stderr) == (code, "")
    found: dict[str, Any] = json.loads(outcome.stdout)
    assert list(found) == ["version", "ok", "error", "warnings", "steps", "not_taken"]
    assert found["version"] == 1
    assert found["ok"] == (code == 0)
    return found


def test_where_all_is_well_the_first_line_says_so_and_every_step_is_listed(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    outcome = run_here(capsys, *site.flags())
    assert warnings_of(outcome, site) == []
    _, empty, *steps = outcome.stdout.splitlines()
    assert empty == ""
    assert [re.sub(r"ok       ([a-z-]+): .+", r"\1", line) for line in steps] == TAKEN


def test_the_same_as_json(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    found = document(capsys, site.flags())
    assert (found["error"], found["warnings"], found["not_taken"]) == (None, [], [])
    assert [(step["name"], step["outcome"]) for step in found["steps"]] == [(name, "ok") for name in TAKEN]
    assert all(list(step) == ["name", "outcome", "found"] and step["found"] for step in found["steps"])


def test_a_broken_step_as_json(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    found = document(capsys, site.flags(role_arn="arn:aws:iam::123456789012:role/other"), code=1)
    error = found["error"]
    assert list(error) == ["step", "code", "message", "hint", "causes", "also"]
    assert (error["step"], error["code"]) == ("create-session", "access-denied")
    assert [cause["certain"] for cause in error["causes"]] == [True, False]
    assert error["hint"] == error["causes"][0]["check"]
    assert error["causes"][0]["reason"] in error["message"]
    assert found["steps"][-1] == {"name": "create-session", "outcome": "error", "found": ""}
    assert found["not_taken"] == ["assume-role", "caller-identity"]


def test_warnings_as_json(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.private_key.chmod(0o640)
    found = document(capsys, site.flags())
    ((step, message, hint),) = [warning.values() for warning in found["warnings"]]
    assert step == "files"
    assert "mode 0640" in message
    assert hint == f"chmod 600 '{site.world.private_key}'"
    assert [step["name"] for step in found["steps"] if step["outcome"] == "warning"] == ["files"]


def test_several_findings_are_all_told(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.ca.issue("", key_usage=["keyEncipherment"]).write(site.directory)
    outcome = run_here(capsys, *site.flags())
    lines = outcome.stdout.splitlines()
    assert lines[:5] == [
        "error: leaf: its subject is empty",
        "hint: have it issued with a subject, such as CN=my-application",
        "also: leaf: its key usage does not include digitalSignature",
        "  hint: have it issued with: keyUsage = critical, digitalSignature",
        "",
    ]
    assert len(document(capsys, site.flags(), code=1)["error"]["also"]) == 1


def test_warnings_of_earlier_steps_stand_below_the_cause(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.private_key.chmod(0o644)
    outcome = run_here(capsys, *site.flags(role_arn="arn:aws:iam::123456789012:role/other"))
    assert "is not among the roles" in first_lines(outcome)[0]
    assert "warning  files: the private key file " in outcome.stdout


# --- What is never done --------------------------------------------------------------------------------------------


def test_nothing_is_sent_before_all_is_well_here(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.ca.issue("CN=app", ca=True).write(site.directory)
    with raw_server(http(404)) as server:
        found = document(capsys, site.flags(endpoint=server.url), code=1)
    assert found["error"]["step"] == "rules"
    assert server.connections == 0
    assert [step["name"] for step in found["steps"]] == list(LOCAL_STEPS[: LOCAL_STEPS.index("rules") + 1])
    assert found["not_taken"] == list(STEPS[STEPS.index("rules") + 1 :])


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_no_secret_is_shown_at_any_level(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, site: Site, debug: tuple[str, ...]
) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-in", site.world.private_key, "-passout", f"pass:{PASSPHRASE}"]
    site.world.private_key.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    with caplog.at_level(logging.DEBUG):
        outcome = run_here(capsys, *site.flags(pkcs8_password=PASSPHRASE), *debug)
    assert outcome.code == 0
    shown = outcome.stdout + outcome.stderr + caplog.text
    ((credentials),) = site.world.service._account._vended.values()
    for secret in (PASSPHRASE, credentials.secret_access_key, credentials.session_token, credentials.access_key_id):
        assert secret not in shown
    assert "PRIVATE KEY" not in shown
    assert ("canonical request" in outcome.stderr) == bool(debug)


def test_what_certificates_and_servers_say_stays_in_its_line(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.ca.issue("CN=a\\1b[2Jb\\0anext line").write(site.directory)
    outcome = run_here(capsys, *site.flags())
    assert outcome.code == 0
    assert "\x1b" not in outcome.stdout
    assert len(outcome.stdout.splitlines()) >= len(TAKEN) + 2
    assert all(re.match(r"(ok|warning|hint|More|Nothing|$)", line) for line in outcome.stdout.splitlines())


def test_the_log_is_as_it_was_afterwards(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    logger = logging.getLogger("rolesanywhere_signer")
    run_here(capsys, "version")
    before = list(logger.handlers), [list(handler.filters) for handler in logger.handlers], logger.propagate
    run_here(capsys, *site.flags())
    assert (list(logger.handlers), [list(handler.filters) for handler in logger.handlers], logger.propagate) == before


# --- At a terminal -------------------------------------------------------------------------------------------------


def test_a_flag_that_is_wrong_is_an_error_like_any_command_s(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    for words in (["--rol-arn", "x"], ["--format", "xml"], ["--profile"]):
        outcome = run_here(capsys, "doctor", *words)
        assert (outcome.code, outcome.stdout) == (1, "")
        assert outcome.stderr.startswith("error: doctor: ")
    outcome = run_here(capsys, *site.flags(role_arn=None))
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: doctor: --role-arn is missing\nhint: ")


def test_as_a_process_it_prints_nothing_else(site: Site) -> None:
    outcome = run_process(*site.flags())
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("ok: all is well")
    assert "\x1b" not in outcome.stdout


def test_a_terminal_shows_what_is_waited_for_and_then_the_result_in_colour(site: Site) -> None:
    controller, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    done = subprocess.Popen([*PROGRAM, *site.flags()], stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:
        pass  # Linux ends a terminal that nobody has open any more with EIO
    os.close(controller)
    assert done.wait(60) == 0
    text = shown.decode()
    assert "\r\x1b[Kcreate-session ..." in text
    progress, result = text.rsplit("\r\x1b[K", 1)
    assert result.startswith("\x1b[32;1mok:\x1b[0m all is well")
    assert "all is well" not in progress


def test_help_says_what_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(run_here(capsys, "doctor", "--help").stdout.split())
    assert "The first line of the output says the cause of what is broken, the second what to do" in text


def test_an_answer_that_was_kept_is_not_taken_for_a_walk(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    cache = Path(site.directory, "cache")
    run_here(capsys, "credential-process", *site.flags(cache=cache)[1:])
    calls = len(site.world.service.calls)
    assert run_here(capsys, *site.flags(cache=cache)).code == 0
    assert len(site.world.service.calls) == calls + 1
