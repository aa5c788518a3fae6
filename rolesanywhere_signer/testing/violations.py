"""The sentences by which the service says what is wrong with a member of a request."""

from __future__ import annotations

from collections.abc import Iterable

from .refusals import Refusal, invalid_request

# What is longer is not repeated to whoever sent it.
_LONGEST_SHOWN = 1011


def is_null(name: str) -> str:
    """Return the sentence about a member that has to be there."""
    return f"Value null at '{name}' failed to satisfy constraint: Member must not be null"


def too_short(name: str, value: object, least: int) -> str:
    """Return the sentence about a length."""
    return violation(name, value, f"Member must have length greater than or equal to {least}")


def too_long(name: str, value: object, most: int) -> str:
    """Return the sentence about a length."""
    return violation(name, value, f"Member must have length less than or equal to {most}")


def too_small(name: str, value: object, least: int) -> str:
    """Return the sentence about a number."""
    return violation(name, value, f"Member must have value greater than or equal to {least}")


def too_great(name: str, value: object, most: int) -> str:
    """Return the sentence about a number."""
    return violation(name, value, f"Member must have value less than or equal to {most}")


def no_match(name: str, value: object, pattern: str) -> str:
    """Return the sentence about a pattern."""
    return violation(name, value, f"Member must satisfy regular expression pattern: {pattern}")


def not_in(name: str, value: object, values: Iterable[str]) -> str:
    """Return the sentence about a value that is none of those that there are."""
    return violation(name, value, f"Member must satisfy enum value set: [{', '.join(values)}]")


def violation(name: str, value: object, constraint: str) -> str:
    """Return the sentence about a constraint; a value that is None, long, or a list or map is not shown."""
    shown = "Value" if value is None or isinstance(value, (bytes, list, dict)) else f"Value '{value}'"
    if len(shown) > _LONGEST_SHOWN:
        shown = "Value"
    return f"{shown} at '{name}' failed to satisfy constraint: {constraint}"


def validation_errors(violations: list[str]) -> Refusal:
    """Return the refusal that says all that is wrong."""
    noun = "error" if len(violations) == 1 else "errors"
    return invalid_request(f"{len(violations)} validation {noun} detected: {'; '.join(violations)}")


def wrong_type(name: str, wanted: str) -> Refusal:
    """Return the refusal of a value that is of another JSON type."""
    return invalid_request(f"{name} must be {wanted}")
