"""Requests generated from the model's shapes: what is valid is understood, what is not is refused, nothing breaks."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere
from rolesanywhere_signer.testing.notifications import EVENTS
from tests.emulator.control.shapes import is_valid, junk, request_of, valid
from tests.emulator.control.test_operations import assert_shaped
from tests.emulator.control.world import HAS_ALIASES, MODEL, PRIVATE_CA, bundle, crl
from tests.emulator.signing import NOW
from tests.emulator.world import CA, LEAF, header

SOME = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SERVICE = LocalRolesAnywhere(limits=False)
SERVICE.clock = lambda: NOW
SERVICE.register_private_ca(PRIVATE_CA, CA.certificate_pem)
ALIAS = "one" if HAS_ALIASES else None
ANCHOR = SERVICE.create_trust_anchor(CA.certificate_pem, alias_name=ALIAS)
PROFILE = SERVICE.create_profile([], alias_name=ALIAS)
CRL = SERVICE.import_crl(crl(), ANCHOR, alias_name=ALIAS)
SUBJECT = SERVICE._account.record_subject(LEAF.certificate, NOW)


def names_of(*resources: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([name for one in resources for name in (one.id, one.arn, one.alias_arn) if name])


PRIVATE = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": PRIVATE_CA}}

# What shapes alone do not know: which resources there are, what a trust anchor is made of, what a page may hold.
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "Uuid": st.sampled_from([ANCHOR.id, PROFILE.id, CRL.id, SUBJECT.id]),
    "AmazonResourceName": names_of(ANCHOR, PROFILE, CRL, SUBJECT),
    "TrustAnchorIdentifier": names_of(ANCHOR, ANCHOR, PROFILE),
    "ProfileIdentifier": names_of(PROFILE, PROFILE, CRL),
    "CrlIdentifier": names_of(CRL, CRL, ANCHOR),
    "TrustAnchorArn": st.just(ANCHOR.arn),
    "TrustAnchorIdentifierArn": names_of(ANCHOR).filter(lambda name: name.startswith("arn:")),
    "Source": st.sampled_from([bundle(), bundle(), PRIVATE, {**PRIVATE, "sourceType": "CERTIFICATE_BUNDLE"}, {}]),
    "NotificationSetting": st.fixed_dictionaries(
        {"event": st.sampled_from(EVENTS), "enabled": st.booleans(), "threshold": st.integers(1, 360)}
    ),
    "ImportCrlRequestCrlDataBlob": st.sampled_from([base64.b64encode(data).decode() for data in (crl(), b"x")]),
    "MappingRuleSpecifierString": st.sampled_from(["CN", "*", "DNS", "Name", "Name/CN", "2.5.4.5"])
    | st.text(max_size=60),
    "SpecifierList": st.lists(st.sampled_from(["CN", "*", "DNS"]), max_size=1),
    "Integer": st.integers(-1, 1001),
    "ListRequestNextTokenString": st.text(min_size=1, max_size=60),
}
# Deleting is left to the other tests: these would soon have nothing to work on.
OPERATIONS = [name for name in MODEL.operation_names if name not in ("DeleteTrustAnchor", "DeleteProfile", "DeleteCrl")]
REFUSALS = {
    "ValidationException": 400,
    "TooManyTagsException": 400,
    "ResourceNotFoundException": 404,
}


def answered(operation: str, request: HttpRequest) -> int:
    response = SERVICE.respond(request)
    content = json.loads(response.body)
    if response.status >= 300:
        assert REFUSALS[header(response, "x-amzn-ErrorType")] == response.status
        assert set(content) == {"message"}
        return response.status
    model = MODEL.operation_model(operation)
    assert response.status == model.http.get("responseCode", 200)
    assert model.output_shape is not None
    assert_shaped(model.output_shape, content)
    return response.status


def input_of(operation: str) -> StructureShape:
    shape = MODEL.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape


VALID = {operation: valid(input_of(operation), KNOWN) for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS)
@SOME
@given(st.data())
def test_what_the_model_allows(operation: str, data: st.DataObject) -> None:
    request = request_of(MODEL.operation_model(operation), data.draw(VALID[operation]))
    if request is not None:
        answered(operation, request)


@pytest.mark.parametrize("operation", OPERATIONS)
@SOME
@given(st.data())
def test_what_the_model_does_not_allow(operation: str, data: st.DataObject) -> None:
    """One member is anything at all, or is not there."""
    shape, members = input_of(operation), data.draw(VALID[operation])
    name = data.draw(st.sampled_from(sorted(shape.members)))
    location = shape.members[name].serialization.get("location")
    members[name] = data.draw(junk if location is None else st.text(max_size=50))
    request = request_of(MODEL.operation_model(operation), members)
    if request is None:
        return
    status = answered(operation, request)
    member = shape.members[name]
    # In a query all is text, and a list of one is written as its one element.
    expected = [members[name]] if member.type_name == "list" and location else members[name]
    is_absent = members[name] is None and name not in shape.required_members
    if member.type_name != "integer" and not is_absent and not is_valid(member, expected):
        assert status == 400


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_strategies_reach_success(operation: str) -> None:
    """Otherwise the property tests would show little."""
    reached: list[int] = []

    # Not find(): what succeeded once, such as taking an alias, does not succeed again.
    @settings(SOME, max_examples=100, phases=[Phase.generate])
    @given(VALID[operation])
    def look(members: dict[str, Any]) -> None:
        request = None if reached else request_of(MODEL.operation_model(operation), members)
        if request is not None and answered(operation, request) < 300:
            reached.append(1)

    look()
    assert reached
