"""The operations on tags, of whatever kind of resource an ARN names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..assumptions import RESOURCE_NOT_FOUND
from ..labels import with_more_tags, without_tags
from ..refusals import not_found
from ..tables import Table
from .call import ControlCall, Members

Tags = Mapping[str, str]


def tag_resource(call: ControlCall) -> Members:
    """Answer TagResource."""
    added, most = call.tags(), call.account.limits.tags_per_resource
    _change_tags(call, lambda tags: with_more_tags(tags, added, most))
    return {}


def untag_resource(call: ControlCall) -> Members:
    """Answer UntagResource."""
    _change_tags(call, lambda tags: without_tags(tags, call.members["tagKeys"]))
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
        changed = table.change(call.members["resourceArn"], lambda old: replace(old, tags=edit(old.tags)))
        if changed is not None:
            return
    raise not_found(RESOURCE_NOT_FOUND)


def _tables(call: ControlCall) -> tuple[Table[Any], ...]:
    """Return where an ARN is looked for; an alias ARN names nothing here."""
    account = call.account
    return account.trust_anchors, account.profiles, account.crls, account.subjects
