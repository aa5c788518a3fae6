"""What the service, or something in its place, may answer: credentials, or the error that fits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from rolesanywhere_signer import (
    AccessDeniedError,
    InvalidRequestError,
    ResourceNotFoundError,
    ResponseError,
    RolesAnywhereError,
    ServiceError,
    ThrottledError,
)
from rolesanywhere_signer.answers import answer_date, is_invalid_signature, parse_answer
from rolesanywhere_signer.transport import Answer

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)

KEYS = {
    "accessKeyId": "ASIAEXAMPLE",
    "secretAccessKey": "planted/secret+key=",
    "sessionToken": "planted-token",
    "expiration": "2026-01-01T13:00:00Z",
}
SUCCESS = {
    "credentialSet": [
        {
            "assumedRoleUser": {
                "arn": "arn:aws:sts::123456789012:assumed-role/reader/1000",
                "assumedRoleId": "AROAEXAMPLE:1000",
            },
            "credentials": KEYS,
            "packedPolicySize": 46,
            "roleArn": "arn:aws:iam::123456789012:role/reader",
            "sourceIdentity": "CN=app",
        }
    ],
    "subjectArn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/0a1b",
}


def answer(body: object, status: int = 201, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CaseInsensitiveDict(named), content)


def with_keys(**changes: Any) -> dict[str, Any]:
    """The success with other credentials inside; a value of None leaves a member out."""
    keys = {name: value for name, value in {**KEYS, **changes}.items() if value is not None}
    return {"credentialSet": [{"credentials": keys}]}


def failed(received: Answer) -> RolesAnywhereError:
    with pytest.raises(RolesAnywhereError) as raised:
        parse_answer(received, NOW)
    return raised.value


def service_error(received: Answer) -> ServiceError:
    error = failed(received)
    assert isinstance(error, ServiceError)
    return error


class TestSuccess:
    @pytest.mark.parametrize("status", [200, 201])
    def test_all_that_it_tells(self, status: int) -> None:
        credentials = parse_answer(answer(SUCCESS, status), NOW)
        assert vars(credentials) == {
            "access_key_id": "ASIAEXAMPLE",
            "secret_access_key": "planted/secret+key=",
            "session_token": "planted-token",
            "expiration": datetime(2026, 1, 1, 13, 0, tzinfo=timezone.utc),
            "role_arn": "arn:aws:iam::123456789012:role/reader",
            "account_id": "123456789012",
            "assumed_role_arn": "arn:aws:sts::123456789012:assumed-role/reader/1000",
            "subject_arn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/0a1b",
            "source_identity": "CN=app",
            "obtained_at": None,
        }

    def test_the_credentials_alone_are_enough(self) -> None:
        credentials = parse_answer(answer(with_keys()), NOW)
        assert credentials.session_token == "planted-token"
        assert (credentials.role_arn, credentials.account_id, credentials.source_identity) == (None, None, None)

    @pytest.mark.parametrize(
        ("session", "account"),
        [
            ({"roleArn": "arn:aws-cn:iam::111111111111:role/x"}, "111111111111"),
            ({"assumedRoleUser": {"arn": "arn:aws:sts::222222222222:assumed-role/x/y"}}, "222222222222"),
            ({"roleArn": "no arn", "assumedRoleUser": {"arn": 7}}, None),
            ({"roleArn": "arn:aws:iam::1234:role/x", "assumedRoleUser": "words"}, None),
        ],
    )
    def test_the_account_is_the_role_s(self, session: dict[str, Any], account: str | None) -> None:
        body = {"credentialSet": [{"credentials": KEYS, **session}]}
        assert parse_answer(answer(body), NOW).account_id == account

    @pytest.mark.parametrize(
        "text",
        [
            "2026-01-01T13:00:00Z",
            "2026-01-01T13:00:00z",
            "2026-01-01T13:00:00+00:00",
            "2026-01-01T22:00:00+09:00",
            "2026-01-01T13:00:00.999999Z",
            "2026-01-01T13:00:00.1Z",
            "2026-01-01T13:00:00.123456789Z",
            "2026-01-01 13:00:00+00:00",
            1767272400,
            1767272400.75,
        ],
    )
    def test_the_end_is_in_utc_and_whole_seconds(self, text: object) -> None:
        expiration = parse_answer(answer(with_keys(expiration=text)), NOW).expiration
        assert (expiration, expiration.tzinfo) == (NOW + timedelta(hours=1), timezone.utc)


class TestASuccessThatCannotBeUsed:
    @pytest.mark.parametrize(
        "body",
        [
            b"", b"null", b"true", b"[]", b"{}", b"7", b'"text"', b"<html>", b"{", b"\xff\xfe", b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"credentialSet": null}', b'{"credentialSet": []}', b'{"credentialSet": {}}',
            b'{"credentialSet": [null]}',
            b'{"credentialSet": [[]]}', b'{"credentialSet": [{}]}', b'{"credentialSet": [{"credentials": null}]}',
            b'{"credentialSet": [{"credentials": []}]}', b"9" * 10_000,
        ],
        ids=lambda body: repr(body[:40]),
    )  # fmt: skip
    def test_without_credentials(self, body: bytes) -> None:
        error = failed(answer(body))
        assert type(error) is ResponseError
        assert "without credentials" in error.message
        assert "proxy" in str(error.hint)

    @pytest.mark.parametrize("name", ["accessKeyId", "secretAccessKey", "sessionToken"])
    @pytest.mark.parametrize(
        "value", [None, "", 7, ["planted"], "planted\r\nX-Evil: 1", "planted\u00e9", "planted\x00"]
    )
    def test_with_a_part_that_no_header_could_carry(self, name: str, value: object) -> None:
        error = failed(answer(with_keys(**{name: value})))
        assert type(error) is ResponseError
        assert name in error.message
        assert "planted" not in str(error)

    @pytest.mark.parametrize(
        "value",
        [None, 7, "", "soon", "2026-01-01T13:00:00", "2026-01-01", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
         "9999-12-31T23:59:59-23:59", "x" * 5000, ["2026-01-01T13:00:00Z"], True, 1e300,
         float("nan"), -1e18],
    )  # fmt: skip
    def test_with_an_end_that_is_no_time(self, value: object) -> None:
        error = failed(answer(with_keys(expiration=value)))
        assert type(error) is ResponseError
        assert len(str(error)) < 500

    @pytest.mark.parametrize("text", ["2026-01-01T12:00:00Z", "2025-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
    def test_with_credentials_that_have_ended(self, text: str) -> None:
        error = failed(answer(with_keys(expiration=text)))
        assert type(error) is ResponseError
        assert "clock" in str(error.hint)
        assert "planted" not in str(error)


DENIED = "AccessDeniedException"


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "code", "kind", "retryable"),
        [
            (403, "AccessDeniedException", AccessDeniedError, False),
            (400, "ValidationException", InvalidRequestError, False),
            (404, "ResourceNotFoundException", ResourceNotFoundError, False),
            (429, "ThrottlingException", ThrottledError, True),
            (400, "ThrottlingException", ThrottledError, True),
            (429, "TooManyRequestsException", ThrottledError, True),
            (503, "ServiceUnavailableException", ServiceError, True),
            (500, "InternalServerException", ServiceError, True),
            (400, "TooManyTagsException", InvalidRequestError, False),
            (418, "TeapotException", ServiceError, False),
            (400, None, InvalidRequestError, False),
            (403, None, AccessDeniedError, False),
            (404, None, ResourceNotFoundError, False),
            (429, None, ThrottledError, True),
            (500, None, ServiceError, True),
            (502, None, ServiceError, True),
            (302, None, ServiceError, False),
            (204, None, ServiceError, False),
            (100, None, ServiceError, False),
        ],
    )
    def test_which_class_and_whether_to_try_again(
        self, status: int, code: str | None, kind: type[ServiceError], *, retryable: bool
    ) -> None:
        headers = {"x_amzn_ErrorType": code} if code else {}
        error = service_error(answer({"message": "said"}, status, **headers))
        assert (type(error), error.status, error.error_code) == (kind, status, code)
        assert error.retryable is retryable
        assert error.service_message == "said"

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            ({"x_amzn_ErrorType": DENIED}, {}),
            ({"X_AMZN_ERRORTYPE": DENIED}, {}),
            ({"x_amzn_ErrorType": DENIED + ":http://internal.example.com/coral/"}, {}),
            ({"x_amzn_ErrorType": "com.amazonaws.rolesanywhere#" + DENIED}, {}),
            ({"x_amzn_ErrorType": "com.amazonaws.rolesanywhere#" + DENIED + ":http://x#y"}, {}),
            ({"x_amzn_ErrorType": f" {DENIED} "}, {}),
            ({}, {"__type": DENIED}),
            ({}, {"__type": "com.amazonaws.rolesanywhere#" + DENIED}),
            ({}, {"code": DENIED}),
            ({}, {"code": 7, "__type": DENIED}),
            ({"x_amzn_ErrorType": DENIED}, {"__type": "ValidationException"}),
            ({"x_amzn_ErrorType": "two words"}, {"code": DENIED}),
            ({"x_amzn_ErrorType": ""}, {"code": DENIED}),
        ],
    )
    def test_where_the_code_may_stand(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        error = service_error(answer({"message": "said", **body}, 403, **headers))
        assert error.error_code == DENIED
        assert error.message == "AccessDeniedException: said"

    @pytest.mark.parametrize(
        "body", [{"message": "said"}, {"Message": "said"}, {"message": "said", "Message": "other"}]
    )
    def test_where_the_sentence_may_stand(self, body: dict[str, Any]) -> None:
        assert service_error(answer(body, 403)).service_message == "said"

    @pytest.mark.parametrize("message", ["line\nfeed", "\x1b[31mred", "a\u202eb", "nul\x00", "\ud800"])
    def test_a_sentence_cannot_forge_lines_or_colours(self, message: str) -> None:
        error = service_error(answer({"message": message}, 403))
        assert error.message.isprintable()

    def test_a_sentence_is_bounded(self) -> None:
        assert len(service_error(answer({"message": "x" * 100_000}, 403)).message) < 600

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html><h1>planted page</h1></html>", b"null", b"[]", b"7", b'{"message": null}',
         b'{"message": {"a": 1}}', b"\xff",
         b"[" * 100_000, b"{" * 100_000, b'{"a":' * 50_000, b"9" * 10_000],
        ids=lambda body: repr(body[:30]),
    )  # fmt: skip
    @pytest.mark.parametrize("status", [403, 407, 502, 302])
    def test_an_answer_of_somebody_else(self, status: int, body: bytes) -> None:
        error = service_error(answer(body, status, Content_Type="text/html", Date="words"))
        assert f"HTTP {status}" in error.message
        assert "text/html" in error.message
        assert "planted" not in str(error)
        assert error.service_message is None

    @pytest.mark.parametrize(
        ("status", "said"), [(302, "redirect"), (403, "proxy"), (407, "proxy"), (404, "endpoint_url")]
    )
    def test_and_what_to_do_about_it(self, status: int, said: str) -> None:
        assert said in str(service_error(answer(b"<html>", status)).hint)

    def test_a_fault_of_the_server_has_no_hint(self) -> None:
        assert service_error(answer(b"", 500)).hint is None

    def test_the_identifier_of_the_request_is_kept(self) -> None:
        error = service_error(answer({"message": "said"}, 403, x_amzn_RequestId="1111-2222"))
        assert error.request_id == "1111-2222"

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("0", 0.0), ("7", 7.0), (" 30 ", 30.0), ("999999", 999999.0), ("1000000", None), ("-1", None), ("1.5", None),
         ("", None),
         ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("\u0663", None), ("\u00b2", None), ("nan", None)],
    )  # fmt: skip
    def test_how_long_to_wait(self, text: str, seconds: float | None) -> None:
        assert service_error(answer({}, 429, Retry_After=text)).retry_after_seconds == seconds


class TestTheDateOfAnAnswer:
    @pytest.mark.parametrize(
        "text",
        ["Thu, 01 Jan 2026 12:00:00 GMT", "Thu, 01 Jan 2026 21:00:00 +0900", "Thu, 01 Jan 2026 12:00:00 -0000",
         "Thursday, 01-Jan-26 12:00:00 GMT"],
    )  # fmt: skip
    def test_forms(self, text: str) -> None:
        assert answer_date(answer({}, Date=text)) == NOW

    @pytest.mark.parametrize(
        "text",
        ["", "words", "2026-01-01T12:00:00Z", "Thu, 99 Jan 2026 12:00:00 GMT", "Thu, 01 Jan 99999 12:00:00 GMT",
         "Fri, 31 Dec 9999 23:59:00 -2359", "Thu, 01 Jan 2026 12:00:00 +9999999999", "\u0660, 1 Jan", "1 1 1 1 1"],
    )  # fmt: skip
    def test_what_is_none(self, text: str) -> None:
        assert answer_date(answer({}, Date=text)) is None

    def test_an_answer_without_one(self) -> None:
        assert answer_date(answer({})) is None


class TestAnInvalidSignature:
    @pytest.mark.parametrize(
        "body", [{"message": "Invalid signature"}, {"message": "invalid signature."}, {"Message": "Invalid signature"}]
    )
    def test_is_told_from_the_sentence(self, body: dict[str, Any]) -> None:
        assert is_invalid_signature(answer(body, 403))

    @pytest.mark.parametrize(
        ("status", "body"),
        [(400, {"message": "Invalid signature"}), (403, {"message": "Untrusted signing certificate"}), (403, {}),
         (403, b"Invalid signature"),
         (403, {"message": ["Invalid signature"]}), (201, {"message": "Invalid signature"})],
    )  # fmt: skip
    def test_and_nothing_else_is_one(self, status: int, body: object) -> None:
        assert not is_invalid_signature(answer(body, status))


def test_nothing_secret_is_shown_of_an_answer() -> None:
    assert "planted" not in repr(answer(SUCCESS, Set_Cookie="planted"))


def test_the_time_is_the_caller_s() -> None:
    parse_answer(answer(SUCCESS), NOW + timedelta(minutes=59, seconds=59))
    with pytest.raises(ResponseError):
        parse_answer(answer(SUCCESS), NOW + timedelta(hours=1))
