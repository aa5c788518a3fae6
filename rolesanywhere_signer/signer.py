"""Requests signed with an X.509 certificate's key: SigV4-X509, and the ``requests`` auth class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import requests
from requests.auth import AuthBase

from . import canonical
from .arn import check_region
from .clock import Clock, amz_date, require_aware, utc_now
from .errors import ConfigurationError, TransportError
from .identity import Identity, LoadedIdentity

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

# RFC 9110, section 5.6.2: a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110, section 5.5, without obs-text: it has no encoding that two sides agree upon.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
# A URL that needs no encoding; most do not, and asking requests takes longer than a signature.
_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9_~-]+)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REPLACED = frozenset({"authorization", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"})


class _Prepared(NamedTuple):
    """A request in the form in which it is sent and signed; what does not depend on key and time is done once."""

    method: str
    url: str
    body: bytes
    sent: dict[str, str]
    signed: list[tuple[str, str]]
    canonical_uri: str
    canonical_query: str
    body_hash: str

    def __repr__(self) -> str:
        return "<prepared>"  # body and headers may hold tokens


@dataclass(frozen=True)
class Request:
    """A request that waits to be signed; checked when made, never changed by signing.

    Attributes:
        method: Any; sent in upper case.
        url: Absolute. Characters that no URL may hold are percent-encoded, as HTTP libraries do.
        headers: A mapping, or name and value pairs.
        body: Bytes, text (sent as UTF-8), or None.

    Raises:
        ConfigurationError: The method, the URL, a header or the body cannot be sent.
    """

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)
    body: bytes | str | None = field(default=None, repr=False)
    _prepared: _Prepared = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pairs = _pairs(self.headers)
        # A copy: a mapping that the caller changes later is another request.
        object.__setattr__(self, "headers", dict(pairs) if isinstance(self.headers, Mapping) else tuple(pairs))
        object.__setattr__(self, "_prepared", _prepare(self))


@dataclass(frozen=True)
class SignedRequest:
    """A signed request, with each stage of its signature.

    Attributes:
        method: Upper case.
        url: What is to be sent.
        headers: All headers to be sent: those given, ``Host``, ``X-Amz-Date``, ``X-Amz-X509``, ``X-Amz-X509-Chain`` if
            there are intermediates, and ``Authorization``.
        body: The bytes to be sent.
        canonical_request: The first stage.
        string_to_sign: The second stage.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    canonical_request: str = field(repr=False)
    string_to_sign: str = field(repr=False)


class SigV4X509Signer:
    """Signs requests as SigV4-X509 does.

    Args:
        identity: Whose key signs, and whose certificates go along.
        region: The region of the credential scope.
        clock: A callable that returns the time, aware; None: this machine's.

    Raises:
        ConfigurationError: ``region`` is none.
    """

    def __init__(self, identity: Identity, region: str, clock: Clock | None = None) -> None:
        self.identity = identity
        self.region = check_region(region)
        self._clock = clock or utc_now

    def sign(self, request: Request, at: datetime | None = None) -> SignedRequest:
        """Return the request with its signature.

        Args:
            request: Any request.
            at: The time of the signature, aware; None: now.

        Returns:
            A new value; ``request`` is untouched.

        Raises:
            ConfigurationError: ``at`` is naive.
            SigningError: The key failed.
        """
        moment = require_aware(self._clock() if at is None else at, "the time of the signature")
        return sign_request(request, self.identity.current, self.region, moment)


def sign_request(request: Request, loaded: LoadedIdentity, region: str, moment: datetime) -> SignedRequest:
    """Return the request with the signature of one reading of an identity.

    Args:
        request: Any request; it is untouched.
        loaded: Whose key signs, and whose certificates go along.
        region: Of the credential scope.
        moment: The time of the signature, aware, UTC.

    Raises:
        SigningError: The key failed.
    """
    prepared = request._prepared
    timestamp = amz_date(moment)
    ours = _signature_headers(loaded, timestamp)
    signed = sorted([*prepared.signed, *((name.lower(), value) for name, value in ours.items())])
    names = canonical.signed_header_names(signed)
    canonical_request = canonical.canonical_request(
        prepared.method, prepared.canonical_uri, prepared.canonical_query, signed, names, prepared.body_hash
    )
    scope = canonical.credential_scope(timestamp[:8], region)
    string_to_sign = canonical.string_to_sign(loaded.key.algorithm, timestamp, scope, canonical_request)
    authorization = (
        f"{loaded.key.algorithm} Credential={loaded.serial_number}/{scope}, SignedHeaders={names}, "
        f"Signature={loaded.key.sign(string_to_sign.encode()).hex()}"
    )
    headers = {**prepared.sent, **ours, "Authorization": authorization}
    return SignedRequest(prepared.method, prepared.url, headers, prepared.body, canonical_request, string_to_sign)


def _signature_headers(loaded: LoadedIdentity, timestamp: str) -> dict[str, str]:
    headers = {"X-Amz-Date": timestamp, "X-Amz-X509": loaded.x509_header}
    if loaded.chain_header is not None:
        headers["X-Amz-X509-Chain"] = loaded.chain_header
    return headers


def _prepare(request: Request) -> _Prepared:
    url = _sendable_url(request.url)
    parts = _split(url)
    body = _body_bytes(request.body)
    sent = _headers_to_send(request.headers, parts)
    return _Prepared(
        method=_checked_method(request.method),
        url=url,
        body=body,
        sent=sent,
        signed=_headers_to_sign(sent),
        canonical_uri=canonical.canonical_path(parts.path),
        canonical_query=canonical.canonical_query(parts.query),
        body_hash=canonical.payload_hash(body),
    )


def _checked_method(method: str) -> str:
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        raise ConfigurationError(f"{method!r} is not an HTTP method")
    return method.upper()


def _sendable_url(url: str) -> str:
    """Return the URL as ``requests`` and others send it, so that what is signed is what travels."""
    if not isinstance(url, str):
        raise ConfigurationError(f"the URL must be text, not {type(url).__name__}")
    _split(url)
    if _PLAIN_URL.fullmatch(url):
        return url
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except (ValueError, requests.RequestException):
        # The cause shows the URL, and a URL may hold a secret.
        raise ConfigurationError(
            "the URL cannot be sent as it is", hint="it must be absolute: http:// or https:// and a host"
        ) from None
    return prepared.url or ""


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # The cause shows parts of the URL, and one of them may be a password.
        raise ConfigurationError("the URL cannot be parsed") from None
    if not usable:
        raise ConfigurationError("the URL must be absolute: http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the URL holds a user name or a password; the signature takes their place")
    return parts


def _body_bytes(body: bytes | str | None) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError:
            raise ConfigurationError("the body holds a character that UTF-8 cannot encode") from None
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    raise ConfigurationError(f"the body must be bytes, str or None, not {type(body).__name__}")


def _host(parts: SplitResult) -> str:
    """Return the Host header as it is sent: lower case, a default port dropped (RFC 9110, section 7.2)."""
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    if parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]:
        return host
    return f"{host}:{parts.port}"


def _headers_to_send(headers: Headers, parts: SplitResult) -> dict[str, str]:
    sent: dict[str, str] = {}
    written: dict[str, str] = {}
    for name, value in _pairs(headers):
        _check_header(name, value)
        if name.lower() in _REPLACED:
            continue
        if name.lower() == "host" and "host" in written:
            raise ConfigurationError("the Host header is given twice")
        # One name sent twice means the same as its values joined (RFC 9110, section 5.3), and is signed like that.
        first = written.setdefault(name.lower(), name)
        sent[first] = f"{sent[first]},{value}" if first in sent else value
    if "host" not in written:
        sent["Host"] = _host(parts)
    return sent


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    try:
        return [(name, value) for name, value in (headers.items() if isinstance(headers, Mapping) else headers)]
    except (TypeError, ValueError):
        raise ConfigurationError("headers must be a mapping, or pairs of a name and a value") from None


def _check_header(name: str, value: str) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ConfigurationError(f"{name!r} is not the name of a header")
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        # The value may be a secret, so it is not shown.
        raise ConfigurationError(f"the header {name} has a value that cannot be sent: only printable ASCII text can")


def _headers_to_sign(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (lower, canonical.canonical_header_value(value))
        for name, value in headers.items()
        if (lower := name.lower()) not in canonical.UNSIGNED_HEADERS
    ]


class RolesAnywhereAuth(AuthBase):
    """Signs what ``requests`` is about to send: ``requests.post(url, json=..., auth=RolesAnywhereAuth(signer))``.

    ``.netrc`` is not looked at for a request that has an ``auth``. A redirect is refused, because the signature
    covers host and path, and because ``requests`` would put the ``.netrc`` entry of the new host in its place.

    Raises:
        ConfigurationError: The body is a stream, whose bytes are not known before they are sent.
    """

    def __init__(self, signer: SigV4X509Signer) -> None:
        self._signer = signer

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign the request as it stands; ``requests`` calls this last."""
        body = prepared.body
        if body is not None and not isinstance(body, (bytes, str)):
            raise ConfigurationError("a streamed body cannot be signed", hint="pass the body as bytes")
        # Files may have been renewed since the last request.
        self._signer.identity.load()
        headers = [(_text(name), _text(value)) for name, value in prepared.headers.items()]
        signed = self._signer.sign(Request(prepared.method or "", prepared.url or "", headers, body))
        prepared.headers.clear()
        prepared.headers.update(signed.headers)
        prepared.body = signed.body if body is not None else None
        prepared.register_hook("response", _refuse_redirect)  # type: ignore[no-untyped-call]
        return prepared


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _refuse_redirect(response: requests.Response, *_args: Any, **_kwargs: Any) -> None:
    if response.is_redirect:
        response.close()
        raise TransportError(
            f"the server redirects a signed request (HTTP {response.status_code}); it was not followed",
            hint="send the request to its final URL",
        )
