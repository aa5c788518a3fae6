"""The resources of one kind, found by ARN, identifier or alias, in the order they were made."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..errors import ConfigurationError
from .assumptions import ALIAS_IN_USE
from .refusals import invalid_request
from .resources import Resource

AnyResource = TypeVar("AnyResource", bound=Resource)


class Table(Generic[AnyResource]):
    """The resources of one kind. It may be used by many threads.

    Args:
        lock: Re-entrant; whoever holds it sees no change but its own, over all tables that share it.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._resources: dict[str, AnyResource] = {}
        self._ids: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        # Where a page ends is remembered by number: what is removed meanwhile moves nothing.
        self._numbers: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []
        self._next_number = 1

    def get(self, arn: str) -> AnyResource | None:
        """Return the resource with that ARN, if there is one."""
        with self._lock:
            return self._resources.get(arn)

    def find(self, identifier: str) -> AnyResource | None:
        """Return the resource with that identifier, ARN or alias ARN, if there is one."""
        with self._lock:
            arn = self._ids.get(identifier) or self._aliases.get(identifier) or identifier
            return self._resources.get(arn)

    def add(self, made: AnyResource) -> AnyResource:
        """Add a resource.

        Raises:
            ConfigurationError: There is one with that ARN.
            Refusal: There is one with that alias.
        """
        with self._lock:
            if made.arn in self._resources:
                raise ConfigurationError(f"{made.arn} exists already")
            self._claim_alias(None, made)
            self._resources[made.arn] = made
            self._ids[made.id] = made.arn
            self._numbers[made.arn] = self._next_number
            self._order.append((self._next_number, made.arn))
            self._next_number += 1
        return made

    def change(self, arn: str, edit: Callable[[AnyResource], AnyResource]) -> AnyResource | None:
        """Put what ``edit`` makes of a resource in its place, and return it; None where there is none.

        Raises:
            Refusal: Another resource has the new alias.
        """
        with self._lock:
            old = self._resources.get(arn)
            if old is None:
                return None
            new = edit(old)
            self._claim_alias(old, new)
            self._resources[arn] = new
            return new

    def remove(self, arn: str) -> AnyResource | None:
        """Remove a resource and return it; None where there is none."""
        with self._lock:
            removed = self._resources.pop(arn, None)
            if removed is None:
                return None
            self._ids.pop(removed.id)
            if removed.alias_arn is not None:
                del self._aliases[removed.alias_arn]
            self._order.pop(bisect.bisect_left(self._order, (self._numbers.pop(arn), "")))
            return removed

    def page(self, after: int, size: int) -> tuple[list[AnyResource], int | None]:
        """Return at most ``size`` resources made after number ``after``, and the last one's number if more follow."""
        with self._lock:
            start = bisect.bisect_left(self._order, (after + 1, ""))
            entries = self._order[start : start + size]
            more = start + size < len(self._order)
            return [self._resources[arn] for _, arn in entries], entries[-1][0] if entries and more else None

    def _claim_alias(self, old: AnyResource | None, new: AnyResource) -> None:
        if new.alias_arn is not None and self._aliases.get(new.alias_arn, new.arn) != new.arn:
            raise invalid_request(ALIAS_IN_USE)
        if old is not None and old.alias_arn is not None:
            del self._aliases[old.alias_arn]
        if new.alias_arn is not None:
            self._aliases[new.alias_arn] = new.arn

    def __iter__(self) -> Iterator[AnyResource]:
        with self._lock:
            return iter(tuple(self._resources.values()))

    def __len__(self) -> int:
        with self._lock:
            return len(self._resources)
