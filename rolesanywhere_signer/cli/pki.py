"""``pki``: a CA for development, and certificates of it with the extensions that the service asks for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CertificateError, ConfigurationError
from ..flags import Flag, Given, switch
from .command import PROGRAM, Action, Command
from .terminal import note

if TYPE_CHECKING:
    from ..findings import ValidationReport
    from ..testing import CertificateOptions, IssuedCertificate
    from ..testing.ca_directory import CaDirectory

NAME = "pki"
_DIRECTORY = "dev-ca"
_CA_DAYS, _LEAF_DAYS, _CRL_DAYS = 3650, 90, 30
_MOST_DAYS = 36500


def run(given: Given) -> int:
    """Do what the action says; paths on stdout.

    Raises:
        RolesAnywhereError: It could not be done.
    """
    _RUN[given.operands[0]](given)
    return 0


def _init(given: Given) -> None:
    passphrase = _passphrase_of(given, "passphrase-file")
    directory = _ca(given)
    directory.create(
        str(given.get("subject", "CN=Development CA")),
        str(given["key-type"]),
        _days(given, _CA_DAYS),
        passphrase() if passphrase else None,
        overwrite=given.is_on("force"),
    )
    print(directory.certificate)
    print(directory.private_key)
    state = "encrypted" if passphrase else "unencrypted"
    note(
        f"This CA is for development: its private key lies on this disk, {state}, and whoever has it can make\n"
        "certificates that your trust anchor accepts. AWS gets the certificate alone, as the trust anchor."
    )


def _issue(given: Given) -> None:
    from ..files import read_source

    directory = _ca(given)
    request = None
    if "csr" in given:
        request = read_source(_path(given, "csr"), what="certificate request", error=ConfigurationError)
    elif "subject" not in given:
        raise ConfigurationError(f"{NAME} issue: --subject is missing", hint="such as --subject CN=app; or --csr FILE")
    ask_key_passphrase = _passphrase_of(given, "key-passphrase-file")
    key_passphrase = ask_key_passphrase() if ask_key_passphrase else None
    out = _out(given, directory, request)
    # A path that cannot be is no certificate; writing will say what is wrong with it.
    if not given.is_on("force") and os.path.exists(out / "certificate.pem"):  # noqa: PTH110
        raise ConfigurationError(
            f"{NAME} issue: there is a certificate in {str(out)!r} already",
            hint="--force replaces it and its key; --out names another directory",
        )
    issued = directory.issue(
        given.text("subject"), _options(given), request=request, below_intermediate=given.is_on("intermediate")
    )
    written = issued.write(
        out,
        passphrase=key_passphrase,
        full_chain=given.is_on("full-chain"),
        pkcs12=given.is_on("pkcs12"),
    )
    for path in (*written, written.full_chain, written.pkcs12):
        if path is not None:
            print(path)
    _tell_findings(issued)


def _options(given: Given) -> CertificateOptions:
    options: CertificateOptions = {"key_type": str(given["key-type"]), "valid_for": _days(given, _LEAF_DAYS)}
    if "san" in given:
        options["subject_alternative_names"] = given.texts("san")
    return options


def _out(given: Given, directory: CaDirectory, request: bytes | None) -> Path:
    if "out" in given:
        return _path(given, "out")
    return directory.folder_for(given.text("subject"), request)


def _tell_findings(issued: IssuedCertificate) -> None:
    from ..clock import utc_now
    from ..validation import validate_loaded

    for finding in validate_loaded(issued.certificate, issued.intermediates, None, utc_now()).findings:
        if finding.code != "expires-soon":  # of a short life that was asked for
            note(f"{finding}\nhint: {finding.hint}")


def _revoke(given: Given) -> None:
    from ..certificates import load_certificates

    if "certificate" not in given:
        raise ConfigurationError(f"{NAME} revoke: --certificate is missing", hint="it names the certificate's file")
    certificate = load_certificates(_path(given, "certificate"))[0]
    entry, is_new = _ca(given).revoke(certificate, given.text("reason"))
    print(f"{entry.subject}, serial number {entry.serial_number}, is revoked since {entry.revoked_at}")
    if is_new:
        note(f"It counts once a new list is imported: {PROGRAM} {NAME} crl")


def _crl(given: Given) -> None:
    for path in _ca(given).write_crls(_days(given, _CRL_DAYS)):
        print(path)


def _show(given: Given) -> None:
    from ..certificates import claims_ca, load_certificates
    from ..testing.certificate_text import certificate_text
    from .report import table

    path = Path(_expanded(given.operands[1]))
    certificates = load_certificates(path)
    for certificate in certificates:
        sys.stdout.write(certificate_text(certificate) + "\n")
    try:
        report = _report(given, path, is_ca=claims_ca(certificates[0]))
    except CertificateError as error:
        note(f"The service's rules cannot be looked at: {error.message}")
    else:
        sys.stdout.write(table(report))


def _report(given: Given, path: Path, *, is_ca: bool) -> ValidationReport:
    """Return what the service would say: of a CA as a trust anchor, of anything else as a leaf."""
    from ..certificates import load_certificates
    from ..validation import validate_certificate, validate_trust_anchor

    if is_ca:
        return validate_trust_anchor(path)
    if "directory" not in given.named:
        return validate_certificate(path)
    directory = _ca(given)
    has_chain = len(load_certificates(path)) > 1 or not directory.intermediate.exists()
    intermediates = None if has_chain else directory.intermediate
    return validate_certificate(path, intermediates=intermediates, trust_anchor=directory.certificate)


def _ca(given: Given) -> CaDirectory:
    from ..testing.ca_directory import CaDirectory
    from .terminal import ask_passphrase

    passphrase = _passphrase_of(given, "passphrase-file")
    return CaDirectory(_path(given, "directory"), passphrase or ask_passphrase)


def _passphrase_of(given: Given, flag: str) -> Callable[[], str] | None:
    from ..identity_sources import PassphraseFile

    return PassphraseFile(str(_path(given, flag))) if flag in given else None


def _path(given: Given, flag: str) -> Path:
    return Path(_expanded(str(given[flag])))


def _expanded(path: str) -> str:
    # The shell leaves a tilde behind an equals sign alone; Path.expanduser raises for a user that there is not.
    return os.path.expanduser(path)  # noqa: PTH111


def _days(given: Given, otherwise: int) -> timedelta:
    return timedelta(days=int(given.get("days", otherwise)))  # type: ignore[arg-type]


def _parse_days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= _MOST_DAYS:
        raise ValueError(f"a number of days from 1 to {_MOST_DAYS}")
    return int(text)


_RUN: Mapping[str, Callable[[Given], None]] = {
    "init": _init,
    "issue": _issue,
    "revoke": _revoke,
    "crl": _crl,
    "show": _show,
}
_CA_FLAGS = ("directory", "passphrase-file")
COMMAND = Command(
    name=NAME,
    summary="make a CA for development, and certificates of it",
    description="Make a CA of your own and client certificates that IAM Roles Anywhere accepts, revoke them, and make "
    "the lists that ImportCrl takes. Paths of what is written go to standard output.\n\nThis is for development and "
    "for tests. The CA's private key is a file on this disk: a CA for production keeps it in hardware, and somebody "
    "watches over it.",
    words=("ACTION",),
    actions=(
        Action("init", "Make the CA.", (*_CA_FLAGS, "subject", "key-type", "days", "force")),
        Action(
            "issue",
            "Issue a certificate: digitalSignature, clientAuth, no CA.",
            (
                *_CA_FLAGS,
                *("subject", "san", "csr", "key-type", "days", "out", "intermediate"),
                *("key-passphrase-file", "full-chain", "pkcs12", "force"),
            ),
        ),
        Action("revoke", "Revoke a certificate of the CA.", (*_CA_FLAGS, "certificate", "reason")),
        Action("crl", "Write the list of what is revoked: crl.pem.", (*_CA_FLAGS, "days")),
        Action("show", "Show a certificate, and what the service says of it.", ("directory",), ("FILE",)),
    ),
    flags=(
        Flag("directory", "Where the CA is; show looks for the path to it.", "DIR", default=_DIRECTORY),
        Flag("passphrase-file", "A file with the passphrase of the CA's private key.", "FILE"),
        Flag("subject", "The name, in RFC 4514's form, such as CN=app,O=Example.", "NAME"),
        Flag(
            "san", "An alternative name, such as DNS:app.example or URI:spiffe://a/b.", "TYPE:VALUE", is_repeatable=True
        ),
        Flag("csr", "Certify the key of this certificate request, and its names.", "FILE"),
        Flag(
            "key-type",
            "Of the new key, such as P-256, RSA-2048, ML-DSA-65, Ed25519 (for a CA).",
            "TYPE",
            default="P-384",
        ),
        Flag(
            "days",
            f"How long it is valid; without it, a CA {_CA_DAYS}, a certificate {_LEAF_DAYS}, a list {_CRL_DAYS}.",
            "DAYS",
            _parse_days,
        ),
        Flag("out", "Where the files go; without it, to a folder of the CA's, named after the subject.", "DIR"),
        switch("intermediate", "Issue below an intermediate CA, which is made at first; its certificate is chain.pem."),
        Flag("key-passphrase-file", "Encrypt the new private key with the passphrase in this file.", "FILE"),
        switch("full-chain", "Write full-chain.pem too: the certificate, and the intermediate behind it."),
        switch("pkcs12", "Write identity.p12 too: certificate, private key and chain in one file."),
        Flag("certificate", "The certificate to revoke.", "FILE"),
        Flag("reason", "Why, such as keyCompromise or superseded (RFC 5280, section 5.3.1).", "REASON"),
        switch("force", "Replace what is there."),
    ),
    exclusions={"csr": ("key-type", "key-passphrase-file", "pkcs12")},
    run=run,
    examples=(
        f"{PROGRAM} {NAME} init --subject 'CN=Development CA,O=Example'",
        f"{PROGRAM} {NAME} issue --subject CN=app --san DNS:app.example --days 30",
        f"{PROGRAM} {NAME} issue --csr app.csr --out app",
        f"{PROGRAM} {NAME} revoke --certificate {_DIRECTORY}/app/certificate.pem --reason keyCompromise",
        f"{PROGRAM} {NAME} crl",
        f"{PROGRAM} {NAME} show {_DIRECTORY}/app/certificate.pem",
    ),
)
