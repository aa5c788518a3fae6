"""A table of cases: each a function that builds what is to be validated, and exactly the findings that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Any

import pytest

from rolesanywhere_signer import ValidationReport, validate_certificate
from rolesanywhere_signer.testing import CertificateAuthority
from rolesanywhere_signer.testing.issued import IssuedCertificate
from rolesanywhere_signer.testing.key_types import PrivateKey, generate_key

NOW = datetime.now(timezone.utc)

# Anything with a PEM: a certificate, a CA, or bytes.
Pem = IssuedCertificate | bytes


@dataclass(frozen=True)
class Chain:
    """What a user hands over."""

    leaf: Pem
    anchor: Pem | list[Pem] | None
    intermediates: list[Pem] | None = None
    private_key: bytes | None = None
    at: datetime = NOW
    expiry_warning_seconds: int | None = None

    def validate(self) -> ValidationReport:
        return validate_certificate(
            pem(self.leaf),
            self.private_key,
            None if self.intermediates is None else bundle(self.intermediates),
            None if self.anchor is None else bundle(self.anchor if isinstance(self.anchor, list) else [self.anchor]),
            self.at,
            self.expiry_warning_seconds,
        )


Builder = Callable[[], Chain]


class Table:
    """Cases under the names of the functions that build them; a docstring draws the chain, the leaf on the right."""

    def __init__(self) -> None:
        self.cases: list[Any] = []

    def case(self, *expected: str) -> Callable[[Builder], Builder]:
        """Enter a case: ``expected`` are findings as ``subject: code``; none where all is well."""

        def enter(build: Builder) -> Builder:
            assert build.__doc__, "a case draws its chain"
            self.cases.append(pytest.param(build, list(expected), id=f"{build.__name__}: {build.__doc__}"))
            return build

        return enter

    @property
    def parametrized(self) -> pytest.MarkDecorator:
        return pytest.mark.parametrize(("build", "expected"), self.cases)


def check(build: Builder, expected: list[str]) -> None:
    """Validate a case: exactly these findings, each of which says something in all its parts."""
    report = build().validate()
    assert sorted(found(report)) == sorted(expected), report
    assert all(each.message and each.hint and each.rule for each in report.findings)


def found(report: ValidationReport) -> list[str]:
    return [f"{finding.subject}: {finding.code}" for finding in report.findings]


def pem(source: Pem) -> bytes:
    return source if isinstance(source, bytes) else source.certificate_pem


def bundle(sources: list[Pem]) -> bytes:
    return b"".join(pem(source) for source in sources)


@cache
def key(kind: str, name: str = "") -> PrivateKey:
    """Return a private key, always the same one for the same kind and name: making RSA keys takes a while."""
    return generate_key(kind)


def new_root(subject: str = "CN=Root", **options: Any) -> CertificateAuthority:
    return CertificateAuthority(subject, **options)


ROOT = new_root()
