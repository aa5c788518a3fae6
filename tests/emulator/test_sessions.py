"""What a session carries, and what is noted of those who ask for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import LocalRolesAnywhere
from rolesanywhere_signer.testing.resources import Subject
from tests.emulator.policies import session_policy, statement, trust_policy
from tests.emulator.revoking import revocation_list
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import CA, LEAF, World, content, refusal

SOON = (NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def access_key_id(world: World, **members: Any) -> str:
    key: str = content(world.ask(**members))["credentialSet"][0]["credentials"]["accessKeyId"]
    return key


class TestAssumeRoleCalls:
    def test_what_a_session_is_asked_with(self) -> None:
        world = World(
            session_policy=session_policy("s3:GetObject"),
            managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            attribute_mappings={"x509Subject": ["CN"], "x509Issuer": ["O"]},
        )
        leaf = CA.issue("CN=app,O=Example", serial_number=0x1000)
        assert world.ask(leaf, durationSeconds=900).status == 201
        assert world.service.assume_role_calls == [
            {
                "RoleArn": world.role.arn,
                "RoleSessionName": "1000",
                "DurationSeconds": 900,
                "Tags": [
                    {"Key": "x509Subject/CN", "Value": "app"},
                    {"Key": "x509Issuer/O", "Value": "Example"},
                ],
                "SourceIdentity": "CN=app",
                "Policy": world.profile.session_policy,
                "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
            }
        ]

    def test_refused_ones_are_there_too_and_those_before_assume_role_are_not(self) -> None:
        world = World()
        world.ask(roleSessionName="me")
        assert world.service.assume_role_calls == []
        other = world.service.create_role("other", trust_policy=trust_policy(statement("sts:AssumeRole")))
        profile = world.service.create_profile([other])
        assert world.ask(roleArn=other.arn, profileArn=profile.arn).status == 403
        assert [call["RoleArn"] for call in world.service.assume_role_calls] == [other.arn]

    def test_no_secret_is_among_them(self) -> None:
        world = World()
        keys = content(world.ask())["credentialSet"][0]["credentials"]
        assert keys["secretAccessKey"] not in repr(world.service.assume_role_calls)
        assert keys["sessionToken"] not in repr(world.service.assume_role_calls)

    def test_the_packed_size_grows_with_what_is_packed(self) -> None:
        long = session_policy("s3:*", "x" * 1000)
        worlds = [World(attribute_mappings={}), World(), World(session_policy=long)]
        sizes = [content(world.ask())["credentialSet"][0]["packedPolicySize"] for world in worlds]
        assert 0 == sizes[0] < sizes[1] < 49 < sizes[2] <= 100


class TestSessionPolicies:
    @pytest.mark.parametrize(
        ("policy", "action", "expected"),
        [
            (None, "s3:PutObject", True),
            (session_policy("s3:*"), "s3:PutObject", True),
            (session_policy("s3:GetObject"), "s3:PutObject", False),
            (session_policy("s3:PutObject", "arn:aws:s3:::${aws:PrincipalTag/x509Subject/CN}/*"), "s3:PutObject", True),
            (session_policy("s3:PutObject", "arn:aws:s3:::other/*"), "s3:PutObject", False),
        ],
    )
    def test_what_is_left_of_a_session(self, policy: Any, action: str, expected: bool) -> None:
        world = World(session_policy=policy)
        key = access_key_id(world)
        assert world.service.session_policy_allows(key, action, "arn:aws:s3:::app/x") is expected

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"StringEquals": {"aws:SourceIdentity": "CN=app"}}, True),
            ({"StringEquals": {"aws:SourceIdentity": "app"}}, False),
            ({"DateLessThan": {"aws:CurrentTime": SOON}}, True),
            (
                {"DateGreaterThan": {"aws:CurrentTime": SOON}},
                False,
            ),
        ],
    )
    def test_its_conditions(self, condition: Any, expected: bool) -> None:
        policy = session_policy("s3:*")
        policy["Statement"][0]["Condition"] = condition
        world = World(session_policy=policy)
        assert world.service.session_policy_allows(access_key_id(world), "s3:PutObject", "arn:aws:s3:::a/b") is expected

    def test_of_unknown_credentials(self) -> None:
        with pytest.raises(ConfigurationError, match="did not give out"):
            LocalRolesAnywhere().session_policy_allows("ASIAX", "s3:PutObject", "*")

    def test_one_that_the_profile_got_and_sts_cannot_read(self) -> None:
        """The control plane takes any text, as the service's model does."""
        world = World()
        world.service._account.profiles.change(world.profile.arn, lambda old: replace(old, session_policy="{"))
        message = f"Unable to assume role for {world.role.arn} The session policy is malformed"
        assert refusal(world.ask()) == (403, "AccessDeniedException", message)

    @pytest.mark.parametrize("policy", ["{", {}, session_policy("GetObject")])
    def test_a_malformed_one_is_refused_when_the_profile_is_made(self, policy: Any) -> None:
        with pytest.raises(ConfigurationError, match="session_policy"):
            World(session_policy=policy)


class TestTrustPolicies:
    @pytest.mark.parametrize("policy", ["", "[]", {}, {"Statement": [{"Effect": "Allow"}]}])
    def test_a_malformed_one_is_refused_when_the_role_is_made(self, policy: Any) -> None:
        service = LocalRolesAnywhere()
        with pytest.raises(ConfigurationError, match="trust_policy"):
            service.create_role("reader", trust_policy=policy)
        assert service.create_role("reader").trust_policy is None

    def test_text_is_kept_as_it_is(self) -> None:
        text = '{ "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"} }'
        assert LocalRolesAnywhere().create_role("reader", trust_policy=text).trust_policy == text


class TestMappings:
    def test_a_policy_that_asks_for_what_the_profile_does_not_map(self) -> None:
        asks = trust_policy(statement(condition={"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app"}}))
        world = World()
        role = world.service.create_role("asking", trust_policy=asks)
        statuses = []
        for mappings in (None, {"x509Subject": ["CN"]}, {"x509Subject": ["O"]}, {"x509Issuer": ["*"]}, {}):
            profile = world.service.create_profile([role], attribute_mappings=mappings)
            statuses.append(world.ask(roleArn=role.arn, profileArn=profile.arn).status)
        assert statuses == [201, 201, 403, 403, 403]


def subjects(world: World) -> list[Subject]:
    return list(world.service._account.subjects)


class TestSubjects:
    def test_one_is_made_at_the_first_call_and_kept_up_to_date(self) -> None:
        world = World()
        arn = content(world.ask(instanceProperties={"rack": "7"}))["subjectArn"]
        later = NOW + timedelta(minutes=1)
        world.service.clock = lambda: later
        renewed = CA.issue("CN=app,O=Example")
        assert content(world.send(sign_as(renewed, world.body(), at=later)))["subjectArn"] == arn
        [subject] = subjects(world)
        assert (subject.arn, subject.x509_subject) == (arn, "CN=app,O=Example")
        assert (subject.created_at, subject.last_seen_at) == (NOW, later)
        assert [(each.serial_number, each.failed) for each in subject.credentials] == [
            (str(renewed.certificate.serial_number), False),
            (str(LEAF.certificate.serial_number), False),
        ]
        assert [(each.properties, each.failed) for each in subject.instance_properties] == [({"rack": "7"}, False)]

    def test_what_is_refused_behind_the_certificate_has_failed(self) -> None:
        world = World()
        assert world.ask(roleSessionName="me", instanceProperties={"rack": "7"}).status == 403
        [subject] = subjects(world)
        assert [each.failed for each in subject.credentials] == [True]
        assert [each.failed for each in subject.instance_properties] == [True]
        assert world.ask().status == 201
        [subject] = subjects(world)
        assert [each.failed for each in subject.credentials] == [False]

    def test_a_revoked_certificate_has_failed(self) -> None:
        world = World()
        world.service.import_crl(revocation_list(CA, [LEAF]), world.anchor, enabled=True)
        world.ask()
        [subject] = subjects(world)
        assert [each.failed for each in subject.credentials] == [True]

    @pytest.mark.parametrize("members", [{"trustAnchorArn": None}, {"durationSeconds": 1}])
    def test_nobody_is_noted_before_it_is_known_who_asks(self, members: dict[str, Any]) -> None:
        world = World()
        world.ask(**members)
        world.ask(CA.issue(key_usage=None))
        world.send(replace(sign_as(LEAF, world.body()), body=b""))
        assert subjects(world) == []


def test_an_alias_is_no_parameter_of_create_session() -> None:
    world = World()
    anchor = world.service.create_trust_anchor(CA.certificate_pem, alias_name="main")
    assert anchor.alias_arn is not None
    status, code, message = refusal(world.ask(trustAnchorArn=anchor.alias_arn))
    assert (status, code) == (400, "ValidationException")
    assert "at 'trustAnchorArn' failed to satisfy constraint" in message
