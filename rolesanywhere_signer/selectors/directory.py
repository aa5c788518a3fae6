"""The PEM files of a directory: certificates and private keys, read with bounds; what is broken is passed over."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509

from ..certificates import PEM_LABELS, claims_ca, parse_certificates
from ..errors import CertificateLoadError
from ..files import StrPath, read_source
from ..pem import PemBlock, PemError, parse_blocks

# A directory of client certificates is far below; one that is above is not such a directory.
MOST_ENTRIES = 1000
MOST_BYTES = 32 * 1024 * 1024
# What the service takes in the chain header (user guide, Authentication).
_MOST_INTERMEDIATES = 5


@dataclass(frozen=True)
class PemFile:
    """A file with certificates, private keys, or both.

    Attributes:
        path: Where it is.
        content: All of it. Hidden: a key may be there.
        certificates: In their order.
        keys: The blocks of its private keys.
    """

    path: str
    content: bytes = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    keys: tuple[PemBlock, ...]


@dataclass(frozen=True)
class PemDirectory:
    """What stood in a directory when it was read.

    Attributes:
        path: The directory.
        files: Its PEM files, by name.
        passed_over: Which files could not be used, and why.
    """

    path: str
    files: tuple[PemFile, ...]
    passed_over: tuple[str, ...]


def read_directory(path: StrPath) -> PemDirectory:
    """Read the PEM files of a directory; not those of folders in it, nor files whose names begin with a dot.

    Raises:
        CertificateLoadError: The directory cannot be read, or is larger than a directory of certificates may be.
    """
    return _Reader(os.fspath(path)).read()


class _Reader:
    """Reads one directory, and notes what cannot be used."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._passed_over: list[str] = []
        self._bytes_left = MOST_BYTES

    def read(self) -> PemDirectory:
        # Joined to the directory as it was given, so that messages name what the user knows.
        paths = [os.path.join(self._directory, name) for name in self._file_names()]  # noqa: PTH118
        files = tuple(file for file in map(self._file, paths) if file is not None)
        return PemDirectory(self._directory, files, tuple(self._passed_over))

    def _file_names(self) -> list[str]:
        try:
            with os.scandir(self._directory) as entries:
                found = list(itertools.islice(entries, MOST_ENTRIES + 1))
        except (OSError, ValueError) as cause:
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
            raise CertificateLoadError(
                f"cannot read the certificate directory {self._directory!r}: {reason}",
                hint="check that the path is right and that this user may read it",
            ) from cause
        if len(found) > MOST_ENTRIES:
            raise self._too_large(f"{MOST_ENTRIES:,} entries")
        # A Kubernetes volume keeps its generations in hidden folders, and links to the files of the newest.
        return sorted(entry.name for entry in found if not entry.name.startswith(".") and _is_file(entry))

    def _file(self, path: str) -> PemFile | None:
        try:
            content = read_source(path, what="PEM", error=CertificateLoadError)
            file = _parse(path, content) if b"-----BEGIN" in content else None
        except CertificateLoadError as error:
            self._passed_over.append(error.message)
            return None
        self._bytes_left -= len(content)
        if self._bytes_left < 0:
            raise self._too_large(f"{MOST_BYTES // 1024 // 1024} MiB")
        return file

    def _too_large(self, bound: str) -> CertificateLoadError:
        return CertificateLoadError(
            f"the certificate directory {self._directory!r} has more than {bound}",
            hint="give a directory that holds client certificates and their keys, and little else",
        )


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return True  # reading it says what is wrong


def _parse(path: str, content: bytes) -> PemFile:
    try:
        blocks = parse_blocks(content)
    except PemError as error:
        raise CertificateLoadError(f"{path!r} cannot be read: {error}") from error
    certificates: list[x509.Certificate] = []
    if any(block.label in PEM_LABELS for block in blocks):
        certificates = parse_certificates(content, repr(path))
        _check_dates(certificates, path)
    keys = tuple(block for block in blocks if block.label.endswith("PRIVATE KEY"))
    return PemFile(path, content, tuple(certificates), keys)


def _check_dates(certificates: Iterable[x509.Certificate], path: str) -> None:
    """Refuse dates that no calendar has: whoever chooses among certificates compares them."""
    try:
        for certificate in certificates:
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise CertificateLoadError(f"{path!r} holds a certificate whose dates cannot be read") from error


def intermediates_of(leaf: x509.Certificate, files: Iterable[PemFile]) -> list[x509.Certificate]:
    """Return the CA certificates between a certificate and its root, of those that lie in a directory.

    They go by name and key identifier, the issuer first; signatures are the service's to verify. A root is none.
    """
    cas = [each for file in files for each in file.certificates if claims_ca(each) and not _is_own_issuer(each)]
    found: list[x509.Certificate] = []
    sought = [leaf]
    while sought and len(found) < _MOST_INTERMEDIATES:
        below = sought.pop(0)
        issuers = [each for each in cas if each not in found and _may_have_issued(each, below)]
        for issuer in issuers:
            if issuer not in found and len(found) < _MOST_INTERMEDIATES:
                found.append(issuer)
                sought.append(issuer)
    return found


def _is_own_issuer(certificate: x509.Certificate) -> bool:
    try:
        return certificate.subject == certificate.issuer
    except Exception:  # noqa: BLE001 - a name that cannot be decoded leads nowhere
        return True


def _may_have_issued(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        if ca.subject != certificate.issuer:
            return False
        sought = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return True
    except Exception:  # noqa: BLE001 - a name or an extension that cannot be decoded
        return False
    return sought is None or sought == own
