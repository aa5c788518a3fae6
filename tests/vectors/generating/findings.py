"""Findings as the vectors have them."""

from __future__ import annotations

_WARNINGS = (
    "expires-soon",
    "long-common-name",
    "name-constraints-not-checked",
    "no-client-auth",
    "unhandled-critical-extension",
    "unmappable-attribute",
    "weak-key",
)


def finding(text: str) -> dict[str, str]:
    """Return the finding that ``subject: code`` describes."""
    subject, _, code = text.rpartition(": ")
    return {"code": code, "severity": "warning" if code in _WARNINGS else "error", "subject": subject}
