"""What validation found: plain values, nothing that computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import CertificateRejectedError

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that the service's rules say about one certificate.

    Attributes:
        code: A stable slug, such as ``no-digital-signature``.
        severity: ``error``: the service refuses it; ``warning``: it works, but deserves attention.
        subject: Which certificate: ``leaf``, ``intermediate[0]``, ``trust anchor``, or ``private key``.
        message: What was found, in one sentence.
        hint: What to do about it.
        rule: Where the rule comes from: a section of the service's user guide, or an RFC and its clause.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    hint: str
    rule: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.message} [{self.code}]"


@dataclass(frozen=True)
class ValidationReport:
    """All findings at once, in the order: leaf, key, intermediates, trust anchor, path."""

    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the service refuses."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not stop the service."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    def raise_for_errors(self) -> None:
        """Raise when the service would refuse what was validated.

        Raises:
            CertificateRejectedError: At least one finding is an error; ``.findings`` holds them.
        """
        errors = self.errors
        if not errors:
            return
        raise CertificateRejectedError(
            "; ".join(f"{finding.subject}: {finding.message} [{finding.code}]" for finding in errors),
            hint=errors[0].hint,
            findings=errors,
        )
