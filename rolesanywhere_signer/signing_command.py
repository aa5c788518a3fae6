"""A command that signs in the place of a private key: its words, and the identity that it makes with a certificate."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .certificates import choose_leaf, parse_certificates
from .errors import CertificateLoadError, ConfigurationError
from .helper_command import split_words
from .identity_sources import Contents, GivenSource
from .keys import CommandKey, is_pkcs12

if TYPE_CHECKING:
    from .files import Source, StrPath

SigningCommand = str | Sequence[str | os.PathLike[str]]

_WHERE = "the signing command"
_HINT = "a program and its arguments: /usr/local/bin/sign --key 'my key'"


def command_words(
    command: SigningCommand, where: str = _WHERE, *, windows: bool = sys.platform == "win32"
) -> list[str]:
    """Return the words of a signing command; text is split as botocore splits a ``credential_process``.

    Args:
        command: Text, or the words.
        where: How messages name it.
        windows: Split words as Windows does.

    Raises:
        ConfigurationError: It has no words, or a quotation mark is not closed. Nothing of it is shown.
    """
    try:
        words = split_words(command, windows=windows) if isinstance(command, str) else list(command)
    except (TypeError, ValueError) as error:
        problem = "is no list of words" if isinstance(error, TypeError) else "has a quotation mark that is not closed"
        raise ConfigurationError(f"{where} {problem}", hint=_HINT) from None
    if not words or not all(isinstance(word, (str, os.PathLike)) for word in words) or not os.fspath(words[0]):
        raise ConfigurationError(f"{where} has no words", hint=_HINT)
    return [os.fspath(word) for word in words]


class SigningCommandSource:
    """A certificate, and a command that signs with its key: ``Identity.from_source(SigningCommandSource(…))``.

    The certificate is read whenever the identity is. The public half of the key is the certificate's.

    Args:
        certificate: A path, or PEM or DER bytes. In a full chain the leaf is the first that is no CA's.
        command: Text, or words.
        intermediates: The certificates between it and the trust anchor; None: those beside the certificate.

    Raises:
        ConfigurationError: The command cannot be understood, or this is Windows.
    """

    def __init__(self, certificate: Source, command: SigningCommand, intermediates: Source | None = None) -> None:
        self._words = command_words(command)
        self._given = GivenSource(certificate, b"", intermediates)
        self._last: tuple[bytes, CommandKey] | None = None

    def read(self) -> Contents:
        """Read the files again; the key stays the same one while the certificate does.

        Raises:
            CertificateLoadError: The certificate or the intermediates cannot be read, or hold a private key.
            UnsupportedKeyError: The certificate's key is neither RSA, EC nor ML-DSA.
        """
        contents = self._given.read()
        if self._last is None or self._last[0] != contents.certificate:
            self._last = contents.certificate, self._key(contents.certificate)
        return Contents(contents.certificate, self._last[1], contents.intermediates)

    def _key(self, content: bytes) -> CommandKey:
        if is_pkcs12(content):
            raise CertificateLoadError(
                f"{self.describe('certificate')} is PKCS#12, which holds a private key beside the certificate",
                hint="leave the signing command out, or give the certificate alone, as PEM or DER",
            )
        certificates = parse_certificates(content, self.describe("certificate"))
        return CommandKey(self._words, certificates[choose_leaf(certificates)])

    def describe(self, what: str) -> str:
        """Name the file, or just the part where it is bytes."""
        return self._given.describe(what)

    @property
    def key_path(self) -> StrPath | None:
        """None: the key is in no file."""
        return None

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """Those of certificate and intermediates."""
        return self._given.paths

    def check_picklable(self) -> None:
        """Paths and the command may go into a pickle, certificates may not.

        Raises:
            ConfigurationError: They would.
        """
        GivenSource(self._given.certificate, None, self._given.intermediates).check_picklable()
