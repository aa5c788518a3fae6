"""A certificate with everything that the rules look at already decoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509

from ..certificates import name_text
from ..errors import CertificateLoadError
from ..findings import Finding
from .names import CanonicalName, canonical_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, eq=False)
class ParsedCertificate:
    """One certificate, and what findings call it.

    Attributes:
        certificate: The certificate itself; equal when the DER is.
        label: Such as ``leaf`` or ``intermediate[0]``.
        subject_name: The subject as it is; decoded once, because cryptography warns of odd names at each reading.
        issuer_name: The issuer as it is.
        subject: The subject, in the form that compares.
        issuer: The issuer, in the form that compares.
        not_before: Aware, UTC.
        not_after: Aware, UTC.
        extensions: All of them, decoded.
        public_key: None: of a kind, or damaged in a way, that the installed cryptography cannot read.
    """

    certificate: x509.Certificate
    label: str
    subject_name: x509.Name
    issuer_name: x509.Name
    subject: CanonicalName
    issuer: CanonicalName
    not_before: datetime
    not_after: datetime
    extensions: x509.Extensions
    public_key: CertificatePublicKeyTypes | None

    @cached_property
    def subject_text(self) -> str:
        """The subject for messages."""
        return name_text(self.subject_name)

    @cached_property
    def issuer_text(self) -> str:
        """The issuer for messages."""
        return name_text(self.issuer_name)

    @cached_property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are equal; who signed it is another matter (RFC 5280, 3.2)."""
        return self.subject == self.issuer

    @property
    def is_ca(self) -> bool:
        """Whether the basic constraints say CA:TRUE."""
        constraints = self.extension(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @property
    def path_length(self) -> int | None:
        """How many CAs may stand between this one and the leaf; None: no limit."""
        constraints = self.extension(x509.BasicConstraints)
        return constraints.path_length if constraints is not None else None

    def extension(self, kind: type[_Extension]) -> _Extension | None:
        """Return the extension's value, or None when the certificate has none of this kind."""
        value = self._extensions_by_oid.get(kind.oid)
        return value if isinstance(value, kind) else None

    @cached_property
    def _extensions_by_oid(self) -> dict[x509.ObjectIdentifier, x509.ExtensionType]:
        # A certificate may have thousands of them, and is asked often.
        return {extension.oid: extension.value for extension in self.extensions}

    def error(self, code: str, message: str, *, hint: str, rule: str) -> Finding:
        """Return a finding about this certificate that the service refuses."""
        return Finding(code, "error", self.label, message, hint, rule)

    def warning(self, code: str, message: str, *, hint: str, rule: str) -> Finding:
        """Return a finding about this certificate that deserves attention."""
        return Finding(code, "warning", self.label, message, hint, rule)


def parse_certificate(certificate: x509.Certificate, label: str) -> ParsedCertificate:
    """Decode what cryptography leaves undecoded until it is asked.

    Raises:
        CertificateLoadError: A name, a date or an extension is malformed, or an extension stands in it twice.
    """
    try:
        subject, issuer = certificate.subject, certificate.issuer
        return ParsedCertificate(
            certificate,
            label,
            subject,
            issuer,
            canonical_name(subject),
            canonical_name(issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.extensions,
            _public_key(certificate),
        )
    # ValueError, DuplicateExtension, UnsupportedGeneralNameType and what later versions may add.
    except Exception as error:
        raise CertificateLoadError(
            f"{label}: a name, a date or an extension of the certificate cannot be decoded: {error}",
            hint="openssl x509 -in FILE -noout -text shows the certificate; have it issued anew",
        ) from error


def _public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    try:
        return certificate.public_key()
    except Exception:  # noqa: BLE001 - UnsupportedAlgorithm, ValueError: the rules say what that means
        return None
