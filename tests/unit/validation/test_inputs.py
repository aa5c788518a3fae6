"""What the public functions take, and what they say about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import (
    CertificateLoadError,
    CertificateRejectedError,
    ConfigurationError,
    PassphraseError,
    PrivateKeyLoadError,
    validate_certificate,
    validate_trust_anchor,
)
from rolesanywhere_signer.validation import validate_loaded

from .table import NOW, ROOT, Chain, bundle, found, new_root

DAY = timedelta(days=1)
LEAF = ROOT.issue()


# Where certificates come from


def test_paths_and_der(tmp_path: Path) -> None:
    written = LEAF.write(tmp_path)
    anchor = tmp_path / "root.der"
    anchor.write_bytes(ROOT.certificate.public_bytes(Encoding.DER))
    report = validate_certificate(os.fspath(written.certificate), written.private_key, trust_anchor=anchor)
    assert report.ok
    assert report.findings == ()


def test_full_chain_in_one_file_in_any_order() -> None:
    intermediate = ROOT.issue_ca()
    leaf = intermediate.issue()
    report = validate_certificate(
        bundle([ROOT, intermediate, leaf]), leaf.private_key_pem, trust_anchor=ROOT.certificate_pem
    )
    assert found(report) == []


def test_the_key_chooses_the_leaf_among_several() -> None:
    old, new = ROOT.issue("CN=old", valid_from=NOW - 9 * DAY, valid_for=DAY), ROOT.issue("CN=new")
    both, anchor = bundle([old, new]), ROOT.certificate_pem
    assert found(validate_certificate(both, new.private_key_pem, trust_anchor=anchor)) == []
    assert found(validate_certificate(both, old.private_key_pem, trust_anchor=anchor)) == ["leaf: expired"]


def test_given_intermediates_replace_what_stands_beside_the_leaf() -> None:
    intermediate = ROOT.issue_ca()
    chain = bundle([intermediate.issue(), intermediate])
    other = new_root("CN=Other").issue_ca("CN=Unrelated")
    report = validate_certificate(chain, intermediates=other.certificate_pem, trust_anchor=ROOT.certificate_pem)
    assert found(report) == ["leaf: issuer-not-found"]


def test_encrypted_key() -> None:
    key = LEAF.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"opens it"))
    assert validate_certificate(LEAF.certificate_pem, key, passphrase="opens it").ok
    assert validate_certificate(LEAF.certificate_pem, key, passphrase=lambda: "opens it").ok
    with pytest.raises(PassphraseError):
        validate_certificate(LEAF.certificate_pem, key)


Call = Callable[[Any], object]
READERS: list[Any] = [
    pytest.param(validate_certificate, id="certificate"),
    pytest.param(lambda source: validate_certificate(LEAF.certificate_pem, intermediates=source), id="intermediates"),
    pytest.param(lambda source: validate_certificate(LEAF.certificate_pem, trust_anchor=source), id="trust anchor"),
    pytest.param(validate_trust_anchor, id="validate_trust_anchor"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("source", [b"", b"nothing", b"\x30\x00", "no-such-file.pem", 5], ids=repr)
def test_what_is_no_certificate(read: Call, source: object) -> None:
    with pytest.raises(CertificateLoadError):
        read(source)


@pytest.mark.parametrize("read", READERS)
def test_pem_text_is_refused_without_being_shown(read: Call) -> None:
    text = LEAF.private_key_pem.decode()
    with pytest.raises(CertificateLoadError) as caught:
        read(text)
    assert text.splitlines()[1] not in str(caught.value)


def test_what_is_no_private_key() -> None:
    with pytest.raises(PrivateKeyLoadError):
        validate_certificate(LEAF.certificate_pem, b"nothing")


MALFORMED = [
    pytest.param("2.5.29.19", b"\x01\x02", id="basic constraints that are cut off"),
    pytest.param("2.5.29.17", b"\x30\x03\x82\x01\xff", id="a DNS name that is not ASCII"),
    pytest.param("2.5.29.30", b"\x30\x04\xa0\x02\x30\x00", id="name constraints without a name"),
]


@pytest.mark.parametrize(("oid", "content"), MALFORMED)
def test_malformed_extensions_are_an_error_of_ours(oid: str, content: bytes) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content)
    leaf = ROOT.issue(ca=None, extra_extensions=[(broken, False)])
    with pytest.raises(CertificateLoadError, match=r"^leaf: "):
        validate_certificate(leaf.certificate_pem)
    anchor = new_root(ca=None, extra_extensions=[(broken, False)])
    with pytest.raises(CertificateLoadError, match=r"^trust anchor: "):
        validate_trust_anchor(anchor.certificate_pem)
    with pytest.raises(CertificateLoadError, match=r"^intermediate\[0\]: "):
        validate_loaded(LEAF.certificate, [leaf.certificate], None, NOW)


# Times


def test_both_ends_of_the_validity_count_in() -> None:
    leaf = ROOT.issue(valid_from=NOW, valid_for=DAY)
    start, end = leaf.certificate.not_valid_before_utc, leaf.certificate.not_valid_after_utc
    second = timedelta(seconds=1)
    assert [codes_at(leaf, start - second), codes_at(leaf, start)] == [["not-yet-valid"], []]
    assert [codes_at(leaf, end), codes_at(leaf, end + second)] == [["expires-soon"], ["expired"]]


def codes_at(leaf: Any, at: datetime) -> list[str]:
    return [finding.code for finding in validate_certificate(leaf.certificate_pem, at=at).findings]


@pytest.mark.parametrize(
    ("life", "left", "warned"),
    [
        (timedelta(days=365), timedelta(days=30, seconds=1), False),
        (timedelta(days=365), timedelta(days=29), True),
        (timedelta(days=9), timedelta(days=3, seconds=1), False),
        (timedelta(days=9), timedelta(days=2), True),
        (timedelta(hours=1), timedelta(minutes=21), False),
        (timedelta(hours=1), timedelta(minutes=19), True),
    ],
    ids=str,
)
def test_warning_ahead_of_expiry_is_30_days_or_a_third_of_the_life(
    life: timedelta, left: timedelta, warned: bool
) -> None:
    leaf = ROOT.issue(valid_from=NOW, valid_for=life)
    at = leaf.certificate.not_valid_after_utc - left
    assert codes_at(leaf, at) == (["expires-soon"] if warned else [])


def test_warning_ahead_of_expiry_is_settable() -> None:
    left = int((LEAF.certificate.not_valid_after_utc - NOW).total_seconds())
    assert found(Chain(LEAF, None, expiry_warning_seconds=left + 2).validate()) == ["leaf: expires-soon"]
    assert found(Chain(LEAF, None, expiry_warning_seconds=left - 2).validate()) == []
    last_second = LEAF.certificate.not_valid_after_utc
    assert found(Chain(LEAF, None, at=last_second, expiry_warning_seconds=0).validate()) == []


def test_warning_of_any_length() -> None:
    assert found(Chain(LEAF, ROOT, expiry_warning_seconds=10**30).validate()) == [
        "leaf: expires-soon",
        "trust anchor: expires-soon",
    ]


@pytest.mark.parametrize("seconds", [-1, 1.5, True, "60"])
def test_seconds_that_are_none(seconds: Any) -> None:
    for validate in (validate_certificate, validate_trust_anchor):
        with pytest.raises(ConfigurationError, match="expiry_warning_seconds"):
            validate(ROOT.certificate_pem, expiry_warning_seconds=seconds)


def test_time_without_a_zone() -> None:
    with pytest.raises(ConfigurationError):
        validate_certificate(LEAF.certificate_pem, at=datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose
    with pytest.raises(ConfigurationError):
        validate_loaded(LEAF.certificate, [], None, "now")  # type: ignore[arg-type]


def test_time_in_any_zone() -> None:
    east = timezone(timedelta(hours=9))
    end = LEAF.certificate.not_valid_after_utc.astimezone(east)
    assert codes_at(LEAF, end + timedelta(seconds=1)) == ["expired"]


# What is said


def test_messages_are_concrete() -> None:
    leaf = new_root("CN=Issuer").issue(
        "CN=a(b)", valid_from=datetime(2020, 1, 1, tzinfo=timezone.utc), valid_for=timedelta(days=366)
    )
    said = {finding.code: finding for finding in Chain(leaf, ROOT).validate().findings}
    assert "2021-01-01 00:00:00 UTC" in said["expired"].message
    assert "'(' (U+0028, LEFT PARENTHESIS)" in said["unmappable-attribute"].message
    assert "x509Subject/CN" in said["unmappable-attribute"].message
    assert "CN=Issuer" in said["issuer-not-found"].message
    assert "CN=Issuer" in said["issuer-not-found"].hint
    assert "CN=Root" in said["issuer-not-found"].hint


def test_control_characters_are_named_and_not_printed() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\x1b[2Jb")])
    (finding,) = Chain(ROOT.issue(name), ROOT).validate().findings
    assert "U+001B" in finding.message
    assert "\x1b" not in finding.message


def test_attributes_have_the_names_that_people_know() -> None:
    leaf = ROOT.issue("E=a!b,GN=c!d,CN=app")
    tags = {finding.message.split()[3] for finding in Chain(leaf, ROOT).validate().findings}
    assert tags == {"x509Subject/emailAddress", "x509Subject/givenName"}


def test_length_of_a_common_name_is_told() -> None:
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, "a" * 64)
    (finding,) = Chain(ROOT.issue(x509.Name([attribute])), ROOT).validate().findings
    assert finding.code == "long-common-name"
    assert "64 characters" in finding.message
    assert "without the prefix" in finding.message


@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
def test_common_name_longer_than_any_should_be() -> None:
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, "a" * 65, _validate=False)
    (finding,) = Chain(ROOT.issue(x509.Name([attribute])), ROOT).validate().findings
    assert finding.code == "long-common-name"
    assert "no source identity" in finding.message


def test_report_is_in_the_order_of_the_chain() -> None:
    intermediate = ROOT.issue_ca(ca=False, permitted_names=["DNS:a"])
    old_root = new_root(private_key=ROOT.private_key, valid_from=NOW - 9 * DAY, valid_for=DAY)
    leaf = intermediate.issue(key_usage=None, subject_alternative_names=["DNS:b"])
    chain = Chain(leaf, old_root, [intermediate], LEAF.private_key_pem)
    assert found(chain.validate()) == [
        "leaf: no-key-usage",
        "private key: key-mismatch",
        "intermediate[0]: not-a-ca",
        "trust anchor: expired",
        "leaf: name-not-permitted",
    ]


def test_errors_are_raised_on_demand() -> None:
    report = Chain(ROOT.issue(key_usage=None), ROOT).validate()
    assert not report.ok
    with pytest.raises(CertificateRejectedError, match="key usage") as caught:
        report.raise_for_errors()
    assert [finding.code for finding in caught.value.findings] == ["no-key-usage"]


def test_warnings_are_no_errors() -> None:
    report = Chain(ROOT.issue(key_type="RSA-1024"), ROOT).validate()
    assert report.ok
    report.raise_for_errors()


# The trust anchor alone


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"key_type": "Ed25519"}, []),
        ({"key_type": "RSA-1024"}, []),
        ({"ca": None}, ["trust anchor: not-a-ca"]),
        ({"key_usage": None}, ["trust anchor: cannot-sign-certificates"]),
        ({"signature_hash": "SHA-224"}, []),
        ({"valid_from": NOW - 9 * DAY, "valid_for": DAY}, ["trust anchor: expired"]),
    ],
    ids=" ".join,
)
def test_trust_anchor_alone(options: dict[str, Any], expected: list[str]) -> None:
    assert found(validate_trust_anchor(new_root(**options).certificate_pem)) == expected


def test_every_certificate_of_a_trust_anchor_is_judged() -> None:
    old = new_root("CN=Old", valid_from=NOW - 9 * DAY, valid_for=DAY)
    leaf = ROOT.issue()
    assert found(validate_trust_anchor(bundle([ROOT, old, leaf]))) == [
        "trust anchor[1]: expired",
        "trust anchor[2]: not-a-ca",
        "trust anchor[2]: cannot-sign-certificates",
        "trust anchor: too-many-certificates",
    ]


def test_trust_anchor_in_der_is_measured_as_pem() -> None:
    comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x04\x83\x02\x58\x00" + bytes(0x25800))
    large = new_root(extra_extensions=[(comment, False)]).certificate.public_bytes(Encoding.DER)
    assert len(large) < 204_800
    assert found(validate_trust_anchor(large)) == ["trust anchor: too-large"]


# Certificates that are loaded already


def test_loaded_certificates() -> None:
    intermediate = ROOT.issue_ca()
    leaf = intermediate.issue()
    report = validate_loaded(leaf.certificate, [intermediate.certificate], [ROOT.certificate], NOW)
    assert report.findings == ()


def test_loaded_without_anchors_looks_for_no_path() -> None:
    leaf = ROOT.issue_ca().issue().certificate
    assert found(validate_loaded(leaf, [], None, NOW)) == []
    assert found(validate_loaded(leaf, [], [], NOW)) == ["leaf: issuer-not-found"]


def test_loaded_with_a_settable_warning() -> None:
    report = validate_loaded(LEAF.certificate, [], None, NOW, expiry_warning_seconds=400 * 24 * 3600)
    assert found(report) == ["leaf: expires-soon"]
