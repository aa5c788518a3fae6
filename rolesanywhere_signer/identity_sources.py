"""Where the bytes of an identity come from: paths and bytes, or a callable; looked at anew each time."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .errors import CertificateLoadError, ConfigurationError, PassphraseError, PrivateKeyLoadError
from .files import KEY_SCHEMES, Source, StrPath, describe_source, is_source, read_source

if TYPE_CHECKING:
    from .keys import SigningKey

# What a callable returns: the certificate, its private key (None: beside the certificate), the intermediates.
Parts = tuple[bytes] | tuple[bytes, bytes | None] | tuple[bytes, bytes | None, bytes | None]


class Contents(NamedTuple):
    """What one look gave. Hidden: the private key is among it.

    Attributes:
        certificate: PEM, DER or PKCS#12 bytes.
        private_key: Its bytes, or a key that is open already: one of a token, or an external signer.
        intermediates: PEM or DER bytes; None: those beside the certificate.
    """

    certificate: bytes
    private_key: bytes | SigningKey
    intermediates: bytes | None

    def __repr__(self) -> str:
        return "Contents()"

    def digest(self) -> bytes:
        """Tell one content from another without keeping the key's bytes in memory."""
        key = self.private_key
        if not isinstance(key, bytes):
            # The last one is kept beside its digest, so that no other key has its id meanwhile.
            key = b"opened %d" % id(key)
        parts = (self.certificate, key, self.intermediates or b"")
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


class IdentitySource(Protocol):
    """Anything that gives the bytes of an identity."""

    def read(self) -> Contents:
        """Return the bytes as they are now.

        Raises:
            CertificateLoadError, PrivateKeyLoadError: They cannot be had.
        """

    def describe(self, what: str) -> str:
        """Return how messages name the part ``what``; content is never shown."""

    @property
    def key_path(self) -> StrPath | None:
        """The file that holds the private key, or None."""

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """The files that are read; what comes from elsewhere has none."""

    def check_picklable(self) -> None:
        """Return when a pickle carries neither key nor certificate bytes.

        Raises:
            ConfigurationError: It would.
        """


class GivenSource(NamedTuple):
    """Paths, bytes, or some of each; None for the key: it stands beside the certificate. A key may be open already."""

    certificate: Source
    private_key: Source | SigningKey | None
    intermediates: Source | None

    def __repr__(self) -> str:
        return "GivenSource()"

    def read(self) -> Contents:
        """Read every file again; bytes are what they are."""
        certificate = read_source(self.certificate, what="certificate", error=CertificateLoadError)
        key = certificate if self.private_key is None else _read_key(self.private_key)
        intermediates = None
        if self.intermediates is not None:
            intermediates = read_source(self.intermediates, what="intermediates", error=CertificateLoadError)
        return Contents(certificate, key, intermediates)

    def describe(self, what: str) -> str:
        """Name the file, or just the part where it is bytes."""
        source = self.intermediates if what == "intermediates" else self.certificate
        return describe_source(b"" if source is None else source, what)

    @property
    def key_path(self) -> StrPath | None:
        """The key's file, or the certificate's where the key stands in it."""
        source = self.certificate if self.private_key is None else self.private_key
        return source if isinstance(source, (str, os.PathLike)) else None

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """Those parts that are neither bytes nor an opened key."""
        parts = (self.certificate, self.private_key, self.intermediates)
        return tuple(part for part in parts if isinstance(part, (str, os.PathLike)))

    def check_picklable(self) -> None:
        """Paths may go into a pickle, bytes may not; an opened key knows itself whether it may."""
        if any(is_bytes(part) for part in (self.certificate, self.private_key, self.intermediates)):
            raise ConfigurationError(
                "an identity made of bytes cannot be pickled: the private key would go along",
                hint="use Identity.from_files, which carries the paths, or make the identity in each process",
            )


class CallableSource(NamedTuple):
    """A callable that returns the parts, asked at each look: a secret store, a workload API."""

    load: Callable[[], Parts]

    def read(self) -> Contents:
        """Ask the callable."""
        try:
            parts = self.load()
        except Exception as error:
            raise CertificateLoadError(
                f"the callable that gives the identity failed: {type(error).__name__}"
            ) from error
        if not isinstance(parts, tuple) or not 1 <= len(parts) <= 3 or not is_bytes(parts[0]):
            raise CertificateLoadError(
                "the callable that gives the identity did not return a tuple of bytes",
                hint="return (certificate,), (certificate, private_key) or (certificate, private_key, intermediates)",
            )
        return GivenSource(*_padded(parts)).read()

    def describe(self, what: str) -> str:
        """Name the part."""
        return f"the {what}"

    @property
    def key_path(self) -> StrPath | None:
        """None: there is no file."""
        return None

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """None: there are no files."""
        return ()

    def check_picklable(self) -> None:
        """A function goes by its name; other callables may hold the key."""
        if named_function(self.load) is None:
            raise ConfigurationError(
                "an identity made by a callable can be pickled only if that is a function of a module",
                hint="define the function at the top of a module",
            )


class EnvironmentSource(NamedTuple):
    """PEM text in environment variables; the names are kept, never the text."""

    certificate: str
    private_key: str | None
    intermediates: str | None

    def read(self) -> Contents:
        """Read the variables of this process as they are now."""
        certificate = _variable(self.certificate, os.environ)
        key = certificate if self.private_key is None else _variable(self.private_key, os.environ)
        intermediates = None if self.intermediates is None else _variable(self.intermediates, os.environ)
        return Contents(certificate, key, intermediates)

    def describe(self, what: str) -> str:
        """Name the variable."""
        name = self.intermediates if what == "intermediates" else self.certificate
        return f"the {what} in the environment variable {name}"

    @property
    def key_path(self) -> StrPath | None:
        """None: there is no file."""
        return None

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """None: there are no files."""
        return ()

    def check_picklable(self) -> None:
        """Names may go into a pickle."""


@dataclass(frozen=True)
class PassphraseFile:
    """A passphrase that is read from its file whenever it is asked for.

    Attributes:
        path: Of the file; a line feed at its end is not part of the passphrase.
    """

    path: str

    def __call__(self) -> str:
        """Return the passphrase.

        Raises:
            PassphraseError: The file cannot be read.
        """
        text = read_source(self.path, what="passphrase", error=PassphraseError).decode("utf-8", "surrogateescape")
        return re.sub(r"\r?\n\Z", "", text)


def _read_key(key: Source | SigningKey) -> bytes | SigningKey:
    if isinstance(key, str) and key.startswith(KEY_SCHEMES):
        raise ConfigurationError(
            f"the private key {key.partition(':')[0]}:… is no file, and has to be opened before",
            hint="give what keys.load_private_key makes of it; create_botocore_session takes it as it is",
        )
    if is_source(key):
        return read_source(key, what="private key", error=PrivateKeyLoadError)  # type: ignore[arg-type]
    return key  # type: ignore[return-value]


def _variable(name: str, environment: Mapping[str, str]) -> bytes:
    text = environment.get(name)
    if not text:
        raise CertificateLoadError(f"the environment variable {name} is not set", hint="it must hold PEM text")
    # Some systems store the text in one line, with \n written out.
    return text.replace("\\n", "\n").encode("utf-8", "surrogateescape")


def _padded(parts: Parts) -> tuple[Source, Source | None, Source | None]:
    certificate, private_key, intermediates = (*parts, None, None)[:3]
    if certificate is None:
        raise CertificateLoadError("the callable that gives the identity returned no certificate")
    for part in (private_key, intermediates):
        if part is not None and not is_bytes(part):
            raise CertificateLoadError(
                f"the callable that gives the identity returned {type(part).__name__}, not bytes"
            )
    return certificate, private_key, intermediates


def is_bytes(value: object) -> bool:
    """Return whether ``value`` is content rather than a path."""
    return isinstance(value, (bytes, bytearray))


def picklable_passphrase(passphrase: object) -> Callable[[], str] | None:
    """Return a callable that pickle carries without a passphrase in it, else None."""
    return passphrase if isinstance(passphrase, PassphraseFile) else named_function(passphrase)


def named_function(value: object) -> Callable[[], str] | None:
    """Return a function that pickle carries by its name alone, else None.

    Text is none, and neither are callables that may hold it: bound methods, partial functions, objects.
    """
    if not isinstance(value, FunctionType):
        return None
    module = sys.modules.get(value.__module__)
    return value if getattr(module, value.__qualname__, None) is value else None
