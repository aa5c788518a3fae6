"""Sessions of aiobotocore with our credentials: what they stand on, what they send and when."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from aiobotocore.session import AioSession

from rolesanywhere_signer import create_botocore_session, install
from rolesanywhere_signer.aio import create_aiobotocore_session
from rolesanywhere_signer.errors import AccessDeniedError, CertificateLoadError, ConfigurationError, KeyMismatchError
from tests.aio.world import AioWorld, run
from tests.support.servers import http, raw_server


async def identity(session: AioSession, endpoint_url: str) -> dict[str, Any]:
    async with session.create_client("sts", endpoint_url=endpoint_url) as sts:
        return dict(await sts.get_caller_identity())


def test_a_client_gets_an_identity_that_the_service_confirms(world: AioWorld) -> None:
    found = run(identity(world.aio_session(), world.service.url))

    serial = f"{world.leaf.certificate.serial_number:x}"
    assert found["Arn"] == f"arn:aws:sts::123456789012:assumed-role/s3-reader/{serial}"
    assert [call.status for call in world.service.calls] == [201]


def test_nothing_is_sent_before_the_first_use(world: AioWorld) -> None:
    async def main(url: str) -> None:
        session = world.aio_session(endpoint_url=url)
        credentials = await session.get_credentials()
        for name in ("s3", "dynamodb"):
            async with session.create_client(name):
                pass
        assert credentials.method == "custom-roles-anywhere"

    with raw_server(http(500)) as server:
        run(main(server.url))
        assert server.connections == 0


def test_a_refused_first_use_is_our_error_with_its_hint_in_the_text(world: AioWorld) -> None:
    stranger = world.service.create_role("stranger")
    with pytest.raises(AccessDeniedError) as caught:
        run(identity(world.aio_session(role_arn=stranger.arn), world.service.url))
    assert f"hint: {stranger.arn} is not among the roles of" in str(caught.value)


# --- the provider in a session ------------------------------------------------------------------------------------


def test_load_gives_always_the_same_object(world: AioWorld) -> None:
    provider = world.aio_provider()
    session = AioSession()
    install(provider, session)

    async def main() -> None:
        assert await provider.load() is await provider.load()
        assert await session.get_credentials() is await provider.load()

    run(main())
    assert world.service.calls == []


def test_keys_of_environment_and_profile_do_not_win(world: AioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    credentials = run(world.aio_session().get_credentials())
    assert run(credentials.get_access_key()).startswith("ASIA")


def test_each_kind_of_session_takes_its_own_kind_of_provider(world: AioWorld) -> None:
    with pytest.raises(ConfigurationError, match=r"aiobotocore\.session .* RolesAnywhereProvider") as caught:
        install(world.provider(), AioSession())
    assert "RolesAnywhereAioProvider" in str(caught.value.hint)
    with pytest.raises(ConfigurationError, match=r"botocore\.session .* RolesAnywhereAioProvider"):
        install(world.aio_provider(), botocore.session.Session())


# --- options, profile and region ----------------------------------------------------------------------------------


def test_without_a_region_of_the_user_the_session_has_the_trust_anchors(world: AioWorld) -> None:
    assert world.aio_session().get_config_variable("region") == "ap-northeast-2"


def test_the_region_of_the_user_is_the_sessions(world: AioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session = world.aio_session()
    assert session.get_config_variable("region") == "eu-west-1"
    run(identity(session, world.service.url))
    assert [call.status for call in world.service.calls] == [201]


def test_a_profile_says_what_to_ask_for_and_its_region_counts(
    world: AioWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        **world.arns,
        "certificate": world.certificate,
        "private_key": world.private_key,
        "endpoint_url": world.service.url,
    }
    lines = "\n".join(f"rolesanywhere_{name} = {value}" for name, value in options.items())
    config = tmp_path / "config"
    config.write_text(f"[profile iam]\nregion = eu-central-1\n{lines}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    session = create_aiobotocore_session(profile="iam")

    assert session.get_config_variable("region") == "eu-central-1"
    assert run(identity(session, world.service.url))["Account"] == "123456789012"


@pytest.mark.parametrize(
    "bad",
    [
        {"role_arn": "arn:aws:iam::999999999999:role/x"},
        {"certificat": "client.pem"},
        {"endpoint_url": "http://service.example"},
        {"cache": 7},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_the_same_error_as_for_botocore(world: AioWorld, bad: dict[str, Any]) -> None:
    arguments = {"certificate": world.certificate, "private_key": world.private_key, **world.arns, **bad}
    errors = []
    for create in (create_botocore_session, create_aiobotocore_session):
        with pytest.raises(ConfigurationError) as caught:
            create(**arguments)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_what_is_wrong_with_the_identity_is_told_at_once(world: AioWorld) -> None:
    with pytest.raises(CertificateLoadError, match=r"none\.pem"):
        world.aio_session(certificate="none.pem")
    world.private_key.write_bytes(world.ca.issue("CN=other").private_key_pem)
    with pytest.raises(KeyMismatchError):
        world.aio_session()
    assert world.service.calls == []


# --- the credentials ----------------------------------------------------------------------------------------------


def test_all_parts_are_of_one_set(world: AioWorld) -> None:
    credentials = world.credentials()

    async def main() -> None:
        frozen = await credentials.get_frozen_credentials()
        parts = (
            await credentials.get_access_key(),
            await credentials.get_secret_key(),
            await credentials.get_token(),
            await credentials.get_account_id(),
        )
        assert parts == tuple(frozen)
        assert parts[3] == "123456789012"

    run(main())
    assert len(world.service.calls) == 1


class _SeenError(Exception):
    """Ends an operation once its URL is known."""


def test_the_account_id_reaches_endpoints_that_are_made_of_it(world: AioWorld) -> None:
    def see(request: Any, **_others: Any) -> None:
        raise _SeenError(urlsplit(request.url).hostname)

    async def main() -> None:
        async with world.aio_session().create_client("dynamodb") as client:
            client.meta.events.register("before-sign.dynamodb.ListTables", see)
            await client.list_tables()

    with pytest.raises(_SeenError, match=r"^123456789012\.ddb\.ap-northeast-2\.amazonaws\.com$"):
        run(main())


ATTRIBUTES = ["access_key", "secret_key", "token", "account_id"]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_does_not_wait(world: AioWorld, name: str) -> None:
    credentials = world.credentials()
    with pytest.raises(ConfigurationError, match="cannot wait") as caught:
        getattr(credentials, name)
    assert "await get_frozen_credentials()" in str(caught.value.hint)
    assert world.service.calls == []

    frozen = run(credentials.get_frozen_credentials())
    assert getattr(credentials, name) == getattr(frozen, name)

    world.clock.pass_seconds(4000)
    with pytest.raises(ConfigurationError, match="cannot wait"):
        getattr(credentials, name)


def test_reprs_and_pickles_hide_secrets(world: AioWorld) -> None:
    provider = world.aio_provider()
    credentials = run(provider.load())
    frozen = run(credentials.get_frozen_credentials())

    assert repr(credentials) == "<RolesAnywhereAioCredentials method='custom-roles-anywhere'>"
    assert frozen.secret_key not in repr(frozen)
    assert frozen.token not in repr(frozen)
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(credentials)


def test_an_unpickled_provider_gets_credentials_of_its_own(world: AioWorld) -> None:
    # Its clock is the machine's: a clock of a test cannot be pickled with the rest.
    provider = type(world.aio_provider())(world.client())
    mine = run(run(provider.load()).get_frozen_credentials())

    pickled = pickle.dumps(provider)
    other = run(run(pickle.loads(pickled).load()).get_frozen_credentials())

    for secret in mine[:3]:
        assert secret.encode() not in pickled
    assert other.access_key != mine.access_key
    assert len(world.service.calls) == 2
