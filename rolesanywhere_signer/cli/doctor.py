"""``doctor``: walks the whole way and says at the first broken step what is wrong and what to change."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..flags import Flag, Given, one_of
from ..helper_command import EXCLUSIONS
from .command import PROGRAM, Command
from .common import FALLBACK, PROFILE, SESSION_TABLE, session_options
from .terminal import ask_passphrase, paint, show_log, show_progress

if TYPE_CHECKING:
    from ..doctor import Examination, Fault, Question

_VERSION = 1


def run(given: Given) -> int:
    """Print what was found; 0: nothing is broken.

    Raises:
        ConfigurationError: The flags cannot be.
    """
    from ..doctor import examine

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    found = examine(question_of(given, NAME), before_step=lambda name: show_progress(f"{name} ..."))
    show_progress("")
    if given.text("format") == "json":
        print(json.dumps(_document(found), indent=2))
    else:
        print("\n".join(_report(found)))
    return 0 if found.ok else 1


def question_of(given: Given, where: str) -> Question:
    """Return what flags ask for.

    Args:
        given: The flags.
        where: How messages begin.

    Raises:
        ConfigurationError: The flags cannot be.
    """
    from ..doctor import Question

    profile = given.text("profile")

    def ask() -> str:
        show_progress("")
        return ask_passphrase()

    return Question(
        session_options(given, where, profile),
        profile,
        os.environ,
        ask_passphrase=ask,
        sts_endpoint_url=given.text("sts-endpoint"),
    )


def _report(found: Examination) -> Iterator[str]:
    """Yield the lines for a person: the cause and what to do first, then the way there."""
    if found.fault is not None:
        yield from _fault_lines(found.fault)
    elif found.remarks:
        first = found.remarks[0]
        yield from (_line("warning", first.message), _line("hint", first.hint))
        yield "Nothing else stands in the way." if len(found.remarks) == 1 else "More warnings below; all else is well."
    else:
        yield _line("ok", "all is well: the credentials were got, and STS knows them")
    yield ""
    yield from _step_lines(found)


def _fault_lines(fault: Fault) -> Iterator[str]:
    yield from (_line("error", fault.message), _line("hint", fault.hint))
    for number, cause in enumerate(fault.causes[1:], 2):
        yield _line("error", cause.reason, f"cause {number}")
        yield _line("hint", cause.check, "  check")
    for remark in fault.also:
        yield _line("error", remark.message, "also")
        yield _line("hint", remark.hint, "  hint")


def _step_lines(found: Examination) -> Iterator[str]:
    for step in found.steps:
        text = f"{step.name}: {step.found}" if step.fault is None else f"{step.name}: the above"
        label = "error" if step.fault is not None else "ok"
        yield _padded(label, text)
        for remark in step.remarks:
            yield _padded("warning", f"{step.name}: {remark.message}")
            yield _padded("hint", remark.hint)
    if found.not_taken:
        yield f"{'-':<9}not looked at before that is mended: {', '.join(found.not_taken)}"


def _line(kind: str, text: str, label: str | None = None) -> str:
    return f"{paint(f'{label or kind}:', kind, sys.stdout)} {text}"


def _padded(kind: str, text: str) -> str:
    return f"{paint(f'{kind:<8}', kind, sys.stdout)} {text}"


def _document(found: Examination) -> dict[str, object]:
    """Return the JSON document; members may be added to it, none is taken away."""
    fault = found.fault
    error = None
    if fault is not None:
        error = {
            "step": found.steps[-1].name,
            "code": fault.code,
            "message": fault.message,
            "hint": fault.hint,
            "causes": [
                {"reason": cause.reason, "check": cause.check, "certain": cause.is_certain} for cause in fault.causes
            ],
            "also": [{"message": remark.message, "hint": remark.hint} for remark in fault.also],
        }
    return {
        "version": _VERSION,
        "ok": found.ok,
        "error": error,
        "warnings": [
            {"step": step.name, "message": remark.message, "hint": remark.hint}
            for step in found.steps
            for remark in step.remarks
        ],
        "steps": [{"name": step.name, "outcome": step.outcome, "found": step.found} for step in found.steps],
        "not_taken": list(found.not_taken),
    }


NAME = "doctor"
COMMAND = Command(
    name=NAME,
    summary="find out what is wrong, and what to change",
    description="Walk the whole way: where the settings come from, files and permissions, key and certificate, chain, "
    "the service's rules, expiry, endpoint and DNS, connection and proxy, TLS, clock, CreateSession, "
    "GetCallerIdentity. The first line of the output says the cause of what is broken, the second what to do; nothing "
    "is sent before all is well on this machine. The exit code is 0 where nothing is broken, warnings included, and 1 "
    f"otherwise. No secret is shown.\n\n{FALLBACK}",
    flags=(
        *SESSION_TABLE,
        PROFILE,
        Flag("format", "For a person, or for a program.", "text|json", one_of("text", "json"), is_ours=True),
        Flag("sts-endpoint", "The URL of STS, in place of the region's own.", "URL", is_ours=True),
    ),
    exclusions=EXCLUSIONS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --profile onprem",
        f"{PROGRAM} {NAME} --profile onprem --trust-anchor rootCA.pem",
        f"{PROGRAM} {NAME} --profile onprem --format json",
    ),
)
