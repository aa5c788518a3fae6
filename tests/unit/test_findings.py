from __future__ import annotations

import dataclasses
import pickle
from typing import Literal

import pytest

from rolesanywhere_signer import CertificateRejectedError, Finding, ValidationReport


def _finding(code: str, severity: Literal["error", "warning"], subject: str = "leaf") -> Finding:
    return Finding(code, severity, subject, f"what {code} means", f"what to do about {code}", "RFC 5280, 4.2.1.3")


EXPIRED = _finding("expired", "error")
IS_CA = _finding("is-ca", "error", "intermediate[0]")
EXPIRES_SOON = _finding("expires-soon", "warning")


def test_an_empty_report_is_fine() -> None:
    report = ValidationReport()
    assert report.ok
    report.raise_for_errors()


def test_warnings_alone_are_fine() -> None:
    report = ValidationReport((EXPIRES_SOON,))
    assert report.ok
    assert (report.errors, report.warnings) == ((), (EXPIRES_SOON,))
    report.raise_for_errors()


def test_errors_and_warnings_keep_their_order() -> None:
    report = ValidationReport((IS_CA, EXPIRES_SOON, EXPIRED))
    assert not report.ok
    assert (report.errors, report.warnings) == ((IS_CA, EXPIRED), (EXPIRES_SOON,))


def test_raising_tells_of_every_error_and_of_no_warning() -> None:
    with pytest.raises(CertificateRejectedError) as raised:
        ValidationReport((EXPIRED, EXPIRES_SOON, IS_CA)).raise_for_errors()
    assert raised.value.findings == (EXPIRED, IS_CA)
    assert raised.value.message == ("leaf: what expired means [expired]; intermediate[0]: what is-ca means [is-ca]")
    assert raised.value.hint == EXPIRED.hint


def test_a_finding_in_a_line() -> None:
    assert str(IS_CA) == "error: intermediate[0]: what is-ca means [is-ca]"


def test_findings_and_reports_are_plain_frozen_values() -> None:
    report = ValidationReport((EXPIRED,))
    assert pickle.loads(pickle.dumps(report)) == report
    assert len({EXPIRED, _finding("expired", "error"), IS_CA}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.findings = ()  # type: ignore[misc]
