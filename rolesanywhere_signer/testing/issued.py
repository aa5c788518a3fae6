"""A certificate with its key and its chain, as a CA hands them over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..certificates import name_text
from ..errors import ConfigurationError
from ..files import StrPath
from ..private_files import write_private
from .key_types import PrivateKey, private_key_pem


class WrittenFiles(NamedTuple):
    """Where ``IssuedCertificate.write`` put what; None for what there is not."""

    certificate: Path
    private_key: Path | None
    chain: Path | None


class IssuedCertificate:
    """A certificate, the private key where it is known, and the intermediates between it and its root.

    Attributes:
        certificate: The certificate as cryptography's object.
        intermediates: Those between the certificate and its root, the issuer first; without the root.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        private_key: PrivateKey | None,
        intermediates: tuple[x509.Certificate, ...] = (),
    ) -> None:
        self.certificate = certificate
        self.intermediates = intermediates
        self._private_key = private_key

    @property
    def private_key(self) -> PrivateKey:
        """The private key as cryptography's object.

        Raises:
            ConfigurationError: The certificate was made of a public key alone.
        """
        if self._private_key is None:
            raise ConfigurationError(
                f"the private key of {self!r} is not here: it was issued for a public key",
                hint="use the key that the public key came from",
            )
        return self._private_key

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def private_key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8 PEM.

        Raises:
            ConfigurationError: The certificate was made of a public key alone.
        """
        return private_key_pem(self.private_key)

    @property
    def chain_pem(self) -> bytes | None:
        """The intermediates as PEM, the issuer first; None where a root issued the certificate itself."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.intermediates) or None

    def write(self, directory: StrPath) -> WrittenFiles:
        """Write certificate.pem, private-key.pem and chain.pem, each replaced in one step and mode 0600.

        A chain.pem of an earlier certificate is removed where this one has no intermediates. A key that is not here is
        not written.

        Args:
            directory: Made, for its owner alone, if it is not there.

        Raises:
            ConfigurationError: The directory cannot be written.
        """
        folder = Path(directory)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._write_into(folder)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the certificate to {os.fspath(directory)!r}: {error.strerror}",
                hint="check that the directory is one and that this user may write there",
            ) from error

    def _write_into(self, folder: Path) -> WrittenFiles:
        certificate = _write(folder / "certificate.pem", self.certificate_pem)
        private_key = None
        if self._private_key is not None:
            private_key = _write(folder / "private-key.pem", self.private_key_pem)
        chain = None
        if self.chain_pem is None:
            (folder / "chain.pem").unlink(missing_ok=True)
        else:
            chain = _write(folder / "chain.pem", self.chain_pem)
        return WrittenFiles(certificate, private_key, chain)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {name_text(self.certificate.subject)}>"


def _write(path: Path, content: bytes) -> Path:
    write_private(path, content)
    return path
