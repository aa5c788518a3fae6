"""A certificate authority for tests: every extension a knob, right by default, wrong on purpose where asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ..clock import require_aware, utc_now
from ..errors import ConfigurationError
from .extensions import IssuerKeyIdentity, build_extensions
from .issued import IssuedCertificate
from .key_types import PrivateKey, PublicKey, generate_key, own_private_key, own_public_key
from .names import Subject, distinguished_name
from .options import CertificateOptions, ca_options, leaf_options
from .seam import arguments_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "MD5": hashes.MD5,
    "SHA1": hashes.SHA1,
    "SHA224": hashes.SHA224,
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
    "SHA3256": hashes.SHA3_256,
    "SHA3384": hashes.SHA3_384,
    "SHA3512": hashes.SHA3_512,
}
_PADDINGS: dict[str, padding.PKCS1v15 | padding.PSS] = {
    "PKCS1v15": padding.PKCS1v15(),
    "PSS": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH),
}
_Value = TypeVar("_Value")

# How long before now a certificate starts, and how long it lasts.
_LEAF_LIFE = (timedelta(hours=1), timedelta(days=365))
_CA_LIFE = (timedelta(days=1), timedelta(days=3652))


class CertificateAuthority(IssuedCertificate):
    """A CA for tests: a self-signed root, or with ``issue_ca`` an intermediate below another.

    It has the ``certificate_pem``, ``private_key_pem``, ``certificate`` and ``write`` of every issued certificate.
    Its key is unencrypted in memory: never make production certificates with it.

    Args:
        subject: RFC 4514 text, such as ``CN=Root,O=Example``, or an ``x509.Name``.
        options: The knobs: see ``CertificateOptions``. The default is EC P-384, signed with SHA-256, CA:TRUE,
            keyCertSign and cRLSign, valid from yesterday for ten years.

    Raises:
        ConfigurationError: A bad subject, an option that there is not, or one that no certificate can have.
    """

    def __init__(self, subject: Subject = "CN=Test CA", **options: Unpack[CertificateOptions]) -> None:
        turned: CertificateOptions = {"authority_key_identifier": False, **options}
        knobs = ca_options(turned)
        key = _private_key(knobs)
        name = distinguished_name(subject)
        issuer = _Issuer(name, key, key.public_key())
        super().__init__(issuer.sign(name, key.public_key(), knobs, _CA_LIFE), key)
        self._chain_below: tuple[x509.Certificate, ...] = ()

    def issue(self, subject: Subject = "CN=app", **options: Unpack[CertificateOptions]) -> IssuedCertificate:
        """Issue an end-entity certificate.

        Args:
            subject: RFC 4514 text; empty text gives an empty subject.
            options: The knobs: see ``CertificateOptions``. The default is EC P-384, signed with SHA-256, CA:FALSE,
                digitalSignature, clientAuth, valid from an hour ago for 365 days.

        Raises:
            ConfigurationError: A bad subject, an option that there is not, or one that no certificate can have.
        """
        knobs = leaf_options(options)
        key, public_key = _subject_keys(knobs)
        certificate = self._issuer().sign(distinguished_name(subject), public_key, knobs, _LEAF_LIFE)
        return IssuedCertificate(certificate, key, self._chain_below)

    def issue_ca(
        self, subject: Subject = "CN=Test intermediate CA", **options: Unpack[CertificateOptions]
    ) -> CertificateAuthority:
        """Issue an intermediate CA; what it issues carries it in the chain.

        Args:
            subject: RFC 4514 text.
            options: The knobs: see ``CertificateOptions``; the defaults are those of a root.

        Raises:
            ConfigurationError: A bad subject, an option that there is not, or one that no certificate can have.
        """
        knobs = ca_options(options)
        key = _private_key(knobs)
        certificate = self._issuer().sign(distinguished_name(subject), key.public_key(), knobs, _CA_LIFE)
        authority = CertificateAuthority.__new__(CertificateAuthority)
        IssuedCertificate.__init__(authority, certificate, key, self._chain_below)
        authority._chain_below = (certificate, *self._chain_below)
        return authority

    def _issuer(self) -> _Issuer:
        return _Issuer(self.certificate.subject, self.private_key, _key_identity(self.certificate, self.private_key))


class _Issuer:
    """Whoever signs: a CA, or a root that is just being made."""

    def __init__(self, name: x509.Name, key: PrivateKey, identity: IssuerKeyIdentity) -> None:
        self._name = name
        self._key = key
        self._identity = identity

    def sign(
        self, subject: x509.Name, public_key: PublicKey, options: CertificateOptions, life: tuple[timedelta, timedelta]
    ) -> x509.Certificate:
        """Return a certificate; ``life``: how long ago it starts and how long it lasts where nobody says so."""
        with arguments_of("the certificate cannot be made"):
            not_before, not_after = _validity(options, life)
            serial = options["serial_number"]
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(self._name)
                .public_key(public_key)
                .serial_number(x509.random_serial_number() if serial is None else serial)
                .not_valid_before(not_before)
                .not_valid_after(not_after)
            )
            for extension, critical in build_extensions(options, subject, public_key, self._identity):
                builder = builder.add_extension(extension, critical)
            return self._signed(builder, options)

    def _signed(self, builder: x509.CertificateBuilder, options: CertificateOptions) -> x509.Certificate:
        rsa_padding = _choice(_PADDINGS, options["rsa_padding"], "rsa_padding")
        if isinstance(self._key, rsa.RSAPrivateKey):
            return builder.sign(self._key, _hash(options["signature_hash"]), rsa_padding=rsa_padding)
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return builder.sign(self._key, _hash(options["signature_hash"]))
        if options["signature_hash"] is not None:
            raise ConfigurationError("an Ed25519 or Ed448 issuer signs without a hash", hint="leave signature_hash out")
        return builder.sign(self._key, None)


def _hash(name: str | None) -> hashes.SHA256:
    # The builder's annotation knows the sound hashes only; the wrong ones are here on purpose.
    chosen = _choice(_HASHES, (name or "SHA-256").upper().replace("-", ""), "signature_hash")
    return cast(hashes.SHA256, chosen())


def _choice(table: Mapping[str, _Value], name: str, option: str) -> _Value:
    if name not in table:
        raise ConfigurationError(f"there is no {option} {name!r}", hint=f"one of {', '.join(table)}")
    return table[name]


def _validity(options: CertificateOptions, life: tuple[timedelta, timedelta]) -> tuple[datetime, datetime]:
    started_before, lasts = life
    start = options["valid_from"]
    not_before = utc_now() - started_before if start is None else require_aware(start, "valid_from")
    duration = options["valid_for"]
    # A certificate's times are whole seconds (RFC 5280, section 4.1.2.5).
    not_before = not_before.replace(microsecond=0)
    return not_before, not_before + (lasts if duration is None else duration)


def _private_key(options: CertificateOptions) -> PrivateKey:
    given = options["private_key"]
    return generate_key(options["key_type"]) if given is None else own_private_key(given)


def _subject_keys(options: CertificateOptions) -> tuple[PrivateKey | None, PublicKey]:
    given = options["public_key"]
    if given is not None:
        return None, own_public_key(given)
    key = _private_key(options)
    return key, key.public_key()


def _key_identity(certificate: x509.Certificate, key: PrivateKey) -> IssuerKeyIdentity:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        # None, or extensions that are malformed on purpose.
        return key.public_key()
