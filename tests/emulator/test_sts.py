"""GetCallerIdentity, with botocore's own client and signer on the other side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as ET

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from rolesanywhere_signer.testing import HttpRequest, HttpResponse
from tests.emulator.vectors import with_header
from tests.emulator.world import World, content, header

FORM = b"Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True)
class Vended:
    key: str
    secret: str
    token: str


def vend(world: World) -> Vended:
    keys = content(world.ask())["credentialSet"][0]["credentials"]
    return Vended(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])


def signed(keys: Vended, body: bytes = FORM, region: str = "us-east-1", service: str = "sts") -> HttpRequest:
    request = AWSRequest("POST", "http://127.0.0.1:1/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    SigV4Auth(Credentials(keys.key, keys.secret, keys.token), service, region).add_auth(request)
    headers = [("Host", "127.0.0.1:1"), *request.headers.items()]
    return HttpRequest("POST", "/", tuple((name, str(value)) for name, value in headers), body)


def error_of(response: HttpResponse) -> tuple[int, str]:
    text = response.body.decode()
    assert "<ErrorResponse" in text
    [code] = re.findall("<Code>(.*)</Code>", text)
    return response.status, code


def test_an_answer_is_xml_whatever_the_request_was(world: World) -> None:
    response = world.send(HttpRequest("POST", "/", (), b"Action=%3Ca%26%00%0B%EF%BF%BE%ED%A0%80&Version=%3C"))
    answer = ET.fromstring(response.body)  # noqa: S314 - our own
    [message] = answer.iter("{https://sts.amazonaws.com/doc/2011-06-15/}Message")
    assert message.text is not None
    assert message.text.startswith("Could not find operation <a&???")


@pytest.fixture
def world() -> World:
    return World()


class TestWithBotocoresClient:
    @pytest.fixture
    def running(self, world: World) -> Iterator[World]:
        with world.service:
            yield world

    def client(self, world: World, keys: Vended, region: str = "us-east-1") -> Any:
        return botocore.session.Session().create_client(
            "sts",
            region_name=region,
            endpoint_url=world.service.url,
            aws_access_key_id=keys.key,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    @pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-2"])
    def test_it_tells_who_the_credentials_are(self, running: World, region: str) -> None:
        answer = content(running.ask())["credentialSet"][0]
        keys = answer["credentials"]
        vended = Vended(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
        identity = self.client(running, vended, region).get_caller_identity()
        assert identity["Account"] == "123456789012"
        assert identity["Arn"] == answer["assumedRoleUser"]["arn"]
        assert identity["UserId"] == answer["assumedRoleUser"]["assumedRoleId"]
        assert (
            identity["ResponseMetadata"]["RequestId"]
            == (identity["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])
        )

    def test_errors_reach_it_as_errors(self, running: World) -> None:
        keys = vend(running)
        at = running.service.clock() + timedelta(hours=1)
        running.service.clock = lambda: at
        with pytest.raises(ClientError, match="ExpiredToken"):
            self.client(running, keys).get_caller_identity()
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            self.client(running, Vended("ASIAUNKNOWN", keys.secret, keys.token)).get_caller_identity()

    def test_other_actions_are_refused(self, running: World) -> None:
        with pytest.raises(ClientError, match="InvalidAction"):
            self.client(running, vend(running)).get_session_token()

    def test_it_is_no_create_session_call(self, running: World) -> None:
        keys = vend(running)
        self.client(running, keys).get_caller_identity()
        assert len(running.service.calls) == 1


class TestRefusals:
    def test_the_right_one_is_accepted(self, world: World) -> None:
        response = world.send(signed(vend(world)))
        assert response.status == 200
        assert header(response, "Content-Type") == "text/xml"

    def test_an_unknown_key(self, world: World) -> None:
        keys = vend(world)
        response = world.send(signed(Vended("ASIAX", keys.secret, keys.token)))
        assert error_of(response) == (403, "InvalidClientTokenId")

    @pytest.mark.parametrize("token", ["x", ""])
    def test_another_token(self, world: World, token: str) -> None:
        keys = vend(world)
        response = world.send(signed(Vended(keys.key, keys.secret, token)))
        assert error_of(response) == (403, "InvalidClientTokenId")

    def test_the_token_of_other_credentials(self, world: World) -> None:
        first, second = vend(world), vend(world)
        response = world.send(signed(Vended(first.key, first.secret, second.token)))
        assert error_of(response) == (403, "InvalidClientTokenId")

    def test_another_secret(self, world: World) -> None:
        keys = vend(world)
        response = world.send(signed(Vended(keys.key, keys.secret[::-1], keys.token)))
        assert error_of(response) == (403, "SignatureDoesNotMatch")

    def test_the_absolute_form_is_the_same_request(self, world: World) -> None:
        request = signed(vend(world))
        assert world.send(HttpRequest("POST", "http://127.0.0.1:1/", request.headers, FORM)).status == 200

    def test_the_absolute_form_of_another_host_is_another_request(self, world: World) -> None:
        request = signed(vend(world))
        response = world.send(HttpRequest("POST", "http://sts.example.com/", request.headers, FORM))
        assert error_of(response) == (400, "IncompleteSignature")

    def test_a_changed_body(self, world: World) -> None:
        request = signed(vend(world))
        response = world.send(HttpRequest("POST", "/", request.headers, FORM + b"&x=1"))
        assert error_of(response) == (403, "SignatureDoesNotMatch")

    @pytest.mark.parametrize(("seconds", "expired"), [(3599, False), (3600, True)])
    def test_expiry_is_by_the_services_clock(self, world: World, seconds: int, expired: bool) -> None:
        request = signed(vend(world))
        at = world.service.clock() + timedelta(seconds=seconds)
        world.service.clock = lambda: at
        response = world.send(request)
        if expired:
            assert error_of(response) == (403, "ExpiredToken")
        else:
            assert response.status == 200

    def test_expiry_is_when_the_answer_said_it_is(self, world: World) -> None:
        said_at = world.service.clock()
        world.service.clock = lambda: said_at + timedelta(microseconds=900_000)
        request = signed(vend(world))
        world.service.clock = lambda: said_at + timedelta(hours=1)
        assert error_of(world.send(request)) == (403, "ExpiredToken")

    def test_no_signature(self, world: World) -> None:
        assert error_of(world.send(HttpRequest("POST", "/", (), FORM))) == (403, "MissingAuthenticationToken")

    @pytest.mark.parametrize("value", ["x", "AWS4-HMAC-SHA256 Credential=a/b", "Bearer abc"])
    def test_a_malformed_signature(self, world: World, value: str) -> None:
        request = with_header(signed(vend(world)), "authorization", value)
        assert error_of(world.send(request)) == (400, "IncompleteSignature")

    def test_another_service(self, world: World) -> None:
        assert error_of(world.send(signed(vend(world), service="s3"))) == (400, "IncompleteSignature")

    def test_an_unsigned_date(self, world: World) -> None:
        request = signed(vend(world))
        [authorization] = request.values("authorization")
        changed = with_header(request, "authorization", authorization.replace("x-amz-date;", ""))
        assert error_of(world.send(changed)) == (400, "IncompleteSignature")

    def test_another_day(self, world: World) -> None:
        changed = with_header(signed(vend(world)), "x-amz-date", "20200101T000000Z")
        assert error_of(world.send(changed)) == (400, "IncompleteSignature")

    @pytest.mark.parametrize(
        "body",
        [
            b"Action=GetCallerIdentity",
            b"Action=%3Cx%3E&Version=2011-06-15",
            b"Action=AssumeRoot&Version=2011-06-15",
        ],
    )
    def test_another_action_or_version(self, world: World, body: bytes) -> None:
        response = world.send(signed(vend(world), body))
        assert error_of(response) == (400, "InvalidAction")
        assert b"<x>" not in response.body

    @pytest.mark.parametrize("body", [b"", b"{}", b"Version=2011-06-15"])
    def test_a_post_without_action_is_not_sts(self, world: World, body: bytes) -> None:
        response = world.send(HttpRequest("POST", "/", (), body))
        assert response.status == 404
        assert content(response) == {"message": "Unknown operation"}


def signed_at(keys: Vended, timestamp: str, *, token_signed: bool = True) -> HttpRequest:
    """Sign by hand what botocore's signer would sign at another time, or without the token's header."""
    request = AWSRequest("POST", "http://127.0.0.1:1/", {"X-Amz-Date": timestamp}, FORM)
    request.context["timestamp"] = timestamp
    if token_signed:
        request.headers["X-Amz-Security-Token"] = keys.token
    auth = SigV4Auth(Credentials(keys.key, keys.secret, keys.token), "sts", "us-east-1")
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    scope = f"{keys.key}/{timestamp[:8]}/us-east-1/sts/aws4_request"
    names = auth.signed_headers(auth.headers_to_sign(request))
    headers = {
        "Host": "127.0.0.1:1",
        "X-Amz-Date": timestamp,
        "X-Amz-Security-Token": keys.token,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}",
    }
    return HttpRequest("POST", "/", tuple(headers.items()), FORM)


class TestTimeAndToken:
    def test_the_time_of_the_service_is_taken_and_so_is_the_machine_s(self, world: World) -> None:
        keys = vend(world)
        for moment in (world.service.clock(), datetime.now(timezone.utc)):
            assert world.send(signed_at(keys, f"{moment:%Y%m%dT%H%M%SZ}")).status == 200

    @pytest.mark.parametrize("timestamp", ["20010101T000000Z", "20990101T000000Z"])
    def test_a_date_that_neither_clock_takes_for_now_is_refused(self, world: World, timestamp: str) -> None:
        assert error_of(world.send(signed_at(vend(world), timestamp))) == (403, "SignatureDoesNotMatch")

    def test_a_token_that_is_not_signed_is_refused(self, world: World) -> None:
        timestamp = f"{world.service.clock():%Y%m%dT%H%M%SZ}"
        refused = world.send(signed_at(vend(world), timestamp, token_signed=False))
        assert error_of(refused) == (400, "IncompleteSignature")
