"""The temporary credentials that the service returns: a frozen value whose repr hides its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

# Attributes and their names in JSON; those of AWS where it has one.
_NAMES = {
    "access_key_id": "AccessKeyId",
    "secret_access_key": "SecretAccessKey",
    "session_token": "SessionToken",
    "role_arn": "RoleArn",
    "account_id": "AccountId",
    "assumed_role_arn": "AssumedRoleArn",
    "subject_arn": "SubjectArn",
    "source_identity": "SourceIdentity",
}
_TIMES = {"expiration": "Expiration", "obtained_at": "ObtainedAt"}
_REQUIRED = ("access_key_id", "secret_access_key", "session_token")


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of one session.

    Attributes:
        access_key_id: Starts with ``ASIA``; an identifier, not a secret.
        secret_access_key: Secret; not in the repr.
        session_token: Secret; not in the repr.
        expiration: When they end, aware, UTC, in whole seconds.
        role_arn: The role that was assumed, as the service names it.
        account_id: The account of that role, 12 digits, or None when the answer did not tell.
        assumed_role_arn: ``arn:…:sts::<account>:assumed-role/<role>/<session>``.
        subject_arn: The service's record of the certificate's subject.
        source_identity: What the service recorded as the source identity, ``CN=…`` mostly.
        obtained_at: When they were obtained, aware, UTC, in whole seconds; None where nobody noted it. Tells how long
            credentials out of a cache were when they were new; two sets are equal whatever it says.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime
    role_arn: str | None = None
    account_id: str | None = None
    assumed_role_arn: str | None = None
    subject_arn: str | None = None
    source_identity: str | None = None
    obtained_at: datetime | None = field(default=None, compare=False)

    def remaining(self, now: datetime) -> timedelta:
        """Return how long they are still valid at ``now``; negative once they have expired."""
        return self.expiration - now

    @property
    def expiration_text(self) -> str:
        """When they end, as AWS writes it: ``2026-01-31T12:00:00Z``."""
        return utc_text(self.expiration)

    def to_document(self) -> dict[str, str]:
        """Return them as a JSON object of texts, secrets included; what is None is left out."""
        texts = {name: getattr(self, attribute) for attribute, name in _NAMES.items()}
        texts.update({name: _time_text(getattr(self, attribute)) for attribute, name in _TIMES.items()})
        return {name: text for name, text in texts.items() if text is not None}

    @classmethod
    def from_document(cls, document: object) -> Credentials | None:
        """Return the credentials of such a JSON object, or None if they are not complete and well-formed.

        Args:
            document: Anything that JSON can hold; names that are not known here are passed over.
        """
        if not isinstance(document, Mapping):
            return None
        values: dict[str, Any] = {attribute: document.get(name) for attribute, name in _NAMES.items()}
        values.update({attribute: _time(document.get(name)) for attribute, name in _TIMES.items()})
        if values["expiration"] is None or not all(_is_usable(values[attribute]) for attribute in _REQUIRED):
            return None
        if not all(values[attribute] is None or isinstance(values[attribute], str) for attribute in _NAMES):
            return None
        return cls(**values)


def _is_usable(value: object) -> bool:
    # These go into HTTP headers later.
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _time_text(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def utc_text(moment: datetime) -> str:
    """Return a moment as AWS writes it, in UTC and whole seconds: ``2026-01-31T12:00:00Z``."""
    return f"{moment.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _time(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) != 20 or value[-1] != "Z":
        return None
    try:
        # datetime.fromisoformat reads a Z from Python 3.11 on.
        return datetime.fromisoformat(f"{value[:-1]}+00:00")
    except ValueError:
        return None
