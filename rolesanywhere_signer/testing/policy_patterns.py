"""Texts of a policy: wildcards, and variables that take their value from the request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

from ..errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
# A key, and after a comma what stands for it where the request has none (IAM user guide, "Variables and tags").
_KEY_AND_DEFAULT = re.compile(r"\s*([A-Za-z0-9_-]+:[^\s,']+)\s*(?:,\s*'((?:[^']|'')*)'\s*)?")
_LITERAL_NAMES = frozenset("*?$")


class Wildcard(Enum):
    """What stands for text that is not known."""

    ONE = "?"
    MANY = "*"


Piece = str | Wildcard


class Context:
    """What the request is about: condition keys with their values; the case of a key does not count.

    Args:
        values: One text of each key, or several.
    """

    def __init__(self, values: Mapping[str, str | Iterable[str]]) -> None:
        self._values = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in values.items()
        }

    def values(self, key: str) -> tuple[str, ...]:
        """Return the values of a key; none where the request does not have it."""
        return self._values.get(key.lower(), ())

    def variable(self, key: str) -> str | None:
        """Return what a variable stands for; None where the key has no value, or several."""
        values = self.values(key)
        return values[0] if len(values) == 1 else None


class Pattern:
    """A text of a policy.

    Args:
        text: As it is written.
        where: In which element, for messages.
        variables: Whether ``${key}`` is one, as in policies of version 2012-10-17.
        wildcards: Whether ``*`` and ``?`` are.

    Raises:
        ConfigurationError: A variable that cannot be read.
    """

    def __init__(self, text: str, where: str, *, variables: bool, wildcards: bool) -> None:
        self.text = text
        self._where = where
        self._wildcards = wildcards
        self._parts = tuple(self._split(text)) if variables else (text,)

    def pieces(self, context: Context) -> list[Piece] | None:
        """Return the single characters and wildcards; None where a variable has no value.

        What a variable stands for holds no wildcards.
        """
        pieces: list[Piece] = []
        for part in self._parts:
            if isinstance(part, str):
                pieces += (Wildcard(each) if self._wildcards and each in "*?" else each for each in part)
                continue
            value = part.value(context)
            if value is None:
                return None
            pieces += value
        return pieces

    def literal(self, context: Context) -> str | None:
        """Return the text without wildcards; None where a variable has no value."""
        pieces = self.pieces(context)
        return None if pieces is None else "".join(each if isinstance(each, str) else each.value for each in pieces)

    def matches(self, text: str, context: Context) -> bool:
        """Return whether the whole of ``text`` is what the pattern describes."""
        pieces = self.pieces(context)
        return pieces is not None and match(pieces, text)

    @property
    def has_variables(self) -> bool:
        """Whether its text depends on the request."""
        return any(not isinstance(part, str) for part in self._parts)

    def _split(self, text: str) -> Iterator[str | _Variable]:
        end = 0
        for found in _VARIABLE.finditer(text):
            yield self._plain(text[end : found.start()])
            yield self._variable(found[1])
            end = found.end()
        yield self._plain(text[end:])

    def _plain(self, text: str) -> str:
        if "${" in text:
            raise ConfigurationError(f"{self._where}: the variable in {self.text!r} does not end", hint="write ${key}")
        return text

    def _variable(self, inside: str) -> _Variable:
        if inside in _LITERAL_NAMES:
            return _Variable(None, inside)
        found = _KEY_AND_DEFAULT.fullmatch(inside)
        if found is None:
            raise ConfigurationError(
                f"{self._where}: {inside!r} is not a policy variable",
                hint="such as ${aws:PrincipalTag/x509Subject/CN}, or ${key, 'default'}",
            )
        return _Variable(found[1], None if found[2] is None else found[2].replace("''", "'"))


class _Variable:
    """A condition key, with what stands for it where it has no value; without a key always the latter."""

    def __init__(self, key: str | None, default: str | None) -> None:
        self._key = key
        self._default = default

    def value(self, context: Context) -> str | None:
        """Return what it stands for."""
        found = None if self._key is None else context.variable(self._key)
        return self._default if found is None else found


def match(pieces: Sequence[Piece], text: str) -> bool:
    """Return whether the whole of ``text`` fits; the work is bounded by the product of the lengths.

    A regular expression with many ``.*`` would not be bounded so.
    """
    at = position = 0
    star = resumed = -1
    while position < len(text):
        piece = pieces[at] if at < len(pieces) else None
        if piece is Wildcard.MANY:
            star, resumed = at, position
            at += 1
        elif piece is Wildcard.ONE or piece == text[position]:
            at += 1
            position += 1
        elif star >= 0:
            # The last star takes one character more, and the rest is tried again.
            resumed += 1
            at, position = star + 1, resumed
        else:
            return False
    return all(piece is Wildcard.MANY for piece in pieces[at:])
