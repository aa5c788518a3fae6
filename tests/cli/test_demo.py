"""``rolesanywhere-signer demo``: runs to its end, renews the certificate, leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "rolesanywhere_signer"]


def run(*words: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(directory), "AWS_CONFIG_FILE": str(directory / "none")}
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_it_runs_to_its_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run("demo", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Done; everything is removed." in done.stdout
    before, after = re.findall(
        r"GetCallerIdentity: arn:aws:sts::\d{12}:assumed-role/demo-role/([0-9a-f]+)", done.stdout
    )
    assert before != after
    assert list(tmp_path.iterdir()) == []


def test_it_shows_no_secret(tmp_path: Path) -> None:
    done = run("demo", directory=tmp_path)
    assert "PRIVATE KEY" not in done.stdout
    # A secret access key has 40 characters, a token hundreds; an ARN ends with a serial number.
    assert not re.search(r"[A-Za-z0-9/+]{32,}", re.sub(r"arn:\S+", "", done.stdout))


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    program = subprocess.Popen(
        [*PROGRAM[:1], "-u", *PROGRAM[1:], "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait(60) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [(), ("--help",), ("demo", "--help")])
def test_help_is_no_error(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*words, directory=tmp_path)
    assert done.returncode == 0
    assert "usage: rolesanywhere-signer" in done.stdout


def test_an_unknown_command_is(tmp_path: Path) -> None:
    done = run("nonsense", directory=tmp_path)
    assert done.returncode != 0
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr
