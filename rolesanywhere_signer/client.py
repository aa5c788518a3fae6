"""CreateSession: send it, try again where that can help, map what comes back."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ._version import __version__
from .answers import answer_date, answer_request_id, is_invalid_signature, parse_answer
from .certificates import CertificateSource, load_certificates
from .clock import Clock, require_aware, utc_now
from .diagnosis import TELLING_SKEW, Circumstances, clock_hint, explain
from .endpoints import is_loopback
from .errors import (
    CertificateLoadError,
    RolesAnywhereError,
    ServiceError,
    TransportError,
    causes_without_frames,
)
from .seconds import monotonic_seconds, sleep
from .signer import Request, sign_request
from .transport import Answer, Transport
from .watch import CertificateWatch, OnExpiring

if TYPE_CHECKING:
    from cryptography import x509

    from .credentials import Credentials
    from .identity import Identity, LoadedIdentity
    from .settings import Settings

_logger = logging.getLogger("rolesanywhere_signer")

_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 20.0
_LARGEST_CORRECTION = timedelta(hours=24)


class RolesAnywhereClient:
    """Calls CreateSession for one identity and one set of settings. Making one sends nothing.

    A connection is kept for further calls within 20 seconds; it ends with the client at the latest.

    Args:
        settings: What to ask for.
        identity: Who asks.
        clock: A callable that returns the time, aware; None: this machine's.
        trust_anchor: The trust anchor's certificate, path or bytes, where it is at hand: refusals are then explained
            by checking the path here. It is never sent.
        on_certificate_expiring: Called with a ``CertificateExpiring`` when a certificate nears its end, once a day.

    Raises:
        CertificateLoadError: ``trust_anchor`` cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        clock: Clock | None = None,
        *,
        trust_anchor: CertificateSource | None = None,
        on_certificate_expiring: OnExpiring | None = None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self._clock = clock or utc_now
        self._trust_anchor = trust_anchor
        self._watch = CertificateWatch(on_certificate_expiring)
        self._transport = Transport()
        if trust_anchor is not None:
            load_certificates(trust_anchor, "trust anchor")
        self._warn_if_unverified()

    def _warn_if_unverified(self) -> None:
        if self.settings.verify is False:
            _logger.warning("TLS verification is off: whoever stands in between can read the credentials")

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._warn_if_unverified()

    def create_session(self) -> Credentials:
        """Exchange the certificate for temporary credentials.

        Network faults, throttling and errors of the server are tried again with jittered back-off, each time
        signed anew, up to ``settings.max_attempts`` in all. A signature that is refused because this machine's clock
        is wrong is tried once more with the time of the service. Where the server has closed the connection of the
        call before, the request is sent once more over a new one; that is no attempt of its own.

        Returns:
            Fresh credentials.

        Raises:
            CertificateError, PrivateKeyError: The identity cannot be used.
            SigningError: The key failed to sign.
            TransportError: No answer came.
            ServiceError: The service refused; ``.hint`` says why as far as it is known here.
            ResponseError: The answer cannot be understood.
        """
        return self.exchange(self.load())

    def load(self) -> LoadedIdentity:
        """Read the identity again if its files have changed, and tell what is new about its certificates.

        Raises:
            CertificateError, PrivateKeyError: The identity cannot be used.
        """
        loaded = self.identity.load(self.now())
        self._watch.look(loaded, self._anchors(), self.now())
        return loaded

    def exchange(self, loaded: LoadedIdentity) -> Credentials:
        """Exchange the certificate of one reading of the identity, as ``create_session`` does with a new one.

        Raises:
            SigningError, TransportError, ServiceError, ResponseError: As ``create_session``.
        """
        with causes_without_frames():
            return _Call(self, loaded).run()

    def now(self) -> datetime:
        """Return the time by this client's clock, in UTC.

        Raises:
            ConfigurationError: The clock returned no aware datetime.
        """
        return require_aware(self._clock(), "what the clock returned")

    def _anchors(self) -> list[x509.Certificate] | None:
        """Return the trust anchor's certificates for explanations, or None; a file that is gone stops nothing."""
        if self._trust_anchor is None:
            return None
        try:
            return load_certificates(self._trust_anchor, "trust anchor")
        except CertificateLoadError as error:
            _logger.info("the trust anchor's certificate is not looked at: %s", error.message)
            return None


class _Call:
    """One CreateSession with its attempts, and a correction of the clock that ends with it."""

    def __init__(self, client: RolesAnywhereClient, loaded: LoadedIdentity) -> None:
        self._client = client
        self._settings = client.settings
        self._loaded = loaded
        self._correction = timedelta(0)

    def run(self) -> Credentials:
        attempt = 1
        while True:
            try:
                return self._attempt()
            except (TransportError, ServiceError) as error:
                if not error.retryable or attempt >= self._settings.max_attempts:
                    raise
                delay = _delay_seconds(attempt, error)
                _logger.info(
                    "attempt %d of CreateSession failed, the next in %.1f s: %s", attempt, delay, error.message
                )
            sleep(delay)
            attempt += 1

    def _attempt(self) -> Credentials:
        answer = self._send()
        if self._learns_the_time(answer):
            answer = self._send()
        now = self._client.now()
        # The end is told by the service's clock. Where ours is behind, it comes earlier by ours; where ours is ahead,
        # the end stays: should the clock be set meanwhile, nothing is used beyond its time.
        behind = max(self._correction, timedelta(0))
        try:
            credentials = parse_answer(answer, now + behind)
            return replace(credentials, expiration=credentials.expiration - behind)
        except ServiceError as error:
            self._explain(error, _skew(answer, now), now)
            raise

    def _explain(self, error: ServiceError, skew: timedelta | None, now: datetime) -> None:
        try:
            known = Circumstances(self._settings, self._loaded, self._client._anchors(), now, skew)
            error.hint = explain(error, known)
        except RolesAnywhereError as fault:
            # An explanation that fails must not hide what it explains.
            _logger.warning("the error could not be explained: %s", fault.message)

    def _send(self) -> Answer:
        moment = self._client.now() + self._correction
        signed = sign_request(_request(self._settings), self._loaded, self._settings.signing_region, moment)
        # Whoever has the signature can send the request as we do: it is not shown, nor what is answered.
        _logger.debug("POST %s %s", signed.url, signed.body.decode())
        _logger.debug("canonical request:\n%s", signed.canonical_request)
        _logger.debug("string to sign:\n%s", signed.string_to_sign)
        started = monotonic_seconds()
        answer = self._client._transport.send(signed, self._settings)
        _logger.debug(
            "HTTP %d after %.0f ms, request id %s, %d bytes",
            answer.status,
            (monotonic_seconds() - started) * 1000,
            answer_request_id(answer),
            len(answer.body),
        )
        return answer

    def _learns_the_time(self, answer: Answer) -> bool:
        """Return whether the clock explains a refusal, so that a request with the service's time is worth while."""
        if self._correction or not is_invalid_signature(answer) or not _time_is_trustworthy(self._settings):
            return False
        skew = _skew(answer, self._client.now())
        if skew is None or not TELLING_SKEW <= abs(skew) <= _LARGEST_CORRECTION:
            return False
        self._correction = skew
        _logger.warning("%s; trying once more with the service's time", clock_hint(skew))
        return True


def _request(settings: Settings) -> Request:
    parameters: dict[str, object] = {
        "profileArn": settings.profile_arn,
        "roleArn": settings.role_arn,
        "trustAnchorArn": settings.trust_anchor_arn,
    }
    optional = {
        "durationSeconds": settings.duration_seconds,
        "instanceProperties": settings.instance_properties,
        "roleSessionName": settings.role_session_name,
    }
    parameters.update({name: value for name, value in optional.items() if value is not None})
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        # The bound on the answer is a bound on what was sent, not on what it unpacks to.
        "Accept-Encoding": "identity",
        "User-Agent": f"rolesanywhere-signer/{__version__}",
    }
    return Request("POST", f"{settings.url}/sessions", headers, json.dumps(parameters))


def _skew(answer: Answer, now: datetime) -> timedelta | None:
    date = answer_date(answer)
    return None if date is None else date - now


def _time_is_trustworthy(settings: Settings) -> bool:
    # Over TLS that nobody verified, whoever answers could have a request signed for a time to come.
    url = urlsplit(settings.url)
    return is_loopback(url.hostname or "") or (url.scheme == "https" and settings.verify is not False)


def _delay_seconds(attempt: int, error: TransportError | ServiceError) -> float:
    """Return the back-off: full jitter, doubled at each attempt; what the service asks for, within bounds."""
    asked = error.retry_after_seconds if isinstance(error, ServiceError) else None
    longest = min(_FIRST_DELAY_SECONDS * 2**attempt, _LONGEST_DELAY_SECONDS)
    backoff = random.uniform(0, longest)  # noqa: S311 - spreads load, keeps no secret
    return max(backoff, min(asked or 0, _LONGEST_DELAY_SECONDS))
