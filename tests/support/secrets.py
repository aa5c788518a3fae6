"""What anybody could see of a run: log records, output, errors in every form. A planted secret must not be in it."""

from __future__ import annotations

import base64
import contextlib
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from tests.unit import pki

PASSPHRASE = "planted-passphrase"
SECRET_KEY = "planted-secret-access-key"
SESSION_TOKEN = "planted-session-token"
PROXY_PASSWORD = "planted-proxy-password"
BEARER = "planted-bearer-token"
PROXY_BASIC = base64.b64encode(f"user:{PROXY_PASSWORD}".encode()).decode()


def encrypted_pem(issued: pki.Issued) -> bytes:
    return bytes(
        issued.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
        )
    )


def key_secrets(issued: pki.Issued) -> list[str]:
    """Return the private key in the forms in which it could be shown: lines of its PEM, and its number."""
    lines = issued.key_pem.decode().splitlines()[1:-1]
    number = issued.private_key.private_numbers().private_value
    # Before the number, keys of one kind are alike; behind it stands the public key, which certificates show too.
    return [lines[0][-24:], lines[1][:24], str(number), f"{number:x}"]


class Exposure(logging.Handler):
    """Keeps everything that a run shows."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.shown: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        # The arguments too: handlers that send records elsewhere pickle or print them.
        self.shown += [self.format(record), repr(record.args), repr(vars(record))]

    def show(self, *values: Any) -> None:
        """Look at values as a debugger or a print would."""
        for value in values:
            self.shown += [repr(value), str(value), f"{value}", repr([value])]

    def show_error(self, error: BaseException) -> None:
        """Look at an error as a crash report would: it, its causes, and its pickle."""
        self.shown.append("".join(traceback.format_exception(error)))
        self.shown.append(pickle.dumps(error).decode("latin-1"))
        one: BaseException | None = error
        while one is not None:
            self.shown += [repr(one), str(one), repr(one.args), repr(vars(one))]
            one = one.__cause__

    @contextlib.contextmanager
    def failing(self, *expected: type[Exception]) -> Iterator[None]:
        """Run a block that must fail, and look at its error."""
        with pytest.raises(expected) as caught:
            yield
        self.show_error(caught.value)

    def leaks(self, secrets: list[str]) -> list[str]:
        """Return what of the planted secrets can be seen."""
        everything = "\n".join(self.shown)
        return [secret for secret in secrets if secret in everything]


@contextlib.contextmanager
def watching(capfd: pytest.CaptureFixture[str]) -> Iterator[Exposure]:
    """Watch every logger at DEBUG, and the output."""
    exposure = Exposure()
    root = logging.getLogger()
    level = root.level
    root.addHandler(exposure)
    root.setLevel(logging.DEBUG)
    try:
        yield exposure
    finally:
        root.removeHandler(exposure)
        root.setLevel(level)
        exposure.shown += capfd.readouterr()
