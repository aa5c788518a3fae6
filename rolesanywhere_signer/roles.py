"""A role beyond the first one, as data: what to assume with the credentials at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .arn import check_region, parse_role_arn
from .endpoints import check_endpoint_url
from .errors import ConfigurationError
from .settings import check_session


@dataclass(frozen=True)
class AssumeRole:
    """A role to assume with the credentials at hand, of the same account or another one.

    Attributes:
        role_arn: The role.
        external_id: What the role's trust policy may ask for.
        role_session_name: None: botocore makes one.
        duration_seconds: None: the role's default, an hour; STS allows no more in a chain.
        policy: A session policy as JSON text, which narrows what the role allows.
        tags: Session tags.
        region: Of STS; None: that of IAM Roles Anywhere.
        endpoint_url: Of STS; None: the region's own.

    Raises:
        ConfigurationError: One of them cannot be.
    """

    role_arn: str
    external_id: str | None = field(default=None, repr=False)
    role_session_name: str | None = None
    duration_seconds: int | None = None
    policy: str | None = None
    tags: Mapping[str, str] | None = field(default=None, hash=False)
    region: str | None = None
    endpoint_url: str | None = None

    def __post_init__(self) -> None:
        parse_role_arn(self.role_arn)
        for name in ("external_id", "policy"):
            if not isinstance(getattr(self, name), (str, type(None))):
                # The value is not shown: an external id is a shared secret.
                raise ConfigurationError(f"{name} must be text")
        check_session(self.role_session_name, self.duration_seconds)
        if self.region is not None:
            check_region(self.region)
        if self.endpoint_url is not None:
            check_endpoint_url(self.endpoint_url)
        if self.tags is not None:
            object.__setattr__(self, "tags", _checked_tags(self.tags))

    @property
    def parameters(self) -> dict[str, Any]:
        """What goes to STS AssumeRole beside the ARN."""
        tags = None if self.tags is None else [{"Key": name, "Value": value} for name, value in self.tags.items()]
        given = {
            "ExternalId": self.external_id,
            "RoleSessionName": self.role_session_name,
            "DurationSeconds": self.duration_seconds,
            "Policy": self.policy,
            "Tags": tags,
        }
        return {name: value for name, value in given.items() if value is not None}


def _checked_tags(tags: object) -> dict[str, str]:
    if not isinstance(tags, Mapping) or not all(isinstance(text, str) for pair in tags.items() for text in pair):
        raise ConfigurationError("tags must map text to text")
    return dict(tags)
