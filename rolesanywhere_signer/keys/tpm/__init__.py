"""Keys in a TPM 2.0: at a persistent handle, or in a key file that its TPM alone can use."""

from __future__ import annotations

from .handles import is_handle
from .opening import open_handle, open_key_file, public_key_of_file

__all__ = ["is_handle", "open_handle", "open_key_file", "public_key_of_file"]
