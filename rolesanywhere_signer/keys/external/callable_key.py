"""A callable that signs: a key service's client, a vendor's library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, NoReturn

from ...errors import ConfigurationError, SigningError
from .key import DEFAULT_TIMEOUT_SECONDS, ExternalKey
from .timeouts import check_timeout

if TYPE_CHECKING:
    from .public_keys import PublicKeySource

# A thread cannot be ended from outside. So many may hang; further calls fail at once until one of them is back.
_MOST_HANGING = 4
_NAME = "the callable that signs"
# The keys, by their ids, whose callables run in this context. A callable that needs a signature of its own key, as one
# whose client has credentials by way of it, would call itself without end, each time in one more thread.
_asked: ContextVar[frozenset[int]] = ContextVar("asked", default=frozenset())


class CallableKey(ExternalKey):
    """A private key that only a callable can use: one of a key service, or behind a vendor's library.

    Each call is made in a thread of its own, with the context variables of the caller, so that one that hangs ends in
    an error. Its thread is left behind; when four hang, the next calls fail at once. The callable may be called from
    several threads at a time.

    Args:
        sign: Takes bytes and returns the signature over them: RSA with PKCS#1 v1.5, EC with ECDSA in DER, both over
            SHA-256; ML-DSA without a context.
        public_key: The public half: the certificate, or what the key service gives, as a path or as bytes of PEM or
            DER, or opened by cryptography.
        timeout_seconds: How long a call may take. None: as long as it likes, in the thread of whoever asks; for a
            callable that must stay there, and has a time-out of its own.

    Raises:
        ConfigurationError: ``sign`` is no callable, or the time-out is none.
        PrivateKeyLoadError: The public key cannot be read or understood.
        UnsupportedKeyError: It is neither RSA, EC nor ML-DSA.
    """

    def __init__(
        self,
        sign: Callable[[bytes], bytes],
        public_key: PublicKeySource,
        *,
        timeout_seconds: float | None = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        if not callable(sign):
            raise ConfigurationError(f"sign must be a callable, not {type(sign).__name__}")
        super().__init__(public_key)
        self._sign = sign
        self._timeout_seconds = None if timeout_seconds is None else check_timeout(timeout_seconds)
        self._hanging: list[threading.Thread] = []

    def __repr__(self) -> str:
        return f"<CallableKey {self.algorithm}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "a key behind a callable cannot be pickled",
            hint="make the key and the identity in each process; a CommandKey goes into a pickle",
        )

    @property
    def signs(self) -> str:
        """How messages name what signs."""
        return _NAME

    def _ask(self, data: bytes) -> object:
        if id(self) in _asked.get():
            raise SigningError(
                f"{_NAME} needs a signature of its own key to make one",
                hint="its client must have other credentials than those that this key brings",
            )
        before = _asked.set(_asked.get() | {id(self)})
        try:
            if self._timeout_seconds is not None:
                return self._ask_in_a_thread(data, self._timeout_seconds)
            return self._ask_here(data)
        finally:
            _asked.reset(before)

    def _ask_here(self, data: bytes) -> object:
        try:
            return self._sign(data)
        except Exception as error:
            raise _as_signing_error(error) from error

    def _ask_in_a_thread(self, data: bytes, timeout_seconds: float) -> object:
        self._refuse_after_too_many()
        outcome: list[tuple[object, BaseException | None]] = []

        def call() -> None:
            try:
                outcome.append((self._sign(data), None))
            except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
                outcome.append((None, error))

        thread = threading.Thread(target=copy_context().run, args=(call,), name="signing", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise SigningError("no thread can be started to sign in; the program may be at its end") from error
        thread.join(timeout_seconds)
        if not outcome:
            self._hanging.append(thread)
            raise SigningError(
                f"{_NAME} gave no answer within {timeout_seconds:g} s",
                hint="give its own calls a shorter time-out, or this key a longer one: timeout_seconds",
            )
        # Taken out, or the error and the frames that it was raised in would hold each other.
        answer, failure = outcome.pop()
        if failure is not None:
            raise _as_signing_error(failure) from failure
        return answer

    def _refuse_after_too_many(self) -> None:
        # No lock, which a fork could leave held; each step is one that threads cannot divide.
        for thread in list(self._hanging):
            if not thread.is_alive():
                with suppress(ValueError):
                    self._hanging.remove(thread)
        if len(self._hanging) >= _MOST_HANGING:
            raise SigningError(
                f"{_NAME} is not asked: {len(self._hanging)} earlier calls of it still hang",
                hint="give its own calls a time-out",
            )


def _as_signing_error(error: BaseException) -> SigningError:
    """Return the error to raise; what a foreign one says may be a secret, and stays in the cause."""
    if isinstance(error, SigningError):
        return SigningError(error.message, hint=error.hint)
    return SigningError(
        f"{_NAME} failed: {type(error).__name__}", hint="the traceback shows why; or call it with b'test' by hand"
    )
