"""From one role to the next at the local service's STS, by botocore's own client and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.policies import ASSUME, SET, TAG, session_policy, statement, trust_policy
from tests.emulator.signing import NOW
from tests.emulator.test_sts import Vended, error_of, signed, vend
from tests.emulator.world import LEAF, World

NEXT = "arn:aws:iam::123456789012:role/next"
FIRST = "arn:aws:iam::123456789012:role/reader"
ACCOUNT = "arn:aws:iam::123456789012:root"


def trusting(actions: Any = (ASSUME, SET), principal: Any = None, condition: Any = None) -> dict[str, Any]:
    return trust_policy(statement(actions, condition, principal={"AWS": FIRST} if principal is None else principal))


def world_with(policy: Any, **profile: Any) -> World:
    world = World(**profile)
    world.service.create_role("next", 43200, trust_policy=policy)
    return world


@contextmanager
def client(world: World, keys: Vended) -> Iterator[Any]:
    with world.service:
        yield botocore.session.Session().create_client(
            "sts",
            region_name="us-east-1",
            endpoint_url=world.service.url,
            aws_access_key_id=keys.key,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )


def ask(world: World, **parameters: Any) -> Any:
    """Return what AssumeRole answers to the first role's session."""
    with client(world, vend(world)) as sts:
        return sts.assume_role(**{"RoleArn": NEXT, "RoleSessionName": "me", **parameters})


def refused(world: World, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        ask(world, **parameters)
    error: Any = caught.value.response["Error"]
    return error["Code"], error["Message"]


def code(world: World, **parameters: Any) -> str:
    return refused(world, **parameters)[0]


ANY = world_with(trusting((ASSUME, SET, TAG)))
ANY_KEYS = vend(ANY)
NAMES = [
    *("RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "SourceIdentity", "ExternalId", "X"),
    *("Tags.member.1.Key", "Tags.member.1.Value", "Tags.member.2.Key", "PolicyArns.member.1.arn"),
]


class TestSuccess:
    def test_what_the_next_session_is(self) -> None:
        world = world_with(trusting())
        answer = ask(world, DurationSeconds=900)
        assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/next/me"
        assert answer["SourceIdentity"] == "CN=app"
        assert answer["PackedPolicySize"] == 0
        made = answer["Credentials"]
        assert made["Expiration"] == NOW + timedelta(seconds=900)
        keys = Vended(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        with client(world, keys) as sts:
            assert sts.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]

    def test_a_third_role(self) -> None:
        world = world_with(trusting())
        world.service.create_role("third", trust_policy=trusting(principal={"AWS": NEXT}))
        made = ask(world)["Credentials"]
        keys = Vended(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        with client(world, keys) as sts:
            answer = sts.assume_role(RoleArn=NEXT.replace("next", "third"), RoleSessionName="again")
        assert answer["SourceIdentity"] == "CN=app"

    def test_the_calls_are_kept_without_the_external_id(self) -> None:
        world = world_with(trusting(condition={"StringEquals": {"sts:ExternalId": "handshake"}}))
        ask(world, ExternalId="handshake")
        assert world.service.assume_role_calls[-1] == {
            "RoleArn": NEXT,
            "RoleSessionName": "me",
            "DurationSeconds": 3600,
            "SourceIdentity": "CN=app",
        }

    def test_tags_policies_and_duration(self) -> None:
        narrow = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        world = world_with(trusting((ASSUME, SET, TAG)))
        tags = [{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}]
        key = ask(world, Tags=tags, Policy=narrow, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/X"}])["Credentials"]
        call = world.service.assume_role_calls[-1]
        assert (call["Tags"], call["Policy"], call["PolicyArns"]) == (
            tags,
            narrow,
            [{"arn": "arn:aws:iam::aws:policy/X"}],
        )
        assert world.service.session_policy_allows(key["AccessKeyId"], "s3:GetObject", "x")
        assert not world.service.session_policy_allows(key["AccessKeyId"], "sts:AssumeRole", "x")


class TestWhoMay:
    @pytest.mark.parametrize("principal", [{"AWS": FIRST}, {"AWS": ACCOUNT}, {"AWS": "123456789012"}, "*"])
    def test_whom_the_trust_policy_names(self, principal: Any) -> None:
        assert ask(world_with(trusting(principal=principal)))["Credentials"]

    @pytest.mark.parametrize(
        "policy",
        [
            None,
            trust_policy(),
            trusting(principal={"AWS": NEXT}),
            trusting(principal={"AWS": "210987654321"}),
            # The source identity goes on with the session.
            trusting(ASSUME),
            trusting(condition={"StringEquals": {"sts:ExternalId": "handshake"}}),
            trusting(condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        ],
        ids=["none", "the service", "itself", "another account", "no SetSourceIdentity", "external id", "source"],
    )
    def test_whom_it_does_not(self, policy: Any) -> None:
        session = f"arn:aws:sts::123456789012:assumed-role/reader/{LEAF.certificate.serial_number:x}"
        message = f"User: {session} is not authorized to perform: sts:AssumeRole on resource: {NEXT}"
        assert refused(world_with(policy)) == ("AccessDenied", message)

    def test_its_conditions_see_the_tags_of_the_first_session(self) -> None:
        condition = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app"}}
        assert ask(world_with(trusting(condition=condition)))["Credentials"]
        assert code(world_with(trusting(condition=condition), attribute_mappings={})) == "AccessDenied"

    def test_the_session_policy_of_the_profile_is_heeded(self) -> None:
        assert code(world_with(trusting(), session_policy=session_policy("s3:*"))) == "AccessDenied"
        allowing = session_policy("sts:AssumeRole", NEXT)
        assert ask(world_with(trusting(), session_policy=allowing))["Credentials"]

    def test_there_is_no_such_role(self) -> None:
        assert code(World()) == "AccessDenied"

    @pytest.mark.parametrize(("identity", "allowed"), [("CN=app", True), ("CN=other", False)])
    def test_the_source_identity_stays(self, identity: str, allowed: bool) -> None:
        world = world_with(trusting())
        if allowed:
            assert ask(world, SourceIdentity=identity)["SourceIdentity"] == identity
        else:
            assert code(world, SourceIdentity=identity) == "AccessDenied"

    def test_tags_need_an_action_of_their_own(self) -> None:
        tags = [{"Key": "team", "Value": "a"}]
        assert code(world_with(trusting()), Tags=tags) == "AccessDenied"


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "sentence"),
        [
            ({"RoleArn": None}, "'roleArn' failed to satisfy constraint: Member must not be null"),
            ({"RoleSessionName": None}, "'roleSessionName' failed to satisfy constraint: Member must not be"),
            ({"RoleArn": "short"}, "'roleArn' failed to satisfy constraint: Member must have length greater than or"),
            ({"RoleSessionName": "a b"}, r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
            ({"RoleSessionName": "x" * 65}, "Member must have length less than or equal to 64"),
            ({"DurationSeconds": 899}, "Member must have value greater than or equal to 900"),
            ({"DurationSeconds": 43201}, "Member must have value less than or equal to 43200"),
            ({"DurationSeconds": 3601}, "exceeds the 1 hour session limit for roles assumed by role chaining"),
            ({"DurationSeconds": "soon"}, "Member must satisfy regular expression pattern: [0-9]+"),
            ({"ExternalId": "x"}, "Member must have length greater than or equal to 2"),
            ({"Policy": "{"}, "The session policy is malformed"),
            ({"Policy": "x" * 2049}, "Member must have length less than or equal to 2048"),
            ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "Member must have length less than or equal"),
            ({"Tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}, "Duplicate tag keys found"),
            ({"Tags": [{"Key": "a*", "Value": ""}]}, "Member must satisfy regular expression pattern"),
            ({"Tags": [{"Key": "a", "Value": "x" * 257}]}, "Member must satisfy regular expression pattern"),
            ({"TransitiveTagKeys": ["a"]}, "The local service does not support: TransitiveTagKeys"),
            ({"SerialNumber": "x", "TokenCode": "123456"}, "does not support: SerialNumber, TokenCode"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_what_is_wrong_with_them(self, parameters: dict[str, Any], sentence: str) -> None:
        world = world_with(trusting((ASSUME, SET, TAG)))
        form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": NEXT, "RoleSessionName": "me"}
        for name, value in parameters.items():
            form.pop(name, None)
            form.update(flat(name, value))
        answer = world.send(signed(vend(world), urlencode(form).encode()))
        assert error_of(answer) == (400, "ValidationError")
        assert sentence in answer.body.decode()

    def test_the_signature_comes_first(self) -> None:
        world = world_with(trusting())
        keys = vend(world)
        wrong = Vended(keys.key, keys.secret[::-1], keys.token)
        answer = world.send(signed(wrong, b"Action=AssumeRole&Version=2011-06-15"))
        assert error_of(answer) == (403, "SignatureDoesNotMatch")

    @settings(max_examples=150, deadline=None)
    @given(
        st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.sampled_from([NEXT, "me", "900", "CN=app"]))
    )
    def test_any_of_them(self, parameters: dict[str, str]) -> None:
        form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": NEXT, "RoleSessionName": "me", **parameters}
        answer = ANY.send(signed(ANY_KEYS, urlencode(form).encode()))
        assert answer.status in (200, 400, 403)

    def test_markup_in_a_name_stays_text(self) -> None:
        world = world_with(trusting())
        arn = "arn:aws:iam::123456789012:role/<x>&amp;"
        form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": arn, "RoleSessionName": "me"}
        answer = world.send(signed(vend(world), urlencode(form).encode()))
        assert error_of(answer) == (403, "AccessDenied")
        assert b"<x>" not in answer.body


def flat(name: str, value: Any) -> dict[str, str]:
    """Return a parameter as the query protocol writes it."""
    if value is None:
        return {}
    if not isinstance(value, list):
        return {name: str(value)}
    members = {}
    for number, member in enumerate(value, 1):
        for key, text in member.items() if isinstance(member, dict) else [("", member)]:
            members[f"{name}.member.{number}.{key}".rstrip(".")] = text
    return members
