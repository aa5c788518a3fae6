"""What people saw the live control plane say, word for word, each by its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from tests.emulator.control.world import ACCOUNT, MODEL, REGION, ROLE, bundle, refused, send
from tests.emulator.signing import NOW
from tests.emulator.world import CA, World, content, refusal

OWNER = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}"
ANCHOR = f"{OWNER}:trust-anchor/1"
MOST_SECONDS = MODEL.shape_for("CreateProfileRequestDurationSecondsInteger").metadata["max"]
TOO_LONG = (
    f"1 validation error detected: Value '{MOST_SECONDS + 1}' at 'durationSeconds' failed to satisfy constraint: "
    f"Member must have value less than or equal to {MOST_SECONDS}"
)

MESSAGES: list[tuple[Callable[[Any], object], str]] = [
    (
        lambda c: c.create_trust_anchor(name="x", source=bundle(CA.issue().certificate_pem.decode())),
        "Incorrect basic constraints for CA certificate",
    ),
    (
        lambda c: c.create_trust_anchor(
            name="x",
            source={
                "sourceType": "AWS_ACM_PCA",
                "sourceData": {"acmPcaArn": "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"},
            },
        ),
        "Error creating TrustAnchor. Given AWS PCA did not allow get request.: ",
    ),
    (
        lambda c: c.create_profile(name="x", roleArns=[ROLE], durationSeconds=MOST_SECONDS + 1),
        TOO_LONG,
    ),
]


@pytest.mark.parametrize(("cause", "message"), MESSAGES)
def test_messages(client: Any, cause: Callable[[Any], object], message: str) -> None:
    with refused("ValidationException", 400, message):
        cause(client)


@pytest.mark.parametrize(
    ("method", "target", "action", "resource"),
    [
        ("GET", "/profiles", "ListProfiles", "*"),
        ("PATCH", "/profile/1", "UpdateProfile", f"{OWNER}:profile/1"),
        ("PUT", "/profiles/1/mappings", "PutAttributeMapping", f"{OWNER}:profile/1"),
        ("POST", f"/trustanchor/{quote(ANCHOR, safe='')}/enable", "EnableTrustAnchor", ANCHOR),
    ],
)
def test_a_role_without_permission(method: str, target: str, action: str, resource: str) -> None:
    world = World(service=LocalRolesAnywhere(control_credentials=("AKID", "secret")))
    [session] = content(world.ask())["credentialSet"]
    vended, who = session["credentials"], session["assumedRoleUser"]["arn"]
    how = {"key": vended["accessKeyId"], "secret": vended["secretAccessKey"], "token": vended["sessionToken"]}
    message = f"User: {who} is not authorized to perform: rolesanywhere:{action} on resource: {resource}"
    assert refusal(send(world.service, method, target, **how)) == (403, "AccessDeniedException", message)


WRONG_REGION = {"region": "eu-west-1"}
NOT_JSON: dict[str, Any] = {"body": b"x"}
WRONG_TYPE: dict[str, Any] = {"body": {"name": "", "roleArns": 5}}
RESERVED = [{"key": "aws:x", "value": ""}]
TOO_SHORT: dict[str, Any] = {"body": {"name": "", "roleArns": [], "tags": RESERVED}}
BREAKS_A_RULE: dict[str, Any] = {"body": {"name": "x", "roleArns": [], "tags": RESERVED}}

# What is looked at first is the answer, whatever else is wrong.
ORDER: list[tuple[dict[str, Any], str]] = [
    ({**WRONG_REGION, **WRONG_TYPE}, "Credential should be scoped to a valid region."),
    (NOT_JSON, assumptions.UNREADABLE_BODY),
    (WRONG_TYPE, "roleArns must be a list"),
    (TOO_SHORT, "1 validation error detected: Value '' at 'name'"),
    (BREAKS_A_RULE, assumptions.RESERVED_TAG),
]


@pytest.mark.parametrize(("sent", "message"), ORDER)
def test_two_causes_at_once(sent: dict[str, Any], message: str) -> None:
    _, _, said = refusal(send(LocalRolesAnywhere(), "POST", "/profiles", **sent))
    assert said.startswith(message)


def test_the_path_comes_before_the_signature_and_the_quota_before_the_members() -> None:
    service = LocalRolesAnywhere(throttle=True)
    service.clock = lambda: NOW
    assert send(service, "POST", "/profiles/x", **WRONG_REGION).status == 404
    assert send(service, "GET", "/profiles").status == 200
    assert refusal(send(service, "POST", "/profiles", **WRONG_TYPE)) == (429, "ThrottlingException", "Rate exceeded")


def test_nothing_is_at_the_root(service: LocalRolesAnywhere) -> None:
    assert send(service, "GET", "/").status == 404
