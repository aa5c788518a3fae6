"""The temporary credentials that the service returns: a frozen value whose repr hides its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


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

    def remaining(self, now: datetime) -> timedelta:
        """Return how long they are still valid at ``now``; negative once they have expired."""
        return self.expiration - now
