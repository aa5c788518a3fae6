"""What SigV4 and SigV4-X509 have in common, seen from the receiving end.

Written from the description of the wire format, apart from the library's signer, so that the two check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from urllib.parse import quote, unquote_to_bytes

from ..clock import utc_now
from .wire import HttpRequest, octets

HMAC_ALGORITHM = "AWS4-HMAC-SHA256"
TOKEN_HEADER = "x-amz-security-token"  # noqa: S105 - the name of a header

_HEADER_NAME = r"[a-z0-9!#$%&'*+.^_`|~-]+"
_AUTHORIZATION = re.compile(
    r"(?P<algorithm>AWS4-[A-Z0-9-]+) "
    r"Credential=(?P<key_id>[0-9A-Za-z]+)/(?P<day>[0-9]{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request,"
    rf" *SignedHeaders=(?P<signed_headers>{_HEADER_NAME}(?:;{_HEADER_NAME})*),"
    r" *Signature=(?P<signature>(?:[0-9a-f]{2})+)"
)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LONGEST_SKEW = timedelta(minutes=15)


class MalformedSignatureError(Exception):
    """The request does not carry a signature that could be verified."""


@dataclass(frozen=True)
class Authorization:
    """The parts of the ``Authorization`` header; ``key_id`` is a serial number or an access key id."""

    algorithm: str
    key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: bytes

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def parse_authorization(text: str) -> Authorization:
    """Parse an ``Authorization`` header strictly; only the number of spaces after its commas is free.

    Raises:
        MalformedSignatureError: It is none.
    """
    match = _AUTHORIZATION.fullmatch(text)
    if match is None:
        raise MalformedSignatureError("the Authorization header is malformed")
    names = tuple(match["signed_headers"].split(";"))
    if list(names) != sorted(set(names)):
        raise MalformedSignatureError("SignedHeaders is not in order, or names a header twice")
    return Authorization(
        match["algorithm"],
        match["key_id"],
        match["day"],
        match["region"],
        match["service"],
        names,
        bytes.fromhex(match["signature"]),
    )


def only_value(request: HttpRequest, name: str) -> str:
    """Return the value of a header that must be there once, trimmed.

    Raises:
        MalformedSignatureError: It is missing or there several times.
    """
    values = list(request.values(name))
    if len(values) != 1:
        raise MalformedSignatureError(f"there are {len(values)} headers {name}")
    return values[0].strip(" \t")


def parse_amz_date(text: str) -> datetime:
    """Parse an ``X-Amz-Date``.

    Raises:
        MalformedSignatureError: It is none.
    """
    if not _DATE.fullmatch(text):
        raise MalformedSignatureError("X-Amz-Date is malformed")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise MalformedSignatureError("X-Amz-Date is no date") from error


def string_to_sign(request: HttpRequest, authorization: Authorization) -> bytes:
    """Return what the sender must have signed, recomputed from what was received.

    Raises:
        MalformedSignatureError: A signed header is missing, or the target is at another host than the signed one.
    """
    if request.authority is not None and request.authority.lower() != only_value(request, "host").lower():
        raise MalformedSignatureError("the host in the target is not the one in the Host header")
    digest = hashlib.sha256(canonical_request(request, authorization.signed_headers)).hexdigest()
    lines = (authorization.algorithm, only_value(request, "x-amz-date"), authorization.scope, digest)
    return "\n".join(lines).encode("ascii")


def canonical_request(request: HttpRequest, signed_headers: tuple[str, ...]) -> bytes:
    """Return the canonical request of what was received.

    Raises:
        MalformedSignatureError: A signed header is missing.
    """
    headers = b"".join(octets(name) + b":" + _canonical_value(request, name) + b"\n" for name in signed_headers)
    return b"\n".join(
        (
            octets(request.method),
            canonical_path(request.raw_path),
            canonical_query(request.raw_query),
            headers,
            octets(";".join(signed_headers)),
            octets(hashlib.sha256(request.body).hexdigest()),
        )
    )


def canonical_path(raw_path: str) -> bytes:
    """Resolve empty and dot segments, and encode each of the others once more: what was sent was encoded already."""
    segments: list[str] = []
    for segment in raw_path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    closing = "/" if segments and raw_path.endswith("/") else ""
    return octets("/" + quote(octets("/".join(segments)), safe="/-_.~") + closing)


def canonical_query(raw_query: str) -> bytes:
    """Decode each name and value, encode them anew, and sort the pairs."""
    pieces = (piece.partition("=") for piece in raw_query.split("&") if piece)
    # Sorted before they are joined: "=" is greater than some characters that a longer name may go on with.
    pairs = sorted((_encoded_anew(name), _encoded_anew(value)) for name, _, value in pieces)
    return b"&".join(name + b"=" + value for name, value in pairs)


def _encoded_anew(piece: str) -> bytes:
    # In a query a plus is a space, as forms have it.
    return octets(quote(unquote_to_bytes(octets(piece).replace(b"+", b" ")), safe="-_.~"))


def _canonical_value(request: HttpRequest, name: str) -> bytes:
    values = [re.sub(b" +", b" ", octets(value).strip(b" \t")) for value in request.values(name)]
    if not values:
        raise MalformedSignatureError(f"the signed header {name} is missing")
    return b",".join(values)


def hmac_authorization(request: HttpRequest, service: str) -> Authorization:
    """Return the ``Authorization`` of a request that is signed with a secret key, of which nothing is verified yet.

    Raises:
        MalformedSignatureError: It is for another service, of another day than the request, or signs too little.
    """
    authorization = parse_authorization(only_value(request, "authorization"))
    if (authorization.algorithm, authorization.service) != (HMAC_ALGORITHM, service):
        raise MalformedSignatureError(f"it is not a SigV4 signature for {service}")
    if not {"host", "x-amz-date"}.issubset(authorization.signed_headers):
        raise MalformedSignatureError("a header that must be signed is not")
    date = only_value(request, "x-amz-date")
    parse_amz_date(date)
    if date[:8] != authorization.day:
        raise MalformedSignatureError("the scope is of another day than the request")
    return authorization


@dataclass(frozen=True)
class SecretKey:
    """What a request is signed with, as the side that verifies knows it.

    Attributes:
        secret_access_key: The secret.
        session_token: None where there is none.
        expiration: When the credentials end; None: never.
    """

    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


class Fault(Enum):
    """Why a signature that was made with a secret key does not count, in the order in which it is looked at."""

    UNKNOWN = "nobody has such credentials"
    TOKEN_NOT_SIGNED = "the token is not signed"  # noqa: S105 - a reason
    NOT_CURRENT = "the date is too far off"
    EXPIRED = "the credentials have ended"
    WRONG_SIGNATURE = "the signature is of another key or another request"


def fault_of(request: HttpRequest, authorization: Authorization, key: SecretKey | None, now: datetime) -> Fault | None:
    """Return why a request was not signed with ``key``, about now; None: it was.

    Raises:
        MalformedSignatureError: A signed header is missing.
    """
    expected = string_to_sign(request, authorization)
    tokens = list(request.values(TOKEN_HEADER))
    if key is None or tokens != ([] if key.session_token is None else [key.session_token]):
        return Fault.UNKNOWN
    if tokens and TOKEN_HEADER not in authorization.signed_headers:
        return Fault.TOKEN_NOT_SIGNED
    if not is_current(request, now):
        return Fault.NOT_CURRENT
    if key.expiration is not None and now >= key.expiration:
        return Fault.EXPIRED
    if not hmac.compare_digest(_hmac(authorization, key.secret_access_key, expected), authorization.signature):
        return Fault.WRONG_SIGNATURE
    return None


def is_current(request: HttpRequest, now: datetime) -> bool:
    """Return whether the date of a request that is signed with a secret key is near enough.

    Raises:
        MalformedSignatureError: It has none.
    """
    signed_at = parse_amz_date(only_value(request, "x-amz-date"))
    # The clock of this service can be set, the SDK's cannot: what either of the two takes for now is fine.
    return any(abs(moment - signed_at) <= _LONGEST_SKEW for moment in (now, utc_now()))


def _hmac(authorization: Authorization, secret_access_key: str, data: bytes) -> bytes:
    key = ("AWS4" + secret_access_key).encode("utf-8")
    for part in (*authorization.scope.split("/"), data.decode("ascii")):
        key = hmac.new(key, octets(part), hashlib.sha256).digest()
    return key
