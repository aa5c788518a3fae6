"""One section is edited; a table shows each file before and after."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.ini_file import remarks_on, set_values

VALUES = {"key": "K", "token": "T"}


class Case(NamedTuple):
    before: bytes
    after: bytes


CASES = {
    "no file": Case(b"", b"[default]\nkey = K\ntoken = T\n"),
    "another section": Case(b"[other]\nkey = 1\n", b"[other]\nkey = 1\n\n[default]\nkey = K\ntoken = T\n"),
    "a blank line is there already": Case(b"[other]\n\n", b"[other]\n\n[default]\nkey = K\ntoken = T\n"),
    "comments alone": Case(b"# mine\n", b"# mine\n\n[default]\nkey = K\ntoken = T\n"),
    "the last line has no end": Case(
        b"[other]\nregion = eu-west-1", b"[other]\nregion = eu-west-1\n\n[default]\nkey = K\ntoken = T"
    ),
    "the header is the last line": Case(b"[default]", b"[default]\nkey = K\ntoken = T"),
    "another key is the last line": Case(
        b"[default]\nkey = 1\nregion = eu-west-1", b"[default]\nkey = K\ntoken = T\nregion = eu-west-1"
    ),
    "our key is the last line": Case(
        b"[default]\nregion = x\nkey = 1\ntoken = 2", b"[default]\nregion = x\nkey = K\ntoken = T"
    ),
    "the next header is the last line": Case(b"[default]\nkey = 1\n[b]", b"[default]\nkey = K\ntoken = T\n[b]"),
    "CR LF": Case(b"[default]\r\nkey = 1\r\n[b]\r\n", b"[default]\r\nkey = K\r\ntoken = T\r\n[b]\r\n"),
    "CR LF and a new section": Case(b"[b]\r\nx=1", b"[b]\r\nx=1\r\n\r\n[default]\r\nkey = K\r\ntoken = T"),
    "CR alone": Case(b"[default]\rkey = 1\r", b"[default]\rkey = K\rtoken = T\r"),
    "a stray CR among LF": Case(b"[default]\rx = 1\r[b]\n", b"[default]\rx = 1\rkey = K\ntoken = T\n[b]\n"),
    "mixed line ends and a new section": Case(b"# a\r\n[b]\n", b"# a\r\n[b]\n\n[default]\nkey = K\ntoken = T\n"),
    "mixed line ends": Case(b"# a\n[default]\r\nkey = 1\n", b"# a\n[default]\r\nkey = K\ntoken = T\n"),
    "byte order mark": Case(b"\xef\xbb\xbf[default]\nkey = 1\n", b"\xef\xbb\xbf[default]\nkey = K\ntoken = T\n"),
    "byte order mark alone": Case(b"\xef\xbb\xbf", b"\xef\xbb\xbf[default]\nkey = K\ntoken = T\n"),
    "bytes that are not UTF-8": Case(
        b"[b]\nname = \xe4\xff\n[default]\n# \x80\xc3\nkey = \xfc\n",
        b"[b]\nname = \xe4\xff\n[default]\n# \x80\xc3\nkey = K\ntoken = T\n",
    ),
    "UTF-8": Case("[büro]\nx = ü\n".encode(), "[büro]\nx = ü\n\n[default]\nkey = K\ntoken = T\n".encode()),
    "comments and order": Case(
        b"# top\n[default]\n; first\ntoken = 2 ; old\n# second\nregion = x\nkey = 1\n# end\n\n# of b\n[b]\n",
        b"# top\n[default]\n; first\ntoken = T\n# second\nregion = x\nkey = K\n# end\n\n# of b\n[b]\n",
    ),
    "new keys come behind ours": Case(
        b"[default]\nkey = 1\nregion = x\n", b"[default]\nkey = K\ntoken = T\nregion = x\n"
    ),
    "new keys come behind all others": Case(
        b"[default]\nregion = x\n# end\n\n[b]\n", b"[default]\nregion = x\nkey = K\ntoken = T\n# end\n\n[b]\n"
    ),
    "odd spacing": Case(b"[default]\n key=1\n token   =   2  \n", b"[default]\n key=K\n token   =   T\n"),
    "other case": Case(b"[default]\nKEY = 1\nToken = 2\n", b"[default]\nkey = K\ntoken = T\n"),
    "colons": Case(b"[default]\nkey: 1\ntoken : 2\n", b"[default]\nkey= K\ntoken = T\n"),
    "no value": Case(b"[default]\nkey =\ntoken=\n", b"[default]\nkey = K\ntoken=T\n"),
    "tabs": Case(b"[default]\n\tkey\t=\t1\n", b"[default]\n\tkey\t=\tK\n\ttoken = T\n"),
    "a value over lines": Case(
        b"[default]\nkey =\n  1\n# kept\n\n  2\nregion = x\n", b"[default]\nkey = K\ntoken = T\n# kept\n\nregion = x\n"
    ),
    "another value over lines": Case(
        b"[default]\ns3 =\n  key = 1\n  token = 2\n", b"[default]\ns3 =\n  key = 1\n  token = 2\nkey = K\ntoken = T\n"
    ),
    "what looks like a header in a value": Case(
        b"[b]\nx =\n  [default]\n  key = 1\n", b"[b]\nx =\n  [default]\n  key = 1\n\n[default]\nkey = K\ntoken = T\n"
    ),
    "an indented header": Case(b"[b]\n [default]\n key = 1\n[c]\n", b"[b]\n [default]\n key = K\n token = T\n[c]\n"),
    "an indented header behind an empty section": Case(
        b"[default]\n  [b]\n  x = 1\n", b"[default]\n  key = K\n  token = T\n  [b]\n  x = 1\n"
    ),
    "indented keys": Case(
        b"[default]\n  key = 1\n  region = x\n more = y\n",
        b"[default]\n  key = K\n  token = T\n  region = x\n more = y\n",
    ),
    "words behind the header": Case(b"[default] # mine\nkey = 1\n", b"[default] # mine\nkey = K\ntoken = T\n"),
    "blanks around the header": Case(b"  [default]  \nkey = 1\n", b"  [default]  \nkey = K\ntoken = T\n"),
    "blanks within the header": Case(
        b"[ default ]\nkey = 1\n", b"[ default ]\nkey = 1\n\n[default]\nkey = K\ntoken = T\n"
    ),
    "a longer name": Case(b"[default-2]\nkey = 1\n", b"[default-2]\nkey = 1\n\n[default]\nkey = K\ntoken = T\n"),
    "another case of the name": Case(b"[Default]\n", b"[Default]\n\n[default]\nkey = K\ntoken = T\n"),
    "the section twice": Case(
        b"[default]\nkey = 1\n[b]\n[default]\nregion = x\n",
        b"[default]\nkey = K\ntoken = T\n[b]\n[default]\nregion = x\nkey = K\ntoken = T\n",
    ),
    "a key twice": Case(
        b"[default]\nkey = 1\nregion = x\nKEY =\n  2\ntoken = 3\n", b"[default]\nkey = K\nregion = x\ntoken = T\n"
    ),
    "only where it stands": Case(b"[default]\nalias = 1\nkey = 2\n", b"[default]\nalias = A\nkey = K\ntoken = T\n"),
    "a line that is nothing": Case(b"[default]\nnonsense\nkey = 1\n", b"[default]\nnonsense\nkey = K\ntoken = T\n"),
    "lines before every header": Case(
        b"key = 1\nnonsense\n[default]\nkey = 2\n", b"key = 1\nnonsense\n[default]\nkey = K\ntoken = T\n"
    ),
    "an unfinished header": Case(b"[default\nkey = 1", b"[default\nkey = 1\n\n[default]\nkey = K\ntoken = T"),
    "commented out": Case(
        b"[default]\n#key = 1\n ; token = 2\n", b"[default]\nkey = K\ntoken = T\n#key = 1\n ; token = 2\n"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_file_before_and_after(case: Case) -> None:
    after = set_values(case.before, "default", VALUES, if_present={"alias": "A"})
    assert after == case.after
    assert set_values(after, "default", VALUES, if_present={"alias": "A"}) == after


def test_headers_that_mean_the_same_section() -> None:
    before = b'[profile "a"]\nkey = 1\n[a]\n'
    after = set_values(before, "profile a", {"key": "K"}, is_same=lambda header: header == 'profile "a"')
    assert after == b'[profile "a"]\nkey = K\n[a]\n'


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", " a", "a ", "\ta", "\x1fa", "\ud800"])
def test_a_value_that_would_not_be_read_back_is_refused_and_not_shown(value: str) -> None:
    for values, others in (({"key": value}, {}), ({}, {"key": value})):
        with pytest.raises(ConfigurationError) as raised:
            set_values(b"[default]\nkey=1", "default", values, if_present=others)
        assert raised.value.message.startswith("the value of key cannot be written")


@pytest.mark.parametrize("header", ["", " a", "a ", "a]", "[a", "a\nb", "a\0", "\ud800", "DEFAULT"])
def test_a_section_that_would_not_be_found_is_refused(header: str) -> None:
    with pytest.raises(ConfigurationError):
        set_values(b"", header, VALUES)


@pytest.mark.parametrize("key", ["", "Key", "a key", "a=b", "a:b", "#a", "[a", "ä", "a\n"])
def test_a_key_that_would_not_be_found_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError):
        set_values(b"", "default", {key: "value"})


def test_utf_16_is_refused() -> None:
    with pytest.raises(ConfigurationError) as raised:
        set_values("[default]\r\n".encode("utf-16"), "default", VALUES)
    assert "UTF-8" in str(raised.value)


def test_a_name_in_bytes_that_are_not_utf_8_is_found_and_written() -> None:
    name = b"b\xfcro".decode("utf-8", "surrogateescape")
    assert set_values(b"[b\xfcro]\nkey=1\n", name, {"key": "K"}) == b"[b\xfcro]\nkey=K\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[default]\n[b]\n[b]\n", []),
        (b"[default]\n[b]\n [default]\n", ["2 times, in lines 1, 3"]),
        (b"[b]\n[ default ]\n[default\t]\n", ["line 2 is [ default ]", "line 3 is [default\t]"]),
        (b"\xef\xbb\xbf[b]\n", ["byte order mark"]),
    ],
)
def test_what_other_programs_would_stumble_over_is_told(content: bytes, told: list[str]) -> None:
    remarks = remarks_on(content, "default")
    assert len(remarks) == len(told)
    assert all(expected in remark for expected, remark in zip(told, remarks, strict=True))


def test_a_line_of_blanks_without_end_costs_no_time() -> None:
    # Quadratic in a regular expression that looks for the blanks before a delimiter.
    line = b"x" + b" " * 2_000_000 + b"y"
    assert set_values(b"[default]\n" + line, "default", VALUES).startswith(b"[default]\n" + line)
