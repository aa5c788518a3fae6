"""The admin endpoint: faults, clock, calls and state of the local service, for tests that are not in Python.

It answers on the service's own port below ``/_local/``, where it was switched on, and only to who has the token and
names this machine as the host: a page in a browser that has its own name point here (DNS rebinding) is refused.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..clock import Clock, require_aware
from ..errors import ConfigurationError
from .bodies import json_object
from .fault_rules import FaultRule
from .faults import FAULTS, Fault, name_of
from .refusals import Refusal, invalid_request
from .wire import HttpRequest, HttpResponse, json_response, octets

if TYPE_CHECKING:
    from .service import LocalRolesAnywhere

PREFIX = b"/_local/"
MAX_ADMIN_BODY = 64 * 1024
_MOST_CALLS = 1000
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,200}")
_OUR_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_RULE_MEMBERS = ("times", "rate", "seed", "operation")

_Members = dict[str, Any]
_Handler = Callable[[_Members], object]


def check_token(token: str) -> bytes:
    """Return a token as bytes.

    Raises:
        ConfigurationError: It is too short, or cannot stand in a header. The message does not show it.
    """
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            "admin_token must be 16 to 200 letters, digits and . _ ~ + / = -", hint="such as secrets.token_urlsafe()"
        )
    return token.encode("ascii")


class AdminEndpoint:
    """Answers what is below ``/_local/``.

    Args:
        service: Which it is about.
        token: What a caller has to know.

    Raises:
        ConfigurationError: A token that is too short.
    """

    def __init__(self, service: LocalRolesAnywhere, token: str) -> None:
        self._service = service
        self._token = check_token(token)
        # The service's own clock, while another one stands in its place.
        self._own_clock: Clock | None = None
        self._handlers: Mapping[tuple[str, str], _Handler] = {
            ("GET", "state"): lambda _: self._service.state_summary(),
            ("GET", "calls"): lambda _: self._calls(),
            ("GET", "faults"): lambda _: self._faults(),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._remove_faults,
            ("GET", "clock"): lambda _: self._clock(),
            ("POST", "clock"): self._set_clock,
        }

    def is_asked(self, request: HttpRequest) -> bool:
        """Return whether a request is for this endpoint."""
        return request.path.startswith(PREFIX)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer a request: 200, or a refusal with 400, 401, 403 or 404, as JSON."""
        try:
            self._check_caller(request)
            return json_response(200, self._handler(request)(_members(request)))
        except Refusal as refusal:
            answer = json_response(refusal.status, {"message": refusal.message}, refusal.error_code)
        except ConfigurationError as error:
            answer = json_response(400, {"message": error.message, "hint": error.hint}, "ValidationException")
        if answer.status != 401:
            return answer
        return HttpResponse(answer.status, (*answer.headers, ("WWW-Authenticate", "Bearer")), answer.body)

    def _handler(self, request: HttpRequest) -> _Handler:
        name = request.path[len(PREFIX) :].decode("ascii", "replace")
        handler = self._handlers.get((request.method, name))
        if handler is None:
            raise Refusal(404, "NotFound", "there is nothing of this name and method below /_local/")
        return handler

    def _check_caller(self, request: HttpRequest) -> None:
        hosts = list(request.values("host"))
        named = [*hosts, *filter(None, [request.authority])]
        if len(hosts) != 1 or not all(map(_OUR_HOST.fullmatch, named)):
            raise Refusal(403, "Forbidden", "the Host is not this machine's loopback address")
        scheme, _, token = " ".join(request.values("authorization")).partition(" ")
        # All is compared, however soon it differs, so that nobody learns the token by the time that a refusal takes.
        if scheme.lower() != "bearer" or not hmac.compare_digest(octets(token.strip()), self._token):
            raise Refusal(401, "Unauthorized", "the admin endpoint needs its token: Authorization: Bearer TOKEN")

    def _calls(self) -> object:
        calls = list(self._service.calls)
        shown = [
            {"status": call.status, "error_code": call.error_code, "message": call.message, "at": call.at.isoformat()}
            for call in calls[-_MOST_CALLS:]
        ]
        return {"count": self._service.call_count, "calls": shown}

    def _faults(self) -> object:
        return {"faults": [self._shown(rule) for rule in self._service.faults]}

    def _shown(self, rule: FaultRule) -> _Members:
        wanted = {name: getattr(rule, name) for name in _RULE_MEMBERS}
        struck = self._service.faults.struck(rule)
        return {"id": rule.id, "fault": name_of(rule.fault), **asdict(rule.fault), **wanted, "struck": struck}

    def _add_fault(self, members: _Members) -> object:
        wanted = {name: members.pop(name) for name in _RULE_MEMBERS if members.get(name) is not None}
        return self._shown(self._service.faults.add(fault_from(members), **wanted))

    def _remove_faults(self, members: _Members) -> object:
        _check_names(members, ("id",), "the body")
        if "id" not in members:
            self._service.faults.clear()
            return self._faults()
        rule = next((each for each in self._service.faults if each.id == members["id"]), None)
        if rule is None:
            raise Refusal(404, "NotFound", "there is no fault with this id")
        self._service.faults.remove(rule)
        return self._faults()

    def _clock(self) -> _Members:
        own = self._own_clock or self._service.clock
        now = require_aware(self._service.clock(), "the service's clock")
        ahead = now - require_aware(own(), "the service's clock") if self._own_clock else timedelta(0)
        return {"now": now.isoformat(), "offset_seconds": round(ahead.total_seconds(), 1)}

    def _set_clock(self, members: _Members) -> object:
        if len(members) != 1:
            raise invalid_request("give one of set, offset_seconds and reset")
        _check_names(members, ("set", "offset_seconds", "reset"), "the body")
        own = self._own_clock or self._service.clock
        [(name, value)] = members.items()
        if name == "reset":
            self._service.clock, self._own_clock = own, None
            return self._clock()
        ahead = _moment(value) - own() if name == "set" else _offset(value)
        # What lies outside of the calendar must fail here, not at each call that follows.
        try:
            own() + ahead + timedelta(days=366)
        except OverflowError:
            raise invalid_request(f"{name} leads out of the calendar") from None
        self._own_clock = own
        self._service.clock = lambda: own() + ahead
        return self._clock()


def fault_from(members: _Members) -> Fault:
    """Return the fault that JSON names, such as ``{"fault": "throttled", "retry_after": 2}``.

    Raises:
        ConfigurationError: There is no such fault, or it has no such members.
    """
    kind = members.pop("fault", None)
    if not isinstance(kind, str) or kind not in FAULTS:
        raise ConfigurationError("fault must name what is to happen", hint=f"one of {', '.join(FAULTS)}")
    made = FAULTS[kind]
    _check_names(members, (*(each.name for each in fields(made)), *_RULE_MEMBERS), f"the fault {kind}")
    return made(**members)


def _members(request: HttpRequest) -> _Members:
    if len(request.body) > MAX_ADMIN_BODY:
        raise invalid_request(f"the body has more than {MAX_ADMIN_BODY} bytes")
    return json_object(request.body)


def _check_names(members: _Members, known: tuple[str, ...], where: str) -> None:
    # What stands there by mistake is not repeated: it may be anything.
    if not set(members) <= set(known):
        raise ConfigurationError(f"{where} has a member that is not known", hint=f"known: {', '.join(known) or 'none'}")


def _moment(value: object) -> datetime:
    try:
        return require_aware(datetime.fromisoformat(str(value).replace("Z", "+00:00")), "set")
    except ValueError:
        raise invalid_request("set must be a moment such as 2030-01-01T00:00:00Z") from None


def _offset(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid_request("offset_seconds must be a number")
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise invalid_request("offset_seconds leads out of the calendar") from None
