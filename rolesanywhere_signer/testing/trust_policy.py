"""Who may assume a role: the actions that a role's trust policy must allow, and what conditions can ask about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from .assume_role import AssumeRole, Caller
from .policies import Policy, parse_trust_policy
from .policy_patterns import Context

_ASSUME_ROLE, _TAG_SESSION, _SET_SOURCE_IDENTITY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


def may_assume(trust_policy: str | None, asked: AssumeRole, caller: Caller, now: datetime) -> bool:
    """Return whether a role's trust policy lets somebody assume the role.

    Args:
        trust_policy: JSON text; None: the role lets every trust anchor, and nobody else.
        asked: The parameters.
        caller: Who asks.
        now: Aware.

    Raises:
        ConfigurationError: It is no trust policy; that is checked when a role is made.
    """
    if trust_policy is None:
        return caller.is_the_service
    policy, context = _parsed(trust_policy), _context(asked, caller, now)
    return all(policy.allows(action, context, principal=caller.principal) for action in _actions(asked, caller))


def _actions(asked: AssumeRole, caller: Caller) -> tuple[str, ...]:
    """Return the actions that must be allowed, each by itself.

    All three for the service (its user guide, "Role trusts"), for others those that are asked for.
    """
    further = ((_TAG_SESSION, asked.tags), (_SET_SOURCE_IDENTITY, asked.source_identity))
    return (_ASSUME_ROLE, *(action for action, given in further if given or caller.is_the_service))


def _context(asked: AssumeRole, caller: Caller, now: datetime) -> Context:
    """Return the condition keys; what is not given is not there."""
    values = {
        "aws:SourceArn": caller.source_arn,
        "aws:SourceAccount": caller.source_account,
        "sts:SourceIdentity": asked.source_identity,
        "sts:RoleSessionName": asked.role_session_name,
        "sts:ExternalId": asked.external_id,
    }
    keys: dict[str, str | tuple[str, ...]] = {key: value for key, value in values.items() if value is not None}
    if asked.tags:
        keys["aws:TagKeys"] = tuple(asked.tags)
    # The service's user guide asks for the new session's tags as the principal's, before there is a session.
    own_tags = asked.tags if caller.is_the_service else caller.tags
    return Context({**keys, **time_keys(now), **tag_keys("Request", asked.tags), **tag_keys("Principal", own_tags)})


def time_keys(now: datetime) -> dict[str, str]:
    """Return the condition keys that tell the time."""
    return {"aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "aws:EpochTime": str(int(now.timestamp()))}


def tag_keys(kind: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the condition keys of tags; ``kind`` is ``Request`` or ``Principal``."""
    return {f"aws:{kind}Tag/{key}": value for key, value in tags.items()}


@lru_cache(maxsize=256)
def _parsed(text: str) -> Policy:
    return parse_trust_policy(text)
