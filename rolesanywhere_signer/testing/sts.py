"""STS GetCallerIdentity for the credentials that the local service gave out, so that they are seen to work."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from ..clock import utc_now
from .account import Account
from .refusals import Refusal
from .resources import VendedCredentials
from .sigv4 import (
    Authorization,
    MalformedSignatureError,
    only_value,
    parse_amz_date,
    parse_authorization,
    string_to_sign,
)
from .wire import HttpRequest, HttpResponse, octets

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "sts"

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_VERSION = "2011-06-15"
_TOKEN_HEADER = "x-amz-security-token"  # noqa: S105 - the name of a header
_MUST_BE_SIGNED = frozenset({"host", "x-amz-date"})
_LONGEST_SKEW = timedelta(minutes=15)


def is_query_request(request: HttpRequest) -> bool:
    """Return whether the body is a form that names an action, as STS's query protocol has it."""
    return "Action" in _form(request)


def answer_query(account: Account, request: HttpRequest, now: datetime, request_id: str) -> HttpResponse:
    """Answer a request of STS's query protocol, of which GetCallerIdentity is known here.

    Args:
        account: What the service knows.
        request: As received, with an action in its form.
        now: Aware.
        request_id: To be told in the answer.
    """
    try:
        credentials = _get_caller_identity(account, request, now)
    except Refusal as refusal:
        return _error(refusal, request_id)
    return _xml(
        200,
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>{escape(credentials.assumed_role_arn)}</Arn>"
        f"<UserId>{escape(credentials.user_id)}</UserId>"
        f"<Account>{account.account_id}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
    )


def _get_caller_identity(account: Account, request: HttpRequest, now: datetime) -> VendedCredentials:
    """Return whose credentials signed the request."""
    form = _form(request)
    action, version = form["Action"], form.get("Version", "NO_VERSION_SPECIFIED")
    if (action, version) != ("GetCallerIdentity", _VERSION):
        raise Refusal(400, "InvalidAction", f"Could not find operation {action} for version {version}")
    return _verify(account, request, now)


def _verify(account: Account, request: HttpRequest, now: datetime) -> VendedCredentials:
    """Return the credentials that signed the request."""
    if not any(request.values("authorization")):
        raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    try:
        authorization = _authorization(request)
        expected = string_to_sign(request, authorization)
    except MalformedSignatureError as error:
        raise Refusal(400, "IncompleteSignature", f"The signature cannot be verified: {error}") from error
    credentials = account.vended(authorization.key_id)
    tokens = list(request.values(_TOKEN_HEADER))
    if credentials is None or tokens != [credentials.session_token]:
        raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if _TOKEN_HEADER not in authorization.signed_headers:
        raise Refusal(400, "IncompleteSignature", "The signature cannot be verified: the security token is not signed")
    _check_age(parse_amz_date(only_value(request, "x-amz-date")), now)
    if now >= credentials.expiration:
        raise Refusal(403, "ExpiredToken", "The security token included in the request is expired")
    if not hmac.compare_digest(_signature(credentials, authorization, expected), authorization.signature):
        raise Refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )
    return credentials


def _check_age(signed_at: datetime, now: datetime) -> None:
    # The clock of this service can be set, the SDK's cannot: what either of the two takes for now is fine.
    if all(abs(moment - signed_at) > _LONGEST_SKEW for moment in (now, utc_now())):
        raise Refusal(403, "SignatureDoesNotMatch", f"Signature expired or not yet current: {signed_at:%Y%m%dT%H%M%SZ}")


def _authorization(request: HttpRequest) -> Authorization:
    authorization = parse_authorization(only_value(request, "authorization"))
    if (authorization.algorithm, authorization.service) != (ALGORITHM, SERVICE):
        raise MalformedSignatureError("it is not a SigV4 signature for STS")
    if not _MUST_BE_SIGNED.issubset(authorization.signed_headers):
        raise MalformedSignatureError("a header that must be signed is not")
    date = only_value(request, "x-amz-date")
    parse_amz_date(date)
    if date[:8] != authorization.day:
        raise MalformedSignatureError("the scope is of another day than the request")
    return authorization


def _signature(credentials: VendedCredentials, authorization: Authorization, data: bytes) -> bytes:
    key = octets("AWS4" + credentials.secret_access_key)
    for part in (*authorization.scope.split("/"), data.decode("ascii")):
        key = hmac.new(key, octets(part), hashlib.sha256).digest()
    return key


def _form(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("latin-1")))


def _error(refusal: Refusal, request_id: str) -> HttpResponse:
    return _xml(
        refusal.status,
        f'<ErrorResponse xmlns="{_NAMESPACE}">'
        f"<Error><Type>Sender</Type><Code>{refusal.error_code}</Code><Message>{escape(refusal.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>",
    )


def _xml(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, (("Content-Type", "text/xml"),), text.encode("utf-8", "replace"))
