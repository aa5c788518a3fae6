"""Values of the model's shapes: some that are valid, anything else, and a second opinion on which is which."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from hypothesis import strategies as st

from rolesanywhere_signer.testing import HttpRequest
from tests.emulator.control.world import signed

LONGEST_DRAWN = 40

junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("x" * 3000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


Known = Mapping[str, st.SearchStrategy[Any]]


def valid(shape: Shape, known: Known) -> st.SearchStrategy[Any]:
    """Return a strategy for valid JSON values of a shape.

    Args:
        known: By the shape's name: what to take instead, such as identifiers of what is there.
    """
    if shape.name in known:
        return known[shape.name]
    if isinstance(shape, StructureShape):
        return _structures(shape, known)
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if isinstance(shape, ListShape):
        return st.lists(valid(shape.member, known), min_size=least, max_size=min(most or 3, 3))
    if isinstance(shape, MapShape):
        return st.dictionaries(valid(shape.key, known), valid(shape.value, known), min_size=least, max_size=3)
    return _scalars(shape, least, most)


def _structures(shape: StructureShape, known: Known) -> st.SearchStrategy[Any]:
    members = {name: valid(member, known) for name, member in shape.members.items()}
    if shape.is_tagged_union:
        return st.one_of([st.fixed_dictionaries({name: member}) for name, member in members.items()])
    needed = {name: member for name, member in members.items() if name in shape.required_members}
    return st.fixed_dictionaries(needed, optional={k: v for k, v in members.items() if k not in needed})


def _scalars(shape: Shape, least: int, most: int | None) -> st.SearchStrategy[Any]:
    if isinstance(shape, StringShape):
        return _texts(shape, least, most)
    numbers = st.integers(-(2**31) if "min" not in shape.metadata else least, 2**31 - 1 if most is None else most)
    blobs = st.binary(min_size=least, max_size=LONGEST_DRAWN).map(lambda data: base64.b64encode(data).decode())
    by_type: dict[str, st.SearchStrategy[Any]] = {"boolean": st.booleans(), "integer": numbers, "blob": blobs}
    return by_type[shape.type_name]


def _texts(shape: StringShape, least: int, most: int | None) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if "pattern" not in shape.metadata:
        return st.text(min_size=least, max_size=max(least, min(most or LONGEST_DRAWN, LONGEST_DRAWN)))
    fitting = st.from_regex(re.compile(shape.metadata["pattern"], re.ASCII), fullmatch=True)
    return fitting.filter(lambda text: least <= len(text) <= (most or len(text)))


def is_valid(shape: Shape, value: Any) -> bool:
    """Return whether JSON is a value of a shape; null counts as absent."""
    if isinstance(shape, StructureShape):
        return isinstance(value, dict) and _has_valid_members(shape, value)
    if isinstance(shape, ListShape):
        return isinstance(value, list) and _fits(shape, len(value)) and all(is_valid(shape.member, v) for v in value)
    if isinstance(shape, MapShape):
        return isinstance(value, dict) and _fits(shape, len(value)) and all(is_valid(shape.value, v) for v in value)
    if isinstance(shape, StringShape):
        return isinstance(value, str) and _fits(shape, len(value)) and _matches(shape, value)
    if shape.type_name == "integer":
        return type(value) is int and _fits(shape, value) and -(2**31) <= value < 2**31
    return isinstance(value, bool) if shape.type_name == "boolean" else _is_base64(shape, value)


def _matches(shape: StringShape, value: str) -> bool:
    pattern = shape.metadata.get("pattern", "(?s:.*)")
    return (not shape.enum or value in shape.enum) and bool(re.fullmatch(pattern, value, re.ASCII))


def _has_valid_members(shape: StructureShape, value: dict[str, Any]) -> bool:
    given = {name: value[name] for name in shape.members if value.get(name) is not None}
    if shape.is_tagged_union and len(given) != 1:
        return False
    return set(shape.required_members) <= set(given) and all(is_valid(shape.members[n], v) for n, v in given.items())


def _fits(shape: Shape, size: int) -> bool:
    return bool(shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size))


def _is_base64(shape: Shape, value: Any) -> bool:
    try:
        return _fits(shape, len(base64.b64decode(value.encode("ascii"), validate=True)))
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        return False


def request_of(operation: OperationModel, members: Mapping[str, Any]) -> HttpRequest | None:
    """Return a signed request with those members; None: one of them cannot travel where it has to."""
    path, query, body = str(operation.http["requestUri"]), [], {}
    shape = operation.input_shape
    assert isinstance(shape, StructureShape)
    for name, value in members.items():
        serialization = shape.members[name].serialization
        key = str(serialization.get("name", name))
        location = serialization.get("location")
        if location is None:
            body[key] = value
            continue
        texts = [_as_text(each) for each in (value if isinstance(value, list) else [value])]
        if location == "uri":
            path = path.replace(f"{{{key}}}", texts[0] if texts else "")
        else:
            query += [f"{key}={text}" for text in texts]
    if "{" in path or "//" in path or path.endswith("/"):
        return None
    target = f"{path}?{'&'.join(query)}" if query else path
    return signed(str(operation.http["method"]), target, json.dumps(body).encode() if body else b"")


def _as_text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text.encode("utf-8", "replace"), safe="")
