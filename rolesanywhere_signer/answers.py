"""What the service answers: credentials out of a success, our errors out of everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .credentials import Credentials
from .errors import (
    AccessDeniedError,
    InvalidRequestError,
    ResourceNotFoundError,
    ResponseError,
    ServiceError,
    ThrottledError,
)

if TYPE_CHECKING:
    from .transport import Answer

# The API reference says 201; 200 is tolerated as the official helper does.
_SUCCESS = (200, 201)
_BY_CODE: Mapping[str, type[ServiceError]] = {
    "AccessDeniedException": AccessDeniedError,
    "ValidationException": InvalidRequestError,
    "ResourceNotFoundException": ResourceNotFoundError,
    "ThrottlingException": ThrottledError,
    "TooManyRequestsException": ThrottledError,
}
_BY_STATUS: Mapping[int, type[ServiceError]] = {
    400: InvalidRequestError,
    403: AccessDeniedError,
    404: ResourceNotFoundError,
    429: ThrottledError,
}
_ERROR_CODE = r"[A-Za-z0-9_.]{1,100}"
_ACCOUNT = re.compile(r"arn:[^:]*:(?:iam|sts)::([0-9]{12}):")
_MAX_MESSAGE = 500
_NOT_THE_SERVICE = "this does not look like the service's answer; is a proxy in the way, or endpoint_url wrong?"


def parse_answer(answer: Answer, now: datetime) -> Credentials:
    """Return the credentials of an answer to CreateSession.

    Args:
        answer: Any answer.
        now: The time, aware; credentials that have ended by then are of no use.

    Raises:
        ServiceError: The answer is an error; the class tells which.
        ResponseError: The answer is a success that cannot be used.
    """
    if answer.status not in _SUCCESS:
        raise _service_error(answer)
    credentials = _parse_credentials(answer)
    if credentials.remaining(now).total_seconds() <= 0:
        raise ResponseError(
            f"the service returned credentials that ended at {credentials.expiration.isoformat()}; "
            f"it is {now.isoformat(timespec='seconds')} here",
            hint="this machine's clock is probably ahead; set it by NTP",
        )
    return credentials


def parse_expiration(value: object) -> datetime:
    """Return when credentials end, aware, UTC, in whole seconds.

    Args:
        value: ISO 8601 text with a zone, or seconds since 1970, as AWS's JSON protocols write times too.

    Raises:
        ResponseError: It is neither.
    """
    try:
        if isinstance(value, str):
            # datetime.fromisoformat reads a Z, and fractions of any length, from Python 3.11 on.
            moment = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", re.sub(r"[.,][0-9]+", "", value)))
            if moment.tzinfo is not None:
                return moment.astimezone(timezone.utc)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(int(value), timezone.utc)
    except (ValueError, OverflowError, OSError):
        pass
    raise ResponseError(f"the answer's expiration {str(value)[:40]!r} is not a time such as 2026-01-31T12:00:00Z")


def answer_date(answer: Answer) -> datetime | None:
    """Return the time of the answer's ``Date`` header, aware; None without a usable one."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("Date", ""))
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def answer_request_id(answer: Answer) -> str | None:
    """Return the service's identifier of the request, or None."""
    return _text(answer.headers.get("x-amzn-RequestId"))


def is_invalid_signature(answer: Answer) -> bool:
    """Return whether the service refused the signature, which it also does when a clock is wrong."""
    said = _message(_json_object(answer.body)) or ""
    return answer.status == 403 and said.lower().startswith("invalid signature")


def _retry_after_seconds(answer: Answer) -> float | None:
    """Return what ``Retry-After`` asks for when it is a number of seconds (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _service_error(answer: Answer) -> ServiceError:
    body = _json_object(answer.body)
    code = _error_code(answer, body)
    said = _message(body)
    kind = _BY_CODE.get(code or "") or _BY_STATUS.get(answer.status, ServiceError)
    retryable = answer.status == 429 or answer.status >= 500 or kind is ThrottledError
    return kind(
        f"{code or f'HTTP {answer.status}'}: {said or _what_came(answer)}",
        status=answer.status,
        error_code=code,
        service_message=said,
        request_id=answer_request_id(answer),
        retryable=retryable,
        retry_after_seconds=_retry_after_seconds(answer),
        hint=None if said or code else _foreign_hint(answer),
    )


def _error_code(answer: Answer, body: Mapping[str, Any]) -> str | None:
    # REST-JSON: "Type:http://…" in the header, "namespace#Type" in the body.
    for text in (answer.headers.get("x-amzn-ErrorType"), body.get("code"), body.get("__type")):
        code = text.split(":")[0].split("#")[-1].strip() if isinstance(text, str) else ""
        if re.fullmatch(_ERROR_CODE, code):
            return code
    return None


def _message(body: Mapping[str, Any]) -> str | None:
    return _text(body.get("message", body.get("Message")))


def _what_came(answer: Answer) -> str:
    kind = _text(answer.headers.get("Content-Type")) or "no content type"
    return f"an answer without an error message ({len(answer.body):,} bytes, {kind})"


def _foreign_hint(answer: Answer) -> str | None:
    if 300 <= answer.status < 400:
        return "redirects are never followed; is a proxy or a captive portal in the way, or endpoint_url wrong?"
    if answer.status < 500:
        return _NOT_THE_SERVICE
    return None


def _parse_credentials(answer: Answer) -> Credentials:
    body = _json_object(answer.body)
    session = _first(body.get("credentialSet"))
    keys = session.get("credentials")
    if not isinstance(keys, dict):
        raise ResponseError(
            f"HTTP {answer.status} without credentials ({len(answer.body):,} bytes)",
            hint=_NOT_THE_SERVICE,
        )
    user = session.get("assumedRoleUser")
    assumed_role_arn = _text(user.get("arn")) if isinstance(user, dict) else None
    role_arn = _text(session.get("roleArn"))
    return Credentials(
        access_key_id=_required(keys, "accessKeyId"),
        secret_access_key=_required(keys, "secretAccessKey"),
        session_token=_required(keys, "sessionToken"),
        expiration=parse_expiration(keys.get("expiration")),
        role_arn=role_arn,
        account_id=_account(role_arn) or _account(assumed_role_arn),
        assumed_role_arn=assumed_role_arn,
        subject_arn=_text(body.get("subjectArn")),
        source_identity=_text(session.get("sourceIdentity")),
    )


def _first(value: object) -> Mapping[str, Any]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return value[0]
    return {}


def _required(keys: Mapping[str, Any], name: str) -> str:
    value = keys.get(name)
    # These go into HTTP headers later; the value itself is never shown.
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise ResponseError(f"the answer has no usable {name}")
    return value


def _account(arn: str | None) -> str | None:
    match = _ACCOUNT.match(arn or "")
    return match.group(1) if match else None


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    # RecursionError: brackets nested thousands deep.
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """Return a server's text fit for messages and logs: no control characters, bounded."""
    if not isinstance(value, str):
        return None
    shown = "".join(char if char.isprintable() else " " for char in value[:_MAX_MESSAGE]).strip()
    return shown or None
