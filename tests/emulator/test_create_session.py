"""CreateSession: what it answers, in which order it checks, and each of its errors word for word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere, assumptions
from rolesanywhere_signer.testing.create_session import source_identity
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import CA, INVALID_SIGNATURE, LEAF, World, content, header, refusal

DENIED = (403, "AccessDeniedException")
INVALID = (400, "ValidationException")
LONG = "x" * 65
NEXT_HOUR = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def one(value: str, name: str, constraint: str) -> str:
    """Return the service's sentence for one violation."""
    return (
        f"1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {constraint}"
    )


class TestSuccess:
    def test_the_answer_has_the_services_shape(self) -> None:
        world = World()
        leaf = CA.issue("CN=app,O=Example", serial_number=0x1000)
        response = world.ask(leaf)
        answer = content(response)
        assert response.status == 201
        assert header(response, "Content-Type") == "application/json"
        assert re.fullmatch(r"[0-9a-f-]{36}", header(response, "x-amzn-RequestId"))
        assert set(answer) == {"credentialSet", "subjectArn"}
        [session] = answer["credentialSet"]
        keys = session.pop("credentials")
        assert re.fullmatch(r"AROA[A-Z2-7]{17}:1000", session["assumedRoleUser"].pop("assumedRoleId"))
        assert 0 <= session.pop("packedPolicySize") <= 100
        assert session == {
            "assumedRoleUser": {"arn": "arn:aws:sts::123456789012:assumed-role/reader/1000"},
            "roleArn": "arn:aws:iam::123456789012:role/reader",
            "sourceIdentity": "CN=app",
        }
        assert keys.pop("expiration") == NEXT_HOUR
        assert re.fullmatch(r"ASIA[A-Z2-7]{16}", keys.pop("accessKeyId"))
        assert re.fullmatch(r"[A-Za-z0-9+/]{40}", keys.pop("secretAccessKey"))
        assert len(keys.pop("sessionToken")) > 300
        assert not keys
        assert re.fullmatch(r"arn:aws:rolesanywhere:us-east-1:123456789012:subject/[0-9a-f-]{36}", answer["subjectArn"])

    def test_no_two_answers_share_a_secret(self) -> None:
        world = World()
        answers = [content(world.ask())["credentialSet"][0]["credentials"] for _ in range(20)]
        for name in ("accessKeyId", "secretAccessKey", "sessionToken"):
            assert len({each[name] for each in answers}) == 20

    def test_the_subject_is_the_distinguished_name(self) -> None:
        world = World()
        first, renewed, other = (CA.issue(name) for name in ("CN=a", "CN=a", "CN=b"))
        arns = [content(world.ask(each))["subjectArn"] for each in (first, renewed, other)]
        assert arns[0] == arns[1] != arns[2]

    def test_no_repr_shows_a_secret(self) -> None:
        world = World()
        response = world.ask()
        keys = content(response)["credentialSet"][0]["credentials"]
        shown = repr((response, world.service, world.service.calls, world.anchor, world.profile))
        assert keys["secretAccessKey"] not in shown
        assert keys["sessionToken"] not in shown

    def test_the_expiration_is_in_whole_seconds(self) -> None:
        world = World()
        world.service.clock = lambda: NOW + timedelta(microseconds=999_999)
        assert content(world.ask())["credentialSet"][0]["credentials"]["expiration"] == NEXT_HOUR

    def test_other_partitions(self) -> None:
        china = LocalRolesAnywhere("cn-north-1", "210987654321")
        anchor = china.create_trust_anchor(CA.certificate_pem)
        assert anchor.arn.startswith("arn:aws-cn:rolesanywhere:cn-north-1:210987654321:trust-anchor/")
        assert china.create_role("x").arn == "arn:aws-cn:iam::210987654321:role/x"


class TestCalls:
    def test_each_call_is_kept_with_its_outcome(self) -> None:
        world = World()
        world.ask()
        world.ask(roleSessionName="me")
        world.service.refuse(404, "nothing")
        first, second = world.service.calls
        assert (first.status, first.error_code, first.message, first.at) == (201, None, None, NOW)
        assert (second.status, second.error_code) == (403, "AccessDeniedException")
        assert second.message == "Not authorized to set roleSessionName."
        assert second.request.method == "POST"
        assert b"roleSessionName" in second.request.body

    @pytest.mark.parametrize(("method", "target"), [("GET", "/sessions"), ("POST", "/sessions/"), ("POST", "/x")])
    def test_other_requests_are_none(self, method: str, target: str) -> None:
        world = World()
        response = world.send(replace(sign_as(LEAF, world.body()), method=method, target=target))
        assert response.status == 404
        assert "message" in content(response)
        assert header(response, "x-amzn-RequestId")
        assert world.service.calls == []


class TestSessionNames:
    def test_the_profile_may_allow_one(self) -> None:
        world = World(accept_role_session_name=True)
        [session] = content(world.ask(roleSessionName="my-session.1=@x"))["credentialSet"]
        assert session["assumedRoleUser"]["arn"].endswith(":assumed-role/reader/my-session.1=@x")

    def test_the_old_name_of_the_parameter(self) -> None:
        world = World(accept_role_session_name=True)
        [session] = content(world.ask(sessionName="old"))["credentialSet"]
        assert session["assumedRoleUser"]["assumedRoleId"].endswith(":old")

    @pytest.mark.parametrize(
        ("serial", "name"),
        [
            (0x1000, "1000"),
            (1, "1"),
            (0xABC, "abc"),
            (0x6C8A648800B353455B5520636B775431, "6c8a648800b353455b5520636b775431"),
        ],
    )
    def test_the_default_is_the_serial_in_hexadecimal(self, serial: int, name: str) -> None:
        [session] = content(World().ask(CA.issue(serial_number=serial)))["credentialSet"]
        assert session["assumedRoleUser"]["assumedRoleId"].endswith(f":{name}")

    @pytest.mark.parametrize(
        ("subject", "serial", "identity"),
        [
            ("CN=app", 7, "CN=app"),
            ("CN=" + "x" * 61, 7, "CN=" + "x" * 61),
            ("CN=" + "x" * 62, 7, "x" * 62),
            ("CN=" + "x" * 64, 7, "x" * 64),
            ("O=Example", 291, "ID=0123"),
            ("O=Example", 17767, "ID=4567"),
            ("O=Example", 1, "ID=01"),
        ],
    )
    def test_the_source_identity(self, subject: str, serial: int, identity: str) -> None:
        assert source_identity(CA.issue(subject, serial_number=serial).certificate) == identity


class TestDurations:
    def seconds(self, world: World, **members: Any) -> int:
        keys = content(world.ask(**members))["credentialSet"][0]["credentials"]
        return int((datetime.fromisoformat(keys["expiration"].replace("Z", "+00:00")) - NOW).total_seconds())

    @pytest.mark.parametrize(
        ("profile", "role", "asked", "given"),
        [
            (3600, 3600, None, 3600),
            (3600, 3600, 900, 900),
            (3600, 43200, 43200, 3600),
            (43200, 43200, 43200, 43200),
            (43200, 43200, None, 43200),
            (43200, 3600, 3600, 3600),
            (900, 3600, 3600, 900),
        ],
    )
    def test_the_shorter_one_counts(self, profile: int, role: int, asked: int | None, given: int) -> None:
        world = World(duration_seconds=profile, max_session_duration_seconds=role)
        assert self.seconds(world, durationSeconds=asked) == given

    @pytest.mark.parametrize("asked", [None, 43200, 3601])
    def test_the_role_may_not_allow_it(self, asked: int | None) -> None:
        world = World(duration_seconds=43200)
        reason = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        message = f"Unable to assume role for {world.role.arn} {reason}"
        assert refusal(world.ask(durationSeconds=asked)) == (*DENIED, message)


class TestParameters:
    def test_they_may_be_in_the_query(self) -> None:
        world = World()
        arns = {"profileArn": world.profile.arn, "roleArn": world.role.arn, "trustAnchorArn": world.anchor.arn}
        request = sign_as(LEAF, b"", target="/sessions?" + urlencode(arns))
        assert world.send(request).status == 201

    def test_or_in_both_places_where_they_agree(self) -> None:
        world = World()
        agreeing = sign_as(LEAF, world.body(), target="/sessions?" + urlencode({"roleArn": world.role.arn}))
        assert world.send(agreeing).status == 201
        other = sign_as(LEAF, world.body(), target="/sessions?" + urlencode({"roleArn": world.role.arn + "2"}))
        assert refusal(world.send(other)) == (*INVALID, "roleArn differs between the query and the body")

    def test_not_twice_in_the_query(self) -> None:
        world = World()
        twice = urlencode([("roleArn", world.role.arn)] * 2)
        response = world.send(sign_as(LEAF, world.body(), target=f"/sessions?{twice}"))
        assert refusal(response) == (*INVALID, "roleArn is in the query more than once")

    def test_null_is_absent_and_the_unknown_is_ignored(self) -> None:
        world = World()
        body = world.body(colour="blue")[:-1] + b', "durationSeconds": null, "instanceProperties": null}'
        assert world.send(sign_as(LEAF, body)).status == 201

    @pytest.mark.parametrize(
        "body",
        [b"[]", b"1", b"null", b"{", b"\xff", b"[" * 100_000, b'{"durationSeconds":' + b"9" * 5000 + b"}", b"\x00"],
    )
    def test_a_body_that_is_no_json_object(self, body: bytes) -> None:
        assert refusal(World().send(sign_as(LEAF, body))) == (*INVALID, "The request body is not a JSON object")

    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ({"durationSeconds": 899}, one("'899'", "durationSeconds", "have value greater than or equal to 900")),
            ({"durationSeconds": 43201}, one("'43201'", "durationSeconds", "have value less than or equal to 43200")),
            ({"durationSeconds": "3600"}, "durationSeconds must be an integer"),
            ({"durationSeconds": 3600.0}, "durationSeconds must be an integer"),
            ({"durationSeconds": True}, "durationSeconds must be an integer"),
            ({"roleSessionName": "x"}, one("'x'", "roleSessionName", "have length greater than or equal to 2")),
            ({"roleSessionName": LONG}, one(f"'{LONG}'", "roleSessionName", "have length less than or equal to 64")),
            (
                {"roleSessionName": "a b"},
                one("'a b'", "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*"),
            ),
            ({"roleSessionName": ["ab"]}, "roleSessionName must be a string"),
            ({"roleArn": None}, one("null", "roleArn", "not be null")),
            (
                {"roleArn": "reader"},
                one("'reader'", "roleArn", "satisfy regular expression pattern: arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)"),
            ),
            ({"profileArn": 5}, "profileArn must be a string"),
            ({"instanceProperties": "x"}, "instanceProperties must be a map of strings"),
            ({"instanceProperties": {"a": 1}}, "instanceProperties must be a map of strings"),
        ],
    )
    def test_each_violation_in_the_services_words(self, members: dict[str, Any], message: str) -> None:
        assert refusal(World().ask(**members)) == (*INVALID, message)

    def test_several_violations_at_once(self) -> None:
        assert refusal(World().ask(durationSeconds=1, profileArn=None))[2] == (
            "2 validation errors detected: "
            "Value null at 'profileArn' failed to satisfy constraint: Member must not be null; "
            "Value '1' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900"
        )

    @pytest.mark.parametrize(
        ("properties", "constraint"),
        [
            ({str(n): "x" for n in range(51)}, "Member must have length less than or equal to 50"),
            (
                {"a": "x" * 201},
                "Map value must satisfy constraint: [Member must have length less",
            ),
            ({"a": ""}, "Map value must satisfy constraint: [Member must have length less"),
            ({"": "a"}, "Map keys must satisfy constraint: [Member must have length less"),
        ],
    )
    def test_properties_beyond_the_limits(self, properties: dict[str, str], constraint: str) -> None:
        status, code, message = refusal(World().ask(instanceProperties=properties))
        assert (status, code) == INVALID
        assert f"Value at 'instanceProperties' failed to satisfy constraint: {constraint}" in message

    def test_properties_within_the_limits(self) -> None:
        properties = {f"{n:0200}": "v" * 200 for n in range(50)}
        assert World().ask(instanceProperties=properties, durationSeconds=900).status == 201


class TestErrors:
    @pytest.mark.parametrize(
        "arn",
        [
            "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0",
            "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/0",
        ],
    )
    def test_unknown_trust_anchor(self, arn: str) -> None:
        response = World().ask(trustAnchorArn=arn)
        assert refusal(response) == (404, "ResourceNotFoundException", "Specified Trust Anchor wasn't found.")

    def test_unknown_profile(self) -> None:
        world = World()
        message = "Invalid or empty profile provided."
        assert refusal(world.ask(profileArn=world.profile.arn + "0")) == (*DENIED, message)

    def test_empty_profile(self) -> None:
        world = World()
        empty = world.service.create_profile([])
        assert refusal(world.ask(profileArn=empty.arn)) == (*DENIED, "Invalid or empty profile provided.")

    def test_role_not_in_the_profile(self) -> None:
        world = World()
        other = world.service.create_role("other")
        message = "Requested Role isn't one of those listed in the Profile."
        assert refusal(world.ask(roleArn=other.arn)) == (*DENIED, message)

    def test_role_that_nobody_made(self) -> None:
        world = World()
        arn = "arn:aws:iam::123456789012:role/ghost"
        profile = world.service.create_profile([arn])
        response = world.ask(roleArn=arn, profileArn=profile.arn)
        assert refusal(response) == (*DENIED, f"Unable to assume role for {arn}")

    def test_session_name_without_permission(self) -> None:
        assert refusal(World().ask(roleSessionName="me")) == (*DENIED, "Not authorized to set roleSessionName.")

    def test_disabled_resources(self) -> None:
        world = World()
        anchor = world.service.create_trust_anchor(CA.certificate_pem, enabled=False)
        profile = world.service.create_profile([world.role], enabled=False)
        assert refusal(world.ask(trustAnchorArn=anchor.arn)) == (*DENIED, assumptions.DISABLED_TRUST_ANCHOR)
        assert refusal(world.ask(profileArn=profile.arn)) == (*DENIED, assumptions.DISABLED_PROFILE)


class TestOrder:
    """Each request has every fault from its own on; the first one is what the answer tells."""

    FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
        ("Not authorized to set roleSessionName.", {"roleSessionName": "me"}),
        ("Requested Role isn't one of those listed in the Profile.", {"roleArn": "arn:aws:iam::123456789012:role/x"}),
        (
            "Invalid or empty profile provided.",
            {"profileArn": "arn:aws:rolesanywhere:us-east-1:123456789012:profile/x"},
        ),
    )

    def members(self, count: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _, members in self.FAULTS[:count]:
            found.update(members)
        return found

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_behind_the_certificate(self, count: int) -> None:
        world = World(duration_seconds=43200)
        assert refusal(world.ask(**self.members(count)))[2] == self.FAULTS[count - 1][0]

    def test_the_certificate_comes_before_the_profile(self) -> None:
        unfit = CA.issue(key_usage=None)
        assert refusal(World().ask(unfit, **self.members(3)))[2] == "Untrusted certificate. Insufficient certificate"

    def test_the_path_comes_before_the_leaf(self) -> None:
        stranger = CertificateAuthority("CN=Root,O=Example").issue(key_usage=None, valid_for=timedelta(seconds=1))
        assert refusal(World().ask(stranger, **self.members(3)))[2] == "Untrusted signing certificate"

    def test_the_anchor_comes_before_the_path(self) -> None:
        world = World()
        stranger = CertificateAuthority().issue()
        response = world.ask(stranger, trustAnchorArn=world.anchor.arn + "0", **self.members(3))
        assert refusal(response)[2] == "Specified Trust Anchor wasn't found."

    def test_parameters_come_before_the_anchor(self) -> None:
        world = World()
        response = world.ask(CertificateAuthority().issue(), trustAnchorArn=world.anchor.arn + "0", durationSeconds=1)
        assert refusal(response)[:2] == INVALID

    def test_the_signature_comes_before_everything(self) -> None:
        world = World()
        request = sign_as(CertificateAuthority().issue(), b"{")
        assert refusal(world.send(replace(request, body=b"["))) == INVALID_SIGNATURE


class TestValidityOfTheLeaf:
    def leaf(self) -> IssuedCertificate:
        return CA.issue(valid_from=NOW - timedelta(hours=1), valid_for=timedelta(hours=2))

    @pytest.mark.parametrize(("hours", "accepted"), [(-0.99, True), (0.99, True), (-1.1, False), (1.1, False)])
    def test_it_is_judged_by_the_services_clock(self, hours: float, accepted: bool) -> None:
        world = World()
        at = NOW + timedelta(hours=hours)
        world.service.clock = lambda: at
        response = world.send(sign_as(self.leaf(), world.body(), at=at))
        if accepted:
            assert response.status == 201
        else:
            assert refusal(response) == (*DENIED, assumptions.LEAF_NOT_VALID_NOW)

    def test_the_clock_may_be_in_any_zone(self) -> None:
        world = World()
        world.service.clock = lambda: NOW.astimezone(timezone(timedelta(hours=9)))
        response = world.ask()
        assert response.status == 201
        assert header(response, "Date") == format_datetime(NOW, usegmt=True)
