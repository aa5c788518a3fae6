"""Every sentence of CreateSession by its cause, and of two causes the one that is looked at first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere, assumptions
from rolesanywhere_signer.testing.quotas import CallQuotas
from tests.emulator import faults
from tests.emulator.faults import FOREIGN, Fault, Plan, plan_with
from tests.emulator.policies import ASSUME, SET, TAG, session_policy, statement, trust_policy
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import CA, LEAF, World, refusal

DENIED = (403, "AccessDeniedException")
ROLE = "arn:aws:iam::123456789012:role/reader"
NOT_ASSUMED = f"Unable to assume role for {ROLE}"
DROPPED = "Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [ {} ]; SAN: [ {} ]"
BOB = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Bob"}}


def changed(**changes: Any) -> Plan:
    return replace(Plan(), **changes)


def role(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trust_policy": trust_policy(*statements), **more}


def with_date(request: HttpRequest) -> HttpRequest:
    headers = tuple((name, "20200101T000000Z" if name == "X-Amz-Date" else value) for name, value in request.headers)
    return replace(request, headers=headers)


SIGNATURE = (*DENIED, "Invalid signature")
UNTRUSTED = (*DENIED, "Untrusted signing certificate")
UNFIT = (*DENIED, "Untrusted certificate. Insufficient certificate")
REVOKED = (*DENIED, "Certificate revoked")
NO_ANCHOR = (404, "ResourceNotFoundException", "Specified Trust Anchor wasn't found.")
NO_PROFILE = (*DENIED, "Invalid or empty profile provided.")
NO_ROLE = (*DENIED, "Requested Role isn't one of those listed in the Profile.")
NO_NAME = (*DENIED, "Not authorized to set roleSessionName.")
TOO_LONG = (
    *DENIED,
    f"{NOT_ASSUMED} The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (changed(change_request=with_date), SIGNATURE),
        (changed(clock_is_off_by=timedelta(minutes=30)), SIGNATURE),
        (changed(clock_is_off_by=timedelta(minutes=-30)), SIGNATURE),
        (plan_with([faults.tampered]), SIGNATURE),
        (changed(ca=faults.STRANGER), UNTRUSTED),
        (changed(ca=CA.issue_ca("CN=Lower")), None),
        (changed(ca=CA.issue_ca("CN=Lower"), with_chain=False), UNTRUSTED),
        (changed(leaf={"key_usage": None}), UNFIT),
        (changed(leaf={"key_usage": ["keyEncipherment"]}), UNFIT),
        (changed(leaf={"ca": True, "key_usage": ["digitalSignature", "keyCertSign"]}), UNFIT),
        (plan_with([faults.revoked]), REVOKED),
        (changed(members={"trustAnchorArn": f"{FOREIGN}trust-anchor/1"}), NO_ANCHOR),
        (changed(members={"trustAnchorArn": f"{FOREIGN[:-1]}:trust-anchor/1"}), NO_ANCHOR),
        (changed(members={"profileArn": f"{FOREIGN}profile/1"}), NO_PROFILE),
        (changed(profile={"roles": []}), NO_PROFILE),
        (changed(profile={"roles": ["arn:aws:iam::123456789012:role/other"]}), NO_ROLE),
        (changed(members={"roleSessionName": "me"}), NO_NAME),
        (changed(members={"sessionName": "me"}), NO_NAME),
        (changed(members={"roleSessionName": "me"}, profile={"accept_role_session_name": True}), None),
        (changed(profile={"duration_seconds": 7200}), TOO_LONG),
        (changed(profile={"duration_seconds": 7200}, members={"durationSeconds": 3601}), TOO_LONG),
        (changed(profile={"duration_seconds": 7200}, members={"durationSeconds": 3600}), None),
        (changed(profile={"duration_seconds": 7200}, role={"max_session_duration_seconds": 7200}), None),
        (plan_with([faults.too_often]), (429, "ThrottlingException", "Rate exceeded")),
        (changed(calls_before=9), None),
        # Their wording is ours.
        (plan_with([faults.expired]), (*DENIED, assumptions.LEAF_NOT_VALID_NOW)),
        (changed(leaf={"valid_from": NOW + timedelta(hours=1)}), (*DENIED, assumptions.LEAF_NOT_VALID_NOW)),
        (changed(anchor={"enabled": False}), (*DENIED, assumptions.DISABLED_TRUST_ANCHOR)),
        (changed(profile={"enabled": False}), (*DENIED, assumptions.DISABLED_PROFILE)),
    ],
    ids=lambda value: value[2] if isinstance(value, tuple) else "",
)
def test_each_sentence_by_its_cause(plan: Plan, expected: tuple[int, str, str] | None) -> None:
    answer = plan.answer()
    assert (refusal(answer) if answer.status != 201 else None) == expected


class TestRolesThatAreNotAssumed:
    @pytest.mark.parametrize(
        "trusting",
        [
            role(statement(principal={"Service": "ec2.amazonaws.com"})),
            role(statement(principal={"AWS": "*"})),
            role(statement([ASSUME, SET])),
            role(statement([ASSUME, TAG])),
            role(statement([TAG, SET])),
            role(statement(condition=BOB)),
            role(statement(condition={"ArnEquals": {"aws:SourceArn": f"{FOREIGN}trust-anchor/1"}})),
            role(statement(condition={"StringEquals": {"aws:SourceAccount": "210987654321"}})),
            role(statement(condition={"StringEquals": {"sts:SourceIdentity": "app"}})),
            role(statement([ASSUME, SET]), statement(TAG, BOB)),
            role(statement(), statement("*", effect="Deny")),
        ],
    )
    def test_its_trust_policy_denies(self, trusting: dict[str, Any]) -> None:
        assert refusal(changed(role=trusting).answer()) == (*DENIED, NOT_ASSUMED)

    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app", "aws:PrincipalTag/x509Issuer/CN": "Root"}},
            {"ArnLike": {"aws:SourceArn": "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/*"}},
            {"StringEquals": {"aws:SourceAccount": "123456789012"}},
            {"StringEquals": {"sts:SourceIdentity": "CN=${aws:PrincipalTag/x509Subject/CN}"}},
        ],
        ids=str,
    )
    def test_its_trust_policy_allows(self, condition: dict[str, Any]) -> None:
        assert changed(role=role(statement(condition=condition))).answer().status == 201

    @pytest.mark.parametrize(
        ("subject", "names", "of_subject", "of_names"),
        [
            ("CN=app", ["DNS:a.example", "DNS:b.example"], "", "DNS/2"),
            ("CN=John M. Smith (EMP12345)", [], "CN", ""),
            ("CN=a&b,OU=(x)", ["URI:urn:a?b", "DNS:a", "DNS:b"], "OU, CN", "DNS/2, URI"),
        ],
    )
    def test_attributes_were_dropped(self, subject: str, names: list[str], of_subject: str, of_names: str) -> None:
        plan = changed(subject=subject, leaf={"subject_alternative_names": names}, role=role(statement(condition=BOB)))
        sentence = DROPPED.format(of_subject, of_names)
        assert refusal(plan.answer()) == (*DENIED, f"{NOT_ASSUMED}. {sentence}")
        # They are told of in a refusal alone.
        assert replace(plan, role=role()).answer().status == 201

    def test_dropped_attributes_stand_behind_what_sts_says(self) -> None:
        plan = plan_with([faults.long_session, faults.unmappable])
        assert refusal(plan.answer())[2] == f"{TOO_LONG[2]} {DROPPED.format('', 'DNS/2')}"

    def test_the_role_does_not_exist(self) -> None:
        ghost = "arn:aws:iam::123456789012:role/ghost"
        plan = changed(profile={"roles": [ghost]}, members={"roleArn": ghost})
        assert refusal(plan.answer()) == (*DENIED, f"Unable to assume role for {ghost}")

    @pytest.mark.parametrize(
        ("profile", "reason"),
        [
            (
                {"session_policy": session_policy("s3:*", "x" * 2048)},
                "Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
            ),
            (
                {"managed_policy_arns": [f"arn:aws:iam::aws:policy/P{number}" for number in range(11)]},
                "Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
            ),
        ],
        ids=["policy", "policyArns"],
    )
    def test_sts_has_narrower_limits_than_profiles(self, profile: dict[str, Any], reason: str) -> None:
        assert refusal(changed(profile=profile).answer()) == (
            *DENIED,
            f"{NOT_ASSUMED} 1 validation error detected: {reason}",
        )


# In the order of the checks. Those of one stage cannot be had together.
STAGES: list[tuple[Fault, str]] = [
    (faults.tampered, "Invalid signature"),
    (faults.too_often, "Rate exceeded"),
    (faults.bad_duration, "1 validation error detected"),
    (faults.unknown_anchor, "Specified Trust Anchor wasn't found."),
    (faults.stranger, "Untrusted signing certificate"),
    (faults.unfit, "Untrusted certificate. Insufficient certificate"),
    (faults.expired, assumptions.LEAF_NOT_VALID_NOW),
    (faults.revoked, "Certificate revoked"),
    (faults.unknown_profile, "Invalid or empty profile provided."),
    (faults.another_role, "Requested Role isn't one of those listed in the Profile."),
    (faults.session_name, "Not authorized to set roleSessionName."),
    (faults.distrusted, NOT_ASSUMED),
    (faults.long_policy, f"{NOT_ASSUMED} 1 validation error detected"),
    (faults.long_session, f"{NOT_ASSUMED} The requested DurationSeconds exceeds"),
]
SAME_STAGE = [
    (faults.disabled_anchor, faults.stranger, assumptions.DISABLED_TRUST_ANCHOR),
    (faults.unknown_anchor, faults.disabled_anchor, "Specified Trust Anchor wasn't found."),
    (faults.disabled_profile, faults.another_role, assumptions.DISABLED_PROFILE),
    (faults.revoked, faults.disabled_profile, "Certificate revoked"),
    (faults.unknown_profile, faults.disabled_profile, "Invalid or empty profile provided."),
]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [*((a, b, message) for (a, message), (b, _) in combinations(STAGES, 2)), *SAME_STAGE],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_of_two_causes_the_first_is_told(first: Fault, second: Fault, expected: str) -> None:
    assert plan_with([second]).answer().status >= 400
    message = refusal(plan_with([first, second]).answer())[2]
    assert message.startswith(expected)
    # The sentence about a role ends where another one would go on.
    assert expected != NOT_ASSUMED or message == NOT_ASSUMED


def test_all_at_once() -> None:
    for number, (_, expected) in enumerate(STAGES):
        assert refusal(plan_with(fault for fault, _ in STAGES[number:]).answer())[2].startswith(expected)


class TestTheQuota:
    def test_it_is_of_each_certificate_and_fills_with_time(self) -> None:
        world, now = World(), NOW
        service = LocalRolesAnywhere(throttle=True)
        service.clock = lambda: now
        service.create_trust_anchor(CA.certificate_pem, arn=world.anchor.arn)
        service.create_profile([service.create_role("reader")], arn=world.profile.arn)
        other = CA.issue()

        def statuses(count: int, leaf: Any = LEAF) -> list[int]:
            return [service.respond(sign_as(leaf, world.body())).status for _ in range(count)]

        assert statuses(12) == [201] * 10 + [429] * 2
        assert statuses(1, other) == [201]
        now = NOW + timedelta(milliseconds=250)
        assert statuses(4) == [201, 201, 429, 429]
        now = NOW + timedelta(seconds=10)
        assert statuses(11) == [201] * 10 + [429]
        # A signature that is wrong is nobody's.
        wrong = replace(sign_as(other, world.body()), body=b"")
        assert [service.respond(wrong).status for _ in range(20)] == [403] * 20
        assert statuses(1, other) == [201]

    def test_it_is_switched_off_unless_asked_for(self) -> None:
        world = World()
        assert {world.ask().status for _ in range(30)} == {201}

    def test_thousands_of_certificates_leave_nothing_behind(self) -> None:
        quotas = CallQuotas(enabled=True)
        for number in range(25_000):
            quotas.count(f"certificate {number}", 10, NOW + timedelta(milliseconds=number))
        assert len(quotas._buckets) <= 10_000
