"""The vectors: requests that the official helper really sent, and a service that knows what they ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Vector:
    name: str
    content: dict[str, Any]

    @cached_property
    def request(self) -> HttpRequest:
        sent = self.content["request"]
        headers = tuple((name, value) for name, value in sent["headers"])
        return HttpRequest(sent["method"], sent["target"], headers, sent["body"].encode())

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.content["certificate_pem"].encode())

    @cached_property
    def intermediates(self) -> list[x509.Certificate]:
        pem = self.content["intermediates_pem"]
        return x509.load_pem_x509_certificates(pem.encode()) if pem else []

    @cached_property
    def key(self) -> SigningKey:
        key = load_pem_private_key(self.content["private_key_pem"].encode(), None)
        assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        return key

    @cached_property
    def signed_at(self) -> datetime:
        text = self.header("x-amz-date")
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)

    def header(self, name: str) -> str:
        [value] = self.request.values(name)
        return value

    def service(self) -> LocalRolesAnywhere:
        """Return a service that has what the request names, at the time of the request."""
        arns = {name: values[0] for name, values in parse_qs(self.request.raw_query).items()}
        service = LocalRolesAnywhere(self.content["region"], "123456789012")
        service.clock = lambda: self.signed_at
        service.create_trust_anchor(self.content["trust_anchor_pem"], arn=arns["trustAnchorArn"])
        role = service.create_role("ref-role", max_session_duration_seconds=43200, arn=arns["roleArn"])
        service.create_profile([role], 43200, accept_role_session_name=True, arn=arns["profileArn"])
        return service


def load(path: Path) -> Vector:
    return Vector(path.stem, json.loads(path.read_text("utf-8")))


VECTORS = [load(path) for path in sorted((Path(__file__).parents[1] / "vectors" / "sigv4_x509").glob("*.json"))]
assert VECTORS


def with_header(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    """Return the request with another value of a header, or without the header."""
    headers = tuple(
        (received, old if received.lower() != name or value is None else value)
        for received, old in request.headers
        if received.lower() != name or value is not None
    )
    return replace(request, headers=headers)
