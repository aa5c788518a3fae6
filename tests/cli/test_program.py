"""The program around the commands: help, unknown words, and where results go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rolesanywhere_signer import __version__
from rolesanywhere_signer.cli.program import COMMANDS, all_commands
from tests.support.command_line import PROGRAM, run_here, run_process, session_words
from tests.support.world import World


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    outcome = run_here(capsys, *words)
    assert (outcome.code, outcome.stderr) == (0, "")
    for name in COMMANDS:
        assert f"\n  {name} " in outcome.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_all_its_flags(capsys: pytest.CaptureFixture[str], name: str) -> None:
    for words in ((name, "--help"), (name, "-h"), ("help", name)):
        outcome = run_here(capsys, *words)
        assert (outcome.code, outcome.stderr) == (0, "")
    command = next(each for each in all_commands() if each.name == name)
    assert command.name == name
    assert outcome.stdout == command.help()
    for flag in command.flags:
        assert f"  --{flag.name}" in outcome.stdout
        assert flag.help, flag.name
    assert max(map(len, outcome.stdout.split("Examples:")[0].splitlines())) <= 100


@pytest.mark.parametrize("words", [("version",), ("--version",), ("-v",)])
def test_version(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run_here(capsys, *words).stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("credentialprocess", "error: there is no command 'credentialprocess'\nhint: is credential-process meant?\n"),
        ("x" * 41, "error: there is no command (not shown)\nhint: rolesanywhere-signer --help lists the commands\n"),
        ("--debug", "error: there is no command '--debug'\nhint: rolesanywhere-signer --help lists the commands\n"),
    ],
)
def test_unknown_commands(capsys: pytest.CaptureFixture[str], word: str, error: str) -> None:
    outcome = run_here(capsys, word)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (1, "", error)


def test_it_works_under_the_official_helper_s_name(tmp_path: Path, world: World) -> None:
    link = tmp_path / "aws_signing_helper"
    script = Path(sys.executable).parent / "rolesanywhere-signer"
    link.symlink_to(script)
    done = subprocess.run(
        [link, "credential-process", *session_words(world)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith('{"Version":1,')


@pytest.mark.parametrize("more", [(), ("--cache",)])
def test_a_result_that_cannot_be_written_is_an_error(world: World, more: tuple[str, ...]) -> None:
    words = ("credential-process", *session_words(world), *more)
    assert run_process(*words).code == 0
    for redirection, said in ((">/dev/full", "No space left"), (">&-", "stdout is closed")):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *words],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
