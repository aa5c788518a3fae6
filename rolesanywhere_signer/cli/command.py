"""What a command is: its words for help, its flags, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..errors import ConfigurationError
from ..flags import Exclusions, Flag, FlagReader, Given

PROGRAM = "rolesanywhere-signer"
_WIDTH = 100
_INDENT = 34


class Action(NamedTuple):
    """One of the things that a command does, which the first word after its name chooses.

    Attributes:
        name: As it is typed.
        summary: What it does, in a line.
        flags: The names of those of the command's flags that belong to it.
        words: What stands behind its name, in its order.
    """

    name: str
    summary: str
    flags: tuple[str, ...]
    words: tuple[str, ...] = ()


class Command(NamedTuple):
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
        actions: What the first of ``words`` chooses among; none where it is not for that.
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
    actions: tuple[Action, ...] = ()

    def read(self, words: Sequence[str]) -> Given:
        """Return the flags among ``words``.

        Raises:
            ConfigurationError: They cannot be understood.
        """
        given = FlagReader(
            self.name,
            self.flags,
            self.name,
            self.exclusions or {},
            takes_operands=self.operands is not None,
            most_words=len(self.words) + max((len(action.words) for action in self.actions), default=0),
            empty_is_absent=True,
        ).read(words)
        if self.actions:
            self._check_action(given)
        return given

    def _check_action(self, given: Given) -> None:
        """Check the action's name, its words, and that the flags are its own."""
        chosen = next((action for action in self.actions if given.operands[:1] == (action.name,)), None)
        if chosen is None:
            raise ConfigurationError(
                f"{self.name}: name an action: {', '.join(action.name for action in self.actions)}",
                hint=f"such as: {self.examples[0]}" if self.examples else None,
            )
        where = f"{self.name} {chosen.name}"
        found = len(given.operands) - 1
        if found < len(chosen.words):
            raise ConfigurationError(f"{where}: {chosen.words[found]} is missing")
        if found > len(chosen.words):
            raise ConfigurationError(f"{where}: there is a word too many", hint="flags begin with two plain hyphens")
        foreign = sorted(given.named - set(chosen.flags))
        if foreign:
            others = [f"{self.name} {action.name}" for action in self.actions if foreign[0] in action.flags]
            raise ConfigurationError(
                f"{where}: --{foreign[0]} does not belong to it", hint=f"it is a flag of {' and '.join(others)}"
            )

    def help(self) -> str:
        """Return the text of ``--help``."""
        usage = " ".join(
            filter(None, [PROGRAM, self.name, *self.words, "[FLAGS]" if self.flags else "", self.operands])
        )
        parts = [f"usage: {usage}", _filled(self.description)]
        official = [flag for flag in self.flags if not flag.is_ours]
        ours = [flag for flag in self.flags if flag.is_ours]
        if self.actions:
            parts.append("\n".join(["Actions:", *map(_action_entry, self.actions)]))
        if official:
            parts.append("\n".join(["Flags:", *map(self._entry, official)]))
        if ours:
            title = "Flags that the official helper does not have:" if official else "Flags:"
            parts.append("\n".join([title, *map(self._entry, ours)]))
        if self.examples:
            parts.append("\n".join(["Examples:", *(f"  {line}" for line in self.examples)]))
        return "\n\n".join(parts) + "\n"

    def _entry(self, flag: Flag) -> str:
        value = "" if not flag.metavar else f"[={flag.metavar}]" if flag.alone is not None else f" {flag.metavar}"
        having = [action.name for action in self.actions if flag.name in action.flags]
        note = f" ({', '.join(having)})" if len(having) < len(self.actions) else ""
        return _column(f"--{flag.name}{value}", " ".join(_sentences(flag)) + note)


def _action_entry(action: Action) -> str:
    return _column(" ".join([action.name, *action.words]), action.summary)


def _filled(text: str) -> str:
    import textwrap

    return "\n\n".join(textwrap.fill(" ".join(part.split()), _WIDTH) for part in text.split("\n\n"))


def _column(head: str, text: str) -> str:
    """Return what is named and, beside it, what it is."""
    import textwrap

    head = f"  {head}"
    lines = textwrap.wrap(text, _WIDTH - _INDENT)
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
