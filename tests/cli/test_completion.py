"""``completion``: each shell itself completes commands and flags with the script that it is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rolesanywhere_signer.cli.program import COMMANDS, all_commands
from tests.conftest import RequireTool
from tests.support.command_line import run_here


@pytest.fixture
def script(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    outcome = run_here(capsys, "completion", request.param)
    assert (outcome.code, outcome.stderr) == (0, "")
    path = tmp_path / "script"
    path.write_text(outcome.stdout)
    return path


def shell(tool: str, *words: str) -> list[str]:
    done = subprocess.run([tool, *words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split("\n")


def complete_in_bash(tool: str, script: Path, *words: str) -> set[str]:
    typed = " ".join(f"'{word}'" for word in words)
    program = (
        f". {script}; function=$(complete -p | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p'); COMP_WORDS=(rolesanywhere-signer "
        f"{typed}); COMP_CWORD={len(words)}; $function; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return {line for line in shell(tool, "--norc", "-c", program) if line}


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash(script: Path, require_tool: RequireTool, tmp_path: Path) -> None:
    bash = require_tool("bash")
    assert complete_in_bash(bash, script, "") == set(COMMANDS)
    assert complete_in_bash(bash, script, "cred") == {"credential-process"}
    for command in all_commands():
        flags = {f"--{flag.name}" for flag in command.flags} | {"--help"}
        assert complete_in_bash(bash, script, command.name, "--") == flags
    (tmp_path / "client.pem").touch()
    found = complete_in_bash(bash, script, "credential-process", "--certificate", f"{tmp_path}/cli")
    assert found == {f"{tmp_path}/client.pem"}


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish(script: Path, require_tool: RequireTool) -> None:
    fish = require_tool("fish")

    def complete(program: str, typed: str) -> set[str]:
        found = shell(fish, "--no-config", "-c", f"source {script}; complete -C '{program} {typed}'")
        return {line.partition("\t")[0] for line in found if line}

    program = next(line.split()[2] for line in script.read_text().splitlines() if line.startswith("complete -c"))
    assert complete(program, "") == set(COMMANDS)
    assert complete(program, "credential-process --cert") >= {"--certificate", "--cert-selector"}


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh(script: Path, require_tool: RequireTool) -> None:
    zsh = require_tool("zsh")
    loaded = f"autoload -U compinit; compinit -u -D; source {script}; print -l ${{(v)_comps}}"
    function = next(line.partition("(")[0] for line in script.read_text().splitlines() if line.endswith("() {"))
    assert function in shell(zsh, "-f", "-c", loaded)
    for command in all_commands():
        assert f"{command.name}:{command.summary}" in script.read_text().replace("'\"'\"'", "'")


@pytest.mark.parametrize("words", [(), ("tcsh",), ("bash", "fish"), ("--bash",)])
def test_other_words_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_here(capsys, "completion", *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: ")
