"""Lists in pages: how many, and where the next one starts."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from ..assumptions import DEFAULT_PAGE_SIZE, GREATEST_PAGE_SIZE, INVALID_NEXT_TOKEN
from ..refusals import invalid_request
from ..tables import AnyResource, Table
from ..violations import too_great, too_small, validation_errors
from .call import ControlCall

_NUMBER_BYTES = 8
_MAC_BYTES = 16


def list_page(
    call: ControlCall, table: Table[AnyResource], key: str, view: Callable[[AnyResource], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a page of a list, in the order the resources were made.

    Args:
        call: Of the operation that lists.
        table: What is listed.
        key: The name of the list in the answer.
        view: What is said about each.

    Raises:
        Refusal: A page size out of bounds, or a token that this list did not give.
    """
    resources, last = table.page(_start(call), _size(call))
    token = None if last is None else _token(call, last)
    return {key: [view(resource) for resource in resources], "nextToken": token}


def _size(call: ControlCall) -> int:
    size = int(call.members.get("pageSize", DEFAULT_PAGE_SIZE))
    if size < 1:
        raise validation_errors([too_small("pageSize", size, 1)])
    if size > GREATEST_PAGE_SIZE:
        raise validation_errors([too_great("pageSize", size, GREATEST_PAGE_SIZE)])
    return size


def _start(call: ControlCall) -> int:
    token = call.members.get("nextToken")
    if token is None:
        return 0
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(token.encode("ascii"))[:_NUMBER_BYTES], "big")
    except ValueError as error:
        raise invalid_request(INVALID_NEXT_TOKEN) from error
    if not hmac.compare_digest(_token(call, number).encode("ascii"), token.encode("ascii")):
        raise invalid_request(INVALID_NEXT_TOKEN)
    return number


def _token(call: ControlCall, number: int) -> str:
    """Return the token for what follows ``number``; it is of this service and this list alone."""
    packed = number.to_bytes(_NUMBER_BYTES, "big")
    mac = hmac.new(call.account.token_key, call.operation.encode("ascii") + packed, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(packed + mac[:_MAC_BYTES]).decode("ascii")
