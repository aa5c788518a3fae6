"""Make the vectors again: ``python tests/vectors/generate.py``, with the library and cryptography 50 or later.

Keys, times and serial numbers are fixed, EC signatures are made as RFC 6979 has it, and of ML-DSA, which signs
differently each time, what is there is kept while it holds: without a change here, nothing changes there. With
``--check`` nothing is written, and the exit code is 1 if something would.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generating import answers, certificates, chains, signing  # noqa: E402 - found by the line above
from generating.fixed import encoded  # noqa: E402


def files() -> Iterator[tuple[Path, bytes]]:
    """Yield each file and what stands in it."""
    for name, vector in signing.vectors().items():
        yield HERE / "signing" / f"{name}.json", encoded(vector)
    for kind in (certificates, chains, answers):
        name = f"{kind.__name__.rpartition('.')[2]}.json"
        yield HERE / name, encoded({"description": kind.DESCRIPTION, "vectors": kind.vectors()})


def main(words: list[str]) -> int:
    """Write what differs, or tell it."""
    different = [(path, content) for path, content in files() if not path.exists() or path.read_bytes() != content]
    for path, content in different:
        print(path.relative_to(HERE))
        if words != ["--check"]:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    return 1 if different and words == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
