"""An identity out of what the user gives: the one place that tells files, directories, tokens, TPMs and commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import ConfigurationError
from .files import KEY_SCHEMES
from .identity import Identity

if TYPE_CHECKING:
    from .clock import Clock
    from .files import Source
    from .keys import Passphrase, SigningKey
    from .selectors import CertificateDirectory
    from .signing_command import SigningCommand
    from .token_source import TokenOptions


def make_identity(
    certificate: Source | CertificateDirectory,
    private_key: Source | SigningKey | None = None,
    intermediates: Source | None = None,
    passphrase: Passphrase | None = None,
    clock: Clock | None = None,
    signing_command: SigningCommand | None = None,
    pkcs11_module: str | None = None,
    reuse_pin: bool = False,  # noqa: FBT001, FBT002 - an option of a session, by its name
) -> Identity:
    """Return the identity, read.

    Args:
        certificate: A path, or PEM, DER or PKCS#12 bytes; a ``pkcs11:`` URI; or a directory, or in its
            place a token, in which key and intermediates are found.
        private_key: A path, PEM or DER bytes, a ``SigningKey``, a ``pkcs11:`` URI, or ``handle:0x81…`` of a TPM. None:
            it stands beside the certificate.
        intermediates: None: those beside the certificate.
        signing_command: A command that signs, in the place of a private key: text, or its words.
        passphrase: For an encrypted key, or one in a TPM; the PIN of a token.
        clock: Says which certificates of a directory or a token are within their dates.
        pkcs11_module: The path of the PKCS#11 module; None: p11-kit's proxy.
        reuse_pin: The PIN of the token also serves a key that wants one for each signature.

    Raises:
        ConfigurationError: A key or intermediates were given for a directory, or its selector cannot be understood; or
            a signing command beside a private key or a passphrase.
        CertificateError, PrivateKeyError: The identity cannot be used.
    """
    if signing_command is not None:
        return _signed_by_command(certificate, private_key, intermediates, passphrase, signing_command)
    # What files do not need is imported by those alone who need it.
    if any(_is_in_token(each) for each in (certificate, private_key, getattr(certificate, "directory", None))):
        from .token_source import TokenOptions  # noqa: PLC0415

        options = TokenOptions(pkcs11_module, reuse_pin, clock=clock)
        return _identity_of_token(certificate, private_key, intermediates, passphrase, options)
    if isinstance(certificate, (str, bytes, bytearray, os.PathLike)) or not _is_directory(certificate):
        if isinstance(private_key, str) and private_key.startswith(KEY_SCHEMES):
            from .handle_source import HandleSource  # noqa: PLC0415

            return Identity.from_source(HandleSource(certificate, private_key, intermediates, passphrase))  # type: ignore[arg-type]
        return Identity(certificate, private_key, intermediates, passphrase)  # type: ignore[arg-type]
    from .selectors import DirectorySource  # noqa: PLC0415

    if private_key is not None or intermediates is not None:
        raise _excluded()
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
    if _is_in_token(certificate):
        raise ConfigurationError(
            "signing_command excludes a certificate in a token", hint="give the certificate's file, or the token's key"
        )
    if _is_directory(certificate):
        raise ConfigurationError("signing_command excludes a directory of certificates", hint="give the file of one")
    return Identity.from_source(SigningCommandSource(certificate, command, intermediates))  # type: ignore[arg-type]


_EITHER = "give the key, or the command that signs with it"


def _is_in_token(value: object) -> bool:
    return isinstance(value, str) and value[:7].lower() == "pkcs11:"


def _identity_of_token(
    certificate: Source | CertificateDirectory,
    private_key: Source | SigningKey | None,
    intermediates: Source | None,
    passphrase: Passphrase | None,
    options: TokenOptions,
) -> Identity:
    from .selectors import CertificateDirectory  # noqa: PLC0415
    from .token_source import TokenSource  # noqa: PLC0415

    if isinstance(certificate, CertificateDirectory):
        if not _is_in_token(certificate.directory) and _is_in_token(private_key):
            raise _excluded()
        selector, latest = certificate.parsed_selector(), certificate.use_latest_expiring
        options = options._replace(selector=selector, take_latest=latest)
        certificate = str(certificate.directory)
    source = TokenSource(certificate, private_key, intermediates, passphrase, options)
    return Identity.from_source(source, passphrase)


def _excluded() -> ConfigurationError:
    return ConfigurationError(
        "private key and intermediates are found in the directory of the certificate",
        hint="leave them out, or give the certificate's file in the place of the directory",
    )


def _is_directory(certificate: object) -> bool:
    from .selectors import CertificateDirectory  # noqa: PLC0415

    return isinstance(certificate, CertificateDirectory)
