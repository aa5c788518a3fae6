"""A certificate authority for tests: every extension a knob, right by default, wrong on purpose where asked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509

from ..errors import ConfigurationError
from .crl import CrlOptions, RevocationList, Revocations
from .extensions import IssuerIdentity
from .issued import IssuedCertificate
from .issuing import CA_LIFE, LEAF_LIFE, Issuer
from .key_types import PrivateKey, PublicKey, generate_key, own_private_key, own_public_key
from .names import Subject, distinguished_name
from .options import CertificateOptions, ca_options, leaf_options
from .requests import CertificateRequest, read_request

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
        issuer = Issuer(name, key, IssuerIdentity(key.public_key(), name, knobs["serial_number"]))
        self._set_up(issuer.sign(name, key.public_key(), knobs, CA_LIFE), key, (), ())

    def _set_up(
        self,
        certificate: x509.Certificate,
        key: PrivateKey | None,
        intermediates: tuple[x509.Certificate, ...],
        chain_below: tuple[x509.Certificate, ...],
    ) -> None:
        IssuedCertificate.__init__(self, certificate, key, intermediates)
        self._chain_below = chain_below
        self._revocations = Revocations()

    @classmethod
    def from_existing(
        cls,
        certificate: x509.Certificate,
        private_key: PrivateKey | bytes,
        intermediates: tuple[x509.Certificate, ...] = (),
    ) -> CertificateAuthority:
        """Return the CA of a certificate and a key that are there already.

        Args:
            certificate: The CA's own.
            private_key: Its key: an object, or unencrypted PEM as bytes.
            intermediates: Those between the certificate and its root, the issuer first; none for a root.

        Raises:
            ConfigurationError: The key cannot be read, or is not the certificate's.
        """
        key = own_private_key(private_key)
        if key.public_key() != certificate.public_key():
            raise ConfigurationError("the private key is not the CA certificate's")
        is_root = certificate.subject == certificate.issuer
        authority = cls.__new__(cls)
        authority._set_up(certificate, key, intermediates, () if is_root else (certificate, *intermediates))
        return authority

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
        certificate = self._issuer().sign(distinguished_name(subject), public_key, knobs, LEAF_LIFE)
        return IssuedCertificate(certificate, key, self._chain_below)

    def issue_der(self, subject: Subject = "CN=app", **options: Unpack[CertificateOptions]) -> bytes:
        """Return an end-entity certificate as DER that need not be readable: malformed on purpose.

        Args:
            subject: As for ``issue``.
            options: As for ``issue``; give ``private_key`` or ``public_key`` where the key matters.

        Raises:
            ConfigurationError: A bad subject, an option that there is not, or one that no certificate can have.
        """
        knobs = leaf_options(options)
        _, public_key = _subject_keys(knobs)
        return self._issuer().sign_der(distinguished_name(subject), public_key, knobs, LEAF_LIFE)

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
        certificate = self._issuer().sign(distinguished_name(subject), key.public_key(), knobs, CA_LIFE)
        return self._below(certificate, key)

    def cross_sign(self, other: CertificateAuthority, **options: Unpack[CertificateOptions]) -> CertificateAuthority:
        """Certify another CA's name and key, so that what the other one issued has a path to this CA too.

        What the returned CA issues carries the cross-signed certificate; what the other has issued before gets it by
        ``issued.with_chain(ca.cross_sign(other))``.

        Args:
            other: The CA whose certificates are to be trusted where this one is.
            options: The knobs: see ``CertificateOptions``; the defaults are those of a root.

        Raises:
            ConfigurationError: An option that there is not, or one that no certificate can have.
        """
        if not isinstance(other, CertificateAuthority):
            raise ConfigurationError(f"a CertificateAuthority can be cross-signed, not {type(other).__name__}")
        # A path follows the key identifier that the other's certificates name.
        turned: CertificateOptions = {"subject_key_identifier": _key_identifier(other.certificate) or True, **options}
        knobs = ca_options(turned)
        key = other.private_key
        certificate = self._issuer().sign(other.certificate.subject, key.public_key(), knobs, CA_LIFE)
        return self._below(certificate, key)

    def sign_request(
        self, request: CertificateRequest, subject: Subject | None = None, **options: Unpack[CertificateOptions]
    ) -> IssuedCertificate:
        """Issue an end-entity certificate for a certificate request (PKCS#10), such as ``openssl req`` makes.

        Of what the request asks for, the subject and the alternative names are taken, and nothing else.

        Args:
            request: PEM or DER as bytes, or cryptography's object.
            subject: Instead of the one that the request has.
            options: The knobs: see ``CertificateOptions``; the defaults are those of ``issue``.

        Raises:
            ConfigurationError: The request cannot be read, or its key did not sign it; a bad subject or option.
        """
        asked = read_request(request)
        wanted: CertificateOptions = {
            "public_key": asked.public_key,
            "subject_alternative_names": asked.alternative_names,
            **options,
        }
        return self.issue(asked.subject if subject is None else subject, **wanted)

    def revoke(
        self,
        certificate: IssuedCertificate | x509.Certificate | int,
        reason: str | None = None,
        at: datetime | None = None,
        *,
        invalid_since: datetime | None = None,
    ) -> None:
        """Revoke a certificate: the CRLs that ``crl`` makes from now on list it.

        Args:
            certificate: A certificate of this CA, or a serial number, which need not be one of its own.
            reason: Such as ``keyCompromise`` (RFC 5280, section 5.3.1); None: none is told. ``removeFromCRL`` takes
                a ``certificateHold`` back.
            at: When, aware; None: now.
            invalid_since: When the key is thought to have been compromised, aware; None: that is not told.

        Raises:
            ConfigurationError: Another CA issued it, there is no such reason, or a time has no zone.
        """
        self._revocations.revoke(self.certificate, certificate, reason, at, invalid_since)

    def crl(self, **options: Unpack[CrlOptions]) -> RevocationList:
        """Return a list of what is revoked, signed.

        Args:
            options: The knobs: see ``CrlOptions``. The default is a complete list, signed with SHA-256, as of now, to
                be replaced within a week, numbered one higher than the last.

        Raises:
            ConfigurationError: An option that there is not, or one that no CRL can have.
        """
        return self._revocations.crl(self, self._identity(), options)

    def _issuer(self) -> Issuer:
        return Issuer(self.certificate.subject, self.private_key, self._identity())

    def _identity(self) -> IssuerIdentity:
        identifier = _key_identifier(self.certificate)
        key = self.private_key.public_key() if identifier is None else x509.SubjectKeyIdentifier(identifier)
        return IssuerIdentity(key, self.certificate.issuer, self.certificate.serial_number)

    def _below(self, certificate: x509.Certificate, key: PrivateKey) -> CertificateAuthority:
        authority = CertificateAuthority.__new__(CertificateAuthority)
        authority._set_up(certificate, key, self._chain_below, (certificate, *self._chain_below))
        return authority


def _private_key(options: CertificateOptions) -> PrivateKey:
    given = options["private_key"]
    return generate_key(options["key_type"]) if given is None else own_private_key(given)


def _subject_keys(options: CertificateOptions) -> tuple[PrivateKey | None, PublicKey]:
    given = options["public_key"]
    if given is not None:
        return None, own_public_key(given)
    key = _private_key(options)
    return key, key.public_key()


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        # None, or extensions that are malformed on purpose.
        return None
