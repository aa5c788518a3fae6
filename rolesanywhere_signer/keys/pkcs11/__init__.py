"""Keys and certificates in PKCS#11 tokens: smart cards, security keys, HSMs; named by RFC 7512 URIs."""

from __future__ import annotations

from .key import Pkcs11Key
from .module import Module, load_module
from .objects import StoredCertificate, find_certificates
from .pin import Pin
from .uri import Pkcs11Uri, is_pkcs11_uri, parse_pkcs11_uri

__all__ = [
    "Module",
    "Pin",
    "Pkcs11Key",
    "Pkcs11Uri",
    "StoredCertificate",
    "find_certificates",
    "is_pkcs11_uri",
    "load_module",
    "parse_pkcs11_uri",
]
