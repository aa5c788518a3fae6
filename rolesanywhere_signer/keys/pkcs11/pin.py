"""The PIN of a token: where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import PassphraseError
from ...files import read_source
from ..software import Passphrase, passphrase_bytes

if TYPE_CHECKING:
    from typing import NoReturn

    from .uri import Pkcs11Uri


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
        pin = self._value.encode() if self._value is not None else self._read(token)
        try:
            return pin.decode("utf-8")
        except UnicodeDecodeError:
            raise PassphraseError(f"the PIN for {token} is not UTF-8") from None

    def _read(self, token: str) -> bytes:
        if self._source is None:
            missing = f"{token} wants its PIN, and none was given"
            try:
                return passphrase_bytes(self._passphrase, missing)
            except PassphraseError as error:
                if self._passphrase is None:
                    raise
                # What asks knows of no token.
                raise PassphraseError(f"{token} wants its PIN: {error.message}", hint=error.hint) from error
        text = read_source(self._source, what="PIN", error=PassphraseError)
        return text.removesuffix(b"\n").removesuffix(b"\r")

    def __repr__(self) -> str:
        return "<Pin>"

    def __reduce__(self) -> NoReturn:
        raise PassphraseError("a PIN cannot be pickled")
