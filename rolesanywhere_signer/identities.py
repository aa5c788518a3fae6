"""An identity out of what the user gives: files and bytes, or a directory in the place of the certificate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import ConfigurationError
from .identity import Identity

if TYPE_CHECKING:
    from .clock import Clock
    from .files import Source
    from .keys import Passphrase, SigningKey
    from .selectors import CertificateDirectory
    from .signing_command import SigningCommand


def make_identity(
    certificate: Source | CertificateDirectory,
    private_key: Source | SigningKey | None = None,
    intermediates: Source | None = None,
    passphrase: Passphrase | None = None,
    clock: Clock | None = None,
    signing_command: SigningCommand | None = None,
) -> Identity:
    """Return the identity, read.

    Args:
        certificate: A path, or PEM, DER or PKCS#12 bytes; or a directory, in which key and intermediates are found.
        private_key: A path, PEM or DER bytes, or a ``SigningKey``. None: it stands beside the certificate.
        intermediates: None: those beside the certificate.
        passphrase: For an encrypted key.
        clock: Says which certificates of a directory are within their dates.
        signing_command: A command that signs, in the place of a private key: text, or its words.

    Raises:
        ConfigurationError: A key or intermediates were given for a directory, or its selector cannot be understood; or
            a signing command beside a private key or a passphrase.
        CertificateError, PrivateKeyError: The identity cannot be used.
    """
    if signing_command is not None:
        return _signed_by_command(certificate, private_key, intermediates, passphrase, signing_command)
    # What files do not need is imported by those alone who need it.
    if isinstance(certificate, (str, bytes, bytearray, os.PathLike)) or not _is_directory(certificate):
        return Identity(certificate, private_key, intermediates, passphrase)  # type: ignore[arg-type]
    from .selectors import DirectorySource  # noqa: PLC0415

    if private_key is not None or intermediates is not None:
        raise ConfigurationError(
            "private key and intermediates are found in the directory of the certificate",
            hint="leave them out, or give the certificate's file in the place of the directory",
        )
    return Identity.from_source(DirectorySource(certificate, passphrase, clock), passphrase)


def _signed_by_command(
    certificate: Source | CertificateDirectory,
    private_key: object,
    intermediates: Source | None,
    passphrase: object,
    command: SigningCommand,
) -> Identity:
    from .signing_command import SigningCommandSource  # noqa: PLC0415

    if private_key is not None or passphrase is not None:
        raise ConfigurationError("signing_command stands in the place of private_key and passphrase", hint=_EITHER)
    if _is_directory(certificate):
        raise ConfigurationError("signing_command excludes a directory of certificates", hint="give the file of one")
    return Identity.from_source(SigningCommandSource(certificate, command, intermediates))  # type: ignore[arg-type]


_EITHER = "give the key, or the command that signs with it"


def _is_directory(certificate: object) -> bool:
    from .selectors import CertificateDirectory  # noqa: PLC0415

    return isinstance(certificate, CertificateDirectory)
