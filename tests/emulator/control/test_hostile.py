"""Requests that no client sends: a 4xx each, in bounded time."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from rolesanywhere_signer.testing.http_parser import MAX_BODY
from tests.emulator.control.world import PEM, ROLE, bundle, needs_aliases, send, signed
from tests.emulator.doors import connected, raw_bytes, receive
from tests.emulator.world import header


@pytest.fixture(scope="module")
def service() -> LocalRolesAnywhere:
    return LocalRolesAnywhere()


PATHS = [
    "/profile/..",
    "/profile/../profiles",
    "/profile/%2e%2e",
    "/profile/%2E%2E%2Fprofiles",
    "/./profiles",
    "//profiles",
    "/profiles;x=1",
    "/profiles%00",
    "/profiles%2f",
    "/%70rofiles",
    "/profile/%",
    "/profile/%zz",
    "/profile/" + "%2F" * 500,
    "/profile/" + "a" * 5000,
    "/profile/\u00ff\u00fe",
    "/profile/" + quote("arn:aws:rolesanywhere" + ":" * 900 + "profile/", safe=""),
    "/profile/" + quote("arn:aws:rolesanywhere:::profile/../../x", safe=""),
    "/profile/{profileId}",
    "/trustanchor/\r\n/enable",
    "/" + "profile/" * 1000,
    "*",
    "",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_paths(service: LocalRolesAnywhere, path: str, method: str) -> None:
    request = replace(signed(method, "/profiles"), target=path)
    response = service.respond(request)
    assert response.status in (400, 404)
    assert len(response.body) < 10_000


@pytest.mark.parametrize(
    "query",
    [
        "pageSize=" + "9" * 60_000,
        "nextToken=" + "A" * 60_000,
        "pageSize=-0x1",
        "pageSize=1e3",
        "&".join(f"a{n}=1" for n in range(5000)),
        "&" * 60_000 + "pageSize=0",
        "nextToken=%00",
        "nextToken=%FF%FE",
    ],
)
def test_queries(service: LocalRolesAnywhere, query: str) -> None:
    response = send(service, "GET", f"/profiles?{query}")
    assert response.status == 400
    assert len(response.body) < 10_000


def nested(depth: int, start: str, middle: str, end: str) -> bytes:
    return (start * depth + middle + end * depth).encode()


BODIES: list[tuple[str, bytes]] = [
    ("/profiles", nested(60_000, "[", "", "]")),
    ("/profiles", nested(60_000, '{"name":', "1", "}")),
    ("/profiles", b'{"name":"x","roleArns":' + nested(900, "[", "", "]") + b"}"),
    ("/profiles", b'{"name":"x","roleArns":[' + b",".join([b'"x"'] * 100_000) + b"]}"),
    ("/profiles", b'{"name":"x","roleArns":[],"durationSeconds":' + b"9" * 4000 + b"}"),
    ("/profiles", b'{"name":"x","roleArns":[],"durationSeconds":1e400}'),
    ("/profiles", b'{"name":"x","roleArns":[],"durationSeconds":NaN}'),
    ("/profiles", b'{"name":"' + b"x" * (MAX_BODY - 20) + b'","roleArns":[]}'),
    ("/profiles", json.dumps({"name": "x", "roleArns": ["arn:aws:iam" + ":" * 980] * 240}).encode()),
    ("/profiles", json.dumps({"name": "x", "roleArns": ["arn:aws:iam:::role" + ":" * 980] * 240 + ["x"]}).encode()),
    ("/profiles", json.dumps({"name": "x", "roleArns": ["arn:aws" + "-" * 980] * 240}).encode()),
    ("/profiles", json.dumps({"name": "x", "roleArns": [], "managedPolicyArns": ["x" * 300_000]}).encode()),
    ("/profiles", b'{"name":"x","name":"x","roleArns":[]}'),
    ("/profiles", b'{"name":"x","roleArns":[]}\0'),
    ("/profiles", b'\xef\xbb\xbf{"name":"x","roleArns":[]}'),
    ("/trustanchors", json.dumps({"name": "x", "source": bundle("-----BEGIN " * 18_000)}).encode()),
    ("/trustanchors", json.dumps({"name": "x", "source": bundle(PEM[:200] * 900)}).encode()),
    ("/trustanchors", json.dumps({"name": "x", "source": bundle(PEM * 300)}).encode()),
    ("/crls", json.dumps({"name": "x", "crlData": "A" * 400_000, "trustAnchorArn": ROLE}).encode()),
    ("/crls", json.dumps({"name": "x", "crlData": "A" * 480_000, "trustAnchorArn": ROLE}).encode()),
]


@needs_aliases
@pytest.mark.parametrize("alias", ["a/" * 128, "a" * 100_000, "a" + "-/" * 127 + "/"])
def test_aliases(service: LocalRolesAnywhere, alias: str) -> None:
    assert send(service, "POST", "/profiles", {"name": "x", "roleArns": [], "aliasName": alias}).status == 400


@pytest.mark.parametrize(("target", "body"), BODIES)
def test_bodies(service: LocalRolesAnywhere, target: str, body: bytes) -> None:
    response = send(service, "POST", target, body)
    assert (response.status, header(response, "x-amzn-ErrorType")) == (400, "ValidationException")
    assert len(response.body) < 100_000


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ([("Transfer-Encoding", "chunked")], 411),
        ([("Content-Length", "2"), ("Content-Length", "2")], 400),
        ([("Content-Length", str(MAX_BODY + 1))], 413),
        ([("Content-Length", "-1")], 400),
        ([("X-Folded", "a\r\n b")], 400),
        ([("X_Amz_Date", "20200101T000000Z")], 400),
        ([("Host", "elsewhere")], 400),
    ],
)
def test_over_a_socket(change: list[tuple[str, str]], status: int) -> None:
    request = signed("POST", "/profiles", b"{}")
    with LocalRolesAnywhere() as service, connected(service) as connection:
        connection.sendall(raw_bytes(replace(request, headers=(*request.headers, *change))))
        assert receive(connection).status == status
