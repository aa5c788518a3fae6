"""A role beyond the first one, assumed by botocore's own fetcher with the credentials that we have."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.credentials
import botocore.exceptions
import botocore.session

from .answers import parse_expiration
from .arn import parse_role_arn
from .credentials import Credentials
from .errors import AccessDeniedError, ConfigurationError, ServiceError, TransportError

if TYPE_CHECKING:
    from .settings import Verify

_REFUSED = ("AccessDenied", "AccessDeniedException")


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
        ConfigurationError: ``role_arn`` is none.
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


def make_assuming_fetch(
    source: botocore.credentials.Credentials, role: AssumeRole, *, region: str, verify: Verify
) -> Callable[[], Credentials]:
    """Return what obtains the credentials of ``role`` with those of ``source``.

    Args:
        source: Whose ``get_frozen_credentials`` signs the call; it may renew itself.
        role: The role.
        region: Of STS where the role names none.
        verify: TLS verification, as for the service itself.
    """

    def fetch() -> Credentials:
        create_client = functools.partial(
            botocore.session.Session().create_client,
            region_name=role.region or region,
            endpoint_url=role.endpoint_url,
            verify=verify if isinstance(verify, bool) else os.fspath(verify),
        )
        # A fetcher of its own each time: what it would remember is the refresher's business.
        fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
            create_client, source, role.role_arn, extra_args=role.parameters
        )
        try:
            return _credentials(fetcher.fetch_credentials(), role)
        except botocore.exceptions.ClientError as error:
            raise _service_error(error, role) from error
        except botocore.exceptions.ParamValidationError as error:
            raise ConfigurationError(f"AssumeRole of {role.role_arn}: {error}") from error
        except botocore.exceptions.BotoCoreError as error:
            raise TransportError(f"AssumeRole of {role.role_arn} failed: {error}", retryable=True) from error

    return fetch


def _credentials(fetched: Mapping[str, Any], role: AssumeRole) -> Credentials:
    return Credentials(
        access_key_id=fetched["access_key"],
        secret_access_key=fetched["secret_key"],
        session_token=fetched["token"],
        expiration=parse_expiration(fetched["expiry_time"]),
        role_arn=role.role_arn,
        account_id=parse_role_arn(role.role_arn).account_id,
    )


def _service_error(error: botocore.exceptions.ClientError, role: AssumeRole) -> ServiceError:
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code"))
    said = str(answer.get("Error", {}).get("Message"))
    refused = code in _REFUSED
    metadata = answer.get("ResponseMetadata", {})
    return (AccessDeniedError if refused else ServiceError)(
        f"AssumeRole of {role.role_arn}: {code}: {said}",
        hint="the trust policy of that role must allow the role of IAM Roles Anywhere (and the external id, where it "
        "asks for one), and the policy of the latter must allow sts:AssumeRole on it"
        if refused
        else None,
        status=int(metadata.get("HTTPStatusCode", 0)),
        error_code=code,
        service_message=said,
        request_id=metadata.get("RequestId"),
    )
