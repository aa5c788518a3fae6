"""A list that forgets: for what a program that runs for months writes down."""

from __future__ import annotations

import threading
from typing import TypeVar

_Entry = TypeVar("_Entry")


class Recent(list[_Entry]):
    """A list of the most recent entries. Many threads may append to it.

    Args:
        most: How many entries there may be.

    Attributes:
        forgotten: How many entries there were before those.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.forgotten = 0
        self._most = most
        self._lock = threading.Lock()

    def append(self, entry: _Entry, /) -> None:
        """Append an entry, and forget the oldest where there are too many."""
        with self._lock:
            super().append(entry)
            while len(self) > self._most:
                self.pop(0)
                self.forgotten += 1
