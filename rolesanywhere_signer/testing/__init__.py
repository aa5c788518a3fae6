"""A local Roles Anywhere that verifies for real, and a CA to go with it: for tests of applications, and our own.

``CertificateAuthority`` makes certificates, right or wrong on purpose.
"""

from __future__ import annotations

from .authority import CertificateAuthority
from .issued import IssuedCertificate, WrittenFiles
from .options import CertificateOptions

__all__ = ["CertificateAuthority", "CertificateOptions", "IssuedCertificate", "WrittenFiles"]
