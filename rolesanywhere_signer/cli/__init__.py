"""The command line: results on stdout, everything else on stderr; exit 0, or 1 with the reason.

What is imported here is all that an answer of ``credential-process --cache`` takes that is kept from before.
"""

from __future__ import annotations

import sys

from .kept import find_kept

# What `typing` has under this name, without importing it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: Without the program's name; None: those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        answer = None if sys.stdout is None else find_kept(words)
        if answer is not None:
            return _print(answer)
        from .program import run_program

        return run_program(words)
    except KeyboardInterrupt:
        return 130  # also while there is much to import


def _print(answer: str) -> int:
    try:
        sys.stdout.write(answer)
        sys.stdout.flush()
    except OSError as error:
        from .program import tell_unwritten

        # Not printed again: some of it may have been read.
        return tell_unwritten(error)
    return 0
