"""``sign-string``: whether a key signs, by a signature over one string that names it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, cast

from ..errors import ConfigurationError
from ..flags import Flag, Given, one_of
from ..helper_command import EXCLUSIONS, SESSION_FLAGS, refuse_stores
from .command import PROGRAM, Command
from .terminal import show_log

if TYPE_CHECKING:
    from ..keys import Digest, SigningKey

NAME = "sign-string"


def run(given: Given) -> int:
    """Print the signature.

    Raises:
        RolesAnywhereError: The key cannot be read, or does not sign.
    """
    from ..keys import sign_fixed_string

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    signature = sign_fixed_string(_key(given), cast("Digest", given["digest"]))
    if given["format"] == "bin":
        sys.stdout.flush()
        sys.stdout.buffer.write(signature)
        sys.stdout.buffer.flush()
        return 0
    sys.stdout.write(f'"{signature.hex()}"' if given["format"] == "json" else signature.hex())
    return 0


def _key(given: Given) -> SigningKey:
    import functools

    from ..identities import make_identity
    from ..profiles import options_given
    from .terminal import ask_passphrase

    refuse_stores(given, NAME)
    options = options_given(given)
    if "signing_command" not in options:
        options.setdefault("passphrase", functools.cache(ask_passphrase))
    if "certificate" not in options:
        missing = "undefined certificate value" if "private_key" in options else "there is no key to sign with"
        raise ConfigurationError(
            f"{NAME}: {missing}",
            hint="give --certificate FILE and --private-key FILE, or --cert-directory DIR with a --cert-selector",
        )
    return make_identity(**options).current.key  # type: ignore[arg-type]


_FLAGS = (
    "certificate",
    "private-key",
    "cert-selector",
    "system-store-name",
    "use-latest-expiring-certificate",
    "pkcs11-lib",
    "reuse-pin",
    "tpm-key-password",
    "no-tpm-key-password",
    "pkcs8-password",
    "debug",
)
_OUR_FLAGS = ("cert-directory", "passphrase-file", "signing-command")
COMMAND = Command(
    name=NAME,
    summary="sign a fixed string with the private key, as a test of the key",
    description="Sign one string that names the key and can never be a request, and print the signature. An RSA "
    "signature is always the same. Standard input is not read.\n\nThe key must be the certificate's.",
    flags=(
        *(SESSION_FLAGS[name] for name in _FLAGS),
        Flag(
            "format",
            "How to print: json is hexadecimal in quotation marks, text without them, bin the bytes.",
            "json|text|bin",
            one_of("json", "text", "bin"),
            default="json",
        ),
        Flag(
            "digest",
            "The hash that is signed.",
            "SHA256|SHA384|SHA512",
            one_of("SHA256", "SHA384", "SHA512"),
            default="SHA256",
        ),
        *(SESSION_FLAGS[name] for name in _OUR_FLAGS),
    ),
    exclusions={
        "certificate": ("cert-selector", "system-store-name", "cert-directory"),
        "private-key": ("cert-selector", "system-store-name", "cert-directory", "use-latest-expiring-certificate"),
        "reuse-pin": (
            "use-latest-expiring-certificate",
            "cert-selector",
            "system-store-name",
            "tpm-key-password",
            "no-tpm-key-password",
        ),
        "cert-selector": ("tpm-key-password", "no-tpm-key-password"),
        "tpm-key-password": ("no-tpm-key-password", "pkcs8-password"),
        "cert-directory": ("system-store-name",),
        "signing-command": EXCLUSIONS["signing-command"],
        "passphrase-file": ("pkcs8-password", "tpm-key-password", "no-tpm-key-password"),
    },
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --certificate client.pem --private-key client.key",
        f"{PROGRAM} {NAME} --certificate client.pem --private-key client.key --digest SHA384 --format bin",
    ),
)
