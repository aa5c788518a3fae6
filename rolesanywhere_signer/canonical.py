"""The pure functions of SigV4-X509: canonical request, credential scope, string to sign. No I/O, clock or crypto key.

Source: IAM Roles Anywhere User Guide, "Signing process"; the canonical form is SigV4's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from urllib.parse import parse_qsl, quote

SERVICE = "rolesanywhere"
TERMINATOR = "aws4_request"

# What proxies and HTTP libraries add or change on the way, and what the signature itself fills in.
UNSIGNED_HEADERS = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "expect",
        "user-agent",
        "x-amzn-trace-id",
    }
)

_EMPTY_HASH = sha256(b"").hexdigest()
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_~-]+)+")
_SPACES = re.compile(" {2,}")


def canonical_path(path: str) -> str:
    """Return the canonical URI of a path as it is sent: dot and empty segments removed, each segment encoded again.

    A path in a URL is encoded once already (``a b`` travels as ``a%20b``), so that a name is encoded twice in all
    (``a%2520b``), as the user guide demands.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    joined = "/" + "/".join(segments)
    trailing = "/" if segments and path.endswith("/") else ""
    return quote(joined + trailing, safe="/~")


def canonical_query(query: str) -> str:
    """Return the canonical query: names and values decoded, encoded once, and sorted.

    ``+`` is a space, as forms and the official helper have it; ``=`` inside a value becomes ``%3D``.
    """
    if not query:
        return ""
    # latin-1 keeps every byte, whatever the encoding of what was percent-encoded.
    pairs = parse_qsl(query.encode().decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    encoded = sorted(
        (quote(name, safe="~", encoding="latin-1"), quote(value, safe="~", encoding="latin-1")) for name, value in pairs
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_header_value(value: str) -> str:
    """Return a header's value trimmed, with inner runs of spaces made one."""
    value = value.strip(" \t")
    return _SPACES.sub(" ", value) if "  " in value else value


def payload_hash(body: bytes) -> str:
    """Return the lower-case hex SHA-256 of the body."""
    return sha256(body).hexdigest() if body else _EMPTY_HASH


def signed_header_names(headers: Iterable[tuple[str, str]]) -> str:
    """Return the names of ``headers`` (lower case, sorted), joined by semicolons."""
    return ";".join([name for name, _ in headers])


def canonical_request(
    method: str, uri: str, query: str, headers: Sequence[tuple[str, str]], signed_headers: str, body_hash: str
) -> str:
    """Return the canonical request.

    Args:
        method: Upper case.
        uri: From ``canonical_path``.
        query: From ``canonical_query``.
        headers: Those that are signed: lower-case names, canonical values, sorted by name, no name twice.
        signed_headers: Their names, from ``signed_header_names``.
        body_hash: From ``payload_hash``.
    """
    header_lines = "".join([f"{name}:{value}\n" for name, value in headers])
    return f"{method}\n{uri}\n{query}\n{header_lines}\n{signed_headers}\n{body_hash}"


def credential_scope(date: str, region: str) -> str:
    """Return the scope of a signature; ``date`` is ``YYYYMMDD``."""
    return f"{date}/{region}/{SERVICE}/{TERMINATOR}"


def string_to_sign(algorithm: str, timestamp: str, scope: str, request: str) -> str:
    """Return what the key signs.

    Args:
        algorithm: Such as ``AWS4-X509-ECDSA-SHA256``.
        timestamp: ``YYYYMMDDTHHMMSSZ``, the value of ``X-Amz-Date``.
        scope: From ``credential_scope``.
        request: The canonical request.
    """
    return f"{algorithm}\n{timestamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
