"""Another STS, and another IAM, that the user names: a moto server, LocalStack, or AWS itself."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..endpoints import check_endpoint_url
from ..errors import ConfigurationError
from .assume_role import AssumeRole, AssumeRoleError
from .assumptions import ELSEWHERE_UNREACHABLE
from .refusals import Refusal
from .resources import Role, VendedCredentials

if TYPE_CHECKING:
    import botocore.exceptions

# What moto and LocalStack take.
DUMMY_CREDENTIALS = ("testing", "testing")

_TIMEOUT_SECONDS = 15
_ABSENT = "NoSuchEntity"

# A session makes one client at a time.
_making_clients = threading.Lock()


class ElsewhereClient:
    """Calls other services with botocore's own client, which is made at the first call.

    Args:
        region: That calls are signed for.
        credentials: Access key id and secret access key, and a session token where there is one.

    Raises:
        ConfigurationError: The credentials are none.
    """

    def __init__(self, region: str, credentials: Sequence[str]) -> None:
        if isinstance(credentials, str) or len(credentials) not in (2, 3) or not all(map(_is_text, credentials)):
            raise ConfigurationError(
                "sts_credentials must be an access key id and a secret access key, and a session token if there is one",
                hint=f"such as {DUMMY_CREDENTIALS}",
            )
        self._region = region
        self._credentials = tuple(credentials)
        self._client = functools.lru_cache(self._make_client)

    def call(self, service: str, endpoint_url: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call an operation and return its answer.

        Args:
            service: Such as ``sts``.
            endpoint_url: Where it is.
            operation: As a method's name, such as ``assume_role``.
            parameters: Of the operation.

        Raises:
            ServiceElsewhereError: It refused.
            Refusal: There was no answer.
        """
        import botocore.exceptions  # noqa: PLC0415 - only those who name another STS need it

        from ..assume_role import kept_out_of_logs  # noqa: PLC0415

        try:
            client = self._client(service, endpoint_url)
            # botocore's debug log shows tokens, and the credentials in the answer.
            with kept_out_of_logs():
                answer: Mapping[str, Any] = getattr(client, operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            raise _error(service, error) from error
        # Beside botocore's own errors there are those that its parsers stumble on.
        except Exception as error:
            raise _unreachable(service, type(error).__name__) from error
        return answer

    def _make_client(self, service: str, endpoint_url: str) -> Any:
        import botocore.config  # noqa: PLC0415

        with _making_clients:
            return _session().create_client(
                service,
                region_name=self._region,
                endpoint_url=endpoint_url,
                aws_access_key_id=self._credentials[0],
                aws_secret_access_key=self._credentials[1],
                aws_session_token=self._credentials[2] if len(self._credentials) > 2 else None,
                config=botocore.config.Config(
                    connect_timeout=_TIMEOUT_SECONDS,
                    read_timeout=_TIMEOUT_SECONDS,
                    retries={"total_max_attempts": 1},
                    # Whether a parameter is right is for the other side to say, in its own words.
                    parameter_validation=False,
                ),
            )


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    """Return the session that all clients are made in: it takes seconds to read botocore's models."""
    import botocore.session  # noqa: PLC0415

    return botocore.session.Session()


class ServiceElsewhereError(Exception):
    """The other service refused.

    Attributes:
        code: Its name for the error.
        message: Its sentence.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def assume_elsewhere(client: ElsewhereClient, endpoint_url: str) -> Callable[[AssumeRole], VendedCredentials]:
    """Return what assumes a role in another STS.

    Raises:
        ConfigurationError: ``endpoint_url`` is no URL, or plain HTTP to another machine.
    """
    check_endpoint_url(endpoint_url)

    def assume(asked: AssumeRole) -> VendedCredentials:
        try:
            answer = client.call("sts", endpoint_url, "assume_role", **asked.parameters)
        except ServiceElsewhereError as error:
            raise AssumeRoleError(error.message) from error
        try:
            return _credentials(answer, asked)
        except (KeyError, TypeError, AttributeError) as error:
            raise _unreachable("sts", "an answer without credentials") from error

    return assume


def find_elsewhere(client: ElsewhereClient, endpoint_url: str) -> Callable[[str], Role | None]:
    """Return what finds a role in another IAM, with its trust policy.

    Raises:
        ConfigurationError: ``endpoint_url`` is no URL, or plain HTTP to another machine.
    """
    check_endpoint_url(endpoint_url)

    def find(arn: str) -> Role | None:
        name = arn.rpartition("/")[2]
        try:
            answer = client.call("iam", endpoint_url, "get_role", RoleName=name)
        except ServiceElsewhereError as error:
            if error.code == _ABSENT:
                return None
            raise _unreachable("iam", error.code) from error
        role = answer.get("Role", {})
        if role.get("Arn") != arn:
            return None
        document = role.get("AssumeRolePolicyDocument")
        text = unquote(document) if isinstance(document, str) else json.dumps(document)
        return Role(arn, name, int(role.get("MaxSessionDuration") or 3600), text)

    return find


def _credentials(answer: Mapping[str, Any], asked: AssumeRole) -> VendedCredentials:
    keys, user = answer["Credentials"], answer["AssumedRoleUser"]
    expiration: datetime = keys["Expiration"]
    return VendedCredentials(
        access_key_id=keys["AccessKeyId"],
        secret_access_key=keys["SecretAccessKey"],
        session_token=keys["SessionToken"],
        expiration=expiration.astimezone(timezone.utc).replace(microsecond=0),
        assumed_role_arn=user["Arn"],
        user_id=user["AssumedRoleId"],
        assumed=asked,
        packed_policy_size=answer.get("PackedPolicySize", 0),
    )


def _error(service: str, error: botocore.exceptions.ClientError) -> ServiceElsewhereError | Refusal:
    response: Mapping[str, Any] = error.response
    details = response.get("Error", {})
    if response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return _unreachable(service, str(details.get("Code")))
    return ServiceElsewhereError(str(details.get("Code")), str(details.get("Message")))


def _unreachable(service: str, reason: str) -> Refusal:
    return Refusal(503, "ServiceUnavailableException", f"{ELSEWHERE_UNREACHABLE}: {service}: {reason}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
