"""boto3 as applications use it, with credentials of the local service."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from tests.support.refreshing import SetClock, settle
from tests.support.servers import http, raw_server
from tests.support.world import World

BUCKETS = b"""<?xml version="1.0"?><ListAllMyBucketsResult><Owner><ID>1</ID></Owner><Buckets><Bucket>
<Name>one</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"""


def access_key_of(authorization: str) -> str:
    return authorization.partition("Credential=")[2].partition("/")[0]


def test_a_client_gets_an_identity_that_the_service_confirms(world: World) -> None:
    identity = world.sts(world.boto3_session()).get_caller_identity()

    serial = f"{world.leaf.certificate.serial_number:x}"
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == f"arn:aws:sts::123456789012:assumed-role/s3-reader/{serial}"
    assert [call.status for call in world.service.calls] == [201]


def test_the_role_session_name_and_the_duration_arrive(world: World) -> None:
    session = world.boto3_session(role_session_name="web-7", duration_seconds=900)
    assert world.sts(session).get_caller_identity()["Arn"].endswith("/web-7")


def test_many_uses_and_clients_of_a_session_are_one_call(world: World) -> None:
    session = world.boto3_session()
    for _ in range(3):
        world.sts(session).get_caller_identity()
        world.sts(session).get_caller_identity()
    assert len(world.service.calls) == 1


def test_a_session_shared_by_64_threads_makes_one_call(world: World) -> None:
    session = world.boto3_session()
    client = world.sts(session)
    barrier = threading.Barrier(64)

    def ask(_number: int) -> str:
        barrier.wait(20)
        return str(session.get_credentials().get_frozen_credentials().access_key)

    with ThreadPoolExecutor(64) as pool:
        keys = set(pool.map(ask, range(64)))
    with ThreadPoolExecutor(8) as pool:
        arns = set(pool.map(lambda _: client.get_caller_identity()["Arn"], range(16)))

    assert len(keys) == 1
    assert len(arns) == 1
    assert len(world.service.calls) == 1


def test_the_default_session_carries_the_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drop-in for code that just calls boto3.client."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    boto3.setup_default_session(botocore_session=world.botocore_session())
    assert world.sts(boto3).get_caller_identity()["Account"] == "123456789012"
    assert len(world.service.calls) == 1


def test_a_resource_signs_with_the_vended_key(world: World) -> None:
    session = world.boto3_session()
    with raw_server(http(200, BUCKETS, Content_Type="application/xml")) as s3:
        names = [bucket.name for bucket in session.resource("s3", endpoint_url=s3.url).buckets.all()]

    credentials = session.get_credentials()
    assert names == ["one"]
    [received] = s3.received
    assert access_key_of(received.header("authorization")) == credentials.access_key
    assert received.header("x-amz-security-token") == credentials.token
    assert "/ap-northeast-2/s3/" in received.header("authorization")


def test_a_presigned_url_carries_the_vended_key_and_token(world: World) -> None:
    session = world.boto3_session()
    url = session.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})

    query = parse_qs(urlsplit(url).query)
    credentials = session.get_credentials().get_frozen_credentials()
    assert query["X-Amz-Credential"][0].split("/")[0] == credentials.access_key
    assert query["X-Amz-Security-Token"] == [credentials.token]
    assert len(world.service.calls) == 1


def test_get_credentials_gives_all_parts(world: World) -> None:
    credentials = world.boto3_session().get_credentials()
    frozen = credentials.get_frozen_credentials()

    assert frozen.access_key.startswith("ASIA")
    assert (credentials.access_key, credentials.secret_key, credentials.token) == frozen[:3]
    assert credentials.method == "custom-roles-anywhere"
    assert credentials.account_id == frozen.account_id == "123456789012"


def test_the_account_id_reaches_endpoints_that_are_made_of_it(world: World) -> None:
    urls: list[str] = []

    def answer(request: Any, **_others: Any) -> AWSResponse:
        urls.append(request.url)
        return AWSResponse(request.url, 200, {}, _Raw(b'{"TableNames": []}'))

    client = world.boto3_session().client("dynamodb")
    client.meta.events.register("before-send.dynamodb.ListTables", answer)
    client.list_tables()

    assert urlsplit(urls[0]).hostname == "123456789012.ddb.ap-northeast-2.amazonaws.com"


class _Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_others: object) -> list[bytes]:
        return [self._content]


def test_nothing_is_sent_before_the_first_use(world: World) -> None:
    with raw_server(http(500)) as server:
        session = world.boto3_session(endpoint_url=server.url)
        credentials = session.get_credentials()
        session.client("s3")
        session.resource("s3")
        session.client("dynamodb")
        assert "ASIA" not in repr(credentials)
        assert credentials.method == "custom-roles-anywhere"
        assert server.connections == 0


class WorldClock(SetClock):
    """A clock that starts now, for a certificate that is valid now."""

    def __init__(self) -> None:
        self.start = self.now = datetime.now(timezone.utc).replace(microsecond=0)

    def be_at_second(self, seconds: float) -> None:
        self.now = self.start + timedelta(seconds=seconds)


def test_a_15_minute_session_used_1000_times_over_9_minutes_is_one_call(world: World) -> None:
    clock = WorldClock()
    world.service.clock = clock
    credentials = world.botocore_session(duration_seconds=900, clock=clock).get_credentials()

    first = credentials.get_frozen_credentials()
    for use in range(1000):
        clock.be_at_second(use * 540 / 1000)
        assert credentials.get_frozen_credentials() == first
    settle()
    assert len(world.service.calls) == 1

    clock.be_at_second(601)
    credentials.get_frozen_credentials()
    settle()
    assert len(world.service.calls) == 2
    assert credentials.get_frozen_credentials() != first


def test_a_renewed_certificate_is_used_by_the_next_refresh(world: World) -> None:
    clock = WorldClock()
    world.service.clock = clock
    credentials = world.botocore_session(clock=clock).get_credentials()
    credentials.get_frozen_credentials()
    renewed = world.renew("CN=app,O=renewed")

    clock.be_at_second(3541)  # the last minute: this use waits for the new session
    credentials.get_frozen_credentials()

    first, second = world.service.calls
    assert first.status == second.status == 201
    serial = dict(second.request.headers)["Authorization"].partition("Credential=")[2].partition("/")[0]
    assert serial == str(renewed.certificate.serial_number)


def test_a_clock_half_an_hour_off_still_gets_credentials(world: World) -> None:
    wrong = datetime.now(timezone.utc) - timedelta(minutes=30)
    credentials = world.botocore_session(clock=lambda: wrong).get_credentials()

    assert credentials.access_key.startswith("ASIA")
    assert [(call.status, call.message) for call in world.service.calls] == [(403, "Invalid signature"), (201, None)]
