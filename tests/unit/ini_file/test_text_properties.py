"""Whatever the file holds: no foreign byte changes, and botocore reads what was written."""

from __future__ import annotations

import configparser
import io
import re
import tempfile

import botocore.configloader
import botocore.exceptions
from hypothesis import assume, given
from hypothesis import strategies as st

from rolesanywhere_signer.ini_file import set_values

SECTION = "target"
VALUES = {"key": "NEW/+=key", "token": "NEW#token; [x]"}
ALIAS = {"alias": "NEW:alias"}
MARK = b"\xef\xbb\xbf"

Sections = dict[str, dict[str, str]]

_blanks = st.sampled_from(["", "", "", " ", "  ", "\t", "    ", "\u00a0"])
_names = st.sampled_from(["target", "target", "other", "target2", " target ", "Target", "DEFAULT", "a]b"])
_keys = st.sampled_from(["key", "KEY", "token", "Token", "alias", "region", "s3", "keys", "aws key"])
_words = st.sampled_from(["", "old", "old = 1", "[target]", "old ; c", "# x", "ü\u2028é", "\udcff\udc80", "\x0c"])
_below = st.sampled_from(["", "# c", "; c", "       x = 1", "        [target]="])


@st.composite
def _lines(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["header", "key", "key", "key", "more", "comment", "blank", "nonsense"]))
    indent = draw(_blanks)
    word = draw(_words)
    if kind == "header":
        return f"{indent}[{draw(_names)}]{draw(_blanks)}{draw(st.sampled_from(['', '', '# c', 'x]']))}"
    if kind == "key":
        return f"{indent}{draw(_keys)}{draw(_blanks)}{draw(st.sampled_from('==:'))}{draw(_blanks)}{word}"
    return {"more": f"  {indent}{word}", "comment": f"{indent}# {word}", "blank": indent, "nonsense": f"{indent}line"}[
        kind
    ]


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A file of many lines, each of which is unlike all others."""
    lines = draw(st.lists(_lines(), max_size=12))
    marked = [f"{line} {number}" if line.strip() and "[" not in line else line for number, line in enumerate(lines)]
    return draw(st.sampled_from([b"", b"", MARK])) + _joined(draw, marked)


@st.composite
def sound_contents(draw: st.DrawFn) -> bytes:
    """A file that botocore can read."""
    lines = []
    # Without [DEFAULT]: a broken value of it breaks every section, a new one as well.
    for name in draw(st.lists(_names.filter(lambda name: name != "DEFAULT"), unique=True, max_size=4)):
        lines.append(f"{draw(_blanks)}[{name}]{draw(_blanks)}")
        for key in draw(st.lists(_keys, unique_by=str.lower, max_size=4)):
            word = draw(st.sampled_from(["", "old", "# x", "ü\u2028é", "old ; c"]))
            lines.append(f"{draw(_blanks)}{key}{draw(_blanks)}{draw(st.sampled_from('==:'))}{draw(_blanks)}{word}")
            lines += draw(
                st.lists(st.sampled_from(["", "# c", "; c", "       x = 1", "        [target]="]), max_size=3)
            )
    return _joined(draw, lines)


def _joined(draw: st.DrawFn, lines: list[str]) -> bytes:
    usual = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    text = "".join(line + draw(st.sampled_from([usual, usual, usual, "\n"])) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return text.encode("utf-8", "surrogateescape")


any_content = st.one_of(
    contents(), sound_contents(), st.binary(max_size=200).filter(lambda content: b"\0" not in content)
)


def edited(content: bytes) -> bytes:
    return set_values(content, SECTION, VALUES, if_present=ALIAS)


def parsed(content: bytes) -> Sections | None:
    """Return all sections as ``configparser`` reads them, those written twice made one; None if it cannot."""
    parser = configparser.RawConfigParser(strict=False, default_section="no such section")
    try:
        text = content.removeprefix(MARK).decode("utf-8", "surrogateescape")
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.Error:
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}


@given(any_content)
def test_every_other_key_means_what_it_meant(content: bytes) -> None:
    before = parsed(content)
    assume(before is not None)
    assert before is not None
    target = before.setdefault(SECTION, {})
    target.update(VALUES, **(ALIAS if "alias" in target else {}))
    assert parsed(edited(content)) == before


@given(any_content)
def test_no_foreign_line_changes(content: bytes) -> None:
    assert edited(content).startswith(MARK) == content.startswith(MARK)
    before, after = split(content), split(edited(content))
    foreign = iter(before)
    for line in after:
        if is_new(line):
            continue
        # The lines that are passed over were left out or rewritten.
        for candidate in foreign:
            if candidate.rstrip("\r\n") == line.rstrip("\r\n"):
                assert candidate == line or (candidate == before[-1] and line.startswith(candidate))
                break
            assert may_be_ours(candidate), candidate
        else:
            # The section that was appended.
            assert line.strip() in ("", f"[{SECTION}]")
    assert all(may_be_ours(candidate) for candidate in foreign)


def split(content: bytes) -> list[str]:
    return list(io.StringIO(content.removeprefix(MARK).decode("utf-8", "surrogateescape"), newline=""))


def is_new(line: str) -> bool:
    return "NEW" in line


def may_be_ours(line: str) -> bool:
    """Return whether the line may be one of our keys' or go on with its value."""
    goes_on = line[:1].isspace() and line.strip() and line.strip()[0] not in "#;"
    return bool(goes_on or re.match(r"\s*(key|token|alias)\s*[=:]", line, re.IGNORECASE))


@given(any_content)
def test_an_edited_file_is_edited_no_further(content: bytes) -> None:
    after = edited(content)
    assert edited(after) == after


@given(sound_contents())
def test_botocore_reads_what_was_written_where_it_could_read_the_file(content: bytes) -> None:
    before = read_by_botocore(content)
    assume(before is not None)
    after = read_by_botocore(edited(content))
    assert after is not None
    assert {name: after[SECTION][name] for name in VALUES} == VALUES
    assert before is not None
    assert {**after, SECTION: None} == {**before, SECTION: None}


def read_by_botocore(content: bytes) -> dict[str, dict[str, object]] | None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            found: dict[str, dict[str, object]] = botocore.configloader.raw_config_parse(file.name)
        except botocore.exceptions.ConfigParseError:
            return None
        return found
