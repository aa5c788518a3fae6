"""The roles beyond the first one, assumed by botocore's own fetcher with the credentials that we have."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session

from .answers import parse_expiration
from .arn import parse_role_arn
from .credentials import Credentials
from .endpoints import check_endpoint_url
from .errors import AccessDeniedError, ConfigurationError, ResponseError, ServiceError, TransportError
from .transport import names_unusable_url, presentable_cause, reason_of, unusable_url_error, verify_value

if TYPE_CHECKING:
    from datetime import datetime

    from .clock import Clock
    from .frozen import FrozenSource
    from .roles import AssumeRole
    from .settings import Settings

_REFUSED = ("AccessDenied", "AccessDeniedException")


def make_assuming_fetch(
    source: FrozenSource, role: AssumeRole, settings: Settings, clock: Clock
) -> Callable[[], Credentials]:
    """Return what obtains the credentials of ``role`` with those of ``source``.

    Args:
        source: Whose ``get_frozen_credentials`` signs the call; it may renew itself.
        role: The role.
        settings: How the call is sent: TLS, proxies, time-outs and attempts as for the service itself, and the region
            of STS where the role names none.
        clock: Returns the time, aware.
    """

    def fetch() -> Credentials:
        create_client = functools.partial(_create_client, role, settings)
        # A fetcher of its own each time: what it would remember is the refresher's business.
        fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
            create_client, source, role.role_arn, extra_args=role.parameters
        )
        try:
            with kept_out_of_logs():
                fetched = fetcher.fetch_credentials()
        except botocore.exceptions.ClientError as error:
            raise _service_error(error, role) from error
        except botocore.exceptions.ParamValidationError:
            # Its report shows the values, and one of them may be the external id.
            raise ConfigurationError(
                f"AssumeRole of {role.role_arn}: STS does not allow one of the parameters"
            ) from None
        except botocore.exceptions.BotoCoreError as error:
            if names_unusable_url(error):
                raise unusable_url_error() from None
            raise TransportError(
                f"AssumeRole of {role.role_arn} failed: {reason_of(error)}", retryable=True
            ) from presentable_cause(error)
        return _usable(_credentials(fetched, role), clock(), role)

    return fetch


def _create_client(role: AssumeRole, settings: Settings, service: str, **credentials: Any) -> Any:
    config = botocore.config.Config(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        retries={"total_max_attempts": settings.max_attempts},
        # None: those of the environment, as in the call of CreateSession.
        proxies=None if settings.proxies is None else dict(settings.proxies),
    )
    try:
        client = botocore.session.Session().create_client(
            service,
            region_name=role.region or settings.signing_region,
            endpoint_url=role.endpoint_url,
            verify=verify_value(settings),
            config=config,
            **credentials,
        )
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"a client of STS cannot be made: {reason_of(error)}") from presentable_cause(error)
    # It may be the environment's: AWS_ENDPOINT_URL_STS.
    check_endpoint_url(client.meta.endpoint_url)
    return client


@contextlib.contextmanager
def kept_out_of_logs() -> Iterator[None]:
    """Keep what this thread does out of botocore's debug log, which shows tokens, the external id and the answer."""
    thread = threading.get_ident()

    def is_another_thread_s(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [logging.getLogger(f"botocore.{name}") for name in ("auth", "endpoint", "parsers")]
    for logger in loggers:
        logger.addFilter(is_another_thread_s)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_another_thread_s)


def _credentials(fetched: Mapping[str, Any], role: AssumeRole) -> Credentials:
    return Credentials(
        access_key_id=fetched["access_key"],
        secret_access_key=fetched["secret_key"],
        session_token=fetched["token"],
        expiration=parse_expiration(fetched["expiry_time"]),
        role_arn=role.role_arn,
        account_id=parse_role_arn(role.role_arn).account_id,
    )


def _usable(credentials: Credentials, now: datetime, role: AssumeRole) -> Credentials:
    if credentials.remaining(now).total_seconds() <= 0:
        raise ResponseError(f"AssumeRole of {role.role_arn} returned credentials that have ended")
    return credentials


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
