"""``validate``: everything that the service would refuse about a certificate, its key, chain and trust anchor."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import CertificateLoadError, ConfigurationError
from ..flags import Flag, Given, one_of
from ..helper_command import EXCLUSIONS, SESSION_FLAGS, refuse_stores
from .command import PROGRAM, Command
from .common import PROFILE
from .terminal import note

if TYPE_CHECKING:
    from ..findings import ValidationReport
    from ..keys import Passphrase, SigningKey
    from ..selectors import CertificateDirectory

NAME = "validate"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2}))?")


def run(given: Given) -> int:
    """Print the report; 1 if the service would refuse.

    Raises:
        RolesAnywhereError: A file cannot be read or understood, or there is nothing to validate.
    """
    from ..clock import utc_now
    from .report import document, table

    refuse_stores(given, NAME)
    at = moment(str(given["at"])) if "at" in given else utc_now()
    report = _report(_options(given), at)
    sys.stdout.write(document(report, at) if given["format"] == "json" else table(report))
    return 0 if report.ok else 1


def moment(text: str) -> datetime:
    """Return the time that is written: a day, which begins in UTC, or a time with its offset.

    Raises:
        ValueError: It is none; says how to write one.
    """
    try:
        if _MOMENT.fullmatch(text):
            found = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return found.replace(tzinfo=timezone.utc) if len(text) == 10 else found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise ValueError("a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z")


def _checked_moment(text: str) -> str:
    moment(text)
    return text


def _options(given: Given) -> dict[str, Any]:
    """Return what is to be validated: flags, over what a profile says."""
    import os

    from ..profiles import Options, chained_profile, options_from_profile, options_given

    options = Options(NAME, options_given(given), str)
    profile = given.text("profile")
    if profile is None:
        return dict(options.values)
    chain = chained_profile(profile, os.environ)
    values = dict(options.over(options_from_profile(chain.source if chain else profile, os.environ)).values)
    # A profile without a key has it in the certificate's file, where it must be then.
    return values if "signing_command" in values else {"private_key": values.get("certificate"), **values}


def _report(options: dict[str, Any], at: datetime) -> ValidationReport:
    from ..validation import validate_certificate, validate_trust_anchor

    anchor = options.get("trust_anchor")
    if "certificate" not in options:
        _check_anchor_alone(options)
        return validate_trust_anchor(anchor, at)  # type: ignore[arg-type]
    if anchor is None:
        note("note: without --trust-anchor FILE, no path to a trust anchor is looked for")
    certificate, private_key, intermediates, passphrase = _parts(options, at)
    return validate_certificate(certificate, private_key, intermediates, anchor, at, passphrase=passphrase)


def _check_anchor_alone(options: dict[str, Any]) -> None:
    others = ("private_key", "intermediates", "signing_command")
    beside = " and ".join(f"--{name.replace('_', '-')}" for name in others if name in options)
    if "trust_anchor" not in options or beside:
        raise ConfigurationError(
            f"{NAME}: there is no certificate {f'for {beside}' if beside else 'to validate'}",
            hint="give --certificate FILE, --cert-directory DIR, --profile NAME, or --trust-anchor FILE alone",
        )


def _parts(options: dict[str, Any], at: datetime) -> tuple[Any, Any, Any, Passphrase | None]:
    """Return certificate, private key, intermediates and passphrase as ``validate_certificate`` takes them."""
    import functools

    from ..files import read_source
    from ..keys import is_pkcs12
    from ..keys.pkcs11 import is_pkcs11_uri
    from ..selectors import CertificateDirectory
    from .terminal import ask_passphrase

    if "signing_command" in options:
        return _signed_by_command(options)
    certificate, intermediates = options["certificate"], options.get("intermediates")
    passphrase = options.get("passphrase", functools.cache(ask_passphrase))
    private_key = options.get("private_key")
    if any(is_pkcs11_uri(each) for each in (certificate, private_key, getattr(certificate, "directory", None))):
        return (*_of_token(options, passphrase, at), passphrase)
    if isinstance(certificate, CertificateDirectory):
        return (*_chosen(certificate, passphrase, at), passphrase)
    content = read_source(certificate, what="certificate", error=CertificateLoadError)
    if is_pkcs12(content):
        return _certificates_of(content, passphrase), None, intermediates, passphrase
    if private_key is None and b"PRIVATE KEY-----" in content:
        private_key = certificate
    return certificate, private_key, intermediates, passphrase


def _signed_by_command(options: dict[str, Any]) -> tuple[Any, Any, Any, None]:
    """Return the parts, with the key behind the command, which has signed a string as a test."""
    from ..identities import make_identity
    from ..keys import sign_fixed_string

    names = ("certificate", "intermediates", "signing_command")
    key = make_identity(**{name: options[name] for name in names if name in options}).current.key
    sign_fixed_string(key)
    return options["certificate"], key, options.get("intermediates"), None


def _chosen(
    place: CertificateDirectory, passphrase: Passphrase, at: datetime
) -> tuple[bytes, bytes | SigningKey, bytes | None]:
    from ..selectors import DirectorySource

    source = DirectorySource(place, passphrase, lambda: at)
    contents = source.read()
    note(f"note: validating {source.describe('certificate')}")
    return contents.certificate, contents.private_key, contents.intermediates


def _of_token(options: dict[str, Any], passphrase: Passphrase, at: datetime) -> tuple[bytes, SigningKey, bytes | None]:
    from ..certificates import pem_text
    from ..identities import make_identity

    names = ("certificate", "private_key", "intermediates", "pkcs11_module", "reuse_pin")
    parts = {name: options[name] for name in names if name in options}
    # A profile without a key has it in the token of the certificate.
    if parts.get("private_key") == parts["certificate"]:
        del parts["private_key"]
    identity = make_identity(**parts, passphrase=passphrase, clock=lambda: at)
    loaded = identity.current
    note(f"note: validating {identity}")
    return pem_text([loaded.certificate]), loaded.key, pem_text(loaded.chain) or None


def _certificates_of(content: bytes, passphrase: Passphrase) -> bytes:
    """Return the certificates of a PKCS#12 file; which is the key's, the file itself says."""
    from ..certificates import pem_text
    from ..keys import parse_pkcs12

    certificates, _ = parse_pkcs12(content, passphrase)
    return pem_text(certificates)


_FLAGS = (
    "certificate",
    "private-key",
    "intermediates",
    "passphrase-file",
    "pkcs8-password",
    "signing-command",
    "tpm-key-password",
    "no-tpm-key-password",
    "cert-directory",
    "cert-selector",
    "use-latest-expiring-certificate",
    "pkcs11-lib",
    "reuse-pin",
)
_ANCHOR = SESSION_FLAGS["trust-anchor"]._replace(help="The trust anchor's certificate: the path to it is looked for.")
_AT = Flag("at", "The time to look at, a day or with the time of day; without it, now.", "TIME", _checked_moment)
_FORMAT = Flag("format", "A table for a person, or JSON.", "table|json", one_of("table", "json"), default="table")
COMMAND = Command(
    name=NAME,
    summary="say what the service would refuse about a certificate",
    description="Check a certificate by the rules of IAM Roles Anywhere: the certificate itself, its private key, each "
    "intermediate, the trust anchor, and the path to it. Everything that is wrong is told at once, with what to do. "
    "Revocation is not checked: only the service knows its lists.\n\nThe exit code is 1 if the service would refuse, "
    "and 0 with warnings alone. With --trust-anchor alone, the trust anchor is checked as it is when it is uploaded.",
    # The command is ours, and so are its flags.
    flags=tuple(
        flag._replace(is_ours=True)
        for flag in (*(SESSION_FLAGS[name] for name in _FLAGS), _ANCHOR, PROFILE, _AT, _FORMAT)
    ),
    exclusions=EXCLUSIONS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --certificate client.pem --private-key client.key --trust-anchor rootCA.pem",
        f"{PROGRAM} {NAME} --trust-anchor rootCA.pem",
        f"{PROGRAM} {NAME} --profile onprem --at 2027-01-31 --format json",
    ),
)
