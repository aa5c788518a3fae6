"""Thousands of requests that once were valid and were changed at random: none is accepted that must not be.

``STRESS_MUTATIONS`` says how many, ``STRESS_SEED`` repeats a run.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest
from rolesanywhere_signer.testing.http_parser import BadRequestError, read_request
from tests.emulator.doors import raw_bytes
from tests.emulator.signing import header_form, sign_as
from tests.emulator.world import CA, World

MUTATIONS = int(os.environ.get("STRESS_MUTATIONS", "500"))
SEED = int(os.environ.get("STRESS_SEED", "2030"))

WORLD = World(duration_seconds=3600)
OTHER_ROLE = WORLD.service.create_role("other")
LOWER = CA.issue_ca("CN=Lower")
LEAVES = [
    CA.issue("CN=app", key_type="P-256"),
    LOWER.issue("CN=below", key_type="P-256"),
    CA.issue("CN=rsa", key_type="RSA-2048"),
]
TWIN = CertificateAuthority("CN=Root,O=Example")
STRANGERS = [TWIN.issue("CN=app", key_type="P-256"), CertificateAuthority("CN=x").issue("CN=app")]


def valid_requests() -> list[HttpRequest]:
    arns = {"trustAnchorArn": WORLD.anchor.arn, "profileArn": WORLD.profile.arn, "roleArn": WORLD.role.arn}
    query = "&".join(f"{name}={value.replace(':', '%3A').replace('/', '%2F')}" for name, value in sorted(arns.items()))
    in_body = [sign_as(leaf, WORLD.body(durationSeconds=900)) for leaf in LEAVES]
    return [*in_body, sign_as(LEAVES[0], b'{"durationSeconds":3600}', target=f"/sessions?{query}")]


VALID = valid_requests()


def meaning(request: HttpRequest) -> object:
    """Return what a signature covers: two requests that differ in it are not the same request.

    It is written apart from the service's own canonical request, and finer: what it levels is the case and the order of
    header names, spaces, how a query is written, and the absolute form of the target.
    """
    try:
        target = urlsplit(request.target if "://" in request.target else f"http://127.0.0.1:1{request.target}")
    except ValueError:
        return request
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        values.setdefault(name.lower(), []).append(re.sub(" +", " ", value.strip(" \t")))
    authorization = "\n".join(values.get("authorization", []))
    signed = re.findall(r"SignedHeaders=([^,]*)", authorization)
    covered = {name: values.get(name) for names in signed for name in names.split(";")}
    pieces = re.sub(", *", ",", authorization)
    query = sorted(parse_qsl(target.query, keep_blank_values=True))
    return request.method, target.netloc, target.path, query, request.body, pieces, sorted(covered.items())


ALLOWED = {repr(meaning(request)) for request in VALID}


def flip_a_bit(raw: bytearray, chance: random.Random) -> None:
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)


def change_a_byte(raw: bytearray, chance: random.Random) -> None:
    raw[chance.randrange(len(raw))] = chance.choice(b"\x00\t\n\r \"%&',/:;=A0a\x7f\xff")


def insert_bytes(raw: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(raw) + 1)
    raw[place:place] = bytes(chance.choice(b"\x00\t\r\n ,;:=aA0%") for _ in range(chance.randint(1, 4)))


def delete_bytes(raw: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(raw))
    del raw[place : place + chance.randint(1, 8)]


def copy_a_part(raw: bytearray, chance: random.Random) -> None:
    start, place = chance.randrange(len(raw)), chance.randrange(len(raw))
    raw[place:place] = raw[start : start + chance.randint(1, 60)]


def cut_the_end(raw: bytearray, chance: random.Random) -> None:
    del raw[chance.randrange(len(raw)) :]


BYTES: list[Callable[[bytearray, random.Random], None]] = [
    flip_a_bit,
    change_a_byte,
    insert_bytes,
    delete_bytes,
    copy_a_part,
    cut_the_end,
]

Headers = list[tuple[str, str]]


def with_headers(request: HttpRequest, headers: Iterable[tuple[str, str]]) -> HttpRequest:
    return HttpRequest(request.method, request.target, tuple(headers), request.body)


def change_headers(request: HttpRequest, chance: random.Random) -> HttpRequest:
    headers: Headers = list(request.headers)
    place, other = chance.randrange(len(headers)), chance.randrange(len(headers))
    name, value = headers[place]
    changes: list[Callable[[], object]] = [
        lambda: headers.append(headers[place]),
        lambda: headers.pop(place),
        lambda: headers.insert(other, headers.pop(place)),
        lambda: headers.__setitem__(place, (name, headers[other][1])),
        lambda: headers.__setitem__(place, (chance.choice([name.upper(), name.lower(), name + "-"]), value)),
        lambda: headers.__setitem__(place, (name, f"  {value}\t ")),
        lambda: headers.__setitem__(place, (name, value.replace(",", ",  "))),
        lambda: headers.__setitem__(place, (name, value.replace(";", "; "))),
        lambda: headers.append((name, "")),
        lambda: headers.append(("X-More", "x")),
        lambda: headers.append(("X-Amz-X509-Chain", header_form(TWIN.certificate))),
    ]
    chance.choice(changes)()
    return with_headers(request, headers)


def mix_two(request: HttpRequest, chance: random.Random) -> HttpRequest:
    """Put one part of a request into another that is valid as well."""
    second = chance.choice([*VALID, *(sign_as(stranger, request.body) for stranger in STRANGERS)])
    taken = chance.choice([name for name, _ in second.headers])
    headers = dict(request.headers) | {taken: dict(second.headers)[taken]}
    body = second.body if chance.random() < 0.3 else request.body
    target = second.target if chance.random() < 0.2 else request.target
    return HttpRequest(request.method, target, tuple(headers.items()), body)


def change_the_target(request: HttpRequest, chance: random.Random) -> HttpRequest:
    change = chance.choice(
        ["{}?roleArn=x", "{}&a=b", "{}#x", "/.{}", "/x/..{}", "{}/", "http://127.0.0.1:1{}", "http://other{}", "{}?"]
    )
    return HttpRequest(request.method, change.format(request.target), request.headers, request.body)


def forge(request: HttpRequest, chance: random.Random) -> HttpRequest:
    """Sign validly with a certificate that nobody trusts."""
    return sign_as(chance.choice(STRANGERS), request.body, target=request.target)


PARTS: list[Callable[[HttpRequest, random.Random], HttpRequest]] = [change_headers, mix_two, change_the_target, forge]


def claims(members: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return other parameters than those which the account allows."""
    changed = dict(members)
    name = chance.choice([*members, "roleSessionName", "durationSeconds", "sessionName"])
    text = str(members.get(name, "ab"))
    place = chance.randrange(len(text))
    changed[name] = chance.choice(
        [
            text[:place] + chance.choice("*?:/a0\x00é") + text[place + chance.randint(0, 1) :],
            text[:place],
            text.upper(),
            OTHER_ROLE.arn,
            None,
            [text],
            {"a": text},
            0,
            1e300,
            chance.randint(-(2**70), 2**70),
        ]
    )
    return changed


def read(raw: bytes) -> HttpRequest | None:
    """Return the request that bytes are; None where they are none."""
    try:
        received = read_request(io.BufferedReader(io.BytesIO(raw)), lambda: None)
    except BadRequestError as error:
        assert 400 <= error.status < 500
        return None
    return received[0] if received else None


def accepted(request: HttpRequest) -> bool:
    status = WORLD.service.respond(request).status
    assert status == 201 or 400 <= status < 500, request
    return status == 201


def without_length(request: HttpRequest) -> HttpRequest:
    """Return a request as it was signed: its length is of the connection."""
    return with_headers(request, (pair for pair in request.headers if pair[0].lower() != "content-length"))


def test_the_valid_ones_are_accepted() -> None:
    assert all(map(accepted, VALID))
    for request in VALID:
        received = read(raw_bytes(request))
        assert received is not None
        assert repr(meaning(without_length(received))) in ALLOWED


def test_none_is_accepted_that_differs_in_what_was_signed() -> None:
    chance = random.Random(SEED)  # noqa: S311 - nothing is secret
    counts: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        request: HttpRequest | None = chance.choice(VALID)
        assert request is not None
        if chance.random() < 0.6:
            raw = bytearray(raw_bytes(request))
            for _ in range(chance.randint(1, 3)):
                chance.choice(BYTES)(raw, chance)
                raw = raw or bytearray(b" ")
            request = read(bytes(raw))
        else:
            for _ in range(chance.randint(1, 3)):
                request = chance.choice(PARTS)(request, chance)
        if request is None:
            counts["no request"] += 1
            continue
        is_same = repr(meaning(request)) in ALLOWED
        is_accepted = accepted(request)
        counts[f"{'same' if is_same else 'other'}, {'accepted' if is_accepted else 'refused'}"] += 1
        assert is_same or not is_accepted, f"seed {SEED}: {raw_bytes(request)!r}"
    # A run in which nothing was accepted would prove little, and so would one in which everything was the same.
    assert counts["same, accepted"] > MUTATIONS // 100
    assert counts["other, refused"] > MUTATIONS // 4


def test_none_is_accepted_that_claims_what_the_account_does_not_allow() -> None:
    chance = random.Random(SEED)  # noqa: S311 - nothing is secret
    members = json.loads(WORLD.body(durationSeconds=900))
    arns = {name: value for name, value in members.items() if name.endswith("Arn")}
    counts: Counter[bool] = Counter()
    for _ in range(MUTATIONS // 5):
        changed = claims(members, chance)
        is_accepted = accepted(sign_as(LEAVES[0], json.dumps(changed).encode()))
        counts[is_accepted] += 1
        duration = changed.get("durationSeconds")
        allowed = (
            all(changed.get(name) == arn for name, arn in arns.items())
            and changed.get("roleSessionName", changed.get("sessionName")) is None
            and (duration is None or (isinstance(duration, int) and 900 <= duration <= 43200))
        )
        assert is_accepted == allowed, f"seed {SEED}: {changed}"
    assert counts[True]
    assert counts[False]
    # The service is none the worse for it.
    assert all(map(accepted, VALID))
