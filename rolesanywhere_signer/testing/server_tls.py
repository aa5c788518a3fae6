"""A certificate for the local service itself, made where none is yet, and kept so that clients go on trusting it."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from ..clock import utc_now
from ..errors import ConfigurationError
from ..files import StrPath
from ..private_files import is_ours_alone, write_private
from .authority import CertificateAuthority
from .issued import IssuedCertificate

CA_FILE = "ca.pem"
CERTIFICATE_FILE = "server.pem"
KEY_FILE = "server-key.pem"

_NAMES = ("IP:127.0.0.1", "DNS:localhost")
_LIFE = timedelta(days=365)
_LEAST_LEFT = timedelta(days=7)


class ServerTls(NamedTuple):
    """What a server needs for TLS, and what its clients need.

    Attributes:
        context: Of the server.
        ca_bundle: The file with the CA's certificate.
    """

    context: ssl.SSLContext
    ca_bundle: Path


def server_tls(directory: StrPath) -> ServerTls:
    """Return TLS with the certificate in a directory; one is made where there is none that still holds for a week.

    The CA's key is not kept: nobody can make another certificate that its clients would trust.

    Args:
        directory: Made, for its owner alone, if it is not there. It gets ``ca.pem`` for clients, ``server.pem``, and
            ``server-key.pem`` with mode 0600.

    Raises:
        ConfigurationError: The directory cannot be written, or another user could read the key in it.
    """
    folder = Path(directory)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _still_holds(folder):
            _make(folder)
        return ServerTls(_context(folder), (folder / CA_FILE).absolute())
    except OSError as error:
        # That of ssl, for files that are no pair, is an OSError too.
        raise ConfigurationError(
            f"the certificate of the local service cannot be kept in {str(folder)!r}: {error.strerror or error}",
            hint="give a directory that this user may write",
        ) from error


def _still_holds(folder: Path) -> bool:
    key = folder / KEY_FILE
    try:
        status = key.lstat()
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())
        ca = x509.load_pem_x509_certificate((folder / CA_FILE).read_bytes())
        certificate.verify_directly_issued_by(ca)
        _context(folder)
    except FileNotFoundError:
        return False
    # cryptography has many errors for what is no certificate, or of another CA; ssl one for what is no pair.
    except Exception:  # noqa: BLE001
        return False
    if not is_ours_alone(status):
        raise ConfigurationError(
            f"{str(key)!r} is not a file of this user alone", hint="remove it; a new one is made at the next start"
        )
    return certificate.not_valid_after_utc - utc_now() > _LEAST_LEFT


def _make(folder: Path) -> None:
    ca = CertificateAuthority("CN=Local Roles Anywhere TLS CA")
    issued: IssuedCertificate = ca.issue(
        "CN=127.0.0.1",
        key_type="P-256",
        extended_key_usage=("serverAuth",),
        subject_alternative_names=_NAMES,
        valid_for=_LIFE,
    )
    write_private(folder / KEY_FILE, issued.private_key_pem)
    for name, content in ((CERTIFICATE_FILE, issued.certificate_pem), (CA_FILE, ca.certificate_pem)):
        write_private(folder / name, content)
        # Clients of other users, and in containers, read it.
        (folder / name).chmod(0o644)


def _context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / CERTIFICATE_FILE, folder / KEY_FILE)
    return context
