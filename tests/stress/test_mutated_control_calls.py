"""Control calls that once were valid and were changed at random: of what was not signed, nothing is accepted.

``STRESS_CONTROL_MUTATIONS`` says how many, ``STRESS_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

from rolesanywhere_signer.testing import HttpRequest, LocalRolesAnywhere
from tests.emulator.control.world import ROLE, signed

MUTATIONS = int(os.environ.get("STRESS_CONTROL_MUTATIONS", "2000"))
SEED = int(os.environ.get("STRESS_SEED", "2018"))
KEY = ("AKIDADMINISTRATOR", "the secret of the administrator")


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


def meaning(request: HttpRequest) -> Any:
    """Return what a signature covers; encodings in the query, spaces, and the headers' order and case do not count."""
    query = sorted(parse_qsl(request.raw_query, keep_blank_values=True, encoding="latin-1"))
    pairs = sorted((name.lower(), re.sub(" +", " ", value.strip(" \t"))) for name, value in request.headers)
    pieces = [re.sub(", *", ",", value) if name == "authorization" else value for name, value in pairs]
    return request.method, request.raw_path, query, [name for name, _ in pairs], pieces, request.body


def test_mutations_of_valid_requests() -> None:
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats a run
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
        if status < 300:
            assert meaning(request) == meaning(original)
    assert statuses[403] > MUTATIONS / 2
