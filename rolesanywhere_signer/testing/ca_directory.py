"""A CA for development in a directory: its key and certificate, what it issued, what it revoked.

| file | what |
|---|---|
| ``ca.pem``, ``ca.key`` | the root |
| ``intermediate.pem``, ``intermediate.key`` | the CA below it, made when it is first asked for |
| ``index.json`` | what was issued and revoked, and the numbers of the CRLs; its lock is the whole directory's |
| ``issued/`` | a copy of every certificate, by serial number |
| ``crl.pem``, ``intermediate-crl.pem`` | the lists made last |
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..certificates import load_certificates
from ..clock import utc_now
from ..errors import ConfigurationError, PrivateKeyLoadError
from ..files import StrPath, make_directories, read_source
from ..ini_file import edit_file
from ..private_files import write_private
from ..validation.signature import SignatureCheck, check_signature
from .authority import CertificateAuthority
from .ca_index import CRLS, INTERMEDIATE, ROOT, Entry, Index, decoded, iso, new_entry
from .crl import check_reason
from .issued import IssuedCertificate
from .key_types import generate_key, private_key_pem, stored_private_key
from .names import distinguished_name
from .options import CertificateOptions
from .requests import CertificateRequest, read_request

_INDEX, _ISSUED = "index.json", "issued"
_WHAT = "index of the CA"

Passphrase = str | bytes | Callable[[], str]


class CaDirectory:
    """The CA in a directory.

    Args:
        directory: Where.
        passphrase: Of the CA's private keys where they are encrypted, or a callable that returns it.
    """

    def __init__(self, directory: StrPath, passphrase: Passphrase | None = None) -> None:
        self.path = Path(directory)
        self._passphrase = passphrase

    @property
    def certificate(self) -> Path:
        """Where the root's certificate is."""
        return self.path / f"{ROOT}.pem"

    @property
    def private_key(self) -> Path:
        """Where the root's private key is."""
        return self.path / f"{ROOT}.key"

    @property
    def intermediate(self) -> Path:
        """Where the intermediate CA's certificate is, once there is one."""
        return self.path / f"{INTERMEDIATE}.pem"

    def folder_for(self, subject: str | None, request: CertificateRequest | None) -> Path:
        """Return the folder for the files of a certificate, which is named after its subject.

        Args:
            subject: RFC 4514 text; None: that of the request.
            request: A certificate request, or None.

        Raises:
            ConfigurationError: The subject or the request cannot be understood.
        """
        asked = read_request(request).subject if subject is None and request is not None else None
        name = distinguished_name(subject or "") if asked is None else asked
        found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
        text = str(found[0].value) if found else name.rfc4514_string()
        return self.path / (re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:64] or "certificate")

    def create(
        self, subject: str, key_type: str, lasts: timedelta, passphrase: str | None, *, overwrite: bool = False
    ) -> CertificateAuthority:
        """Make a new root.

        Args:
            subject: RFC 4514 text.
            key_type: As for ``CertificateOptions``.
            lasts: How long its certificate is valid.
            passphrase: Encrypts its private key; None: it is not encrypted.
            overwrite: Whether a CA that is there is replaced, and forgotten.

        Raises:
            ConfigurationError: There is a CA already, the directory is not for this user alone to write, or there is no
                such subject or key type.
        """
        authority = CertificateAuthority(subject, key_type=key_type, valid_for=lasts)
        key = private_key_pem(authority.private_key, passphrase)
        with _explained(self.path):
            make_directories(os.path.abspath(self.path))  # noqa: PTH100 - as the function has it
            self._check_directory()

        def change(content: bytes) -> bytes:
            if not overwrite and (content.strip() or self.certificate.exists() or self.private_key.exists()):
                raise ConfigurationError(
                    f"there is a CA in {os.fspath(self.path)!r} already", hint="--force replaces and forgets it"
                )
            for name in (f"{INTERMEDIATE}.pem", f"{INTERMEDIATE}.key", *CRLS.values()):
                (self.path / name).unlink(missing_ok=True)
            write_private(self.private_key, key)
            write_private(self.certificate, authority.certificate_pem)
            return Index().encoded()

        # An empty index first, because only one that is there can be locked.
        self._edit(lambda content: content or b"\n")
        self._edit(change)
        return authority

    def issue(
        self,
        subject: str | None,
        options: CertificateOptions,
        *,
        request: CertificateRequest | None = None,
        below_intermediate: bool = False,
    ) -> IssuedCertificate:
        """Issue an end-entity certificate and enter it into the index.

        Args:
            subject: RFC 4514 text; None: that of the request.
            options: The knobs.
            request: A certificate request; None: a key is made.
            below_intermediate: Whether the intermediate CA issues it, which is made if there is none.

        Raises:
            ConfigurationError: There is no CA, or there can be no such certificate.
            PrivateKeyError: The CA's key cannot be read.
        """
        if request is None and options.get("private_key") is None:
            # Before anybody has to wait for it.
            options = {**options, "private_key": generate_key(options.get("key_type", "P-384"))}
        made: list[IssuedCertificate] = []

        def change(index: Index) -> Index:
            issuer = INTERMEDIATE if below_intermediate else ROOT
            if below_intermediate and not self.intermediate.exists():
                index = self._make_intermediate(index)
            authority = self._authority(issuer)
            if request is None:
                issued = authority.issue(subject or "", **options)
            else:
                issued = authority.sign_request(request, subject, **options)
            made[:] = [issued]
            return self._entered(index, issued, issuer)

        self._change(change)
        return made[0]

    def revoke(self, certificate: x509.Certificate, reason: str | None) -> tuple[Entry, bool]:
        """Revoke a certificate: the next CRL lists it.

        Returns:
            Its entry, and whether it is revoked only since now.

        Raises:
            ConfigurationError: There is no CA, it did not issue the certificate, or there is no such reason.
        """
        if reason is not None:
            check_reason(reason)
        with _explained(self.path):
            issuer = self._issuer_of(certificate)
        result: list[tuple[Entry, bool]] = []

        def change(index: Index) -> Index:
            entry = index.find(issuer, certificate.serial_number) or new_entry(certificate, issuer)
            if entry.revoked_at is not None:
                result[:] = [(entry, False)]
                return index
            entry = replace(entry, revoked_at=iso(utc_now()), reason=reason)
            result[:] = [(entry, True)]
            return index.with_entry(entry)

        self._change(change)
        return result[0]

    def write_crls(self, lasts: timedelta) -> list[Path]:
        """Write a new CRL of the root, and of the intermediate CA if there is one; return where they are.

        Raises:
            ConfigurationError: There is no CA, or a file cannot be written.
            PrivateKeyError: The CA's key cannot be read.
        """
        written: list[Path] = []

        def change(index: Index) -> Index:
            issuers = [issuer for issuer in CRLS if (self.path / f"{issuer}.pem").exists()]
            numbers = {**index.crl_numbers, **{issuer: index.crl_numbers[issuer] + 1 for issuer in issuers}}
            written[:] = [self._write_crl(index, issuer, numbers[issuer], lasts) for issuer in issuers]
            return replace(index, crl_numbers=numbers)

        self._change(change)
        return written

    def _write_crl(self, index: Index, issuer: str, number: int, lasts: timedelta) -> Path:
        authority = self._authority(issuer)
        for entry in index.entries:
            if entry.issuer == issuer and entry.revoked_at is not None:
                authority.revoke(int(entry.serial_number), entry.reason, datetime.fromisoformat(entry.revoked_at))
        listed = authority.crl(number=number, next_update=utc_now() + lasts)
        return listed.write(self.path / CRLS[issuer])

    def _change(self, change: Callable[[Index], Index]) -> None:
        """Change the index while nobody else uses the directory."""
        with _explained(self.path):
            if not self.certificate.exists() or not (self.path / _INDEX).exists():
                raise ConfigurationError(f"there is no CA in {os.fspath(self.path)!r}", hint="pki init makes one")
            self._check_directory()
        self._edit(lambda content: change(decoded(content, self.path)).encoded())

    def _edit(self, change: Callable[[bytes], bytes]) -> None:
        with _explained(self.path):
            edit_file(self.path / _INDEX, change, what=_WHAT)

    def _check_directory(self) -> None:
        status = self.path.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise ConfigurationError(f"{os.fspath(self.path)!r} is not a directory")
        if os.name == "posix" and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigurationError(
                f"other users can write to the directory {os.fspath(self.path)!r}, and so replace the CA",
                hint=f"chmod go-w {os.fspath(self.path)}, once you know what is in it",
            )

    def _authority(self, issuer: str) -> CertificateAuthority:
        certificate = load_certificates(self.path / f"{issuer}.pem", f"CA {issuer}")[0]
        pem = read_source(self.path / f"{issuer}.key", what="CA's private key", error=PrivateKeyLoadError)
        return CertificateAuthority.from_existing(certificate, stored_private_key(pem, self._asked_passphrase))

    def _asked_passphrase(self) -> str | bytes | None:
        if callable(self._passphrase):
            # Asked for once, though there may be two keys.
            self._passphrase = self._passphrase()
        return self._passphrase

    def _make_intermediate(self, index: Index) -> Index:
        root = self._authority(ROOT)
        until = root.certificate.not_valid_after_utc
        below = root.issue_ca("CN=Development intermediate CA", path_length=0, valid_until=until)
        encrypted_with = self._asked_passphrase() if _is_encrypted(self.private_key) else None
        write_private(self.path / f"{INTERMEDIATE}.key", private_key_pem(below.private_key, encrypted_with))
        write_private(self.intermediate, below.certificate_pem)
        return self._entered(index, below, ROOT)

    def _entered(self, index: Index, issued: IssuedCertificate, issuer: str) -> Index:
        folder = self.path / _ISSUED
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / f"{issued.certificate.serial_number:x}.pem", issued.certificate_pem)
        return index.with_entry(new_entry(issued.certificate, issuer))

    def _issuer_of(self, certificate: x509.Certificate) -> str:
        for issuer in CRLS:
            path = self.path / f"{issuer}.pem"
            if path.exists() and _issued_by(certificate, load_certificates(path, f"CA {issuer}")[0]):
                return issuer
        raise ConfigurationError(
            f"the CA in {os.fspath(self.path)!r} did not issue this certificate",
            hint="--directory names the CA that did",
        )


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ConfigurationError(
            f"the CA in {os.fspath(directory)!r} cannot be used: {reason}",
            hint="check that this user may write there",
        ) from error


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return certificate.issuer == issuer.subject and check_signature(certificate, issuer) is SignatureCheck.GOOD


def _is_encrypted(path: Path) -> bool:
    return b"ENCRYPTED" in read_source(path, what="CA's private key", error=PrivateKeyLoadError)
