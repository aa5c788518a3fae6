"""A certificate with its key and its chain, as a CA hands them over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12

from ..certificates import name_text
from ..errors import ConfigurationError
from ..files import StrPath
from ..private_files import write_private
from .key_types import PrivateKey, passphrase_bytes, private_key_pem
from .seam import arguments_of


class _Files(NamedTuple):
    certificate: Path
    private_key: Path | None
    chain: Path | None


class WrittenFiles(_Files):
    """Where ``IssuedCertificate.write`` put what; None for what there is not.

    It unpacks to certificate, private key and chain.

    Attributes:
        full_chain: The certificate with its intermediates behind it, where it was asked for.
        pkcs12: The PKCS#12 file, where it was asked for.
    """

    full_chain: Path | None = None
    pkcs12: Path | None = None


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
    def certificate_der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)

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

    @property
    def full_chain_pem(self) -> bytes:
        """The certificate and then its intermediates as PEM."""
        return self.certificate_pem + (self.chain_pem or b"")

    def encrypted_private_key_pem(self, passphrase: str | bytes) -> bytes:
        """Return the private key as encrypted PKCS#8 PEM.

        Raises:
            ConfigurationError: The key is not here, or the passphrase cannot be one.
        """
        return private_key_pem(self.private_key, passphrase)

    def pkcs12(self, passphrase: str | bytes | None = None, name: str | None = None) -> bytes:
        """Return certificate, private key and intermediates as a PKCS#12 file (RFC 7292).

        Args:
            passphrase: None: it is not encrypted.
            name: What programs show of it (the friendly name).

        Raises:
            ConfigurationError: The key is not here, cannot stand in such a file, or the passphrase cannot be one.
        """
        with arguments_of("the PKCS#12 file cannot be made"):
            encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase_bytes(passphrase))
            return pkcs12.serialize_key_and_certificates(
                None if name is None else name.encode(),
                cast("pkcs12.PKCS12PrivateKeyTypes", self.private_key),
                self.certificate,
                self.intermediates,
                encryption,
            )

    def with_chain(self, *intermediates: IssuedCertificate | x509.Certificate) -> IssuedCertificate:
        """Return the same certificate and key with other intermediates, such as over a cross-signed CA.

        Raises:
            ConfigurationError: Something that is no certificate.
        """
        chain = tuple(each.certificate if isinstance(each, IssuedCertificate) else each for each in intermediates)
        if not all(isinstance(each, x509.Certificate) for each in chain):
            raise ConfigurationError("an intermediate is an issued certificate or cryptography's object")
        return IssuedCertificate(self.certificate, self._private_key, chain)

    def write(
        self,
        directory: StrPath,
        *,
        passphrase: str | bytes | None = None,
        full_chain: bool = False,
        pkcs12: bool = False,
    ) -> WrittenFiles:
        """Write certificate.pem, private-key.pem and chain.pem, each replaced in one step and mode 0600.

        A chain.pem of an earlier certificate is removed where this one has no intermediates. A key that is not here is
        not written.

        Args:
            directory: Made, for its owner alone, if it is not there.
            passphrase: Encrypts the private key, and the PKCS#12 file; None: neither is encrypted.
            full_chain: Whether full-chain.pem is written too: the certificate, and its intermediates behind it.
            pkcs12: Whether identity.p12 is written too: all of it in one PKCS#12 file.

        Raises:
            ConfigurationError: The directory cannot be written, or the passphrase cannot be one.
        """
        folder = Path(directory)
        contents = self._contents(passphrase, full_chain=full_chain, pkcs12=pkcs12)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if "chain.pem" not in contents:
                (folder / "chain.pem").unlink(missing_ok=True)
            for name, content in contents.items():
                write_private(folder / name, content)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the certificate to {os.fspath(directory)!r}: {error.strerror}",
                hint="check that the directory is one and that this user may write there",
            ) from error
        where = {name: folder / name for name in contents}
        written = WrittenFiles(where["certificate.pem"], where.get("private-key.pem"), where.get("chain.pem"))
        written.full_chain, written.pkcs12 = where.get("full-chain.pem"), where.get("identity.p12")
        return written

    def _contents(self, passphrase: str | bytes | None, *, full_chain: bool, pkcs12: bool) -> dict[str, bytes]:
        contents = {"certificate.pem": self.certificate_pem}
        if self._private_key is not None:
            contents["private-key.pem"] = private_key_pem(self._private_key, passphrase)
        if self.chain_pem is not None:
            contents["chain.pem"] = self.chain_pem
        if full_chain:
            contents["full-chain.pem"] = self.full_chain_pem
        if pkcs12:
            contents["identity.p12"] = self.pkcs12(passphrase)
        return contents

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {name_text(self.certificate.subject)}>"
