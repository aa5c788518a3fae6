from __future__ import annotations

import pickle
import traceback

import pytest

from rolesanywhere_signer import errors
from rolesanywhere_signer.findings import Finding

EVERY_ERROR = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    key=lambda kind: kind.__name__,
)

CODES = {
    "RolesAnywhereError": "roles-anywhere",
    "ConfigurationError": "configuration",
    "PrivateKeyError": "private-key",
    "PrivateKeyLoadError": "private-key-load",
    "PassphraseError": "passphrase",
    "UnsupportedKeyError": "unsupported-key",
    "KeyMismatchError": "key-mismatch",
    "CertificateError": "certificate",
    "CertificateLoadError": "certificate-load",
    "CertificateRejectedError": "certificate-rejected",
    "SigningError": "signing",
    "TransportError": "transport",
    "ServiceError": "service",
    "AccessDeniedError": "access-denied",
    "InvalidRequestError": "invalid-request",
    "ResourceNotFoundError": "resource-not-found",
    "ThrottledError": "throttled",
    "ResponseError": "response",
}


def test_every_error_has_its_stable_code() -> None:
    assert {kind.__name__: kind.code for kind in EVERY_ERROR} == CODES


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_one_base_catches_them_all_and_the_package_offers_them(kind: type[errors.RolesAnywhereError]) -> None:
    import rolesanywhere_signer

    assert issubclass(kind, errors.RolesAnywhereError)
    assert getattr(rolesanywhere_signer, kind.__name__) is kind


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (errors.PrivateKeyLoadError, errors.PrivateKeyError),
        (errors.PassphraseError, errors.PrivateKeyError),
        (errors.UnsupportedKeyError, errors.PrivateKeyError),
        (errors.KeyMismatchError, errors.PrivateKeyError),
        (errors.CertificateLoadError, errors.CertificateError),
        (errors.CertificateRejectedError, errors.CertificateError),
        (errors.AccessDeniedError, errors.ServiceError),
        (errors.InvalidRequestError, errors.ServiceError),
        (errors.ResourceNotFoundError, errors.ServiceError),
        (errors.ThrottledError, errors.ServiceError),
    ],
)
def test_the_tree(child: type[Exception], parent: type[Exception]) -> None:
    assert issubclass(child, parent)


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_pickle_keeps_message_and_hint(kind: type[errors.RolesAnywhereError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("what was wrong", hint="what to do")))
    assert type(copy) is kind
    assert (copy.message, copy.hint, copy.code) == ("what was wrong", "what to do", kind.code)


def test_pickle_keeps_all_that_a_service_error_knows() -> None:
    error = errors.ThrottledError(
        "ThrottlingException: Rate exceeded",
        status=429,
        error_code="ThrottlingException",
        service_message="Rate exceeded",
        request_id="1111",
        retryable=True,
        retry_after_seconds=3.0,
    )
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_pickle_keeps_findings_and_whether_to_try_again() -> None:
    finding = Finding("is-ca", "error", "leaf", "it is a CA", "issue another", "RFC 5280, 4.2.1.9")
    rejected = errors.CertificateRejectedError("leaf: it is a CA", findings=(finding,))
    assert pickle.loads(pickle.dumps(rejected)).findings == (finding,)
    assert pickle.loads(pickle.dumps(errors.TransportError("no answer", retryable=True))).retryable is True


def test_the_hint_is_part_of_the_text_that_a_traceback_ends_with() -> None:
    error = errors.AccessDeniedError("the service refused", hint="set the clock")
    assert str(error) == "the service refused\nhint: set the clock"
    assert "hint: set the clock" in "".join(traceback.format_exception_only(error))
    assert error.message == "the service refused"


def test_without_a_hint_the_text_is_the_message() -> None:
    assert str(errors.SigningError("the key failed")) == "the key failed"
