"""STS for the credentials that the local service gave out: GetCallerIdentity, and AssumeRole of the next role."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from .account import Account
from .refusals import UNKNOWN_CREDENTIALS, WRONG_SIGNATURE, Refusal
from .resources import VendedCredentials
from .role_chaining import assume_next_role
from .sigv4 import Fault, MalformedSignatureError, fault_of, hmac_authorization, only_value
from .token_service import TokenService
from .wire import HttpRequest, HttpResponse

SERVICE = "sts"

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_VERSION = "2011-06-15"
_ASSUME_ROLE = "AssumeRole"
ACTIONS = (_ASSUME_ROLE, "GetCallerIdentity")

# What XML has no way to write becomes a question mark. The standard library's own escape imports an HTTP client.
_XML = {**{code: "?" for code in range(32) if chr(code) not in "\t\n\r"}, 0xFFFE: "?", 0xFFFF: "?"}
_XML |= {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def is_query_request(request: HttpRequest) -> bool:
    """Return whether the body is a form that names an action, as STS's query protocol has it."""
    return "Action" in _form(request)


def action_of(request: HttpRequest) -> str | None:
    """Return the action that the form names."""
    return _form(request).get("Action")


def answer_query(
    account: Account, tokens: TokenService, request: HttpRequest, now: datetime, request_id: str
) -> HttpResponse:
    """Answer a request of STS's query protocol, of which GetCallerIdentity and AssumeRole are known here.

    Args:
        account: What the service knows.
        tokens: Which assumes roles.
        request: As received, with an action in its form.
        now: Aware.
        request_id: To be told in the answer.
    """
    form = _form(request)
    try:
        action, result = form["Action"], _result(account, tokens, request, form, now)
    except Refusal as refusal:
        return error_answer(refusal, request_id)
    return _xml(
        200,
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>",
    )


def _result(
    account: Account, tokens: TokenService, request: HttpRequest, form: Mapping[str, str], now: datetime
) -> str:
    action, version = form["Action"], form.get("Version", "NO_VERSION_SPECIFIED")
    if action not in ACTIONS or version != _VERSION:
        raise Refusal(400, "InvalidAction", f"Could not find operation {action} for version {version}")
    credentials = _verify(account, request, now)
    if action == _ASSUME_ROLE:
        return _session(assume_next_role(account, tokens, credentials, form, now))
    return _identity(account, credentials)


def _identity(account: Account, credentials: VendedCredentials) -> str:
    return (
        f"<Arn>{_escaped(credentials.assumed_role_arn)}</Arn>"
        f"<UserId>{_escaped(credentials.user_id)}</UserId>"
        f"<Account>{account.account_id}</Account>"
    )


def _session(made: VendedCredentials) -> str:
    identity = made.assumed.source_identity
    return (
        f"<AssumedRoleUser><Arn>{_escaped(made.assumed_role_arn)}</Arn>"
        f"<AssumedRoleId>{_escaped(made.user_id)}</AssumedRoleId></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{_escaped(made.access_key_id)}</AccessKeyId>"
        f"<SecretAccessKey>{_escaped(made.secret_access_key)}</SecretAccessKey>"
        f"<SessionToken>{_escaped(made.session_token)}</SessionToken>"
        f"<Expiration>{made.expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        f"<PackedPolicySize>{made.packed_policy_size}</PackedPolicySize>"
        + ("" if identity is None else f"<SourceIdentity>{_escaped(identity)}</SourceIdentity>")
    )


def _verify(account: Account, request: HttpRequest, now: datetime) -> VendedCredentials:
    """Return the credentials that signed the request."""
    if not any(request.values("authorization")):
        raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    try:
        authorization = hmac_authorization(request, SERVICE)
        credentials = account.vended(authorization.key_id)
        fault = fault_of(request, authorization, None if credentials is None else credentials.key, now)
    except MalformedSignatureError as error:
        raise _incomplete(str(error)) from error
    if credentials is None or fault is not None:
        raise _refusal(request, fault)
    return credentials


def _incomplete(reason: str) -> Refusal:
    return Refusal(400, "IncompleteSignature", f"The signature cannot be verified: {reason}")


def _refusal(request: HttpRequest, fault: Fault | None) -> Refusal:
    if fault is Fault.TOKEN_NOT_SIGNED:
        return _incomplete("the security token is not signed")
    if fault is Fault.NOT_CURRENT:
        date = only_value(request, "x-amz-date")
        return Refusal(403, "SignatureDoesNotMatch", f"Signature expired or not yet current: {date}")
    if fault is Fault.EXPIRED:
        return Refusal(403, "ExpiredToken", "The security token included in the request is expired")
    if fault is Fault.WRONG_SIGNATURE:
        return Refusal(403, "SignatureDoesNotMatch", WRONG_SIGNATURE)
    return Refusal(403, "InvalidClientTokenId", UNKNOWN_CREDENTIALS)


def _form(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("latin-1")))


def error_answer(refusal: Refusal, request_id: str) -> HttpResponse:
    """Return a refusal as STS writes it; who is to blame goes by the status."""
    blamed = "Sender" if refusal.status < 500 else "Receiver"
    return _xml(
        refusal.status,
        f'<ErrorResponse xmlns="{_NAMESPACE}">'
        f"<Error><Type>{blamed}</Type><Code>{refusal.error_code}</Code>"
        f"<Message>{_escaped(refusal.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>",
    )


def _escaped(text: str) -> str:
    return text.translate(_XML)


def _xml(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, (("Content-Type", "text/xml"),), text.encode("utf-8", "replace"))
