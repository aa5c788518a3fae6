"""Certificate revocation lists (RFC 5280, section 5): what a CA has revoked, right by default, wrong where asked."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..clock import require_aware, utc_now
from ..errors import ConfigurationError
from ..files import StrPath
from ..private_files import write_private
from . import der
from .extensions import IssuerIdentity, authority_key_identifier
from .issued import IssuedCertificate
from .names import Subject, distinguished_name
from .seam import arguments_of
from .signatures import Signing, turn_a_bit

if TYPE_CHECKING:
    from .authority import CertificateAuthority

MAX_ENTRIES = 200_000

# RFC 5280, section 5.3.1.
_REASONS = {
    "unspecified": 0,
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
    "removeFromCRL": 8,
    "privilegeWithdrawn": 9,
    "aACompromise": 10,
}
_REASON, _INVALIDITY_DATE = "2.5.29.21", "2.5.29.24"
_LASTS = timedelta(days=7)
_CAN_BE_LEFT_OUT = ("next_update", "number", "authority_key_identifier")
# In a list's body, the explicit tag of its extensions.
_EXTENSIONS = 0xA0


class CrlOptions(TypedDict, total=False):
    """The keyword arguments of ``CertificateAuthority.crl``.

    Attributes:
        this_update: Aware; None: now, by the machine's clock.
        next_update: Aware; None: a week after ``this_update``.
        expired: Made eight days ago, and due to be replaced yesterday.
        number: The CRL number; None: one higher than the highest so far.
        delta_base: Makes it a delta CRL: what has changed since the list of this number.
        more_serial_numbers: Listed as well, revoked at ``this_update``; 200,000 at most in all.
        issuing_distribution_point: Which certificates it covers; None: all.
        extra_extensions: Pairs of any ``x509.ExtensionType`` and whether it is critical.
        signature_hash: Such as ``SHA-384``, also ``MD5`` and ``SHA-1``; None: SHA-256.
        rsa_padding: ``PKCS1v15`` or ``PSS``, for a CA with an RSA key.
        deterministic: Whether a CA with an EC key signs as RFC 6979 has it.
        version: 2; or, wrong on purpose, 1, which has no extensions.
        leave_out: Wrong on purpose: ``next_update``, ``number``, ``authority_key_identifier``.
        signed_by: Wrong on purpose: another CA, with whose key it is signed under this CA's name.
        issuer: Wrong on purpose: another name than the CA's.
        wrong_signature: Whether one bit of the signature is turned over.
        edit_tbs: Called with the DER of the list's body; what it returns is signed instead.
        edit_der: Called with the DER of the signed list; what it returns takes its place.
    """

    this_update: datetime | None
    next_update: datetime | None
    expired: bool
    number: int | None
    delta_base: int | None
    more_serial_numbers: Iterable[int]
    issuing_distribution_point: x509.IssuingDistributionPoint | None
    extra_extensions: Iterable[tuple[x509.ExtensionType, bool]]
    signature_hash: str | None
    rsa_padding: str
    deterministic: bool
    version: int
    leave_out: Iterable[str]
    signed_by: CertificateAuthority | None
    issuer: Subject | None
    wrong_signature: bool
    edit_tbs: Callable[[bytes], bytes] | None
    edit_der: Callable[[bytes], bytes] | None


_DEFAULTS: CrlOptions = {
    "this_update": None,
    "next_update": None,
    "expired": False,
    "number": None,
    "delta_base": None,
    "more_serial_numbers": (),
    "issuing_distribution_point": None,
    "extra_extensions": (),
    "signature_hash": None,
    "rsa_padding": "PKCS1v15",
    "deterministic": False,
    "version": 2,
    "leave_out": (),
    "signed_by": None,
    "issuer": None,
    "wrong_signature": False,
    "edit_tbs": None,
    "edit_der": None,
}


@dataclass(frozen=True)
class RevocationList:
    """A signed CRL.

    Attributes:
        der: As DER.
        number: Its CRL number.
    """

    der: bytes
    number: int

    @property
    def pem(self) -> bytes:
        """As PEM, which is what ImportCrl takes.

        Raises:
            ConfigurationError: It is malformed on purpose.
        """
        return self.crl.public_bytes(Encoding.PEM)

    @property
    def crl(self) -> x509.CertificateRevocationList:
        """As cryptography's object.

        Raises:
            ConfigurationError: It is malformed on purpose.
        """
        with arguments_of("the CRL cannot be read"):
            return x509.load_der_x509_crl(self.der)

    def write(self, path: StrPath) -> Path:
        """Write it as PEM, replaced in one step, mode 0600.

        Raises:
            ConfigurationError: The file cannot be written, or the CRL is malformed on purpose.
        """
        pem = self.pem
        try:
            write_private(path, pem)
        except OSError as error:
            raise ConfigurationError(f"cannot write the CRL to {os.fspath(path)!r}: {error.strerror}") from error
        return Path(path)

    def __repr__(self) -> str:
        return f"<RevocationList number {self.number}, {len(self.der):,} bytes>"


@dataclass(frozen=True)
class Revocation:
    """One entry.

    Attributes:
        serial_number: The certificate's.
        at: When it was revoked, aware.
        reason: As RFC 5280 names it, or None.
        invalid_since: Aware, or None.
        since_number: The number of the first list that tells of it.
    """

    serial_number: int
    at: datetime
    reason: str | None = None
    invalid_since: datetime | None = None
    since_number: int = 1

    def encoded(self, *, with_extensions: bool) -> bytes:
        """Return the entry as DER."""
        extensions = []
        if self.reason is not None:
            code = der.integer(_REASONS[self.reason], der.ENUMERATED)
            extensions.append(der.extension(_REASON, code))
        if self.invalid_since is not None:
            extensions.append(der.extension(_INVALIDITY_DATE, der.generalized_time(self.invalid_since)))
        more = (der.sequence(*extensions),) if extensions and with_extensions else ()
        return der.sequence(der.integer(self.serial_number), _encoded_time(self.at), *more)


# Of a long list, most entries have the same time.
_encoded_time = functools.lru_cache(maxsize=256)(der.time)


class Revocations:
    """What a CA has revoked so far, and how many lists it has made of it."""

    def __init__(self) -> None:
        self._entries: dict[int, Revocation] = {}
        self._last_number = 0

    def revoke(
        self,
        issuer: x509.Certificate,
        certificate: IssuedCertificate | x509.Certificate | int,
        reason: str | None,
        at: datetime | None,
        invalid_since: datetime | None,
    ) -> None:
        """Enter a revocation; see ``CertificateAuthority.revoke``."""
        serial = _serial_number(issuer, certificate)
        if reason is not None:
            check_reason(reason)
        before = self._entries.get(serial)
        if reason == "removeFromCRL" and (before is None or before.reason != "certificateHold"):
            raise ConfigurationError("only a certificateHold can be taken back")
        self._entries[serial] = Revocation(
            serial,
            utc_now() if at is None else require_aware(at, "at"),
            reason,
            None if invalid_since is None else require_aware(invalid_since, "invalid_since"),
            self._last_number + 1,
        )

    def crl(self, authority: CertificateAuthority, identity: IssuerIdentity, options: CrlOptions) -> RevocationList:
        """Return a list; see ``CertificateAuthority.crl``."""
        knobs = _all_knobs(options)
        number = self._last_number + 1 if knobs["number"] is None else knobs["number"]
        with arguments_of("the CRL cannot be made"):
            this_update, next_update = _times(knobs)
            entries = [*self._listed(knobs["delta_base"]), *_more(knobs, this_update)]
            builder = (
                x509.CertificateRevocationListBuilder()
                .issuer_name(
                    authority.certificate.subject if knobs["issuer"] is None else distinguished_name(knobs["issuer"])
                )
                .last_update(this_update)
                .next_update(next_update)
            )
            for extension, critical in _extensions(knobs, number, identity):
                builder = builder.add_extension(extension, critical)
            signer = authority if knobs["signed_by"] is None else knobs["signed_by"]
            encoded = _signed(builder, signer, knobs, entries)
        self._last_number = max(self._last_number, number)
        return RevocationList(encoded, number)

    def _listed(self, delta_base: int | None) -> Iterator[Revocation]:
        for entry in self._entries.values():
            if entry.reason != "removeFromCRL" if delta_base is None else entry.since_number > delta_base:
                yield entry


def check_reason(reason: str) -> None:
    """Check that there is such a reason.

    Raises:
        ConfigurationError: There is none.
    """
    if not isinstance(reason, str) or reason not in _REASONS:
        raise ConfigurationError(f"there is no reason {reason!r}", hint=f"one of {', '.join(_REASONS)}")


def _serial_number(issuer: x509.Certificate, certificate: IssuedCertificate | x509.Certificate | int) -> int:
    if isinstance(certificate, int) and not isinstance(certificate, bool):
        return certificate
    found = certificate.certificate if isinstance(certificate, IssuedCertificate) else certificate
    if not isinstance(found, x509.Certificate):
        raise ConfigurationError(f"a certificate or a serial number is revoked, not {type(found).__name__}")
    if found.issuer != issuer.subject:
        raise ConfigurationError(
            "the certificate was issued by another CA", hint="to list it all the same, give its serial number"
        )
    return found.serial_number


def _all_knobs(options: CrlOptions) -> CrlOptions:
    known = CrlOptions.__annotations__
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigurationError(
            f"a CRL has no option {', '.join(unknown)}", hint=f"the options are {', '.join(known)}"
        )
    knobs: CrlOptions = {**_DEFAULTS, **options}
    with arguments_of("leave_out is no list of names"):
        odd = [name for name in knobs["leave_out"] if name not in _CAN_BE_LEFT_OUT]
    if odd:
        raise ConfigurationError(f"{odd!r} cannot be left out of a CRL", hint=f"one of {', '.join(_CAN_BE_LEFT_OUT)}")
    if knobs["expired"] and (knobs["this_update"] or knobs["next_update"]):
        raise ConfigurationError("give expired or the times, not both")
    return knobs


def _times(knobs: CrlOptions) -> tuple[datetime, datetime]:
    now = utc_now().replace(microsecond=0)
    if knobs["expired"]:
        return now - timedelta(days=8), now - timedelta(days=1)
    this_update = now if knobs["this_update"] is None else require_aware(knobs["this_update"], "this_update")
    if knobs["next_update"] is None:
        return this_update, this_update + _LASTS
    return this_update, require_aware(knobs["next_update"], "next_update")


def _more(knobs: CrlOptions, this_update: datetime) -> Iterator[Revocation]:
    # Never more than are looked at: the iterable may have no end.
    serials = list(itertools.islice(knobs["more_serial_numbers"], MAX_ENTRIES + 1))
    if len(serials) > MAX_ENTRIES:
        raise ConfigurationError(f"a CRL has at most {MAX_ENTRIES:,} entries here")
    for serial in serials:
        yield Revocation(serial, this_update)


def _extensions(knobs: CrlOptions, number: int, identity: IssuerIdentity) -> Iterator[tuple[x509.ExtensionType, bool]]:
    left_out = set(knobs["leave_out"])
    if "authority_key_identifier" not in left_out:
        yield authority_key_identifier(identity), False
    if "number" not in left_out:
        yield x509.CRLNumber(number), False
    if knobs["delta_base"] is not None:
        yield x509.DeltaCRLIndicator(knobs["delta_base"]), True
    if knobs["issuing_distribution_point"] is not None:
        yield knobs["issuing_distribution_point"], True
    yield from knobs["extra_extensions"]


def _signed(
    builder: x509.CertificateRevocationListBuilder,
    signer: IssuedCertificate,
    knobs: CrlOptions,
    entries: list[Revocation],
) -> bytes:
    signing = Signing(signer.private_key, knobs["signature_hash"], knobs["rsa_padding"], bool(knobs["deterministic"]))

    def edit(body: bytes) -> bytes:
        edited = _with_entries(body, entries, knobs)
        return edited if knobs["edit_tbs"] is None else knobs["edit_tbs"](edited)

    encoded = signing.sign_again(signing.sign(builder), edit)
    if knobs["wrong_signature"]:
        encoded = turn_a_bit(encoded)
    return encoded if knobs["edit_der"] is None else bytes(knobs["edit_der"](encoded))


def _with_entries(body: bytes, entries: list[Revocation], knobs: CrlOptions) -> bytes:
    """Return a list's body with its entries, which cryptography's builder would take a quarter of an hour for."""
    _version, algorithm, issuer, this_update, next_update, *extensions = der.split(body)
    members = [algorithm, issuer, this_update]
    if "next_update" not in knobs["leave_out"]:
        members.append(next_update)
    if entries:
        is_new = knobs["version"] == 2
        members.append(der.sequence(*(entry.encoded(with_extensions=is_new) for entry in entries)))
    if knobs["version"] == 1:
        return der.sequence(*members)
    return der.sequence(der.integer(knobs["version"] - 1), *members, *extensions)
