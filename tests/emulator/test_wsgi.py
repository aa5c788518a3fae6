"""The WSGI app: raw targets where the server gives them, the standard library's validator around it."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.validate import validator

import pytest

from rolesanywhere_signer.testing import HttpRequest
from rolesanywhere_signer.testing.http_parser import MAX_BODY
from tests.emulator.doors import call_wsgi, environ_of
from tests.emulator.signing import sign_as
from tests.emulator.vectors import VECTORS
from tests.emulator.world import LEAF, World, content, header


@pytest.fixture
def world() -> World:
    return World()


def environ(world: World, **more: str) -> dict[str, Any]:
    return environ_of(sign_as(LEAF, world.body()), **more)


def test_it_follows_the_specification(world: World) -> None:
    started: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> Any:
        started.append(status)
        return io.BytesIO().write

    answer = validator(world.service.wsgi_app)(environ(world), start_response)
    try:
        body = b"".join(answer)
    finally:
        answer.close()  # type: ignore[attr-defined]
    assert started == ["201 Created"]
    assert b"credentialSet" in body


@pytest.mark.parametrize("key", ["RAW_URI", "REQUEST_URI"])
def test_the_raw_target_counts(world: World, key: str) -> None:
    request = sign_as(LEAF, world.body(), target="/%73essions?a=%41")
    response = call_wsgi(world.service, environ_of(request, **{key: request.target}))
    assert response.status == 201
    assert world.last.request.target == "/%73essions?a=%41"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_without_it_the_target_is_put_together_again(vector: Any) -> None:
    assert call_wsgi(vector.service(), environ_of(vector.request)).status == 201


@pytest.mark.parametrize(
    ("script", "path", "query", "target"),
    [("", "", "", "/"), ("/a", "/b c", "", "/a/b%20c"), ("", "/sessions", "x=%20", "/sessions?x=%20")],
)
def test_how_it_is_put_together(world: World, script: str, path: str, query: str, target: str) -> None:
    made = environ(world)
    made.update(SCRIPT_NAME=script, PATH_INFO=path, QUERY_STRING=query)
    response = call_wsgi(world.service, made)
    if target.startswith("/sessions"):
        assert world.last.request.target == target
    else:
        assert response.status == 404


def test_headers_have_their_usual_names(world: World) -> None:
    call_wsgi(world.service, environ(world))
    names = {name for name, _ in world.last.request.headers}
    assert names >= {"Content-Type", "Content-Length", "X-Amz-Date", "X-Amz-X509", "Authorization", "Host"}


def test_the_answer_carries_its_length_and_id(world: World) -> None:
    response = call_wsgi(world.service, environ(world))
    assert header(response, "Content-Length") == str(len(response.body))
    assert header(response, "x-amzn-RequestId")


def test_head_has_no_body(world: World) -> None:
    response = call_wsgi(world.service, environ_of(HttpRequest("HEAD", "/")))
    assert (response.status, response.body) == (404, b"")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"CONTENT_LENGTH": str(MAX_BODY + 1)}, 413),
        ({"CONTENT_LENGTH": "x"}, 400),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
    ],
)
def test_bodies_without_a_proper_length_are_refused(world: World, more: dict[str, str], status: int) -> None:
    response = call_wsgi(world.service, {**environ(world), **more})
    assert response.status == status
    assert content(response)["message"]
    assert world.service.calls == []


def test_no_more_than_the_body_is_read(world: World) -> None:
    made = environ(world)
    made["wsgi.input"] = io.BytesIO(made["wsgi.input"].getvalue() + b"the next request")
    assert call_wsgi(world.service, made).status == 201
    assert made["wsgi.input"].read() == b"the next request"
