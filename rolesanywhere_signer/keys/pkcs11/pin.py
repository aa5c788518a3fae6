"""The PIN of a token: where it comes from, and that no wrong one is sent twice."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from ...errors import PassphraseError
from ...files import read_source
from ..software import Passphrase, passphrase_bytes

if TYPE_CHECKING:
    from typing import NoReturn

    from .uri import Pkcs11Uri

# Tokens lock after three wrong PINs or so: a PIN that a token refused is not sent to it again by this process.
_refused: dict[tuple[str, str], list[bytes]] = {}


class Pin:
    """Gives the PIN when it is asked for. Hidden.

    Args:
        uri: Its ``pin-value`` or ``pin-source`` comes first.
        passphrase: Text, bytes, a callable, or None.
    """

    def __init__(self, uri: Pkcs11Uri, passphrase: Passphrase | None) -> None:
        self._value = uri.pin_value
        self._source = uri.pin_source
        self._passphrase = passphrase

    @property
    def is_given(self) -> bool:
        """Whether there is anything to ask."""
        return any(each is not None for each in (self._value, self._source, self._passphrase))

    @property
    def is_asked_for(self) -> bool:
        """Whether a callable gives it, which may ask a person."""
        return self._value is None and self._source is None and callable(self._passphrase)

    def get(self, token: str) -> str:
        """Return the PIN.

        Args:
            token: How messages name what it opens.

        Raises:
            PassphraseError: There is none, or it cannot be had.
        """
        missing = f"{token} wants its PIN, and none was given"
        pin = self._value.encode() if self._value is not None else self._read(missing)
        try:
            return pin.decode("utf-8")
        except UnicodeDecodeError:
            raise PassphraseError(f"the PIN for {token} is not UTF-8") from None

    def _read(self, missing: str) -> bytes:
        if self._source is None:
            return passphrase_bytes(self._passphrase, missing)
        text = read_source(self._source, what="PIN", error=PassphraseError)
        return text.removesuffix(b"\n").removesuffix(b"\r")

    def __repr__(self) -> str:
        return "<Pin>"

    def __reduce__(self) -> NoReturn:
        raise PassphraseError("a PIN cannot be pickled")


def check_not_refused(module: str, serial: str, pin: str, token: str) -> None:
    """Return where the token has not refused this very PIN.

    Raises:
        PassphraseError: It has.
    """
    if any(hmac.compare_digest(each, pin.encode()) for each in _refused.get((module, serial), ())):
        raise PassphraseError(
            f"{token} refused this PIN before; it is not sent again, so that the token does not lock",
            hint="correct the PIN; after a change in the token, start the program anew",
        )


def note_refused(module: str, serial: str, pin: str) -> None:
    """Remember a PIN that a token refused."""
    _refused.setdefault((module, serial), []).append(pin.encode())
