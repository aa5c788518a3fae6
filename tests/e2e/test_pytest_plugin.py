"""The fixtures for pytest beside moto in the same process, as users have them: S3 that moto stands in for."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere

moto = pytest.importorskip("moto")


def use_a_bucket(session: boto3.Session) -> None:
    s3: Any = session.client("s3")
    s3.create_bucket(Bucket="alarms")
    s3.put_object(Bucket="alarms", Key="greeting", Body=b"hello")
    assert s3.get_object(Bucket="alarms", Key="greeting")["Body"].read() == b"hello"


def test_s3_of_moto(rolesanywhere_session: botocore.session.Session, rolesanywhere_service: LocalRolesAnywhere) -> None:
    session = boto3.Session(botocore_session=rolesanywhere_session)
    with moto.mock_aws():
        use_a_bucket(session)
        assert [call.status for call in rolesanywhere_service.calls] == [201]
        assert session.get_credentials().access_key.startswith("ASIA")


def test_s3_of_moto_with_what_is_shared(rolesanywhere_shared_session: botocore.session.Session) -> None:
    with moto.mock_aws():
        use_a_bucket(boto3.Session(botocore_session=rolesanywhere_shared_session))
