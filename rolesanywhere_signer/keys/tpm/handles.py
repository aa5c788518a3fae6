"""``handle:0x81…``: the name of a key that stays in its TPM."""

from __future__ import annotations

import re

from ...errors import ConfigurationError

SCHEME = "handle:"
# As the official helper takes it: hexadecimal, with 0x or without.
_HANDLE = re.compile(r"(0[xX])?([0-9A-Fa-f]{1,8})")
# The range of persistent objects (TPM 2.0 Library, part 2, "TPM_HC").
_FIRST, _LAST = 0x81000000, 0x81FFFFFF


def parse_handle(text: str) -> int:
    """Return the persistent handle that ``text`` names.

    Raises:
        ConfigurationError: It is no hexadecimal number, or not of the range of persistent objects.
    """
    found = _HANDLE.fullmatch(text.removeprefix(SCHEME))
    if found is None:
        raise ConfigurationError(
            "the handle of a key in a TPM must be written as handle:0x and eight hexadecimal digits",
            hint="such as handle:0x81000001; tpm2_getcap handles-persistent lists those that there are",
        )
    handle = int(found[2], 16)
    if not is_persistent(handle):
        raise ConfigurationError(
            f"handle 0x{handle:08x} is no persistent handle of a TPM; these go from 0x{_FIRST:08x} to 0x{_LAST:08x}",
            hint="make the key persistent with tpm2_evictcontrol, or give a key file (TSS2 PRIVATE KEY)",
        )
    return handle


def is_persistent(handle: int) -> bool:
    """Return whether a handle is one of the persistent objects'."""
    return _FIRST <= handle <= _LAST
