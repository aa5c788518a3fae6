"""Values held to the shapes of the model: their types, and what they may be."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from ..assumptions import MOST_VIOLATIONS_NAMED, NOT_ONE_OF_UNION
from ..refusals import invalid_request
from ..violations import is_null, no_match, not_in, too_great, too_long, too_short, too_small, wrong_type

# An integer of the model has 32 bits.
_LEAST, _GREATEST = -(2**31), 2**31 - 1


class Checker:
    """Walks values along shapes.

    Attributes:
        violations: The sentences about what is wrong, in the order of the model.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []

    def structure(self, shape: StructureShape, members: dict[str, Any], path: str) -> dict[str, Any]:
        """Return the members that the shape has, in Python's types, without those that are null.

        Raises:
            Refusal: One of them is of another type.
        """
        values: dict[str, Any] = {}
        for name, member in shape.members.items():
            where = f"{path}.{name}" if path else name
            if members.get(name) is not None:
                values[name] = self.value(member, members[name], where)
            elif name in shape.required_members:
                self._complain(is_null(where))
        if shape.is_tagged_union and len(values) != 1:
            raise invalid_request(NOT_ONE_OF_UNION.format(path))
        return values

    def value(self, shape: Shape, value: Any, path: str) -> Any:
        """Return a value in Python's type for it.

        Raises:
            Refusal: It is of another type.
        """
        if isinstance(shape, StructureShape):
            return self.structure(shape, _typed(value, dict, path, "an object"), path)
        if isinstance(shape, ListShape):
            return self._list(shape, _typed(value, list, path, "a list"), path)
        if isinstance(shape, MapShape):
            return self._map(shape, _typed(value, dict, path, "an object"), path)
        converted = _SCALARS.get(shape.type_name, _as_is)(value, path)
        self._check(shape, converted, path)
        return converted

    def _list(self, shape: ListShape, value: list[Any], path: str) -> list[Any]:
        if self._has_length(shape, value, path):
            return [self._element(shape.member, each, f"{path}.{n}.member") for n, each in enumerate(value, 1)]
        return value

    def _map(self, shape: MapShape, value: dict[str, Any], path: str) -> dict[str, Any]:
        if not self._has_length(shape, value, path):
            return value
        return {
            self._element(shape.key, key, f"{path}.key"): self._element(shape.value, each, f"{path}.value")
            for key, each in value.items()
        }

    def _element(self, shape: Shape, value: Any, path: str) -> Any:
        if value is None:
            self._complain(is_null(path))
            return None
        return self.value(shape, value, path)

    def _check(self, shape: Shape, value: Any, path: str) -> None:
        if len(self.violations) == MOST_VIOLATIONS_NAMED:
            return
        if isinstance(value, int):
            self._has_size(shape, value, path)
            return
        if not isinstance(value, (str, bytes)) or not self._has_length(shape, value, path):
            return
        pattern, values = shape.metadata.get("pattern"), shape.enum if isinstance(shape, StringShape) else []
        shown = _shown(shape, value)
        if values and value not in values:
            self._complain(not_in(path, shown, values))
        if isinstance(value, str) and pattern and not _matches(pattern, value):
            self._complain(no_match(path, shown, pattern))

    def _has_length(self, shape: Shape, value: Any, path: str) -> bool:
        """Return whether a length is in its bounds; only then what is inside is looked at, which bounds the work."""
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and len(value) < least:
            self._complain(too_short(path, _shown(shape, value), least))
            return False
        if most is not None and len(value) > most:
            self._complain(too_long(path, _shown(shape, value), most))
            return False
        return True

    def _has_size(self, shape: Shape, value: int, path: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and value < least:
            self._complain(too_small(path, value, least))
        if most is not None and value > most:
            self._complain(too_great(path, value, most))

    def _complain(self, sentence: str) -> None:
        if len(self.violations) < MOST_VIOLATIONS_NAMED:
            self.violations.append(sentence)


def _shown(shape: Shape, value: Any) -> Any:
    return None if shape.metadata.get("sensitive") else value


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # Matches the same, and finds a match in linear time; a failure takes a square, but few of them are looked for.
    quick = pattern.replace("(:.*){2}", "(:.*?){2}")
    try:
        return re.compile(quick, re.ASCII)
    except re.error:
        # The models' patterns are Java's, which knows classes such as \p{L} that Python does not.
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _typed(value: Any, wanted: type, path: str, name: str) -> Any:
    if not isinstance(value, wanted):
        raise wrong_type(path, name)
    return value


def _as_is(value: Any, _: str) -> Any:
    return value


def _string(value: Any, path: str) -> str:
    return str(_typed(value, str, path, "a string"))


def _boolean(value: Any, path: str) -> bool:
    return bool(_typed(value, bool, path, "true or false"))


def _integer(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _LEAST <= value <= _GREATEST:
        raise wrong_type(path, "an integer")
    return value


def _blob(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_string(value, path).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise wrong_type(path, "base64") from error


def _timestamp(value: Any, path: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_string(value, path).replace("Z", "+00:00"))
    except ValueError as error:
        raise wrong_type(path, "a timestamp") from error
    if moment.tzinfo is None:
        raise wrong_type(path, "a timestamp")
    return moment


_SCALARS: dict[str, Callable[[Any, str], Any]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "blob": _blob,
    "timestamp": _timestamp,
}
