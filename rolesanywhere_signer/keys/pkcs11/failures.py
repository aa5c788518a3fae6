"""What a PKCS#11 module's return codes mean to a person, as errors of ours."""

from __future__ import annotations

from ...errors import PassphraseError, RolesAnywhereError, SigningError

# The binding calls its errors as PKCS#11 calls the codes: CKR_PIN_LOCKED is PinLocked.
_OF_THE_PIN = {
    "PinLocked": ("is locked: too many wrong PINs were given", "unblock it with its PUK or its security officer's PIN"),
    "PinExpired": ("has a PIN that has expired", "set a new PIN with the token's own tool"),
    "PinLenRange": ("refuses the PIN: it is too short or too long", "correct the PIN"),
    "PinInvalid": ("refuses the PIN: it holds characters that no PIN has", "correct the PIN"),
    "UserPinNotInitialized": ("has no PIN yet", "set the user's PIN with the token's own tool"),
}
_OF_THE_DEVICE = {
    "DeviceRemoved": ("was removed", "insert it again"),
    "TokenNotPresent": ("is not there", "insert it"),
    "TokenNotRecognised": ("is not understood by the module", "name the token's own module"),
    "DeviceError": ("has failed", "take it out and insert it again"),
    "DeviceMemory": ("has no memory left", "close other programs that use it"),
    "SessionCount": ("has too many sessions open", "close other programs that use it"),
    "MechanismInvalid": ("cannot sign in this way", "use an RSA or an EC key that may sign"),
    "KeyTypeInconsistent": ("cannot sign in this way with this key", "use an RSA or an EC key"),
    "KeySizeRange": ("cannot sign with a key of this size", "pkcs11-tool --list-mechanisms shows what it can"),
    "KeyFunctionNotPermitted": ("does not let this key sign", "make a key that may sign (CKA_SIGN)"),
    "UserNotLoggedIn": ("wants the PIN again", "give the PIN"),
    "FunctionCanceled": ("was not confirmed", "touch the token, or enter the PIN at its reader, when it asks"),
    "FunctionCancelled": ("was not confirmed", "touch the token, or enter the PIN at its reader, when it asks"),
    "FunctionRejected": ("was not confirmed", "touch the token, or enter the PIN at its reader, when it asks"),
}
# They are of the key, or of a person who did not confirm, and not of a session that was lost.
_FINAL = {name for name in _OF_THE_DEVICE if name.startswith(("Mechanism", "Key", "Function"))}
_LOOK = "pkcs11-tool --module MODULE --list-token-slots shows the tokens that are there"


def is_wrong_pin(error: BaseException) -> bool:
    """Return whether a token refused the PIN itself."""
    return type(error).__name__ == "PinIncorrect"


def is_final(error: BaseException) -> bool:
    """Return whether trying once more may cost a PIN try, or a person's touch, or cannot help."""
    return is_wrong_pin(error) or type(error).__name__ in {*_OF_THE_PIN, *_FINAL}


def explained(error: BaseException, where: str, wanted: type[RolesAnywhereError] = SigningError) -> RolesAnywhereError:
    """Return the error of ours for one of the binding's.

    Args:
        error: What the binding raised. Its text is not shown.
        where: The token or the module, as messages name it.
        wanted: The class, where the PIN is not what is wrong.
    """
    name = type(error).__name__
    if is_wrong_pin(error):
        return PassphraseError(
            f"{where} refused the PIN: it is wrong", hint="correct it; tokens lock after a few tries"
        )
    if name in _OF_THE_PIN:
        text, hint = _OF_THE_PIN[name]
        return PassphraseError(f"{where} {text}", hint=hint)
    if name in _OF_THE_DEVICE:
        text, hint = _OF_THE_DEVICE[name]
        return wanted(f"{where} {text}", hint=hint)
    return wanted(f"{where} failed ({name})", hint=_LOOK)
