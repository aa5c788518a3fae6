"""The AWS config file as the SDKs read it, one profile at a time; the official helper's command line as data."""

from __future__ import annotations

import configparser
import difflib
import io
import os
import re
import shlex
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .errors import ConfigurationError
from .files import read_source


@dataclass(frozen=True)
class Profile:
    """One profile of the AWS config file.

    Attributes:
        name: Such as ``default``.
        path: The file that it stands in.
        values: Its keys in lower case, and their values; the lines of a longer value are joined by line feeds.
            Hidden: a value may be a secret.
    """

    name: str
    path: str
    values: Mapping[str, str] = field(repr=False)

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"profile {self.name!r} in {self.path!r}"


@dataclass(frozen=True)
class ConfigFile:
    """The AWS config file as it was when it was read.

    Attributes:
        path: Where it is, or would be.
        exists: Whether there is one; without it there are no profiles.
        text: Its content. Hidden: it may hold secrets.
    """

    path: str
    exists: bool
    text: str = field(repr=False)

    def profile_names(self) -> list[str]:
        """Return the names of its profiles, in their order."""
        names = map(_profile_of, _headers(_lines_by_section(self.text)))
        return list(dict.fromkeys(name for name in names if name is not None))

    def find_profile(self, name: str) -> Profile | None:
        """Return a profile, or None if there is none of this name.

        What other profiles hold, and whether they can be understood, makes no difference. ``[DEFAULT]`` gives values
        to every profile, as it does in botocore.

        Raises:
            ConfigurationError: The profile cannot be understood: a line that is no key with a value, a key or the
                profile itself written twice.
        """
        sections = list(_lines_by_section(self.text))
        headers = {header for header in _headers(sections) if _profile_of(header) == name}
        if not headers:
            return None
        headers.add(configparser.DEFAULTSECT)
        # Other lines become empty and keep their places, so that errors give the line's true number.
        text = "".join(line if header in headers else "\n" for header, line in sections)
        return Profile(name, self.path, _parse(text, f"profile {name!r} in {self.path!r}"))


def load_config_file(environment: Mapping[str, str]) -> ConfigFile:
    """Read the AWS config file: that of ``AWS_CONFIG_FILE``, else ``~/.aws/config``.

    Args:
        environment: The environment variables.

    Raises:
        ConfigurationError: There is one, and it cannot be read.
    """
    path = os.path.expandvars(environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    path = os.path.expanduser(path)  # noqa: PTH111 - no error where there is no home
    if not os.path.isfile(path):  # noqa: PTH113 - no error where a directory is closed
        return ConfigFile(path, exists=False, text="")
    content = read_source(path, what="AWS config", error=ConfigurationError)
    if b"\0" in content:
        raise ConfigurationError(
            f"the AWS config file {path!r} is not UTF-8 text",
            hint="PowerShell writes UTF-16 by default; save it as UTF-8",
        )
    # Bytes that are not UTF-8 may stand in another profile's comment; in a path of ours they keep their meaning.
    return ConfigFile(path, exists=True, text=content.decode("utf-8-sig", "surrogateescape"))


def profile_name(environment: Mapping[str, str]) -> str:
    """Return the name of the profile that the environment chooses, or ``default``.

    ``AWS_DEFAULT_PROFILE`` wins over ``AWS_PROFILE``, because botocore takes region and the rest in this order.
    """
    return environment.get("AWS_DEFAULT_PROFILE") or environment.get("AWS_PROFILE") or "default"


def _lines_by_section(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line with the header that it stands under, by the rules of ``configparser``."""
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


def _profile_of(header: str) -> str | None:
    """Return the name of the profile that a section's header stands for, by the rules of botocore."""
    if header == "default":
        return header
    if not header.startswith("profile"):
        return None
    try:
        words = shlex.split(header)
    except ValueError:
        return None
    return words[1] if len(words) == 2 else None


def _parse(text: str, where: str) -> dict[str, str]:
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
    shown = f" (--{flag[1]})" if flag and flag[1] in HELPER_FLAGS else ""
    return ConfigurationError(f"{where}: line {number}{shown} is neither 'key = value' nor indented", hint=_ONE_LINE)


# --- The helper's command line -------------------------------------------------------------------------------------

FlagValue = str | int | bool

_COMMAND = "credential-process"
_ONE_LINE = "write the value on one line; a backslash does not join lines in this file"
_TOKENS = "keys in PKCS#11 tokens"
_TPM = "keys in a TPM"
_STORES = "the operating system's certificate stores"
# strconv.ParseBool, which the helper's flags are read with.
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


def _switch(text: str) -> bool:
    if text not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return text in _TRUE


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("a whole number")
    return int(text)


@dataclass(frozen=True)
class HelperFlag:
    """A flag of the helper's ``credential-process``.

    Attributes:
        parse: Makes its value of text; a ValueError says what it must be.
        missing: What it needs and is not here yet; the flag is refused with it.
    """

    parse: Callable[[str], FlagValue] = str
    missing: str | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it stands alone, without a value."""
        return self.parse is _switch


HELPER_FLAGS: Mapping[str, HelperFlag] = {
    "role-arn": HelperFlag(),
    "profile-arn": HelperFlag(),
    "trust-anchor-arn": HelperFlag(),
    "session-duration": HelperFlag(_number),
    "region": HelperFlag(),
    "endpoint": HelperFlag(),
    "no-verify-ssl": HelperFlag(_switch),
    "with-proxy": HelperFlag(_switch),
    "debug": HelperFlag(_switch),
    "certificate": HelperFlag(),
    "private-key": HelperFlag(),
    "intermediates": HelperFlag(),
    "role-session-name": HelperFlag(),
    "pkcs8-password": HelperFlag(),
    "cert-selector": HelperFlag(missing=_STORES),
    "system-store-name": HelperFlag(missing=_STORES),
    "use-latest-expiring-certificate": HelperFlag(_switch, missing=_STORES),
    "pkcs11-lib": HelperFlag(missing=_TOKENS),
    "reuse-pin": HelperFlag(_switch, missing=_TOKENS),
    "tpm-key-password": HelperFlag(missing=_TPM),
    "no-tpm-key-password": HelperFlag(_switch, missing=_TPM),
}

_SECRETS = ("pkcs8-password", "tpm-key-password")

# Each flag with those that it excludes; a switch that is set to false still counts, as it does in the helper.
_EXCLUSIONS: Mapping[str, tuple[str, ...]] = {
    "cert-selector": ("certificate", "private-key", "intermediates", "reuse-pin"),
    "system-store-name": ("certificate", "private-key", "reuse-pin"),
    "use-latest-expiring-certificate": ("private-key", "intermediates", "reuse-pin"),
    "tpm-key-password": ("cert-selector", "reuse-pin", "no-tpm-key-password", "pkcs8-password"),
    "no-tpm-key-password": ("cert-selector",),
}

# Values of --certificate and --private-key that are not paths.
_SCHEMES = {"pkcs11:": _TOKENS, "handle:": _TPM}

# The program may have any name; but other programs have a command of this name too, with flags of their own.
_PROGRAMS = ("aws_signing_helper", "rolesanywhere-signer")
_TELLING_FLAGS = ("--trust-anchor-arn", "--profile-arn", "--certificate", "--private-key")


def is_helper_command(line: str) -> bool:
    """Return whether a ``credential_process`` line runs the official helper, or a program that takes its flags.

    A broken line counts too: it is for ``parse_helper_command`` to say what is wrong.
    """
    if any(program in line for program in _PROGRAMS):
        return True
    return _COMMAND in line and any(flag in line for flag in _TELLING_FLAGS)


def parse_helper_command(line: str, where: str, *, windows: bool = sys.platform == "win32") -> dict[str, FlagValue]:
    """Return the flags of a command line of the official helper.

    It is read as botocore and the helper would read it: words by shell quoting without expansion, ``--flag value`` or
    ``--flag=value``, of a repeated flag the last. What the helper would pass over in silence is refused.

    Args:
        line: The value of ``credential_process``.
        where: How messages name it.
        windows: Split words as Windows does.

    Returns:
        The flags that are there, without their dashes: text, a number, or for a switch True or False.

    Raises:
        ConfigurationError: The line is broken, or has a flag that is unknown, without its value, not supported, or
            excluded by another; the message names the flag and never shows a value.
    """
    words = _split(line, where, windows=windows)
    if len(words) < 2 or words[1] != _COMMAND:
        raise ConfigurationError(
            f"{where}: the word after the program must be {_COMMAND}",
            hint="name the program itself, without sudo, env or a shell in front of it",
        )
    flags: dict[str, FlagValue] = {}
    rest, previous = deque(words[2:]), _COMMAND
    while rest:
        previous, value = _take_flag(rest, previous, where)
        flags[previous] = value
    _check_exclusions(flags, where)
    _check_supported(flags, where)
    return flags


def _split(line: str, where: str, *, windows: bool) -> list[str]:
    lines = line.split("\n")
    # Indented lines without backslashes are one value to the SDKs too; nothing on the first line is not.
    if len(lines) > 1 and (not lines[0].strip() or any(each.rstrip().endswith("\\") for each in lines)):
        flag = re.search(r"\n\s*--([a-z0-9-]+)", line)
        shown = f", --{flag[1]} stands at the start of one" if flag and flag[1] in HELPER_FLAGS else ""
        raise ConfigurationError(f"{where} goes over several lines{shown}", hint=_ONE_LINE)
    if line.rstrip().endswith("\\"):
        raise ConfigurationError(f"{where} ends with a backslash", hint=_ONE_LINE)
    line = " ".join(lines)
    try:
        return _split_windows(line) if windows else shlex.split(line)
    except ValueError:
        raise ConfigurationError(f"{where}: a quotation mark is not closed") from None


def _split_windows(line: str) -> list[str]:
    """Split by the rules of Microsoft's C runtime: a backslash means itself unless a double quote follows."""
    words: list[str] = []
    word: str | None = None
    quoted = False
    for part in re.findall(r'\\*"|\\+|[ \t]+|[^\\" \t]+', line):
        if part.endswith('"'):
            slashes = len(part) - 1
            quoted ^= slashes % 2 == 0
            word = (word or "") + "\\" * (slashes // 2) + '"' * (slashes % 2)
        elif part[0] in " \t" and not quoted:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + part
    if quoted:
        raise ValueError("no closing quotation mark")
    return words if word is None else [*words, word]


def _take_flag(rest: deque[str], previous: str, where: str) -> tuple[str, FlagValue]:
    """Take the next flag, and its value, from the words that are left."""
    word = rest.popleft()
    name, equals, value = word.removeprefix("--").partition("=")
    if not word.startswith("--") or not name:
        raise _stray_word(word, previous, where)
    if name not in HELPER_FLAGS:
        raise _unknown_flag(name, previous, where)
    flag = HELPER_FLAGS[name]
    if not equals:
        value = "true" if flag.is_switch else _next_value(rest, name, where)
    if not value:
        raise ConfigurationError(f"{where}: --{name} has an empty value", hint="leave the flag out, or give it a value")
    try:
        return name, flag.parse(value)
    except ValueError as error:
        raise ConfigurationError(f"{where}: the value of --{name} must be {error}") from None


def _next_value(rest: deque[str], name: str, where: str) -> str:
    # The helper would take the next flag for the value.
    if not rest or rest[0].startswith("--"):
        raise ConfigurationError(
            f"{where}: --{name} has no value", hint=f"write a value that begins with two dashes as --{name}=VALUE"
        )
    return rest.popleft()


def _stray_word(word: str, previous: str, where: str) -> ConfigurationError:
    """Words are not shown: one may be half of a password."""
    hint = "put quotation marks around a value with spaces; give a switch its value with an equals sign: --debug=false"
    if word[:1] in ("-", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}"):
        hint = "flags begin with two plain hyphens"
    after = previous if previous == _COMMAND else f"--{previous}"
    return ConfigurationError(f"{where}: a word that is no flag stands after {after}", hint=hint)


def _unknown_flag(name: str, previous: str, where: str) -> ConfigurationError:
    if previous in _SECRETS or not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name):
        return ConfigurationError(f"{where}: the flag after --{previous} is unknown")
    nearest = difflib.get_close_matches(name, HELPER_FLAGS, 1)
    hint = f"is --{nearest[0]} meant?" if nearest else "the flags are those of the official helper"
    return ConfigurationError(f"{where}: the flag --{name} is unknown", hint=hint)


def _check_exclusions(flags: Mapping[str, FlagValue], where: str) -> None:
    for name, excluded in _EXCLUSIONS.items():
        for other in excluded:
            if name in flags and other in flags:
                raise ConfigurationError(f"{where}: --{name} and --{other} exclude each other")


def _check_supported(flags: Mapping[str, FlagValue], where: str) -> None:
    for name, value in flags.items():
        missing = HELPER_FLAGS[name].missing
        if name in ("certificate", "private-key"):
            missing = next((needed for scheme, needed in _SCHEMES.items() if str(value).startswith(scheme)), None)
        # A switch that is off asks for nothing.
        if missing is not None and value is not False:
            raise ConfigurationError(
                f"{where}: this --{name} needs {missing}, which this library does not use",
                hint="let the official helper run for this profile, or give certificate and key as files",
            )
