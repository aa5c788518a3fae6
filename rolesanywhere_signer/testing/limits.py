"""How much of everything an account may hold (user guide, quotas)."""

from __future__ import annotations

from dataclasses import dataclass, fields

# More than fits into any memory.
_NO_LIMIT = 2**63


@dataclass(frozen=True)
class Limits:
    """The service's limits where nobody has had them raised."""

    trust_anchors: int = 50
    profiles: int = 250
    crls_per_trust_anchor: int = 2
    certificates_per_trust_anchor: int = 2
    roles_per_profile: int = 250
    tags_per_resource: int = 50
    mapping_rules_per_field: int = 50


NO_LIMITS = Limits(*(_NO_LIMIT for _ in fields(Limits)))
