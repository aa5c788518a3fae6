"""Every vector is accepted as it was captured, through each door, and refused after any one change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest
from tests.emulator.doors import DOORS, Door, by_socket
from tests.emulator.signing import header_form, sign
from tests.emulator.vectors import VECTORS, Vector, with_header
from tests.emulator.world import INVALID_SIGNATURE, UNTRUSTED, content, refusal

pytestmark = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)

STRANGER = CertificateAuthority("CN=Stranger").issue("CN=ec client,OU=unit,O=Ref ec,C=US", key_type="P-256")


@pytest.mark.parametrize("door", DOORS)
def test_it_is_accepted_as_captured(vector: Vector, door: Door) -> None:
    service = vector.service()
    response = door(service, vector.request)
    assert response.status == 201
    [session] = content(response)["credentialSet"]
    assert session["roleArn"] == "arn:aws:iam::123456789012:role/ref-role"
    [call] = service.calls
    assert (call.status, call.error_code, call.message) == (201, None, None)
    assert call.request.target == vector.request.target
    assert call.request.body == vector.request.body


def test_the_socket_hands_over_what_was_sent(vector: Vector) -> None:
    service = vector.service()
    by_socket(service, vector.request)
    assert service.calls[0].request == vector.request
    assert service.calls[0].request.headers == vector.request.headers


def flip_signature_bit(vector: Vector) -> HttpRequest:
    authorization = vector.header("authorization")
    last = int(authorization[-1], 16) ^ 1
    return with_header(vector.request, "authorization", f"{authorization[:-1]}{last:x}")


def change_scope(pattern: str, replacement: str) -> Callable[[Vector], HttpRequest]:
    def change(vector: Vector) -> HttpRequest:
        before = vector.header("authorization")
        after = re.sub(pattern, replacement, before)
        assert after != before
        return with_header(vector.request, "authorization", after)

    return change


def change_date(vector: Vector) -> HttpRequest:
    later = (vector.signed_at + timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")
    return with_header(vector.request, "x-amz-date", later)


CHANGES: dict[str, Callable[[Vector], HttpRequest]] = {
    "a bit of the signature": flip_signature_bit,
    "the query's value": lambda v: replace(v.request, target=v.request.target.replace("22222222", "22222223")),
    "the query's name": lambda v: replace(v.request, target=v.request.target.replace("profileArn", "profileARN")),
    "more query": lambda v: replace(v.request, target=v.request.target + "&x=1"),
    "the date": change_date,
    "the scope's region": change_scope("us-east-1/rolesanywhere", "us-west-2/rolesanywhere"),
    "the scope's day": change_scope(r"/[0-9]{8}/", "/20261122/"),
    "the scope's service": change_scope("/rolesanywhere/", "/sts/"),
    "the scope's end": change_scope("aws4_request", "aws5_request"),
    "the serial": change_scope(r"Credential=([0-9])", r"Credential=9\1"),
    "the algorithm": change_scope(r"AWS4-X509-[A-Z]+-", "AWS4-X509-MLDSA-"),
    "a header less in SignedHeaders": change_scope("content-type;", ""),
    "another certificate": lambda v: with_header(v.request, "x-amz-x509", header_form(STRANGER.certificate)),
    "another method's body": lambda v: replace(v.request, body=b""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_one_change_makes_the_signature_invalid(vector: Vector, change: Callable[[Vector], HttpRequest]) -> None:
    service = vector.service()
    changed = change(vector)
    assert changed != vector.request
    assert refusal(service.respond(changed)) == INVALID_SIGNATURE
    assert (service.calls[0].status, service.calls[0].message) == (403, "Invalid signature")


def test_any_byte_of_the_body_counts(vector: Vector) -> None:
    service = vector.service()
    body = vector.request.body
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert refusal(service.respond(replace(vector.request, body=changed))) == INVALID_SIGNATURE


def test_the_value_of_each_signed_header_counts(vector: Vector) -> None:
    service = vector.service()
    for name in vector.content["signed_headers"]:
        for value in (vector.header(name) + "x", "x" + vector.header(name), "x", ""):
            changed = with_header(vector.request, name, value)
            assert refusal(service.respond(changed)) == INVALID_SIGNATURE, name


def test_no_signed_header_may_be_missing_or_doubled(vector: Vector) -> None:
    service = vector.service()
    for name in vector.content["signed_headers"]:
        without = with_header(vector.request, name, None)
        twice = replace(vector.request, headers=(*vector.request.headers, (name, "x")))
        assert refusal(service.respond(without)) == INVALID_SIGNATURE, name
        assert refusal(service.respond(twice)) == INVALID_SIGNATURE, name


@pytest.mark.parametrize("seconds", [-301, -3600, 301, 3600])
def test_a_clock_off_by_more_than_five_minutes_makes_it_invalid(vector: Vector, seconds: int) -> None:
    service = vector.service()
    service.clock = lambda: vector.signed_at + timedelta(seconds=seconds)
    assert refusal(service.respond(vector.request)) == INVALID_SIGNATURE


@pytest.mark.parametrize("seconds", [-20, 299, 300])
def test_five_minutes_pass(vector: Vector, seconds: int) -> None:
    # The certificates are half a minute older than the requests, so that little can be tried on that side.
    service = vector.service()
    service.clock = lambda: vector.signed_at + timedelta(seconds=seconds)
    assert service.respond(vector.request).status == 201


class TestValidlySignedWithTheVectorsOwnKey:
    def sign(self, vector: Vector, **options: object) -> HttpRequest:
        settings: dict[str, object] = {
            "target": vector.request.target,
            "chain": vector.intermediates,
            "at": vector.signed_at,
            **options,
        }
        certificate = settings.pop("certificate", vector.certificate)
        return sign(vector.key, certificate, vector.request.body, **settings)  # type: ignore[arg-type]

    def test_it_is_accepted(self, vector: Vector) -> None:
        assert vector.service().respond(self.sign(vector)).status == 201

    @pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-x509"])
    def test_but_not_without_a_header_that_must_be_signed(self, vector: Vector, name: str) -> None:
        assert refusal(vector.service().respond(self.sign(vector, leave_out=[name]))) == INVALID_SIGNATURE

    def test_nor_with_an_unsigned_chain(self, vector: Vector) -> None:
        chain = vector.intermediates or [STRANGER.certificate]
        request = self.sign(vector, chain=chain, leave_out=["x-amz-x509-chain"])
        assert refusal(vector.service().respond(request)) == INVALID_SIGNATURE

    def test_nor_without_the_chain_that_it_needs(self, vector: Vector) -> None:
        response = vector.service().respond(self.sign(vector, chain=[]))
        if vector.intermediates:
            assert refusal(response) == UNTRUSTED
        else:
            assert response.status == 201

    def test_nor_with_a_leaf_of_another_ca_for_the_same_key(self, vector: Vector) -> None:
        other = CertificateAuthority("CN=ec root,O=Ref ec,C=US")
        leaf = other.issue("CN=app", public_key=vector.key.public_key())
        request = self.sign(vector, certificate=leaf.certificate)
        assert refusal(vector.service().respond(request)) == UNTRUSTED

    @pytest.mark.parametrize(
        "lie", [{"region": "eu-west-1"}, {"day": "20261122"}, {"serial": "1"}, {"algorithm": "AWS4-X509-RSA-SHA512"}]
    )
    def test_nor_with_a_lie_in_the_credential(self, vector: Vector, lie: dict[str, str]) -> None:
        assert refusal(vector.service().respond(self.sign(vector, **lie))) == INVALID_SIGNATURE
