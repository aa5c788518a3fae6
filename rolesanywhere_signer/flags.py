"""Command-line flags as data, and how words become their values: one vocabulary for every command line of ours.

The manners are those of the official helper: ``--flag value`` or ``--flag=value``; a switch stands alone, or takes its
value with an equals sign; of a repeated flag the last one counts. What it would pass over in silence is refused.
Messages name flags and never show a value, which may be a secret, or half of one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .errors import ConfigurationError

FlagValue = str | int | float | bool | tuple[str, ...]

# strconv.ParseBool, which the helper's switches are read with.
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class Flag(NamedTuple):
    """A flag.

    Attributes:
        name: Without its dashes.
        help: What it is for, in a line or two.
        metavar: What help calls its value; empty for a switch.
        parse: Makes the value of text; a ValueError says what it must be.
        alone: Its value where it stands without one; None: it needs one.
        default: What holds without it, as help shows it; None: nothing.
        missing: What it needs and is not here yet; the flag is refused with it.
        is_secret: Its value is a secret.
        is_repeatable: Each of several counts; their values are a tuple.
        is_ours: The official helper does not have it.
    """

    name: str
    help: str = ""
    metavar: str = "VALUE"
    parse: Callable[[str], FlagValue] = str
    alone: FlagValue | None = None
    default: FlagValue | None = None
    missing: str | None = None
    is_secret: bool = False
    is_repeatable: bool = False
    is_ours: bool = False


def switch(name: str, help: str, **more: bool | str | None) -> Flag:  # noqa: A002 - the word that the table reads with
    """Return a flag that is on or off."""
    return Flag(name, help, metavar="", parse=parse_switch, alone=True, **more)  # type: ignore[arg-type]


def parse_switch(text: str) -> bool:
    """Return the value of a switch.

    Raises:
        ValueError: It is neither true nor false.
    """
    if text not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return text in _TRUE


def parse_number(text: str) -> int:
    """Return a whole number.

    Raises:
        ValueError: It is none.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("a whole number")
    return int(text)


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what parses one of some words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


class Given(dict[str, FlagValue]):
    """The flags of a command line and their values, defaults filled in.

    Attributes:
        operands: The words that are no flags, and those behind ``--``.
        named: The flags that stood there, without the defaults.
        words: The whole command line, without the program's name.
    """

    words: tuple[str, ...] = ()

    def __init__(
        self, values: Mapping[str, FlagValue], operands: Sequence[str] = (), table: Sequence[Flag] = ()
    ) -> None:
        super().__init__({flag.name: flag.default for flag in table if flag.default is not None})
        self.named = frozenset(values)
        self.operands = tuple(operands)
        self.update(values)

    def text(self, name: str) -> str | None:
        """Return the text of a flag, or None: it was not given."""
        value = self.get(name)
        return None if value is None else str(value)

    def is_on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.get(name) is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a repeatable flag, in their order."""
        value = self.get(name, ())
        return value if isinstance(value, tuple) else (str(value),)


Exclusions = Mapping[str, tuple[str, ...]]


class FlagReader(NamedTuple):
    """Reads the words of a command line by a table of flags.

    Attributes:
        command: The command that the flags belong to; messages name it where a word stands right after it.
        table: The flags.
        where: How messages begin.
        exclusions: Each flag with those that it excludes; a switch that is set to false still counts.
        takes_operands: Whether words may follow ``--``.
        most_words: How many words may stand among the flags; they are operands too.
        empty_is_absent: Whether an empty value counts as a flag that is not there; it is refused otherwise.
    """

    command: str
    table: Sequence[Flag]
    where: str
    exclusions: Exclusions
    takes_operands: bool = False
    most_words: int = 0
    empty_is_absent: bool = False

    def read(self, words: Sequence[str]) -> Given:
        """Return the flags among ``words``, and what stands behind ``--``.

        Raises:
            ConfigurationError: A flag is unknown, without its value, not supported, or excluded by another; or a word
                is no flag.
        """
        words, operands = self._split(words)
        flags = {flag.name: flag for flag in self.table}
        values: dict[str, FlagValue] = {}
        rest, previous = deque(words), self.command
        found: list[str] = []
        while rest:
            if len(found) < self.most_words and not rest[0].startswith("-"):
                found.append(rest.popleft())
                continue
            name, value = self._take(rest, previous, flags)
            previous = name
            if value is None:
                values.pop(name, None)
            elif flags[name].is_repeatable:
                values[name] = (*values.get(name, ()), str(value))  # type: ignore[misc]
            else:
                values[name] = value
        self._check_exclusions(values)
        self._check_supported(values, flags)
        return Given(values, (*found, *operands), self.table)

    def _split(self, words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        if not self.takes_operands or "--" not in words:
            return words, ()
        end = list(words).index("--")
        return words[:end], words[end + 1 :]

    def _take(self, rest: deque[str], previous: str, flags: Mapping[str, Flag]) -> tuple[str, FlagValue | None]:
        """Take the next flag, and its value, from the words that are left."""
        word = rest.popleft()
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise self._stray_word(word, previous)
        if name not in flags:
            raise self._unknown_flag(name, previous, flags)
        flag = flags[name]
        if not equals:
            if flag.alone is not None:
                return name, flag.alone
            text = self._next_value(rest, name)
        return name, self._parse(flag, text)

    def _parse(self, flag: Flag, text: str) -> FlagValue | None:
        if not text and self.empty_is_absent:
            return None
        if not text:
            raise ConfigurationError(
                f"{self.where}: --{flag.name} has an empty value", hint="leave the flag out, or give it a value"
            )
        try:
            return flag.parse(text)
        except ValueError as error:
            raise ConfigurationError(f"{self.where}: the value of --{flag.name} must be {error}") from None

    def _next_value(self, rest: deque[str], name: str) -> str:
        # The helper would take the next flag for the value.
        if not rest or rest[0].startswith("--"):
            raise ConfigurationError(
                f"{self.where}: --{name} has no value",
                hint=f"write a value that begins with two dashes as --{name}=VALUE",
            )
        return rest.popleft()

    def _stray_word(self, word: str, previous: str) -> ConfigurationError:
        hint = (
            "put quotation marks around a value with spaces; give a switch its value with an equals sign: --debug=false"
        )
        if word[:1] in ("-", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}"):
            hint = "flags begin with two plain hyphens"
        after = previous if previous == self.command else f"--{previous}"
        return ConfigurationError(f"{self.where}: a word that is no flag stands after {after}", hint=hint)

    def _unknown_flag(self, name: str, previous: str, flags: Mapping[str, Flag]) -> ConfigurationError:
        after_secret = previous in flags and flags[previous].is_secret
        if after_secret or not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name):
            return ConfigurationError(f"{self.where}: the flag after --{previous} is unknown")
        from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

        nearest = get_close_matches(name, flags, 1)
        hint = f"is --{nearest[0]} meant?" if nearest else "the flags are those of the official helper"
        return ConfigurationError(f"{self.where}: the flag --{name} is unknown", hint=hint)

    def _check_exclusions(self, values: Mapping[str, FlagValue]) -> None:
        for name, excluded in self.exclusions.items():
            for other in excluded:
                if name in values and other in values:
                    raise ConfigurationError(f"{self.where}: --{name} and --{other} exclude each other")

    def _check_supported(self, values: Mapping[str, FlagValue], flags: Mapping[str, Flag]) -> None:
        for name, value in values.items():
            missing = flags[name].missing
            # A switch that is off asks for nothing.
            if missing is not None and value is not False:
                raise unsupported(self.where, name, missing)


def unsupported(where: str, name: str, missing: str) -> ConfigurationError:
    """Return the error for a flag that is known and needs something that is not here yet."""
    return ConfigurationError(
        f"{where}: this --{name} needs {missing}, which this library does not use",
        hint="let the official helper run for this profile, or give certificate and key as files",
    )
