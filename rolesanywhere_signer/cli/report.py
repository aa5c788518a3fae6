"""A validation report: a table for a person, JSON for a program."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from .terminal import paint

if TYPE_CHECKING:
    from ..findings import Finding, ValidationReport

_HEADS = ("SEVERITY", "SUBJECT", "CODE")
_SEVERITY_WIDTH = len(_HEADS[0])
_INDENT = " " * (_SEVERITY_WIDTH + 2)
_NARROWEST, _WIDEST = 40, 120


def table(report: ValidationReport) -> str:
    """Return a report as a table, as wide as the terminal: each finding, and below it what was found and what to do."""
    if not report.findings:
        return f"{_verdict(report)}\n"
    width = max(_NARROWEST, min(shutil.get_terminal_size((100, 0)).columns, _WIDEST))
    subject_width = max(len(text) for text in (_HEADS[1], *(finding.subject for finding in report.findings)))
    lines = [f"{_HEADS[0]}  {_HEADS[1]:<{subject_width}}  {_HEADS[2]}"]
    for finding in report.findings:
        lines += _rows(finding, subject_width, width)
    return "\n".join([*lines, "", _verdict(report), ""])


def _rows(finding: Finding, subject_width: int, width: int) -> Iterator[str]:
    severity = paint(f"{finding.severity:<{_SEVERITY_WIDTH}}", finding.severity, sys.stdout)
    yield f"{severity}  {finding.subject:<{subject_width}}  {finding.code}"
    yield from _wrapped(finding.message, width)
    # Painted after it is wrapped, so that what is not shown does not count.
    hint = list(_wrapped(f"hint: {finding.hint}", width))
    yield hint[0].replace("hint:", paint("hint:", "hint", sys.stdout), 1)
    yield from hint[1:]


def _wrapped(text: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)


def _verdict(report: ValidationReport) -> str:
    counts = f"{_count(len(report.errors), 'error')}, {_count(len(report.warnings), 'warning')}"
    if report.ok:
        return f"{paint('ok:', 'ok', sys.stdout)} {counts}"
    return f"{paint('refused:', 'error', sys.stdout)} {counts}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def document(report: ValidationReport, at: datetime) -> str:
    """Return a report as JSON.

    Args:
        report: What was found.
        at: The time that it speaks of, in UTC.
    """
    values = {
        "ok": report.ok,
        "at": at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
        "errors": len(report.errors),
        "warnings": len(report.warnings),
        "findings": [
            {
                "severity": finding.severity,
                "subject": finding.subject,
                "code": finding.code,
                "message": finding.message,
                "hint": finding.hint,
                "rule": finding.rule,
            }
            for finding in report.findings
        ],
    }
    return json.dumps(values, indent=2) + "\n"
