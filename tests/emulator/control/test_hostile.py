"""Requests that no client sends: a 4xx each, in bounded time, and nothing accepted that was not signed."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere
from rolesanywhere_signer.testing.http_parser import MAX_BODY
from tests.emulator.control.world import PEM, ROLE, bundle, needs_aliases, send, signed
from tests.emulator.doors import connected, raw_bytes, receive
from tests.emulator.world import header

KEY = ("AKIDADMINISTRATOR", "the secret of the administrator")
MUTATIONS = 10_000


@pytest.fixture(scope="module")
def service() -> LocalRolesAnywhere:
    return LocalRolesAnywhere()


def requests_of(service: LocalRolesAnywhere) -> list[HttpRequest]:
    """Return valid requests that change nothing, or the same each time."""
    profile = service.create_profile([])
    names = f"/profiles/{profile.id}/mappings?certificateField=x509SAN&specifiers=DNS&specifiers=Name%2F%2A"
    wanted: list[tuple[str, str, object]] = [
        ("GET", "/profiles?pageSize=10", b""),
        ("GET", f"/profile/{profile.id}", b""),
        ("PATCH", f"/profile/{profile.id}", {"name": "a b", "durationSeconds": 900, "roleArns": [ROLE]}),
        ("DELETE", names, b""),
        ("GET", f"/ListTagsForResource?resourceArn={quote(profile.arn, safe='')}", b""),
    ]
    return [signed(*each, key=KEY[0], secret=KEY[1]) for each in wanted]


def in_text(chance: random.Random, text: str) -> str:
    """Return a text with one character changed, added or gone."""
    place = chance.randrange(len(text) + 1)
    new = chance.choice(["", chr(chance.randrange(256)), chance.choice("0123456789abcdefABCDEF/%&=?;,. ")])
    return text[:place] + new + text[place + chance.randrange(2) :]


def mutated(chance: random.Random, request: HttpRequest) -> HttpRequest:
    """Return a request with something changed, doubled or left out."""
    kind = chance.randrange(5)
    if kind == 0:
        return replace(request, target=in_text(chance, request.target))
    if kind == 1:
        return replace(request, body=in_text(chance, request.body.decode("latin-1")).encode("latin-1"))
    if kind == 2:
        return replace(request, method=chance.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "get"]))
    place = chance.randrange(len(request.headers))
    name, value = request.headers[place]
    pairs = [(name, in_text(chance, value))] if kind == 3 else chance.choice([[], [(name, value)] * 2])
    return replace(request, headers=(*request.headers[:place], *pairs, *request.headers[place + 1 :]))


def means_the_same(one: HttpRequest, other: HttpRequest) -> bool:
    """Return whether a signature covers both: encodings, spaces and the headers' order and case do not count."""

    def meaning(request: HttpRequest) -> Any:
        query = sorted(parse_qsl(request.raw_query, keep_blank_values=True, encoding="latin-1"))
        pairs = sorted((name.lower(), " ".join(value.split(" ")).strip()) for name, value in request.headers)
        return request.method, request.raw_path, query, [(n, " ".join(v.split())) for n, v in pairs], request.body

    return bool(meaning(one) == meaning(other))


def test_mutations_of_valid_requests() -> None:
    """Of what was not signed, nothing is accepted."""
    chance = random.Random(20180510)  # noqa: S311 - the same ones in each run
    service = LocalRolesAnywhere(control_credentials=KEY)
    good = requests_of(service)
    assert {service.respond(request).status for request in good} == {200}
    statuses: dict[int, int] = {}
    for _ in range(MUTATIONS):
        original = chance.choice(good)
        request = mutated(chance, original)
        status = service.respond(request).status
        statuses[status] = statuses.get(status, 0) + 1
        assert 200 <= status < 500
        # What was deleted by a request that means the same is not there to be deleted again.
        if status < 300:
            assert means_the_same(request, original), (original.target, request)
    assert statuses[403] > MUTATIONS / 2


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
