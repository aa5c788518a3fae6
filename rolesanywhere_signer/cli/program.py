"""The program: which commands there are, their help, and what becomes of errors."""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Mapping, Sequence

from ..errors import ConfigurationError, RolesAnywhereError
from .command import PROGRAM, Command
from .terminal import drop_untold, show_log, tell_error

# Each is the COMMAND of a module; only the one that runs is imported.
COMMANDS: Mapping[str, str] = {
    "credential-process": "credential_process",
    "update": "update",
    "serve": "serve",
    "exec": "exec_",
    "doctor": "doctor",
    "configure": "configure",
    "validate": "validate",
    "read-certificate-data": "read_certificate_data",
    "sign-string": "sign_string",
    "completion": "completion",
    "demo": "demo",
    "pki": "pki",
    "emulator": "emulator",
    "version": "version",
}
_HELP = ("-h", "--help", "help")
_VERSION = ("-v", "--version")


def run_program(words: Sequence[str]) -> int:
    """Run a command and return the exit code.

    Args:
        words: Of the command line, without the program's name.
    """
    if not sys.warnoptions:
        # What a library has to say to programmers, such as cryptography of names that are too long.
        warnings.simplefilter("ignore")
    show_log()
    try:
        if sys.stdout is None:
            raise ConfigurationError("stdout is closed, and results are written there")
        _write_any_character()
        code = _run(words)
        sys.stdout.flush()
    except RolesAnywhereError as error:
        tell_error(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Commands turn what fails with files and sockets into errors of ours; what is left is stdout.
        return tell_unwritten(error)
    finally:
        drop_untold()
    return code


def tell_unwritten(error: OSError) -> int:
    """Tell why a result could not be written to stdout, and return the exit code."""
    # Python would complain once more when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # A reader that has gone, as `| head` does, wants to know nothing.
    if not isinstance(error, BrokenPipeError):
        tell_error(ConfigurationError(f"the result cannot be written: {error.strerror or type(error).__name__}"))
    return 1


def _write_any_character() -> None:
    # Names in certificates, and help, have characters that not every locale can write.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def command_named(name: str) -> Command:
    """Return a command.

    Raises:
        ConfigurationError: There is none of this name.
    """
    if name not in COMMANDS:
        import difflib

        nearest = difflib.get_close_matches(name, COMMANDS, 1)
        shown = repr(name) if name.isascii() and name.isprintable() and len(name) <= 40 else "(not shown)"
        raise ConfigurationError(
            f"there is no command {shown}",
            hint=f"is {nearest[0]} meant?" if nearest else f"{PROGRAM} --help lists the commands",
        )
    module = importlib.import_module(f".{COMMANDS[name]}", __package__)
    command: Command = module.COMMAND
    return command


def all_commands() -> list[Command]:
    """Return every command, in the order of the help."""
    return [command_named(name) for name in COMMANDS]


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in _HELP:
        print(command_named(words[1]).help() if len(words) > 1 else _overview(), end="")
        return 0
    if words[0] in _VERSION:
        return command_named("version").run(command_named("version").read(()))
    command = command_named(words[0])
    before_operands = words[: list(words).index("--")] if "--" in words else words
    if any(word in _HELP[:2] for word in before_operands):
        print(command.help(), end="")
        return 0
    given = command.read(words[1:])
    given.words = tuple(words)
    return command.run(given)


def _overview() -> str:
    lines = [f"  {command.name:<24}{command.summary}" for command in all_commands()]
    return (
        f"usage: {PROGRAM} COMMAND [FLAGS]\n\nAWS credentials from an X.509 certificate, by IAM Roles Anywhere.\n\n"
        + "\n".join(["Commands:", *lines])
        + f"\n\n{PROGRAM} COMMAND --help tells more of a command.\n"
    )
