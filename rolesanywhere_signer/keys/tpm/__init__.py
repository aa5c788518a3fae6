"""Keys in a TPM 2.0: at a persistent handle, or in a key file that its TPM alone can use."""

from __future__ import annotations

from .opening import open_handle, open_key_file, public_key_of_file

__all__ = ["open_handle", "open_key_file", "public_key_of_file"]
