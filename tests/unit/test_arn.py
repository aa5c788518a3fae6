from __future__ import annotations

from collections.abc import Callable

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.arn import Arn, check_region, parse_profile_arn, parse_role_arn, parse_trust_anchor_arn

ID = "0a1b2c3d-0000-4444-8888-aabbccddeeff"
ANCHOR = f"arn:aws:rolesanywhere:ap-northeast-2:123456789012:trust-anchor/{ID}"
PROFILE = f"arn:aws:rolesanywhere:ap-northeast-2:123456789012:profile/{ID}"
ROLE = "arn:aws:iam::123456789012:role/s3-reader"

PARSERS: dict[str, tuple[Callable[[str], Arn], str]] = {
    "trust_anchor_arn": (parse_trust_anchor_arn, ANCHOR),
    "profile_arn": (parse_profile_arn, PROFILE),
    "role_arn": (parse_role_arn, ROLE),
}


def refused(name: str, text: object) -> str:
    with pytest.raises(ConfigurationError) as raised:
        PARSERS[name][0](text)  # type: ignore[arg-type]
    return str(raised.value)


def test_the_parts_of_a_trust_anchor() -> None:
    assert parse_trust_anchor_arn(ANCHOR) == Arn(
        "aws", "rolesanywhere", "ap-northeast-2", "123456789012", "trust-anchor", ID
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trust_anchor_arn", ANCHOR),
        ("trust_anchor_arn", ANCHOR.replace(":aws:", ":aws-cn:").replace("ap-northeast-2", "cn-north-1")),
        ("profile_arn", PROFILE),
        ("profile_arn", PROFILE.replace(":aws:", ":aws-us-gov:").replace("ap-northeast-2", "us-gov-west-1")),
        ("profile_arn", PROFILE.replace(":aws:", ":aws-iso-b:").replace("ap-northeast-2", "us-isob-east-1")),
        ("profile_arn", PROFILE.replace(":aws:", ":aws-eusc:").replace("ap-northeast-2", "eusc-de-east-1")),
        ("role_arn", ROLE),
        ("role_arn", "arn:aws:iam::123456789012:role/path/of/many/parts/name"),
        ("role_arn", "arn:aws:iam::123456789012:role/A_b+c=d,e.f@g-h"),
        ("role_arn", "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_x_1"),
    ],
)
def test_a_good_arn_survives_the_way_there_and_back(name: str, text: str) -> None:
    assert str(PARSERS[name][0](text)) == text


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda arn: "", id="empty"),
        pytest.param(lambda arn: " " + arn, id="space before"),
        pytest.param(lambda arn: arn + "\n", id="line end after"),
        pytest.param(lambda arn: arn.replace("arn:", "ARN:"), id="upper case"),
        pytest.param(lambda arn: arn.partition(":")[2], id="no arn"),
        pytest.param(lambda arn: arn.rpartition(":")[0], id="five parts"),
        pytest.param(lambda arn: arn.replace(":aws:", "::"), id="no partition"),
        pytest.param(lambda arn: arn.replace(":aws:", ":azure:"), id="another partition"),
        pytest.param(lambda arn: arn.replace(":aws:", ":aws-:"), id="half a partition"),
        pytest.param(lambda arn: arn.replace("123456789012", "12345678901"), id="11 digits"),
        pytest.param(lambda arn: arn.replace("123456789012", "1234567890123"), id="13 digits"),
        pytest.param(lambda arn: arn.replace("123456789012", "12345678901²"), id="a digit of another script"),
        pytest.param(lambda arn: arn.replace("123456789012", ""), id="no account"),
        pytest.param(
            lambda arn: arn.replace(":rolesanywhere:", ":iam:").replace("iam::", "sts::"), id="another service"
        ),
        pytest.param(lambda arn: arn.partition("/")[0], id="no slash"),
        pytest.param(lambda arn: arn.partition("/")[0] + "/", id="nothing after the slash"),
        pytest.param(lambda arn: arn + "/", id="a slash at the end"),
        pytest.param(lambda arn: arn + "é", id="beyond ASCII"),
        pytest.param(lambda arn: arn.replace("/", "s/", 1), id="another kind"),
        pytest.param(lambda arn: arn + "x" * 1011, id="too long"),
        pytest.param(lambda arn: arn + " ", id="space after"),
    ],
)
def test_a_bad_arn_is_refused_by_the_name_of_its_parameter(name: str, change: Callable[[str], str]) -> None:
    assert name in refused(name, change(PARSERS[name][1]))


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("text", [None, b"arn:aws", 7, ["arn"]])
def test_what_is_no_text_is_refused_by_the_name_of_its_parameter(name: str, text: object) -> None:
    message = refused(name, text)
    assert name in message
    assert "it looks like arn:aws" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, arn) for name in PARSERS for other, (_, arn) in PARSERS.items() if other != name],
)
def test_one_arn_in_the_place_of_another_is_told(name: str, text: str) -> None:
    kind = text.split(":")[5].partition("/")[0]
    assert kind in refused(name, text)


@pytest.mark.parametrize("name", ["trust_anchor_arn", "profile_arn"])
@pytest.mark.parametrize("region", ["", "us_east_1", "US-EAST-1", "1-east", "us-east-1.example.com/", "üs-east-1"])
def test_a_region_that_is_none_is_told(name: str, region: str) -> None:
    message = refused(name, PARSERS[name][1].replace("ap-northeast-2", region))
    assert "not a region" in message
    assert name in message


def test_a_role_has_no_region() -> None:
    assert "no region" in refused("role_arn", ROLE.replace("::", ":us-east-1:"))


@pytest.mark.parametrize("resource", ["a b", "a/b", "a:b", "*", "../x"])
def test_an_identifier_is_letters_digits_and_dashes(resource: str) -> None:
    assert "identifier" in refused("trust_anchor_arn", ANCHOR.replace(ID, resource))


@pytest.mark.parametrize("name", ["a b", "a:b", "a*", "path/", "/", "päth/x", "a\tb/x"])
def test_the_name_of_a_role(name: str) -> None:
    assert "name of a role" in refused("role_arn", f"arn:aws:iam::123456789012:role/{name}")


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-7", "us-gov-west-1", "eusc-de-east-1", "aws-global"])
def test_regions(region: str) -> None:
    assert check_region(region) == region


@pytest.mark.parametrize(
    "region",
    [
        "",
        "us",
        "us-",
        "-east-1",
        "us--east",
        "US-EAST-1",
        "us-east-1\n",
        "us.east.1",
        "a-" + "b" * 70,
        None,
        1,
        b"us-east-1",
    ],
)
def test_what_is_no_region(region: object) -> None:
    with pytest.raises(ConfigurationError, match="is not an AWS region"):
        check_region(region)  # type: ignore[arg-type]


@pytest.mark.parametrize("region", ["us-east-1-fips", "fips-us-east-1", "us-gov-west-1-fips"])
def test_the_pseudo_region_of_a_fips_endpoint_would_break_the_scope(region: str) -> None:
    with pytest.raises(ConfigurationError, match="use_fips_endpoint=True"):
        check_region(region)
