"""From the role of the certificate on to another one: moto's STS gives its credentials, and both are renewed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from rolesanywhere_signer import AccessDeniedError, create_botocore_session
from rolesanywhere_signer.roles import AssumeRole
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.profiled import REGION, helper_line, write_config
from tests.support.relay import Recorder, recording
from tests.support.rotating import PassingClock
from tests.support.servers import http, raw_server, read_request
from tests.support.world import World

ADMIN = "arn:aws:iam::999988887777:role/admin"
AUDITOR = "arn:aws:iam::999988887777:role/auditor"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


@pytest.fixture
def clock() -> PassingClock:
    return PassingClock()


@pytest.fixture
def world(tmp_path: Path, clock: PassingClock) -> Iterator[World]:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        service.clock = clock
        yield World(service, tmp_path)


@pytest.fixture
def sts(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """STS, where the environment says that it is."""
    with recording(moto_url) as (recorder, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        yield recorder


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    write_config(
        path,
        iam=helper_line(world),
        admin=f"role_arn = {ADMIN}\nsource_profile = iam\nexternal_id = e-1\nrole_session_name = night-shift",
        auditor=f"role_arn = {AUDITOR}\nsource_profile = admin",
    )
    return path


def signer_of(received: Any) -> str:
    return str(received.header("authorization").partition("Credential=")[2].partition("/")[0])


def caller(session: boto3.Session, moto_url: str) -> str:
    """Return whom moto takes the session for."""
    return str(session.client("sts", endpoint_url=moto_url).get_caller_identity()["Arn"])


def roles_assumed(sts: Recorder) -> list[str]:
    return [form["RoleArn"] for form in sts.forms()]


def test_a_profile_that_names_ours_as_its_source(config: Path, world: World, sts: Recorder, moto_url: str) -> None:
    session = boto3.Session(botocore_session=create_botocore_session(profile="admin"))
    assert world.service.calls == sts.received == []
    assert caller(session, moto_url) == "arn:aws:sts::999988887777:assumed-role/admin/night-shift"
    assert session.region_name == REGION
    [form], [call] = sts.forms(), world.service.calls
    assert call.status == 201
    expected = {"Action": "AssumeRole", "RoleArn": ADMIN, "ExternalId": "e-1", "RoleSessionName": "night-shift"}
    assert {name: form[name] for name in expected} == expected
    assert session.get_credentials().get_frozen_credentials().account_id == "999988887777"


def test_the_call_is_signed_with_the_credentials_of_the_certificate(
    config: Path, world: World, sts: Recorder, moto_url: str
) -> None:
    first = boto3.Session(botocore_session=create_botocore_session(profile="iam"))
    key = first.get_credentials().get_frozen_credentials().access_key
    provider = create_botocore_session(profile="admin").get_component("credential_provider").providers[0]
    assumed = provider.load().get_frozen_credentials()
    assert len({key, signer_of(sts.received[0]), assumed.access_key}) == 3
    assert sts.received[0].header("x-amz-security-token")
    identity = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=moto_url,
        aws_access_key_id=assumed.access_key,
        aws_secret_access_key=assumed.secret_key,
        aws_session_token=assumed.token,
    ).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::999988887777:assumed-role/admin/night-shift"


def test_s3_with_the_second_role(config: Path, sts: Recorder, moto_url: str) -> None:
    s3 = boto3.Session(botocore_session=create_botocore_session(profile="admin")).client("s3", endpoint_url=moto_url)
    s3.create_bucket(Bucket="chained", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="chained", Key="greeting", Body=b"good day")
    assert s3.get_object(Bucket="chained", Key="greeting")["Body"].read() == b"good day"
    assert len(sts.received) == 1


def test_a_chain_of_three(config: Path, world: World, sts: Recorder, moto_url: str) -> None:
    session = boto3.Session(botocore_session=create_botocore_session(profile="auditor"))
    assert caller(session, moto_url).startswith("arn:aws:sts::999988887777:assumed-role/auditor/")
    assert roles_assumed(sts) == [ADMIN, AUDITOR]
    assert len({signer_of(received) for received in sts.received}) == 2
    assert len(world.service.calls) == 1


def by_argument(world: World, clock: PassingClock, *roles: AssumeRole) -> boto3.Session:
    return world.boto3_session(clock=clock, assume_role=list(roles))


def test_by_argument_with_all_that_sts_takes(world: World, clock: PassingClock, moto_url: str) -> None:
    with recording(moto_url) as (sts, url):
        role = AssumeRole(
            ADMIN,
            external_id="e-2",
            role_session_name="batch",
            duration_seconds=1800,
            policy=POLICY,
            tags={"team": "alarms", "stage": "é"},
            endpoint_url=url,
        )
        session = by_argument(world, clock, role)
        assert caller(session, moto_url) == "arn:aws:sts::999988887777:assumed-role/admin/batch"
        [form] = sts.forms()
    assert form == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ADMIN,
        "RoleSessionName": "batch",
        "DurationSeconds": "1800",
        "ExternalId": "e-2",
        "Policy": POLICY,
        "Tags.member.1.Key": "team",
        "Tags.member.1.Value": "alarms",
        "Tags.member.2.Key": "stage",
        "Tags.member.2.Value": "é",
    }


@pytest.mark.parametrize("by_profile", [True, False], ids=["profile", "argument"])
def test_both_are_renewed_when_their_time_comes(
    config: Path, world: World, clock: PassingClock, sts: Recorder, moto_url: str, by_profile: bool
) -> None:
    if by_profile:
        session = boto3.Session(botocore_session=create_botocore_session(profile="admin", clock=clock))
    else:
        session = by_argument(world, clock, AssumeRole(ADMIN))
    s3 = session.client("s3", endpoint_url=moto_url)
    s3.list_buckets()
    first = session.get_credentials().get_frozen_credentials()
    world.renew()
    for _ in range(3):
        s3.list_buckets()
    assert (len(world.service.calls), len(sts.received)) == (1, 1)
    clock.pass_to_the_last_minute()
    s3.list_buckets()
    assert (len(world.service.calls), len(sts.received)) == (2, 2)
    assert [call.status for call in world.service.calls] == [201, 201]
    assert session.get_credentials().get_frozen_credentials().access_key != first.access_key
    assert len({signer_of(received) for received in sts.received}) == 2


def test_the_second_alone_is_renewed_when_it_is_shorter(
    world: World, clock: PassingClock, sts: Recorder, moto_url: str
) -> None:
    session = by_argument(world, clock, AssumeRole(ADMIN, duration_seconds=900))
    s3 = session.client("s3", endpoint_url=moto_url)
    s3.list_buckets()
    clock.ahead += timedelta(minutes=14, seconds=30)
    s3.list_buckets()
    assert (len(world.service.calls), len(sts.received)) == (1, 2)


REFUSAL = (
    b"<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>"
    b"<Code>AccessDenied</Code><Message>User: x is not authorized to perform: sts:AssumeRole</Message></Error>"
    b"<RequestId>1</RequestId></ErrorResponse>"
)


def refuse(connection: Any) -> None:
    read_request(connection)
    connection.sendall(http(403, REFUSAL, Content_Type="text/xml"))


def test_a_refusal_of_sts_is_our_error_and_what_is_at_hand_lasts(
    world: World, clock: PassingClock, moto_url: str
) -> None:
    with raw_server(Recorder(moto_url), refuse, reads=False) as server:
        session = by_argument(world, clock, AssumeRole(ADMIN, endpoint_url=server.url))
        s3 = session.client("s3", endpoint_url=moto_url)
        s3.list_buckets()
        clock.pass_to_the_last_minute()
        s3.list_buckets()
        clock.pass_to_the_last_minute()
        with pytest.raises(AccessDeniedError, match="AccessDenied: User: x is not authorized") as caught:
            s3.list_buckets()
    assert ADMIN in caught.value.message
    assert "sts:AssumeRole" in str(caught.value.hint)
