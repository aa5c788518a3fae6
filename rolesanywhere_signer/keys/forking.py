"""A process must not fork while another thread is inside OpenSSL: the child would find its locks held for ever.

cryptography lets other threads run while it signs and verifies (since version 46 or so), so that one of them may fork.
"""

from __future__ import annotations

import os
import threading

# Held around each signature and each verification, which take a millisecond, and by whoever forks.
no_fork_meanwhile = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=no_fork_meanwhile.acquire,
        after_in_parent=no_fork_meanwhile.release,
        after_in_child=no_fork_meanwhile.release,
    )
