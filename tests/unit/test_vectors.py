"""Every vector: requests that the official helper really sent, stage by stage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import Identity, Request, SignedRequest, SigV4X509Signer, canonical

from .wire import Received, verify, verify_signature

_FILES = sorted((Path(__file__).parents[1] / "vectors" / "sigv4_x509").glob("*.json"))
_MADE_BY_SIGNING = {"authorization", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"}


@dataclass(frozen=True)
class Vector:
    """A vector in the library's terms."""

    data: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.data["request"]["headers"]}

    @property
    def at(self) -> datetime:
        return datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)

    @property
    def identity(self) -> Identity:
        intermediates = self.data["intermediates_pem"]
        return Identity.from_bytes(
            self.data["certificate_pem"].encode(),
            self.data["private_key_pem"].encode(),
            intermediates.encode() if intermediates else None,
        )

    @property
    def request(self) -> Request:
        captured = self.data["request"]
        headers = [(name, value) for name, value in captured["headers"] if name.lower() not in _MADE_BY_SIGNING]
        return Request(
            captured["method"], f"http://{self.headers['host']}{captured['target']}", headers, captured["body"]
        )

    def signed(self, identity: Identity | None = None) -> SignedRequest:
        return SigV4X509Signer(identity or self.identity, self.data["region"]).sign(self.request, at=self.at)


@pytest.fixture(params=_FILES, ids=lambda path: path.stem)
def vector(request: pytest.FixtureRequest) -> Vector:
    return Vector(json.loads(request.param.read_text()))


def test_there_are_vectors_of_both_key_types_with_and_without_a_chain() -> None:
    vectors = [json.loads(path.read_text()) for path in _FILES]
    kinds = {(v["signature_is_deterministic"], "x-amz-x509-chain" in v["signed_headers"]) for v in vectors}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}


def test_the_canonical_request_is_the_helper_s(vector: Vector) -> None:
    assert vector.signed().canonical_request == vector.data["canonical_request"]


def test_the_string_to_sign_is_the_helper_s(vector: Vector) -> None:
    assert vector.signed().string_to_sign == vector.data["string_to_sign"]


def test_the_stages_on_their_own_give_the_same(vector: Vector) -> None:
    captured, headers = vector.data["request"], vector.headers
    signed = sorted((name, headers[name]) for name in vector.data["signed_headers"])
    path, _, query = captured["target"].partition("?")
    request = canonical.canonical_request(
        captured["method"],
        canonical.canonical_path(path),
        canonical.canonical_query(query),
        [(name, canonical.canonical_header_value(value)) for name, value in signed],
        canonical.signed_header_names(signed),
        canonical.payload_hash(captured["body"].encode()),
    )
    assert request == vector.data["canonical_request"]
    scope = canonical.credential_scope(headers["x-amz-date"][:8], vector.data["region"])
    algorithm = vector.data["authorization"].partition(" ")[0]
    assert canonical.string_to_sign(algorithm, headers["x-amz-date"], scope, request) == vector.data["string_to_sign"]


def test_the_authorization_header_is_the_helper_s_byte_for_byte(vector: Vector) -> None:
    ours, theirs = vector.signed().headers["Authorization"], vector.data["authorization"]
    if not vector.data["signature_is_deterministic"]:
        ours, theirs = ours.partition("Signature=")[0], theirs.partition("Signature=")[0]
    assert ours == theirs


def test_the_helper_s_signature_and_ours_both_verify(vector: Vector) -> None:
    public_key = vector.identity.current.certificate.public_key()
    text = vector.data["string_to_sign"].encode()
    for authorization in (vector.data["authorization"], vector.signed().headers["Authorization"]):
        algorithm, _, rest = authorization.partition(" ")
        verify_signature(public_key, algorithm, bytes.fromhex(rest.partition("Signature=")[2]), text)


def test_the_tests_own_verifier_accepts_what_the_helper_sent(vector: Vector) -> None:
    captured = vector.data["request"]
    headers = tuple((name, value) for name, value in captured["headers"])
    received = Received(captured["method"], captured["target"], headers, captured["body"].encode())
    certificate = vector.identity.current.certificate
    assert verify(received, certificate, vector.data["region"]) == vector.data["canonical_request"]


def test_every_header_that_the_helper_sent_is_sent(vector: Vector) -> None:
    ours = {name.lower(): value for name, value in vector.signed().headers.items()}
    theirs = vector.headers
    if not vector.data["signature_is_deterministic"]:
        del ours["authorization"], theirs["authorization"]
    assert ours == theirs


def test_a_full_chain_file_with_the_key_in_it_signs_alike(vector: Vector) -> None:
    parts = (vector.data["certificate_pem"], vector.data["intermediates_pem"] or "", vector.data["private_key_pem"])
    everything = Identity.from_bytes("".join(parts).encode())
    assert vector.signed(everything).canonical_request == vector.data["canonical_request"]


def test_signing_leaves_the_request_as_it_was(vector: Vector) -> None:
    request, untouched = vector.request, vector.request
    SigV4X509Signer(vector.identity, vector.data["region"]).sign(request, at=vector.at)
    assert request == untouched
    assert request.headers == untouched.headers
