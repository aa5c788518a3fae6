"""Answers of the service, or of something in its place: what kind of error each is, and whether to try again."""

from __future__ import annotations

import json
import re
from typing import Any

from .common import require_equal

_BY_CODE = {
    "AccessDeniedException": "access-denied",
    "ValidationException": "invalid-request",
    "ResourceNotFoundException": "resource-not-found",
    "ThrottlingException": "throttled",
    "TooManyRequestsException": "throttled",
}
_BY_STATUS = {400: "invalid-request", 403: "access-denied", 404: "resource-not-found", 429: "throttled"}
_CODE = re.compile(r"[A-Za-z0-9_.]{1,100}")


def check_answer(vector: dict[str, Any]) -> None:
    """Check one vector."""
    headers = {name.lower(): value for name, value in vector["headers"]}
    body = _object(vector["body"])
    expected = vector["expected"]
    status = vector["status"]
    if status in (200, 201):
        require_equal(expected, {"kind": "response", "retryable": False}, "expected")
        require_equal(_has_credentials(body), False, "whether there are credentials")
        return
    code = _error_code(headers.get("x-amzn-errortype"), body)
    kind = _BY_CODE.get(code or "") or _BY_STATUS.get(status, "service")
    found = {
        "kind": kind,
        "error_code": code,
        "message": _message(body),
        "retryable": status == 429 or status >= 500 or kind == "throttled",
        "retry_after_seconds": _seconds(headers.get("retry-after", "")),
    }
    require_equal(found, expected, "expected")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _error_code(header: str | None, body: dict[str, Any]) -> str | None:
    for text in (header, body.get("code"), body.get("__type")):
        code = text.split(":")[0].split("#")[-1].strip() if isinstance(text, str) else ""
        if _CODE.fullmatch(code):
            return code
    return None


def _message(body: dict[str, Any]) -> str | None:
    text = body.get("message", body.get("Message"))
    if not isinstance(text, str):
        return None
    # Fit for a terminal: 500 characters at most, and none that is not printed.
    return "".join(char if char.isprintable() else " " for char in text[:500]).strip() or None


def _seconds(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text.strip()) else None


def _has_credentials(body: dict[str, Any]) -> bool:
    sessions = body.get("credentialSet")
    session = sessions[0] if isinstance(sessions, list) and sessions and isinstance(sessions[0], dict) else {}
    keys = session.get("credentials")
    wanted = ("accessKeyId", "secretAccessKey", "sessionToken", "expiration")
    return isinstance(keys, dict) and all(isinstance(keys.get(name), str) and keys[name] for name in wanted)
