"""Who may assume a role: the service's three actions, apart, on what the request is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rolesanywhere_signer.testing.assume_role import ROLES_ANYWHERE, AssumeRole, Caller
from rolesanywhere_signer.testing.policies import Principal, parse_trust_policy
from rolesanywhere_signer.testing.trust_policy import may_assume
from tests.emulator.policies import ASSUME, SET, TAG, statement, trust_policy
from tests.emulator.signing import NOW

ANCHOR = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1"
BY_SERVICE = Caller(ROLES_ANYWHERE, ANCHOR, "123456789012")
ASKED = AssumeRole(
    role_arn="arn:aws:iam::123456789012:role/reader",
    role_session_name="1000",
    duration_seconds=3600,
    source_identity="CN=Alice",
    tags={"x509Subject/CN": "Alice", "x509Issuer/O": "Example"},
)
ALICE = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Alice"}}
BOB = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Bob"}}


def allowed(*statements: dict[str, Any], asked: AssumeRole = ASKED, caller: Caller = BY_SERVICE) -> bool:
    return may_assume(parse_trust_policy(trust_policy(*statements)).text, asked, caller, NOW)


def test_without_a_policy_everybody_may() -> None:
    assert may_assume(None, ASKED, BY_SERVICE, NOW)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([ASSUME, TAG, SET], True),
        (["sts:*"], True),
        ([ASSUME, TAG], False),
        ([ASSUME, SET], False),
        ([TAG, SET], False),
        ([ASSUME], False),
    ],
)
def test_all_three_actions_must_be_allowed(actions: list[str], expected: bool) -> None:
    assert allowed(statement(actions)) is expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement(ASSUME), statement(TAG), statement(SET)], True),
        ([statement([ASSUME, SET], ALICE), statement(TAG)], True),
        ([statement([ASSUME, SET]), statement(TAG, ALICE)], True),
        ([statement([ASSUME, SET]), statement(TAG, BOB)], False),
        ([statement([ASSUME, SET], BOB), statement(TAG)], False),
        ([statement(ASSUME, ALICE), statement(TAG, ALICE), statement(SET, BOB)], False),
        ([statement(), statement(TAG, effect="Deny")], False),
        ([statement(), statement("*", BOB, effect="Deny")], True),
        ([statement(), statement("*", ALICE, effect="Deny")], False),
    ],
)
def test_each_action_is_evaluated_apart(statements: list[dict[str, Any]], expected: bool) -> None:
    assert allowed(*statements) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (ALICE, True),
        (BOB, False),
        ({"StringEquals": {"aws:RequestTag/x509Issuer/O": "Example"}}, True),
        ({"StringLike": {"aws:PrincipalTag/x509SAN/DNS": "*"}}, False),
        ({"StringNotEquals": {"aws:PrincipalTag/x509SAN/DNS": "x"}}, True),
        ({"ArnEquals": {"aws:SourceArn": ANCHOR}}, True),
        ({"ArnLike": {"aws:SourceArn": ["arn:aws:rolesanywhere:*:123456789012:trust-anchor/*"]}}, True),
        ({"ArnEquals": {"aws:SourceArn": ANCHOR + "2"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["210987654321"]}}, False),
        ({"StringLike": {"sts:SourceIdentity": "CN=*"}}, True),
        ({"StringEquals": {"sts:SourceIdentity": "Alice"}}, False),
        ({"StringEquals": {"sts:SourceIdentity": "CN=${aws:PrincipalTag/x509Subject/CN}"}}, True),
        ({"StringLike": {"sts:RoleSessionName": "10*"}}, True),
        ({"ForAllValues:StringLike": {"aws:TagKeys": ["x509Subject/*", "x509Issuer/*"]}}, True),
        ({"ForAllValues:StringLike": {"aws:TagKeys": "x509Subject/*"}}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "x509Issuer/O"}}, True),
        ({"Null": {"aws:PrincipalTag/x509Subject/CN": "false"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2001-01-01T00:00:00Z"}}, True),
        ({"NumericLessThan": {"aws:EpochTime": 1_000_000_000}}, False),
        ({"StringEquals": {"sts:ExternalId": "x"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    ],
    ids=str,
)
def test_what_conditions_can_ask_about(condition: Any, expected: bool) -> None:
    assert allowed(statement(condition=condition)) is expected


def test_a_session_without_tags_needs_all_three_actions_too() -> None:
    assert not allowed(statement([ASSUME, SET]), asked=replace(ASKED, tags={}))


class TestAnotherPrincipal:
    ROLE = "arn:aws:iam::123456789012:role/first"
    CALLER = Caller(Principal(arns=frozenset({ROLE}), account_id="123456789012"), tags={"own": "b"})
    ASKED = AssumeRole(ASKED.role_arn, "me", 3600, external_id="secret-handshake")

    def allowed(self, made: dict[str, Any], **changes: Any) -> bool:
        return allowed(made, asked=replace(self.ASKED, **changes), caller=self.CALLER)

    def test_it_needs_the_actions_that_it_asks_for(self) -> None:
        trusting = statement(ASSUME, principal={"AWS": self.ROLE})
        assert self.allowed(trusting)
        assert not self.allowed(trusting, tags={"team": "a"})
        assert not self.allowed(trusting, source_identity="me")
        assert not self.allowed(statement())

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("aws:RequestTag/team", "a", True),
            ("aws:PrincipalTag/team", "a", False),
            ("aws:PrincipalTag/own", "b", True),
            ("aws:RequestTag/own", "b", False),
            ("aws:SourceArn", ANCHOR, False),
            ("aws:SourceAccount", "123456789012", False),
            ("sts:ExternalId", "secret-handshake", True),
            ("sts:ExternalId", "x", False),
        ],
    )
    def test_what_conditions_can_ask_about(self, key: str, value: str, expected: bool) -> None:
        made = statement("sts:*", {"StringEquals": {key: value}}, principal="*")
        assert self.allowed(made, tags={"team": "a"}) is expected


def test_the_parameters_are_those_of_sts() -> None:
    assert ASKED.parameters == {
        "RoleArn": "arn:aws:iam::123456789012:role/reader",
        "RoleSessionName": "1000",
        "DurationSeconds": 3600,
        "SourceIdentity": "CN=Alice",
        "Tags": [{"Key": "x509Subject/CN", "Value": "Alice"}, {"Key": "x509Issuer/O", "Value": "Example"}],
    }
    narrowed = replace(ASKED, tags={}, source_identity=None, policy="{}", policy_arns=("a",), external_id="x")
    assert {"Policy": "{}", "PolicyArns": [{"arn": "a"}], "ExternalId": "x"}.items() <= narrowed.parameters.items()
    assert "Tags" not in narrowed.parameters
