"""Bodies that a lenient parser would take: the service's answer to each is the same."""

from __future__ import annotations

import json

import pytest

from rolesanywhere_signer.testing import assumptions
from tests.emulator.signing import sign_as
from tests.emulator.world import LEAF, World, content, refusal

UNREADABLE = (400, "ValidationException", assumptions.UNREADABLE_BODY)


@pytest.fixture
def world() -> World:
    return World(accept_role_session_name=True)


def with_member(world: World, text: str) -> bytes:
    """Return a good body with one more member in front."""
    return b"{" + text.encode() + b"," + world.body()[1:]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_encodings_other_than_plain_utf8(world: World, encoding: str) -> None:
    body = world.body().decode().encode(encoding)
    assert refusal(world.send(sign_as(LEAF, body))) == UNREADABLE


@pytest.mark.parametrize("octets", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", "\u00e9".encode("latin-1")])
def test_octets_that_are_no_utf8(world: World, octets: bytes) -> None:
    body = world.body(other="here").replace(b"here", octets)
    assert refusal(world.send(sign_as(LEAF, body))) == UNREADABLE


@pytest.mark.parametrize(
    "member",
    [
        '"roleArn":"arn:aws:iam::123456789012:role/other"',
        '"roleArn":null',
        '"role\\u0041rn":null',
        '"instanceProperties":{"a":"1","a":"1"}',
        '"other":[{"a":1,"b":2,"a":3}]',
    ],
)
def test_members_that_stand_in_an_object_twice(world: World, member: str) -> None:
    assert refusal(world.send(sign_as(LEAF, with_member(world, member)))) == UNREADABLE


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have(world: World, number: str) -> None:
    for value in (number, f"[{number}]"):
        body = with_member(world, f'"other":{value}')
        assert refusal(world.send(sign_as(LEAF, body))) == UNREADABLE


def test_what_is_json_all_the_same(world: World) -> None:
    """Members in any order, spaces, escapes, names beyond ASCII, and equal names in different objects."""
    odd = {"\u00fc": {"a": 1}, "other": [{"a": 1}, {"a": 1.5e3}], "instanceProperties": {"a": "\U0001f600"}}
    members = {**odd, **json.loads(world.body())}
    for escaped in (True, False):
        body = b" \n" + json.dumps(members, ensure_ascii=escaped, indent=1).encode() + b"\r\n"
        assert world.send(sign_as(LEAF, body)).status == 201


@pytest.mark.parametrize("other", ["theirs", "", 5, ["mine"]])
def test_two_session_names_that_differ(world: World, other: object) -> None:
    response = world.ask(roleSessionName="mine", sessionName=other)
    assert refusal(response) == (400, "ValidationException", assumptions.SESSION_NAMES_DIFFER)


def test_two_session_names_that_are_the_same(world: World) -> None:
    [session] = content(world.ask(roleSessionName="mine", sessionName="mine"))["credentialSet"]
    assert session["assumedRoleUser"]["assumedRoleId"].endswith(":mine")
