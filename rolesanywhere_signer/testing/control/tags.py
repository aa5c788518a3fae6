"""The operations on tags, of whatever kind of resource an ARN names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..assumptions import RESOURCE_NOT_FOUND
from ..labels import check_number_of_tags
from ..refusals import not_found
from ..tables import Table
from .call import ControlCall, Members

Tags = Mapping[str, str]


def tag_resource(call: ControlCall) -> Members:
    """Answer TagResource."""
    added = call.tags()

    def edit(tags: Tags) -> Tags:
        together = {**tags, **added}
        check_number_of_tags(together, call.account.limits.tags_per_resource)
        return together

    _change_tags(call, edit)
    return {}


def untag_resource(call: ControlCall) -> Members:
    """Answer UntagResource; a key that is not there is none the less gone."""
    removed = set(call.members["tagKeys"])
    _change_tags(call, lambda tags: {key: value for key, value in tags.items() if key not in removed})
    return {}


def list_tags_for_resource(call: ControlCall) -> Members:
    """Answer ListTagsForResource."""
    arn = call.members["resourceArn"]
    for table in _tables(call):
        resource = table.get(arn)
        if resource is not None:
            return {"tags": [{"key": key, "value": value} for key, value in resource.tags.items()]}
    raise not_found(RESOURCE_NOT_FOUND)


def _change_tags(call: ControlCall, edit: Callable[[Tags], Tags]) -> None:
    for table in _tables(call):
        changed = table.change(
            call.members["resourceArn"], lambda old: replace(old, tags=edit(old.tags), updated_at=old.updated_at)
        )
        if changed is not None:
            return
    raise not_found(RESOURCE_NOT_FOUND)


def _tables(call: ControlCall) -> tuple[Table[Any], ...]:
    """Return where an ARN is looked for; an alias ARN names nothing here."""
    account = call.account
    return account.trust_anchors, account.profiles, account.crls, account.subjects
