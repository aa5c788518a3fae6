"""Profiles shaped as users have them in reports, tutorials and templates: understood, or refused with the place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rolesanywhere_signer.profiles import options_from_profile
from tests.support.aws_profiles import ANCHOR, ARNS, HELPER_ARNS, PROFILE, ROLE, config_environment, refused

HELPER = "credential_process = aws_signing_helper credential-process"
FILES = "--certificate c.pem --private-key c.key"
SWITCHES = "--no-verify-ssl --with-proxy --debug --region eu-west-1"
PLAIN = {"certificate": "c.pem", "private_key": "c.key", **ARNS, "duration_seconds": 3600, "proxies": {}}

UNDERSTOOD = {
    "the user guide's": (f"[profile x]\n  {HELPER} {FILES} {HELPER_ARNS}\n", PLAIN),
    "a node's, after the region": (
        f"[profile x]\nregion = eu-west-1\n{HELPER} {FILES} {HELPER_ARNS.replace('-arn ', '-arn  ')}\n",
        PLAIN,
    ),
    "a template's, all of it indented": (
        f"\t[profile x]\n\tregion = eu-west-1\n\t{HELPER} {FILES} {HELPER_ARNS}\n",
        PLAIN,
    ),
    "ARNs on indented lines, which the SDKs join": (
        f"[profile x]\n{HELPER} {FILES} --profile-arn {PROFILE}\n   --role-arn {ROLE}\n   --trust-anchor-arn {ANCHOR}",
        PLAIN,
    ),
    "no blank about the equals sign": (f"[profile x]\n{HELPER.replace(' = ', '=')} {FILES} {HELPER_ARNS}", PLAIN),
    "key and certificate in one file": (
        f"[profile x]\n{HELPER} --certificate current.pem --private-key current.pem {HELPER_ARNS}\n",
        {**PLAIN, "certificate": "current.pem", "private_key": "current.pem"},
    ),
    "every switch of a Windows user": (
        f"[profile x]\n{HELPER.replace('signing_helper', 'signing_helper.exe')} {FILES} {HELPER_ARNS} {SWITCHES}",
        {**{name: value for name, value in PLAIN.items() if name != "proxies"}, "verify": False, "region": "eu-west-1"},
    ),
    "a home directory that no shell expands": (
        f"[profile x]\n{HELPER} --certificate ~/.ssh/c.crt --private-key ~/.ssh/c.key {HELPER_ARNS}",
        {
            **PLAIN,
            "certificate": os.path.expanduser("~/.ssh/c.crt"),
            "private_key": os.path.expanduser("~/.ssh/c.key"),
        },
    ),
    "intermediates and an hour": (
        f"[profile x]\n{HELPER} {FILES} --intermediates chain.pem --session-duration 3600 {HELPER_ARNS}",
        {**PLAIN, "intermediates": "chain.pem"},
    ),
    "a smart card": (
        f"[profile x]\n{HELPER} --certificate 'pkcs11:token=card;object=c' --pkcs11-lib ~/p11.so {HELPER_ARNS}",
        {
            **{name: value for name, value in PLAIN.items() if name != "private_key"},
            "certificate": "pkcs11:token=card;object=c",
            "pkcs11_module": os.path.expanduser("~/p11.so"),
        },
    ),
    "a broken profile beside it": (
        f"[profile y]\n{HELPER} \\\n--certificate c.pem \\\n[profile x]\n{HELPER} {FILES} {HELPER_ARNS}",
        PLAIN,
    ),
}
BACKSLASHES = f"{HELPER} \\\n  --certificate c.pem \\\n  --private-key c.key \\\n  --trust-anchor-arn {ANCHOR}"
REFUSED = {
    "a shell's lines, indented": (f"[profile x]\n{BACKSLASHES}", "goes over several lines, --certificate stands"),
    "a shell's lines, not indented": (
        f"[profile x]\n{BACKSLASHES.replace('  --', '--')}",
        "line 3 (--certificate) is neither 'key = value' nor indented",
    ),
    "a shell's lines with blanks behind the backslash": (
        f"[profile x]\n{HELPER} \\    \n  --certificate c.pem \\\n  --private-key c.key",
        "goes over several lines, --certificate stands",
    ),
    "one backslash forgotten": (
        f"[profile x]\n    {HELPER} \\\n      --certificate c.pem\n      --profile-arn {PROFILE} \\",
        "goes over several lines, --certificate stands",
    ),
    "ARNs on lines of their own, not indented": (
        f"[profile x]\n{HELPER} {FILES}\n--role-arn {ROLE}\n--trust-anchor-arn {ANCHOR}",
        "--role-arn begins a line of its own",
    ),
    "the value below its key": (
        f"[profile x]\ncredential_process =\n  aws_signing_helper credential-process {FILES} {HELPER_ARNS}",
        "goes over several lines",
    ),
    "a command where a profile belongs": (
        f"./aws_signing_helper credential-process {FILES} {HELPER_ARNS}",
        "has no section '[profile x]'; its profiles: none",
    ),
    "a section without the word profile": (
        f"[x]\n{HELPER} {FILES} {HELPER_ARNS}",
        "has no section '[profile x]'; its profiles: none",
    ),
    "a typing error": (f"[profile x]\n{HELPER} {FILES.replace('private', 'privake')}", "is --private-key meant?"),
    "a shell around it": (
        f"[profile x]\ncredential_process = sh -c '{HELPER.partition(' = ')[2]} {FILES} {HELPER_ARNS}'",
        "must be credential-process",
    ),
    "the credentials of another run": ("[profile x]\ncredential_process = cat /c.json", "of another program"),
    "the newest certificate of a store": (
        f"[profile x]\n{HELPER} --cert-selector Key=x509Subject,Value=CN=app --use-latest-expiring-certificate",
        "--cert-selector needs the operating system's certificate stores",
    ),
    "a placeholder left in place": (
        f"[profile x]\n{HELPER} {FILES} --profile-arn [profile ARN] --role-arn {ROLE}",
        "a word that is no flag stands after --profile-arn",
    ),
}


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_understood(tmp_path: Path, text: str, expected: dict[str, object]) -> None:
    assert options_from_profile("x", config_environment(tmp_path, text)).values == expected


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, text: str, said: str) -> None:
    environment = config_environment(tmp_path, text)
    message = refused(lambda: options_from_profile("x", environment))
    assert said in message
    assert repr(environment["AWS_CONFIG_FILE"]) in message
