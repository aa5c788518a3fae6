"""Set keys in one section of an INI text, and change no byte that is not theirs.

Lines, sections, keys and values are what Python's ``configparser`` takes for them, because botocore and the AWS CLI
read with it. What is written is in the plain form that every other SDK reads as well.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..errors import ConfigurationError

_BOM = "\ufeff"
_HEADER = re.compile(r"\[(.+)\]")
_DELIMITER = re.compile(r"[=:]")
_KEY = re.compile(r"[a-z][a-z0-9_.-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Its values are every section's.
_DEFAULTS = "DEFAULT"

IsHeader = Callable[[str], bool]


def set_values(
    content: bytes,
    header: str,
    values: Mapping[str, str],
    *,
    if_present: Mapping[str, str] | None = None,
    is_same: IsHeader | None = None,
) -> bytes:
    """Return an INI file's content with keys set in one section; every byte that is not theirs stays as it is.

    Where a key stands, its line is rewritten, with the lines that its value went on over; a second line of the same key
    is left out. Keys that are missing come behind the others, a section that is missing comes at the end. Where the
    section is there several times, each gets the values: some programs take the first, some the last, some all.

    Comments, blank lines, order, encoding, byte order mark, line ends and a missing last one are kept.

    Args:
        content: The file; empty for a new one.
        header: What stands between the brackets.
        values: The keys in lower case, and their values.
        if_present: Keys that are set only where they stand already.
        is_same: Whether another header means the same section; None: none does.

    Raises:
        ConfigurationError: A name or value cannot be written so that it is read back, or the content is no text of one
            byte a character, or UTF-8.
    """
    check_header(header)
    optional = dict(if_present or {})
    for key, value in (*values.items(), *optional.items()):
        _check_value(key, value)
    text = _IniText(content)
    sections = text.sections_of(header, is_same)
    for section in sections:
        text.set_in_section(section, values, optional)
    if not sections:
        text.append_section(header, values)
    return text.content()


def remove_keys(
    content: bytes, header: str, is_to_go: Callable[[str], bool], *, is_same: IsHeader | None = None
) -> bytes:
    """Return an INI file's content without some keys of one section; every other byte stays as it is.

    Args:
        content: The file.
        header: What stands between the brackets.
        is_to_go: Whether a key, in lower case, goes with its value.
        is_same: Whether another header means the same section; None: none does.

    Raises:
        ConfigurationError: The content is no text of one byte a character, or UTF-8.
    """
    text = _IniText(content)
    for section in text.sections_of(header, is_same):
        text.remove_from_section(section, is_to_go)
    return text.content()


def remarks_on(content: bytes, header: str, is_same: IsHeader | None = None) -> list[str]:
    """Return what about a file keeps programs from finding a section, for messages; nothing where all is well.

    Raises:
        ConfigurationError: As ``set_values``, for the content.
    """
    text = _IniText(content)
    remarks = []
    lines = [str(section.line + 1) for section in text.sections_of(header, is_same)]
    if len(lines) > 1:
        remarks.append(
            f"the section [{header}] is there {len(lines)} times, in lines {', '.join(lines)}, and each is written; "
            "boto3 and the AWS CLI refuse such a file: make them one"
        )
    remarks += [
        f"line {section.line + 1} is [{section.header}]: boto3 and the AWS CLI take it for another section than "
        f"[{header}], other programs for the same; remove the blanks within the brackets"
        for section in text.sections
        if section.header != header and section.header.strip() == header
    ]
    if text.mark:
        remarks.append("the file begins with a byte order mark: boto3 and the AWS CLI refuse it; save it without one")
    return remarks


def check_header(header: str) -> None:
    """Refuse what cannot be written between brackets so that every program finds it.

    Raises:
        ConfigurationError: It cannot.
    """
    if not header or header != header.strip() or re.search(r"[\[\]]", header) or not _is_writable(header):
        raise ConfigurationError(
            f"{header!r} cannot be the name of a section",
            hint="choose one without brackets, line breaks and control characters, and without blanks around it",
        )
    if header == _DEFAULTS:
        raise ConfigurationError(
            f"[{_DEFAULTS}] cannot be written: to boto3 and the AWS CLI, its values are those of every profile",
            hint="is the profile 'default' meant?",
        )


def _check_value(key: str, value: str) -> None:
    # The value may be a secret.
    if not _KEY.fullmatch(key):
        raise ConfigurationError(f"{key!r} cannot be a key: lower-case letters, digits and _ . - are what it may have")
    if value != value.strip() or not _is_writable(value):
        raise ConfigurationError(
            f"the value of {key} cannot be written: it has a line break or a control character, or blanks around it"
        )


def _is_writable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not _CONTROL.search(text)


@dataclass
class _Entry:
    """A key: its line, and the lines that its value goes on over."""

    key: str
    line: int
    more: list[int] = field(default_factory=list)

    @property
    def last_line(self) -> int:
        return self.more[-1] if self.more else self.line


@dataclass
class _Section:
    """A section: what stands between the brackets, the line of it, and the keys below."""

    header: str
    line: int
    entries: list[_Entry] = field(default_factory=list)


class _IniText:
    """The lines of a file, and what they are.

    Attributes:
        mark: The byte order mark, or nothing.
        sections: In their order, one for each header.
    """

    def __init__(self, content: bytes) -> None:
        if b"\0" in content:
            raise ConfigurationError(
                "the file is no INI text: it has NUL characters",
                hint="PowerShell writes UTF-16 by default; save it as UTF-8 without a byte order mark",
            )
        # Each byte that is not UTF-8 becomes a character that becomes the same byte again.
        text = content.decode("utf-8", "surrogateescape")
        self.mark = _BOM if text.startswith(_BOM) else ""
        # Split as a text file is: after LF, CR LF and a lone CR.
        self._lines = list(io.StringIO(text.removeprefix(_BOM), newline=""))
        self.sections = _sections_of(self._lines)
        self._line_end = _usual_line_end(self._lines)

    def content(self) -> bytes:
        return (self.mark + "".join(self._lines)).encode("utf-8", "surrogateescape")

    def sections_of(self, header: str, is_same: IsHeader | None) -> list[_Section]:
        return [
            section
            for section in self.sections
            if section.header == header or (is_same is not None and is_same(section.header))
        ]

    def set_in_section(self, section: _Section, values: Mapping[str, str], if_present: Mapping[str, str]) -> None:
        kept: dict[str, _Entry] = {}
        for entry in section.entries:
            value = values.get(entry.key, if_present.get(entry.key))
            if value is None:
                continue
            self._drop(*entry.more)
            if entry.key in kept:
                self._drop(entry.line)
                continue
            kept[entry.key] = entry
            self._lines[entry.line] = _rewritten(self._lines[entry.line], entry.key, value)
        missing = {key: value for key, value in values.items() if key not in kept}
        if missing:
            self._insert(section, kept, missing)

    def remove_from_section(self, section: _Section, is_to_go: Callable[[str], bool]) -> None:
        for entry in section.entries:
            if is_to_go(entry.key):
                self._drop(entry.line, *entry.more)

    def _drop(self, *lines: int) -> None:
        # An empty string in place of the line, so that the numbers of the others stay true.
        for line in lines:
            self._lines[line] = ""

    def _insert(self, section: _Section, kept: Mapping[str, _Entry], missing: Mapping[str, str]) -> None:
        """Put missing keys behind those that were written, else behind all others, else behind the header."""
        line, indent = self._place_in(section, list(kept.values()))
        before, end = _parted(self._lines[line])
        usual = end if "\n" in end else self._line_end
        added = usual.join(f"{indent}{key} = {value}" for key, value in missing.items())
        self._lines[line] = f"{before}{end or usual}{added}{usual if end else ''}"

    def _place_in(self, section: _Section, kept: list[_Entry]) -> tuple[int, str]:
        """Return the line that new keys come behind, and their indent.

        With the indent of the key before them they neither belong to its value, nor does what follows belong to theirs.
        """
        if kept:
            return kept[-1].line, _indent_of(self._lines[kept[-1].line])
        if section.entries:
            last = section.entries[-1]
            return last.last_line, _indent_of(self._lines[last.line])
        # What follows a section without keys is another section, whose header may be indented, or nothing.
        following = next((other for other in self.sections if other.line > section.line), None)
        return section.line, "" if following is None else _indent_of(self._lines[following.line])

    def append_section(self, header: str, values: Mapping[str, str]) -> None:
        texts = [f"[{header}]", *(f"{key} = {value}" for key, value in values.items())]
        end = self._line_end
        last_line_end = end
        if self._lines:
            before, last_line_end = _parted(self._lines[-1])
            self._lines[-1] = before + (last_line_end or end)
            if before.strip():
                self._lines.append(end)
        self._lines.append(end.join(texts) + (end if last_line_end else ""))


def _sections_of(lines: list[str]) -> list[_Section]:
    sections: list[_Section] = []
    entry: _Entry | None = None
    depth = 0
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        indent = len(_indent_of(line))
        # A line that is indented more than its key goes on with the value, even if it looks like a header.
        if entry is not None and indent > depth:
            entry.more.append(number)
            continue
        depth = indent
        found = _HEADER.match(text)
        if found:
            sections.append(_Section(found[1], number))
            entry = None
        elif sections:
            # What has no key, and is an error to botocore, is somebody's line all the same.
            entry = _Entry(_key_of(text), number)
            sections[-1].entries.append(entry)
    return sections


def _key_of(text: str) -> str:
    found = _DELIMITER.search(text)
    return text[: found.start()].strip().lower() if found else ""


def _rewritten(line: str, key: str, value: str) -> str:
    """Return a key's line with a new value: its blanks stay, the key is written as every SDK takes it."""
    name, _, old = _DELIMITER.sub("=", _parted(line)[0], count=1).partition("=")
    blanks = name[len(name.rstrip()) :]
    more_blanks = _indent_of(old) if old.strip() else blanks
    return f"{_indent_of(name)}{key}{blanks}={more_blanks}{value}{_parted(line)[1]}"


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _parted(line: str) -> tuple[str, str]:
    """Return a line without its end, and the end."""
    text = line.rstrip("\r\n")
    return text, line[len(text) :]


def _usual_line_end(lines: list[str]) -> str:
    # Of a file with several kinds the last, which is nearest to a new section.
    ends = (_parted(line)[1] for line in reversed(lines))
    return next((end for end in ends if "\n" in end), "\r" if lines and lines[0].endswith("\r") else "\n")
