"""Who may assume a role: the service's three actions, apart, on what the request is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rolesanywhere_signer.testing.policies import Principal, parse_trust_policy
from rolesanywhere_signer.testing.trust_policy import ROLES_ANYWHERE, AssumeRoleRequest, may_assume
from tests.emulator.policies import ASSUME, SET, TAG, statement, trust_policy
from tests.emulator.signing import NOW

ANCHOR = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1"
REQUEST = AssumeRoleRequest(
    principal=ROLES_ANYWHERE,
    session_name="1000",
    now=NOW,
    source_identity="CN=Alice",
    tags={"x509Subject/CN": "Alice", "x509Issuer/O": "Example"},
    source_arn=ANCHOR,
    source_account="123456789012",
)
ALICE = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Alice"}}
BOB = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Bob"}}


def allowed(*statements: dict[str, Any], request: AssumeRoleRequest = REQUEST) -> bool:
    return may_assume(parse_trust_policy(trust_policy(*statements)).text, request)


def test_without_a_policy_everybody_may() -> None:
    assert may_assume(None, REQUEST)


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
    assert not allowed(statement([ASSUME, SET]), request=replace(REQUEST, tags={}))


class TestAnotherPrincipal:
    ROLE = "arn:aws:iam::123456789012:role/first"
    REQUEST = AssumeRoleRequest(
        principal=Principal(arns=frozenset({ROLE}), account_id="123456789012"),
        session_name="me",
        now=NOW,
        external_id="secret-handshake",
    )

    def test_it_needs_the_actions_that_it_asks_for(self) -> None:
        trusting = statement(ASSUME, principal={"AWS": self.ROLE})
        assert allowed(trusting, request=self.REQUEST)
        assert not allowed(trusting, request=replace(self.REQUEST, tags={"team": "a"}))
        assert not allowed(trusting, request=replace(self.REQUEST, source_identity="me"))
        assert not allowed(statement(), request=self.REQUEST)

    def test_tags_that_it_asks_for_are_not_its_own(self) -> None:
        request = replace(self.REQUEST, tags={"team": "a"})
        of_request, of_principal = ({"StringEquals": {f"aws:{kind}Tag/team": "a"}} for kind in ("Request", "Principal"))
        assert allowed(statement("sts:*", of_request, principal="*"), request=request)
        assert not allowed(statement("sts:*", of_principal, principal="*"), request=request)

    @pytest.mark.parametrize(("wanted", "expected"), [("secret-handshake", True), ("x", False)])
    def test_the_external_id(self, wanted: str, expected: bool) -> None:
        condition = {"StringEquals": {"sts:ExternalId": wanted}}
        assert allowed(statement(ASSUME, condition, principal="*"), request=self.REQUEST) is expected
