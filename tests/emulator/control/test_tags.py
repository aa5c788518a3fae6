"""Tags of every kind of resource."""

from __future__ import annotations

from typing import Any

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from tests.emulator.control.world import (
    invalid,
    missing,
    needs_aliases,
    new_anchor,
    new_crl,
    new_profile,
    refused,
)
from tests.emulator.signing import NOW
from tests.emulator.world import LEAF

TOO_MANY = ("TooManyTagsException", 400, assumptions.TOO_MANY_TAGS)


def as_list(**tags: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def many(number: int) -> list[dict[str, str]]:
    return as_list(**{f"k{n}": "" for n in range(number)})


@pytest.fixture
def arns(service: LocalRolesAnywhere, client: Any) -> list[str]:
    anchor = new_anchor(client)
    return [
        anchor["trustAnchorArn"],
        new_profile(client)["profileArn"],
        new_crl(client, anchor)["crlArn"],
        service._account.record_subject(LEAF.certificate, NOW).arn,
    ]


def test_tags_of_every_kind_of_resource(client: Any, arns: list[str]) -> None:
    for arn in arns:
        client.tag_resource(resourceArn=arn, tags=as_list(a="1", b="2"))
        client.tag_resource(resourceArn=arn, tags=as_list(b="3", c="4"))
        client.untag_resource(resourceArn=arn, tagKeys=["a", "x"])
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == as_list(b="3", c="4")


def test_tags_from_the_start(client: Any) -> None:
    tags = as_list(a="1", b="")
    anchor = new_anchor(client, tags=tags)
    made = (anchor["trustAnchorArn"], new_profile(client, tags=tags)["profileArn"])
    for arn in (*made, new_crl(client, anchor, tags=tags)["crlArn"]):
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == tags


def test_too_many(client: Any, arns: list[str]) -> None:
    client.tag_resource(resourceArn=arns[0], tags=many(50))
    client.tag_resource(resourceArn=arns[0], tags=many(50))
    with refused(*TOO_MANY):
        client.tag_resource(resourceArn=arns[0], tags=as_list(x="1"))
    assert client.list_tags_for_resource(resourceArn=arns[0])["tags"] == many(50)
    with invalid(assumptions.TOO_MANY_TAGS):
        new_anchor(client, tags=many(51))
    with invalid(assumptions.TOO_MANY_TAGS):
        new_profile(client, tags=many(51))


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([*as_list(a="1"), *as_list(a="2")], assumptions.TAG_TWICE),
        ([{"key": "aws:a", "value": "1"}], assumptions.RESERVED_TAG),
        ([{"key": "AWS:a", "value": "1"}], assumptions.RESERVED_TAG),
    ],
)
def test_tags_that_are_refused(client: Any, arns: list[str], tags: list[Any], message: str) -> None:
    with invalid(message):
        client.tag_resource(resourceArn=arns[0], tags=tags)
    with invalid(message):
        new_profile(client, tags=tags)
    assert client.list_tags_for_resource(resourceArn=arns[0])["tags"] == []


@pytest.mark.parametrize("change", ["x", "", ":"])
def test_a_resource_that_is_not_there(client: Any, arns: list[str], change: str) -> None:
    arn = f"{arns[0]}{change}" if change else arns[0].replace("us-east-1", "us-west-2")
    for call in (
        lambda: client.list_tags_for_resource(resourceArn=arn),
        lambda: client.tag_resource(resourceArn=arn, tags=[]),
        lambda: client.untag_resource(resourceArn=arn, tagKeys=[]),
    ):
        with missing(assumptions.RESOURCE_NOT_FOUND):
            call()


@needs_aliases
def test_an_alias_has_no_tags(client: Any) -> None:
    made = new_anchor(client, aliasName="one")
    with missing():
        client.list_tags_for_resource(resourceArn=made["aliasArn"])
