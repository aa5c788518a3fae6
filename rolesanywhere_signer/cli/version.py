"""``version``: prints it."""

from __future__ import annotations

from .._version import __version__
from ..flags import Given
from .command import Command


def run(_given: Given) -> int:
    """Print the version."""
    print(__version__)
    return 0


COMMAND = Command(
    name="version", summary="print the version", description="Print the version of this program.", flags=(), run=run
)
