"""Policy documents: what is refused and where, and what a policy allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing.policies import Policy, Principal, parse_session_policy, parse_trust_policy
from rolesanywhere_signer.testing.policy_patterns import Context
from tests.emulator.policies import ASSUME, SERVICE, session_policy, statement, trust_policy

NOTHING = Context({})
BY_SERVICE = Principal(service="rolesanywhere.amazonaws.com")
ROLE = "arn:aws:iam::123456789012:role/reader"
SESSION = "arn:aws:sts::123456789012:assumed-role/reader/me"
BY_ROLE = Principal(arns=frozenset({ROLE, SESSION}), account_id="123456789012")


def with_statement(**changes: Any) -> dict[str, Any]:
    """Return a trust policy whose statement is changed; None removes an element."""
    changed = {**statement(), **changes}
    return trust_policy({name: value for name, value in changed.items() if value is not None})


class TestTrustPolicyDocuments:
    @pytest.mark.parametrize(
        "document",
        [
            trust_policy(),
            json.dumps(trust_policy()),
            json.dumps(trust_policy(), indent=2),
            {**trust_policy(), "Statement": statement()},
            {**trust_policy(), "Id": "mine"},
            {"Statement": [statement()]},
            trust_policy(version="2008-10-17"),
            with_statement(Sid="One"),
            with_statement(Action="sts:*"),
            with_statement(Action="*"),
            with_statement(Action="STS:assumerole"),
            with_statement(Action=None, NotAction="sts:AssumeRoleWithSAML"),
            with_statement(Principal="*"),
            with_statement(Principal={**SERVICE, "AWS": [ROLE], "Federated": "x", "CanonicalUser": "y"}),
            with_statement(Condition={}),
            with_statement(Effect="Deny"),
        ],
        ids=lambda document: document if isinstance(document, str) else json.dumps(document),
    )
    def test_what_is_taken(self, document: Any) -> None:
        parsed = parse_trust_policy(document)
        original = json.loads(document) if isinstance(document, str) else document
        assert json.loads(parsed.text) == original
        assert parse_trust_policy(parsed.text) == parsed

    @pytest.mark.parametrize(
        ("document", "where"),
        [
            ("", "trust_policy is no JSON"),
            ("{", "trust_policy is no JSON"),
            ("[" * 100_000, "trust_policy is no JSON"),
            ('{"Statement": [], "Statement": []}', "a member stands in an object twice"),
            ("[]", "trust_policy must be a JSON object"),
            (5, "must be JSON text or a mapping, not int"),
            ({"Statement": {1, 2}}, "holds what is no JSON"),
            ({}, "trust_policy has no Statement"),
            ({"Version": "2012-10-18", "Statement": [statement()]}, "trust_policy.Version is '2012-10-18'"),
            ({"version": "2012-10-17", "Statement": [statement()]}, "there is no element version"),
            (trust_policy(statement(), []), r"trust_policy.Statement\[1\] must be an object"),  # type: ignore[arg-type]
            (with_statement(Effect="allow"), r"Statement\[0\].Effect must be Allow or Deny, not 'allow'"),
            (with_statement(Effect=None), r"Statement\[0\].Effect must be Allow or Deny, not None"),
            (with_statement(Action=None), r"Statement\[0\] has neither Action nor NotAction"),
            (with_statement(NotAction=ASSUME), r"Statement\[0\] has Action and NotAction"),
            (with_statement(Action=[]), r"Statement\[0\].Action must be a text, or a list of texts"),
            (with_statement(Action=[1]), r"Statement\[0\].Action must be a text"),
            (with_statement(Action=""), r"Statement\[0\].Action must be a text"),
            (with_statement(Action="s3:GetObject"), r"Statement\[0\].Action: 's3:GetObject' is no action of STS"),
            (with_statement(Action="AssumeRole"), "'AssumeRole' is no action of STS"),
            (with_statement(Principal=None), r"Statement\[0\].Principal is missing"),
            (with_statement(Principal="rolesanywhere.amazonaws.com"), r"Statement\[0\].Principal is missing"),
            (with_statement(Principal={}), r"Statement\[0\].Principal is missing"),
            (with_statement(Principal={"service": "x"}), r"Statement\[0\].Principal: there is no kind 'service'"),
            (with_statement(Principal={"Service": []}), r"Statement\[0\].Principal.Service must be a text"),
            (with_statement(NotPrincipal=SERVICE), r"Statement\[0\]: NotPrincipal is not evaluated here"),
            (with_statement(Resource="*"), r"Statement\[0\]: such a policy has no Resource"),
            (with_statement(Conditions={}), r"Statement\[0\]: such a policy has no Conditions"),
            (with_statement(Sid=1), r"Statement\[0\].Sid must be a text"),
            (with_statement(Condition=[]), r"Statement\[0\].Condition must be an object"),
            (
                with_statement(Condition={"StringEqual": {"a:b": "c"}}),
                r"trust_policy.Statement\[0\].Condition.StringEqual: there is no such condition operator",
            ),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_what_is_refused_and_where(self, document: Any, where: str) -> None:
        with pytest.raises(ConfigurationError, match=where) as caught:
            parse_trust_policy(document)
        assert caught.value.hint or "must be" in caught.value.message

    def test_changes_to_what_was_given_change_nothing(self) -> None:
        document = trust_policy()
        parsed = parse_trust_policy(document)
        document["Statement"][0]["Effect"] = "Deny"
        assert parsed.allows(ASSUME, NOTHING, principal=BY_SERVICE)


@pytest.mark.parametrize(
    ("principal", "by_service", "by_role"),
    [
        (SERVICE, True, False),
        ({"Service": ["ec2.amazonaws.com", "rolesanywhere.amazonaws.com"]}, True, False),
        ({"Service": "ec2.amazonaws.com"}, False, False),
        ({"Service": "rolesanywhere.*"}, False, False),
        ({"Service": "*"}, False, False),
        ("*", True, True),
        ({"AWS": "*"}, False, True),
        ({"AWS": ROLE}, False, True),
        ({"AWS": SESSION}, False, True),
        ({"AWS": "123456789012"}, False, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, False, True),
        ({"AWS": "arn:aws:iam::210987654321:root"}, False, False),
        ({"AWS": ROLE + "2"}, False, False),
        ({"AWS": "rolesanywhere.amazonaws.com"}, False, False),
        ({"Federated": "rolesanywhere.amazonaws.com"}, False, False),
        ({"AWS": ROLE, **SERVICE}, True, True),
    ],
)
def test_whom_a_principal_means(principal: Any, by_service: bool, by_role: bool) -> None:
    policy = parse_trust_policy(trust_policy(statement(principal=principal)))
    assert policy.allows(ASSUME, NOTHING, principal=BY_SERVICE) is by_service
    assert policy.allows(ASSUME, NOTHING, principal=BY_ROLE) is by_role


@pytest.mark.parametrize(("principal", "denied"), [("*", True), ({"AWS": "*"}, True), ({"AWS": ROLE}, False)])
def test_everybody_who_is_denied_is_the_service_too(principal: Any, denied: bool) -> None:
    policy = parse_trust_policy(trust_policy(statement(), statement(effect="Deny", principal=principal)))
    assert policy.allows(ASSUME, NOTHING, principal=BY_SERVICE) is not denied


@pytest.mark.parametrize(
    ("element", "actions", "expected"),
    [
        ("Action", "sts:AssumeRole", True),
        ("Action", "STS:ASSUMEROLE", True),
        ("Action", "sts:Assume*", True),
        ("Action", "sts:AssumeRol?", True),
        ("Action", "*", True),
        ("Action", ["sts:TagSession", "sts:AssumeRole"], True),
        ("Action", "sts:AssumeRoleWithSAML", False),
        ("Action", "sts:Assume", False),
        ("NotAction", "sts:TagSession", True),
        ("NotAction", "sts:AssumeRole", False),
    ],
)
def test_which_action_is_meant(element: str, actions: Any, expected: bool) -> None:
    made = {"Effect": "Allow", "Principal": SERVICE, element: actions}
    assert parse_trust_policy(trust_policy(made)).allows(ASSUME, NOTHING, principal=BY_SERVICE) is expected


def test_an_explicit_deny_wins() -> None:
    denied = statement(ASSUME, {"StringLike": {"a:b": "x*"}}, effect="Deny")
    for order in ([statement(), denied], [denied, statement()]):
        policy = parse_trust_policy(trust_policy(*order))
        assert not policy.allows(ASSUME, Context({"a:b": "xy"}), principal=BY_SERVICE)
        assert policy.allows(ASSUME, Context({"a:b": "y"}), principal=BY_SERVICE)
        assert policy.allows("sts:TagSession", Context({"a:b": "xy"}), principal=BY_SERVICE)


def test_all_conditions_of_a_statement_must_hold() -> None:
    both = {"StringEquals": {"a:b": "1", "a:c": "2"}, "Null": {"a:d": "true"}}
    policy = parse_trust_policy(trust_policy(statement(condition=both)))
    for context, expected in [
        ({"a:b": "1", "a:c": "2"}, True),
        ({"a:b": "1"}, False),
        ({"a:b": "1", "a:c": "2", "a:d": "3"}, False),
    ]:
        assert policy.allows(ASSUME, Context(context), principal=BY_SERVICE) is expected


class TestSessionPolicies:
    OBJECT = "arn:aws:s3:::alarms/2030/x"

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            (session_policy("s3:PutObject"), True),
            (session_policy("s3:Put*", "arn:aws:s3:::alarms/*"), True),
            (session_policy(["s3:GetObject", "s3:putobject"], ["x", "arn:aws:s3:::*/2030/?"]), True),
            (session_policy("s3:GetObject"), False),
            (session_policy("s3:PutObject", "arn:aws:s3:::alarms"), False),
            (session_policy("*", effect="Deny"), False),
            (session_policy("s3:PutObject", "arn:aws:s3:::${aws:PrincipalTag/bucket}/*"), True),
            (session_policy("s3:PutObject", "arn:aws:s3:::${aws:PrincipalTag/none}/*"), False),
        ],
    )
    def test_what_one_allows(self, document: Any, expected: bool) -> None:
        context = Context({"aws:PrincipalTag/bucket": "alarms"})
        assert self.parsed(document).allows("s3:PutObject", context, resource=self.OBJECT) is expected

    @pytest.mark.parametrize(
        ("resource", "expected"), [("arn:aws:s3:::other/*", True), ("arn:aws:s3:::alarms/*", False), ("${a:b}", False)]
    )
    def test_not_resource(self, resource: str, expected: bool) -> None:
        made = {"Effect": "Allow", "NotAction": "s3:Get*", "NotResource": resource}
        policy = self.parsed({"Version": "2012-10-17", "Statement": made})
        assert policy.allows("s3:PutObject", NOTHING, resource=self.OBJECT) is expected
        assert not policy.allows("s3:GetObject", NOTHING, resource=self.OBJECT)

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"Principal": "*"}, r"session_policy.Statement\[0\]: such a policy has no Principal"),
            ({"Resource": None}, r"session_policy.Statement\[0\] has neither Resource nor NotResource"),
            ({"Action": "PutObject"}, r"session_policy.Statement\[0\].Action: 'PutObject' is no action"),
            ({"Action": "s3:Put Object"}, "is no action"),
        ],
    )
    def test_what_is_refused(self, change: dict[str, Any], where: str) -> None:
        [made] = session_policy("s3:PutObject")["Statement"]
        changed = {name: value for name, value in {**made, **change}.items() if value is not None}
        with pytest.raises(ConfigurationError, match=where):
            self.parsed({"Version": "2012-10-17", "Statement": [changed]})

    parsed: Callable[[Any], Policy] = staticmethod(parse_session_policy)
