"""Where the provider stands in a botocore session, and what the session takes from the user's configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import boto3
import botocore.session
import pytest

from rolesanywhere_signer.botocore_base import install
from rolesanywhere_signer.errors import ConfigurationError, RolesAnywhereError
from rolesanywhere_signer.provider import RolesAnywhereProvider
from tests.support.servers import http, raw_server
from tests.support.world import World

Configure = Callable[[str, str], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Write the user's AWS config and credentials files."""

    def write(config: str, credentials: str = "") -> None:
        for variable, content in (("AWS_CONFIG_FILE", config), ("AWS_SHARED_CREDENTIALS_FILE", credentials)):
            path = tmp_path / variable
            path.write_text(content)
            monkeypatch.setenv(variable, str(path))

    return write


def access_key(session: botocore.session.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return str(credentials.access_key)


# --- ahead of every other provider --------------------------------------------------------------------------------


def test_the_names_are_those_of_the_awslabs_package() -> None:
    assert RolesAnywhereProvider.METHOD == "custom-roles-anywhere"
    assert RolesAnywhereProvider.CANONICAL_NAME == "customRolesAnywhere"


def test_load_gives_always_the_same_object(world: World) -> None:
    provider = world.provider()
    assert provider.load() is provider.load()
    assert world.service.calls == []


def test_the_provider_stands_first(world: World) -> None:
    session = botocore.session.Session()
    provider = world.provider()
    install(provider, session)

    providers = session.get_component("credential_provider").providers
    assert providers[0] is provider
    assert len(providers) > 5
    assert session.get_credentials() is provider.load()


def test_keys_of_the_environment_do_not_win(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert access_key(world.botocore_session()).startswith("ASIA")


@pytest.mark.parametrize("named_by", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_keys_of_a_profile_do_not_win(
    world: World, configure: Configure, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    configure(
        "[profile prod]\nregion = eu-west-1\n", "[prod]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv(named_by, "prod")
    assert access_key(world.botocore_session()).startswith("ASIA")


def test_a_session_with_an_explicit_profile_has_another_first_provider_and_takes_ours(
    world: World, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[profile prod]\n", "[prod]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = botocore.session.Session(profile="prod")
    assert "env" not in [one.METHOD for one in session.get_component("credential_provider").providers]

    install(world.provider(), session)

    assert access_key(session).startswith("ASIA")


def test_a_role_of_the_profile_does_not_win(world: World, configure: Configure) -> None:
    configure("[default]\nrole_arn = arn:aws:iam::123456789012:role/other\ncredential_source = Environment\n")
    assert access_key(world.botocore_session()).startswith("ASIA")


def test_the_provider_installed_last_stands_first(world: World) -> None:
    session = botocore.session.Session()
    first, second = world.provider(), world.provider()
    install(first, session)
    install(second, session)
    assert session.get_credentials() is second.load()


def test_a_session_that_has_credentials_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = botocore.session.Session()
    session.get_credentials()

    with pytest.raises(ConfigurationError, match="loaded its credentials already") as caught:
        install(world.provider(), session)
    assert caught.value.hint


def test_a_session_that_a_client_was_made_of_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = botocore.session.Session()
    session.create_client("s3", region_name="us-east-1")
    with pytest.raises(ConfigurationError):
        install(world.provider(), session)


def test_a_session_that_looked_for_credentials_in_vain_is_not_refused(world: World) -> None:
    session = botocore.session.Session()
    assert session.get_credentials() is None
    install(world.provider(), session)
    assert access_key(session).startswith("ASIA")


@pytest.mark.parametrize("session", [boto3.Session(), None, "session"], ids=["boto3", "None", "str"])
def test_what_is_no_botocore_session_is_our_error(world: World, session: object) -> None:
    with pytest.raises(ConfigurationError, match="botocore"):
        install(world.provider(), session)  # type: ignore[arg-type]


# --- region -------------------------------------------------------------------------------------------------------


def test_without_a_region_of_the_user_the_session_has_the_trust_anchors(world: World) -> None:
    assert world.boto3_session().region_name == "ap-northeast-2"


def test_the_region_that_signs_is_the_sessions_without_one_of_the_user(world: World) -> None:
    assert world.boto3_session(region="eu-north-1").region_name == "eu-north-1"


@pytest.mark.parametrize("where", ["environment", "default profile", "named profile"])
def test_the_users_region_wins(world: World, configure: Configure, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "environment":
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    else:
        section = "default" if where == "default profile" else "profile mine"
        configure(f"[{section}]\nregion = eu-west-3\n", "")
        if where == "named profile":
            monkeypatch.setenv("AWS_PROFILE", "mine")

    session = world.boto3_session()

    assert session.region_name == "eu-west-3"
    assert session.client("s3").meta.region_name == "eu-west-3"
    # CreateSession goes to the trust anchor's region all the same.
    assert session.get_credentials().access_key.startswith("ASIA")
    assert "/ap-northeast-2/rolesanywhere/" in dict(world.service.calls[0].request.headers)["Authorization"]


def test_a_region_given_to_boto3_wins(world: World) -> None:
    session = boto3.Session(botocore_session=world.botocore_session(), region_name="sa-east-1")
    assert session.client("s3").meta.region_name == "sa-east-1"


def test_install_leaves_the_region_of_a_session_alone(world: World) -> None:
    session = botocore.session.Session()
    install(world.provider(), session)
    assert session.get_config_variable("region") is None


# --- a configuration that cannot be used --------------------------------------------------------------------------

BROKEN_FILES = {
    "no section": "region = us-east-1\n",
    "double section": "[default]\na = 1\n[default]\nb = 2\n",
    "double option": "[default]\nregion = a\nregion = b\n",
    "nested": "[default]\ns3 =\n  nothing\n",
    "open bracket": "[default\nregion = us-east-1\n",
}


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_config_file_is_our_error(world: World, configure: Configure, content: str) -> None:
    configure(content, "")
    with pytest.raises(ConfigurationError, match="AWS configuration") as caught:
        world.botocore_session()
    assert "AWS_CONFIG_FILE" in caught.value.message
    assert caught.value.hint


def test_a_binary_config_file_is_our_error(world: World, configure: Configure, tmp_path: Path) -> None:
    configure("", "")
    (tmp_path / "AWS_CONFIG_FILE").write_bytes(b"\x80\xff\x00[default]")
    with pytest.raises(ConfigurationError):
        world.botocore_session()


BROKEN_ENVIRONMENTS = {
    "AWS_PROFILE": "missing",
    "AWS_METADATA_SERVICE_TIMEOUT": "soon",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "many",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv5",
}


@pytest.mark.parametrize(("name", "value"), BROKEN_ENVIRONMENTS.items())
def test_a_broken_environment_is_our_error(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="AWS configuration"):
        world.botocore_session()


@pytest.mark.parametrize(("name", "value"), BROKEN_ENVIRONMENTS.items())
def test_install_into_a_session_with_a_broken_environment_is_our_error(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="AWS configuration"):
        install(world.provider(), botocore.session.Session())


def test_a_profile_that_is_missing_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(ConfigurationError, match="no-such-profile"):
        world.botocore_session()


def test_whatever_is_broken_nothing_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with raw_server(http(500)) as server, pytest.raises(RolesAnywhereError):
        world.botocore_session(endpoint_url=server.url)
    assert server.connections == 0
