"""A console script that answers from the shared cache, beside one that does nothing."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rolesanywhere_signer.cache import CredentialsCache, cache_key
from rolesanywhere_signer.credentials import Credentials

from .measure import time_processes

# Console scripts as pip writes them import re and sys.
_EMPTY = """
import re, sys
def main():
    return 0
sys.exit(main())
"""

_HIT = """
import re, sys
from rolesanywhere_signer.cache import CredentialsCache
def main():
    return 0 if CredentialsCache(sys.argv[1]).read(sys.argv[2]) else 1
sys.exit(main())
"""


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as directory:
        key = cache_key({"role_arn": "arn:aws:iam::123456789012:role/app"})
        cache = str(Path(directory, "cache"))
        CredentialsCache(cache).fetch(key, lambda _: True, _credentials)
        empty, hit = Path(directory, "empty.py"), Path(directory, "hit.py")
        empty.write_text(_EMPTY)
        hit.write_text(_HIT)
        figures = time_processes({"empty script": [str(empty)], "cache hit": [str(hit), cache, key]}, runs)
    print("A console script (median; ratio of the times to the empty one)")
    for name, figure in figures.items():
        ratio = figure.seconds / figures["empty script"].seconds
        print(f"  {name:<20}{figure.seconds * 1000:>8.1f} ms{ratio:>7.2f}{figure.peak_mib:>8.1f} MiB")


def _credentials() -> Credentials:
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    return Credentials("ASIAEXAMPLE", "s" * 40, "t" * 1200, end)


if __name__ == "__main__":
    main()
