"""The identity and its certificates: key and certificate, chain, the service's rules, expiry."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..assembly import identity_of
from ..certificates import has_key, load_certificates, name_text
from ..errors import KeyMismatchError, PrivateKeyError, RolesAnywhereError
from ..keys import load_private_key, sign_fixed_string
from ..keys.pkcs11 import is_pkcs11_uri
from ..selectors import CertificateDirectory
from ..validation import validate_loaded
from .findings import BrokenStepError, Remark

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ..findings import Finding
    from ..keys import SigningKey
    from .patient import Patient

_DATES = frozenset({"expired", "not-yet-valid", "expires-soon"})
_PATH = frozenset(
    {
        "issuer-not-found",
        "bad-signature",
        "path-too-long",
        "name-not-permitted",
        "name-constraints-not-checked",
        "too-many-intermediates",
    }
)
# Where the certificate of a lost key is looked for.
_MOST_FILES = 50
_MOST_BYTES = 64 * 1024
_SUFFIXES = (".pem", ".crt", ".cer", ".der")


def load_identity(patient: Patient) -> str:
    """Read certificate and key, and see that they belong together and that the key signs.

    Raises:
        SigningError: The key does not sign.
        BrokenStepError: They do not, or the key cannot be had.
        CertificateError: The certificate cannot be read.
    """
    values = dict(patient.values)
    if patient.question.ask_passphrase is not None and "signing_command" not in values:
        values.setdefault("passphrase", _asked_once(patient.question.ask_passphrase))
    # Which file of a directory holds the key is known to whoever reads it.
    patient.hears_log = isinstance(values.get("certificate"), CertificateDirectory)
    try:
        patient.identity = patient.question.options.get("identity") or identity_of(values)
    except KeyMismatchError as error:
        raise BrokenStepError(error.code, error.message, _where_the_key_fits(values) or str(error.hint)) from error
    except PrivateKeyError as error:
        raise _with_file(error, values) from error
    finally:
        patient.hears_log = False
    patient.loaded = patient.identity.current
    certificate, key = patient.loaded.certificate, patient.loaded.key
    # A key that is elsewhere is known to be the certificate's only by what it signs.
    sign_fixed_string(key)
    return (
        f"{name_text(certificate.subject)}, serial number {certificate.serial_number:x} (hexadecimal), with its key "
        f"({_kind(key)})"
    )


def _kind(key: SigningKey) -> str:
    name = type(key).__name__
    if name in ("RsaKey", "EcKey"):
        return name.removesuffix("Key").upper()
    return repr(key).strip("<>") if name == "CommandKey" else name


def _asked_once(ask: Callable[[], str]) -> Callable[[], str]:
    answers: list[str] = []

    def answer() -> str:
        if not answers:
            answers.append(ask())
        return answers[0]

    return answer


def _with_file(error: PrivateKeyError, values: dict[str, object]) -> BrokenStepError:
    path = values.get("private_key", values.get("certificate"))
    named = f" (file {os.fspath(path)!r})" if _is_path(path) else ""  # type: ignore[call-overload]
    message = error.message if str(path) in error.message else error.message + named
    return BrokenStepError(error.code, message, error.hint or "openssl pkey -in FILE -check tells more of a key")


def _where_the_key_fits(values: dict[str, object]) -> str | None:
    """Return which certificate beside key or certificate the key fits, or None."""
    key_path = values.get("private_key")
    if not _is_path(key_path):
        return None
    try:
        public_key = load_private_key(os.fspath(key_path), values.get("passphrase")).public_key  # type: ignore[arg-type, call-overload]
    except RolesAnywhereError:
        return None
    fitting = next((path for path in _certificate_files(values) if _holds(path, public_key)), None)
    if fitting is None:
        return None
    return f"the key is that of {str(fitting)!r}: give that certificate, or the key that this one was issued for"


def _holds(path: Path, public_key: CertificatePublicKeyTypes) -> bool:
    try:
        return any(has_key(each, public_key) for each in load_certificates(path))
    except RolesAnywhereError:
        return False


def _certificate_files(values: dict[str, object]) -> Iterator[Path]:
    given = [Path(os.fspath(value)) for value in map(values.get, ("certificate", "private_key")) if _is_path(value)]  # type: ignore[call-overload]
    directories = dict.fromkeys(path.absolute().parent for path in given)
    found = itertools.chain.from_iterable(_files_in(directory) for directory in directories)
    yield from itertools.islice(found, _MOST_FILES)


def _is_path(value: object) -> bool:
    # What lies in a token is no file, and its URI may hold the PIN.
    return isinstance(value, (str, os.PathLike)) and not is_pkcs11_uri(value)


def _files_in(directory: Path) -> Iterable[Path]:
    try:
        return sorted(
            path
            for path in itertools.islice(directory.iterdir(), 1000)
            if path.suffix in _SUFFIXES and path.is_file() and path.stat().st_size <= _MOST_BYTES
        )
    except OSError:
        return ()


def check_chain(patient: Patient) -> str:
    """See that a path leads to the trust anchor, or without its certificate, as far as one leads.

    Raises:
        BrokenStepError: None does, or a certificate on it breaks the rules.
        CertificateLoadError: The trust anchor's certificate cannot be read.
    """
    given = patient.values.get("trust_anchor")
    patient.anchors = None if given is None else load_certificates(given, "trust anchor")
    _judge(patient, [each for each in _findings(patient) if _is_about_the_chain(each)])
    loaded = patient.loaded
    count = len(loaded.chain)
    sent = "one intermediate goes along" if count == 1 else f"{count or 'no'} intermediates go along"
    issuer = name_text(loaded.certificate.issuer)
    if patient.anchors is not None:
        return f"issued by {issuer}, {sent}; the path to the trust anchor's certificate is complete"
    if loaded.chain and not any(each.subject == loaded.certificate.issuer for each in loaded.chain):
        patient.remark(
            f"the certificate was issued by {issuer}, whose certificate is not among the intermediates",
            f"add it to the intermediates, unless the trust anchor holds {issuer} itself",
        )
    return f"issued by {issuer}, {sent}; not followed to the trust anchor (--trust-anchor FILE does)"


def check_rules(patient: Patient) -> str:
    """See that the certificate is one that the service takes.

    Raises:
        BrokenStepError: It is not.
    """
    own = [each for each in _findings(patient) if not _is_about_the_chain(each) and each.code not in _DATES]
    _judge(patient, own)
    return "the certificate is as the service demands it"


def check_expiry(patient: Patient) -> str:
    """See that every certificate is within its dates.

    Raises:
        BrokenStepError: One is not.
    """
    _judge(patient, [each for each in _findings(patient) if each.code in _DATES])
    end = patient.loaded.certificate.not_valid_after_utc
    left = end - patient.now()
    return f"the certificate is valid until {end:%Y-%m-%d %H:%M:%S} UTC, for {_span(left.days, left.seconds)}"


def _span(days: int, seconds: int) -> str:
    return f"another {days} days" if days > 1 else f"another {days * 24 + seconds // 3600} h {seconds % 3600 // 60} min"


def _is_about_the_chain(finding: Finding) -> bool:
    return finding.code not in _DATES and (finding.code in _PATH or finding.subject != "leaf")


def _findings(patient: Patient) -> tuple[Finding, ...]:
    loaded = patient.loaded
    return validate_loaded(loaded.certificate, loaded.chain, patient.anchors, patient.now()).findings


def _judge(patient: Patient, findings: list[Finding]) -> None:
    errors = [each for each in findings if each.severity == "error"]
    for each in findings:
        if each.severity == "warning":
            patient.remark(_text(each), each.hint)
    if errors:
        first, *others = errors
        also = [Remark(_text(each), each.hint) for each in others]
        raise BrokenStepError(first.code, _text(first), first.hint, also)


def _text(finding: Finding) -> str:
    return f"{finding.subject}: {finding.message}"
