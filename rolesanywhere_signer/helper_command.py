"""The official helper's command line as data: its flags, beside them ours, and a ``credential_process`` line read.

A profile's line and the commands of our own program read their flags by the same tables.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from .errors import ConfigurationError
from .flags import Exclusions, Flag, FlagReader, FlagValue, Given, parse_number, switch

COMMAND = "credential-process"
ONE_LINE = "write the value on one line; a backslash does not join lines in this file"
# What the helper sends where nothing is said.
DEFAULT_DURATION_SECONDS = 3600

_STORES = "the operating system's certificate stores"


def _cache(text: str) -> FlagValue:
    return text.lower() == "true" if text.lower() in ("true", "false") else text


_HELPER_TABLE = (
    Flag("certificate", "The certificate: PEM (a full chain is fine), DER, PKCS#12, or a pkcs11: URI.", "FILE"),
    Flag(
        "private-key",
        "Its private key: a file, a pkcs11: URI, or handle:0x81… of a TPM; without it, the key stands beside the "
        "certificate.",
        "FILE",
    ),
    Flag("intermediates", "The certificates between it and the trust anchor.", "FILE"),
    Flag("trust-anchor-arn", "The trust anchor.", "ARN"),
    Flag("profile-arn", "The Roles Anywhere profile.", "ARN"),
    Flag("role-arn", "The role.", "ARN"),
    Flag("session-duration", "How long the credentials live.", "SECONDS", parse_number),
    Flag("region", "The region; without it, the trust anchor's.", "REGION"),
    Flag("endpoint", "The service's URL, in place of the region's own.", "URL"),
    Flag("role-session-name", "The name of the session; the Roles Anywhere profile must allow it.", "NAME"),
    Flag("pkcs8-password", "The passphrase of the private key; other users can see it.", "TEXT", is_secret=True),
    switch("with-proxy", "Use the proxies of the environment (HTTPS_PROXY, NO_PROXY)."),
    switch("no-verify-ssl", "Do not verify TLS; whoever stands in between can then read the credentials."),
    switch("debug", "Tell on stderr what is sent and how long it takes; never a secret."),
    Flag("cert-selector", "Which certificate of the directory: Key=x509Subject,Value=…, or file://….", "SELECTOR"),
    Flag("system-store-name", "The store to choose from, on Windows.", "NAME", missing=_STORES),
    switch("use-latest-expiring-certificate", "Of several that fit, take the one that ends last."),
    Flag("pkcs11-lib", "The module of a PKCS#11 token; without it, p11-kit's proxy.", "FILE"),
    switch("reuse-pin", "Use the token's PIN for a key that wants one for each signature."),
    Flag("tpm-key-password", "The password of a key in a TPM; other users can see it.", "TEXT", is_secret=True),
    switch("no-tpm-key-password", "The key in the TPM has no password."),
)
_OUR_TABLE = (
    Flag("signing-command", "A command that signs in the place of a private key.", "COMMAND", is_ours=True),
    Flag(
        "cert-directory",
        "Choose the certificate among the PEM files of a directory, or in a token (pkcs11: URI).",
        "DIR",
        is_ours=True,
    ),
    Flag("passphrase-file", "A file with the passphrase of the private key, wherever that is.", "FILE", is_ours=True),
    Flag("cache", "Share credentials with this user's other processes.", "DIR", _cache, alone=True, is_ours=True),
    Flag("trust-anchor", "The trust anchor's certificate: refusals are explained with it.", "FILE", is_ours=True),
    Flag("ca-bundle", "The CAs that TLS is verified with.", "FILE", is_ours=True),
    switch("use-fips-endpoint", "Use the region's FIPS endpoint.", is_ours=True),
    switch("use-dualstack-endpoint", "Use the region's endpoint with IPv6.", is_ours=True),
)
# The flags with which the helper's commands, and ours, ask for credentials.
SESSION_FLAGS: Mapping[str, Flag] = {flag.name: flag for flag in (*_HELPER_TABLE, *_OUR_TABLE)}

EXCLUSIONS: Exclusions = {
    "cert-selector": ("certificate", "private-key", "intermediates", "reuse-pin"),
    "cert-directory": ("certificate", "private-key", "intermediates", "system-store-name"),
    "system-store-name": ("certificate", "private-key", "reuse-pin"),
    "use-latest-expiring-certificate": ("private-key", "intermediates", "reuse-pin"),
    "tpm-key-password": ("cert-selector", "reuse-pin", "no-tpm-key-password", "pkcs8-password"),
    "no-tpm-key-password": ("cert-selector",),
    "signing-command": (
        "private-key",
        "passphrase-file",
        "pkcs8-password",
        "pkcs11-lib",
        "reuse-pin",
        "tpm-key-password",
        "no-tpm-key-password",
        "cert-directory",
        "cert-selector",
        "system-store-name",
        "use-latest-expiring-certificate",
    ),
    "passphrase-file": ("pkcs8-password", "tpm-key-password", "no-tpm-key-password"),
    "ca-bundle": ("no-verify-ssl",),
}

# The program may have any name; but other programs have a command of this name too, with flags of their own.
_PROGRAMS = ("aws_signing_helper", "rolesanywhere-signer")
_TELLING_FLAGS = ("--trust-anchor-arn", "--profile-arn", "--certificate", "--private-key", "--cert-directory")


def refuse_stores(flags: Mapping[str, FlagValue], where: str) -> None:
    """Refuse a certificate or a key that lies in a store of the operating system.

    Raises:
        ConfigurationError: It does.
    """
    chosen_by = "cert-selector" if "cert-selector" in flags else "use-latest-expiring-certificate"
    # Beside a certificate the switch has nothing to choose from; the helper passes it over likewise.
    if any(name in flags for name in ("cert-directory", "certificate", "pkcs11-lib")) or not flags.get(chosen_by):
        return
    raise ConfigurationError(
        f"{where}: --{chosen_by} needs {_STORES}, which this library does not use, unless --cert-directory is given",
        hint="--cert-directory DIR chooses among the PEM files of a directory; a pkcs11: URI there, in a token",
    )


def is_helper_command(line: str) -> bool:
    """Return whether a ``credential_process`` line runs the official helper, or a program that takes its flags.

    A broken line counts too: it is for ``parse_helper_command`` to say what is wrong.
    """
    if any(program in line for program in _PROGRAMS):
        return True
    return COMMAND in line and any(flag in line for flag in _TELLING_FLAGS)


def parse_helper_command(line: str, where: str, *, windows: bool = sys.platform == "win32") -> Given:
    """Return the flags of a command line of the official helper, or of our own program in its place.

    It is read as botocore and the helper would read it: words by shell quoting without expansion, ``--flag value`` or
    ``--flag=value``, of a repeated flag the last. What the helper would pass over in silence is refused.

    Args:
        line: The value of ``credential_process``.
        where: How messages name it.
        windows: Split words as Windows does.

    Returns:
        The flags that are there, without their dashes: text, a number, or for a switch True or False.

    Raises:
        ConfigurationError: The line is broken, or has a flag that is unknown, without its value, not supported, or
            excluded by another; the message names the flag and never shows a value.
    """
    words = _split(line, where, windows=windows)
    if len(words) < 2 or words[1] != COMMAND:
        raise ConfigurationError(
            f"{where}: the word after the program must be {COMMAND}",
            hint="name the program itself, without sudo, env or a shell in front of it",
        )
    flags = FlagReader(COMMAND, tuple(SESSION_FLAGS.values()), where, EXCLUSIONS).read(words[2:])
    refuse_stores(flags, where)
    return flags


def _split(line: str, where: str, *, windows: bool) -> list[str]:
    lines = line.split("\n")
    # Indented lines without backslashes are one value to the SDKs too; nothing on the first line is not.
    if len(lines) > 1 and (not lines[0].strip() or any(each.rstrip().endswith("\\") for each in lines)):
        flag = re.search(r"\n\s*--([a-z0-9-]+)", line)
        shown = f", --{flag[1]} stands at the start of one" if flag and flag[1] in SESSION_FLAGS else ""
        raise ConfigurationError(f"{where} goes over several lines{shown}", hint=ONE_LINE)
    if line.rstrip().endswith("\\"):
        raise ConfigurationError(f"{where} ends with a backslash", hint=ONE_LINE)
    line = " ".join(lines)
    try:
        return split_words(line, windows=windows)
    except ValueError:
        raise ConfigurationError(
            f"{where}: a quotation mark is not closed",
            hint="close it, or put a backslash before one that belongs to a value",
        ) from None


def split_words(line: str, *, windows: bool = sys.platform == "win32") -> list[str]:
    """Return the words of a command line, as botocore splits a ``credential_process``.

    Raises:
        ValueError: A quotation mark is not closed.
    """
    import shlex  # noqa: PLC0415 - a command line has been split already

    return _split_windows(line) if windows else shlex.split(line)


def _split_windows(line: str) -> list[str]:
    """Split by the rules of Microsoft's C runtime: a backslash means itself unless a double quote follows."""
    words: list[str] = []
    word: str | None = None
    quoted = False
    for part in re.findall(r'\\*"|\\+|[ \t]+|[^\\" \t]+', line):
        if part.endswith('"'):
            slashes = len(part) - 1
            quoted ^= slashes % 2 == 0
            word = (word or "") + "\\" * (slashes // 2) + '"' * (slashes % 2)
        elif part[0] in " \t" and not quoted:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + part
    if quoted:
        raise ValueError("no closing quotation mark")
    return words if word is None else [*words, word]
