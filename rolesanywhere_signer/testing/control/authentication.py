"""Who sends a call to the control plane: the SigV4 signature of any credentials, or of given ones."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ..account import Account
from ..assumptions import MISSING_AUTHORIZATION, NOT_CURRENT, WRONG_SCOPE_REGION
from ..refusals import UNKNOWN_CREDENTIALS, WRONG_SIGNATURE, Refusal
from ..sigv4 import (
    Authorization,
    Fault,
    MalformedSignatureError,
    SecretKey,
    fault_of,
    hmac_authorization,
    is_current,
    string_to_sign,
)
from ..wire import HttpRequest
from .model import SERVICE


class ControlCredentials(NamedTuple):
    """The one key that may administer the account."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"ControlCredentials(access_key_id={self.access_key_id!r})"


class Caller(NamedTuple):
    """Who signed a call.

    Attributes:
        arn: Of the account itself, or of the role's session.
        may_administer: Whether the call is allowed.
    """

    arn: str
    may_administer: bool


def authenticate(
    account: Account, request: HttpRequest, credentials: ControlCredentials | None, now: datetime
) -> Caller:
    """Return who signed a call.

    Credentials that the service gave out are verified wherever they are used. Of all others ``credentials`` are
    verified and the rest is unknown; or, where there are none, any signature is taken that is complete and of now.

    Args:
        account: What the service knows.
        request: As received.
        credentials: The one key that may administer the account; None: any.
        now: Aware.

    Raises:
        Refusal: The signature is missing, malformed, wrong, or of nobody.
    """
    if not any(request.values("authorization")):
        raise Refusal(403, "MissingAuthenticationTokenException", MISSING_AUTHORIZATION)
    try:
        authorization = hmac_authorization(request, SERVICE)
        _check_completeness(account, request, authorization)
        return _verified(account, request, authorization, credentials, now)
    except MalformedSignatureError as error:
        raise _incomplete(str(error)) from error


def _verified(
    account: Account,
    request: HttpRequest,
    authorization: Authorization,
    credentials: ControlCredentials | None,
    now: datetime,
) -> Caller:
    vended = account.vended(authorization.key_id)
    if vended is not None:
        _require_no_fault(fault_of(request, authorization, vended.key, now))
        return Caller(vended.assumed_role_arn, may_administer=credentials is None)
    if credentials is None:
        string_to_sign(request, authorization)
        _require_no_fault(None if is_current(request, now) else Fault.NOT_CURRENT)
    elif authorization.key_id == credentials.access_key_id:
        _require_no_fault(fault_of(request, authorization, SecretKey(credentials.secret_access_key), now))
    else:
        _require_no_fault(Fault.UNKNOWN)
    return Caller(account.root_arn, may_administer=True)


def _check_completeness(account: Account, request: HttpRequest, authorization: Authorization) -> None:
    if authorization.region != account.region:
        raise Refusal(403, "InvalidSignatureException", WRONG_SCOPE_REGION)
    unsigned = {name.lower() for name, _ in request.headers} - set(authorization.signed_headers)
    if any(name.startswith("x-amz-") for name in unsigned):
        raise MalformedSignatureError("a header that must be signed is not")


def _require_no_fault(fault: Fault | None) -> None:
    if fault is not None:
        raise _refusal(fault)


def _refusal(fault: Fault) -> Refusal:
    if fault is Fault.TOKEN_NOT_SIGNED:
        return _incomplete(fault.value)
    if fault is Fault.EXPIRED:
        return Refusal(403, "ExpiredTokenException", "The security token included in the request is expired")
    if fault is Fault.UNKNOWN:
        return Refusal(403, "UnrecognizedClientException", UNKNOWN_CREDENTIALS)
    message = NOT_CURRENT if fault is Fault.NOT_CURRENT else WRONG_SIGNATURE
    return Refusal(403, "InvalidSignatureException", message)


def _incomplete(reason: str) -> Refusal:
    return Refusal(403, "IncompleteSignatureException", f"The signature cannot be verified: {reason}")
