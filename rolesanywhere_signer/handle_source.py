"""An identity whose key is in a TPM, behind a persistent handle, and whose certificates are in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .certificates import has_key, parse_certificates
from .errors import ConfigurationError
from .identity_sources import Contents, GivenSource, picklable_passphrase
from .keys import is_pkcs12, load_private_key

if TYPE_CHECKING:
    from .files import Source, StrPath
    from .keys import Passphrase, SigningKey


class HandleSource:
    """Certificate and intermediates from files or bytes, and their key from a TPM: it is opened once, and stays open.

    Args:
        certificate: A path, or PEM or DER bytes.
        private_key: Such as ``handle:0x81000001``.
        intermediates: None: those beside the certificate.
        passphrase: The password of the key.
    """

    def __init__(
        self, certificate: Source, private_key: str, intermediates: Source | None, passphrase: Passphrase | None
    ) -> None:
        self._files = GivenSource(certificate, None, intermediates)
        self._name = private_key
        self._passphrase = passphrase
        self._key: SigningKey | None = None

    def read(self) -> Contents:
        """Read the files again; the key is what it is.

        Raises:
            CertificateLoadError, PrivateKeyError: They cannot be had.
            ConfigurationError: The key has no such name, or a key stands beside the certificate.
        """
        found = self._files.read()
        if is_pkcs12(found.certificate):
            raise ConfigurationError(
                f"{self.describe('certificate')} is a PKCS#12 file, which has a key of its own beside {self._name}",
                hint="give the certificate as PEM: openssl pkcs12 -in FILE -nokeys",
            )
        if self._key is None or not self._fits(found.certificate, self._key):
            self._key = load_private_key(self._name, self._passphrase)
        return Contents(found.certificate, self._key, found.intermediates)

    def _fits(self, content: bytes, key: SigningKey) -> bool:
        """Return whether a certificate is the opened key's; a new one may be of the key that took its place."""
        certificates = parse_certificates(content, self.describe("certificate"))
        return any(has_key(certificate, key.public_key) for certificate in certificates)

    def describe(self, what: str) -> str:
        """Name the file, or just the part where it is bytes."""
        return self._files.describe(what)

    @property
    def key_path(self) -> None:
        """None: the key is in no file."""
        return

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """Those parts that are files."""
        return self._files.paths

    def check_picklable(self) -> None:
        """Paths and the key's name may go into a pickle."""
        self._files.check_picklable()

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_passphrase": picklable_passphrase(self._passphrase), "_key": None}
