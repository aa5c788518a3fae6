"""The credentials inside botocore: their failures, their reprs, and what a pickle of the provider carries."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.errors import (
    AccessDeniedError,
    CertificateLoadError,
    ConfigurationError,
    KeyMismatchError,
    ResourceNotFoundError,
    TransportError,
)
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.provider import RolesAnywhereProvider
from rolesanywhere_signer.settings import Settings
from tests.support.servers import unused_port
from tests.support.world import World

PASSPHRASE = "planted-passphrase"


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "sleep", lambda _seconds: None)


# --- failures -----------------------------------------------------------------------------------------------------


def use_client(world: World, **others: Any) -> object:
    return world.sts(world.boto3_session(**others)).get_caller_identity()


def use_presigner(world: World, **others: Any) -> object:
    return world.boto3_session(**others).client("s3").generate_presigned_url("list_buckets")


def use_credentials(world: World, **others: Any) -> object:
    return world.boto3_session(**others).get_credentials().get_frozen_credentials()


USES = [use_client, use_presigner, use_credentials]


@pytest.mark.parametrize("use", USES)
def test_a_refused_first_load_is_our_error_with_its_hint_in_the_text(world: World, use: Any) -> None:
    stranger = world.service.create_role("stranger")
    with pytest.raises(AccessDeniedError) as caught:
        use(world, role_arn=stranger.arn)

    text = str(caught.value)
    assert "Requested Role isn't one of those listed in the Profile." in text
    assert f"hint: {stranger.arn} is not among the roles of" in text


@pytest.mark.parametrize("use", USES)
def test_a_service_that_is_not_there_is_our_error(world: World, use: Any) -> None:
    with unused_port() as port, pytest.raises(TransportError, match="Connection refused"):
        use(world, endpoint_url=f"http://127.0.0.1:{port}")


def test_a_failed_first_use_does_not_spoil_the_next(world: World) -> None:
    anchor_arn = world.arns["trust_anchor_arn"].replace("trust-anchor/", "trust-anchor/0")
    session = world.boto3_session(trust_anchor_arn=anchor_arn)
    with pytest.raises(ResourceNotFoundError, match="Specified Trust Anchor wasn't found"):
        session.get_credentials().get_frozen_credentials()
    world.service.create_trust_anchor(world.ca.certificate_pem, arn=anchor_arn)

    assert session.get_credentials().access_key.startswith("ASIA")


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive it must be
        "2026-01-01",
        None,
        0,
    ],
    ids=repr,
)
def test_a_clock_that_tells_no_aware_time_is_our_error(world: World, moment: object) -> None:
    credentials = world.botocore_session(clock=lambda: moment).get_credentials()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="clock"):
            credentials.get_frozen_credentials()


def test_a_clock_that_stops_telling_aware_time_is_our_error(world: World) -> None:
    moment = datetime.now(timezone.utc)
    credentials = world.botocore_session(clock=lambda: moment).get_credentials()
    assert credentials.access_key.startswith("ASIA")
    moment = moment.replace(tzinfo=None)
    with pytest.raises(ConfigurationError, match="clock"):
        credentials.get_frozen_credentials()


def test_a_key_that_does_not_match_is_told_before_anything_is_sent(world: World) -> None:
    world.private_key.write_bytes(world.ca.issue("CN=other").private_key_pem)
    with pytest.raises(KeyMismatchError):
        world.botocore_session()
    assert world.service.calls == []


def test_a_certificate_that_is_missing_is_told_at_once(world: World) -> None:
    with pytest.raises(CertificateLoadError, match=r"none\.pem"):
        world.botocore_session(certificate="none.pem")


@pytest.mark.parametrize(
    "bad",
    [
        {"role_arn": "arn:aws:iam::999999999999:role/x"},
        {"duration_seconds": 60},
        {"region": "us-east-1-fips"},
        {"endpoint_url": "http://service.example"},
        {"proxies": "http://proxy"},
        {"max_attempts": 0},
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_our_error(world: World, bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        world.botocore_session(**bad)


# --- nothing secret in a repr -------------------------------------------------------------------------------------


def test_reprs_hide_secrets(world: World) -> None:
    credentials = world.botocore_session().get_credentials()
    frozen = credentials.get_frozen_credentials()
    shown = f"{credentials!r}{credentials}{frozen!r}{frozen}{[frozen]}{ {'x': credentials} }{frozen:}"

    assert frozen.secret_key not in shown
    assert frozen.token not in shown
    assert frozen.access_key in repr(frozen)


# --- pickle, copies, other processes ------------------------------------------------------------------------------


def encrypt_key(world: World) -> bytes:
    """Encrypt the key on disk; return its private number, which no pickle may hold."""
    key: Any = world.leaf.private_key
    world.private_key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode()))
    )
    return key.private_numbers().private_value.to_bytes(48, "big")


def test_a_pickled_provider_carries_no_secret(world: World) -> None:
    number = encrypt_key(world)
    settings = Settings(endpoint_url=world.service.url, **world.arns)
    identity = Identity.from_files(world.certificate, world.private_key, passphrase=PASSPHRASE)
    provider = RolesAnywhereProvider(RolesAnywhereClient(settings, identity))
    frozen = provider.load().get_frozen_credentials()

    pickled = pickle.dumps(provider)

    for secret in (frozen.secret_key, frozen.token, frozen.access_key, PASSPHRASE):
        assert secret.encode() not in pickled
    assert number not in pickled
    assert b"PRIVATE KEY" not in pickled
    assert world.private_key.name.encode() in pickled  # so that the other process can read it


def test_an_unpickled_provider_gets_credentials_of_its_own(world: World) -> None:
    provider = world.provider()
    mine = provider.load().access_key

    other = pickle.loads(pickle.dumps(provider))

    assert other.load().access_key != mine
    assert provider.load().access_key == mine
    assert len(world.service.calls) == 2


def test_a_copied_provider_works(world: World) -> None:
    assert copy.deepcopy(world.provider()).load().access_key.startswith("ASIA")


def test_a_provider_of_bytes_is_not_pickled(world: World) -> None:
    settings = Settings(endpoint_url=world.service.url, **world.arns)
    identity = Identity.from_bytes(world.leaf.certificate_pem, world.leaf.private_key_pem)
    with pytest.raises(ConfigurationError, match="pickled"):
        pickle.dumps(RolesAnywhereProvider(RolesAnywhereClient(settings, identity)))


def test_a_fresh_process_gets_credentials_from_a_pickled_provider(world: World, tmp_path: Path) -> None:
    path = tmp_path / "provider.pickle"
    path.write_bytes(pickle.dumps(world.provider()))
    program = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).load().account_id)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "123456789012", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_worker_gets_credentials(world: World) -> None:
    credentials = world.botocore_session().get_credentials()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            status = 0 if credentials.access_key.startswith("ASIA") else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert [call.status for call in world.service.calls] == [201]
