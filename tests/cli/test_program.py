"""The program around the commands: help, unknown words, and where results go."""

from __future__ import annotations

import subprocess
import sys
import time
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


def test_a_kept_answer_that_cannot_be_written_is_not_asked_for_again(world: World) -> None:
    time.sleep(0.2)  # a file that has just changed is not trusted
    words = ("credential-process", *session_words(world), "--cache")
    assert run_process(*words).code == 0
    for entry in (world.directory / ".aws/rolesanywhere/cache").glob("*.json"):
        entry.unlink()
    done = in_shell('exec "$@" >/dev/full', *words)
    assert (done.returncode, len(world.service.calls)) == (1, 1)
    assert "No space left" in done.stderr


def in_shell(line: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line, "sh", *PROGRAM, *words], capture_output=True, text=True, check=False, timeout=60
    )


def test_what_is_told_on_a_closed_stderr_does_not_go_to_stdout(world: World) -> None:
    done = in_shell('exec "$@" 2>&-', "read-certificate-data", "--cert-directory", str(world.directory))
    assert done.returncode == 0
    assert done.stdout.startswith("Matching identities\n1) Hex Fingerprint: ")
    assert str(world.directory) not in done.stdout
    refused = in_shell('exec "$@" 2>&-', "credential-process", "--certificate", "missing")
    assert (refused.returncode, refused.stdout) == (1, "")


@pytest.mark.parametrize("words", [("credential-process", "--help"), ("completion", "fish")])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_that_cannot_write_every_character(words: tuple[str, ...], encoding: str) -> None:
    outcome = run_process(*words, environment={"PYTHONIOENCODING": encoding})
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "\\u2026" in outcome.stdout


@pytest.mark.parametrize("more", [(), ("--cache=cache",), ("--cache",)])
def test_a_working_directory_that_is_gone(world: World, more: tuple[str, ...]) -> None:
    gone = world.directory / "gone"
    gone.mkdir()
    words = ("credential-process", *session_words(world), *more)
    done = in_shell(f'cd {gone} && rmdir {gone} && AWS_CONFIG_FILE=config exec "$@"', *words)
    if more == ("--cache=cache",):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: the directory of the credentials cache 'cache' cannot be used: ")
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_while_it_is_being_loaded_ends_it_without_a_word() -> None:
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *more):\n"
        "        if name.endswith('.program'): raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from rolesanywhere_signer.cli import main\n"
        "sys.exit(main(['version']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
