"""IMDSv2 as the official helper speaks it, request by request, without a server."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from rolesanywhere_signer.serve.answers import WsgiApp
from rolesanywhere_signer.serve.imds import imds_app
from rolesanywhere_signer.serve.tokens import Tokens
from tests.support.refreshing import CountingFetch, SetClock
from tests.support.serving import Reply, ask, at_work, new_supplier

TOKEN_PATH = "/latest/api/token"
LIST = "/latest/meta-data/iam/security-credentials"
TTL = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Imds:
    """An app with a role, all its clocks set."""

    def __init__(self) -> None:
        self.clock, self.service, self.supplier = new_supplier("s3-reader")
        self.seconds = Seconds()
        self.app: WsgiApp = imds_app(self.supplier, Tokens(self.seconds))

    def token(self, **headers: str) -> str:
        return ask(self.app, "PUT", TOKEN_PATH, **headers).text

    def get(self, path: str, **headers: str) -> Reply:
        return ask(self.app, "GET", path, x_aws_ec2_metadata_token=self.token(), **headers)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("ttl", [1, 60, 21600])
def test_a_token_is_given_for_as_long_as_is_asked(slash: str, ttl: int) -> None:
    given = ask(Imds().app, "PUT", TOKEN_PATH + slash, x_aws_ec2_metadata_token_ttl_seconds=str(ttl))
    assert (given.status, given.headers[TTL]) == (200, str(ttl))
    assert given.headers["Content-Type"].startswith("text/plain")
    assert given.text.isascii()
    assert given.text.isprintable()
    assert len(given.text) > 40


def test_without_a_time_it_is_the_longest() -> None:
    assert ask(Imds().app, "PUT", TOKEN_PATH).headers[TTL] == "21600"


@pytest.mark.parametrize("ttl", ["0", "21601", "-1", "", "60.0", "1e3", " 60", "+60", "6_0", "٦٠", "x", "9" * 400])
def test_no_token_is_given_for_another_time(ttl: str) -> None:
    given = ask(Imds().app, "PUT", TOKEN_PATH, x_aws_ec2_metadata_token_ttl_seconds=ttl.encode().decode("latin-1"))
    assert (given.status, given.text) == (400, "invalid token TTL\n")


def test_no_two_tokens_are_alike() -> None:
    imds = Imds()
    assert len({imds.token() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_role_is_named(slash: str) -> None:
    reply = Imds().get(LIST + slash)
    assert (reply.status, reply.text) == (200, "s3-reader")
    assert reply.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_credentials_are_given_as_botocore_reads_them(slash: str) -> None:
    imds = Imds()
    with at_work(imds.supplier):
        reply = imds.get(f"{LIST}/s3-reader{slash}")
    document = json.loads(reply.body)
    assert reply.status == 200
    assert list(document) == [
        *("AccessKeyId", "SecretAccessKey", "Token", "Code", "Type", "Expiration", "LastUpdated"),
    ]
    assert (document["AccessKeyId"], document["SecretAccessKey"]) == ("ASIA1", "a-secret-key")
    assert (document["Token"], document["Code"], document["Type"]) == ("a-session-token", "Success", "AWS-HMAC")
    assert document["Expiration"] == "2026-03-01T13:00:00Z"
    assert len(document["LastUpdated"]) == len("2026-03-01T13:00:00Z")
    assert reply.headers["Cache-Control"] == "no-store"


def test_the_answer_says_how_long_the_token_is_good() -> None:
    imds = Imds()
    token = imds.token(x_aws_ec2_metadata_token_ttl_seconds="100")
    imds.seconds.now += 40
    with at_work(imds.supplier):
        assert ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=token).headers[TTL] == "60"
        assert ask(imds.app, "GET", f"{LIST}/s3-reader", x_aws_ec2_metadata_token=token).headers[TTL] == "60"


@pytest.mark.parametrize("path", [LIST, f"{LIST}/s3-reader", "/latest/meta-data/placement/region", "/"])
def test_nothing_is_given_without_a_token(path: str) -> None:
    reply = ask(Imds().app, "GET", path)
    assert (reply.status, reply.text) == (401, "no token provided\n")


def test_another_token_is_refused() -> None:
    imds = Imds()
    own, stranger = imds.token(), Imds().token()
    made_up = ["x", "a" * 76, "é" * 20, "====", "\x00", "A" * 10_000]
    for token in [*made_up, stranger, own[:-8], own[8:], own + "AAAA", own + own]:
        reply = ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=token)
        assert (reply.status, reply.text) == (401, "invalid token provided\n")


def test_every_change_of_a_token_is_noticed() -> None:
    imds = Imds()
    token = imds.token()
    for place, character in enumerate(token[:-2]):
        other = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        assert ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=other).status == 401, place


def test_a_token_ends() -> None:
    imds = Imds()
    token = imds.token(x_aws_ec2_metadata_token_ttl_seconds="60")
    imds.seconds.now += 59.9
    assert ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=token).status == 200
    imds.seconds.now += 0.1
    assert ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=token).status == 401


def test_whoever_asks_for_tokens_without_end_takes_none_from_others() -> None:
    imds = Imds()
    first = imds.token()
    for _ in range(2000):
        imds.token()
    assert ask(imds.app, "GET", LIST, x_aws_ec2_metadata_token=first).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *(f"{LIST}/other", f"{LIST}/s3-reader/x", f"{LIST}/s3-reader//", f"{LIST}-extended", f"{LIST}-extended/"),
        *(f"{LIST}/S3-READER", "/", "/latest/meta-data/", "/latest/user-data", "/latest/meta-data/iam/info"),
    ],
)
def test_there_is_nothing_else(path: str) -> None:
    assert Imds().get(path).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS"])
def test_only_put_makes_a_token(method: str) -> None:
    reply = ask(Imds().app, method, TOKEN_PATH)
    assert (reply.status, reply.headers["Allow"]) == (405, "PUT")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", [LIST, f"{LIST}/s3-reader", "/nothing"])
def test_only_get_reads(method: str, path: str) -> None:
    imds = Imds()
    reply = ask(imds.app, method, path, x_aws_ec2_metadata_token=imds.token())
    assert (reply.status, reply.headers["Allow"]) == (405, "GET")


def fail(service: CountingFetch, clock: SetClock) -> None:
    from rolesanywhere_signer.errors import AccessDeniedError

    service.error = AccessDeniedError("AWS said no", hint="a hint", error_code="AccessDeniedException", status=403)
    clock.now += timedelta(hours=2)


def test_no_credentials_are_a_reason_and_never_an_empty_success() -> None:
    imds = Imds()
    with at_work(imds.supplier):
        fail(imds.service, imds.clock)
        reply = imds.get(f"{LIST}/s3-reader")
    assert reply.status == 503
    assert json.loads(reply.body) == {"Code": "AccessDeniedException", "Message": "AWS said no"}
    assert imds.get(LIST).text == "s3-reader"
