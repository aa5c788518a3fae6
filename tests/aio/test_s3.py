"""S3 through aiobotocore and s3fs, on a moto server, with the credentials of the local service."""

from __future__ import annotations

import asyncio
import gc
import urllib.request
from collections.abc import Iterator

import pytest
import s3fs

from rolesanywhere_signer.errors import AccessDeniedError
from rolesanywhere_signer.roles import AssumeRole
from tests.aio.world import AioWorld, run
from tests.e2e.moto_process import Recorder, Seen

CONTENT = "안녕하세요".encode()
PLACE = {"LocationConstraint": "ap-northeast-2"}


@pytest.fixture(autouse=True)
def file_systems_end_with_their_test() -> Iterator[None]:
    """Let s3fs close what it closes when it is collected here, where no loop runs that it would take for its own."""
    yield
    gc.collect()


def test_a_bucket_lives_and_dies_with_the_vended_credentials(world: AioWorld, moto: Recorder) -> None:
    session = world.aio_session()

    async def main() -> None:
        async with session.create_client("s3", endpoint_url=moto.url) as s3:
            await s3.create_bucket(Bucket="alarms", CreateBucketConfiguration=PLACE)
            await s3.put_object(Bucket="alarms", Key="greeting", Body=CONTENT)
            listed = await s3.list_objects_v2(Bucket="alarms")
            assert [entry["Key"] for entry in listed["Contents"]] == ["greeting"]
            answer = await s3.get_object(Bucket="alarms", Key="greeting")
            assert await answer["Body"].read() == CONTENT
            url = await s3.generate_presigned_url("get_object", Params={"Bucket": "alarms", "Key": "greeting"})
            assert await asyncio.to_thread(fetch, url) == CONTENT
            await s3.delete_object(Bucket="alarms", Key="greeting")
            await s3.delete_bucket(Bucket="alarms")
        vended = await (await session.get_credentials()).get_frozen_credentials()
        assert moto.seen == [
            Seen(method, path, vended.access_key, vended.token)
            for method, path in [
                ("PUT", "/alarms"),
                ("PUT", "/alarms/greeting"),
                ("GET", "/alarms"),
                ("GET", "/alarms/greeting"),
                ("GET", "/alarms/greeting"),
                ("DELETE", "/alarms/greeting"),
                ("DELETE", "/alarms"),
            ]
        ]

    run(main())
    assert [call.status for call in world.service.calls] == [201]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the URL is our own
        return bytes(answer.read())


def test_200_tasks_that_use_s3_at_the_moment_of_refresh_make_one_call(world: AioWorld, moto: Recorder) -> None:
    session = world.aio_session(clock=world.clock)

    async def main() -> None:
        async with session.create_client("s3", endpoint_url=moto.url) as s3:
            await s3.create_bucket(Bucket="many", CreateBucketConfiguration=PLACE)
            world.clock.pass_seconds(3570)
            await asyncio.gather(*(s3.put_object(Bucket="many", Key=str(n), Body=b"x") for n in range(200)))

    run(main())

    first, *others = [seen.access_key_id for seen in moto.seen]
    assert len(others) == 200
    assert len(set(others)) == 1
    assert others[0] != first
    assert len(world.service.calls) == 2


def test_s3fs_reads_and_writes_from_synchronous_code(world: AioWorld, moto: Recorder) -> None:
    """Its event loop runs in a thread of its own."""
    files = s3fs.S3FileSystem(session=world.aio_session(), endpoint_url=moto.url, skip_instance_cache=True)

    files.mkdir("plain", region_name="ap-northeast-2")
    with files.open("plain/greeting", "wb") as file:
        file.write(CONTENT)
    assert files.ls("plain") == ["plain/greeting"]
    with files.open("plain/greeting", "rb") as file:
        assert file.read() == CONTENT
    files.rm("plain", recursive=True)

    assert len({seen.access_key_id for seen in moto.seen}) == 1
    assert moto.seen[0].access_key_id.startswith("ASIA")
    assert [call.status for call in world.service.calls] == [201]


def test_s3fs_reads_and_writes_from_tasks(world: AioWorld, moto: Recorder) -> None:
    async def main() -> None:
        files = s3fs.S3FileSystem(
            session=world.aio_session(), endpoint_url=moto.url, asynchronous=True, skip_instance_cache=True
        )
        client = await files.set_session()
        await files._mkdir("tasks", region_name="ap-northeast-2")
        await asyncio.gather(*(files._pipe_file(f"tasks/{n}", CONTENT) for n in range(20)))
        found = await asyncio.gather(*(files._cat_file(f"tasks/{n}") for n in range(20)))
        assert found == [CONTENT] * 20
        await client.close()

    run(main())
    assert len({seen.access_key_id for seen in moto.seen}) == 1
    assert [call.status for call in world.service.calls] == [201]


def test_s3fs_lets_our_error_through(world: AioWorld, moto: Recorder) -> None:
    stranger = world.service.create_role("stranger")
    session = world.aio_session(role_arn=stranger.arn)
    files = s3fs.S3FileSystem(session=session, endpoint_url=moto.url, skip_instance_cache=True)

    with pytest.raises(AccessDeniedError, match=r"hint: .* is not among the roles of"):
        files.ls("")
    assert moto.seen == []


def test_a_further_role_is_assumed_in_the_thread_too(world: AioWorld, moto: Recorder) -> None:
    reports = AssumeRole("arn:aws:iam::210987654321:role/reports", role_session_name="app", endpoint_url=moto.url)
    session = world.aio_session(assume_role=reports)

    async def main() -> None:
        credentials = await session.get_credentials()
        assert await credentials.get_account_id() == "210987654321"
        async with session.create_client("sts", endpoint_url=moto.url) as sts:
            assert (await sts.get_caller_identity())["Arn"].endswith(":assumed-role/reports/app")

    run(main())
    assert [call.status for call in world.service.calls] == [201]
