"""The OpenSSL way, end to end: a certificate of the real openssl, and boto3 on a moto server with what it brings."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import boto3
import pytest

from rolesanywhere_signer import create_botocore_session, validate_certificate, validate_trust_anchor
from rolesanywhere_signer.certificates import load_certificates
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.e2e.moto_process import Recorder, Seen, moto_server, recording_proxy
from tests.e2e.openssl_pki import OpenSslPki

REGION = "ap-northeast-2"
CONTENT = "안녕하세요".encode()


@pytest.fixture
def pki(tmp_path: Path, require_tool: Callable[[str], str]) -> OpenSslPki:
    return OpenSslPki(require_tool("openssl"), tmp_path)


@pytest.fixture(scope="module")
def moto_port() -> Iterator[int]:
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("moto[server] is not installed")
    with moto_server() as port:
        yield port


@pytest.fixture
def moto(moto_port: int) -> Iterator[Recorder]:
    with recording_proxy(moto_port) as recorder:
        yield recorder


@pytest.fixture
def service() -> Iterator[LocalRolesAnywhere]:
    with LocalRolesAnywhere(region=REGION) as service:
        yield service


def make_session(
    service: LocalRolesAnywhere, pki: OpenSslPki, clock: Callable[[], datetime] | None = None
) -> boto3.Session:
    anchor = service.create_trust_anchor(pki.ca)
    role = service.create_role("s3-reader")
    profile = service.create_profile([role])
    return boto3.Session(
        botocore_session=create_botocore_session(
            certificate=pki.certificate,
            private_key=pki.private_key,
            trust_anchor_arn=anchor.arn,
            profile_arn=profile.arn,
            role_arn=role.arn,
            endpoint_url=service.url,
            trust_anchor=pki.ca,
            clock=clock,
        )
    )


def test_openssl_made_what_the_company_wanted(pki: OpenSslPki) -> None:
    """Issuer and subject of the client are equal, it is not self-signed, and the files have their leading blocks."""
    [ca], [client] = load_certificates(pki.ca), load_certificates(pki.certificate)

    assert pki.ca.read_text().startswith("Certificate:\n")
    assert pki.private_key.read_text().startswith("-----BEGIN EC PARAMETERS-----")
    assert client.subject == client.issuer == ca.subject
    assert client.subject.rfc4514_string() == "O=Kimalarm Inc.,L=Seoul,C=KR"
    assert client.public_key() != ca.public_key()
    assert client.signature_hash_algorithm is not None
    assert client.signature_hash_algorithm.name == "sha512"
    assert client.serial_number == pki.serial_number()


def test_the_certificates_are_valid_by_the_rules_of_the_service(pki: OpenSslPki) -> None:
    report = validate_certificate(pki.certificate, private_key=pki.private_key, trust_anchor=pki.ca)
    assert report.ok
    assert report.findings == ()
    assert validate_trust_anchor(pki.ca).findings == ()


def test_a_bucket_lives_and_dies_with_the_vended_credentials(
    pki: OpenSslPki, service: LocalRolesAnywhere, moto: Recorder
) -> None:
    session = make_session(service, pki)
    assert session.region_name == REGION
    s3 = session.client("s3", endpoint_url=moto.url)

    s3.create_bucket(Bucket="alarms", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="alarms", Key="greeting", Body=CONTENT)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="alarms")["Contents"]] == ["greeting"]
    assert s3.get_object(Bucket="alarms", Key="greeting")["Body"].read() == CONTENT
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "alarms", "Key": "greeting"})
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the URL is our own
        assert answer.read() == CONTENT
    s3.delete_object(Bucket="alarms", Key="greeting")
    s3.delete_bucket(Bucket="alarms")
    assert s3.list_buckets()["Buckets"] == []

    vended = session.get_credentials().get_frozen_credentials()
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
            ("GET", "/"),
        ]
    ]
    assert [call.status for call in service.calls] == [201]
    assert vended.access_key.startswith("ASIA")


def test_the_service_knows_the_vended_credentials(pki: OpenSslPki, service: LocalRolesAnywhere) -> None:
    identity = make_session(service, pki).client("sts", endpoint_url=service.url).get_caller_identity()
    assert identity["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/s3-reader/")


def test_a_certificate_that_openssl_renews_on_disk_is_used_by_the_next_refresh(
    pki: OpenSslPki, service: LocalRolesAnywhere, moto: Recorder
) -> None:
    start = datetime.now(timezone.utc)
    passed = timedelta(0)
    service.clock = clock = lambda: start + passed
    session = make_session(service, pki, clock)
    s3 = session.client("s3", endpoint_url=moto.url)
    s3.list_buckets()
    old_serial = pki.serial_number()
    pki.renew_client()
    passed = timedelta(minutes=59, seconds=30)
    s3.list_buckets()

    new_serial = pki.serial_number()
    assert new_serial != old_serial
    assert [_serial_of(call.request.headers) for call in service.calls] == [old_serial, new_serial]
    assert [call.status for call in service.calls] == [201, 201]
    assert len({seen.access_key_id for seen in moto.seen}) == 2


def _serial_of(headers: Iterable[tuple[str, str]]) -> int:
    return int(dict(headers)["Authorization"].partition("Credential=")[2].partition("/")[0])
