"""The container protocol, request by request, without a server."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import TransportError
from rolesanywhere_signer.refresh import Refresher
from rolesanywhere_signer.serve.container import container_app
from rolesanywhere_signer.serve.supplier import Supplier
from tests.support.refreshing import START
from tests.support.serving import TOKEN, ask, at_work, new_supplier


def test_the_credentials_are_given_as_the_sdks_read_them() -> None:
    _, _, supplier = new_supplier()
    with at_work(supplier):
        reply = ask(container_app({"/": supplier}, TOKEN), "GET", "/", authorization=TOKEN)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.headers["Cache-Control"] == "no-store"
    assert json.loads(reply.body) == {
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "a-secret-key",
        "Token": "a-session-token",
        "Expiration": "2026-03-01T13:00:00Z",
    }


def test_account_and_role_are_told_where_they_are_known() -> None:
    role = "arn:aws:iam::123456789012:role/reader"
    end = START + timedelta(hours=1)
    known = Credentials("ASIA1", "s", "t", end, role_arn=role, account_id="123456789012")
    supplier = Supplier("reader", Refresher(lambda: known, lambda: START), lambda: START)
    with at_work(supplier):
        document = json.loads(ask(container_app({"/": supplier}, TOKEN), "GET", "/", authorization=TOKEN).body)
    assert (document["AccountId"], document["RoleArn"]) == ("123456789012", role)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the Authorization header is missing"),
        ({"authorization": ""}, "the Authorization header is missing"),
        ({"authorization": "x"}, "the Authorization header is not this endpoint's token"),
        ({"authorization": TOKEN[:-1]}, "the Authorization header is not this endpoint's token"),
        ({"authorization": f"{TOKEN}x"}, "the Authorization header is not this endpoint's token"),
        ({"authorization": f"Bearer {TOKEN}"}, "the Authorization header is not this endpoint's token"),
        ({"authorization": TOKEN.upper()}, "the Authorization header is not this endpoint's token"),
        ({"authorization": f"{TOKEN}, {TOKEN}"}, "the Authorization header is not this endpoint's token"),
        ({"authorization": "é€".encode().decode("latin-1")}, "the Authorization header is not this endpoint's token"),
        ({"x_aws_ec2_metadata_token": TOKEN}, "the Authorization header is missing"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/nothing"), ("POST", "/")])
def test_without_the_token_nothing_is_learned(given: dict[str, str], message: str, method: str, path: str) -> None:
    _, service, supplier = new_supplier()
    reply = ask(container_app({"/": supplier}, TOKEN), method, path, **given)
    assert reply.status == 401
    assert json.loads(reply.body) == {"code": "Unauthorized", "message": message}
    assert service.calls == 0


def test_each_role_is_at_its_path() -> None:
    _, _, reader = new_supplier("reader")
    _, _, writer = new_supplier("writer")
    writer._refresher._fetch = lambda: Credentials("ASIAWRITER", "s", "t", START + timedelta(hours=1))
    app = container_app({"/reader": reader, "/writer": writer}, TOKEN)
    with at_work(reader, writer):
        keys = {path: ask(app, "GET", path, authorization=TOKEN) for path in ("/reader", "/writer", "/", "/x")}
    assert json.loads(keys["/reader"].body)["AccessKeyId"] == "ASIA1"
    assert json.loads(keys["/writer"].body)["AccessKeyId"] == "ASIAWRITER"
    assert [keys[path].status for path in ("/", "/x")] == [404, 404]


def test_a_path_may_hold_anything() -> None:
    _, _, supplier = new_supplier("Büro 1/ä")
    app = container_app({"/Büro 1/ä": supplier}, TOKEN)
    with at_work(supplier):
        # As WSGI has it: decoded, and each byte a character.
        assert ask(app, "GET", "/Büro 1/ä".encode().decode("latin-1"), authorization=TOKEN).status == 200
        assert ask(app, "GET", "/B\xfcro 1/\xe4", authorization=TOKEN).status == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_reads(method: str) -> None:
    _, _, supplier = new_supplier()
    reply = ask(container_app({"/": supplier}, TOKEN), method, "/", authorization=TOKEN)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET")


def test_no_credentials_are_a_reason_and_never_an_empty_success() -> None:
    clock, service, supplier = new_supplier()
    app = container_app({"/": supplier}, TOKEN)
    with at_work(supplier):
        service.error = TransportError("no answer from the service", retryable=True)
        clock.pass_seconds(7200)
        reply = ask(app, "GET", "/", authorization=TOKEN)
    assert reply.status == 503
    assert json.loads(reply.body) == {"code": "TransportError", "message": "no answer from the service"}
