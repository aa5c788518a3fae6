"""``completion``: what lets a shell complete commands and flags, made of the same tables as everything else."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath

from ..errors import ConfigurationError
from ..flags import Flag, Given
from .command import PROGRAM, Command

# What help calls the values that are files.
_FILES = ("FILE", "DIR", "PATH")


def run(given: Given) -> int:
    """Print the script of a shell.

    Raises:
        ConfigurationError: No shell is named, or one that is not known.
    """
    from .program import all_commands

    shell = given.operands[0] if given.operands else ""
    if shell not in _SCRIPTS:
        raise ConfigurationError(
            f"{NAME}: name a shell: {', '.join(_SCRIPTS)}", hint=f"such as: source <({PROGRAM} {NAME} bash)"
        )
    print(_SCRIPTS[shell](_program(), all_commands()), end="")
    return 0


def _program() -> str:
    """Return the name that the program was called by: it may be a link with the official helper's."""
    name = PurePath(sys.argv[0]).name
    return name if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name) else PROGRAM


def _bash(program: str, commands: list[Command]) -> str:
    function = _function(program)
    cases = [
        f'        {command.name}) flags="{" ".join(map(_written, command.flags))} --help" ;;' for command in commands
    ]
    return "\n".join(
        [
            f"{function}() {{",
            '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" flags=""',
            "    COMPREPLY=()",
            '    if [ "$COMP_CWORD" -eq 1 ]; then',
            f'        COMPREPLY=($(compgen -W "{" ".join(command.name for command in commands)}" -- "$current"))',
            "        return",
            "    fi",
            '    case "$previous" in',
            f'        {"|".join(_file_flags(commands))}) COMPREPLY=($(compgen -f -- "$current")); return ;;',
            "    esac",
            '    case "${COMP_WORDS[1]}" in',
            *cases,
            "    esac",
            *_bash_actions(commands),
            '    case "$current" in',
            '        -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;',
            '        *) COMPREPLY=($(compgen -f -- "$current")) ;;',
            "    esac",
            "}",
            f"complete -o filenames -F {function} {program}",
            "",
        ]
    )


def _bash_actions(commands: list[Command]) -> Iterator[str]:
    for command in commands:
        if command.actions:
            names = " ".join(action.name for action in command.actions)
            yield f'    if [ "$COMP_CWORD" -eq 2 ] && [ "$previous" = {command.name} ] && [[ "$current" != -* ]]; then'
            yield f'        COMPREPLY=($(compgen -W "{names}" -- "$current"))'
            yield "        return"
            yield "    fi"


def _zsh(program: str, commands: list[Command]) -> str:
    function = _function(program)
    described = " ".join(_quoted(f"{command.name}:{command.summary}") for command in commands)
    return "\n".join(
        [
            f"#compdef {program}",
            f"{function}() {{",
            "    local -a commands",
            f"    commands=({described})",
            "    if (( CURRENT == 2 )); then",
            "        _describe command commands",
            "        return",
            "    fi",
            '    case "$words[2]" in',
            *(
                f"        {command.name}) _arguments {' '.join(_quoted(_zsh_spec(flag)) for flag in command.flags)} "
                f"'--help[show help]' {_zsh_actions(command)}'*:file:_files' ;;"
                for command in commands
            ),
            "    esac",
            "}",
            # Read from a file of $fpath, this is the function's own body; sourced, it is made known.
            f'if [ "$funcstack[1]" = "{function}" ]; then {function} "$@"; else compdef {function} {program}; fi',
            "",
        ]
    )


def _zsh_actions(command: Command) -> str:
    names = " ".join(action.name for action in command.actions)
    # The command's own name is the first word.
    return f"'1: :' '2:action:({names})' " if names else ""


def _zsh_spec(flag: Flag) -> str:
    help_text = re.sub(r"[\[\]:\\]", " ", flag.help)
    value = "" if flag.alone is not None else f":{flag.metavar}:{'_files' if flag.metavar in _FILES else ' '}"
    return f"--{flag.name}[{help_text}]{value}"


def _fish(program: str, commands: list[Command]) -> str:
    lines = [f"complete -c {program} -f"]
    for command in commands:
        lines.append(f"complete -c {program} -n __fish_use_subcommand -a {command.name} -d {_quoted(command.summary)}")
        seen = f"-n '__fish_seen_subcommand_from {command.name}'"
        lines += [f"complete -c {program} {seen} {_fish_spec(flag)}" for flag in command.flags]
        names = " ".join(action.name for action in command.actions)
        for action in command.actions:
            chosen = f"-n '__fish_seen_subcommand_from {command.name}; and not __fish_seen_subcommand_from {names}'"
            lines.append(f"complete -c {program} {chosen} -a {action.name} -d {_quoted(action.summary)}")
    return "\n".join([*lines, ""])


def _fish_spec(flag: Flag) -> str:
    value = "" if flag.alone is not None else " -r -F" if flag.metavar in _FILES else " -x"
    return f"-l {flag.name}{value} -d {_quoted(flag.help)}"


def _function(program: str) -> str:
    return "_" + program.replace("-", "_")


def _written(flag: Flag) -> str:
    return f"--{flag.name}"


def _quoted(text: str) -> str:
    return shlex.quote(text)


def _file_flags(commands: list[Command]) -> list[str]:
    flags = {flag.name: flag for command in commands for flag in command.flags}
    return [_written(flag) for flag in flags.values() if flag.metavar in _FILES and flag.alone is None]


NAME = "completion"
_SCRIPTS: Mapping[str, Callable[[str, list[Command]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
COMMAND = Command(
    name=NAME,
    summary="print what lets a shell complete commands and flags",
    description="Print a script for bash, zsh or fish. Load it at the start of each shell, or put it where the shell "
    "looks for such scripts.",
    flags=(),
    words=("SHELL",),
    run=run,
    examples=(
        f"source <({PROGRAM} {NAME} bash)",
        f"{PROGRAM} {NAME} zsh > ~/.zfunc/_{PROGRAM}",
        f"{PROGRAM} {NAME} fish > ~/.config/fish/completions/{PROGRAM}.fish",
    ),
)
