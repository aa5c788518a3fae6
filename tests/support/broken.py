"""Set-ups that are broken on purpose, and what a person sees first of what is said about them."""

from __future__ import annotations

import io
import itertools
import os
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rolesanywhere_signer.cli import main
from tests.support.command_line import Outcome, run_here, session_words
from tests.support.profiled import own_keys
from tests.support.world import World

NOBODY = 65534

# Breaks a site, and returns the command line.
SetUp = Callable[["Site"], list[str]]


class Broken(NamedTuple):
    """A set-up that is broken, and what ``doctor`` must say of it; an ellipsis is any text.

    Attributes:
        set_up: Breaks it.
        cause: The first line.
        hint: The second: what to do.
        further: The causes that are less likely, in their order.
    """

    set_up: SetUp
    cause: str
    hint: str
    further: tuple[str, ...]


class Table(list[Broken]):
    """Set-ups; each is put here by the decorator that an entry is."""

    def __call__(self, cause: str, hint: str, *further: str) -> Callable[[SetUp], SetUp]:
        def put(set_up: SetUp) -> SetUp:
            self.append(Broken(set_up, cause, hint, further))
            return set_up

        return put


def name_of(entry: Broken) -> str:
    return entry.set_up.__name__  # type: ignore[attr-defined]


class Site:
    """A set-up that works, with a profile ``iam`` in the helper's words; tests break it.

    Attributes:
        world: A company in small.
        directory: Where its files are.
        config: The AWS config file.
    """

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.directory = world.directory
        self.config = world.directory / "config"
        monkeypatch.setenv("AWS_CONFIG_FILE", str(self.config))
        self.monkeypatch = monkeypatch

    def flags(self, **changes: object) -> list[str]:
        """Return ``doctor`` with the flags of the set-up; a change of None leaves one out."""
        words = session_words(self.world)
        flags: dict[str, Any] = dict(zip(words[::2], words[1::2], strict=True))
        flags.update({f"--{name.replace('_', '-')}": value for name, value in changes.items()})
        return ["doctor", *(f"{name}={value}" for name, value in flags.items() if value is not None)]

    def write_config(self, text: str) -> list[str]:
        """Write the config file; return ``doctor`` of the profile ``iam``."""
        self.config.write_text(text, encoding="utf-8")
        return ["doctor", "--profile", "iam"]

    def write_keys(self, **changes: object) -> list[str]:
        """Write the profile with keys of ours, some of them changed or added."""
        keys = dict(line.split(" = ", 1) for line in own_keys(self.world).splitlines())
        keys.update({f"rolesanywhere_{name}": str(value) for name, value in changes.items()})
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        return self.write_config(f"[profile iam]\n{lines}\n")

    def shown(self, text: str) -> str:
        """Return output with the names of this set-up, as tables write them."""
        names = {
            str(self.config): "CONFIG",
            str(self.directory): "DIR",
            self.world.service.url: "URL",
            self.world.arns["trust_anchor_arn"]: "ANCHOR",
            self.world.arns["profile_arn"]: "PROFILE",
            self.world.arns["role_arn"]: "ROLE",
            self.world.arns["trust_anchor_arn"].rpartition("/")[2]: "ANCHOR-ID",
            self.world.arns["profile_arn"].rpartition("/")[2]: "PROFILE-ID",
        }
        for value, name in names.items():
            text = text.replace(value, name)
        return text


def check(capsys: pytest.CaptureFixture[str], site: Site, entry: Broken) -> None:
    """Run ``doctor`` on a set-up that is broken, and compare how its output begins."""
    outcome = run_here(capsys, *entry.set_up(site))
    assert (outcome.code, outcome.stderr) == (1, "")
    lines = site.shown(outcome.stdout).splitlines()
    assert_like(lines[0], f"error: {entry.cause}")
    assert_like(lines[1], f"hint: {entry.hint}")
    head = lines[: lines.index("")]
    assert [line for line in head if line.startswith("cause ")] == [
        f"cause {number}: {text}" for number, text in enumerate(entry.further, 2)
    ]


def assert_like(shown: str, expected: str) -> None:
    """Compare a line with what it must be, where an ellipsis is any text."""
    if not re.fullmatch(re.escape(expected).replace("…", ".*"), shown):
        assert shown == expected


def warnings_of(outcome: Outcome, site: Site) -> list[tuple[str, str]]:
    """Return each warning of a run in which all went well, with its hint; the first of them must stand at the top."""
    assert (outcome.code, outcome.stderr) == (0, "")
    lines = site.shown(outcome.stdout).splitlines()
    found = [
        (re.sub(r"^warning  [a-z-]+: ", "", line), after.removeprefix("hint     "))
        for line, after in itertools.pairwise(lines)
        if line.startswith("warning  ")
    ]
    if found:
        assert lines[:2] == [f"warning: {found[0][0]}", f"hint: {found[0][1]}"]
    else:
        assert lines[0] == "ok: all is well: the credentials were got, and STS knows them"
    return found


def first_lines(outcome: Outcome) -> tuple[str, str]:
    """Return the first two lines, without the words before them: the cause, and what to do."""
    assert (outcome.code, outcome.stderr) == (1, "")
    first, second = outcome.stdout.splitlines()[:2]
    assert first.startswith("error: ")
    assert second.startswith("hint: ")
    return first.removeprefix("error: "), second.removeprefix("hint: ")


def run_as_nobody(words: list[str], readable: Path) -> Outcome:
    """Run the program in a child without the rights of root; ``readable`` and what is above it is opened for it."""
    for directory in (readable, *readable.parents):
        if directory.stat().st_uid == os.geteuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o055)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            shown = io.StringIO()
            with redirect_stdout(shown):
                code = main(words)
            os.write(writing, shown.getvalue().encode())
        finally:
            # A child must not go on as a test run of its own.
            os._exit(code)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        output = pipe.read()
    return Outcome(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output, "")
