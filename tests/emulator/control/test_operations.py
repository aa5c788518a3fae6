"""Every operation of the model, once with success, by way of boto3; the answers held to the model's shapes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.emulator.control.world import (
    HAS_ALIASES,
    MODEL,
    PEM,
    ROLE,
    boto3_client,
    bundle,
    crl,
    new_anchor,
    new_crl,
    new_profile,
    send,
)
from tests.emulator.signing import NOW
from tests.emulator.world import CA, LEAF, content

TAGS = [{"key": "team", "value": "one"}]
SETTING = {"event": "CA_CERTIFICATE_EXPIRY", "enabled": True, "threshold": 30, "channel": "ALL"}
ALIAS = {"aliasName": "team/one"} if HAS_ALIASES else {}


class Estate:
    """One of everything."""

    def __init__(self, service: LocalRolesAnywhere, client: Any) -> None:
        anchor, profile = new_anchor(client, tags=TAGS), new_profile(client)
        self.anchor: str = anchor["trustAnchorId"]
        self.anchor_arn: str = anchor["trustAnchorArn"]
        self.profile: str = profile["profileId"]
        self.crl: str = new_crl(client, anchor)["crlId"]
        self.subject: str = service._account.record_subject(LEAF.certificate, NOW).id


# The operation, its parameters, and where in the answer to look for what.
Success = tuple[Callable[[Estate], dict[str, Any]], str, Callable[[Any], Any], Any]

SUCCESSES: dict[str, Success] = {
    "CreateTrustAnchor": (
        lambda e: {
            "name": "x",
            "source": bundle(),
            "enabled": True,
            "tags": TAGS,
            "notificationSettings": [SETTING],
            **ALIAS,
        },
        "trustAnchor",
        lambda a: (a["source"]["sourceData"]["x509CertificateData"], a["enabled"]),
        (PEM, True),
    ),
    "GetTrustAnchor": (lambda e: {"trustAnchorId": e.anchor}, "trustAnchor", lambda a: a["name"], "anchor"),
    "ListTrustAnchors": (lambda e: {"pageSize": 10}, "trustAnchors", len, 1),
    "UpdateTrustAnchor": (
        lambda e: {"trustAnchorId": e.anchor, "name": "new", "source": bundle(), **ALIAS},
        "trustAnchor",
        lambda a: a["name"],
        "new",
    ),
    "DeleteTrustAnchor": (lambda e: {"trustAnchorId": e.anchor}, "trustAnchor", lambda a: a["name"], "anchor"),
    "EnableTrustAnchor": (lambda e: {"trustAnchorId": e.anchor}, "trustAnchor", lambda a: a["enabled"], True),
    "DisableTrustAnchor": (lambda e: {"trustAnchorId": e.anchor}, "trustAnchor", lambda a: a["enabled"], False),
    "PutNotificationSettings": (
        lambda e: {"trustAnchorId": e.anchor, "notificationSettings": [SETTING]},
        "trustAnchor",
        lambda a: a["notificationSettings"][0]["threshold"],
        30,
    ),
    "ResetNotificationSettings": (
        lambda e: {"trustAnchorId": e.anchor, "notificationSettingKeys": [{"event": "CA_CERTIFICATE_EXPIRY"}]},
        "trustAnchor",
        lambda a: a["notificationSettings"][0]["threshold"],
        45,
    ),
    "CreateProfile": (
        lambda e: {
            "name": "x",
            "roleArns": [ROLE],
            "sessionPolicy": "{}",
            "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "durationSeconds": 900,
            "enabled": True,
            "acceptRoleSessionName": True,
            "requireInstanceProperties": True,
            "tags": TAGS,
            **ALIAS,
        },
        "profile",
        lambda p: (p["sessionPolicy"], p["managedPolicyArns"], p["durationSeconds"], p["acceptRoleSessionName"]),
        ("{}", ["arn:aws:iam::aws:policy/ReadOnlyAccess"], 900, True),
    ),
    "GetProfile": (lambda e: {"profileId": e.profile}, "profile", lambda p: p["roleArns"], [ROLE]),
    "ListProfiles": (lambda e: {}, "profiles", len, 1),
    "UpdateProfile": (
        lambda e: {"profileId": e.profile, "name": "new", "roleArns": [], "durationSeconds": 1000},
        "profile",
        lambda p: (p["name"], p["roleArns"], p["durationSeconds"]),
        ("new", [], 1000),
    ),
    "DeleteProfile": (lambda e: {"profileId": e.profile}, "profile", lambda p: p["name"], "profile"),
    "EnableProfile": (lambda e: {"profileId": e.profile}, "profile", lambda p: p["enabled"], True),
    "DisableProfile": (lambda e: {"profileId": e.profile}, "profile", lambda p: p["enabled"], False),
    "PutAttributeMapping": (
        lambda e: {
            "profileId": e.profile,
            "certificateField": "x509Subject",
            "mappingRules": [{"specifier": "CN"}, {"specifier": "OU"}],
        },
        "profile",
        lambda p: len(p["attributeMappings"]),
        3,
    ),
    "DeleteAttributeMapping": (
        lambda e: {"profileId": e.profile, "certificateField": "x509SAN", "specifiers": ["DNS", "URI"]},
        "profile",
        lambda p: p["attributeMappings"][1]["mappingRules"],
        [{"specifier": "Name/*"}],
    ),
    "ImportCrl": (
        lambda e: {"name": "x", "crlData": crl(), "trustAnchorArn": e.anchor_arn, "enabled": True, "tags": TAGS},
        "crl",
        lambda c: c["enabled"],
        True,
    ),
    "GetCrl": (lambda e: {"crlId": e.crl}, "crl", lambda c: c["crlData"][:24], b"-----BEGIN X509 CRL-----"),
    "ListCrls": (lambda e: {}, "crls", len, 1),
    "UpdateCrl": (lambda e: {"crlId": e.crl, "name": "new", "crlData": crl()}, "crl", lambda c: c["name"], "new"),
    "DeleteCrl": (lambda e: {"crlId": e.crl}, "crl", lambda c: c["name"], "crl"),
    "EnableCrl": (lambda e: {"crlId": e.crl}, "crl", lambda c: c["enabled"], True),
    "DisableCrl": (lambda e: {"crlId": e.crl}, "crl", lambda c: c["enabled"], False),
    "GetSubject": (lambda e: {"subjectId": e.subject}, "subject", lambda s: len(s["credentials"]), 1),
    "ListSubjects": (lambda e: {}, "subjects", lambda s: s[0]["x509Subject"], "CN=app,O=Example"),
    "TagResource": (lambda e: {"resourceArn": e.anchor_arn, "tags": TAGS}, "ResponseMetadata", bool, True),
    "UntagResource": (lambda e: {"resourceArn": e.anchor_arn, "tagKeys": ["x"]}, "ResponseMetadata", bool, True),
    "ListTagsForResource": (lambda e: {"resourceArn": e.anchor_arn}, "tags", list, TAGS),
}


@pytest.fixture
def estate(service: LocalRolesAnywhere, client: Any) -> Estate:
    return Estate(service, client)


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_every_operation_of_the_model_is_answered(estate: Estate, client: Any, operation: str) -> None:
    parameters, member, look, expected = SUCCESSES[operation]
    answer = getattr(client, xform_name(operation))(**parameters(estate))
    status = MODEL.operation_model(operation).http.get("responseCode", 200)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert look(answer[member]) == expected


def test_nothing_but_the_models_operations_is_known() -> None:
    assert set(MODEL.operation_names) == set(SUCCESSES)


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_what_goes_over_the_wire_has_the_models_shape(
    service: LocalRolesAnywhere, estate: Estate, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in an answer that the model does not have, everything required, each value of its type."""
    answers: list[Any] = []
    respond = service.respond

    def recording(request: Any) -> Any:
        answers.append(respond(request))
        return answers[-1]

    monkeypatch.setattr(service, "respond", recording)
    client = boto3_client(service)
    getattr(client, xform_name(operation))(**SUCCESSES[operation][0](estate))
    client.close()
    output = MODEL.operation_model(operation).output_shape
    assert output is not None
    assert_shaped(output, content(answers[-1]))


def assert_shaped(shape: Shape, value: Any) -> None:
    if isinstance(shape, StructureShape):
        assert set(value) <= set(shape.members)
        assert set(shape.required_members) <= set(value)
        for name, each in value.items():
            assert_shaped(shape.members[name], each)
    elif isinstance(shape, ListShape):
        for each in value:
            assert_shaped(shape.member, each)
    elif isinstance(shape, MapShape):
        for each in value.values():
            assert_shaped(shape.value, each)
    elif shape.type_name == "timestamp":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
        assert datetime.fromisoformat(value.replace("Z", "+00:00")) == NOW
    elif shape.type_name == "blob":
        assert base64.b64decode(value, validate=True)
    else:
        assert isinstance(value, {"string": str, "boolean": bool, "integer": int}[shape.type_name])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get"])
@pytest.mark.parametrize(
    "target", ["/", "/trustanchors/", "//trustanchors", "/trustanchor", "/trustanchor/", "/trustanchor/a/b", "/x"]
)
def test_what_is_no_operation(service: LocalRolesAnywhere, method: str, target: str) -> None:
    response = send(service, method, target)
    assert (response.status, content(response)) == (404, {"message": "Unknown operation"})


def test_the_doors_lead_to_the_same_control_plane(service: LocalRolesAnywhere, client: Any) -> None:
    made = service.create_trust_anchor(CA.certificate_pem, name="from Python", enabled=False)
    seen = client.get_trust_anchor(trustAnchorId=made.id)["trustAnchor"]
    assert (seen["trustAnchorArn"], seen["name"], seen["enabled"]) == (made.arn, "from Python", False)
    client.enable_trust_anchor(trustAnchorId=made.id)
    assert service._account.trust_anchor(made.arn).enabled  # type: ignore[union-attr]
    assert service.calls == []
