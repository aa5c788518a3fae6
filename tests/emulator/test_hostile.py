"""Any bytes into the service: an answer below 500, never an exception."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer.testing import HttpRequest
from rolesanywhere_signer.testing.http_parser import BadRequestError, read_request
from tests.emulator.doors import call_wsgi, environ_of, raw_bytes
from tests.emulator.signing import sign, sign_as
from tests.emulator.vectors import VECTORS
from tests.emulator.world import LEAF, World

WORLD = World()
KEY = LEAF.private_key
GOOD = sign_as(LEAF, WORLD.body())
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from([name for name, _ in GOOD.headers] + ["X-Amz-X509-Chain", "X-Amz-Security-Token", "", "a"])
texts = st.text(st.characters(max_codepoint=255), max_size=60) | st.text(max_size=20)
headers = st.lists(st.tuples(names | texts, texts), max_size=6)
targets = st.sampled_from(["/sessions", "/", "/sessions?trustAnchorArn=a&trustAnchorArn=b", "*", ""]) | texts
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def answered(request: HttpRequest) -> int:
    response = WORLD.service.respond(request)
    assert 200 <= response.status < 500
    return response.status


@FEW
@given(st.sampled_from(["POST", "GET", "", "\n"]), targets, headers, st.binary(max_size=60))
@example("POST", "http://", [], b"")
@example("POST", "//sessions", [], b"Action=GetCallerIdentity")
def test_any_request(method: str, target: str, pairs: list[tuple[str, str]], body: bytes) -> None:
    answered(HttpRequest(method, target, tuple(pairs), body))


@FEW
@given(st.data())
def test_a_good_request_with_anything_in_place_of_something(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(GOOD.headers) - 1))
    name, value = GOOD.headers[place]
    cut = data.draw(st.integers(0, len(value)))
    changed = value[:cut] + data.draw(texts) + value[cut + data.draw(st.integers(0, 4)) :]
    pairs = (*GOOD.headers[:place], (name, changed), *GOOD.headers[place + 1 :])
    assert answered(replace(GOOD, headers=pairs)) in (201, 403)


@FEW
@given(
    st.dictionaries(
        st.sampled_from(["durationSeconds", "roleSessionName", "roleArn", "instanceProperties"]), json_values
    )
)
def test_any_parameters_validly_signed(members: dict[str, object]) -> None:
    body = json.loads(WORLD.body()) | members
    assert answered(sign_as(LEAF, json.dumps(body).encode())) in (201, 400, 403)


@FEW
@given(st.binary(max_size=80))
def test_any_body_validly_signed(body: bytes) -> None:
    assert answered(sign_as(LEAF, body)) == 400


@FEW
@given(st.binary(max_size=80), st.lists(texts, max_size=3))
def test_any_chain_validly_signed(extra: bytes, values: list[str]) -> None:
    printable = [value.replace("\n", "").encode("latin-1", "ignore").decode("latin-1") for value in values]
    request = sign_as(LEAF, WORLD.body(), headers=[("X-Amz-X509-Chain", value) for value in printable])
    answered(request)


@FEW
@given(st.binary(max_size=200))
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000\r\n\r\n")
def test_any_bytes_into_the_parser(data: bytes) -> None:
    try:
        received = read_request(io.BufferedReader(io.BytesIO(data)), lambda: None)
    except BadRequestError as error:
        assert 400 <= error.status < 500
    else:
        assert received is None or answered(received[0])


@FEW
@given(st.data())
def test_a_good_request_with_changed_bytes_into_the_parser(data: st.DataObject) -> None:
    raw = bytearray(raw_bytes(VECTORS[0].request))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        received = read_request(io.BufferedReader(io.BytesIO(bytes(raw))), lambda: None)
    except BadRequestError as error:
        assert 400 <= error.status < 500
    else:
        assert received is not None
        answered(received[0])


@FEW
@given(targets, headers, st.binary(max_size=60))
def test_any_request_through_wsgi(target: str, pairs: list[tuple[str, str]], body: bytes) -> None:
    environ = environ_of(HttpRequest("POST", "/", tuple(pairs), body), PATH_INFO=target)
    assert 200 <= call_wsgi(WORLD.service, environ).status < 500


@pytest.mark.filterwarnings("ignore:Parsed a serial number:UserWarning")
@FEW
@given(st.data())
def test_a_broken_leaf_whose_key_signed_validly(data: st.DataObject) -> None:
    der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        certificate = x509.load_der_x509_certificate(bytes(der))
        serial = certificate.serial_number
    except (ValueError, x509.InvalidVersion):
        assume(False)
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    request = sign(KEY, certificate, WORLD.body(), serial=str(abs(serial)))
    assert answered(request) in (201, 403)
