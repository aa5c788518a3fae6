"""An application with the profile that it has today, one line changed, on the local service and on moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import botocore.session
import pytest

from rolesanywhere_signer import ConfigurationError, create_botocore_session
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.profiled import REGION, helper_line, own_keys, set_environment, write_config
from tests.support.rotating import PassingClock
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        yield World(service, tmp_path)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the AWS config file is; it is not there yet."""
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


def assert_it_works(session: boto3.Session, world: World, moto_url: str) -> None:
    """The service knows the credentials, S3 takes them, and one call brought them."""
    identity = world.sts(session).get_caller_identity()
    assert identity["Arn"].endswith(f":assumed-role/s3-reader/{world.leaf.certificate.serial_number:x}")
    s3 = session.client("s3", endpoint_url=moto_url)
    s3.create_bucket(Bucket="profiles", CreateBucketConfiguration={"LocationConstraint": session.region_name})
    s3.put_object(Bucket="profiles", Key="greeting", Body=b"good day")
    assert s3.get_object(Bucket="profiles", Key="greeting")["Body"].read() == b"good day"
    s3.delete_object(Bucket="profiles", Key="greeting")
    s3.delete_bucket(Bucket="profiles")
    assert [call.status for call in world.service.calls] == [201]


@pytest.mark.parametrize("write", [helper_line, own_keys])
def test_a_profile_by_its_name(world: World, config: Path, moto_url: str, write: Callable[[World], str]) -> None:
    write_config(config, iam=write(world))
    session = boto3.Session(botocore_session=create_botocore_session(profile="iam"))
    assert session.region_name == REGION
    assert_it_works(session, world, moto_url)


@pytest.mark.parametrize("write", [helper_line, own_keys])
@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_of_the_environment(
    world: World,
    config: Path,
    moto_url: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    write: Callable[[World], str],
) -> None:
    write_config(config, iam=write(world))
    monkeypatch.setenv(variable, "iam")
    session = boto3.Session(botocore_session=create_botocore_session())
    assert session.region_name == REGION
    assert_it_works(session, world, moto_url)


def test_the_default_profile(world: World, config: Path, moto_url: str) -> None:
    config.write_text(f"[default]\n{helper_line(world)}\n", encoding="utf-8")
    assert_it_works(boto3.Session(botocore_session=create_botocore_session()), world, moto_url)


def test_the_environment(world: World, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, certificate=world.certificate, private_key=world.private_key, **world.arns)
    set_environment(monkeypatch, endpoint_url=world.service.url)
    session = boto3.Session(botocore_session=create_botocore_session())
    assert session.region_name == "ap-northeast-2"
    assert_it_works(session, world, moto_url)


@pytest.mark.parametrize("newline", ["\n", "\\n"])
def test_pem_text_in_the_environment(
    world: World, moto_url: str, monkeypatch: pytest.MonkeyPatch, newline: str
) -> None:
    certificate, key = world.leaf.certificate_pem.decode(), world.leaf.private_key_pem.decode()
    set_environment(
        monkeypatch,
        certificate_pem=certificate.replace("\n", newline),
        private_key_pem=key.replace("\n", newline),
        endpoint_url=world.service.url,
        **world.arns,
    )
    world.certificate.unlink()
    assert_it_works(boto3.Session(botocore_session=create_botocore_session()), world, moto_url)


def test_the_session_that_every_client_of_boto3_takes(
    world: World, config: Path, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    write_config(config, iam=helper_line(world))
    boto3.setup_default_session(botocore_session=create_botocore_session(profile="iam"))
    boto3.client("s3", endpoint_url=moto_url).list_buckets()
    assert [call.status for call in world.service.calls] == [201]


def test_what_else_the_profile_says_counts_too(
    world: World, config: Path, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is changed: not where S3 is, nor how it is addressed, nor how often a call is tried."""
    others = f"endpoint_url = {moto_url}\nmax_attempts = 7\ns3 =\n  addressing_style = path"
    write_config(config, iam=f"{helper_line(world)}\n{others}")
    expected = botocore.session.Session(profile="iam")
    session = boto3.Session(botocore_session=create_botocore_session(profile="iam"))
    s3 = session.client("s3")
    s3.list_buckets()
    assert session.profile_name == "iam"
    assert s3.meta.endpoint_url == moto_url
    assert s3.meta.config.s3 == {"addressing_style": "path"}
    for name in ("region", "max_attempts", "s3"):
        assert session._session.get_config_variable(name) == expected.get_config_variable(name)


def test_an_argument_overrides_the_line(world: World, config: Path) -> None:
    write_config(config, iam=helper_line(world))
    role = world.service.create_role("other")
    profile = world.service.create_profile([role])
    session = boto3.Session(
        botocore_session=create_botocore_session(profile="iam", role_arn=role.arn, profile_arn=profile.arn)
    )
    assert ":assumed-role/other/" in world.sts(session).get_caller_identity()["Arn"]


@pytest.mark.parametrize("write", [helper_line, own_keys])
def test_the_certificate_of_a_profile_is_renewed_on_disk(
    world: World, config: Path, write: Callable[[World], str]
) -> None:
    write_config(config, iam=write(world))
    world.service.clock = clock = PassingClock()
    session = boto3.Session(botocore_session=create_botocore_session(profile="iam", clock=clock))
    sts = world.sts(session)
    sts.get_caller_identity()
    world.leaf = world.renew()
    clock.pass_to_the_last_minute()
    assert sts.get_caller_identity()["Arn"].endswith(f"/{world.leaf.certificate.serial_number:x}")
    assert [call.status for call in world.service.calls] == [201, 201]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda line: line + " --turbo", "--turbo", id="an unknown flag"),
        pytest.param(lambda line: line.rpartition(" ")[0], "--endpoint", id="a value"),
        pytest.param(lambda line: line + " \\", "backslash", id="a backslash at the end"),
    ],
)
def test_a_broken_line_is_refused_and_nothing_else_is_tried(
    world: World, config: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[str], str], said: str
) -> None:
    write_config(config, iam=spoil(helper_line(world)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    with pytest.raises(ConfigurationError, match="profile 'iam'") as caught:
        create_botocore_session(profile="iam")
    assert said in caught.value.message


def test_with_nothing_given_it_says_where_it_looked(config: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_botocore_session()
    for place in ("trust_anchor_arn", "ROLESANYWHERE_TRUST_ANCHOR_ARN", str(config), "'default'"):
        assert place in caught.value.message
