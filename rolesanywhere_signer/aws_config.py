"""The AWS config file as the SDKs read it, one profile at a time."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .errors import ConfigurationError
from .files import read_source
from .helper_command import ONE_LINE, SESSION_FLAGS

# configparser and shlex are imported where there is something to parse: many set-ups have no config file.
_DEFAULT_SECTION = "DEFAULT"


class Profile(NamedTuple):
    """One profile of the AWS config file.

    Attributes:
        name: Such as ``default``.
        path: The file that it stands in.
        values: Its keys in lower case, and their values; the lines of a longer value are joined by line feeds.
            Hidden: a value may be a secret.
    """

    name: str
    path: str
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Profile(name={self.name!r}, path={self.path!r})"

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"profile {self.name!r} in {self.path!r}"


class ConfigFile(NamedTuple):
    """The AWS config file as it was when it was read.

    Attributes:
        path: Where it is, or would be.
        exists: Whether there is one; without it there are no profiles.
        text: Its content. Hidden: it may hold secrets.
    """

    path: str
    exists: bool
    text: str

    def __repr__(self) -> str:
        return f"ConfigFile(path={self.path!r}, exists={self.exists})"

    def profile_names(self) -> list[str]:
        """Return the names of its profiles, in their order."""
        names = map(profile_of_header, _headers(_lines_by_section(self.text)))
        return list(dict.fromkeys(name for name in names if name is not None))

    def find_profile(self, name: str) -> Profile | None:
        """Return a profile, or None if there is none of this name.

        What other profiles hold, and whether they can be understood, makes no difference. ``[DEFAULT]`` gives values
        to every profile, as it does in botocore.

        Raises:
            ConfigurationError: The profile cannot be understood: a line that is no key with a value, a key or the
                profile itself written twice.
        """
        if not self.text:
            return None
        sections = list(_lines_by_section(self.text))
        headers = {header for header in _headers(sections) if profile_of_header(header) == name}
        if not headers:
            return None
        headers.add(_DEFAULT_SECTION)
        # Other lines become empty and keep their places, so that errors give the line's true number.
        text = "".join(line if header in headers else "\n" for header, line in sections)
        return Profile(name, self.path, _parse(text, f"profile {name!r} in {self.path!r}"))

    def lines(self) -> Iterator[tuple[str | None, str]]:
        """Yield each line with the name of the profile that it belongs to, or None: it belongs to none."""
        for header, line in _lines_by_section(self.text):
            yield profile_of_header(header), line


def load_config_file(environment: Mapping[str, str]) -> ConfigFile:
    """Read the AWS config file: that of ``AWS_CONFIG_FILE``, else ``~/.aws/config``.

    Args:
        environment: The environment variables.

    Raises:
        ConfigurationError: There is one, and it cannot be read.
    """
    path = config_path(environment)
    if not os.path.isfile(path):  # noqa: PTH113 - no error where a directory is closed
        return ConfigFile(path, exists=False, text="")
    return parse_config_file(path, read_source(path, what="AWS config", error=ConfigurationError))


def parse_config_file(path: str, content: bytes) -> ConfigFile:
    """Return the AWS config file that a content would be.

    Raises:
        ConfigurationError: It is no text.
    """
    if b"\0" in content:
        raise ConfigurationError(
            f"the AWS config file {path!r} is not UTF-8 text",
            hint="PowerShell writes UTF-16 by default; save it as UTF-8",
        )
    # Bytes that are not UTF-8 may stand in another profile's comment; in a path of ours they keep their meaning.
    return ConfigFile(path, exists=True, text=content.decode("utf-8-sig", "surrogateescape"))


def config_path(environment: Mapping[str, str]) -> str:
    """Return where the AWS config file is, or would be: what ``AWS_CONFIG_FILE`` names, else ``~/.aws/config``."""
    path = os.path.expandvars(environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    return os.path.expanduser(path)  # noqa: PTH111 - no error where there is no home


def profile_name(environment: Mapping[str, str]) -> str:
    """Return the name of the profile that the environment chooses, or ``default``.

    ``AWS_DEFAULT_PROFILE`` wins over ``AWS_PROFILE``, because botocore takes region and the rest in this order.
    """
    return environment.get("AWS_DEFAULT_PROFILE") or environment.get("AWS_PROFILE") or "default"


def _lines_by_section(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line with the header that it stands under, by the rules of ``configparser``."""
    import configparser  # noqa: PLC0415

    header, depth, continues = "", 0, False
    for line in io.StringIO(text, newline=None):
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        # A line that is indented more than its key goes on with the value, even if it looks like a header.
        if content and content[0] not in "#;" and not (continues and indent > depth):
            found = configparser.RawConfigParser.SECTCRE.match(content)
            header = found["header"] if found else header
            depth, continues = indent, found is None
            if found:
                # Without its indent it stays a header also where the lines before it are left out.
                line = line.lstrip()  # noqa: PLW2901
        yield header, line


def _headers(sections: Iterable[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(header for header, _ in sections))


def profile_of_header(header: str) -> str | None:
    """Return the name of the profile that a section's header stands for, by the rules of botocore."""
    if header == "default":
        return header
    if not header.startswith("profile"):
        return None
    import shlex  # noqa: PLC0415

    try:
        words = shlex.split(header)
    except ValueError:
        return None
    return words[1] if len(words) == 2 else None


def _parse(text: str, where: str) -> dict[str, str]:
    import configparser  # noqa: PLC0415

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.DuplicateSectionError as error:
        raise ConfigurationError(f"{where}: it is written twice, again in line {error.lineno}") from None
    except configparser.DuplicateOptionError as error:
        raise ConfigurationError(f"{where}: line {error.lineno} gives {error.option!r} a second time") from None
    except configparser.ParsingError as error:
        number = error.errors[0][0]
        raise _bad_line(number, text.split("\n")[number - 1], where) from None
    # [profile default] beside [default], or one name in several spellings: the last one counts, as a whole.
    return dict(parser.items(parser.sections()[-1]))


def _bad_line(number: int, line: str, where: str) -> ConfigurationError:
    # It may hold a secret: only a flag of the helper's is shown.
    flag = re.match(r"\s*--([a-z0-9-]+)", line)
    shown = f" (--{flag[1]})" if flag and flag[1] in SESSION_FLAGS else ""
    return ConfigurationError(f"{where}: line {number}{shown} is neither 'key = value' nor indented", hint=ONE_LINE)
