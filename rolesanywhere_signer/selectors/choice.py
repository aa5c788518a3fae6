"""Which certificate of a directory is meant: those that a selector fits, and of these the one to use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ..certificates import claims_ca
from ..errors import CertificateLoadError, PassphraseError, PrivateKeyLoadError, RolesAnywhereError
from .directory import PemDirectory, PemFile
from .key_search import FoundKey, KeySearch
from .names import helper_text
from .selector import Selector

_MOST_SHOWN = 10
_MOST_OF_A_NAME = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Candidate:
    """A certificate of a directory.

    Attributes:
        certificate: The certificate.
        file: The file that it stands in.
        key: Its private key, where it was found.
    """

    certificate: x509.Certificate
    file: PemFile
    key: FoundKey | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether it is within its dates."""
        return self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc

    def dates(self, now: datetime) -> str:
        """Return until when it is valid, or why it is not."""
        start, end = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        if now < start:
            return f"valid from {start:%Y-%m-%d}"
        return f"{'expired' if now > end else 'valid until'} {end:%Y-%m-%d}"

    def describe(self, now: datetime) -> str:
        """Return one line about it for messages."""
        return (
            f"{self.file.path}: subject {_short_name(self.certificate, 'subject')}, issuer "
            f"{_short_name(self.certificate, 'issuer')}, serial {self.certificate.serial_number:X}, "
            f"SHA-1 {sha1_fingerprint(self.certificate)}, {self.dates(now)}"
        )

    def with_key(self, keys: KeySearch) -> Candidate:
        """Return it with its private key, if that is found.

        Raises:
            PassphraseError: The passphrase is needed and cannot be had.
        """
        return replace(self, key=keys.find(self.certificate, self.file.path))


def sha1_fingerprint(certificate: x509.Certificate) -> str:
    """Return the fingerprint as the official helper shows it."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - a name, not a signature


def shown_name(certificate: x509.Certificate, which: str) -> str:
    """Return the subject or the issuer as selectors name it; control characters, which terminals obey, are escaped."""
    try:
        text = helper_text(getattr(certificate, which))
    except Exception:  # noqa: BLE001 - cryptography decodes a name when it is first looked at
        return "(unreadable)"
    return _CONTROL.sub(lambda char: repr(char[0])[1:-1], text)


def _short_name(certificate: x509.Certificate, which: str) -> str:
    return shown_name(certificate, which)[:_MOST_OF_A_NAME] or "(empty)"


def matching(directory: PemDirectory, selector: Selector) -> list[Candidate]:
    """Return the certificates that a selector fits, by the names of their files; none of them twice.

    Of several files with one certificate, such as ``cert.pem`` and ``fullchain.pem``, the one with the longest chain.
    """
    found: dict[bytes, Candidate] = {}
    for file in directory.files:
        for certificate in filter(selector.fits, file.certificates):
            fingerprint = certificate.fingerprint(hashes.SHA256())
            known = found.get(fingerprint)
            if known is None or len(known.file.certificates) < len(file.certificates):
                found[fingerprint] = Candidate(certificate, file)
    return sorted(found.values(), key=lambda each: each.file.path)


def choose(
    directory: PemDirectory, selector: Selector, keys: KeySearch, now: datetime, *, take_latest: bool
) -> Candidate:
    """Return the one certificate that is meant, with its key.

    End-entity certificates go before CAs, and those within their dates before others.

    Args:
        directory: What stands in it.
        selector: What is asked for.
        keys: Finds the keys.
        now: The time.
        take_latest: Of several, take the one that ends last.

    Raises:
        CertificateLoadError: None fits, or several do; what there is is listed.
        PrivateKeyLoadError: No key of what fits is there.
        PassphraseError: It may be among the keys that could not be opened.
    """
    fitting = matching(directory, selector)
    if not fitting:
        raise _nothing_fits(directory, now)
    usable = [each for each in (candidate.with_key(keys) for candidate in fitting) if each.key is not None]
    if not usable:
        raise _no_key(directory, fitting, keys, now)
    usable = [each for each in usable if not claims_ca(each.certificate)] or usable
    usable = [each for each in usable if each.is_valid(now)] or usable
    if len(usable) > 1 and not take_latest:
        raise CertificateLoadError(
            f"{len(usable)} certificates in {directory.path!r} fit, and one must be chosen:{_listed(usable, now)}",
            hint="--use-latest-expiring-certificate takes the one that ends last; "
            "Key=x509Serial or Key=x509Fingerprint in the selector names one",
        )
    return max(usable, key=_ends)


def _ends(candidate: Candidate) -> tuple[datetime, datetime, str]:
    certificate = candidate.certificate
    return certificate.not_valid_after_utc, certificate.not_valid_before_utc, candidate.file.path


def _nothing_fits(directory: PemDirectory, now: datetime) -> CertificateLoadError:
    there = [each for each in matching(directory, Selector()) if not claims_ca(each.certificate)]
    if not there:
        return CertificateLoadError(
            f"there is no end-entity certificate in {directory.path!r}{_passed_over(directory.passed_over)}",
            hint="put the certificate there in PEM, and its private key into the same file or beside it",
        )
    return CertificateLoadError(
        f"no certificate in {directory.path!r} fits the selector; these are there:{_listed(there, now)}"
        f"{_passed_over(directory.passed_over)}",
        hint="names are compared as a whole, as they are shown here or in RFC 4514 form",
    )


def _no_key(
    directory: PemDirectory, fitting: Sequence[Candidate], keys: KeySearch, now: datetime
) -> RolesAnywhereError:
    failures = tuple(f"{path}: {why}" for path, why in keys.failures.items())
    message = (
        f"the private key of what fits is not in {directory.path!r}:{_listed(fitting, now)}"
        f"{_passed_over((*directory.passed_over, *failures))}"
    )
    if keys.is_locked:
        return PassphraseError(message, hint="give the passphrase with --passphrase-file, if the key is encrypted")
    return PrivateKeyLoadError(message, hint="put it there in PEM; it is found by its public half, whatever its name")


def _listed(candidates: Sequence[Candidate], now: datetime) -> str:
    lines = [f"\n  {each.describe(now)}" for each in candidates[:_MOST_SHOWN]]
    return "".join(lines) + _more(len(candidates))


def _passed_over(reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    return "\npassed over:" + "".join(f"\n  {reason}" for reason in reasons[:_MOST_SHOWN]) + _more(len(reasons))


def _more(count: int) -> str:
    return f"\n  and {count - _MOST_SHOWN} more" if count > _MOST_SHOWN else ""
