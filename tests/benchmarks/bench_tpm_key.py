"""Signatures through keys in a simulated TPM, beside the bare call of the binding with a key that is loaded already."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rolesanywhere_signer.keys import load_private_key
from tests.tpm.software_tpm import TOOLS, SoftwareTpm, software_tpm

from .measure import time_calls

_DATA = b"a request's string to sign"


def main() -> None:
    """Print the figures, or why there are none."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if find_spec("tpm2_pytss") is None or missing:
        print(f"Keys in a TPM: not measured, {', '.join(missing) or 'tpm2-pytss'} is missing")
        return
    with tempfile.TemporaryDirectory() as directory, software_tpm(Path(directory)) as tpm:
        os.environ["TPM2TOOLS_TCTI"] = tpm.tcti
        _measure(tpm)


def _measure(tpm: SoftwareTpm) -> None:
    print("Signing with a key in a simulated TPM (median, signatures a second; ratio of the time to the bare call)")
    kinds = (
        ("P-256", "ecc256", ("-algorithm", "EC", "-pkeyopt", "group:P-256")),
        ("RSA-2048", "rsa2048", ("-algorithm", "RSA", "-pkeyopt", "bits:2048")),
    )
    for name, algorithm, options in kinds:
        at_handle, in_file = tpm.key_at_handle(algorithm).source, tpm.openssl_file(*options).source
        handle_key, file_key = load_private_key(at_handle), load_private_key(in_file)
        bare, close = _bare_call(int(at_handle.removeprefix("handle:"), 16), is_rsa=algorithm == "rsa2048")
        calls = {
            f"{name} bare Esys_Sign": bare,
            f"{name} handle": lambda key=handle_key: key.sign(_DATA),
            f"{name} key file": lambda key=file_key: key.sign(_DATA),
        }
        try:
            figures = time_calls(calls, rounds=15, repeat=10)
        finally:
            close()
        floor = next(iter(figures.values()))
        for what, microseconds in figures.items():
            print(f"  {what:<26}{1e6 / microseconds:>10.0f}{microseconds / floor:>8.2f}")


def _bare_call(handle: int, *, is_rsa: bool) -> tuple[Callable[[], object], Callable[[], None]]:
    """Return what signs a digest over a connection that stays open, and what closes it."""
    import tpm2_pytss as tss

    esapi: Any = tss.ESAPI(os.environ["TPM2TOOLS_TCTI"])
    key = esapi.tr_from_tpmpublic(handle)
    scheme = tss.TPMT_SIG_SCHEME(scheme=tss.TPM2_ALG.RSASSA if is_rsa else tss.TPM2_ALG.ECDSA)
    scheme.details.any.hashAlg = tss.TPM2_ALG.SHA256
    ticket = tss.TPMT_TK_HASHCHECK(tag=tss.TPM2_ST.HASHCHECK, hierarchy=tss.TPM2_RH.NULL)
    digest = hashlib.sha256(_DATA).digest()
    return (lambda: esapi.sign(key, digest, scheme, ticket)), esapi.close


if __name__ == "__main__":
    main()
