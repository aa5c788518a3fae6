"""Shapes that the service's model does not use today, and may tomorrow."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.model import ServiceModel

from rolesanywhere_signer.testing import HttpRequest
from rolesanywhere_signer.testing.control.model import Match
from rolesanywhere_signer.testing.control.parsing import parse_members
from rolesanywhere_signer.testing.control.shaping import shaped_response
from rolesanywhere_signer.testing.refusals import Refusal

MEMBERS = {
    "id": {"shape": "Text", "location": "uri", "locationName": "the-id"},
    "flag": {"shape": "Flag", "location": "querystring", "locationName": "a-flag"},
    "names": {"shape": "Texts", "location": "querystring", "locationName": "name"},
    "at": {"shape": "Moment"},
    "properties": {"shape": "Properties", "locationName": "the-properties"},
}
SHAPES: dict[str, Any] = {
    "Everything": {"type": "structure", "members": MEMBERS, "required": ["id"]},
    "Answer": {
        "type": "structure",
        "members": {"at": {"shape": "Moment"}, "properties": {"shape": "Properties", "locationName": "the-properties"}},
    },
    "Text": {"type": "string", "max": 3},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Flag": {"type": "boolean"},
    "Moment": {"type": "timestamp", "timestampFormat": "iso8601"},
    "Properties": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}, "max": 2},
}
DESCRIPTION: dict[str, Any] = {
    "metadata": {"protocol": "rest-json"},
    "operations": {
        "Do": {
            "name": "Do",
            "http": {"method": "POST", "requestUri": "/things/{the-id}"},
            "input": {"shape": "Everything"},
            "output": {"shape": "Answer"},
        },
        "Nothing": {"name": "Nothing", "http": {"method": "GET", "requestUri": "/"}},
    },
    "shapes": SHAPES,
}
MODEL = ServiceModel(DESCRIPTION)
DO = MODEL.operation_model("Do")


def parsed(query: str = "", **body: Any) -> dict[str, Any]:
    request = HttpRequest("POST", f"/things/x{query}", (), json.dumps(body).encode())
    return parse_members(Match(DO, {"the-id": "x"}), request)


def test_every_location_and_type() -> None:
    members = parsed(
        "?a-flag=true&name=a&name=b", at="2024-04-20T13:32:46.261840Z", **{"the-properties": {"a": "b"}}, other=1
    )
    assert members == {
        "id": "x",
        "flag": True,
        "names": ["a", "b"],
        "at": datetime(2024, 4, 20, 13, 32, 46, 261840, tzinfo=timezone.utc),
        "properties": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        ("?a-flag=yes", {}, "a-flag must be true or false"),
        ("?name=abcd", {}, "Value 'abcd' at 'names.1.member' failed to satisfy"),
        ("", {"at": "yesterday"}, "at must be a timestamp"),
        ("", {"at": "2024-04-20T13:32:46"}, "at must be a timestamp"),
        ("", {"at": 5}, "at must be a string"),
        ("", {"the-properties": {"abcd": "x"}}, "Value 'abcd' at 'properties.key' failed to satisfy"),
        ("", {"the-properties": {"a": "abcd"}}, "Value 'abcd' at 'properties.value' failed to satisfy"),
        ("", {"the-properties": {"a": None}}, "Value null at 'properties.value' failed to satisfy"),
        ("", {"the-properties": {"a": "", "b": "", "c": ""}}, "Value at 'properties' failed to satisfy"),
        ("", {"the-properties": []}, "properties must be an object"),
    ],
)
def test_what_is_refused(query: str, body: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as caught:
        parsed(query, **body)
    assert message in caught.value.message


def test_answers() -> None:
    seoul = timezone(timedelta(hours=9))
    members = {"at": datetime(2024, 4, 20, 22, 32, 46, tzinfo=seoul), "properties": {"a": "b"}, "other": 1}
    response = shaped_response(DO, members)
    expected = {"at": "2024-04-20T13:32:46.000000Z", "the-properties": {"a": "b"}}
    assert (response.status, json.loads(response.body)) == (200, expected)


def test_an_operation_without_input_and_output() -> None:
    nothing = MODEL.operation_model("Nothing")
    assert parse_members(Match(nothing, {}), HttpRequest("GET", "/")) == {}
    assert json.loads(shaped_response(nothing, {}).body) == {}
