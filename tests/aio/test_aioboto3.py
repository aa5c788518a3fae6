"""aioboto3 with our session: clients and resources, on a moto server."""

from __future__ import annotations

import aioboto3

from tests.aio.world import AioWorld, run
from tests.e2e.moto_process import Recorder


def test_clients_and_resources_use_the_vended_credentials(world: AioWorld, moto: Recorder) -> None:
    session = aioboto3.Session(botocore_session=world.aio_session())

    async def main() -> None:
        async with session.client("s3", endpoint_url=moto.url) as s3:
            await s3.create_bucket(
                Bucket="resources", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"}
            )
        async with session.resource("s3", endpoint_url=moto.url) as s3:
            bucket = await s3.Bucket("resources")
            await bucket.put_object(Key="greeting", Body=b"hello")
            assert [entry.key async for entry in bucket.objects.all()] == ["greeting"]

    run(main())
    assert len({seen.access_key_id for seen in moto.seen}) == 1
    assert moto.seen[0].access_key_id.startswith("ASIA")
    assert [call.status for call in world.service.calls] == [201]
