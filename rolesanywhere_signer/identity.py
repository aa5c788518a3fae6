"""Who we are: certificate, chain and key as one thing, read again when its files change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509

from .certificates import chain_base64, choose_leaf, der_base64, has_key, parse_certificates, subject_text
from .clock import require_aware, utc_now
from .errors import (
    CertificateError,
    CertificateLoadError,
    ConfigurationError,
    KeyMismatchError,
    PrivateKeyError,
    PrivateKeyLoadError,
)
from .files import Source, StrPath, read_descriptor, readable_by_others
from .identity_sources import (
    CallableSource,
    Contents,
    EnvironmentSource,
    GivenSource,
    IdentitySource,
    Parts,
    is_bytes,
    picklable_passphrase,
)
from .keys import SigningKey, as_signing_key, is_pkcs12, parse_pkcs12, parse_private_key

if TYPE_CHECKING:
    from .keys import Passphrase

_logger = logging.getLogger("rolesanywhere_signer")


@dataclass(frozen=True)
class LoadedIdentity:
    """One consistent reading of an identity: the key is the certificate's.

    Attributes:
        certificate: The end-entity certificate.
        chain: The intermediates as given, in their order.
        key: The private key of ``certificate``.
        serial_number: The certificate's serial number in decimal.
        x509_header: The certificate as the ``X-Amz-X509`` header carries it.
        chain_header: The intermediates as the ``X-Amz-X509-Chain`` header carries them, or None.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: SigningKey
    serial_number: str = field(init=False)
    x509_header: str = field(init=False, repr=False)
    chain_header: str | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Made once here, so that a signature costs little more than the key's own work.
        object.__setattr__(self, "serial_number", str(self.certificate.serial_number))
        object.__setattr__(self, "x509_header", der_base64(self.certificate))
        object.__setattr__(self, "chain_header", chain_base64(self.chain))


def _is_valid(loaded: LoadedIdentity, now: datetime) -> bool:
    return loaded.certificate.not_valid_before_utc <= now <= loaded.certificate.not_valid_after_utc


class Identity:
    """A certificate, its chain and its private key as one thing; files among them are read again when they change.

    One object serves many threads. ``Identity.from_files`` and ``Identity.from_bytes`` say what they take; the class
    itself takes either, part by part.

    Args:
        certificate: A path, or PEM, DER or PKCS#12 bytes. In a full chain the leaf is the certificate that the key
            fits, and the other certificates are the intermediates, in their order.
        private_key: A path, PEM or DER bytes, or a ``SigningKey``. None: it stands beside the certificate.
        intermediates: Sent as they are; what stands beside the leaf is not sent then.
        passphrase: For an encrypted key; a callable is asked at each reading of one.

    Raises:
        CertificateLoadError: The certificate or the intermediates cannot be read or understood.
        PrivateKeyLoadError: The private key cannot be read or understood.
        PassphraseError: The key is encrypted, and the passphrase is missing or wrong.
        UnsupportedKeyError: The key is neither RSA, EC nor ML-DSA, or not with what is installed.
        KeyMismatchError: The key is not the certificate's.
    """

    def __init__(
        self,
        certificate: Source,
        private_key: Source | SigningKey | None = None,
        intermediates: Source | None = None,
        passphrase: Passphrase | None = None,
    ) -> None:
        self._restore(GivenSource(certificate, private_key, intermediates), passphrase)
        self.load()

    def _restore(self, source: IdentitySource, passphrase: Passphrase | None) -> None:
        self._source = source
        self._passphrase = passphrase
        self._loaded: tuple[bytes, LoadedIdentity] | None = None
        self._failure_told = False
        self._exposure_told = False

    @classmethod
    def from_files(
        cls,
        certificate: StrPath,
        private_key: StrPath | None = None,
        intermediates: StrPath | None = None,
        passphrase: Passphrase | None = None,
    ) -> Identity:
        """Make an identity of files, read now, and again whenever their content changes.

        Raises:
            ConfigurationError: Bytes were given.
            CertificateError, PrivateKeyError: As the class.
        """
        if any(is_bytes(part) for part in (certificate, private_key, intermediates)):
            raise ConfigurationError("Identity.from_files takes paths", hint="Identity.from_bytes takes bytes")
        return cls(certificate, private_key, intermediates, passphrase)

    @classmethod
    def from_bytes(
        cls,
        certificate: bytes,
        private_key: bytes | None = None,
        intermediates: bytes | None = None,
        passphrase: Passphrase | None = None,
    ) -> Identity:
        """Make an identity of PEM or DER bytes.

        Raises:
            ConfigurationError: Something else than bytes was given.
            CertificateError, PrivateKeyError: As the class.
        """
        for part in (certificate, private_key, intermediates):
            if part is not None and not is_bytes(part):
                raise ConfigurationError(
                    f"Identity.from_bytes takes bytes, not {type(part).__name__}",
                    hint="Identity.from_files takes paths",
                )
        return cls(certificate, private_key, intermediates, passphrase)

    @classmethod
    def from_callable(cls, load: Callable[[], Parts], passphrase: Passphrase | None = None) -> Identity:
        """Make an identity of what a callable returns, asked now and before each CreateSession.

        Args:
            load: Returns ``(certificate,)``, ``(certificate, private_key)`` or ``(certificate, private_key,
                intermediates)``, each PEM or DER bytes.
            passphrase: For an encrypted key.

        Raises:
            CertificateError, PrivateKeyError: As the class; also when ``load`` fails.
        """
        return cls.from_source(CallableSource(load), passphrase)

    @classmethod
    def from_environment(
        cls,
        certificate: str,
        private_key: str | None = None,
        intermediates: str | None = None,
        passphrase: Passphrase | None = None,
    ) -> Identity:
        """Make an identity of PEM text in environment variables, whose names are given.

        Raises:
            CertificateError, PrivateKeyError: As the class; also when a variable is not set.
        """
        return cls.from_source(EnvironmentSource(certificate, private_key, intermediates), passphrase)

    @classmethod
    def from_descriptors(
        cls,
        certificate: int,
        private_key: int | None = None,
        intermediates: int | None = None,
        passphrase: Passphrase | None = None,
    ) -> Identity:
        """Make an identity of what open file descriptors hold; each is read once to its end and closed.

        Raises:
            CertificateError, PrivateKeyError: As the class; also when a descriptor cannot be read.
        """
        parts = [
            None if descriptor is None else read_descriptor(descriptor, what=what, error=error)
            for descriptor, what, error in (
                (certificate, "certificate", CertificateLoadError),
                (private_key, "private key", PrivateKeyLoadError),
                (intermediates, "intermediates", CertificateLoadError),
            )
        ]
        return cls(parts[0] or b"", parts[1], parts[2], passphrase)

    @classmethod
    def from_source(cls, source: IdentitySource, passphrase: Passphrase | None = None) -> Identity:
        """Make an identity of a source of its bytes, asked now and before each CreateSession.

        Args:
            source: Such as ``selectors.DirectorySource``.
            passphrase: For an encrypted key.

        Raises:
            CertificateError, PrivateKeyError: As the class.
        """
        identity = cls.__new__(cls)
        identity._restore(source, passphrase)
        identity.load()
        return identity

    @property
    def current(self) -> LoadedIdentity:
        """The last good reading; nothing is read again."""
        return self._loaded[1] if self._loaded else self.load()

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """The files that it is read from."""
        return self._source.paths

    def load(self, at: datetime | None = None) -> LoadedIdentity:
        """Read again, and return the pair to use now.

        A pair that cannot be used (half-written, key and certificate of different generations, gone, expired or not
        valid yet) is passed over with one warning while the last good certificate is valid.

        Args:
            at: The time that decides whether the last good certificate is valid; None: now.

        Raises:
            CertificateLoadError, PrivateKeyLoadError, PassphraseError, UnsupportedKeyError, KeyMismatchError:
                The files cannot be used, and there is no good pair to go on with.
        """
        now = utc_now() if at is None else require_aware(at, "at")
        try:
            contents = self._source.read()
            digest = contents.digest()
            if self._loaded is None or self._loaded[0] != digest:
                renewed = self._parse(contents)
                self._check_dates(renewed, now)
                self._loaded = (digest, renewed)
            self._warn_if_exposed()
        except (CertificateError, PrivateKeyError) as error:
            last_good = self._last_good(now)
            if last_good is None:
                raise
            self._tell_once(error)
            return last_good
        self._failure_told = False
        return self._loaded[1]

    def _check_dates(self, renewed: LoadedIdentity, now: datetime) -> None:
        # Only against a pair that is within its dates; without one, the service decides.
        if self._loaded is None or _is_valid(renewed, now) or not _is_valid(self._loaded[1], now):
            return
        start, end = renewed.certificate.not_valid_before_utc, renewed.certificate.not_valid_after_utc
        raise CertificateLoadError(
            f"{self._source.describe('certificate')} (serial {renewed.serial_number}) is valid from "
            f"{start.isoformat()} to {end.isoformat()} only"
        )

    def _last_good(self, now: datetime) -> LoadedIdentity | None:
        if self._loaded is None or self._loaded[1].certificate.not_valid_after_utc <= now:
            return None
        return self._loaded[1]

    def _tell_once(self, error: CertificateError | PrivateKeyError) -> None:
        if self._failure_told:
            return
        self._failure_told = True
        _logger.warning("the renewed certificate or key cannot be used, the last good pair goes on: %s", error.message)

    def _parse(self, contents: Contents) -> LoadedIdentity:
        certificates, key = self._parse_pair(contents)
        leaf = choose_leaf(certificates, key.public_key)
        self._check_calendar(certificates[leaf])
        if not has_key(certificates[leaf], key.public_key):
            raise self._mismatch(certificates[leaf])
        if contents.intermediates is None:
            return LoadedIdentity(certificates[leaf], tuple(certificates[:leaf] + certificates[leaf + 1 :]), key)
        chain = parse_certificates(contents.intermediates, self._source.describe("intermediates"))
        return LoadedIdentity(certificates[leaf], tuple(chain), key)

    def _check_calendar(self, leaf: x509.Certificate) -> None:
        """Refuse dates that no calendar has; the others are compared with the time again and again."""
        try:
            _ = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        except ValueError as error:
            raise CertificateLoadError(
                f"{self._source.describe('certificate')} has dates that cannot be read",
                hint="have it issued anew; openssl x509 -in CERTIFICATE -noout -dates shows them",
            ) from error

    def _parse_pair(self, contents: Contents) -> tuple[list[x509.Certificate], SigningKey]:
        key = contents.private_key
        if is_pkcs12(contents.certificate):
            certificates, own_key = parse_pkcs12(contents.certificate, self._passphrase)
            if key == contents.certificate:
                return certificates, own_key
        else:
            certificates = parse_certificates(contents.certificate, self._source.describe("certificate"))
        return certificates, parse_private_key(key, self._passphrase) if isinstance(key, bytes) else as_signing_key(key)

    def _mismatch(self, leaf: x509.Certificate) -> KeyMismatchError:
        return KeyMismatchError(
            f"the private key is not the one of {self._source.describe('certificate')} "
            f"(subject {subject_text(leaf)}, serial {leaf.serial_number})",
            hint="the certificate must be issued for this key; compare: openssl x509 -in CERTIFICATE -noout -pubkey "
            "and openssl pkey -in KEY -pubout",
        )

    def _warn_if_exposed(self) -> None:
        path = self._source.key_path
        if self._exposure_told or path is None or not readable_by_others(path):
            return
        self._exposure_told = True
        _logger.warning("the private key file %s can be read by other users; chmod 600 it", path)

    def __repr__(self) -> str:
        return f"<Identity of {self._source.describe('certificate')}>"

    def __getstate__(self) -> dict[str, object]:
        self._source.check_picklable()
        return {"source": self._source, "passphrase": picklable_passphrase(self._passphrase)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(state["source"], state["passphrase"])
