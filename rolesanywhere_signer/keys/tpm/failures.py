"""What a TPM and its software stack answer when they refuse, as errors of ours.

Response codes are those of the TPM 2.0 Library, part 2, section 6.6, and of the TSS 2.0 overview, section 3.11.
"""

from __future__ import annotations

from ...errors import RolesAnywhereError

# A handle, a parameter or a session is at fault, and the code says which (bits 8 to 11).
_FORMAT_ONE = 0x080
_AUTH_FAIL, _BAD_AUTH, _INTEGRITY, _HANDLE = 0x08E, 0x0A2, 0x09F, 0x08B
_SIZE, _TYPE, _HASH, _SCHEME, _VALUE = 0x095, 0x08A, 0x083, 0x092, 0x084
_INITIALIZE, _LOCKOUT = 0x100, 0x921
_FULL = {0x902, 0x903, 0x904, 0x905, 0x906, 0x914}
_BUSY = {0x908, 0x90A, 0x920, 0x922}
# From the TPM itself, and from a resource manager in front of it that answers in its name.
_TPM_LAYERS = {0x00, 0x0B}
_TCTI_LAYER = 0x0A

_LOCKED_HINT = (
    "wait until the TPM forgets the failures (tpm2_getcap properties-variable says how long), or let its owner "
    "unlock it: tpm2_dictionarylockout --clear-lockout"
)

_CANNOT = (
    "the TPM cannot do this with the key",
    "tpm2_getcap algorithms and tpm2_getcap ecc-curves say what the TPM can do",
)
_TOLD: dict[object, tuple[str, str | None]] = {
    _HANDLE: ("the TPM has no key at this handle", "tpm2_getcap handles-persistent lists those that there are"),
    _INTEGRITY: (
        "the key was made by another TPM, or under another parent",
        "a key file works on its own TPM alone",
    ),
    _INITIALIZE: ("the TPM is not started", "the firmware starts it; for a simulated one: tpm2_startup -c"),
    "full": (
        "the TPM has no room left",
        "other programs left objects in it, which tpm2_flushcontext -t removes; /dev/tpmrm0 does without",
    ),
    "busy": ("the TPM is busy and stays so", "try again; another program may keep it busy"),
    **dict.fromkeys((_HASH, _SCHEME, _TYPE, _SIZE, _VALUE), _CANNOT),
}


class RefusedPasswordError(RolesAnywhereError):
    """The TPM refused a password: of the key, or of what it is under. Only this package sees it."""

    of_parent = False


def is_from_tpm(code: int) -> bool:
    """Return whether the TPM answered, and not the software in between."""
    return (code >> 16) & 0xFF in _TPM_LAYERS


def is_busy(code: int) -> bool:
    """Return whether the TPM asks to be asked again."""
    return is_from_tpm(code) and code & 0xFFFF in _BUSY


def is_unreachable(code: int) -> bool:
    """Return whether the way to the TPM failed."""
    return (code >> 16) & 0xFF == _TCTI_LAYER


def failure(code: int, text: str, what: str, error: type[RolesAnywhereError]) -> RolesAnywhereError:
    """Return the error for a response code.

    Args:
        code: The response code.
        text: What the software stack says of it.
        what: What was being done, and with which key; the message begins with it.
        error: The class for all but a refused password.
    """
    if not is_from_tpm(code):
        return _failure_of_software(code, text, what, error)
    number = code & 0xFFFF
    base = number & 0xBF if number & _FORMAT_ONE else number
    if base in (_AUTH_FAIL, _BAD_AUTH):
        return RefusedPasswordError(f"{what}: the TPM refused the password")
    if base == _LOCKOUT:
        return error(f"{what}: the TPM has locked itself after too many wrong passwords", hint=_LOCKED_HINT)
    message, hint = _told(base, number)
    return error(f"{what}: {message} ({text}, 0x{number:03x})", hint=hint)


def _told(base: int, number: int) -> tuple[str, str | None]:
    """Return what a response code says to a person, and what to do."""
    kind = "full" if number in _FULL else "busy" if number in _BUSY else base
    return _TOLD.get(kind, ("the TPM refused", None))


def _failure_of_software(code: int, text: str, what: str, error: type[RolesAnywhereError]) -> RolesAnywhereError:
    if is_unreachable(code):
        return error(
            f"{what}: the TPM cannot be reached ({text})",
            hint="check that it is there, that this user may use it (group tss), and TPM2TOOLS_TCTI where that is set",
        )
    return error(f"{what}: the TPM software stack failed ({text})", hint="TSS2_LOG=all+error tells more on stderr")
