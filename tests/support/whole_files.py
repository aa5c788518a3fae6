"""A credentials file of many people's sections, and whether a reader that looks at any moment sees it whole.

What is written here is recognized: each value of ours holds the key identifier, which begins with ``ASIA`` and is made
by the local service or by ``generation``. All else must be the seed, byte for byte.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import rolesanywhere_signer
from rolesanywhere_signer.credentials import Credentials

PROFILES = tuple(f"writer-{number}" for number in range(8))
_OURS = re.compile(
    rb"aws_access_key_id = (ASIA\w+)\r?\naws_secret_access_key = (\S+)\r?\naws_session_token = (\S+)\r?\n"
)
_WORKER = Path(__file__).parents[1] / "stress" / "update_worker.py"
_SITE = str(Path(rolesanywhere_signer.__file__).parents[1])
# Long enough for a file to be written in several steps, if it were.
_FILLING = 5000


def seed(others: int = 20) -> bytes:
    """Return a file with sections of every kind, one for each writer among them, and no end of its last line."""
    parts = [b"# by hand, \xe4\xff\r\n\r\n"]
    other = b"[other-%d]\naws_access_key_id=AKIA%d\n  aws_secret_access_key : a/b+%d ; c\n# kept\n\n"
    parts += [other % (number, number, number) for number in range(others)]
    writer = b"; of %d\n[%s]\nregion = eu-west-%d\n\n"
    parts += [writer % (number, profile.encode(), number) for number, profile in enumerate(PROFILES)]
    return b"".join([*parts, b"[last]\nregion = eu-west-1"])


def generation(name: str, number: int) -> Credentials:
    """Return credentials whose parts tell that they belong together."""
    key = f"ASIA{name}x{number}"
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    return Credentials(key, f"secret-of-{key}", f"token-of-{key}-".ljust(_FILLING, "."), end)


def fault_of(content: bytes, original: bytes) -> str | None:
    """Return what is wrong with a file's content, or None: it is whole."""
    if _OURS.sub(b"", content) != original:
        return f"foreign bytes changed: {_first_difference(_OURS.sub(b'', content), original)}"
    for key, secret, token in _OURS.findall(content):
        if secret.startswith(b"secret-of-") and (
            secret != b"secret-of-" + key or token != (b"token-of-%s-" % key).ljust(_FILLING, b".")
        ):
            return f"the keys of {key.decode()} do not belong together"
    return None


def _first_difference(content: bytes, original: bytes) -> str:
    pairs = enumerate(zip(content, original, strict=False))
    at = next((number for number, (one, other) in pairs if one != other), min(len(content), len(original)))
    return f"at byte {at}, {content[at : at + 60]!r} in place of {original[at : at + 60]!r}"


def keys_of(path: Path) -> list[bytes]:
    """Return the key identifiers that we have written, in the order of the file."""
    return [key for key, _, _ in _OURS.findall(path.read_bytes())]


def left_overs(path: Path) -> list[Path]:
    """Return what killed writers have left beside a file."""
    return sorted(other for other in path.parent.iterdir() if other != path)


def start_worker(mode: str, path: Path, what: str) -> subprocess.Popen[str]:
    """Start a process of ``update_worker.py``."""
    command = [sys.executable, str(_WORKER), mode, str(path), what]
    environment = {**os.environ, "PYTHONPATH": _SITE}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )


def wait_until_ready(worker: subprocess.Popen[str]) -> None:
    """Wait until a worker has begun."""
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
