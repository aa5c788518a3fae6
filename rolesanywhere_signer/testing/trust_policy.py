"""Who may assume a role: the three actions that a role's trust policy must allow, and what they are asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from .policies import Policy, Principal, parse_trust_policy
from .policy_patterns import Context

ROLES_ANYWHERE = Principal(service="rolesanywhere.amazonaws.com")

_ASSUME_ROLE, _TAG_SESSION, _SET_SOURCE_IDENTITY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


@dataclass(frozen=True)
class AssumeRoleRequest:
    """What AssumeRole is asked for.

    Attributes:
        principal: Who asks.
        session_name: The role session name.
        now: Aware.
        source_identity: None: none is set.
        tags: Of the session.
        source_arn: The trust anchor, where the service asks.
        source_account: The trust anchor's account, where the service asks.
        external_id: None: none.
    """

    principal: Principal
    session_name: str
    now: datetime
    source_identity: str | None = None
    tags: Mapping[str, str] | None = None
    source_arn: str | None = None
    source_account: str | None = None
    external_id: str | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that must be allowed, each by itself.

        All three for the service (its user guide, "Role trusts"), for others those that are asked for.
        """
        further = ((_TAG_SESSION, self.tags), (_SET_SOURCE_IDENTITY, self.source_identity))
        is_service = self.principal.service is not None
        return (_ASSUME_ROLE, *(action for action, given in further if given or is_service))

    @property
    def context(self) -> Context:
        """The condition keys; what is not given is not there."""
        values = {
            "aws:SourceArn": self.source_arn,
            "aws:SourceAccount": self.source_account,
            "sts:SourceIdentity": self.source_identity,
            "sts:RoleSessionName": self.session_name,
            "sts:ExternalId": self.external_id,
            "aws:CurrentTime": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(self.now.timestamp())),
        }
        keys: dict[str, str | tuple[str, ...]] = {key: value for key, value in values.items() if value is not None}
        for key, value in (self.tags or {}).items():
            keys[f"aws:RequestTag/{key}"] = value
            # The service's user guide asks for the session's tags by this name, before there is a session.
            if self.principal.service is not None:
                keys[f"aws:PrincipalTag/{key}"] = value
        if self.tags:
            keys["aws:TagKeys"] = tuple(self.tags)
        return Context(keys)


def may_assume(trust_policy: str | None, request: AssumeRoleRequest) -> bool:
    """Return whether a role's trust policy lets a principal assume the role.

    Args:
        trust_policy: JSON text; None: the role lets everybody.
        request: Who asks, for what.

    Raises:
        ConfigurationError: It is no trust policy; that is checked when a role is made.
    """
    if trust_policy is None:
        return True
    policy, context = _parsed(trust_policy), request.context
    return all(policy.allows(action, context, principal=request.principal) for action in request.actions)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Policy:
    return parse_trust_policy(text)
