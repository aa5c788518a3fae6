"""Who we are: certificate, chain and key as one thing, read again when its files change."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509

from .certificates import (
    chain_base64,
    choose_leaf,
    der_base64,
    describe_source,
    has_key,
    name_text,
    parse_certificates,
)
from .clock import require_aware, utc_now
from .errors import (
    CertificateError,
    CertificateLoadError,
    ConfigurationError,
    KeyMismatchError,
    PrivateKeyError,
    PrivateKeyLoadError,
)
from .files import Source, StrPath, read_source, readable_by_others
from .keys import SigningKey, parse_private_key

if TYPE_CHECKING:
    from .keys.software import Passphrase

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


class _Sources(NamedTuple):
    """Where the three parts come from; None for the key: it stands beside the certificate."""

    certificate: Source
    private_key: Source | None
    intermediates: Source | None

    def read(self) -> _Contents:
        certificate = read_source(self.certificate, what="certificate", error=CertificateLoadError)
        key = certificate
        if self.private_key is not None:
            key = read_source(self.private_key, what="private key", error=PrivateKeyLoadError)
        intermediates = None
        if self.intermediates is not None:
            intermediates = read_source(self.intermediates, what="intermediates", error=CertificateLoadError)
        return _Contents(certificate, key, intermediates)

    @property
    def key_path(self) -> StrPath | None:
        source = self.certificate if self.private_key is None else self.private_key
        return None if isinstance(source, (bytes, bytearray)) else source


@dataclass(frozen=True)
class _Contents:
    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)
    intermediates: bytes | None = field(repr=False)

    def digest(self) -> bytes:
        """Tell one content from another without keeping the key's bytes in memory."""
        parts = (self.certificate, self.private_key, self.intermediates or b"")
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


class Identity:
    """A certificate, its chain and its private key as one thing; files among them are read again when they change.

    One object serves many threads. ``Identity.from_files`` and ``Identity.from_bytes`` say what they take; the class
    itself takes either, part by part.

    Args:
        certificate: A path, or PEM or DER bytes. In a full chain the leaf is the certificate that the key fits, and
            the other certificates are the intermediates, in their order.
        private_key: None: it stands beside the certificate.
        intermediates: Sent as they are; what stands beside the leaf is not sent then.
        passphrase: For an encrypted key; a callable is asked at each reading of one.

    Raises:
        CertificateLoadError: The certificate or the intermediates cannot be read or understood.
        PrivateKeyLoadError: The private key cannot be read or understood.
        PassphraseError: The key is encrypted, and the passphrase is missing or wrong.
        UnsupportedKeyError: The key is neither RSA nor EC.
        KeyMismatchError: The key is not the certificate's.
    """

    def __init__(
        self,
        certificate: Source,
        private_key: Source | None = None,
        intermediates: Source | None = None,
        passphrase: Passphrase | None = None,
    ) -> None:
        self._restore(_Sources(certificate, private_key, intermediates), passphrase)
        self.load()

    def _restore(self, sources: _Sources, passphrase: Passphrase | None) -> None:
        self._sources = sources
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
        if _any_bytes(certificate, private_key, intermediates):
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
            if part is not None and not _any_bytes(part):
                raise ConfigurationError(
                    f"Identity.from_bytes takes bytes, not {type(part).__name__}", hint="Identity.from_files takes paths"
                )
        return cls(certificate, private_key, intermediates, passphrase)

    @property
    def current(self) -> LoadedIdentity:
        """The last good reading; nothing is read again."""
        return self._loaded[1] if self._loaded else self.load()

    def load(self, at: datetime | None = None) -> LoadedIdentity:
        """Read again, and return the pair to use now.

        A pair that cannot be used (half-written, key and certificate of different generations, gone) is passed over
        with one warning while the last good certificate is valid.

        Args:
            at: The time that decides whether the last good certificate is valid; None: now.

        Raises:
            CertificateLoadError, PrivateKeyLoadError, PassphraseError, UnsupportedKeyError, KeyMismatchError:
                The files cannot be used, and there is no good pair to go on with.
        """
        now = utc_now() if at is None else require_aware(at, "at")
        try:
            contents = self._sources.read()
            digest = contents.digest()
            if self._loaded is None or self._loaded[0] != digest:
                self._loaded = (digest, self._parse(contents))
                self._warn_if_exposed()
        except (CertificateError, PrivateKeyError) as error:
            return self._last_good(error, now)
        self._failure_told = False
        return self._loaded[1]

    def _last_good(self, error: CertificateError | PrivateKeyError, now: datetime) -> LoadedIdentity:
        if self._loaded is None or self._loaded[1].certificate.not_valid_after_utc <= now:
            raise error
        if not self._failure_told:
            self._failure_told = True
            _logger.warning("the renewed certificate or key cannot be used, the last good pair goes on: %s", error.message)
        return self._loaded[1]

    def _parse(self, contents: _Contents) -> LoadedIdentity:
        where = describe_source(self._sources.certificate, "certificate")
        certificates = parse_certificates(contents.certificate, where)
        key = parse_private_key(contents.private_key, self._passphrase)
        leaf = choose_leaf(certificates, key.public_key)
        if not has_key(certificates[leaf], key.public_key):
            raise self._mismatch(certificates[leaf])
        if contents.intermediates is None:
            return LoadedIdentity(certificates[leaf], tuple(certificates[:leaf] + certificates[leaf + 1 :]), key)
        chain = parse_certificates(contents.intermediates, describe_source(self._sources.intermediates or b"", "intermediates"))
        return LoadedIdentity(certificates[leaf], tuple(chain), key)

    def _mismatch(self, leaf: x509.Certificate) -> KeyMismatchError:
        where = describe_source(self._sources.certificate, "certificate")
        return KeyMismatchError(
            f"the private key is not the one of {where} (subject {name_text(leaf.subject)}, serial {leaf.serial_number})",
            hint="the certificate must be issued for this key; compare: openssl x509 -in CERTIFICATE -noout -pubkey "
            "and openssl pkey -in KEY -pubout",
        )

    def _warn_if_exposed(self) -> None:
        path = self._sources.key_path
        if self._exposure_told or path is None or not readable_by_others(path):
            return
        self._exposure_told = True
        _logger.warning("the private key file %s can be read by other users; chmod 600 it", path)

    def __repr__(self) -> str:
        return f"<Identity of {describe_source(self._sources.certificate, 'certificate')}>"

    def __getstate__(self) -> dict[str, object]:
        if _any_bytes(*self._sources):
            raise ConfigurationError(
                "an identity made of bytes cannot be pickled: the private key would go along",
                hint="use Identity.from_files, which carries the paths, or make the identity in each process",
            )
        return {"sources": self._sources, "passphrase": _named_function(self._passphrase)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(state["sources"], state["passphrase"])


def _named_function(passphrase: Passphrase | None) -> Callable[[], str] | None:
    """Return a function that pickle carries by its name alone, else None.

    Text stays behind, and so do callables that hold it: bound methods, partial functions, objects.
    """
    if not isinstance(passphrase, FunctionType):
        return None
    module = sys.modules.get(passphrase.__module__)
    return passphrase if getattr(module, passphrase.__qualname__, None) is passphrase else None


def _any_bytes(*sources: object) -> bool:
    return any(isinstance(source, (bytes, bytearray)) for source in sources)
