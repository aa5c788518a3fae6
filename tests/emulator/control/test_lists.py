"""Lists in pages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from tests.emulator.control.world import REGION, boto3_client, invalid, new_anchor, new_crl, new_profile
from tests.emulator.signing import NOW
from tests.emulator.world import CA

LISTS = {
    "list_trust_anchors": "trustAnchors",
    "list_profiles": "profiles",
    "list_crls": "crls",
    "list_subjects": "subjects",
}


@pytest.fixture
def five(service: LocalRolesAnywhere, client: Any) -> None:
    """Five of each."""
    for number in range(5):
        new_profile(client, name=f"n{number}")
        new_crl(client, new_anchor(client, name=f"n{number}"), name=f"n{number}")
        service._account.record_subject(CA.issue(f"CN=n{number}", key_type="P-256").certificate, NOW)


@pytest.mark.parametrize(("operation", "key"), LISTS.items())
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.usefixtures("five")
def test_pages_hold_each_once_and_in_order(client: Any, operation: str, key: str, size: int) -> None:
    pages = list(client.get_paginator(operation).paginate(pageSize=size))
    names = [each.get("name") or each["x509Subject"].removeprefix("CN=") for page in pages for each in page[key]]
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    assert [len(page[key]) for page in pages] == [size] * (5 // size) + ([5 % size] if 5 % size else [])
    assert "nextToken" not in pages[-1]


@pytest.mark.parametrize(("operation", "key"), LISTS.items())
def test_an_empty_list(client: Any, operation: str, key: str) -> None:
    answer = getattr(client, operation)()
    assert (answer[key], answer.get("nextToken")) == ([], None)


@pytest.mark.usefixtures("five")
def test_what_changes_between_two_pages(client: Any) -> None:
    first = client.list_profiles(pageSize=2)
    client.delete_profile(profileId=first["profiles"][1]["profileId"])
    new_profile(client, name="n5")
    rest = client.list_profiles(nextToken=first["nextToken"])
    assert [profile["name"] for profile in rest["profiles"]] == ["n2", "n3", "n4", "n5"]


@pytest.mark.usefixtures("five")
def test_the_next_page_is_gone_meanwhile(client: Any) -> None:
    first = client.list_profiles(pageSize=4)
    client.delete_profile(profileId=client.list_profiles()["profiles"][4]["profileId"])
    rest = client.list_profiles(nextToken=first["nextToken"])
    assert (rest["profiles"], rest.get("nextToken")) == ([], None)


@pytest.mark.usefixtures("five")
def test_a_token_is_good_for_its_own_list_alone(client: Any) -> None:
    token = client.list_profiles(pageSize=1)["nextToken"]
    with invalid(assumptions.INVALID_NEXT_TOKEN):
        client.list_crls(nextToken=token)
    with LocalRolesAnywhere(region=REGION) as other:
        elsewhere = boto3_client(other)
        with invalid(assumptions.INVALID_NEXT_TOKEN):
            elsewhere.list_profiles(nextToken=token)
        elsewhere.close()


@pytest.mark.usefixtures("five")
def test_tokens_that_nobody_gave(client: Any) -> None:
    token = client.list_profiles(pageSize=1)["nextToken"]
    packed = base64.urlsafe_b64decode(token)
    other_number = base64.urlsafe_b64encode(packed[:7] + b"\x02" + packed[8:]).decode()
    for wrong in (other_number, token[:-4], token + "AAAA", token.lower(), f" {token}", "x", "é", "A" * 10_000, "===="):
        with invalid(assumptions.INVALID_NEXT_TOKEN):
            client.list_profiles(nextToken=wrong)


@pytest.mark.parametrize(
    ("size", "constraint"),
    [
        (0, "value greater than or equal to 1"),
        (-1, "value greater than or equal to 1"),
        (1001, "value less than or equal to 1000"),
        (2**31 - 1, "value less than or equal to 1000"),
    ],
)
def test_sizes_out_of_bounds(client: Any, size: int, constraint: str) -> None:
    prefix = f"1 validation error detected: Value '{size}' at 'pageSize' failed to satisfy constraint"
    with invalid(f"{prefix}: Member must have {constraint}"):
        client.list_subjects(pageSize=size)


def test_a_page_has_fifty_unless_another_size_is_asked_for(client: Any) -> None:
    for _ in range(51):
        new_profile(client)
    first = client.list_profiles()
    assert len(first["profiles"]) == 50
    assert len(client.list_profiles(nextToken=first["nextToken"])["profiles"]) == 1
