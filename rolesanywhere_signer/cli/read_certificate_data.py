"""``read-certificate-data``: what a certificate says of itself, and which of a directory a selector fits."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..flags import Given
from ..helper_command import SESSION_FLAGS, refuse_stores
from .command import PROGRAM, Command
from .terminal import note, show_log

if TYPE_CHECKING:
    from cryptography import x509

    from ..keys import Passphrase
    from ..selectors import CertificateDirectory

NAME = "read-certificate-data"


def run(given: Given) -> int:
    """Print the data of a certificate as JSON, or the certificates that a selector fits.

    Raises:
        RolesAnywhereError: A file or the selector cannot be read.
    """
    from ..certificates import load_certificates
    from ..keys.pkcs11 import is_pkcs11_uri
    from ..profiles import options_given
    from ..selectors import CertificateDirectory

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    refuse_stores(given, NAME)
    options = options_given(given)
    source = options.get("certificate")
    if source is None:
        raise ConfigurationError(
            f"{NAME}: there is no certificate to read",
            hint="give --certificate FILE, or --cert-directory DIR with a --cert-selector or without",
        )
    place = source if isinstance(source, CertificateDirectory) else None
    if is_pkcs11_uri(place.directory if place else source):
        _list_tokens(place or CertificateDirectory(str(source)), options.get("pkcs11_module"))  # type: ignore[arg-type]
    elif place is not None:
        _list(place, options.get("passphrase"))  # type: ignore[arg-type]
    else:
        sys.stdout.write(document(load_certificates(str(source))[0]))
    return 0


def document(certificate: x509.Certificate) -> str:
    """Return the JSON object of a certificate, without a line feed, byte for byte as the official helper has it."""
    from ..certificates import der_base64, key_type

    kind = key_type(certificate)
    # An ML-DSA key signs in one way; of a key that it does not know, the helper tells the hashes alone.
    algorithms = [kind] if kind.startswith("ML-DSA") else [f"{kind}SHA{size}" for size in (256, 384, 512)]
    values = {
        "keyType": kind,
        "certificateData": der_base64(certificate),
        "serialNumber": str(certificate.serial_number),
        "supportedAlgorithms": algorithms,
    }
    return json.dumps(values, separators=(",", ":"))


def _list(place: CertificateDirectory, passphrase: Passphrase | None) -> None:
    from ..certificates import claims_ca
    from ..clock import utc_now
    from ..selectors import KeySearch, matching, read_directory

    directory = read_directory(place.directory)
    keys = KeySearch(directory.files, passphrase)
    found = [each.with_key(keys) for each in matching(directory, place.parsed_selector())]
    # A CA that lies there for the chain is nobody's identity.
    identities = [each for each in found if each.key is not None or not claims_ca(each.certificate)]
    print("Matching identities" if identities else "No matching identities")
    now = utc_now()
    for number, candidate in enumerate(identities, 1):
        sys.stdout.write(_block(number, candidate.certificate))
        key = "its key was not found" if candidate.key is None else f"its key is in {candidate.key.path}"
        note(f"{number}) {candidate.file.path}, {candidate.dates(now)}; {key}")
    for reason in (*directory.passed_over, *(f"{path}: {why}" for path, why in keys.failures.items())):
        note(f"passed over: {reason}")


def _list_tokens(place: CertificateDirectory, module: str | None) -> None:
    from ..keys.pkcs11 import parse_pkcs11_uri
    from ..token_source import TokenOptions, list_certificates

    uri = parse_pkcs11_uri(str(place.directory))
    found = list_certificates(uri, TokenOptions(module, selector=place.parsed_selector()))
    print("Matching identities" if found else "No matching identities")
    for number, stored in enumerate(found, 1):
        sys.stdout.write(_block(number, stored.certificate, f"URI: {stored.uri}\n"))


def _block(number: int, certificate: x509.Certificate, more: str = "") -> str:
    from ..selectors import sha1_fingerprint, shown_name

    return (
        f"{number}) Hex Fingerprint: {sha1_fingerprint(certificate)}\n"
        f"Subject: {shown_name(certificate, 'subject')}\n"
        f"Issuer: {shown_name(certificate, 'issuer')}\n"
        f"Serial Number: {certificate.serial_number:X}\n{more}\n"
    )


_FLAGS = (
    "certificate",
    "cert-selector",
    "system-store-name",
    "pkcs11-lib",
    "debug",
    "cert-directory",
    "passphrase-file",
)
COMMAND = Command(
    name=NAME,
    summary="print what a certificate says of itself, or which of a directory or a token a selector fits",
    description="With --certificate, print the first certificate of the file as JSON: the type of its key, its DER in "
    "base64, its serial number and the algorithms.\n\nWith --cert-directory, list the certificates of a directory that "
    "--cert-selector fits, or all of them. Names and serial numbers are shown as a selector takes them; the "
    "files are told on stderr.\n\nWith a pkcs11: URI in either, list the certificates of tokens, each with its URI.",
    flags=tuple(SESSION_FLAGS[name] for name in _FLAGS),
    exclusions={
        "certificate": ("cert-selector", "system-store-name", "cert-directory"),
        "cert-directory": ("system-store-name",),
    },
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --certificate client.pem",
        f"{PROGRAM} {NAME} --cert-directory /etc/client-certificates",
        f"{PROGRAM} {NAME} --certificate pkcs11:token=client",
        f"{PROGRAM} {NAME} --cert-directory /etc/client-certificates --cert-selector 'Key=x509Subject,Value=CN=app'",
    ),
)
