"""Signatures per second through each kind of key, beside the bare call of the library under it.

A kind is a function that yields rows: a name, our signature, and the bare one. What this machine lacks has no rows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_calls

_DATA = b"AWS4-X509-ECDSA-SHA256\n" + b"a string to sign, as long as they are\n" * 4


class Row(NamedTuple):
    """One key.

    Attributes:
        name: What is shown.
        ours: Signs with the key of ours.
        bare: Signs with nothing but the library under it.
    """

    name: str
    ours: Callable[[], object]
    bare: Callable[[], object]


Kind = Callable[[ExitStack], Iterator[Row]]


def in_files(_stack: ExitStack) -> Iterator[Row]:
    """Keys in memory, beside cryptography."""
    for key_type in ("P-256", "RSA-2048"):
        issued = CertificateAuthority().issue("CN=app", key_type=key_type)
        key, bare = parse_private_key(issued.private_key_pem), issued.private_key
        if isinstance(bare, ec.EllipticCurvePrivateKey):
            yield Row(f"file {key_type}", _signing(key), _ecdsa(bare))
        else:
            yield Row(f"file {key_type}", _signing(key), _pkcs1(bare))


def in_tokens(stack: ExitStack) -> Iterator[Row]:
    """Keys in SoftHSM, beside python-pkcs11."""
    try:
        import pkcs11
    except ImportError:
        return
    from rolesanywhere_signer.keys.pkcs11 import Pkcs11Key
    from tests.tokens.cards import PIN, SO_PIN, Card, run, softhsm_module

    module = softhsm_module()
    if module is None or shutil.which("pkcs11-tool") is None:
        return
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (directory / "tokens").mkdir()
    configuration = directory / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    run("softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", PIN, "--so-pin", SO_PIN)
    card = Card("bench", module, directory)
    digest = hashlib.sha256(_DATA).digest()
    kinds = (("P-256", "EC:prime256v1", pkcs11.Mechanism.ECDSA), ("RSA-2048", "rsa:2048", pkcs11.Mechanism.RSA_PKCS))
    for number, (name, kind, mechanism) in enumerate(kinds, 1):
        card.make_key(kind, f"0{number}", name)
        key = Pkcs11Key(f"{card.uri};object={name}", PIN, module)
        # The bare call in the very session of ours: a token is opened once in a process.
        stored = key._stored
        assert stored is not None
        yield Row(f"token {name}", _signing(key), _bare_token(stored.found, mechanism, digest))


# Further kinds are added here.
KINDS: tuple[Kind, ...] = (in_files, in_tokens)


def _signing(key: object) -> Callable[[], object]:
    return lambda: key.sign(_DATA)  # type: ignore[attr-defined]


def _ecdsa(bare: ec.EllipticCurvePrivateKey) -> Callable[[], object]:
    return lambda: bare.sign(_DATA, ec.ECDSA(hashes.SHA256()))


def _pkcs1(bare: object) -> Callable[[], object]:
    return lambda: bare.sign(_DATA, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[attr-defined]


def _bare_token(found: object, mechanism: object, digest: bytes) -> Callable[[], object]:
    return lambda: found.sign(digest, mechanism=mechanism)  # type: ignore[attr-defined]


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        rows = [row for kind in KINDS for row in kind(stack)]
        calls = {f"{row.name} {side}": getattr(row, side) for row in rows for side in ("ours", "bare")}
        micros = time_calls(calls, rounds=10, repeat=20)
    print("signatures per second          ours       bare   ours takes")
    for row in rows:
        ours, bare = micros[f"{row.name} ours"], micros[f"{row.name} bare"]
        print(f"{row.name:<24} {1e6 / ours:>10,.0f} {1e6 / bare:>10,.0f}   + {ours - bare:,.0f} µs")


if __name__ == "__main__":
    main()
