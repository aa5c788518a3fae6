"""The members of a request: taken from where the model says, brought into its types, held to its constraints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from botocore.model import Shape, StructureShape

from ..assumptions import QUERY_TWICE, UNREADABLE_QUERY
from ..bodies import json_object
from ..refusals import invalid_request
from ..violations import validation_errors, wrong_type
from ..wire import HttpRequest
from .constraints import Checker
from .model import Match, service_model

_MOST_QUERY_FIELDS = 1000
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_BOOLEANS = {"true": True, "false": False}


def parse_members(match: Match, request: HttpRequest) -> dict[str, Any]:
    """Return the members of a request in Python's types; those that are absent or null are left out.

    Raises:
        Refusal: A ValidationException that names what is wrong.
    """
    shape = match.operation.input_shape
    if not isinstance(shape, StructureShape):
        return {}
    checker = Checker()
    members = checker.structure(shape, _gathered(shape, match.labels, request), "")
    if checker.violations:
        raise validation_errors(checker.violations)
    return members


def check_value(shape_name: str, value: object, name: str) -> None:
    """Hold a value that does not come from a request to a shape of the model, if the model has it.

    Raises:
        Refusal: A ValidationException that names what is wrong.
    """
    model = service_model()
    if shape_name not in model.shape_names:
        return
    checker = Checker()
    checker.value(model.shape_for(shape_name), value, name)
    if checker.violations:
        raise validation_errors(checker.violations)


def _gathered(shape: StructureShape, labels: Mapping[str, str], request: HttpRequest) -> dict[str, Any]:
    """Return the members as JSON has them, wherever they came from."""
    query = _query(request)
    gathered: dict[str, Any] = {}
    in_body: dict[str, str] = {}
    for name, member in shape.members.items():
        location, key = member.serialization.get("location"), str(member.serialization.get("name", name))
        if location == "uri":
            gathered[name] = labels[key]
        elif location == "querystring":
            gathered[name] = _query_value(key, member, query.get(key))
        else:
            in_body[name] = key
    body = json_object(request.body) if in_body else {}
    gathered.update({name: body.get(key) for name, key in in_body.items()})
    return gathered


def _query(request: HttpRequest) -> dict[str, list[str]]:
    try:
        return parse_qs(request.raw_query, keep_blank_values=True, max_num_fields=_MOST_QUERY_FIELDS)
    except ValueError as error:
        raise invalid_request(UNREADABLE_QUERY) from error


def _query_value(key: str, member: Shape, texts: list[str] | None) -> Any:
    if texts is None:
        return None
    if member.type_name == "list":
        return texts
    if len(texts) > 1:
        raise invalid_request(QUERY_TWICE.format(key))
    return _QUERY_TYPES.get(member.type_name, _text)(key, texts[0])


def _text(_: str, text: str) -> str:
    return text


def _integer(key: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise wrong_type(key, "an integer")
    return int(text)


def _boolean(key: str, text: str) -> bool:
    if text not in _BOOLEANS:
        raise wrong_type(key, "true or false")
    return _BOOLEANS[text]


_QUERY_TYPES: dict[str, Callable[[str, str], Any]] = {"integer": _integer, "boolean": _boolean}
