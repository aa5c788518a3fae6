"""The index of a CA in a directory: what was issued, what is revoked, and how many lists were made of it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from ..certificates import name_text
from ..errors import ConfigurationError

ROOT, INTERMEDIATE = "ca", "intermediate"
# Each issuer, and the file of its list.
CRLS = {ROOT: "crl.pem", INTERMEDIATE: "intermediate-crl.pem"}
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A certificate that was issued.

    Attributes:
        serial_number: In decimal: JSON's numbers are too short for it in many programs.
        subject: RFC 4514 text.
        issuer: ``ca`` or ``intermediate``.
        not_after: As ISO 8601.
        revoked_at: As ISO 8601, or None.
        reason: As RFC 5280 names it, or None.
    """

    serial_number: str
    subject: str
    issuer: str
    not_after: str
    revoked_at: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Index:
    """What the index says."""

    entries: tuple[Entry, ...] = ()
    crl_numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CRLS, 0))

    def with_entry(self, entry: Entry) -> Index:
        """Return an index with an entry more, or another one for the same certificate."""
        kept = [each for each in self.entries if (each.issuer, each.serial_number) != _identity(entry)]
        return replace(self, entries=(*kept, entry))

    def find(self, issuer: str, serial_number: int) -> Entry | None:
        """Return the entry of a certificate, if it is there."""
        wanted = (issuer, str(serial_number))
        return next((each for each in self.entries if _identity(each) == wanted), None)

    def encoded(self) -> bytes:
        """Return the index as JSON."""
        values = {
            "version": _VERSION,
            "crl_numbers": self.crl_numbers,
            "certificates": [asdict(entry) for entry in self.entries],
        }
        return (json.dumps(values, indent=1) + "\n").encode()


def _identity(entry: Entry) -> tuple[str, str]:
    return entry.issuer, entry.serial_number


def decoded(content: bytes, directory: Path) -> Index:
    """Return what an index says.

    Raises:
        ConfigurationError: It says nothing that can be understood.
    """
    try:
        values: dict[str, Any] = json.loads(content)
        entries = tuple(Entry(**entry) for entry in values["certificates"])
        _check(values["version"], entries)
        numbers = values["crl_numbers"]
        return Index(entries, {issuer: int(numbers[issuer]) for issuer in CRLS})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"the index of the CA in {os.fspath(directory)!r} cannot be understood: {error}",
            hint="make a new CA, or bring the file back as it was",
        ) from error


def _check(version: object, entries: tuple[Entry, ...]) -> None:
    if version != _VERSION:
        raise ValueError("it is of another version")
    for entry in entries:
        int(entry.serial_number)
        if entry.revoked_at is not None and datetime.fromisoformat(entry.revoked_at).tzinfo is None:
            raise ValueError("a time has no zone")
        if entry.issuer not in CRLS:
            raise ValueError("an issuer is none")


def new_entry(certificate: x509.Certificate, issuer: str) -> Entry:
    """Return the entry of a certificate that has just been issued."""
    return Entry(
        str(certificate.serial_number),
        name_text(certificate.subject),
        issuer,
        iso(certificate.not_valid_after_utc),
    )


def iso(moment: datetime) -> str:
    """Return a time as the index has it."""
    return moment.isoformat(timespec="seconds")
