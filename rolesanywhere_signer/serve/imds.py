"""EC2's instance metadata, version 2, as far as it gives credentials, in the manner of the official helper.

A session token comes first, then it opens the rest. It keeps out what cannot send headers of its own choice; it does
not keep out any process or user of this machine.
"""

from __future__ import annotations

import re

from ..clock import utc_now
from ..credentials import Credentials
from .answers import Answer, Environ, WsgiApp, json_answer, path_of, text_answer, wsgi_app
from .supplier import Shortage, Supplier
from .tokens import Tokens

_TOKEN = "/latest/api/token"  # noqa: S105 - a path
_CREDENTIALS = "/latest/meta-data/iam/security-credentials"
_TTL_HEADER = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
_LONGEST_TTL_SECONDS = 21600


def imds_app(supplier: Supplier, tokens: Tokens | None = None) -> WsgiApp:
    """Return the app.

    Args:
        supplier: Of the one role that there is.
        tokens: Makes and checks the session tokens; None: new ones.
    """
    return wsgi_app(_Imds(supplier, tokens or Tokens()).respond)


class _Imds:
    def __init__(self, supplier: Supplier, tokens: Tokens) -> None:
        self._supplier = supplier
        self._tokens = tokens

    def respond(self, environ: Environ) -> Answer:
        # One trailing slash more or less makes no difference, and is no reason for a redirect.
        path = path_of(environ).removesuffix("/")
        if path == _TOKEN:
            return self._give_token(environ)
        if environ["REQUEST_METHOD"] != "GET":
            return _wrong_method("GET")
        token = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN", "")
        left = self._tokens.seconds_left(token)
        if left is None:
            return text_answer(401, "invalid token provided\n" if token else "no token provided\n")
        if path == _CREDENTIALS:
            return text_answer(200, self._supplier.name, (_TTL_HEADER, str(left)))
        if path == f"{_CREDENTIALS}/{self._supplier.name}":
            return self._give_credentials(left)
        return text_answer(404, "not found\n")

    def _give_token(self, environ: Environ) -> Answer:
        if environ["REQUEST_METHOD"] != "PUT":
            return _wrong_method("PUT")
        # Without the header EC2 refuses; the helper takes the longest.
        ttl = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS", str(_LONGEST_TTL_SECONDS))
        if not re.fullmatch("[0-9]{1,9}", ttl) or not 1 <= int(ttl) <= _LONGEST_TTL_SECONDS:
            return text_answer(400, "invalid token TTL\n")
        return text_answer(200, self._tokens.make(int(ttl)), (_TTL_HEADER, str(int(ttl))))

    def _give_credentials(self, token_seconds_left: int) -> Answer:
        found = self._supplier.ask()
        if isinstance(found, Shortage):
            return json_answer(503, {"Code": found.code, "Message": found.message})
        return json_answer(200, _document(found), (_TTL_HEADER, str(token_seconds_left)))


def _document(credentials: Credentials) -> dict[str, str]:
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Code": "Success",
        "Type": "AWS-HMAC",
        # botocore takes no other form than whole seconds with a Z; any other it passes over in silence.
        "Expiration": credentials.expiration_text,
        "LastUpdated": credentials.to_document().get("ObtainedAt") or f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
    }


def _wrong_method(allowed: str) -> Answer:
    return text_answer(405, "method not allowed\n", ("Allow", allowed))
