"""A company in small whose application is asynchronous, a service that can be made to hang, and a strict event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from aiobotocore.session import AioSession

from rolesanywhere_signer.aio import RolesAnywhereAioCredentials, RolesAnywhereAioProvider, create_aiobotocore_session
from tests.support.refreshing import DEADLINE
from tests.support.world import World

Result = TypeVar("Result")


class SteppingClock:
    """The clock of client and service alike: the time of this machine, and ahead where a test says so."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self._ahead

    def pass_seconds(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


class Gate:
    """A clock of the service that stops whoever looks at it, so that its answers wait until the test opens."""

    def __init__(self, clock: SteppingClock) -> None:
        self._clock = clock
        self._reached = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> datetime:
        self._reached.set()
        assert self._open.wait(DEADLINE), "the test never opened the gate"
        return self._clock()

    async def reached(self) -> None:
        """Wait until a request is held. The loop has to be free for that."""
        assert await asyncio.to_thread(self._reached.wait, DEADLINE), "no request came"

    def open(self) -> None:
        self._open.set()


class AioWorld(World):
    """As ``World``; the clocks of the service and of the client of ``credentials`` are one, which a test can move."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = SteppingClock()
        self.service.clock = self.clock

    def aio_session(self, **others: Any) -> AioSession:
        arguments = {"certificate": self.certificate, "private_key": self.private_key, **self.arns, **others}
        return create_aiobotocore_session(**{"endpoint_url": self.service.url, **arguments})

    def aio_provider(self, **others: Any) -> RolesAnywhereAioProvider:
        return RolesAnywhereAioProvider(self.client(clock=self.clock, **others))

    def credentials(self, **others: Any) -> RolesAnywhereAioCredentials:
        return run(self.aio_provider(**others).load())

    def hold(self) -> Gate:
        """Let the service hang from now on."""
        gate = Gate(self.clock)
        self.service.clock = gate
        return gate


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run ``main`` in an event loop of its own, which has nothing to complain of and no task left at the end."""
    complaints: list[str] = []

    async def watched() -> Result:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        result = await main
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    result = asyncio.run(watched(), debug=True)
    # What nobody retrieved is told of when it goes.
    gc.collect()
    assert not complaints, complaints
    return result


async def until_waiting(*tasks: asyncio.Task[Any]) -> None:
    """Let tasks that were just made run until each waits."""
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


def join_calls() -> None:
    """Wait until no call is under way in a thread."""
    for thread in threading.enumerate():
        if thread.name in {"rolesanywhere-call", "rolesanywhere-refresh"}:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a thread waits for ever"
