"""The parameters of CreateSession, from the query and the body, validated as the service words it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .assumptions import SESSION_NAMES_DIFFER
from .bodies import json_object
from .refusals import invalid_request
from .violations import (
    is_null,
    no_match,
    too_great,
    too_long,
    too_short,
    too_small,
    validation_errors,
    violation,
    wrong_type,
)
from .wire import HttpRequest

# The patterns of the service's own model; fullmatch and the length limit keep them quick.
_ARN_PATTERNS = {
    "profileArn": r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:profile.*)",
    "roleArn": r"arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)",
    "trustAnchorArn": r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*)",
}
_MAX_ARN_LENGTH = 1011
_SESSION_NAME_PATTERN = r"[\w+=,.@-]*"
_MIN_DURATION, _MAX_DURATION = 900, 43200
_MAX_PROPERTIES, _MAX_PROPERTY_LENGTH = 50, 200
_PROPERTY_LENGTH = (
    f"Member must have length less than or equal to {_MAX_PROPERTY_LENGTH}, "
    "Member must have length greater than or equal to 1"
)


@dataclass(frozen=True)
class SessionParameters:
    """What CreateSession was asked for; None for what was not said."""

    profile_arn: str
    role_arn: str
    trust_anchor_arn: str
    duration_seconds: int | None
    role_session_name: str | None
    instance_properties: Mapping[str, str] | None


def parse_parameters(request: HttpRequest) -> SessionParameters:
    """Return the parameters of a CreateSession request.

    Raises:
        Refusal: A ValidationException that names all that is wrong.
    """
    members = _members(request)
    violations = list(_violations(members))
    if violations:
        raise validation_errors(violations)
    return SessionParameters(
        members["profileArn"],
        members["roleArn"],
        members["trustAnchorArn"],
        members.get("durationSeconds"),
        members.get("roleSessionName"),
        members.get("instanceProperties"),
    )


def _members(request: HttpRequest) -> dict[str, Any]:
    members = {name: value for name, value in json_object(request.body).items() if value is not None}
    for name, value in _query_arns(request).items():
        if members.setdefault(name, value) != value:
            raise invalid_request(f"{name} differs between the query and the body")
    old_name = members.get("sessionName")
    if old_name is not None and members.setdefault("roleSessionName", old_name) != old_name:
        raise invalid_request(SESSION_NAMES_DIFFER)
    return members


def _query_arns(request: HttpRequest) -> dict[str, str]:
    arns: dict[str, str] = {}
    for name, value in parse_qsl(request.raw_query, keep_blank_values=True):
        if name not in _ARN_PATTERNS:
            continue
        if name in arns:
            raise invalid_request(f"{name} is in the query more than once")
        arns[name] = value
    return arns


def _violations(members: dict[str, Any]) -> Iterator[str]:
    for name, pattern in _ARN_PATTERNS.items():
        yield from _arn_violations(name, members.get(name), pattern)
    if "durationSeconds" in members:
        yield from _duration_violations(members["durationSeconds"])
    if "roleSessionName" in members:
        yield from _text_violations("roleSessionName", members["roleSessionName"], 2, 64, _SESSION_NAME_PATTERN)
    if "instanceProperties" in members:
        yield from _property_violations(members["instanceProperties"])


def _arn_violations(name: str, value: object, pattern: str) -> Iterator[str]:
    if value is None:
        yield is_null(name)
    else:
        yield from _text_violations(name, value, 1, _MAX_ARN_LENGTH, pattern)


def _text_violations(name: str, value: object, shortest: int, longest: int, pattern: str) -> Iterator[str]:
    if not isinstance(value, str):
        raise wrong_type(name, "a string")
    if len(value) < shortest:
        yield too_short(name, value, shortest)
    elif len(value) > longest:
        yield too_long(name, value, longest)
    elif not re.fullmatch(pattern, value, re.ASCII):
        yield no_match(name, value, pattern)


def _duration_violations(value: object) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type("durationSeconds", "an integer")
    if value < _MIN_DURATION:
        yield too_small("durationSeconds", value, _MIN_DURATION)
    if value > _MAX_DURATION:
        yield too_great("durationSeconds", value, _MAX_DURATION)


def _property_violations(value: object) -> Iterator[str]:
    name = "instanceProperties"
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise wrong_type(name, "a map of strings")
    if len(value) > _MAX_PROPERTIES:
        yield too_long(name, value, _MAX_PROPERTIES)
    for kind, texts in (("keys", value.keys()), ("value", value.values())):
        if not all(1 <= len(text) <= _MAX_PROPERTY_LENGTH for text in texts):
            yield violation(name, value, f"Map {kind} must satisfy constraint: [{_PROPERTY_LENGTH}]")
