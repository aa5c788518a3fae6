"""What a program lets go of is gone at once, after calls that succeeded, failed or were given up."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from rolesanywhere_signer.aio import RolesAnywhereAioProvider
from rolesanywhere_signer.errors import AccessDeniedError
from tests.aio.world import AioWorld, join_calls


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def parts_of(provider: RolesAnywhereAioProvider) -> dict[str, weakref.ref[Any]]:
    """Return references to all that holds a secret, which keep nothing alive."""
    credentials = provider._credentials
    parts = {
        "credentials": credentials._refresher._current,
        "aiobotocore's credentials": credentials,
        "refresher": credentials._refresher,
        "client": provider.client,
        "key": provider.client.identity.current.key,
    }
    return {name: weakref.ref(part) for name, part in parts.items() if part is not None}


def left_of(parts: dict[str, weakref.ref[Any]]) -> list[str]:
    return [name for name, part in parts.items() if part() is not None]


def test_after_a_use(world: AioWorld) -> None:
    provider = world.aio_provider()
    asyncio.run(provider._credentials.get_frozen_credentials())
    join_calls()
    parts = parts_of(provider)
    assert len(parts) == 5
    del provider
    assert left_of(parts) == []


def test_after_a_failed_use(world: AioWorld) -> None:
    provider = world.aio_provider(role_arn=world.service.create_role("stranger").arn)
    # Caught in the task, because a task that fails makes a cycle of its own: asyncio's frames hold it.
    asyncio.run(fail(provider))
    join_calls()
    parts = parts_of(provider)
    assert len(parts) == 4
    del provider
    assert left_of(parts) == []


async def fail(provider: RolesAnywhereAioProvider) -> None:
    try:
        await provider._credentials.get_frozen_credentials()
    except AccessDeniedError as error:
        assert "Profile" in error.message
    else:
        raise AssertionError("it was not refused")


def test_after_a_call_that_was_given_up(world: AioWorld) -> None:
    provider = world.aio_provider()
    asyncio.run(give_up(world, provider))
    parts = parts_of(provider)
    assert len(parts) == 5
    del provider
    assert left_of(parts) == []


async def give_up(world: AioWorld, provider: RolesAnywhereAioProvider) -> None:
    gate = world.hold()
    asking = asyncio.create_task(provider._credentials.get_frozen_credentials())
    await gate.reached()
    asking.cancel()
    await asyncio.wait([asking])
    gate.open()
    await asyncio.to_thread(join_calls)
