"""The Condition element of a policy: its operators, and what they make of keys that the request does not have.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from .policy_patterns import Context, Pattern, Piece, match

_FOR_ALL, _FOR_ANY = "ForAllValues", "ForAnyValue"
_IF_EXISTS = "IfExists"

# What a policy says, and one value of the request.
_Test = Callable[[Pattern, Context, str], bool]
_Parse = Callable[[str], Any]


class _Operator(NamedTuple):
    """One comparison.

    Attributes:
        test: Whether the policy's value fits the request's.
        negated: Whether none of the policy's values may fit.
        parse: Raises a ValueError for a value of the policy that cannot be compared in this way.
        wildcards: Whether the policy's values have them.
    """

    test: _Test
    negated: bool = False
    parse: _Parse = str
    wildcards: bool = False


def _equal(pattern: Pattern, context: Context, value: str) -> bool:
    return pattern.literal(context) == value


def _equal_in_any_case(pattern: Pattern, context: Context, value: str) -> bool:
    return (pattern.literal(context) or "").lower() == value.lower()


def _like(pattern: Pattern, context: Context, value: str) -> bool:
    return pattern.matches(value, context)


def _like_arn(pattern: Pattern, context: Context, value: str) -> bool:
    """Compare the six parts of an ARN one by one: a wildcard does not reach over a colon but in the last."""
    wanted, given = _arn_parts(pattern.pieces(context) or []), value.split(":", 5)
    return len(wanted) == len(given) == 6 and all(map(match, wanted, given))


def _arn_parts(pieces: list[Piece]) -> list[list[Piece]]:
    parts: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def _compared(parse: _Parse, holds: Callable[[Any, Any], bool]) -> _Test:
    """Return a test of what both texts mean; a text that means nothing fits nothing."""

    def test(pattern: Pattern, context: Context, value: str) -> bool:
        try:
            return holds(parse(value), parse(pattern.literal(context) or ""))
        except ValueError:
            return False

    return test


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false is expected")
    return text.lower() == "true"


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is expected") from None
    # NaN cannot be compared, and the exponent of a text must not make a long computation.
    if not number.is_finite() or abs(number.adjusted()) > 400:
        raise ValueError("a number is expected")
    return number


def _moment(text: str) -> datetime:
    """Read a date in W3C's form of ISO 8601, or seconds since 1970."""
    try:
        if text.lstrip("-").isdecimal():
            return datetime.fromtimestamp(int(text), timezone.utc)
        moment = datetime.fromisoformat(text.removesuffix("Z") + ("+00:00" if text.endswith("Z") else ""))
    except (ValueError, OverflowError, OSError):
        raise ValueError("a date is expected, such as 2030-01-31T00:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _inside(given: Any, wanted: Any) -> bool:
    return bool(given.version == wanted.version and given.subnet_of(wanted))


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("base64 is expected") from None


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}


def _ordered(name: str, parse: _Parse) -> Iterator[tuple[str, _Operator]]:
    yield f"{name}NotEquals", _Operator(_compared(parse, eq), negated=True, parse=parse)
    for ending, holds in _ORDER.items():
        yield name + ending, _Operator(_compared(parse, holds), parse=parse)


_OPERATORS: dict[str, _Operator] = {
    "StringEquals": _Operator(_equal),
    "StringNotEquals": _Operator(_equal, negated=True),
    "StringEqualsIgnoreCase": _Operator(_equal_in_any_case),
    "StringNotEqualsIgnoreCase": _Operator(_equal_in_any_case, negated=True),
    "StringLike": _Operator(_like, wildcards=True),
    "StringNotLike": _Operator(_like, negated=True, wildcards=True),
    # The two names mean the same.
    "ArnEquals": _Operator(_like_arn, wildcards=True),
    "ArnLike": _Operator(_like_arn, wildcards=True),
    "ArnNotEquals": _Operator(_like_arn, negated=True, wildcards=True),
    "ArnNotLike": _Operator(_like_arn, negated=True, wildcards=True),
    "Bool": _Operator(_compared(_boolean, eq), parse=_boolean),
    "BinaryEquals": _Operator(_compared(_binary, eq), parse=_binary),
    "IpAddress": _Operator(_compared(_network, _inside), parse=_network),
    "NotIpAddress": _Operator(_compared(_network, _inside), negated=True, parse=_network),
    "Null": _Operator(_equal, parse=_boolean),
    **dict(_ordered("Numeric", _number)),
    **dict(_ordered("Date", _moment)),
}


@dataclass(frozen=True)
class Condition:
    """One operator on one key.

    Attributes:
        operator: As it is written, such as ``ForAnyValue:StringLikeIfExists``.
        key: The condition key.
        patterns: The values of the policy.
    """

    operator: str
    key: str
    patterns: tuple[Pattern, ...]

    def holds(self, context: Context) -> bool:
        """Return whether the request meets the condition.

        A variable without a value makes it fail, whatever the operator: the statement does not apply.
        """
        given = context.values(self.key)
        quantifier, name, if_exists = _split_operator(self.operator)
        if name == "Null":
            return any(_boolean(pattern.text) == (not given) for pattern in self.patterns)
        if any(pattern.pieces(context) is None for pattern in self.patterns):
            return False
        operator = _OPERATORS[name]
        if not given:
            return if_exists or quantifier == _FOR_ALL or (operator.negated and quantifier != _FOR_ANY)
        fits = [self._fits(operator, value, context) for value in given]
        if quantifier == _FOR_ANY:
            return any(fits)
        if quantifier == _FOR_ALL or operator.negated:
            return all(fits)
        return any(fits)

    def _fits(self, operator: _Operator, value: str, context: Context) -> bool:
        """Return whether one value of the request is as the policy wants it."""
        return any(operator.test(pattern, context, value) for pattern in self.patterns) != operator.negated


def parse_conditions(block: object, where: str, *, variables: bool) -> tuple[Condition, ...]:
    """Parse a Condition element.

    Args:
        block: What stands there.
        where: The element, for messages.
        variables: Whether values may hold variables.

    Raises:
        ConfigurationError: It is none: an operator that there is not, a value that it cannot compare.
    """
    found: list[Condition] = []
    for operator, keys in _members(block, where):
        place = f"{where}.{operator}"
        known = _operator(operator, place)
        for key, values in _members(keys, place):
            patterns = _patterns(values, f"{place}.{key}", known, variables=variables)
            found.append(Condition(operator, key, patterns))
    return tuple(found)


def _members(block: object, where: str) -> Iterator[tuple[str, object]]:
    if not isinstance(block, Mapping) or not all(isinstance(name, str) and name for name in block):
        raise ConfigurationError(f"{where} must be an object", hint='such as {"StringEquals": {"key": "value"}}')
    yield from block.items()


def _operator(written: str, where: str) -> _Operator:
    _, name, _ = _split_operator(written)
    if name not in _OPERATORS or (name == "Null" and written != name):
        raise ConfigurationError(
            f"{where}: there is no such condition operator", hint=f"one of {', '.join(_OPERATORS)}"
        )
    return _OPERATORS[name]


def _split_operator(written: str) -> tuple[str, str, bool]:
    """Return the quantifier, the operator, and whether a key that is not there meets the condition."""
    before, colon, after = written.partition(":")
    quantifier, name = (before, after) if colon and before in (_FOR_ALL, _FOR_ANY) else ("", written)
    return quantifier, name.removesuffix(_IF_EXISTS), name.endswith(_IF_EXISTS)


def _patterns(values: object, where: str, operator: _Operator, *, variables: bool) -> tuple[Pattern, ...]:
    texts = [_text(value, where) for value in (values if isinstance(values, list | tuple) else [values])]
    if not texts:
        raise ConfigurationError(f"{where} has no value", hint="a text, or a list of texts")
    # Only texts and ARNs are made of variables.
    patterns = [
        Pattern(text, where, variables=variables and operator.parse is str, wildcards=operator.wildcards)
        for text in texts
    ]
    for pattern in patterns:
        _check(operator, pattern, where)
    return tuple(patterns)


def _check(operator: _Operator, pattern: Pattern, where: str) -> None:
    try:
        operator.parse(pattern.text)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {pattern.text!r} cannot be compared: {error}") from error


def _text(value: object, where: str) -> str:
    # JSON's own true and 5 are taken for "true" and "5".
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return value
    raise ConfigurationError(f"{where} must be a text, or a list of texts", hint="write the value in quotes")
