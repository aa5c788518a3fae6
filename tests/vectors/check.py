"""Check every vector with nothing but the standard library and cryptography: ``python tests/vectors/check.py``.

It imports no code of this project, and computes anew whatever a vector claims. Exit code 1 if one does not hold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Python leaves the script's own folder out where PYTHONSAFEPATH is set.
sys.path.insert(0, str(HERE))

from checks.answers import check_answer  # noqa: E402 - found by the line above
from checks.certificates import check_certificate, check_chain  # noqa: E402
from checks.common import SkippedError, VectorError  # noqa: E402
from checks.signing import check_signed_request  # noqa: E402

# Where the vectors are: folders hold one a file, files hold many; and what checks one.
SETS: dict[str, Callable[[dict[str, Any]], None]] = {
    "sigv4_x509": check_signed_request,
    "signing": check_signed_request,
    "certificates.json": check_certificate,
    "chains.json": check_chain,
    "answers.json": check_answer,
}


def vectors(place: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the content of each vector of a set."""
    if place.is_dir():
        for path in sorted(place.glob("*.json")):
            yield f"{place.name}/{path.stem}", json.loads(path.read_text("utf-8"))
        return
    if not place.exists():
        return
    for vector in json.loads(place.read_text("utf-8"))["vectors"]:
        yield f"{place.stem}/{vector['name']}", vector


def main(folder: Path) -> int:
    """Check all sets in a folder; print what does not hold, and the counts."""
    counts = {"passed": 0, "skipped": 0, "failed": 0}
    for name, check in SETS.items():
        found = list(vectors(folder / name))
        if not found:
            print(f"FAILED {name}: there is no vector")
            counts["failed"] += 1
        for vector_name, vector in found:
            counts[_outcome(vector_name, vector, check)] += 1
    print(", ".join(f"{number} {what}" for what, number in counts.items() if number or what == "passed"))
    return 1 if counts["failed"] else 0


def _outcome(name: str, vector: dict[str, Any], check: Callable[[dict[str, Any]], None]) -> str:
    try:
        check(vector)
    except SkippedError as reason:
        print(f"skipped {name}: {reason}")
        return "skipped"
    except VectorError as error:
        print(f"FAILED {name}: {error}")
        return "failed"
    except Exception as error:  # noqa: BLE001 - a vector that is malformed fails, and the others are checked
        print(f"FAILED {name}: {type(error).__name__}: {error}")
        return "failed"
    return "passed"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
