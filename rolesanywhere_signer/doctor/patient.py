"""What is examined, and what the steps of the walk learn of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..clock import Clock, utc_now
from ..profiles import flag_of
from .findings import Remark

if TYPE_CHECKING:
    from cryptography import x509

    from ..assembly import Plan, SessionOptions
    from ..credentials import Credentials
    from ..errors import TransportError
    from ..identity import Identity, LoadedIdentity
    from ..settings import Settings
    from ..transport import Answer
    from .proxies import Proxy

# The bounds of a step that waits for the network.
_LONGEST_CONNECT_SECONDS = 5.0
_LONGEST_READ_SECONDS = 10.0
_MOST_ATTEMPTS = 2
# Options that text gives under another name than their argument's.
_SPELLED_AS = {"verify": "ca_bundle", "passphrase": "passphrase_file"}


@dataclass(frozen=True)
class Question:
    """What is asked for, as it is asked of a session.

    Attributes:
        options: As in ``SessionOptions``.
        profile: A profile of the AWS config file, or None.
        environment: The environment variables.
        ask_passphrase: Asked once for the passphrase of an encrypted key where none is given, or None.
        sts_endpoint_url: Of STS; None: the region's own, or the endpoint itself where it is on this machine.
        clock: Returns the time, aware.
    """

    options: SessionOptions
    profile: str | None
    environment: Mapping[str, str] = field(repr=False)
    ask_passphrase: Callable[[], str] | None = field(default=None, repr=False)
    sts_endpoint_url: str | None = None
    clock: Clock = utc_now


class Patient:
    """A question, and what is known of it so far; each step sets what those after it build on.

    Attributes:
        question: What is asked for.
        plan: What is asked for, understood.
        identity, loaded: Who asks.
        anchors: The trust anchor's certificates, where they are at hand.
        proxy: Between here and the service, or None.
        answer, answered_at: To a request that asks for nothing, and when it came, by the clock here.
        tls_error: Why TLS failed, or None.
        skew: How far the service's clock is ahead of ours, or None: not known.
        credentials: What was got.
        hears_log: Whether what the library warns of becomes a remark; a step that looks for itself hears nothing.
    """

    plan: Plan
    identity: Identity
    loaded: LoadedIdentity
    anchors: Sequence[x509.Certificate] | None
    proxy: Proxy | None
    answer: Answer
    answered_at: datetime
    tls_error: TransportError | None
    skew: timedelta | None
    credentials: Credentials

    def __init__(self, question: Question) -> None:
        self.question = question
        self.hears_log = True
        self._remarks: list[Remark] = []

    def remark(self, message: str, hint: str) -> None:
        """Note what works and deserves attention."""
        self._remarks.append(Remark(message, hint))

    def take_remarks(self) -> tuple[Remark, ...]:
        """Return what was noted since the last time."""
        taken, self._remarks = tuple(self._remarks), []
        return taken

    @property
    def values(self) -> Mapping[str, Any]:
        """The options' values by their names, typed."""
        return self.plan.values

    @property
    def settings(self) -> Settings:
        """What is asked for, with time-outs that bound each step."""
        settings = self.plan.settings
        return replace(
            settings,
            connect_timeout_seconds=min(settings.connect_timeout_seconds, _LONGEST_CONNECT_SECONDS),
            read_timeout_seconds=min(settings.read_timeout_seconds, _LONGEST_READ_SECONDS),
            max_attempts=min(settings.max_attempts, _MOST_ATTEMPTS),
        )

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether the settings come from a profile or the environment, and not from the command line alone."""
        return self.plan.options.source != "the arguments"

    def spell(self, option: str) -> str:
        """Return an option as its source spells it: a key, a variable, a flag."""
        name = _SPELLED_AS.get(option, option)
        return self.plan.options.spell(name) if self.is_from_elsewhere else flag_of(name)

    def now(self) -> datetime:
        """Return the time here."""
        return self.question.clock()
