"""A command that signs: it reads the bytes from its standard input and writes the signature to its standard output."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigurationError, SigningError
from .checking import MOST_BYTES
from .key import DEFAULT_TIMEOUT_SECONDS, ExternalKey
from .running import Ended, TimedOutError, program_name, run_command
from .timeouts import check_timeout

if TYPE_CHECKING:
    from .public_keys import PublicKeySource

_IS_POSIX = os.name == "posix"
_MOST_OF_A_LINE = 200
# What may be a token or a key; a name or a path of this length is lost with it.
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_BY_HAND = "run it by hand to see more: printf test | COMMAND | od -c"


class CommandKey(ExternalKey):
    """A private key that only a command can use.

    The command is run for each signature, by no shell. It gets the bytes to sign on standard input, and writes the
    signature alone to standard output, as bytes: RSA with PKCS#1 v1.5, EC with ECDSA in DER, both over SHA-256; ML-DSA
    without a context. It has no terminal. When it has ended or takes too long, it is killed with whatever it has left
    behind.

    The last line that it writes to standard error becomes part of the error, without control characters and what may be
    a token; nothing secret belongs there.

    Args:
        argv: The program and its arguments.
        public_key: The public half: the certificate, or a public key, as a path or as bytes of PEM or DER, or opened by
            cryptography.
        timeout_seconds: How long one signature may take.

    Raises:
        ConfigurationError: ``argv`` are no words, the time-out is none, or this is Windows.
        PrivateKeyLoadError: The public key cannot be read or understood.
        UnsupportedKeyError: It is neither RSA, EC nor ML-DSA.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        public_key: PublicKeySource,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        if not _IS_POSIX:
            raise ConfigurationError(
                "a signing command is not run on Windows: nothing there would end it with all that it starts",
                hint="call the program in a function, and give that as a CallableKey",
            )
        super().__init__(public_key)
        self._words = check_words(argv)
        self._timeout_seconds = check_timeout(timeout_seconds)

    def __repr__(self) -> str:
        return f"<CommandKey {program_name(self._words)} {self.algorithm}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self._words, self._public_der(), self._timeout_seconds)

    @property
    def signs(self) -> str:
        """How messages name what signs."""
        return f"the signing command {program_name(self._words)}"

    def _ask(self, data: bytes) -> bytes:
        try:
            ended = run_command(self._words, data, self._timeout_seconds, MOST_BYTES)
        except TimedOutError as error:
            raise SigningError(
                f"{self.signs} gave no signature within {self._timeout_seconds:g} s and was ended",
                hint=_hint(error.complaint),
            ) from None
        self._check_end(ended)
        return ended.output

    def _check_end(self, ended: Ended) -> None:
        if len(ended.output) > MOST_BYTES:
            raise SigningError(
                f"{self.signs} wrote more than {MOST_BYTES:,} bytes and was ended", hint=_hint(ended.complaint)
            )
        if ended.code:
            raise SigningError(f"{self.signs} {_how_it_ended(ended.code)}", hint=_hint(ended.complaint))
        if not ended.output:
            raise SigningError(f"{self.signs} wrote no signature", hint=_hint(ended.complaint))


def _restored(words: tuple[str, ...], public_key: bytes, timeout_seconds: float) -> CommandKey:
    return CommandKey(words, public_key, timeout_seconds=timeout_seconds)


def check_words(argv: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return the words of a command.

    Raises:
        ConfigurationError: They are none; they are not shown, because a secret may be among them.
    """
    hint = 'give a list, such as ["/usr/local/bin/sign", "--key", "app"]'
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence):
        raise ConfigurationError(f"a signing command is a list of words, not {type(argv).__name__}", hint=hint)
    words = [os.fspath(word) if isinstance(word, (str, os.PathLike)) else b"" for word in argv]
    texts = tuple(word for word in words if isinstance(word, str) and "\0" not in word)
    if not texts or not texts[0] or len(texts) < len(words):
        raise ConfigurationError("a signing command is a list of words, the first of them a program", hint=hint)
    return texts


def _how_it_ended(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _hint(complaint: bytes) -> str:
    lines = [line for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return f"it said nothing on standard error; {_BY_HAND}"
    shown = "".join(char if char.isprintable() else " " for char in lines[-1].strip())
    shown = _LONG_RUN.sub(lambda found: f"({len(found[0])} characters)", shown)
    cut = shown[:_MOST_OF_A_LINE] + ("…" if len(shown) > _MOST_OF_A_LINE else "")
    return f"it said at last: {cut}; {_BY_HAND}"
