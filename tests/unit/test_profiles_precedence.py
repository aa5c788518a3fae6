"""Which source of settings counts, what stays together, and what is said where none is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rolesanywhere_signer.profiles import profile_in_use, resolve
from rolesanywhere_signer.settings import Settings
from tests.support.aws_profiles import (
    ARNS,
    KEYS,
    LINE,
    PEM,
    ROLE,
    complete_environment,
    config_environment,
    refused,
    variables,
)

Configure = Callable[..., dict[str, str]]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Return a function that writes a config file and returns an environment that names it."""
    return functools.partial(config_environment, tmp_path)


GIVEN = {"certificate": "argument.pem", **ARNS}
CONFIG = (
    f"[default]\n{KEYS.replace('keys', 'default')}\n[profile x]\n{KEYS}\n[profile y]\n{KEYS.replace('keys', 'y')}\n"
)


@pytest.mark.parametrize(
    ("arguments", "profile", "environment", "certificate", "used"),
    [
        # Each alone, from the strongest.
        (GIVEN, None, {}, "argument.pem", None),
        ({}, "x", {}, "keys.pem", "x"),
        ({}, None, complete_environment(), "environment.pem", None),
        ({}, None, {"AWS_PROFILE": "y"}, "y.pem", "y"),
        ({}, None, {"AWS_DEFAULT_PROFILE": "x", "AWS_PROFILE": "y"}, "keys.pem", "x"),
        ({}, None, {}, "default.pem", "default"),
        # Against each other.
        (GIVEN, "x", complete_environment(), "argument.pem", "x"),
        (GIVEN, None, complete_environment(), "argument.pem", None),
        ({"certificate": "argument.pem"}, "x", {}, "argument.pem", "x"),
        ({"certificate": "argument.pem"}, None, complete_environment(), "argument.pem", None),
        ({"certificate": "argument.pem"}, None, {"AWS_PROFILE": "y"}, "argument.pem", "y"),
        ({"certificate": None}, "x", {}, "keys.pem", "x"),
        ({}, "x", {**complete_environment(), "AWS_PROFILE": "y"}, "keys.pem", "x"),
        ({}, None, {**complete_environment(), "AWS_PROFILE": "y"}, "environment.pem", None),
        ({}, None, variables(region="us-east-1"), "default.pem", "default"),
        ({}, None, variables(certificate="", role_arn=""), "default.pem", "default"),
    ],
)
def test_what_wins(
    configure: Configure,
    arguments: dict[str, object],
    profile: str | None,
    environment: dict[str, str],
    certificate: str,
    used: str | None,
) -> None:
    everything = configure(CONFIG, **environment)
    options = resolve(arguments, profile=profile, environment=everything)
    assert options.values == {"certificate": certificate, **ARNS}
    assert profile_in_use(arguments, profile=profile, environment=everything) == used


SIDE = (
    "rolesanywhere_private_key = base.key\nrolesanywhere_intermediates = base.chain\nrolesanywhere_region = us-east-1\n"
)


@pytest.mark.parametrize(
    ("arguments", "private_key", "intermediates", "passphrase"),
    [
        ({}, "base.key", "base.chain", True),
        ({"region": "eu-west-1"}, "base.key", "base.chain", True),
        ({"certificate": "other.pem"}, None, None, False),
        ({"certificate": "other.pem", "private_key": "other.key"}, "other.key", None, False),
        ({"private_key": "other.key"}, "other.key", "base.chain", False),
        ({"intermediates": "other.chain"}, "base.key", "other.chain", True),
    ],
)
def test_an_identity_is_of_one_source(
    configure: Configure,
    tmp_path: Path,
    arguments: dict[str, object],
    private_key: str | None,
    intermediates: str | None,
    passphrase: bool,
) -> None:
    (tmp_path / "passphrase").write_text("planted")
    file = f"rolesanywhere_passphrase_file = {tmp_path / 'passphrase'}\n"
    found = resolve(arguments, profile="x", environment=configure(f"[profile x]\n{KEYS}{SIDE}{file}")).values
    assert (found.get("private_key"), found.get("intermediates")) == (private_key, intermediates)
    assert ("passphrase" in found) is passphrase
    assert found["region"] == arguments.get("region", "us-east-1")


def test_a_part_of_the_environment_is_not_filled_up_from_a_profile(configure: Configure) -> None:
    environment = configure(CONFIG, **variables(role_arn=ROLE, private_key="e.key"))
    message = refused(lambda: resolve({}, profile=None, environment=environment))
    assert "the environment lacks ROLESANYWHERE_CERTIFICATE and ROLESANYWHERE_TRUST_ANCHOR_ARN and" in message
    with_arguments = resolve({**GIVEN, "role_arn": None}, profile=None, environment=environment).values
    assert with_arguments == {"certificate": "argument.pem", **ARNS}


def test_pem_text_in_the_environment_makes_it_the_source(configure: Configure) -> None:
    environment = configure(CONFIG, **variables(certificate_pem=PEM, region="us-east-1"))
    found = resolve(ARNS, profile=None, environment=environment).values
    assert found == {"certificate": PEM.encode(), "region": "us-east-1", **ARNS}


def test_complete_arguments_stand_alone(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    environment = configure(CONFIG, **complete_environment(), **variables(region="us-east-1", unknown="x"))
    assert resolve(GIVEN, profile=None, environment=environment).values == GIVEN
    assert caplog.records == []


def test_variables_beside_a_profile_are_not_used_and_warned_of(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    environment = configure(CONFIG, **variables(passphrase="planted", cachee="true"))
    assert resolve({}, profile=None, environment=environment).values == {"certificate": "default.pem", **ARNS}
    assert [record.getMessage() for record in caplog.records] == [
        "not used, because the settings are those of profile 'default': ROLESANYWHERE_CACHEE, ROLESANYWHERE_PASSPHRASE"
    ]


def test_what_a_helper_line_gives_makes_settings(configure: Configure) -> None:
    found = dict(resolve({}, profile="x", environment=configure(f"[profile x]\n{LINE}")).values)
    assert found.pop("certificate") == "line.pem"
    settings = Settings(**found)  # type: ignore[arg-type]
    assert (settings.duration_seconds, settings.proxies, settings.region) == (3600, {}, "eu-west-1")


class TestTheCaBundle:
    @pytest.mark.parametrize(
        ("profile", "environment", "verify"),
        [
            ("", {}, None),
            ("ca_bundle = profile.pem", {}, "profile.pem"),
            ("", {"AWS_CA_BUNDLE": "aws.pem"}, "aws.pem"),
            ("ca_bundle = profile.pem", {"AWS_CA_BUNDLE": "aws.pem"}, "aws.pem"),
            ("ca_bundle = profile.pem", {"AWS_CA_BUNDLE": ""}, "profile.pem"),
            ("ca_bundle = profile.pem", {"REQUESTS_CA_BUNDLE": "requests.pem"}, "profile.pem"),
            ("", {"REQUESTS_CA_BUNDLE": "requests.pem"}, None),
            ("rolesanywhere_ca_bundle = ours.pem\nca_bundle = p.pem", {"AWS_CA_BUNDLE": "aws.pem"}, "ours.pem"),
        ],
    )
    def test_of_the_profile(
        self, configure: Configure, profile: str, environment: dict[str, str], verify: str | None
    ) -> None:
        everything = configure(f"[profile x]\n{KEYS}\n{profile}\n", **environment)
        assert resolve({}, profile="x", environment=everything).values.get("verify") == verify
        # True says that there is verification, and not by which bundle; a path and False do.
        assert resolve({"verify": True}, profile="x", environment=everything).values["verify"] == (verify or True)
        for given in ("mine.pem", False):
            assert resolve({"verify": given}, profile="x", environment=everything).values["verify"] == given

    def test_verification_that_is_off_stays_off(self, configure: Configure) -> None:
        everything = configure(f"[profile x]\n{LINE} --no-verify-ssl", AWS_CA_BUNDLE="aws.pem")
        assert resolve({}, profile="x", environment=everything).values["verify"] is False

    def test_the_profile_in_use_counts_for_other_sources_too(self, configure: Configure) -> None:
        everything = configure("[default]\nca_bundle = default.pem\n[profile y]\nca_bundle = y.pem\n")
        assert resolve(GIVEN, profile=None, environment=everything).values["verify"] == "default.pem"
        environment = {**everything, **complete_environment(), "AWS_PROFILE": "y"}
        assert resolve({}, profile=None, environment=environment).values["verify"] == "y.pem"

    def test_a_broken_profile_does_not_stop_other_sources(
        self, configure: Configure, caplog: pytest.LogCaptureFixture
    ) -> None:
        everything = configure("[default]\nplanted\n")
        assert resolve(GIVEN, profile=None, environment=everything).values == GIVEN
        assert "no ca_bundle is taken from the AWS config file: profile 'default'" in caplog.text
        assert "planted" not in caplog.text


class TestNothingFound:
    def message(self, environment: Mapping[str, str], arguments: Mapping[str, object] | None = None) -> str:
        message = refused(lambda: resolve(arguments or {}, profile=None, environment=environment))
        for name in ("CERTIFICATE", "CERTIFICATE_PEM", "TRUST_ANCHOR_ARN", "PROFILE_ARN", "ROLE_ARN"):
            assert f"ROLESANYWHERE_{name}" in message
        return message

    def test_without_a_file(self, tmp_path: Path) -> None:
        path = str(tmp_path / "config")
        message = self.message({"AWS_CONFIG_FILE": path})
        assert f"no AWS config file {path!r} with a profile 'default'" in message
        assert "the arguments lack certificate= and trust_anchor_arn= and profile_arn= and role_arn=" in message

    def test_arguments_that_are_there_are_not_missed(self, tmp_path: Path) -> None:
        message = self.message({"AWS_CONFIG_FILE": str(tmp_path)}, {**GIVEN, "role_arn": None})
        assert "the arguments lack role_arn=;" in message

    def test_without_the_profile(self, configure: Configure) -> None:
        message = self.message(configure("[iam]\n[profile a]\n[profile b]\n", AWS_PROFILE="iam"))
        assert "has no section '[profile iam]'; its profiles: 'a', 'b'" in message
        assert "has no section '[default]'; its profiles: none" in self.message(configure(""))

    @pytest.mark.parametrize(
        ("keys", "instead"),
        [
            ("region = us-east-1", "but no credentials at all"),
            (
                "credential_process = granted credential-process --profile planted",
                "but a credential_process of another program",
            ),
            ("aws_access_key_id = planted\naws_secret_access_key = planted", "static access keys"),
            ("sso_session = planted", "an SSO session"),
            (f"role_arn = {ROLE}\nsource_profile = planted", "a role to assume from another profile"),
        ],
    )
    def test_with_another_profile(self, configure: Configure, keys: str, instead: str) -> None:
        environment = configure(f"[default]\n{keys}\n")
        assert instead in self.message(environment)
        named = refused(lambda: resolve({}, profile="default", environment=environment))
        assert "profile 'default' in" in named
        assert instead in named
        assert "ROLESANYWHERE_" not in named

    @pytest.mark.parametrize("name", ["", 1, b"x"])
    def test_a_name_that_is_none(self, configure: Configure, name: object) -> None:
        message = refused(lambda: resolve({}, profile=name, environment=configure(CONFIG)))  # type: ignore[arg-type]
        assert "profile must be the name" in message
