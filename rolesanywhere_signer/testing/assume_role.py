"""The parameters of AssumeRole, and by whom it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .policies import Principal

ROLES_ANYWHERE = Principal(service="rolesanywhere.amazonaws.com")


@dataclass(frozen=True)
class AssumeRole:
    """What AssumeRole is asked for.

    Attributes:
        role_arn: The role.
        role_session_name: What the session is called.
        duration_seconds: How long it lasts.
        tags: Of the session.
        source_identity: None: none is set.
        policy: The session policy as JSON text; None: none.
        policy_arns: Of the managed policies that narrow the session too.
        external_id: None: none is given.
    """

    role_arn: str
    role_session_name: str
    duration_seconds: int
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    source_identity: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    external_id: str | None = field(default=None, repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        """The same with the names that STS has for it; what is not asked for is not there."""
        parameters: dict[str, Any] = {
            "RoleArn": self.role_arn,
            "RoleSessionName": self.role_session_name,
            "DurationSeconds": self.duration_seconds,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "SourceIdentity": self.source_identity,
            "Policy": self.policy,
            "PolicyArns": [{"arn": arn} for arn in self.policy_arns],
            "ExternalId": self.external_id,
        }
        return {name: value for name, value in parameters.items() if value}


@dataclass(frozen=True)
class Caller:
    """Who calls AssumeRole.

    Attributes:
        principal: The service, or a session that goes on to another role.
        source_arn: The trust anchor, where the service calls.
        source_account: The trust anchor's account, where the service calls.
        tags: Those of the session that goes on.
    """

    principal: Principal
    source_arn: str | None = None
    source_account: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_the_service(self) -> bool:
        """Whether Roles Anywhere itself calls."""
        return self.principal == ROLES_ANYWHERE


class AssumeRoleError(Exception):
    """AssumeRole failed.

    Attributes:
        reason: What STS says of it; empty where the caller may not assume the role, or there is none.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
