"""The published signed requests: the local service's own verifier, the third implementation, takes each of them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere
from rolesanywhere_signer.testing.verifier import verify_signature

FOLDER = Path(__file__).parents[1] / "vectors" / "signing"
AT = datetime(2027, 1, 1, 12, 0, tzinfo=timezone.utc)
KNOWS_ML_DSA = find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None
VECTORS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
KNOWN = {name: vector for name, vector in VECTORS.items() if KNOWS_ML_DSA or not name.startswith("ml-dsa")}
SESSIONS = {name: vector for name, vector in KNOWN.items() if vector["request"]["target"].startswith("/sessions")}


def received(vector: dict[str, Any]) -> HttpRequest:
    sent = vector["request"]
    headers = tuple((name, value) for name, value in sent["headers"])
    return HttpRequest(sent["method"], sent["target"], headers, sent["body"].encode())


@pytest.mark.parametrize("vector", KNOWN.values(), ids=KNOWN)
def test_its_signature_is_verified(vector: dict[str, Any]) -> None:
    leaf = verify_signature(received(vector), vector["region"], AT)
    assert vector["authorization"].split()[1].startswith(f"Credential={leaf.serial_number}/")


@pytest.mark.parametrize("vector", SESSIONS.values(), ids=SESSIONS)
def test_a_service_that_knows_the_anchor_gives_credentials(vector: dict[str, Any]) -> None:
    request = received(vector)
    arns = json.loads(request.body) if request.body else {k: v[0] for k, v in parse_qs(request.raw_query).items()}
    if "roleArn" not in arns:
        arns = json.loads(VECTORS["ec-p256"]["request"]["body"])
    service = LocalRolesAnywhere(vector["region"], "123456789012")
    service.clock = lambda: AT
    service.create_trust_anchor(vector["trust_anchor_pem"], arn=arns["trustAnchorArn"])
    service.create_profile([service.create_role("reader", arn=arns["roleArn"])], arn=arns["profileArn"])
    response = service.respond(request)
    assert response.status == 201, response.body
