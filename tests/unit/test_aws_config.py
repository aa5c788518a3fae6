"""The AWS config file beside botocore's reading of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import botocore.configloader
import botocore.exceptions
import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.aws_config import ConfigFile, load_config_file, profile_name


def config(text: str) -> ConfigFile:
    return ConfigFile("config", exists=True, text=text)


def values(text: str, name: str = "x") -> dict[str, str]:
    profile = config(text).find_profile(name)
    assert profile is not None
    return dict(profile.values)


def botocore_profiles(path: Path) -> dict[str, dict[str, str]]:
    """Return what botocore reads, with indented blocks as the text that they are in the file."""
    raw = botocore.configloader.raw_config_parse(str(path), parse_subsections=False)
    profiles: dict[str, dict[str, str]] = botocore.configloader.build_profile_map(raw)["profiles"]
    return profiles


WELL_FORMED = {
    "plain": "[default]\nregion = eu-west-1\n\n[profile x]\nregion=us-east-1\noutput: json\n",
    "quoted names": "[profile 'two words']\na = 1\n[profile \"x\"]\nb = 2\n[profile y\\ z]\nc = 3\n",
    "keys in any case": "[profile x]\nRegion = us-east-1\nAWS_Access_Key_Id = AKID\n",
    "comments": "# one\n[profile x] ; after a header\n  # indented\na = 1 # not a comment\n; two\nb = 2 ; nor this\n",
    "nested": "[profile x]\ns3 =\n  addressing_style = path\n\n  max_queue_size = 10\nregion = us-east-1\n",
    "continued": "[profile x]\nline = one\n  two\n\n  # left out\n  three\n\n\nregion = us-east-1\n",
    "a header inside a value": "[profile a]\nkey = 1\n  [profile x]\n  b = 2\n[profile x]\nc = 3\n",
    "a comment between depths": "[profile a]\n  a = 1\n# c\n [profile x]\n b = 2\n",
    "an indented header after another's": "[profile x]\na = 1\n[default]\n [profile y]\nb = 2\n",
    "an indented header after values for all": "[DEFAULT]\na = 1\n[default]\n [profile x]\nb = 2\n",
    "all indented": "  [profile x]\n  a = 1\n  [default]\n  b = 2\n",
    "deeper and deeper": "[profile x]\n  a = 1\n    b = 2\n c = 3\n[profile y]\nd = 4\n",
    "equals signs and colons": "[profile x]\na = b = c : d\nurl = https://host:443/?q=1\n",
    "empty values": "[profile x]\na =\nb = \n[profile y]\n",
    "no profiles": "[profile]\na = 1\n[profile a b]\nb = 2\n[x]\nc = 3\n[preview]\nd = 4\n[sso-session x]\ne = 5\n",
    "odd headers": "[profiles x]\na = 1\n[ profile y ]\nb = 2\n[profile 'z]\nc = 3\n[Default]\nd = 4\n",
    "brackets": "[profile x] # see [y]\na = 1\n[profile [z]]\nb = 2\n",
    "a name in two spellings": "[profile x]\na = 1\n[profile y]\nb = 2\n[profile 'x']\nc = 3\n",
    "default twice": "[profile default]\na = 1\n[default]\nb = 2\n",
    "default twice the other way": "[default]\nb = 2\n[profile default]\na = 1\n",
    "values for all": "[DEFAULT]\nregion = eu-west-1\nb = 0\n[profile x]\nb = 2\n",
    "carriage returns": "[profile x]\r\na = 1\r\ns3 =\r\n  b = 2\r\n\r\n[default]\r\nc = 3\r\n",
    "old carriage returns": "[profile x]\ra = 1\r[default]\rc = 3\r",
    "line separators that are none": "[profile x]\na = 1\x0b[default]\x85b\u2028c = 2\n",
    "other scripts": "[profile 서울]\nrolesanywhere_certificate = /etc/인증서.pem\n",
    "empty": "",
}


@pytest.mark.parametrize("text", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_well_formed_file_is_read_as_botocore_reads_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(text.encode())
    expected = botocore_profiles(path)
    ours = load_config_file({"AWS_CONFIG_FILE": str(path)})
    assert set(ours.profile_names()) == set(expected)
    found = {name: ours.find_profile(name) for name in expected}
    assert {name: profile and profile.values for name, profile in found.items()} == expected


PIECES = [
    "[default]",
    "[profile x]",
    "[profile 'x']",
    "[DEFAULT]",
    "[other]",
    "a = 1",
    "b: 2",
    "s3 =",
    "c",
    "# d",
    ";",
    "",
]
LINES = st.tuples(st.sampled_from(["", "", " ", "  ", "\t"]), st.sampled_from(PIECES), st.sampled_from(["\n", "\r\n"]))


@given(st.lists(LINES, max_size=12))
def test_any_file_that_botocore_takes_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, str]]
) -> None:
    text = "".join(map("".join, lines))
    path = tmp_path_factory.getbasetemp() / "any-config"
    path.write_bytes(text.encode())
    try:
        expected = botocore_profiles(path)
    except botocore.exceptions.ConfigParseError:
        return
    for name in ("default", "x"):
        profile = config(text).find_profile(name)
        assert (profile and profile.values) == expected.get(name)


@given(st.text(), st.sampled_from(["default", "x", ""]))
def test_any_text_is_a_config_file_or_our_error(text: str, name: str) -> None:
    for prefix in ("", "[profile x]\n", "[default]\nkey = 1\n  "):
        config(prefix + text).profile_names()
        with contextlib.suppress(ConfigurationError):
            config(prefix + text).find_profile(name)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "neither key nor value",
        "a = 1\na = 2",
        "= 1",
        "[profile y]\nb = 1",
        "  indented",
        "\\",
        "s3 =\n  no equals sign",
    ],
)
def test_what_is_broken_elsewhere_makes_no_difference(elsewhere: str) -> None:
    text = f"{elsewhere}\n[profile y]\n{elsewhere}\n[profile x]\nregion = us-east-1\n[profile z]\n{elsewhere}\n"
    assert values(text) == {"region": "us-east-1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default]\n\n[profile x]\na = 1\nplanted\n", "line 5 is neither"),
        ("[profile x]\nplanted\nb = 1\nplanted", "line 2 is neither"),
        (
            "[profile x]\ncredential_process = helper \\\n--certificate planted \\\n",
            "line 3 (--certificate) is neither",
        ),
        ("[profile x]\n--planted planted", "line 2 is neither"),
        ("[profile x]\na = planted\n\nA = planted\n", "line 4 gives 'a' a second time"),
        ("[profile x]\na = planted\n[default]\n[profile x]\n", "written twice, again in line 4"),
        ("[profile x]\n = planted\n", "line 2 is neither"),
    ],
)
def test_what_is_broken_in_the_profile_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config(text).find_profile("x")
    assert "profile 'x' in 'config'" in str(caught.value)
    assert said in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_missing_profile_is_none() -> None:
    assert config("[default]\n[x]\na = 1").find_profile("x") is None


class TestTheFile:
    def load(self, path: Path, content: bytes) -> ConfigFile:
        path.write_bytes(content)
        return load_config_file({"AWS_CONFIG_FILE": str(path)})

    def test_a_byte_order_mark_is_passed_over(self, tmp_path: Path) -> None:
        loaded = self.load(tmp_path / "config", b"\xef\xbb\xbf[default]\na = 1\n")
        profile = loaded.find_profile("default")
        assert profile is not None
        assert profile.values == {"a": "1"}

    def test_bytes_that_are_not_utf_8_keep_their_meaning(self, tmp_path: Path) -> None:
        loaded = self.load(tmp_path / "config", b"# \xe9\xff\n[default]\na = /etc/\xe9.pem\n")
        profile = loaded.find_profile("default")
        assert profile is not None
        assert profile.values["a"].encode("utf-8", "surrogateescape") == b"/etc/\xe9.pem"

    def test_utf_16_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="not UTF-8"):
            self.load(tmp_path / "config", "[default]\n".encode("utf-16"))

    def test_one_that_is_too_large_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="AWS config"):
            self.load(tmp_path / "config", b"#" * (1024 * 1024 + 1))

    @pytest.mark.parametrize("name", ["nowhere", "", "."])
    def test_without_a_file_there_are_no_profiles(self, tmp_path: Path, name: str) -> None:
        loaded = load_config_file({"AWS_CONFIG_FILE": str(tmp_path / name)})
        assert not loaded.exists
        assert loaded.profile_names() == []
        assert loaded.find_profile("default") is None

    def test_it_is_in_the_home_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text("[default]\n")
        for environment in ({}, {"AWS_CONFIG_FILE": ""}, {"AWS_CONFIG_FILE": "~/.aws/config"}):
            assert load_config_file(environment).profile_names() == ["default"]
        assert load_config_file({"AWS_CONFIG_FILE": "$HOME/.aws/config"}).exists

    def test_its_content_is_not_shown(self) -> None:
        made = config("[profile x]\na = planted")
        assert "planted" not in f"{made!r} {made.find_profile('x')!r}"


@pytest.mark.parametrize(
    "variables",
    [{}, {"AWS_PROFILE": "a"}, {"AWS_DEFAULT_PROFILE": "b"}, {"AWS_PROFILE": "a", "AWS_DEFAULT_PROFILE": "b"}],
)
def test_the_environment_chooses_as_in_botocore(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert profile_name(variables) == (botocore.session.Session().get_config_variable("profile") or "default")


def test_an_empty_choice_is_none() -> None:
    assert profile_name({"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": ""}) == "default"
