"""When which fault strikes: by count, by rate, by a look at the request, for an operation."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import ConfigurationError
from . import sts
from .faults import Fault
from .wire import HttpRequest

CREATE_SESSION = "CreateSession"
EVERY_OPERATION = "*"

Predicate = Callable[[HttpRequest], object]


@dataclass(frozen=True, eq=False)
class FaultRule:
    """A fault, and when it strikes.

    Attributes:
        id: By which the admin endpoint removes it.
        fault: What happens.
        times: How often at most; None: without end.
        rate: The share of the requests that it strikes, above 0 and up to 1; None: all.
        seed: Of the dice for ``rate``; None: others in each run.
        when: Called with the request; what it returns says whether the fault strikes. None: always.
        operation: Such as ``CreateSession``; ``*``: all.
    """

    id: int
    fault: Fault
    times: int | None = None
    rate: float | None = None
    seed: int | None = None
    when: Predicate | None = None
    operation: str = CREATE_SESSION


class Faults:
    """The faults of a local service. Many threads may use it.

    The rules are asked in the order in which they were added, and the first that applies strikes, alone: two of
    ``times=1`` strike at two requests one after the other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []
        self._struck: dict[FaultRule, int] = {}
        self._dice: dict[FaultRule, random.Random] = {}
        self._next_id = 1

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        rate: float | None = None,
        seed: int | None = None,
        when: Predicate | None = None,
        operation: str = CREATE_SESSION,
    ) -> FaultRule:
        """Let a fault strike, from the next request on.

        Args:
            fault: Such as ``Throttled(retry_after=2)``.
            times: How often at most; None: without end.
            rate: The share of the requests that it strikes, above 0 and up to 1; None: all.
            seed: Of the dice for ``rate``, so that a run can be repeated.
            when: Called with each request that is in question; a true answer lets the fault strike.
            operation: Such as ``CreateSession``, ``GetCallerIdentity``, ``ListProfiles``; ``*``: all.

        Raises:
            ConfigurationError: No fault, or no such count, rate, seed, predicate or operation.
        """
        _check(fault, times, rate, seed, when)
        _check_operation(operation)
        with self._lock:
            rule = FaultRule(self._next_id, fault, times, rate, seed, when, operation)
            self._next_id += 1
            self._rules.append(rule)
            self._struck[rule] = 0
            # Dice of a test, no secret.
            self._dice[rule] = random.Random(seed)  # noqa: S311
        return rule

    @contextmanager
    def injected(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        rate: float | None = None,
        seed: int | None = None,
        when: Predicate | None = None,
        operation: str = CREATE_SESSION,
    ) -> Iterator[FaultRule]:
        """Let a fault strike inside the block; the arguments are those of ``add``.

        Raises:
            ConfigurationError: As for ``add``.
        """
        rule = self.add(fault, times=times, rate=rate, seed=seed, when=when, operation=operation)
        try:
            yield rule
        finally:
            self.remove(rule)

    def remove(self, rule: FaultRule) -> bool:
        """Take a rule away, and return whether it was there; how often it struck is still known."""
        with self._lock:
            was_there = rule in self._rules
            if was_there:
                self._rules.remove(rule)
        return was_there

    def clear(self) -> None:
        """Take all rules away."""
        with self._lock:
            self._rules.clear()

    def struck(self, rule: FaultRule) -> int:
        """Return how often a rule's fault has struck.

        Raises:
            ConfigurationError: It is a rule of another service.
        """
        with self._lock:
            if rule not in self._struck:
                raise ConfigurationError("this rule was not added to these faults")
            return self._struck[rule]

    def strike(self, request: HttpRequest) -> Fault | None:
        """Return the fault that strikes a request, and count it; None: none does."""
        rules = tuple(self)
        # Most services have none, and what an operation is called may need botocore's models.
        operation = _operation_of(request, rules) if rules else None
        for rule in rules:
            if rule.operation not in (EVERY_OPERATION, operation):
                continue
            # Outside of the lock: a predicate may add or remove rules.
            if rule.when is not None and not rule.when(request):
                continue
            if self._count(rule):
                return rule.fault
        return None

    def _count(self, rule: FaultRule) -> bool:
        with self._lock:
            if rule not in self._rules or (rule.times is not None and self._struck[rule] >= rule.times):
                return False
            if rule.rate is not None and self._dice[rule].random() >= rule.rate:
                return False
            self._struck[rule] += 1
            return True

    def __iter__(self) -> Iterator[FaultRule]:
        with self._lock:
            return iter(tuple(self._rules))

    def __len__(self) -> int:
        with self._lock:
            return len(self._rules)


def is_create_session(request: HttpRequest) -> bool:
    """Return whether a request is for CreateSession."""
    return request.method == "POST" and request.path == b"/sessions"


def is_query(request: HttpRequest) -> bool:
    """Return whether a request is for STS."""
    return request.method == "POST" and request.path == b"/" and sts.is_query_request(request)


def _operation_of(request: HttpRequest, rules: tuple[FaultRule, ...]) -> str | None:
    if is_create_session(request):
        return CREATE_SESSION
    if is_query(request):
        return sts.action_of(request)
    if all(rule.operation in (CREATE_SESSION, EVERY_OPERATION, *sts.ACTIONS) for rule in rules):
        return None
    from .control.model import match_request  # noqa: PLC0415 - botocore's models are not wanted by everybody

    match = match_request(request)
    return None if match is None else str(match.operation.name)


def _check(fault: object, times: object, rate: object, seed: object, when: object) -> None:
    if not isinstance(fault, Fault):
        raise ConfigurationError(
            f"a fault must be a value of rolesanywhere_signer.testing.faults, not {type(fault).__name__}",
            hint="such as Throttled() or Latency(0.5)",
        )
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ConfigurationError(f"times must be a whole number from 1 on, not {times!r}")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1):
        raise ConfigurationError(f"rate must be a number above 0 and up to 1, not {rate!r}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ConfigurationError(f"seed must be a whole number, not {seed!r}")
    if seed is not None and rate is None:
        raise ConfigurationError("seed is for the dice of rate, which is not given")
    if when is not None and not callable(when):
        raise ConfigurationError("when must be callable with a request")


def _check_operation(operation: object) -> None:
    if operation in (CREATE_SESSION, EVERY_OPERATION, *sts.ACTIONS):
        return
    from .control.model import service_model  # noqa: PLC0415 - botocore's models are not wanted by everybody

    if operation not in service_model().operation_names:
        raise ConfigurationError(
            f"the service has no operation {operation!r}", hint="such as CreateSession, ListProfiles, or * for all"
        )
