"""Keys that are elsewhere, for tests: a command that signs with a key file, and what is left of processes."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

# What every command of the tests can use: it reads what is to be signed, signs, writes.
_PREAMBLE = """
import base64, os, signal, sys, time
ready = {ready!r}
def sign(data, digest="SHA256"):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    key = load_pem_private_key(open({key!r}, "rb").read(), None)
    algorithm = getattr(hashes, digest)()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(algorithm))
    return key.sign(data, padding.PKCS1v15(), algorithm)
def write(octets):
    sys.stdout.buffer.write(octets)
    sys.stdout.flush()
"""
GOOD = "write(sign(sys.stdin.buffer.read()))"
# The same without the time that a start with cryptography takes: the one signature is made before.
READY = "sys.stdin.buffer.read(); write(ready)"


def signing_command(
    directory: Path, private_key_pem: bytes, body: str = GOOD, name: str = "sign.py", ready: bytes = b""
) -> list[str]:
    """Write a program that signs with a key, or does what ``body`` says, and return its words.

    Args:
        directory: Of program and key.
        private_key_pem: The key.
        body: What the program does.
        name: Of the program.
        ready: A signature that is made already.
    """
    key = directory / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(private_key_pem)
    program = directory / name
    program.write_text(_PREAMBLE.format(key=str(key), ready=ready) + textwrap.dedent(body) + "\n", encoding="utf-8")
    return [sys.executable, "-I", str(program)]


def started(directory: Path) -> str:
    """Return the statement with which a program says that it runs, and as whom; it comes before it hangs."""
    path = str(directory / "started")
    return f"open({path + '.new'!r}, 'w').write(str(os.getpid())); os.rename({path + '.new'!r}, {path!r})"


def is_running(directory: Path, patience: int = 200) -> bool:
    """Return whether the program that has said so still runs; one that is being buried does not."""
    number = int((directory / "started").read_text(encoding="utf-8"))
    for _ in range(patience):
        if not _is_alive(number):
            return False
        time.sleep(0.01)
    return True


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
