"""Tags and aliases: what may be attached to a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .assumptions import RESERVED_ALIAS, RESERVED_TAG, TAG_TWICE, TOO_MANY_TAGS
from .refusals import Refusal, invalid_request

_RESERVED_FOR_ALIASES = "aws/"
_RESERVED_FOR_TAGS = "aws:"


def alias_or_none(name: str | None) -> str | None:
    """Return the alias that a resource gets: none for an empty one.

    Raises:
        Refusal: It is reserved.
    """
    if not name:
        return None
    if name.lower().startswith(_RESERVED_FOR_ALIASES):
        raise invalid_request(RESERVED_ALIAS)
    return name


def tags_of(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return tags by key.

    Raises:
        Refusal: A key is there twice, or reserved.
    """
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise invalid_request(TAG_TWICE)
        if key.lower().startswith(_RESERVED_FOR_TAGS):
            raise invalid_request(RESERVED_TAG)
        tags[key] = value
    return MappingProxyType(tags)


def check_number_of_tags(tags: Mapping[str, str], most: int) -> None:
    """Refuse more tags than a new resource may have.

    Raises:
        Refusal: There are too many.
    """
    if len(tags) > most:
        raise invalid_request(TOO_MANY_TAGS)


def with_more_tags(tags: Mapping[str, str], added: Mapping[str, str], most: int) -> Mapping[str, str]:
    """Return the tags of a resource with more of them; a key that was there has the new value.

    Raises:
        Refusal: There would be too many.
    """
    together = MappingProxyType({**tags, **added})
    if len(together) > most:
        raise Refusal(400, "TooManyTagsException", TOO_MANY_TAGS)
    return together


def without_tags(tags: Mapping[str, str], keys: Iterable[str]) -> Mapping[str, str]:
    """Return the tags of a resource without some; a key that is not there is none the less gone."""
    removed = frozenset(keys)
    return MappingProxyType({key: value for key, value in tags.items() if key not in removed})
