"""Profiles by boto3, and their attribute mappings."""

from __future__ import annotations

from typing import Any

import pytest

from rolesanywhere_signer.testing import assumptions
from tests.emulator.control.world import ACCOUNT, MODEL, ROLE, Clock, boto3_client, invalid, missing, new_profile
from tests.emulator.world import World, content

DEFAULTS = {"x509Issuer": ["*"], "x509SAN": ["DNS", "URI", "Name/*"], "x509Subject": ["*"]}
HAS_TIP = "TipConfiguration" in MODEL.shape_names


def mappings(profile: dict[str, Any]) -> dict[str, list[str]]:
    return {
        each["certificateField"]: [rule["specifier"] for rule in each["mappingRules"]]
        for each in profile["attributeMappings"]
    }


class TestLife:
    def test_the_defaults(self, client: Any) -> None:
        made = new_profile(client)
        assert (made["enabled"], made["durationSeconds"], made["acceptRoleSessionName"]) == (False, 3600, False)
        assert (made["requireInstanceProperties"], made["managedPolicyArns"]) == (False, [])
        assert "sessionPolicy" not in made
        assert mappings(made) == DEFAULTS

    def test_who_made_it(self, client: Any) -> None:
        assert new_profile(client)["createdBy"] == f"arn:aws:iam::{ACCOUNT}:root"

    def test_an_update_of_everything(self, client: Any, clock: Clock) -> None:
        made = new_profile(client)
        new = {
            "name": "new",
            "sessionPolicy": '{"Statement":[]}',
            "roleArns": [f"{ROLE}-2"],
            "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "durationSeconds": 43200,
            "acceptRoleSessionName": True,
        }
        clock.pass_seconds(1)
        updated = client.update_profile(profileId=made["profileId"], **new)["profile"]
        assert updated == {**made, **new, "updatedAt": clock.now}
        assert client.update_profile(profileId=made["profileId"])["profile"] == updated

    def test_a_profile_may_be_without_roles(self, client: Any) -> None:
        assert new_profile(client, roleArns=[])["roleArns"] == []

    def test_what_is_deleted_is_gone(self, client: Any) -> None:
        made = new_profile(client)
        client.delete_profile(profileId=made["profileId"])
        for call in (client.get_profile, client.delete_profile, client.disable_profile, client.update_profile):
            with missing(assumptions.RESOURCE_NOT_FOUND):
                call(profileId=made["profileId"])

    @pytest.mark.skipif(not HAS_TIP, reason="this botocore's model has no tipConfiguration")
    def test_trusted_identity_propagation(self, client: Any) -> None:
        made = new_profile(client, tipConfiguration={"status": "ENABLED", "subjectType": "workload"})
        assert made["tipConfiguration"] == {"status": "ENABLED", "subjectType": "workload"}
        renamed = client.update_profile(profileId=made["profileId"], name="new")["profile"]
        assert renamed["tipConfiguration"] == made["tipConfiguration"]
        off = client.update_profile(profileId=made["profileId"], tipConfiguration={"status": "DISABLED"})["profile"]
        assert off["tipConfiguration"] == {"status": "DISABLED"}


class TestMappings:
    @pytest.fixture
    def profile(self, client: Any) -> str:
        return str(new_profile(client)["profileId"])

    def put(self, client: Any, profile: str, field: str, *specifiers: str) -> dict[str, list[str]]:
        rules = [{"specifier": specifier} for specifier in specifiers]
        made = client.put_attribute_mapping(profileId=profile, certificateField=field, mappingRules=rules)
        return mappings(made["profile"])

    def delete(self, client: Any, profile: str, field: str, *specifiers: str) -> dict[str, list[str]]:
        chosen = {"specifiers": list(specifiers)} if specifiers else {}
        made = client.delete_attribute_mapping(profileId=profile, certificateField=field, **chosen)
        return mappings(made["profile"])

    def test_rules_are_added(self, client: Any, profile: str) -> None:
        assert self.put(client, profile, "x509Subject", "CN", "2.5.4.5", "CN") == {
            **DEFAULTS,
            "x509Subject": ["*", "CN", "2.5.4.5"],
        }
        assert self.put(client, profile, "x509Subject", "OU", "CN")["x509Subject"] == ["*", "CN", "2.5.4.5", "OU"]

    @pytest.mark.parametrize("spelling", ["Name", "Name/", "Name/*"])
    def test_the_whole_name_has_three_spellings(self, client: Any, profile: str, spelling: str) -> None:
        assert self.delete(client, profile, "x509SAN", spelling)["x509SAN"] == ["DNS", "URI"]
        assert self.put(client, profile, "x509SAN", spelling)["x509SAN"] == ["DNS", "URI", "Name/*"]

    def test_a_part_of_the_name(self, client: Any, profile: str) -> None:
        assert self.put(client, profile, "x509SAN", "Name/CN")["x509SAN"] == ["DNS", "URI", "Name/*", "Name/CN"]

    def test_a_field_is_deleted_rule_by_rule_or_at_once(self, client: Any, profile: str) -> None:
        assert self.delete(client, profile, "x509Issuer", "*") == {k: DEFAULTS[k] for k in ("x509SAN", "x509Subject")}
        assert self.delete(client, profile, "x509SAN") == {"x509Subject": ["*"]}
        assert self.delete(client, profile, "x509Subject") == {}
        assert self.delete(client, profile, "x509Subject") == {}
        assert self.put(client, profile, "x509Subject", "CN") == {"x509Subject": ["CN"]}

    def test_a_rule_that_is_not_there(self, client: Any, profile: str) -> None:
        with invalid(assumptions.NO_SUCH_SPECIFIER):
            self.delete(client, profile, "x509Subject", "*", "CN")
        assert mappings(client.get_profile(profileId=profile)["profile"]) == DEFAULTS

    @pytest.mark.parametrize(("field", "specifier"), [("x509SAN", "*"), ("x509SAN", "IP"), ("x509Subject", "")])
    def test_what_no_field_has(self, client: Any, profile: str, field: str, specifier: str) -> None:
        with invalid(assumptions.SPECIFIER_UNDEFINED):
            self.put(client, profile, field, specifier)

    def test_too_many(self, client: Any, profile: str) -> None:
        self.put(client, profile, "x509Subject", *(f"1.2.{n}" for n in range(49)))
        with invalid(assumptions.TOO_MANY_MAPPING_RULES):
            self.put(client, profile, "x509Subject", "CN")

    def test_a_profile_that_is_not_there(self, client: Any) -> None:
        with missing():
            self.put(client, "0" * 8 + "-0000-0000-0000-" + "0" * 12, "x509Subject", "CN")


def test_a_disabled_profile_gives_no_session_and_an_enabled_one_does() -> None:
    world = World()
    with world.service:
        client = boto3_client(world.service)
        client.disable_profile(profileId=world.profile.id)
        refused = world.ask()
        assert (refused.status, content(refused)["message"]) == (403, assumptions.DISABLED_PROFILE)
        client.enable_profile(profileId=world.profile.id)
        assert world.ask().status == 201
        client.close()
