"""AssumeRole is sent as carefully as CreateSession: checked before, bounded, silent about secrets."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.credentials import Credentials as BotocoreCredentials

from rolesanywhere_signer import (
    AccessDeniedError,
    AssumeRole,
    ConfigurationError,
    ResponseError,
    ServiceError,
    TransportError,
)
from rolesanywhere_signer.assume_role import make_assuming_fetch
from tests.support.arns import make_settings
from tests.support.servers import http, raw_server, unused_port

ROLE = "arn:aws:iam::123456789012:role/further"
SECRETS = ("planted-secret-key", "planted-token", "planted-external-id", "planted-source-token")
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def sts_answer(expiration: datetime = NOW + timedelta(hours=1)) -> bytes:
    body = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        "<AccessKeyId>ASIAFURTHER</AccessKeyId><SecretAccessKey>planted-secret-key</SecretAccessKey>"
        f"<SessionToken>planted-token</SessionToken><Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    return http(200, body.encode(), Content_Type="text/xml")


def fetch(role: AssumeRole, **settings: Any) -> Any:
    source = BotocoreCredentials("ASIASOURCE", "s" * 40, "planted-source-token")
    return make_assuming_fetch(source, role, make_settings("http://127.0.0.1:1", **settings), lambda: NOW)()


def test_the_credentials_of_the_role_are_returned_and_nothing_secret_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(sts_answer()) as server:
        role = AssumeRole(ROLE, external_id="planted-external-id", endpoint_url=server.url)
        credentials = fetch(role)
    assert credentials.access_key_id == "ASIAFURTHER"
    assert credentials.account_id == "123456789012"
    assert credentials.expiration == NOW + timedelta(hours=1)
    assert not [secret for secret in SECRETS if secret in caplog.text]
    assert "planted-external-id" not in repr(role)


def test_what_other_threads_log_is_not_held_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(sts_answer()) as server:
        fetch(AssumeRole(ROLE, endpoint_url=server.url))
    logging.getLogger("botocore.parsers").debug("told again")
    assert "told again" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"role_arn": "arn:aws:iam::1:role/x"},
        {"external_id": 12345},
        {"policy": {"Version": "2012-10-17"}},
        {"tags": ["a"]},
        {"tags": {"a": 1}},
        {"role_session_name": "a b"},
        {"duration_seconds": 899},
        {"region": "not a region"},
        {"endpoint_url": "nonsense"},
        {"endpoint_url": "http://sts.example.com"},
        {"endpoint_url": "https://user:planted@sts.example.com"},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_when_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AssumeRole(**{"role_arn": ROLE, **wrong})
    assert "planted" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_plain_http_to_another_machine_is_refused_also_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://192.0.2.1")
    with pytest.raises(ConfigurationError, match="plain HTTP"):
        fetch(AssumeRole(ROLE))


def test_credentials_that_have_ended_are_not_handed_out() -> None:
    with raw_server(sts_answer(NOW)) as server, pytest.raises(ResponseError, match="have ended"):
        fetch(AssumeRole(ROLE, endpoint_url=server.url))


def test_a_refusal_names_the_role_and_what_to_look_at() -> None:
    body = (
        b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error>"
        b"<RequestId>r-1</RequestId></ErrorResponse>"
    )
    with raw_server(http(403, body, Content_Type="text/xml")) as server, pytest.raises(AccessDeniedError) as caught:
        fetch(AssumeRole(ROLE, endpoint_url=server.url))
    assert ROLE in caught.value.message
    assert "trust policy" in str(caught.value.hint)
    assert caught.value.status == 403


def test_time_outs_and_attempts_are_those_of_the_settings() -> None:
    with raw_server(http(500)) as server, pytest.raises(ServiceError):
        fetch(AssumeRole(ROLE, endpoint_url=server.url), max_attempts=2)
    assert server.connections == 2


def test_proxies_are_exactly_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with unused_port() as port, raw_server(sts_answer()) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetch(AssumeRole(ROLE, endpoint_url=server.url), proxies={}).access_key_id == "ASIAFURTHER"


@pytest.mark.parametrize(
    "proxy",
    ["http://bob:planted/x@127.0.0.1:9", "http://bob:planted#x@127.0.0.1:9", "socks5://bob:planted@127.0.0.1:9"],
)
def test_a_proxy_s_password_is_not_told(proxy: str) -> None:
    role = AssumeRole(ROLE, endpoint_url="https://sts.us-east-1.amazonaws.com")
    with pytest.raises((ConfigurationError, TransportError)) as caught:
        fetch(role, proxies={"https": proxy}, max_attempts=1, connect_timeout_seconds=1)
    error: BaseException | None = caught.value
    while error is not None:
        assert "planted" not in str(error)
        error = error.__cause__
