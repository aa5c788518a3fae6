"""Opening a key of a TPM: it is found, its password is asked for where it needs one, and it signs once.

A wrong password, a key of another TPM and a key that cannot sign show here, and not when credentials are due.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...errors import PassphraseError, PrivateKeyLoadError
from ..software import Passphrase, passphrase_bytes
from .connection import connected
from .handles import parse_handle
from .key import TpmKey
from .key_file import parse_key_file
from .places import FileInTpm, PersistentHandle, Place
from .public_area import PublicArea, parse_public_area

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_TRIAL = b"rolesanywhere-signer tries whether the key signs"


def open_handle(text: str, passphrase: Passphrase | None = None) -> TpmKey:
    """Open the key at a persistent handle.

    Args:
        text: Such as ``handle:0x81000001``.
        passphrase: The password of the key. None or empty: it has none. A callable is asked unless the key is found
            to have none without the TPM counting a wrong one.

    Raises:
        ConfigurationError: ``text`` names no persistent handle, or the binding is not installed.
        PrivateKeyLoadError: The TPM is not there, or has no such key.
        PassphraseError: The password is missing or wrong.
        UnsupportedKeyError: The key cannot sign requests.
    """
    place = PersistentHandle(parse_handle(text))
    with connected(f"opening {place}", PrivateKeyLoadError) as tpm, place.reach(tpm) as found:
        public, _, _ = tpm.ask(lambda: tpm.esapi.read_public(found))
        marshalled = tpm.ask(public.marshal)
    area = _judged(marshalled)
    if callable(passphrase) and not area.counts_wrong_passwords:
        try:
            return _proven(place, area, b"")
        except PassphraseError:
            pass  # it has one, and trying was free
    if callable(passphrase):
        return _proven(place, area, _asked(passphrase, f"{place} may have a password"))
    return _proven(place, area, b"" if passphrase is None else passphrase_bytes(passphrase))


def open_key_file(der: bytes, passphrase: Passphrase | None = None) -> TpmKey:
    """Open the key of a TPM key file, whose content is given.

    Args:
        der: What stands in the PEM block.
        passphrase: The password of the key; text counts, empty text too, whatever the file says, and a callable is
            asked only when it says that there is one.

    Raises:
        ConfigurationError: The binding is not installed.
        PrivateKeyLoadError: The file is damaged or of another TPM, or the TPM is not there.
        PassphraseError: The password is missing or wrong.
        UnsupportedKeyError: The key cannot sign requests.
    """
    file = parse_key_file(der)
    area = _judged(file.public)
    return _proven(FileInTpm(file), area, _password_of_file(passphrase, has_password=file.has_password))


def public_key_of_file(der: bytes) -> CertificatePublicKeyTypes:
    """Return the public half of a TPM key file's key; the TPM is not asked, and neither is anybody for the password.

    Raises:
        PrivateKeyLoadError: The file is damaged.
        UnsupportedKeyError: The key cannot sign requests.
    """
    return _judged(parse_key_file(der).public).public_key


def _judged(marshalled: bytes) -> PublicArea:
    """Return the public area of a key that can sign requests; before its password is asked for."""
    area = parse_public_area(marshalled)
    area.to_sign("SHA256", hashlib.sha256(_TRIAL).digest())
    return area


def _password_of_file(passphrase: Passphrase | None, *, has_password: bool) -> bytes:
    # What a person says counts more than the file: tpm2_encodeobject wrote the opposite of what is (tpm2-tools 5.7 and
    # before, https://github.com/tpm2-software/tpm2-tools/issues/3458).
    if isinstance(passphrase, (str, bytes)):
        return passphrase_bytes(passphrase)
    if not has_password:
        return b""
    if passphrase is None:
        raise PassphraseError(
            "the key in the TPM has a password, as its file says, and none was given",
            hint="give the passphrase; an empty one, or --no-tpm-key-password, where the file is wrong, as older "
            "tpm2_encodeobject have written it",
        )
    return _asked(passphrase, "the key in the TPM has a password")


def _asked(ask: Callable[[], str], what: str) -> bytes:
    try:
        return passphrase_bytes(ask)
    except PassphraseError as error:
        own = f"{error.hint}; " if error.hint else ""
        raise PassphraseError(
            f"{what}: {error.message}",
            hint=f"{own}of a key in a TPM, --tpm-key-password gives it, and --no-tpm-key-password says there is none",
        ) from error


def _proven(place: Place, area: PublicArea, password: bytes) -> TpmKey:
    if len(password) > area.longest_password:
        raise PassphraseError(
            f"the password of {place} has more than {area.longest_password} bytes, which no password of it can have",
            hint="the password is the one that the key was made with",
        )
    key = TpmKey(place, area, password)
    key.sign_or(PrivateKeyLoadError, _TRIAL)
    return key
