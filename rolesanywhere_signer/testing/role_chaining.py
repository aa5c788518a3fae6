"""STS AssumeRole by credentials that the local service gave out: from one role to the next.

Source: API reference of STS, AssumeRole; IAM user guide, "Roles terms and concepts" (role chaining) and "Monitor and
control actions taken with assumed roles" (source identity).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from .account import Account
from .assume_role import AssumeRole, AssumeRoleError, Caller
from .assumptions import PARAMETER_NOT_SUPPORTED
from .attributes import is_tag
from .policies import Principal
from .refusals import Refusal
from .resources import VendedCredentials
from .token_service import TokenService, session_allows
from .violations import is_null, no_match, too_great, too_long, too_short, too_small, validation_errors

_ACTION = "sts:AssumeRole"
# A session of a session lasts an hour at most, whatever the role allows.
_LONGEST_CHAINED = 3600
_CHAINED_TOO_LONG = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
_DUPLICATE_TAGS = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
_TAG_PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"
_MIN_DURATION, _MAX_DURATION = 900, 43200
_NOT_SUPPORTED = ("ProvidedContexts", "SerialNumber", "TokenCode", "TransitiveTagKeys")
# Name, what the sentences call it, shortest, longest, pattern.
_TEXTS = (
    ("RoleArn", "roleArn", 20, 2048, r"[\t\n\r -~\u0085\u00A0-\uD7FF\uE000-\uFFFD]+"),
    ("RoleSessionName", "roleSessionName", 2, 64, r"[\w+=,.@-]*"),
    ("ExternalId", "externalId", 2, 1224, r"[\w+=,.@:\/-]*"),
    ("SourceIdentity", "sourceIdentity", 2, 64, r"[\w+=,.@-]*"),
)
_LISTS = (("Tags", "tags", "Key", 50), ("PolicyArns", "policyArns", "arn", 10))
_REQUIRED = ("RoleArn", "RoleSessionName")


def assume_next_role(
    account: Account, tokens: TokenService, credentials: VendedCredentials, form: Mapping[str, str], now: datetime
) -> VendedCredentials:
    """Answer AssumeRole with new credentials.

    Args:
        account: What the service knows.
        tokens: Which assumes the role.
        credentials: Whose signature was verified.
        form: The parameters.
        now: Aware.

    Raises:
        Refusal: The parameters are wrong, or the role is not for that caller.
    """
    asked = _asked(form, credentials)
    denied = Refusal(
        403,
        "AccessDenied",
        f"User: {credentials.assumed_role_arn} is not authorized to perform: {_ACTION} on resource: {asked.role_arn}",
    )
    if not session_allows(credentials.assumed, _ACTION, asked.role_arn, now):
        raise denied
    # It stays what it was at the first role.
    if asked.source_identity != (credentials.assumed.source_identity or asked.source_identity):
        raise denied
    if asked.duration_seconds > _LONGEST_CHAINED:
        raise _invalid(_CHAINED_TOO_LONG)
    session = frozenset({credentials.assumed_role_arn, credentials.assumed.role_arn})
    caller = Caller(Principal(arns=session, account_id=account.account_id), tags=credentials.assumed.tags)
    try:
        return tokens.assume_role(asked, caller, now)
    except AssumeRoleError as error:
        raise (_invalid(error.reason) if error.reason else denied) from error


def _asked(form: Mapping[str, str], credentials: VendedCredentials) -> AssumeRole:
    violations = list(_violations(form))
    if violations:
        raise _invalid(validation_errors(violations).message)
    unsupported = sorted({name.partition(".")[0] for name in form}.intersection(_NOT_SUPPORTED))
    if unsupported:
        raise _invalid(f"{PARAMETER_NOT_SUPPORTED}: {', '.join(unsupported)}")
    return AssumeRole(
        role_arn=form["RoleArn"],
        role_session_name=form["RoleSessionName"],
        duration_seconds=int(form.get("DurationSeconds", _LONGEST_CHAINED)),
        tags=_tags(form),
        source_identity=form.get("SourceIdentity", credentials.assumed.source_identity),
        policy=form.get("Policy"),
        policy_arns=tuple(_members(form, "PolicyArns", "arn")),
        external_id=form.get("ExternalId"),
    )


def _violations(form: Mapping[str, str]) -> Iterator[str]:
    for parameter, name, shortest, longest, pattern in _TEXTS:
        value = form.get(parameter)
        if value is None:
            if parameter in _REQUIRED:
                yield is_null(name)
        elif len(value) < shortest:
            yield too_short(name, value, shortest)
        elif len(value) > longest:
            yield too_long(name, value, longest)
        elif not re.fullmatch(pattern, value, re.ASCII):
            yield no_match(name, value, pattern)
    yield from _duration_violations(form.get("DurationSeconds", str(_LONGEST_CHAINED)))
    for parameter, name, member, most in _LISTS:
        listed = list(_members(form, parameter, member))
        if len(listed) > most:
            yield too_long(name, listed, most)


def _duration_violations(text: str) -> Iterator[str]:
    if not re.fullmatch("[0-9]{1,9}", text):
        yield no_match("durationSeconds", text, "[0-9]+")
    elif int(text) < _MIN_DURATION:
        yield too_small("durationSeconds", text, _MIN_DURATION)
    elif int(text) > _MAX_DURATION:
        yield too_great("durationSeconds", text, _MAX_DURATION)


def _members(form: Mapping[str, str], parameter: str, member: str) -> Iterator[str]:
    """Yield the members of a list, which the query protocol numbers from one."""
    number = 1
    while (value := form.get(f"{parameter}.member.{number}.{member}")) is not None:
        yield value
        number += 1


def _tags(form: Mapping[str, str]) -> dict[str, str]:
    keys = list(_members(form, "Tags", "Key"))
    if len({key.lower() for key in keys}) < len(keys):
        raise _invalid(_DUPLICATE_TAGS)
    tags = {key: form.get(f"Tags.member.{number}.Value", "") for number, key in enumerate(keys, 1)}
    if not all(is_tag(key, value) for key, value in tags.items()):
        raise _invalid(validation_errors([no_match("tags", list(tags), _TAG_PATTERN)]).message)
    return tags


def _invalid(message: str) -> Refusal:
    return Refusal(400, "ValidationError", message)
