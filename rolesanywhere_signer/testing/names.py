"""Names as people write them: distinguished names (RFC 4514) and general names in OpenSSL's ``TYPE:value``."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..errors import ConfigurationError
from .seam import arguments_of

Subject = str | x509.Name
AlternativeName = str | x509.GeneralName

# What certificates often carry and RFC 4514 has no short name for.
_MORE_ATTRIBUTES = {
    "E": NameOID.EMAIL_ADDRESS,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
    "T": NameOID.TITLE,
}


def distinguished_name(subject: Subject) -> x509.Name:
    """Return the name that RFC 4514 text describes; its last attribute stands first in the certificate.

    Args:
        subject: Such as ``CN=app,O=Example``; empty text is the empty name; an ``x509.Name`` is taken as it is.

    Raises:
        ConfigurationError: No such name.
    """
    if isinstance(subject, x509.Name):
        return subject
    if not isinstance(subject, str):
        raise ConfigurationError(f"the subject must be RFC 4514 text, not {type(subject).__name__}")
    try:
        return x509.Name.from_rfc4514_string(subject, _MORE_ATTRIBUTES)
    except ValueError as error:
        raise ConfigurationError(
            f"{subject!r} is not a distinguished name in RFC 4514 form" + (f": {error}" if str(error) else ""),
            hint="such as CN=app,O=Example; an x509.Name is taken without such checks",
        ) from error


def general_names(names: Iterable[AlternativeName]) -> list[x509.GeneralName]:
    """Return general names of texts such as ``DNS:app.example``, ``URI:…``, ``IP:192.0.2.1``, ``dirName:CN=app``.

    Raises:
        ConfigurationError: A text that names nothing.
    """
    if isinstance(names, str):
        raise ConfigurationError(f"names must be a list, not the text {names!r}", hint="such as ['DNS:app.example']")
    return [name if isinstance(name, x509.GeneralName) else _general_name(name) for name in names]


def _general_name(text: str) -> x509.GeneralName:
    with arguments_of(f"{text!r} is not a general name"):
        kind, colon, value = text.partition(":")
        if colon and kind in _GENERAL_NAMES:
            return _GENERAL_NAMES[kind](value)
    raise ConfigurationError(
        f"{text!r} is not a general name", hint=f"write TYPE:value, where TYPE is one of {', '.join(_GENERAL_NAMES)}"
    )


def _ip_address(value: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(value) if "/" in value else ipaddress.ip_address(value))


_GENERAL_NAMES: dict[str, Callable[[str], x509.GeneralName]] = {
    "DNS": x509.DNSName,
    "URI": x509.UniformResourceIdentifier,
    "email": x509.RFC822Name,
    "IP": _ip_address,
    "dirName": lambda value: x509.DirectoryName(distinguished_name(value)),
    "RID": lambda value: x509.RegisteredID(x509.ObjectIdentifier(value)),
}
