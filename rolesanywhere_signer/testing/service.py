"""The local Roles Anywhere: resources to make, a clock to set, and three ways to send it a request."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..clock import Clock, require_aware, utc_now
from ..errors import ConfigurationError
from ..files import StrPath
from . import sts
from .account import Account
from .admin import AdminEndpoint
from .assumptions import UNKNOWN_OPERATION
from .create_session import create_session
from .elsewhere import DUMMY_CREDENTIALS
from .fault_rules import Faults, is_create_session, is_query
from .faults import ExpiredCredentials, Refused
from .http_server import HttpServer
from .limits import NO_LIMITS, Limits
from .making import ResourceMaker
from .refusals import Refusal
from .server_tls import server_tls
from .state import summary
from .token_service import make_token_service, session_allows
from .wire import HttpRequest, HttpResponse, json_response
from .wsgi import WsgiApp, make_wsgi_app

if TYPE_CHECKING:
    from typing_extensions import Self

    from .control import ControlPlane


@dataclass(frozen=True)
class Call:
    """One CreateSession call.

    Attributes:
        status: The HTTP status of the answer; 201 is a success.
        error_code: Such as ``AccessDeniedException``; None on success.
        message: The service's sentence; None on success.
        request: As it was received.
        at: When, by the service's clock.
    """

    status: int
    error_code: str | None
    message: str | None
    request: HttpRequest
    at: datetime


class LocalRolesAnywhere(ResourceMaker):
    """A Roles Anywhere that verifies for real, in this process.

    As a context manager it is an HTTP server on 127.0.0.1; resources, ``respond`` and ``wsgi_app`` work without.
    Where the live service's behaviour is not known, ``rolesanywhere_signer.testing.assumptions`` says what was chosen.

    Args:
        region: Requests must be signed for it.
        account_id: 12 digits.
        limits: Whether there may be no more of everything than the service allows, such as 50 trust anchors.
        throttle: Whether calls are refused that come more often than the service allows: 10 CreateSession a second,
            and one of each group of the control plane's operations.
        control_credentials: The access key id and the secret access key that may call the control plane. None: a
            signature of any credentials is taken, and only those that this service gave out are verified.
        sts_endpoint_url: An STS to assume the roles in, such as a moto server's. None: the service itself makes the
            credentials.
        iam_endpoint_url: An IAM to look in for roles that nobody made here, with their trust policies. None: none.
        sts_credentials: What those two are called with: access key id, secret access key, session token if any.
        port: Of the HTTP server; 0: any that is free.
        tls_directory: The server speaks TLS with the certificate in this directory, which is made if there is none.
            None: plain HTTP.
        admin_token: Whoever knows it may set faults and the clock below ``/_local/``. None: nobody can.

    Attributes:
        faults: What goes wrong on purpose.
        clock: A callable that returns aware UTC; set it to move the service in time.
        calls: Every CreateSession call, in order, each there before its answer is sent.

    Raises:
        ConfigurationError: No region, no account, no port, a token that is too short, no such URL or credentials, or
            a directory that cannot be written.
    """

    def __init__(
        self,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        *,
        limits: bool = True,
        throttle: bool = False,
        control_credentials: tuple[str, str] | None = None,
        sts_endpoint_url: str | None = None,
        iam_endpoint_url: str | None = None,
        sts_credentials: Sequence[str] = DUMMY_CREDENTIALS,
        port: int = 0,
        tls_directory: StrPath | None = None,
        admin_token: str | None = None,
    ) -> None:
        self._account = Account(region, account_id, Limits() if limits else NO_LIMITS, throttle=throttle)
        self._control_credentials = _checked_credentials(control_credentials)
        self._tokens = make_token_service(self._account, sts_endpoint_url, iam_endpoint_url, sts_credentials)
        self._server: HttpServer | None = None
        self._port = _checked_port(port)
        self._tls = None if tls_directory is None else server_tls(tls_directory)
        self._admin = None if admin_token is None else AdminEndpoint(self, admin_token)
        self.faults = Faults()
        self.clock: Clock = utc_now
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        """Where the HTTP server listens, such as ``http://127.0.0.1:49152``.

        Raises:
            ConfigurationError: It is not running.
        """
        if self._server is None:
            raise ConfigurationError(
                "the local service is not listening", hint="use it in a with statement, or use its wsgi_app"
            )
        return self._server.url

    @property
    def ca_bundle(self) -> Path | None:
        """The file with the CA that clients of the HTTP server have to trust; None where there is no TLS."""
        return None if self._tls is None else self._tls.ca_bundle

    @property
    def wsgi_app(self) -> WsgiApp:
        """The service as a WSGI app."""
        return make_wsgi_app(self)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, from the request, the clock and the state alone; no socket is needed.

        Args:
            request: As received, nothing decoded.

        Raises:
            ConfigurationError: The clock returned no aware datetime.
        """
        now = self._now()
        if self._admin is not None and self._admin.is_asked(request):
            return _finished(self._admin.respond(request), now)
        fault = self.faults.strike(request)
        if fault is None:
            return self._answer(request, now)
        refused = fault.instead()
        if refused is not None:
            return fault.alter(self._answer_refused(request, refused, now), now)
        response = self._answer(request, fault.moment(now))
        if isinstance(fault, ExpiredCredentials) and is_create_session(request) and response.status == 201:
            self._expire(response, fault.expiration(now))
        return fault.alter(response, now)

    def _answer(self, request: HttpRequest, now: datetime) -> HttpResponse:
        if is_create_session(request):
            return _finished(self._create_session(request, now), now)
        if is_query(request):
            request_id = str(uuid.uuid4())
            return _finished(sts.answer_query(self._account, self._tokens, request, now, request_id), now, request_id)
        answer = self._control_plane.answer(request, now)
        return self.refuse(404, UNKNOWN_OPERATION) if answer is None else _finished(answer, now)

    def _answer_refused(self, request: HttpRequest, refused: Refused, now: datetime) -> HttpResponse:
        """Answer what a fault refuses, in the protocol that the request is of."""
        refusal, request_id = Refusal(refused.status, refused.error_code, refused.message), str(uuid.uuid4())
        if is_query(request):
            answer = sts.error_answer(refusal, request_id)
        elif is_create_session(request):
            answer = self._noted(request, refusal, now)
        else:
            answer = _error(refusal)
        return _finished(replace(answer, headers=(*answer.headers, *refused.headers)), now, request_id)

    def _expire(self, response: HttpResponse, expiration: datetime) -> None:
        for each in json.loads(response.body)["credentialSet"]:
            vended = self._account.vended(each["credentials"]["accessKeyId"])
            if vended is not None:
                self._account.remember(replace(vended, expiration=expiration))

    def refuse(self, status: int, message: str) -> HttpResponse:
        """Answer what is no request to this service.

        Args:
            status: 4xx.
            message: What is wrong.

        Raises:
            ConfigurationError: The clock returned no aware datetime.
        """
        return _finished(json_response(status, {"message": message}), self._now())

    @cached_property
    def _control_plane(self) -> ControlPlane:
        # What never calls it starts faster without botocore and its models.
        from .control import ControlCredentials, ControlPlane  # noqa: PLC0415

        given = self._control_credentials
        return ControlPlane(self._account, None if given is None else ControlCredentials(*given))

    @property
    def assume_role_calls(self) -> list[dict[str, Any]]:
        """The parameters of each AssumeRole, in order, by the names that STS has for them, such as ``Tags``.

        Also of those that were refused. Where another STS assumes the roles, they are what it is sent.
        """
        return self._tokens.calls

    def session_policy_allows(self, access_key_id: str, action: str, resource: str) -> bool:
        """Return whether the session policy of a profile leaves an action to credentials that were given out.

        What the role's own policies allow is not known here, nor what the profile's managed policies are.

        Args:
            access_key_id: Of the credentials.
            action: Such as ``s3:PutObject``.
            resource: Its ARN.

        Raises:
            ConfigurationError: The service did not give out such credentials.
        """
        credentials = self._account.vended(access_key_id)
        if credentials is None:
            raise ConfigurationError("the local service did not give out credentials with that access key id")
        return session_allows(credentials.assumed, action, resource, self._now())

    def _create_session(self, request: HttpRequest, now: datetime) -> HttpResponse:
        try:
            response = create_session(self._account, self._tokens, request, now)
        except Refusal as refusal:
            return self._noted(request, refusal, now)
        self._note(Call(response.status, None, None, request, now))
        return response

    def _noted(self, request: HttpRequest, refusal: Refusal, now: datetime) -> HttpResponse:
        self._note(Call(refusal.status, refusal.error_code, refusal.message, request, now))
        return _error(refusal)

    def _note(self, call: Call) -> None:
        self.calls.append(call)

    @property
    def call_count(self) -> int:
        """How many CreateSession calls there were, if nobody took any out of ``calls``."""
        return len(self.calls)

    def state_summary(self) -> dict[str, Any]:
        """Return what there is, in JSON's types, without anything secret."""
        return {**summary(self._account), "calls": self.call_count, "faults": len(self.faults)}

    def _now(self) -> datetime:
        return require_aware(self.clock(), "the time of the local service's clock")

    def __enter__(self) -> Self:
        """Start the HTTP server.

        Raises:
            ConfigurationError: It is running already, or the port is not free.
        """
        if self._server is not None:
            raise ConfigurationError("the local service is listening already", hint="make another one")
        try:
            self._server = HttpServer(self, self._port, None if self._tls is None else self._tls.context)
        except OSError as error:
            where = f"127.0.0.1:{self._port}" if self._port else "127.0.0.1"
            raise ConfigurationError(
                f"the local service cannot listen on {where}: {error.strerror}", hint="another port may be free; 0: any"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the HTTP server; its resources, calls and credentials stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __repr__(self) -> str:
        """Show where it is."""
        where = "not listening" if self._server is None else self._server.url
        return f"<LocalRolesAnywhere {self._account.region} {self._account.account_id}, {where}>"


def _checked_credentials(credentials: tuple[str, str] | None) -> tuple[str, str] | None:
    if credentials is None:
        return None
    # The message must not show what may be a secret.
    if not isinstance(credentials, (tuple, list)) or [type(each) for each in credentials] != [str, str]:
        raise ConfigurationError("control_credentials must be two texts: an access key id and a secret access key")
    access_key_id, secret_access_key = credentials
    if not re.fullmatch(r"[0-9A-Za-z]+", access_key_id):
        raise ConfigurationError("the access key id in control_credentials must be letters and digits")
    return access_key_id, secret_access_key


def _checked_port(port: int) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigurationError(f"port must be a whole number from 0 to 65535, not {port!r}")
    return port


def _error(refusal: Refusal) -> HttpResponse:
    return json_response(refusal.status, {"message": refusal.message}, refusal.error_code)


def _finished(response: HttpResponse, now: datetime, request_id: str | None = None) -> HttpResponse:
    """Add what every answer carries."""
    common = (("x-amzn-RequestId", request_id or str(uuid.uuid4())), ("Date", format_datetime(now, usegmt=True)))
    return replace(response, headers=(*response.headers, *common))
