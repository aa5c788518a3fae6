"""One call to the control plane, as its operations see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..account import Account
from ..assumptions import RESOURCE_NOT_FOUND
from ..labels import alias_or_none, tags_of
from ..refusals import not_found
from ..tables import AnyResource, Table

Members = Mapping[str, Any]


@dataclass(frozen=True)
class ControlCall:
    """One call.

    Attributes:
        operation: Its name.
        account: What the service knows.
        now: Aware, UTC.
        caller_arn: Of whoever signed it.
        members: What the request holds, in Python's types; what is absent is not in it.
    """

    operation: str
    account: Account
    now: datetime
    caller_arn: str
    members: Members

    def found(self, table: Table[AnyResource], member: str) -> AnyResource:
        """Return the resource that a member names by identifier, ARN or alias ARN, as far as the model lets it.

        Raises:
            Refusal: There is none.
        """
        return _there(table.find(self.members[member]))

    def change(self, table: Table[AnyResource], member: str, edit: Callable[[AnyResource], AnyResource]) -> AnyResource:
        """Change the resource that a member names, and when it was updated.

        Raises:
            Refusal: There is none, or its new alias is in use.
        """
        with self.account.lock:
            arn = self.found(table, member).arn
            return _there(table.change(arn, lambda old: replace(edit(old), updated_at=self.now)))

    def set_enabled(self, table: Table[AnyResource], member: str, *, enabled: bool) -> AnyResource:
        """Enable or disable the resource that a member names.

        Raises:
            Refusal: There is none.
        """
        return self.change(table, member, lambda old: replace(old, enabled=enabled))  # type: ignore[call-arg]

    def alias(self, old: str | None = None) -> str | None:
        """Return the alias that a resource gets, where it had ``old``.

        Raises:
            Refusal: It is reserved.
        """
        return alias_or_none(self.members["aliasName"]) if "aliasName" in self.members else old

    def tags(self) -> Mapping[str, str]:
        """Return the tags in the request.

        Raises:
            Refusal: A key is there twice, or reserved.
        """
        return tags_of((tag["key"], tag["value"]) for tag in self.members.get("tags", ()))


def previous_alias(old: AnyResource, new: AnyResource) -> str | None:
    """Return the alias that a resource lost by an update; None: it kept it, or had none."""
    return None if old.alias_name == new.alias_name else old.alias_name


def _there(resource: AnyResource | None) -> AnyResource:
    if resource is None:
        raise not_found(RESOURCE_NOT_FOUND)
    return resource
