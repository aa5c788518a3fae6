"""The table of endpoints against botocore's own data, and the rules for a custom URL."""

from __future__ import annotations

from functools import cache

import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.endpoints import is_loopback, service_url, sts_url

_SESSION = botocore.session.Session()

# Regions that no partition's list has: a new one of each partition, and some that only look like one.
_NEW_REGIONS = [
    "us-east-99", "eu-nowhere-1", "mx-central-7", "cn-south-3", "us-gov-north-9", "us-iso-north-1", "us-isob-west-7",
    "eu-isoe-north-2", "us-isof-west-3", "eusc-de-west-9", "eusc-fr-east-1", "xx-east-1", "us-isoz-east-1", "us-east",
    "made-up",
]  # fmt: skip


@cache
def _provider(service: str = "rolesanywhere") -> EndpointProvider:
    loader = _SESSION.get_component("data_loader")
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    return EndpointProvider(rules, loader.load_data("partitions"))


def _regions() -> list[str]:
    partitions = _SESSION.get_component("data_loader").load_data("partitions")["partitions"]
    return sorted({region for partition in partitions for region in partition["regions"]})


def test_the_table_is_not_empty() -> None:
    assert {"us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"} <= set(_regions())
    for partition in _SESSION.get_available_partitions():
        assert set(_SESSION.get_available_regions("rolesanywhere", partition)) <= set(_regions())


@pytest.mark.parametrize("dualstack", [False, True])
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("region", [*_regions(), *_NEW_REGIONS])
def test_every_region_is_where_botocore_has_it(region: str, *, fips: bool, dualstack: bool) -> None:
    expected = _provider().resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dualstack).url
    assert service_url(region, fips=fips, dualstack=dualstack) == expected


@pytest.mark.parametrize("dualstack", [False, True])
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("region", [*_regions(), *_NEW_REGIONS])
def test_so_is_sts(region: str, *, fips: bool, dualstack: bool) -> None:
    options = {"UseFIPS": fips, "UseDualStack": dualstack, "UseGlobalEndpoint": False}
    expected = _provider("sts").resolve_endpoint(Region=region, **options).url
    if not region.endswith("-global"):  # no region to sign for
        assert sts_url(region, fips=fips, dualstack=dualstack) == expected


@pytest.mark.parametrize(
    ("region", "fips", "dualstack", "url"),
    [
        ("ap-northeast-2", False, False, "https://rolesanywhere.ap-northeast-2.amazonaws.com"),
        ("us-east-1", True, False, "https://rolesanywhere-fips.us-east-1.amazonaws.com"),
        ("us-east-1", False, True, "https://rolesanywhere.us-east-1.api.aws"),
        ("us-gov-west-1", True, True, "https://rolesanywhere-fips.us-gov-west-1.api.aws"),
        ("cn-northwest-1", False, False, "https://rolesanywhere.cn-northwest-1.amazonaws.com.cn"),
        ("cn-north-1", False, True, "https://rolesanywhere.cn-north-1.api.amazonwebservices.com.cn"),
    ],
)
def test_some_of_them_spelled_out(region: str, url: str, *, fips: bool, dualstack: bool) -> None:
    assert service_url(region, fips=fips, dualstack=dualstack) == url


def test_a_fips_endpoint_s_pseudo_region_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="use_fips_endpoint"):
        service_url("us-east-1-fips")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (
            "https://vpce-1.rolesanywhere.eu-west-1.vpce.amazonaws.com",
            "https://vpce-1.rolesanywhere.eu-west-1.vpce.amazonaws.com",
        ),
        ("https://host:8443/prefix/", "https://host:8443/prefix"),
        ("https://host//", "https://host"),
        ("HTTPS://Host", "https://Host"),
        ("http://127.0.0.1:9911/", "http://127.0.0.1:9911"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://[::1]:4566", "http://[::1]:4566"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_a_custom_url_takes_the_place_of_everything(url: str, base: str) -> None:
    assert service_url("us-east-1", endpoint_url=url) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "http://10.0.0.1", "http://0.0.0.0", "http://127.0.0.1.example.com", "http://[::]",
        "http://localhost.example.com", "http://2130706433", "http://0x7f000001", "http://[fe80::1]",
    ],
)  # fmt: skip
def test_plain_http_stays_on_this_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match="plain HTTP to another machine"):
        service_url("us-east-1", endpoint_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "", "rolesanywhere.us-east-1.amazonaws.com", "//host", "/path", "https://", "https:///path", "ftp://host",
        "https://host:0", "https://host:65536", "https://host:port", "https://[::1", "https://a b", "https://host\n",
        "\thttps://host", "https://höst", "https://host/\x7f", "file:///etc/passwd", "https://host?x=1",
        "https://host?",
        "https://host#x", "https://host#", "https://[v1.x]:y", 5, b"https://host", ["https://host"],
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_by_name(url: object) -> None:
    with pytest.raises(ConfigurationError, match="endpoint_url"):
        service_url("us-east-1", endpoint_url=url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["https://user:planted@host", "https://planted@host", "http://planted:@127.0.0.1", "https://@host"]
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        service_url("us-east-1", endpoint_url=url)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize("variant", ["fips", "dualstack"])
def test_a_custom_url_has_no_variants(variant: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint_url cannot be combined"):
        service_url("us-east-1", endpoint_url="https://host", **{variant: True})  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "localhost.", "localhost.example.com", "128.0.0.1", "::2", "0.0.0.0", "[::1]", "127.0.0.1 "]
)
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
