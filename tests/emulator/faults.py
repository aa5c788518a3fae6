"""Requests with something wrong, put together from single faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest, HttpResponse, LocalRolesAnywhere
from tests.emulator.policies import statement, trust_policy
from tests.emulator.revoking import revocation_list
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import CA

STRANGER = CertificateAuthority("CN=Root,O=Example")
FOREIGN = "arn:aws:rolesanywhere:eu-west-1:210987654321:"


@dataclass
class Plan:
    """How a request, and the account that it meets, are made; right unless a fault changes something."""

    ca: CertificateAuthority = CA
    leaf: dict[str, Any] = field(default_factory=dict)
    subject: str = "CN=app,O=Example"
    anchor: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    role: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)
    revoked: bool = False
    with_chain: bool = True
    calls_before: int = 0
    clock_is_off_by: timedelta = timedelta(0)
    change_request: Callable[[HttpRequest], HttpRequest] = lambda request: request

    def answer(self) -> HttpResponse:
        """Make everything, and ask."""
        service = LocalRolesAnywhere(throttle=True)
        service.clock = lambda: NOW
        anchor = service.create_trust_anchor(CA.certificate_pem, **self.anchor)
        role = service.create_role("reader", **self.role)
        service.create_role("other")
        profile = service.create_profile(**{"roles": [role], **self.profile})
        leaf = self.ca.issue(self.subject, **self.leaf)
        if self.revoked:
            service.import_crl(revocation_list(CA, [leaf]), anchor, enabled=True)
        arns = {"trustAnchorArn": anchor.arn, "profileArn": profile.arn, "roleArn": role.arn}
        members = {name: value for name, value in {**arns, **self.members}.items() if value is not None}
        for _ in range(self.calls_before):
            service.respond(sign_as(leaf, json.dumps(members).encode()))
        chain = leaf.intermediates if self.with_chain else ()
        request = sign_as(leaf, json.dumps(members).encode(), at=NOW + self.clock_is_off_by, chain=chain)
        return service.respond(self.change_request(request))


Fault = Callable[[Plan], None]


def plan_with(faults: Iterable[Fault]) -> Plan:
    plan = Plan()
    for fault in faults:
        fault(plan)
    return plan


def tampered(plan: Plan) -> None:
    plan.change_request = lambda request: replace(request, body=request.body + b" ")


def too_often(plan: Plan) -> None:
    plan.calls_before = 10


def bad_duration(plan: Plan) -> None:
    plan.members["durationSeconds"] = 1


def unknown_anchor(plan: Plan) -> None:
    plan.members["trustAnchorArn"] = f"{FOREIGN}trust-anchor/1"


def disabled_anchor(plan: Plan) -> None:
    plan.anchor["enabled"] = False


def stranger(plan: Plan) -> None:
    plan.ca = STRANGER


def unfit(plan: Plan) -> None:
    plan.leaf["key_usage"] = None


def expired(plan: Plan) -> None:
    plan.leaf.update(valid_from=NOW - timedelta(days=2), valid_for=timedelta(days=1))


def revoked(plan: Plan) -> None:
    plan.revoked = True


def unknown_profile(plan: Plan) -> None:
    plan.members["profileArn"] = f"{FOREIGN}profile/1"


def disabled_profile(plan: Plan) -> None:
    plan.profile["enabled"] = False


def another_role(plan: Plan) -> None:
    plan.members["roleArn"] = "arn:aws:iam::123456789012:role/other"


def session_name(plan: Plan) -> None:
    plan.members["roleSessionName"] = "me"


def distrusted(plan: Plan) -> None:
    plan.role["trust_policy"] = trust_policy(
        statement(condition={"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "Bob"}})
    )


def long_policy(plan: Plan) -> None:
    plan.profile["session_policy"] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "x" * 2048}],
    }


def long_session(plan: Plan) -> None:
    plan.profile["duration_seconds"] = 43200


def unmappable(plan: Plan) -> None:
    plan.leaf["subject_alternative_names"] = ["DNS:a.example", "DNS:b.example"]
