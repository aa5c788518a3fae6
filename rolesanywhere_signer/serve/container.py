"""The container credentials protocol: one GET with a bearer token, for as many roles as there are paths.

The SDKs find it by ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` and ``AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE``.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from ..credentials import Credentials
from .answers import Answer, Environ, WsgiApp, json_answer, path_of, wsgi_app
from .supplier import Shortage, Supplier


def container_app(suppliers: Mapping[str, Supplier], token: str) -> WsgiApp:
    """Return the app.

    Args:
        suppliers: By path, such as ``/reader``.
        token: What the ``Authorization`` header must be, as it is, without a scheme.
    """
    return wsgi_app(_Container(suppliers, token).respond)


class _Container:
    def __init__(self, suppliers: Mapping[str, Supplier], token: str) -> None:
        self._suppliers = suppliers
        self._token = token.encode()

    def respond(self, environ: Environ) -> Answer:
        given = environ.get("HTTP_AUTHORIZATION", "")
        # Before all else, so that whoever lacks the token learns nothing about roles and paths.
        if not hmac.compare_digest(given.encode("latin-1", "replace"), self._token):
            missing = "is not this endpoint's token" if given else "is missing"
            return _refusal(401, "Unauthorized", f"the Authorization header {missing}")
        if environ["REQUEST_METHOD"] != "GET":
            return _refusal(405, "MethodNotAllowed", "credentials are given to GET", ("Allow", "GET"))
        supplier = self._suppliers.get(path_of(environ))
        if supplier is None:
            return _refusal(404, "NotFound", "no role is served at this path")
        found = supplier.ask()
        if isinstance(found, Shortage):
            return _refusal(503, found.code, found.message)
        return json_answer(200, _document(found))


def _refusal(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    # The names that the SDKs look for when they report the error.
    return json_answer(status, {"code": code, "message": message}, *headers)


def _document(credentials: Credentials) -> dict[str, str]:
    known = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": credentials.expiration_text,
        "AccountId": credentials.account_id,
        "RoleArn": credentials.role_arn,
    }
    return {name: value for name, value in known.items() if value is not None}
