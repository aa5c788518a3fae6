"""Whatever is given to the test CA: it makes something, or refuses in our own words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, CrlOptions

CA = CertificateAuthority()
ODD: list[Any] = [
    None, "", "x", "anyPolicy", b"", b"x", 0, 7, -1, 1 << 300, 1.5, True, object(), {}, {"x": 1},
    [], [None], ["x"], [7], [b""], [b"x"], [("1.2.3", "1.2.4")], [("x",)], "\ud800", ["DNS:\ud800"],
    timedelta(1), timedelta.max, datetime(2026, 1, 1), datetime(1, 1, 1, tzinfo=timezone.utc),  # noqa: DTZ001
    datetime(9999, 12, 31, tzinfo=timezone.utc), lambda der: der, lambda _der: b"", lambda _der: None,
]  # fmt: skip

pytestmark = [
    pytest.mark.filterwarnings("ignore:Parsed a serial number"),
    pytest.mark.filterwarnings("ignore:Attribute's length"),
]


def attempt(make: Callable[[], object]) -> None:
    try:
        make()
    except ConfigurationError as error:
        assert error.message


@pytest.mark.parametrize("option", CertificateOptions.__annotations__)
def test_options_of_a_certificate(option: str) -> None:
    given = {} if option in ("private_key", "public_key", "key_type") else {"private_key": CA.private_key}
    for value in ODD:
        options: Any = {**given, option: value}
        attempt(lambda options=options: CA.issue(**options))  # type: ignore[misc]
        attempt(lambda options=options: CA.issue_ca(**options))  # type: ignore[misc]


@pytest.mark.parametrize("option", CrlOptions.__annotations__)
def test_options_of_a_crl(option: str) -> None:
    for value in ODD:
        options: Any = {option: value}
        attempt(lambda options=options: CA.crl(**options).pem)  # type: ignore[misc]


ARGUMENTS: dict[str, Callable[[Any], object]] = {
    "revoke": lambda value: CertificateAuthority.from_existing(CA.certificate, CA.private_key).revoke(value),
    "reason": lambda value: CertificateAuthority.from_existing(CA.certificate, CA.private_key).revoke(5, value),
    "at": lambda value: CertificateAuthority.from_existing(CA.certificate, CA.private_key).revoke(5, at=value),
    "invalid_since": lambda value: CertificateAuthority.from_existing(CA.certificate, CA.private_key).revoke(
        5, invalid_since=value
    ),
    "request": CA.sign_request,
    "cross_sign": CA.cross_sign,
    "with_chain": CA.with_chain,
    "existing key": lambda value: CertificateAuthority.from_existing(CA.certificate, value),
    "passphrase": CA.encrypted_private_key_pem,
    "passphrase of PKCS#12": CA.pkcs12,
    "name of PKCS#12": lambda value: CA.pkcs12(None, value),
    "subject": lambda value: CA.issue(value, private_key=CA.private_key),
    "subject of a CA": lambda value: CertificateAuthority(value, private_key=CA.private_key),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_other_arguments(argument: str) -> None:
    for value in ODD:
        attempt(lambda value=value: ARGUMENTS[argument](value))  # type: ignore[misc]
