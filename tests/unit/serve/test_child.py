"""The environment of a program that is to use a container endpoint, as the SDKs would read it."""

from __future__ import annotations

import stat
from pathlib import Path

import botocore.session
import pytest

from rolesanywhere_signer.aws_config import ConfigFile
from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.serve.child import Endpoint, child_config, child_environment

ENDPOINT = Endpoint("http://127.0.0.1:4242/", "/run/private/token")

CONFIG = """\
# aws_secret_access_key = PLANTED-in-a-comment
[default]
region = us-west-1
aws_access_key_id = AKIAPLANTED
aws_secret_access_key = PLANTED-default

[profile onprem]
region = eu-west-3
output = text
CA_Bundle = /etc/ssl/ours.pem
services = local
s3 =
    max_concurrent_requests = 7
    addressing_style = path
cli_pager =
credential_process = rolesanywhere-signer credential-process --certificate a.pem
    --pkcs8-password PLANTED-password
rolesanywhere_certificate = a.pem
rolesanywhere_passphrase = PLANTED-passphrase
role_arn = arn:aws:iam::123456789012:role/next
source_profile = other
external_id = PLANTED-external
mfa_serial = x
sso_session = corp
sso_account_id = 1
web_identity_token_file = token
login_session = x
aws_account_id = 123456789012

[services local]
sts =
    endpoint_url = http://127.0.0.1:1

[sso-session corp]
sso_region = eu-west-1

[profile other]
region = eu-north-1
aws_access_key_id = AKIAPLANTED
AWS_Secret_Access_Key : PLANTED-other
  PLANTED-continued
aws_session_token = PLANTED-token
; rolesanywhere_passphrase = PLANTED-in-a-comment
rolesanywhere_private_key = pkcs11:token=card?pin-value=PLANTED-pin
credential_process = rolesanywhere-signer credential-process --certificate b.pem

[profile third]
credential_process = rolesanywhere-signer credential-process --certificate c.pem
    --pkcs8-password PLANTED-password
output = table
nonsense without a value
"""


def child_of(tmp_path: Path, text: str | None = CONFIG, profile: str | None = None, **variables: str) -> dict[str, str]:
    """Return the environment of a program whose user has a config file."""
    own = tmp_path / "users-config"
    if text is not None:
        own.write_text(text, encoding="utf-8")
    private = tmp_path / "private"
    private.mkdir()
    environment = {"AWS_CONFIG_FILE": str(own), **variables}
    return child_environment(environment, ENDPOINT, str(private), profile=profile, region="eu-central-1")


def test_the_endpoint_is_named(tmp_path: Path) -> None:
    child = child_of(tmp_path)
    assert child["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4242/"
    assert child["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == "/run/private/token"


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_ROLE_SESSION_NAME"),
        *("AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE", "ROLESANYWHERE_PASSPHRASE", "AWS_BEARER_TOKEN_BEDROCK"),
        *("ROLESANYWHERE_PRIVATE_KEY_PEM", "ROLESANYWHERE_CERTIFICATE", "ROLESANYWHERE_ANYTHING"),
    ],
)
def test_what_would_win_over_it_or_is_a_secret_is_taken_away(tmp_path: Path, name: str) -> None:
    child = child_of(tmp_path, "[profile default]\n", **{name: "default"})
    assert name not in child


@pytest.mark.parametrize("name", ["PATH", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_S3", "AWS_MAX_ATTEMPTS", "HTTPS_PROXY"])
def test_the_rest_stays(tmp_path: Path, name: str) -> None:
    assert child_of(tmp_path, **{name: "kept"})[name] == "kept"


def test_the_credentials_files_are_empty(tmp_path: Path) -> None:
    child = child_of(tmp_path, AWS_SHARED_CREDENTIALS_FILE="/home/user/.aws/credentials", BOTO_CONFIG="/etc/boto.cfg")
    assert Path(child["AWS_SHARED_CREDENTIALS_FILE"]).read_bytes() == b""
    assert Path(child["BOTO_CONFIG"]).read_bytes() == b""


def test_no_secret_is_copied(tmp_path: Path) -> None:
    for profile in ("onprem", "other", "default"):
        text = child_config(ConfigFile("config", exists=True, text=CONFIG), profile)
        assert "PLANTED" not in text, profile


@pytest.mark.parametrize("profile", ["onprem", "other"])
def test_no_secret_is_copied_that_is_indented_by_mistake(profile: str) -> None:
    text = "[profile onprem]\noutput = text\nregion = eu-west-3\n  aws_secret_access_key = PLANTED\n[profile other]\n"
    copied = child_config(ConfigFile("config", exists=True, text=text), profile)
    assert "PLANTED" not in copied
    assert "output = text\n" in copied


def test_the_files_are_this_users_alone(tmp_path: Path) -> None:
    child_of(tmp_path)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "private").iterdir()}
    assert modes == {0o600}


def botocore_of(child: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> botocore.session.Session:
    for name in list(child):
        monkeypatch.setenv(name, child[name])
    return botocore.session.Session()


def test_botocore_finds_the_settings_of_the_profile_and_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = botocore_of(child_of(tmp_path, profile="onprem"), monkeypatch)
    assert session.profile is None
    assert session.get_scoped_config() == {
        "region": "eu-west-3",
        "output": "text",
        "ca_bundle": "/etc/ssl/ours.pem",
        "services": "local",
        "s3": {"max_concurrent_requests": "7", "addressing_style": "path"},
        "cli_pager": "",
    }
    # Sections that a profile refers to, and other profiles, are there.
    assert session.full_config["services"]["local"]["sts"] == {"endpoint_url": "http://127.0.0.1:1"}
    assert session.full_config["sso_sessions"]["corp"] == {"sso_region": "eu-west-1"}
    assert set(session.full_config["profiles"]) == {"default", "onprem", "other", "third"}
    assert session.full_config["profiles"]["other"] == {
        "region": "eu-north-1",
        "credential_process": "rolesanywhere-signer credential-process --certificate b.pem",
    }
    assert session.full_config["profiles"]["third"] == {"output": "table"}


@pytest.mark.parametrize(
    ("variables", "profile", "region"),
    [
        ({}, None, "us-west-1"),
        ({"AWS_PROFILE": "other"}, None, "eu-north-1"),
        ({"AWS_PROFILE": "other"}, "onprem", "eu-west-3"),
        ({"AWS_PROFILE": "other", "AWS_DEFAULT_PROFILE": "onprem"}, None, "eu-west-3"),
    ],
)
def test_the_profile_in_use_becomes_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], profile: str | None, region: str
) -> None:
    child = child_of(tmp_path, profile=profile, **variables)
    assert "AWS_REGION" not in child
    assert botocore_of(child, monkeypatch).get_config_variable("region") == region


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        (None, {}, ("eu-central-1", "eu-central-1")),
        ("[default]\noutput = json\n", {}, ("eu-central-1", "eu-central-1")),
        ("[default]\nregion =\n", {}, ("eu-central-1", "eu-central-1")),
        ("[default]\nregion = us-west-1\n", {}, (None, None)),
        (None, {"AWS_REGION": "sa-east-1"}, ("sa-east-1", None)),
        (None, {"AWS_DEFAULT_REGION": "sa-east-1"}, (None, "sa-east-1")),
    ],
)
def test_the_trust_anchors_region_counts_where_nothing_else_says_one(
    tmp_path: Path, text: str | None, variables: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    child = child_of(tmp_path, text, **variables)
    assert (child.get("AWS_REGION"), child.get("AWS_DEFAULT_REGION")) == expected


def test_values_for_all_profiles_bring_no_credentials_back() -> None:
    for_all = "[DEFAULT]\nregion = eu-west-1\ncredential_process = x\naws_access_key_id = PLANTED\n"
    text = f"{for_all}[profile a]\noutput = text\n"
    config = ConfigFile("config", exists=True, text=child_config(ConfigFile("c", exists=True, text=text), "a"))
    found = config.find_profile("default")
    assert found is not None
    assert dict(found.values) == {"region": "eu-west-1", "output": "text"}


def test_bytes_that_are_no_text_and_a_missing_last_line_end_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "users-config").write_bytes(b"[default]\nca_bundle = /caf\xe9.pem\n[profile b]\nregion = x")
    child = child_of(tmp_path, None)
    content = Path(child["AWS_CONFIG_FILE"]).read_bytes()
    assert b"ca_bundle = /caf\xe9.pem\n" in content
    assert content.endswith(b"[profile b]\nregion = x\n")


def test_a_profile_that_cannot_be_understood_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="profile 'third'"):
        child_of(tmp_path, profile="third")
