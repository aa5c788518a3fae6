"""What the checks share."""

from __future__ import annotations

from cryptography import x509


class VectorError(Exception):
    """A vector does not hold."""


class SkippedError(Exception):
    """The installed cryptography cannot check a vector."""


# FIPS 204's parameter sets, by the object identifiers of their keys.
ML_DSA = {f"2.16.840.1.101.3.4.3.{arc}" for arc in (17, 18, 19)}


def require(holds: bool, what: str) -> None:
    """Raise unless something holds."""
    if not holds:
        raise VectorError(what)


def require_equal(found: object, claimed: object, what: str) -> None:
    """Raise unless what was found is what the vector claims."""
    require(found == claimed, f"{what}: the vector has {claimed!r}, and it is {found!r}")


def public_key(certificate: x509.Certificate) -> object:
    """Return a certificate's key; skip where it is ML-DSA and cryptography too old for it."""
    try:
        return certificate.public_key()
    except Exception as error:
        if certificate.public_key_algorithm_oid.dotted_string in ML_DSA:
            raise SkippedError("this cryptography has no ML-DSA") from error
        raise


def certificates(pem: str | None) -> list[x509.Certificate]:
    """Return the certificates of PEM text, none of None."""
    return x509.load_pem_x509_certificates(pem.encode()) if pem else []
