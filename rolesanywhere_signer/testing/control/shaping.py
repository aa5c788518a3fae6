"""An answer as the model shapes it: its members and no others, in JSON's types."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from ..wire import HttpResponse, json_response


def shaped_response(operation: OperationModel, members: Mapping[str, Any]) -> HttpResponse:
    """Return the answer of an operation; members that its model does not have are left out."""
    output = operation.output_shape
    content = {} if output is None else _shaped(output, members)
    return json_response(int(operation.http.get("responseCode", 200)), content)


def _shaped(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        given = ((name, member, value.get(name)) for name, member in shape.members.items())
        return {
            str(member.serialization.get("name", name)): _shaped(member, each)
            for name, member, each in given
            if each is not None
        }
    if isinstance(shape, ListShape):
        return [_shaped(shape.member, each) for each in value]
    if isinstance(shape, MapShape):
        return {key: _shaped(shape.value, each) for key, each in value.items()}
    return _SCALARS.get(shape.type_name, _as_is)(value)


def _as_is(value: Any) -> Any:
    return value


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _timestamp(value: datetime) -> str:
    return value.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


_SCALARS: dict[str, Callable[[Any], Any]] = {"blob": _blob, "timestamp": _timestamp}
