"""AWS credentials for Python outside AWS: IAM Roles Anywhere inside boto3.

The names below load on first use, so that ``import rolesanywhere_signer`` costs nothing and imports neither
botocore, requests nor cryptography.
"""

from __future__ import annotations

from ._version import __version__

# What `typing` has under this name, without importing it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .botocore_base import install
    from .cache import CredentialsCache
    from .client import RolesAnywhereClient
    from .credentials import Credentials
    from .errors import (
        AccessDeniedError,
        CertificateError,
        CertificateLoadError,
        CertificateRejectedError,
        ConfigurationError,
        InvalidRequestError,
        KeyMismatchError,
        PassphraseError,
        PrivateKeyError,
        PrivateKeyLoadError,
        ResourceNotFoundError,
        ResponseError,
        RolesAnywhereError,
        ServiceError,
        SigningError,
        ThrottledError,
        TransportError,
        UnsupportedKeyError,
    )
    from .findings import Finding, ValidationReport
    from .identity import Identity
    from .provider import RolesAnywhereProvider, create_botocore_session
    from .roles import AssumeRole
    from .settings import Settings
    from .signer import Request, RolesAnywhereAuth, SignedRequest, SigV4X509Signer
    from .validation import validate_certificate, validate_trust_anchor
    from .watch import CertificateExpiring

__all__ = [
    "AccessDeniedError",
    "AssumeRole",
    "CertificateError",
    "CertificateExpiring",
    "CertificateLoadError",
    "CertificateRejectedError",
    "ConfigurationError",
    "Credentials",
    "CredentialsCache",
    "Finding",
    "Identity",
    "InvalidRequestError",
    "KeyMismatchError",
    "PassphraseError",
    "PrivateKeyError",
    "PrivateKeyLoadError",
    "Request",
    "ResourceNotFoundError",
    "ResponseError",
    "RolesAnywhereAuth",
    "RolesAnywhereClient",
    "RolesAnywhereError",
    "RolesAnywhereProvider",
    "ServiceError",
    "Settings",
    "SigV4X509Signer",
    "SignedRequest",
    "SigningError",
    "ThrottledError",
    "TransportError",
    "UnsupportedKeyError",
    "ValidationReport",
    "__version__",
    "create_botocore_session",
    "install",
    "validate_certificate",
    "validate_trust_anchor",
]

_HOMES = {
    **dict.fromkeys(
        (
            "AccessDeniedError",
            "CertificateError",
            "CertificateLoadError",
            "CertificateRejectedError",
            "ConfigurationError",
            "InvalidRequestError",
            "KeyMismatchError",
            "PassphraseError",
            "PrivateKeyError",
            "PrivateKeyLoadError",
            "ResourceNotFoundError",
            "ResponseError",
            "RolesAnywhereError",
            "ServiceError",
            "SigningError",
            "ThrottledError",
            "TransportError",
            "UnsupportedKeyError",
        ),
        "errors",
    ),
    "AssumeRole": "roles",
    "CertificateExpiring": "watch",
    "Credentials": "credentials",
    "CredentialsCache": "cache",
    "Finding": "findings",
    "Identity": "identity",
    "Request": "signer",
    "RolesAnywhereAuth": "signer",
    "RolesAnywhereClient": "client",
    "RolesAnywhereProvider": "provider",
    "Settings": "settings",
    "SigV4X509Signer": "signer",
    "SignedRequest": "signer",
    "ValidationReport": "findings",
    "create_botocore_session": "provider",
    "install": "botocore_base",
    "validate_certificate": "validation",
    "validate_trust_anchor": "validation",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - a short program that needs none of them starts without it

    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
