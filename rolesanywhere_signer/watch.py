"""An eye on the certificates in use: what the service may refuse is told once, an end that nears once a day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from .errors import RolesAnywhereError
from .validation import validate_loaded

if TYPE_CHECKING:
    from cryptography import x509

    from .findings import Finding
    from .identity import LoadedIdentity

_logger = logging.getLogger("rolesanywhere_signer")

_REMINDER = timedelta(days=1)


class CertificateExpiring(NamedTuple):
    """The event that a certificate in use nears its end.

    Attributes:
        subject: Which one: ``leaf``, ``intermediate[0]``, ``trust anchor``.
        message: What the log says.
        not_valid_after: When the end-entity certificate ends, aware, UTC.
    """

    subject: str
    message: str
    not_valid_after: datetime


OnExpiring = Callable[[CertificateExpiring], None]


class CertificateWatch:
    """Remembers what it has told, so that each thing is told once, and an expiry once a day.

    Args:
        on_expiring: Called for each certificate that nears its end, in the thread that renews the credentials.
    """

    def __init__(self, on_expiring: OnExpiring | None = None) -> None:
        self._on_expiring = on_expiring
        self._told: dict[tuple[str, str, str], datetime] = {}

    def look(self, loaded: LoadedIdentity, anchors: Sequence[x509.Certificate] | None, now: datetime) -> None:
        """Log as warnings what is new about the certificates; the service decides, so nothing is refused here."""
        try:
            findings = validate_loaded(loaded.certificate, loaded.chain, anchors, now).findings
        except RolesAnywhereError as error:
            if self._is_due(loaded, "unreadable", error.code, now):
                _logger.warning("the certificate could not be validated before its use: %s", error.message)
            return
        for finding in findings:
            if self._is_due(loaded, finding.subject, finding.code, now):
                self._tell(finding, loaded)

    def _is_due(self, loaded: LoadedIdentity, subject: str, code: str, now: datetime) -> bool:
        key = (loaded.serial_number, subject, code)
        last = self._told.get(key)
        if last is not None and not (code == "expires-soon" and now - last >= _REMINDER):
            return False
        # Only the certificate in use is remembered: a process may outlive thousands of short-lived ones.
        # Made whole and assigned once, because threads may share the client.
        kept = {told: at for told, at in self._told.copy().items() if told[0] == loaded.serial_number}
        self._told = {**kept, key: now}
        return True

    def _tell(self, finding: Finding, loaded: LoadedIdentity) -> None:
        _logger.warning("%s; %s", finding, finding.hint)
        if finding.code != "expires-soon" or self._on_expiring is None:
            return
        event = CertificateExpiring(finding.subject, finding.message, loaded.certificate.not_valid_after_utc)
        try:
            self._on_expiring(event)
        except Exception as error:  # noqa: BLE001 - a listener's fault must not cost the application its credentials
            _logger.warning("the listener for expiring certificates failed: %s", type(error).__name__)

    def __getstate__(self) -> dict[str, object]:
        # What was told here has not been told in the process that unpickles it.
        return {"_on_expiring": self._on_expiring, "_told": {}}
