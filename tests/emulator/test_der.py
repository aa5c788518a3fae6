"""DER by hand: against cryptography's and OpenSSL's, and taken apart again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, der

DATES = st.datetimes(timezones=st.just(timezone.utc))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (256, "02020100"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (1 << 160, "0215" + "01" + "00" * 20),
    ],
)
def test_integers(value: int, encoded: str) -> None:
    assert der.integer(value).hex() == encoded


@given(st.integers())
def test_any_integer(value: int) -> None:
    content = der.content(der.integer(value))
    assert int.from_bytes(content, "big", signed=True) == value
    # The shortest form: the first nine bits are not all alike (X.690, 8.3.2).
    assert len(content) == 1 or content[:2] not in (b"\0\0", b"\xff\xff")
    assert len(content) == 1 or (content[0], content[1] >> 7) not in ((0, 0), (0xFF, 1))


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 60), max_size=5))
def test_any_object_identifier(first: int, second: int, more: list[int]) -> None:
    dotted = ".".join(map(str, (first, second, *more)))
    # cryptography has no encoder of its own to ask; a policy carries one.
    policy = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(dotted), None)])
    assert policy.public_bytes() == der.sequence(der.sequence(der.object_identifier(dotted)))


@pytest.mark.parametrize("dotted", ["", "1", "3.1", "1.40", "1..2", "1.2.x", "1.-2", "1.2.\N{SUPERSCRIPT TWO}"])
def test_no_object_identifier(dotted: str) -> None:
    with pytest.raises(ConfigurationError):
        der.object_identifier(dotted)


@pytest.mark.parametrize(
    ("year", "encoded"),
    [(1949, b"19490102030405Z"), (1950, b"500102030405Z"), (2049, b"490102030405Z"), (2050, b"20500102030405Z")],
)
def test_times(year: int, encoded: bytes) -> None:
    moment = datetime(year, 1, 2, 12, 4, 5, 999, timezone(timedelta(hours=9)))
    assert der.content(der.time(moment)) == encoded
    assert der.time(moment)[0] == (der.UTC_TIME if len(encoded) == 13 else der.GENERALIZED_TIME)


@given(DATES)
def test_any_time(moment: datetime) -> None:
    assert der.content(der.generalized_time(moment)) == (f"{moment.year:04}" + moment.strftime("%m%d%H%M%SZ")).encode()


def test_a_time_without_a_zone() -> None:
    with pytest.raises(ConfigurationError, match="without a time zone"):
        der.time(datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 20])
def test_lengths(size: int) -> None:
    encoded = der.octet_string(bytes(size))
    assert der.content(encoded) == bytes(size)
    assert der.split(der.sequence(encoded, encoded)) == [encoded, encoded]


def test_nothing_is_made_beyond_the_bound() -> None:
    assert der.octet_string(bytes(der.MAX_BYTES))
    with pytest.raises(ConfigurationError, match="16,777,217 bytes"):
        der.octet_string(bytes(der.MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match="one octet"):
        der.element(0x1F81)


@pytest.mark.parametrize(
    "encoded",
    ["", "30", "3001", "300100" + "00", "3080", "30ff", "3081", "3002300500", "30850000000001", "3089" + "00" * 9],
)
def test_what_is_no_der_is_told(encoded: str) -> None:
    with pytest.raises(ConfigurationError, match="not DER"):
        der.split(bytes.fromhex(encoded))


@given(st.binary(max_size=40))
def test_any_bytes_are_taken_apart_or_refused(encoded: bytes) -> None:
    try:
        members = der.split(encoded)
    except ConfigurationError:
        return
    assert b"".join(members) == der.content(encoded)


def test_a_certificate_is_put_together_again() -> None:
    certificate = CertificateAuthority().issue().certificate_der
    members = der.split(certificate)
    assert len(members) == 3
    assert der.sequence(*(der.element(member[0], der.content(member)) for member in members)) == certificate


def test_openssl_reads_each_form(require_tool: Callable[[str], str]) -> None:
    everything = der.sequence(
        der.boolean(True),
        der.integer(-5),
        der.integer(3, der.ENUMERATED),
        der.bit_string(b"\xa0", 5),
        der.octet_string(b"x"),
        der.element(der.NULL),
        der.object_identifier("2.5.29.15"),
        der.time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        der.generalized_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        der.element(der.SET, der.tagged(3, b"abc", constructed=False)),
        der.extension("1.2.3", b"\x05\x00", critical=True),
    )
    command = [require_tool("openssl"), "asn1parse", "-inform", "DER"]
    shown = subprocess.run(command, input=everything, capture_output=True, check=True, timeout=30).stdout.decode()
    for line in (
        "BOOLEAN           :255",
        "INTEGER           :-05",
        "ENUMERATED        :03",
        "BIT STRING",
        "OCTET STRING      :x",
        "NULL",
        "OBJECT            :X509v3 Key Usage",
        "UTCTIME           :260102030405Z",
        "GENERALIZEDTIME   :20260102030405Z",
        "cont [ 3 ]",
        "OBJECT            :1.2.3",
    ):
        assert line in shown
