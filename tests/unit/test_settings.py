from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError, Settings

ANCHOR = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:trust-anchor/0a1b2c3d"
PROFILE = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:profile/4e5f6a7b"
ROLE = "arn:aws:iam::123456789012:role/s3-reader"


def settings(**options: Any) -> Settings:
    arns = {"trust_anchor_arn": ANCHOR, "profile_arn": PROFILE, "role_arn": ROLE}
    return Settings(**{**arns, **options})


def refused(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        settings(**options)
    return str(raised.value)


def test_the_defaults() -> None:
    made = settings()
    assert (made.region, made.url) == ("ap-northeast-2", "https://rolesanywhere.ap-northeast-2.amazonaws.com")
    assert (made.duration_seconds, made.role_session_name, made.instance_properties) == (None, None, None)
    assert (made.verify, made.proxies, made.max_attempts) == (True, None, 4)
    assert (made.connect_timeout_seconds, made.read_timeout_seconds) == (5, 15)


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"region": "us-east-1"}, "https://rolesanywhere.us-east-1.amazonaws.com"),
        ({"use_fips_endpoint": True}, "https://rolesanywhere-fips.ap-northeast-2.amazonaws.com"),
        ({"use_dualstack_endpoint": True}, "https://rolesanywhere.ap-northeast-2.api.aws"),
        ({"endpoint_url": "http://127.0.0.1:9911/"}, "http://127.0.0.1:9911"),
        ({"region": None}, "https://rolesanywhere.ap-northeast-2.amazonaws.com"),
        ({"region": ""}, "https://rolesanywhere.ap-northeast-2.amazonaws.com"),
    ],
)
def test_where_requests_go(options: dict[str, Any], url: str) -> None:
    assert settings(**options).url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trust_anchor_arn", None),
        ("trust_anchor_arn", ""),
        ("trust_anchor_arn", PROFILE),
        ("profile_arn", ANCHOR),
        ("profile_arn", 1),
        ("role_arn", PROFILE),
        ("role_arn", "s3-reader"),
        ("region", "ap-northeast-2-fips"),
        ("region", "Seoul"),
        ("region", 0),
        ("region", ["us-east-1"]),
        ("duration_seconds", 899),
        ("duration_seconds", 43201),
        ("duration_seconds", 0),
        ("duration_seconds", -900),
        ("duration_seconds", 3600.0),
        ("duration_seconds", "3600"),
        ("duration_seconds", True),
        ("duration_seconds", float("nan")),
        ("role_session_name", ""),
        ("role_session_name", "a"),
        ("role_session_name", "a" * 65),
        ("role_session_name", "with space"),
        ("role_session_name", "line\n"),
        ("role_session_name", "/slash"),
        ("role_session_name", "é" * 3),
        ("role_session_name", 12345),
        ("role_session_name", b"bytes"),
        ("instance_properties", [("a", "b")]),
        ("instance_properties", "a=b"),
        ("instance_properties", {"": "b"}),
        ("instance_properties", {"a": ""}),
        ("instance_properties", {"a": "b" * 201}),
        ("instance_properties", {"a" * 201: "b"}),
        ("instance_properties", {"a": 1}),
        ("instance_properties", {1: "b"}),
        ("instance_properties", {"a": None}),
        ("instance_properties", {str(number): "b" for number in range(51)}),
        ("endpoint_url", ""),
        ("endpoint_url", "http://example.com"),
        ("endpoint_url", "example.com"),
        ("endpoint_url", 7),
        ("use_fips_endpoint", "false"),
        ("use_fips_endpoint", 1),
        ("use_fips_endpoint", None),
        ("use_dualstack_endpoint", "no"),
        ("verify", ""),
        ("verify", None),
        ("verify", 0),
        ("verify", 1),
        ("verify", b"/ca.pem"),
        ("proxies", "http://proxy:3128"),
        ("proxies", [("https", "http://proxy:3128")]),
        ("proxies", {"https": None}),
        ("proxies", {1: "http://proxy:3128"}),
        ("connect_timeout_seconds", 0),
        ("connect_timeout_seconds", -1),
        ("connect_timeout_seconds", None),
        ("connect_timeout_seconds", "5"),
        ("connect_timeout_seconds", float("nan")),
        ("connect_timeout_seconds", float("inf")),
        ("connect_timeout_seconds", True),
        ("read_timeout_seconds", 0),
        ("read_timeout_seconds", 3601),
        ("read_timeout_seconds", (5, 15)),
        ("max_attempts", 0),
        ("max_attempts", 101),
        ("max_attempts", None),
        ("max_attempts", 1.0),
        ("max_attempts", True),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else None,
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: object) -> None:
    assert name in refused(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration_seconds", 900),
        ("duration_seconds", 43200),
        ("role_session_name", "ab"),
        ("role_session_name", "A_+=,.@-" * 8),
        ("instance_properties", {}),
        ("instance_properties", {"a" * 200: "é" * 200}),
        ("instance_properties", {str(number): "b" for number in range(50)}),
        ("instance_properties", MappingProxyType({"a": "b"})),
        ("verify", False),
        ("verify", "/etc/ssl/ca.pem"),
        ("verify", Path("ca.pem")),
        ("proxies", {}),
        ("proxies", {"https": "http://user:password@proxy:3128"}),
        ("connect_timeout_seconds", 0.5),
        ("read_timeout_seconds", 3600),
        ("max_attempts", 1),
        ("max_attempts", 100),
    ],
)
def test_a_value_at_the_edge_is_taken(name: str, value: object) -> None:
    assert getattr(settings(**{name: value}), name) == value


class TestWhatMustFitTogether:
    def test_anchor_and_profile_share_their_region(self) -> None:
        message = refused(profile_arn=PROFILE.replace("ap-northeast-2", "us-east-1"))
        assert "ap-northeast-2" in message
        assert "us-east-1" in message

    @pytest.mark.parametrize(("name", "arn", "what"), [("profile_arn", PROFILE, "profile"), ("role_arn", ROLE, "role")])
    def test_all_share_their_account(self, name: str, arn: str, what: str) -> None:
        message = refused(**{name: arn.replace("123456789012", "210987654321")})
        assert "123456789012" in message
        assert "210987654321" in message
        assert f"the {what} to" in message

    @pytest.mark.parametrize(("name", "arn"), [("profile_arn", PROFILE), ("role_arn", ROLE)])
    def test_all_share_their_partition(self, name: str, arn: str) -> None:
        assert "(aws-cn)" in refused(**{name: arn.replace(":aws:", ":aws-cn:")})

    @pytest.mark.parametrize("variant", ["use_fips_endpoint", "use_dualstack_endpoint"])
    def test_an_endpoint_url_has_no_variants(self, variant: str) -> None:
        assert "endpoint_url cannot be combined" in refused(endpoint_url="https://host", **{variant: True})

    def test_the_region_may_be_another_than_the_anchor_s(self) -> None:
        assert settings(region="us-east-1").region == "us-east-1"


class TestAFrozenValue:
    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings().region = "us-east-1"  # type: ignore[misc]

    def test_it_does_not_follow_the_mappings_it_was_made_of(self) -> None:
        properties, proxies = {"a": "b"}, {"https": "http://proxy:3128"}
        made = settings(instance_properties=properties, proxies=proxies)
        properties["a"] = proxies["https"] = "changed"
        assert (made.instance_properties, made.proxies) == ({"a": "b"}, {"https": "http://proxy:3128"})

    def test_it_is_equal_hashable_and_pickled_by_value(self) -> None:
        made = settings(instance_properties={"a": "b"}, proxies={"https": "http://proxy:3128"}, verify=Path("ca.pem"))
        assert pickle.loads(pickle.dumps(made)) == made
        assert len({made, dataclasses.replace(made), settings()}) == 2

    def test_another_value_of_a_field_is_checked_again(self) -> None:
        with pytest.raises(ConfigurationError, match="duration_seconds"):
            dataclasses.replace(settings(), duration_seconds=1)


def test_the_password_of_a_proxy_is_not_shown() -> None:
    made = settings(proxies={"https": "http://user:planted@proxy:3128"})
    assert "planted" not in f"{made!r} {made}"
    assert "planted" not in refused(proxies={"https": "http://user:planted@proxy:3128", "http": None})


def test_the_password_in_an_endpoint_url_is_not_shown() -> None:
    assert "planted" not in refused(endpoint_url="https://user:planted@host")
