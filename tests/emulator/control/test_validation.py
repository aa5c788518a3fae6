"""Requests that the model does not allow, and the sentence that the service has for each."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from rolesanywhere_signer.testing.control.constraints import Checker
from tests.emulator.control.world import MODEL, ROLE, bundle, send
from tests.emulator.world import refusal

LONGEST_PEM = MODEL.shape_for("SourceDataX509CertificateDataString").metadata["max"]
TRUST_ANCHOR = f"arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/{'0' * 8}"


@pytest.fixture(scope="module")
def service() -> LocalRolesAnywhere:
    return LocalRolesAnywhere()


def profile(**members: Any) -> dict[str, Any]:
    return {"name": "x", "roleArns": [ROLE], **members}


def anchor(**members: Any) -> dict[str, Any]:
    return {"name": "x", "source": bundle(), **members}


def crl(data: str) -> dict[str, Any]:
    return {"name": "x", "crlData": data, "trustAnchorArn": TRUST_ANCHOR}


def of(name: str, value: object, constraint: str) -> str:
    return f"Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}"


def hidden(name: str, constraint: str) -> str:
    return f"Value at '{name}' failed to satisfy constraint: Member must {constraint}"


def null(name: str) -> str:
    return f"Value null at '{name}' failed to satisfy constraint: Member must not be null"


def at_least(what: str, number: int) -> str:
    return f"have {what} greater than or equal to {number}"


def at_most(what: str, number: int) -> str:
    return f"have {what} less than or equal to {number}"


def matching(shape: str) -> str:
    return f"satisfy regular expression pattern: {MODEL.shape_for(shape).metadata['pattern']}"


SOURCE_TYPES = "satisfy enum value set: [AWS_ACM_PCA, CERTIFICATE_BUNDLE, SELF_SIGNED_REPOSITORY]"
EVENT = {"event": "CA_CERTIFICATE_EXPIRY"}
TOO_LARGE = base64.b64encode(b"x" * 300_001).decode()
LONG_PEM = "x" * (LONGEST_PEM + 1)

PROFILES: list[tuple[dict[str, Any], str]] = [
    ({"durationSeconds": 43201}, of("durationSeconds", 43201, at_most("value", 43200))),
    ({"durationSeconds": 899}, of("durationSeconds", 899, at_least("value", 900))),
    ({"name": None}, null("name")),
    ({"name": ""}, of("name", "", at_least("length", 1))),
    ({"name": "x" * 256}, of("name", "x" * 256, at_most("length", 255))),
    ({"name": "a.b"}, of("name", "a.b", matching("ResourceName"))),
    ({"name": "a\n"}, of("name", "a\n", matching("ResourceName"))),
    ({"roleArns": [ROLE, "x"]}, of("roleArns.2.member", "x", matching("RoleArn"))),
    ({"roleArns": [None]}, null("roleArns.1.member")),
    ({"roleArns": ["x"] * 251}, hidden("roleArns", at_most("length", 250))),
    ({"managedPolicyArns": [""]}, of("managedPolicyArns.1.member", "", at_least("length", 1))),
    ({"tags": [{"key": "a"}]}, null("tags.1.member.value")),
    ({"tags": [{"key": "ä", "value": "x"}]}, hidden("tags.1.member.key", matching("TagKey"))),
]

ANCHORS: list[tuple[dict[str, Any], str]] = [
    ({"source": None}, null("source")),
    ({"source": {**bundle(), "sourceType": "X"}}, of("source.sourceType", "X", SOURCE_TYPES)),
    ({"source": bundle(LONG_PEM)}, hidden("source.sourceData.x509CertificateData", at_most("length", LONGEST_PEM))),
    (
        {"notificationSettings": [{**EVENT, "enabled": True, "threshold": 0}]},
        of("notificationSettings.1.member.threshold", 0, at_least("value", 1)),
    ),
    ({"notificationSettings": [EVENT]}, null("notificationSettings.1.member.enabled")),
]

TARGETS: list[tuple[str, str]] = [
    ("/subject/x", of("subjectId", "x", at_least("length", 36))),
    ("/ListTagsForResource", null("resourceArn")),
    ("/ListTagsForResource?resourceArn=", of("resourceArn", "", at_least("length", 1))),
    ("/profiles?nextToken=", of("nextToken", "", at_least("length", 1))),
]

VIOLATIONS: list[tuple[str, str, Any, str]] = [
    *(("POST", "/profiles", profile(**members), sentence) for members, sentence in PROFILES),
    *(("POST", "/trustanchors", anchor(**members), sentence) for members, sentence in ANCHORS),
    *(("GET", target, b"", sentence) for target, sentence in TARGETS),
    ("POST", "/crls", crl(""), hidden("crlData", at_least("length", 1))),
    ("POST", "/crls", crl(TOO_LARGE), hidden("crlData", at_most("length", 300000))),
]


@pytest.mark.parametrize(("method", "target", "body", "sentence"), VIOLATIONS)
def test_violations(service: LocalRolesAnywhere, method: str, target: str, body: Any, sentence: str) -> None:
    answer = refusal(send(service, method, target, body))
    assert answer == (400, "ValidationException", f"1 validation error detected: {sentence}")


def test_all_of_them_at_once_and_in_the_models_order(service: LocalRolesAnywhere) -> None:
    status, code, message = refusal(send(service, "POST", "/profiles", {"roleArns": ["x"], "durationSeconds": 1}))
    sentences = {
        "name": null("name"),
        "roleArns": of("roleArns.1.member", "x", matching("RoleArn")),
        "durationSeconds": of("durationSeconds", 1, at_least("value", 900)),
    }
    ordered = [sentences[name] for name in MODEL.shape_for("CreateProfileRequest").members if name in sentences]
    assert (status, code) == (400, "ValidationException")
    assert message == f"3 validation errors detected: {'; '.join(ordered)}"


def test_not_more_of_them_than_anyone_reads(service: LocalRolesAnywhere) -> None:
    _, _, message = refusal(send(service, "POST", "/profiles", profile(roleArns=["x" * 1000] * 250)))
    assert message.startswith(f"{assumptions.MOST_VIOLATIONS_NAMED} validation errors detected: ")
    assert len(message) < 50_000


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", "/profiles", profile(name=5), "name must be a string"),
        ("POST", "/profiles", profile(roleArns="x"), "roleArns must be a list"),
        ("POST", "/profiles", profile(roleArns=[5]), "roleArns.1.member must be a string"),
        ("POST", "/profiles", profile(enabled="true"), "enabled must be true or false"),
        ("POST", "/profiles", profile(enabled=1), "enabled must be true or false"),
        ("POST", "/profiles", profile(durationSeconds="900"), "durationSeconds must be an integer"),
        ("POST", "/profiles", profile(durationSeconds=900.0), "durationSeconds must be an integer"),
        ("POST", "/profiles", profile(durationSeconds=True), "durationSeconds must be an integer"),
        ("POST", "/profiles", profile(durationSeconds=2**31), "durationSeconds must be an integer"),
        ("POST", "/profiles", profile(tags=[[]]), "tags.1.member must be an object"),
        ("POST", "/trustanchors", anchor(source=[]), "source must be an object"),
        ("POST", "/crls", crl("x"), "crlData must be base64"),
        ("POST", "/crls", crl("eA==\n"), "crlData must be base64"),
        ("POST", "/crls", crl("ä"), "crlData must be base64"),
        ("GET", "/profiles?pageSize=x", b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=1.0", b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=", b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=9999999999", b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=" + "9" * 5000, b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=%D9%A1", b"", "pageSize must be an integer"),
        ("GET", "/profiles?pageSize=1&pageSize=1", b"", "pageSize is in the query more than once"),
        ("GET", "/profiles?" + "&".join(["a=b"] * 1001), b"", assumptions.UNREADABLE_QUERY),
        ("POST", "/profiles", b"[]", assumptions.UNREADABLE_BODY),
        ("POST", "/profiles", b'{"name":"x","name":"x"}', assumptions.UNREADABLE_BODY),
        ("POST", "/profiles", b'{"name":"\xff"}', assumptions.UNREADABLE_BODY),
        ("POST", "/profiles", b"[" * 100_000, assumptions.UNREADABLE_BODY),
        ("POST", "/profiles", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, assumptions.UNREADABLE_BODY),
    ],
)
def test_other_types_than_the_models(
    service: LocalRolesAnywhere, method: str, target: str, body: Any, message: str
) -> None:
    assert refusal(send(service, method, target, body)) == (400, "ValidationException", message)


def test_what_the_model_does_not_have_is_passed_over(service: LocalRolesAnywhere) -> None:
    assert send(service, "POST", "/profiles", profile(other={"a": [1]}, **{"": None})).status == 201
    assert send(service, "GET", "/profiles?other=1&other=2", b"not JSON").status == 200


def test_null_is_as_absent(service: LocalRolesAnywhere) -> None:
    assert send(service, "POST", "/profiles", profile(enabled=None, tags=None, sessionPolicy=None)).status == 201


def test_characters_come_back(service: LocalRolesAnywhere) -> None:
    text = "\u00e9 \U0001f600 \ud800 \0"
    response = send(service, "POST", "/profiles", profile(sessionPolicy=text))
    assert json.loads(response.body)["profile"]["sessionPolicy"] == text


def test_a_pattern_that_python_does_not_know_is_not_looked_at() -> None:
    from botocore.model import Shape

    shape = Shape("Letters", {"type": "string", "pattern": r"[\p{L}]+"})
    checker = Checker()
    assert checker.value(shape, "5", "name") == "5"
    assert checker.violations == []
