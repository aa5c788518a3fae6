"""A client of a server on loopback, its clock set by the test."""

from __future__ import annotations

from typing import Any

from rolesanywhere_signer.client import RolesAnywhereClient
from tests.support.arns import make_settings
from tests.support.refreshing import SetClock
from tests.support.sending import leaf_identity


class TickingClock(SetClock):
    """A clock that passes one second at each look, and starts when the leaf of these tests is valid."""

    def __init__(self) -> None:
        super().__init__()
        self.now = leaf_identity().current.certificate.not_valid_before_utc.replace(microsecond=0)
        self.pass_seconds(2 * 86400)

    def __call__(self) -> Any:
        self.pass_seconds(1)
        return self.now


def make_client(url: str, clock: Any = None, **others: Any) -> RolesAnywhereClient:
    """Return a client with the leaf of these tests; ``identity`` and ``trust_anchor`` may be given."""
    identity = others.pop("identity", None) or leaf_identity()
    trust_anchor = others.pop("trust_anchor", None)
    return RolesAnywhereClient(make_settings(url, **others), identity, clock, trust_anchor=trust_anchor)
