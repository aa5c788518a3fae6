"""Certificates and keys for the unit tests, made with cryptography alone and without the library's own test CA."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


@cache
def key(kind: str = "P-256", name: str = "") -> Any:
    """Return a private key, always the same one for the same kind and name: making RSA keys takes a while."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("RSA-")))
    if kind == "DSA":
        return dsa.generate_private_key(2048)
    return {"Ed25519": ed25519.Ed25519PrivateKey, "X25519": x25519.X25519PrivateKey}[kind].generate()


def key_pem(private_key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return private_key.private_bytes(Encoding.PEM, form, NoEncryption())


def key_der(private_key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return private_key.private_bytes(Encoding.DER, form, NoEncryption())


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    private_key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.private_key)


def issue(
    common_name: str = "app",
    *,
    kind: str = "P-256",
    key_name: str | None = None,
    issuer: Issued | None = None,
    ca: bool = False,
    digest: hashes.HashAlgorithm | None = hashes.SHA256(),
    serial_number: int | None = None,
    valid_for: timedelta = timedelta(days=90),
    subject: x509.Name | None = None,
) -> Issued:
    """Issue a certificate; self-signed without an issuer. ``digest`` is None for an Ed25519 issuer."""
    private_key = key(kind, common_name if key_name is None else key_name)
    subject = subject or x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    start = datetime.now(timezone.utc) - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private_key.public_key())
        .serial_number(serial_number or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + valid_for)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(ca=ca), critical=True)
    )
    return Issued(builder.sign(issuer.private_key if issuer else private_key, digest), private_key)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@cache
def chain() -> tuple[Issued, Issued, Issued, Issued]:
    """Return leaf, second intermediate, first intermediate and root, all of one chain."""
    root = issue("root", ca=True)
    first = issue("first", issuer=root, ca=True)
    second = issue("second", issuer=first, ca=True)
    return issue("leaf", issuer=second), second, first, root
