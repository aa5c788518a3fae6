"""AssumeRole: what the role allows, the limits of STS, and the credentials, made here or got from another STS."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..errors import ConfigurationError
from .account import Account
from .assume_role import AssumeRole, AssumeRoleError, Caller
from .assumptions import MALFORMED_SESSION_POLICY, UNREADABLE_TRUST_POLICY
from .elsewhere import ElsewhereClient, assume_elsewhere, find_elsewhere
from .policies import parse_session_policy
from .policy_patterns import Context
from .refusals import DURATION_TOO_LONG
from .resources import Role, VendedCredentials
from .trust_policy import may_assume, tag_keys, time_keys
from .violations import too_long, validation_errors

# API reference of STS, AssumeRole: Policy and PolicyArns.
_MAX_POLICY_LENGTH = 2048
_MAX_POLICY_ARNS = 10
# What packedPolicySize is a share of, in characters.
_PACKED_SIZE = 2048

_AssumeElsewhere = Callable[[AssumeRole], VendedCredentials]
_FindElsewhere = Callable[[str], "Role | None"]


class TokenService:
    """STS, as far as it assumes roles.

    Args:
        account: What the service knows.
        assume_elsewhere: None: the credentials are made here.
        find_elsewhere: Where roles are looked for that nobody made here; None: nowhere.

    Attributes:
        calls: The parameters of each AssumeRole, in order, also where the role was not assumed. The external id, which
            may be a secret, is not among them.
    """

    def __init__(
        self,
        account: Account,
        assume_elsewhere: _AssumeElsewhere | None = None,
        find_elsewhere: _FindElsewhere | None = None,
    ) -> None:
        self.calls: list[dict[str, Any]] = []
        self._account = account
        self._assume_elsewhere = assume_elsewhere
        self._find_elsewhere = find_elsewhere

    def assume_role(self, asked: AssumeRole, caller: Caller, now: datetime) -> VendedCredentials:
        """Assume a role; the credentials are remembered.

        Args:
            asked: The parameters.
            caller: Who calls.
            now: Aware.

        Raises:
            AssumeRoleError: There is no such role, its trust policy does not let the caller, or a limit is passed.
            Refusal: The other STS or IAM cannot be reached.
        """
        self.calls.append({name: value for name, value in asked.parameters.items() if name != "ExternalId"})
        role = self._role(asked.role_arn)
        if role is None or not _lets(role, asked, caller, now):
            raise AssumeRoleError
        _check_limits(asked, role)
        if self._assume_elsewhere is not None:
            return self._account.remember(self._assume_elsewhere(asked))
        return self._account.remember(self._vend(asked, role, now))

    def _role(self, arn: str) -> Role | None:
        role = self._account.role(arn)
        return self._find_elsewhere(arn) if role is None and self._find_elsewhere is not None else role

    def _vend(self, asked: AssumeRole, role: Role, now: datetime) -> VendedCredentials:
        account, name = self._account, asked.role_session_name
        return VendedCredentials(
            access_key_id="ASIA" + base64.b32encode(secrets.token_bytes(10)).decode("ascii"),
            secret_access_key=base64.b64encode(secrets.token_bytes(30)).decode("ascii"),
            session_token=base64.b64encode(secrets.token_bytes(480)).decode("ascii"),
            expiration=now.replace(microsecond=0) + timedelta(seconds=asked.duration_seconds),
            assumed_role_arn=f"arn:{account.partition}:sts::{account.account_id}:assumed-role/{role.name}/{name}",
            user_id=f"{_role_id(role)}:{name}",
            assumed=asked,
            packed_policy_size=_packed_policy_size(asked),
        )


def make_token_service(
    account: Account, sts_endpoint_url: str | None, iam_endpoint_url: str | None, credentials: Sequence[str]
) -> TokenService:
    """Return the token service of a local service.

    Args:
        account: What the service knows.
        sts_endpoint_url: Where roles are assumed; None: here.
        iam_endpoint_url: Where roles are looked for that nobody made here; None: nowhere.
        credentials: What those two are called with.

    Raises:
        ConfigurationError: They are no URLs or no credentials, or a URL is plain HTTP to another machine.
    """
    client = ElsewhereClient(account.region, credentials)
    return TokenService(
        account,
        None if sts_endpoint_url is None else assume_elsewhere(client, sts_endpoint_url),
        None if iam_endpoint_url is None else find_elsewhere(client, iam_endpoint_url),
    )


def _lets(role: Role, asked: AssumeRole, caller: Caller, now: datetime) -> bool:
    try:
        return may_assume(role.trust_policy, asked, caller, now)
    except ConfigurationError as error:
        # Those of roles that are made here were looked at then.
        raise AssumeRoleError(f"{UNREADABLE_TRUST_POLICY}: {error.message}") from error


def _check_limits(asked: AssumeRole, role: Role) -> None:
    violations = []
    if len(asked.policy or "") > _MAX_POLICY_LENGTH:
        violations.append(too_long("policy", asked.policy, _MAX_POLICY_LENGTH))
    if len(asked.policy_arns) > _MAX_POLICY_ARNS:
        violations.append(too_long("policyArns", list(asked.policy_arns), _MAX_POLICY_ARNS))
    if violations:
        raise AssumeRoleError(validation_errors(violations).message)
    if asked.policy is not None:
        _check_session_policy(asked.policy)
    if asked.duration_seconds > role.max_session_duration_seconds:
        raise AssumeRoleError(DURATION_TOO_LONG)


def _check_session_policy(text: str) -> None:
    try:
        parse_session_policy(text)
    except ConfigurationError as error:
        raise AssumeRoleError(MALFORMED_SESSION_POLICY) from error


def session_allows(session: AssumeRole, action: str, resource: str, now: datetime) -> bool:
    """Return whether the session policy of a session that was assumed leaves an action to it.

    Args:
        session: What AssumeRole was asked for.
        action: Such as ``sts:AssumeRole``.
        resource: The ARN of what it is done to.
        now: Aware.
    """
    if session.policy is None:
        return True
    keys = {**time_keys(now), **tag_keys("Principal", session.tags)}
    if session.source_identity is not None:
        keys["aws:SourceIdentity"] = session.source_identity
    return parse_session_policy(session.policy).allows(action, Context(keys), resource=resource)


def _role_id(role: Role) -> str:
    digest = hashlib.sha256(role.arn.encode("ascii")).digest()
    return "AROA" + base64.b32encode(digest)[:17].decode("ascii")


def _packed_policy_size(asked: AssumeRole) -> int:
    texts = (*asked.tags, *asked.tags.values(), asked.policy or "", *asked.policy_arns)
    return min(100, 100 * sum(map(len, texts)) // _PACKED_SIZE)
