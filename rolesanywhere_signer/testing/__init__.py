"""A local Roles Anywhere that verifies for real, and a CA to go with it: for tests of applications, and our own.

``LocalRolesAnywhere`` answers CreateSession, with trust policies, session tags and revocation, and the operations of
the control plane as the service does, and STS for the credentials that it gave out. ``CertificateAuthority`` makes
certificates, right or wrong on purpose. What is assumed where the live service's behaviour is not known stands in
``rolesanywhere_signer.testing.assumptions``.
"""

from __future__ import annotations

from . import der
from .authority import CertificateAuthority
from .crl import CrlOptions, RevocationList
from .fault_rules import FaultRule, Faults
from .faults import (
    Cut,
    ExpiredCredentials,
    Fault,
    Garbled,
    Hold,
    Latency,
    Reset,
    ServerError,
    Throttled,
    Truncated,
    WrongClock,
)
from .issued import IssuedCertificate, WrittenFiles
from .options import CertificateOptions
from .resources import Crl, Profile, Role, Subject, TipConfiguration, TrustAnchor
from .service import Call, LocalRolesAnywhere
from .wire import HttpRequest, HttpResponse

__all__ = [
    "Call",
    "CertificateAuthority",
    "CertificateOptions",
    "Crl",
    "CrlOptions",
    "Cut",
    "ExpiredCredentials",
    "Fault",
    "FaultRule",
    "Faults",
    "Garbled",
    "Hold",
    "HttpRequest",
    "HttpResponse",
    "IssuedCertificate",
    "Latency",
    "LocalRolesAnywhere",
    "Profile",
    "Reset",
    "RevocationList",
    "Role",
    "ServerError",
    "Subject",
    "Throttled",
    "TipConfiguration",
    "Truncated",
    "TrustAnchor",
    "WrittenFiles",
    "WrongClock",
    "der",
]
