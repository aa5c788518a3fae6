"""A process must not fork while another thread is inside a native library: the child would find its locks held.

OpenSSL, the modules of tokens and the TPM's software stack all have locks or connections of their own. cryptography
lets other threads run while it signs and verifies (since version 46 or so), so that one of them may fork.
"""

from __future__ import annotations

import os
import threading


def lock_across_forks() -> threading.RLock:
    """Return a new lock that whoever forks waits for and holds meanwhile; in the child it is free."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


# Held around each signature and each verification, which take a millisecond.
no_fork_meanwhile = lock_across_forks()
