"""Aliases of trust anchors, profiles and CRLs, where botocore's model has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from rolesanywhere_signer.testing import assumptions
from tests.emulator.control.world import (
    ACCOUNT,
    REGION,
    invalid,
    missing,
    needs_aliases,
    new_anchor,
    new_crl,
    new_profile,
)

pytestmark = needs_aliases


class Kind(NamedTuple):
    """How a kind of resource is made, found, and named in answers."""

    path: str
    member: str
    make: Callable[..., dict[str, Any]]

    @property
    def id(self) -> str:
        return f"{self.member}Id"

    @property
    def arn(self) -> str:
        return f"{self.member}Arn"

    def get(self, client: Any, identifier: str) -> Any:
        return self._call(client, "get", identifier)

    def update(self, client: Any, identifier: str, **members: Any) -> Any:
        return self._call(client, "update", identifier, **members)

    def delete(self, client: Any, identifier: str) -> Any:
        return self._call(client, "delete", identifier)

    def _call(self, client: Any, verb: str, identifier: str, **members: Any) -> Any:
        call = getattr(client, f"{verb}_{self.path.replace('-', '_')}")
        return call(**{self.id: identifier}, **members)[self.member]


def crl_of_a_new_anchor(client: Any, **members: Any) -> dict[str, Any]:
    return new_crl(client, new_anchor(client), **members)


KINDS = [
    Kind("trust-anchor", "trustAnchor", new_anchor),
    Kind("profile", "profile", new_profile),
    Kind("crl", "crl", crl_of_a_new_anchor),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.path)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def alias_arn(kind: Kind, name: str) -> str:
    return f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:alias/{kind.path}/{name}"


def test_three_ways_to_name_a_resource(client: Any, kind: Kind) -> None:
    made = kind.make(client, aliasName="team/one")
    assert (made["aliasName"], made["aliasArn"]) == ("team/one", alias_arn(kind, "team/one"))
    for identifier in (made[kind.id], made[kind.arn], made["aliasArn"]):
        assert kind.get(client, identifier) == made


def test_most_have_none(client: Any, kind: Kind) -> None:
    for members in ({}, {"aliasName": ""}):
        assert not {"aliasName", "aliasArn", "previousAliasName"} & set(kind.make(client, **members))


def test_set_changed_and_removed(client: Any, kind: Kind) -> None:
    identifier = kind.make(client)[kind.id]
    first = kind.update(client, identifier, aliasName="one")
    assert (first["aliasName"], first.get("previousAliasName")) == ("one", None)
    second = kind.update(client, identifier, aliasName="two")
    assert (second["aliasName"], second.get("previousAliasName")) == ("two", "one")
    with missing():
        kind.get(client, alias_arn(kind, "one"))
    kept = kind.update(client, second["aliasArn"], name="new")
    assert (kept["aliasName"], kept.get("previousAliasName")) == ("two", None)
    none = kind.update(client, identifier, aliasName="")
    assert (none.get("aliasName"), none.get("aliasArn"), none.get("previousAliasName")) == (None, None, "two")
    assert "previousAliasName" not in kind.get(client, identifier)


def test_one_holder_at_a_time(client: Any, kind: Kind) -> None:
    first, second = kind.make(client, aliasName="one"), kind.make(client)
    with invalid(assumptions.ALIAS_IN_USE):
        kind.make(client, aliasName="one")
    with invalid(assumptions.ALIAS_IN_USE):
        kind.update(client, second[kind.id], aliasName="one")
    kind.update(client, first[kind.id], aliasName="one")
    kind.delete(client, first["aliasArn"])
    assert kind.update(client, second[kind.id], aliasName="one")["aliasName"] == "one"


def test_upper_and_lower_case_and_kinds_are_different(client: Any) -> None:
    for kind in KINDS:
        for name in ("one", "One"):
            assert kind.make(client, aliasName=name)["aliasArn"] == alias_arn(kind, name)


@pytest.mark.parametrize("name", ["aws/one", "AWS/one", "aWs/x/y"])
def test_reserved(client: Any, kind: Kind, name: str) -> None:
    with invalid(assumptions.RESERVED_ALIAS):
        kind.make(client, aliasName=name)


@pytest.mark.parametrize("name", ["1a", "/a", "a/", "a//b", "a b", "é", "a" * 257, "_a", "a\n"])
def test_names_that_are_none(client: Any, kind: Kind, name: str) -> None:
    with invalid():
        kind.make(client, aliasName=name)


@pytest.mark.parametrize("name", ["a", "aws", "aws-x/y", "a/b/c-_9", "a" * 256])
def test_names_that_are_some(client: Any, kind: Kind, name: str) -> None:
    assert kind.make(client, aliasName=name)["aliasName"] == name


@pytest.mark.parametrize("change", [(REGION, "us-west-2"), (ACCOUNT, "210987654321"), ("arn:aws:", "arn:aws-cn:")])
def test_arns_of_elsewhere(client: Any, kind: Kind, change: tuple[str, str]) -> None:
    made = kind.make(client, aliasName="one")
    for arn in (made[kind.arn], made["aliasArn"]):
        with missing(assumptions.RESOURCE_NOT_FOUND):
            kind.get(client, arn.replace(*change))
