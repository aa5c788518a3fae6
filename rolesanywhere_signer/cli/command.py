"""What a command is: its words for help, its flags, and the function that runs it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..flags import Exclusions, Flag, FlagReader, Given

PROGRAM = "rolesanywhere-signer"
_WIDTH = 100
_INDENT = 34


@dataclass(frozen=True)
class Command:
    """A command of the program.

    Attributes:
        name: As it is typed.
        summary: What it does, in a line for the list of commands.
        description: What a reader of its help needs to know.
        flags: In the order of the help.
        run: Does it: results on stdout, and returns the exit code.
        examples: Command lines, each with nothing else.
        words: What stands beside the flags, in its order.
        operands: What stands behind ``--``, or None: nothing may.
        exclusions: Each flag with those that it excludes.
    """

    name: str
    summary: str
    description: str
    flags: tuple[Flag, ...]
    run: Callable[[Given], int]
    examples: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    operands: str | None = None
    exclusions: Exclusions | None = None

    def read(self, words: Sequence[str]) -> Given:
        """Return the flags among ``words``.

        Raises:
            ConfigurationError: They cannot be understood.
        """
        return FlagReader(
            self.name,
            self.flags,
            self.name,
            self.exclusions or {},
            takes_operands=self.operands is not None,
            most_words=len(self.words),
            empty_is_absent=True,
        ).read(words)

    def help(self) -> str:
        """Return the text of ``--help``."""
        usage = " ".join(
            filter(None, [PROGRAM, self.name, *self.words, "[FLAGS]" if self.flags else "", self.operands])
        )
        parts = [f"usage: {usage}", _filled(self.description)]
        official = [flag for flag in self.flags if not flag.is_ours]
        ours = [flag for flag in self.flags if flag.is_ours]
        if official:
            parts.append("\n".join(["Flags:", *map(_entry, official)]))
        if ours:
            title = "Flags that the official helper does not have:" if official else "Flags:"
            parts.append("\n".join([title, *map(_entry, ours)]))
        if self.examples:
            parts.append("\n".join(["Examples:", *(f"  {line}" for line in self.examples)]))
        return "\n\n".join(parts) + "\n"


def _filled(text: str) -> str:
    return "\n\n".join(textwrap.fill(" ".join(part.split()), _WIDTH) for part in text.split("\n\n"))


def _entry(flag: Flag) -> str:
    value = "" if not flag.metavar else f"[={flag.metavar}]" if flag.alone is not None else f" {flag.metavar}"
    head = f"  --{flag.name}{value}"
    lines = textwrap.wrap(" ".join(_sentences(flag)), _WIDTH - _INDENT)
    if len(head) >= _INDENT:
        return "\n".join([head, *(" " * _INDENT + line for line in lines)])
    return "\n".join([head.ljust(_INDENT) + "".join(lines[:1]), *(" " * _INDENT + line for line in lines[1:])])


def _sentences(flag: Flag) -> Iterator[str]:
    yield flag.help
    if flag.is_repeatable:
        yield "May be given several times."
    if flag.default is not None:
        yield f"Default: {flag.default}."
    if flag.missing:
        yield f"Not built yet: it needs {flag.missing}."
