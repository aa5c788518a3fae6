"""Answers of the service and of what may stand in its place: the kind of each error, and whether to try again."""

from __future__ import annotations

import json
from typing import Any

DESCRIPTION = (
    "Answers to CreateSession that are no credentials: which kind of error each is, what it says, and whether it is "
    "worth another try. README.md describes the members."
)
_JSON = ("Content-Type", "application/json")
_URL = "http://internal.amazon.com/coral/com.amazonaws.rolesanywhere/"

# As the service words them: the sentence, for a 403 AccessDeniedException.
_DENIALS = {
    "invalid-signature": "Invalid signature",
    "untrusted-signing-certificate": "Untrusted signing certificate",
    "insufficient-certificate": "Untrusted certificate. Insufficient certificate",
    "certificate-revoked": "Certificate revoked",
    "no-such-trust-anchor": "Specified Trust Anchor wasn't found.",
    "no-such-profile": "Invalid or empty profile provided.",
    "role-not-in-profile": "Requested Role isn't one of those listed in the Profile.",
    "no-role-session-name": "Not authorized to set roleSessionName.",
    "role-not-assumable": "Unable to assume role for arn:aws:iam::123456789012:role/reader",
    "duration-too-long": "Unable to assume role for arn:aws:iam::123456789012:role/reader The requested "
    "DurationSeconds exceeds the MaxSessionDuration set for this role.",
    "attributes-dropped": "Unable to assume role for arn:aws:iam::123456789012:role/reader. Some attributes failed to "
    "be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]",
}


def vectors() -> list[dict[str, Any]]:
    """Return the vectors."""
    return [
        *_of_the_service(),
        *_where_the_code_stands(),
        *_by_status(),
        *_foreign(),
        *_odd_messages(),
        *_useless_successes(),
    ]


def _of_the_service() -> list[dict[str, Any]]:
    denied = [
        _error(
            name,
            403,
            "access-denied",
            "AccessDeniedException",
            text,
            [("x-amzn-ErrorType", "AccessDeniedException"), _JSON],
        )
        for name, text in _DENIALS.items()
    ]
    duration = (
        "1 validation error detected: Value '43200' at 'durationSeconds' failed to satisfy constraint: Member must "
        "have value less than or equal to 3600"
    )
    headers = [("x-amzn-ErrorType", "ValidationException"), _JSON]
    return [
        *denied,
        _error("validation", 400, "invalid-request", "ValidationException", duration, headers),
        _error(
            "not-found",
            404,
            "resource-not-found",
            "ResourceNotFoundException",
            "Not there",
            _typed("ResourceNotFoundException"),
        ),
        _error(
            "throttling",
            429,
            "throttled",
            "ThrottlingException",
            "Rate exceeded",
            _typed("ThrottlingException"),
            retryable=True,
        ),
        _error(
            "throttling-with-retry-after",
            429,
            "throttled",
            "ThrottlingException",
            "Rate exceeded",
            [*_typed("ThrottlingException"), ("Retry-After", "7")],
            retryable=True,
            retry_after=7,
        ),
        _error(
            "throttling-as-400",
            400,
            "throttled",
            "TooManyRequestsException",
            "Slow down",
            _typed("TooManyRequestsException"),
            retryable=True,
        ),
        _error(
            "internal",
            500,
            "service",
            "InternalServerException",
            "Oops",
            _typed("InternalServerException"),
            retryable=True,
        ),
        _error(
            "unavailable",
            503,
            "service",
            "ServiceUnavailableException",
            "Later",
            _typed("ServiceUnavailableException"),
            retryable=True,
        ),
    ]


def _where_the_code_stands() -> list[dict[str, Any]]:
    kind, code, text = "access-denied", "AccessDeniedException", "Invalid signature"
    body = {"message": text}
    return [
        _error("code-with-url", 403, kind, code, text, [("X-Amzn-ErrorType", f"{code}:{_URL}"), _JSON]),
        _error("code-in-body", 403, kind, code, text, [_JSON], {"code": code, **body}),
        _error(
            "type-in-body", 403, kind, code, text, [_JSON], {"__type": f"com.amazonaws.rolesanywhere#{code}", **body}
        ),
        _error(
            "header-before-body",
            400,
            "invalid-request",
            "ValidationException",
            text,
            _typed("ValidationException"),
            {"__type": code, **body},
        ),
        _error("code-before-status", 500, kind, code, text, _typed(code), retryable=True),
        _error("unusable-code", 403, kind, None, text, [("x-amzn-ErrorType", "no code!"), _JSON]),
        _error("no-code", 403, kind, None, text, [_JSON]),
        _error("capital-message", 403, kind, code, text, _typed(code), {"Message": text}),
    ]


def _by_status() -> list[dict[str, Any]]:
    kinds = {
        400: "invalid-request",
        401: "service",
        403: "access-denied",
        404: "resource-not-found",
        409: "service",
        429: "throttled",
    }
    kinds |= {500: "service", 502: "service", 503: "service", 504: "service"}
    return [
        _error(f"status-{status}", status, kind, None, None, [], text="", retryable=status >= 429)
        for status, kind in kinds.items()
    ]


def _foreign() -> list[dict[str, Any]]:
    html = [("Content-Type", "text/html")]
    return [
        _error("redirect", 302, "service", None, None, [("Location", "https://portal.example/")], text=""),
        _error("html-of-a-proxy", 403, "access-denied", None, None, html, text="<html><body>Blocked</body></html>"),
        _error(
            "html-of-a-gateway",
            502,
            "service",
            None,
            None,
            html,
            text="<html><h1>Bad Gateway</h1></html>",
            retryable=True,
        ),
        _error("json-list", 403, "access-denied", None, None, [_JSON], text="[]"),
        _error("cut-off", 403, "access-denied", None, None, [_JSON], text='{"message": "Invalid sig'),
        _error("nested", 400, "invalid-request", None, None, [_JSON], text="[" * 5000),
        _error(
            "retry-after-date",
            503,
            "service",
            None,
            None,
            [("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")],
            text="",
            retryable=True,
        ),
        _error("retry-after-long", 503, "service", None, None, [("Retry-After", "1234567")], text="", retryable=True),
    ]


def _odd_messages() -> list[dict[str, Any]]:
    denied = ("access-denied", "AccessDeniedException")
    typed = _typed("AccessDeniedException")
    return [
        _error("message-no-text", 403, *denied, None, typed, {"message": 7}),
        _error("message-empty", 403, *denied, None, typed, {"message": " "}),
        _error("message-control-characters", 403, *denied, "a [2Jb", typed, {"message": "a\x1b[2Jb\n"}),
        _error("message-long", 403, *denied, "x" * 500, typed, {"message": "x" * 501}),
        _error(
            "message-non-ascii", 403, *denied, "\N{HANGUL SYLLABLE NA}", typed, {"message": "\N{HANGUL SYLLABLE NA}"}
        ),
    ]


def _useless_successes() -> list[dict[str, Any]]:
    keys = {
        "accessKeyId": "ASIAEXAMPLE",
        "secretAccessKey": "x",
        "sessionToken": "y",
        "expiration": "2099-01-01T00:00:00Z",
    }
    bodies = {
        "success-empty": "",
        "success-html": "<html>Sign in</html>",
        "success-no-session": '{"credentialSet": []}',
        "success-odd-session": '{"credentialSet": [7]}',
        "success-no-credentials": '{"credentialSet": [{"roleArn": "arn:aws:iam::123456789012:role/reader"}]}',
        **{
            f"success-no-{name}": json.dumps(
                {"credentialSet": [{"credentials": {k: v for k, v in keys.items() if k != name}}]}
            )
            for name in keys
        },
    }
    return [
        {
            "name": name,
            "description": "a success without usable credentials",
            "status": 201,
            "headers": [list(_JSON)],
            "body": body,
            "expected": {"kind": "response", "retryable": False},
        }
        for name, body in bodies.items()
    ]


def _typed(code: str) -> list[tuple[str, str]]:
    return [("x-amzn-ErrorType", code), _JSON]


def _error(
    name: str,
    status: int,
    kind: str,
    code: str | None,
    message: str | None,
    headers: list[tuple[str, str]],
    body: dict[str, Any] | None = None,
    *,
    text: str | None = None,
    retryable: bool = False,
    retry_after: int | None = None,
) -> dict[str, Any]:
    content = json.dumps({"message": message} if body is None else body, ensure_ascii=False) if text is None else text
    return {
        "name": name,
        "description": name.replace("-", " "),
        "status": status,
        "headers": [list(pair) for pair in headers],
        "body": content,
        "expected": {
            "kind": kind,
            "error_code": code,
            "message": message,
            "retryable": retryable,
            "retry_after_seconds": retry_after,
        },
    }
