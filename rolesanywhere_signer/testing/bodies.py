"""The body of a request, read strictly as the JSON object that it has to be."""

from __future__ import annotations

import json
from typing import Any

from .assumptions import UNREADABLE_BODY
from .refusals import invalid_request


def json_object(body: bytes) -> dict[str, Any]:
    """Return the members of a body; an empty body has none.

    Raises:
        Refusal: It is no JSON object, or one that parsers would understand differently.
    """
    if not body:
        return {}
    try:
        # Decoded here, since json would guess at UTF-16, UTF-32 and a byte order mark.
        content = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    # Nesting without end is a RecursionError; a number of thousands of digits is a ValueError.
    except (ValueError, RecursionError) as error:
        raise invalid_request(UNREADABLE_BODY) from error
    if not isinstance(content, dict):
        raise invalid_request(UNREADABLE_BODY)
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands in an object twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
