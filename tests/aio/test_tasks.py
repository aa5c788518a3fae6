"""Many tasks, one call; the loop stays free; loops come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import pytest

from rolesanywhere_signer.aio import RolesAnywhereAioCredentials
from rolesanywhere_signer.errors import AccessDeniedError, ConfigurationError, TransportError
from tests.aio.world import AioWorld, Gate, join_calls, run, until_waiting
from tests.support.refreshing import DEADLINE, join_all, start

TASKS = 200


def ask(credentials: RolesAnywhereAioCredentials, count: int) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(credentials.get_frozen_credentials()) for _ in range(count)]


# --- many tasks, one call -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("passed", [None, 3570, 4000], ids=["first use", "last minute", "expired"])
def test_200_tasks_that_have_to_wait_make_one_call(world: AioWorld, passed: int | None) -> None:
    credentials = world.credentials()

    async def main() -> tuple[object, list[object]]:
        first = None
        if passed is not None:
            first = await credentials.get_frozen_credentials()
            world.clock.pass_seconds(passed)
        gate = world.hold()
        tasks = ask(credentials, TASKS)
        await gate.reached()
        await until_waiting(*tasks)
        gate.open()
        return first, await asyncio.gather(*tasks)

    first, results = run(main())

    assert len(results) == TASKS
    assert len(set(results)) == 1
    assert results[0] != first
    assert [call.status for call in world.service.calls] == [201] * (1 if passed is None else 2)


def test_200_tasks_in_the_renewal_window_wait_for_nothing_and_make_one_call(world: AioWorld) -> None:
    credentials = world.credentials(duration_seconds=900)

    async def main() -> None:
        first = await credentials.get_frozen_credentials()
        world.clock.pass_seconds(601)
        gate = world.hold()
        # The service hangs all the while.
        assert set(await asyncio.gather(*ask(credentials, TASKS))) == {first}
        gate.open()
        await asyncio.to_thread(join_calls)
        assert await credentials.get_frozen_credentials() != first

    run(main())
    assert len(world.service.calls) == 2


def test_200_tasks_share_one_failure_and_each_has_its_own_exception(world: AioWorld) -> None:
    stranger = world.service.create_role("stranger")
    credentials = world.credentials(role_arn=stranger.arn)

    async def main() -> list[Any]:
        gate = world.hold()
        tasks = ask(credentials, TASKS)
        await gate.reached()
        await until_waiting(*tasks)
        gate.open()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    errors = run(main())

    assert {type(error) for error in errors} == {AccessDeniedError}
    assert len({id(error) for error in errors}) == TASKS
    [text] = {str(error) for error in errors}
    assert f"hint: {stranger.arn} is not among the roles of" in text
    assert [call.status for call in world.service.calls] == [403]


def test_a_failed_first_use_does_not_spoil_the_next(world: AioWorld) -> None:
    stranger = world.service.create_role("stranger")
    credentials = world.credentials(role_arn=stranger.arn)
    profile = world.service.create_profile([stranger])

    async def main() -> None:
        with pytest.raises(AccessDeniedError):
            await credentials.get_frozen_credentials()
        better = await world.aio_provider(role_arn=stranger.arn, profile_arn=profile.arn).load()
        assert (await better.get_frozen_credentials()).access_key.startswith("ASIA")
        with pytest.raises(AccessDeniedError):
            await credentials.get_frozen_credentials()

    run(main())
    assert [call.status for call in world.service.calls] == [403, 201, 403]


def test_a_failed_renewal_in_the_last_minute_leaves_what_is_valid_in_use(world: AioWorld) -> None:
    credentials = world.credentials()

    async def main() -> None:
        first = await credentials.get_frozen_credentials()
        world.clock.pass_seconds(3570)
        world.service.clock = lambda: world.clock() + timedelta(days=2)
        assert set(await asyncio.gather(*ask(credentials, TASKS))) == {first}

    run(main())
    assert [call.status for call in world.service.calls] == [201, 403]


# --- the loop stays free ------------------------------------------------------------------------------------------


async def beat(times: int) -> int:
    for _ in range(times):
        await asyncio.sleep(0.001)
    return times


@pytest.mark.parametrize("passed", [None, 4000], ids=["first use", "expired"])
def test_a_heart_goes_on_beating_while_the_service_hangs(world: AioWorld, passed: int | None) -> None:
    credentials = world.credentials()

    async def main() -> None:
        if passed is not None:
            await credentials.get_frozen_credentials()
            world.clock.pass_seconds(passed)
        gate = world.hold()
        [asking] = ask(credentials, 1)
        await gate.reached()
        assert await asyncio.create_task(beat(100)) == 100
        assert not asking.done()
        gate.open()
        assert (await asking).access_key.startswith("ASIA")

    run(asyncio.wait_for(main(), DEADLINE))


def test_the_loops_executor_is_left_to_the_application(world: AioWorld) -> None:
    """Its threads may all be busy, and the loop would wait for them at its end."""
    credentials = world.credentials()

    async def main() -> None:
        busy = threading.Event()
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(None, busy.wait, DEADLINE) for _ in range(64)]
        assert (await credentials.get_frozen_credentials()).access_key.startswith("ASIA")
        busy.set()
        assert all(await asyncio.gather(*jobs))

    run(main())


# --- tasks that are cancelled -------------------------------------------------------------------------------------


def test_a_cancelled_task_takes_neither_the_call_nor_the_others_along(world: AioWorld) -> None:
    credentials = world.credentials()

    async def main() -> list[Any]:
        gate = world.hold()
        first, *others = ask(credentials, 10)
        await gate.reached()
        await until_waiting(first, *others)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.open()
        return list(await asyncio.gather(*others))

    assert len(set(run(main()))) == 1
    assert len(world.service.calls) == 1


@pytest.mark.parametrize("status", [201, 403])
def test_a_call_that_nobody_waits_for_any_more_ends_in_silence(world: AioWorld, status: int) -> None:
    stranger = world.service.create_role("stranger")
    role = {} if status == 201 else {"role_arn": stranger.arn}
    credentials = world.credentials(**role)

    async def main() -> None:
        gate = world.hold()
        tasks = ask(credentials, 10)
        await gate.reached()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gate.open()
        await asyncio.to_thread(join_calls)

    run(main())
    assert [call.status for call in world.service.calls] == [status]


def test_what_a_call_obtained_that_nobody_waited_for_is_used(world: AioWorld) -> None:
    credentials = world.credentials()

    async def give_up() -> Gate:
        gate = world.hold()
        [asking] = ask(credentials, 1)
        await gate.reached()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return gate

    # The loop ends while the service still hangs.
    run(give_up()).open()
    join_calls()

    assert run(credentials.get_frozen_credentials()).access_key.startswith("ASIA")
    assert len(world.service.calls) == 1


def test_a_time_out_of_the_application_leaves_the_credentials_usable(world: AioWorld) -> None:
    credentials = world.credentials()

    async def main() -> None:
        gate = world.hold()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(credentials.get_frozen_credentials(), 0.05)
        gate.open()
        assert (await credentials.get_frozen_credentials()).access_key.startswith("ASIA")

    run(main())
    assert len(world.service.calls) == 1


# --- loops come and go --------------------------------------------------------------------------------------------


def test_loops_one_after_the_other_share_the_credentials(world: AioWorld) -> None:
    credentials = world.credentials()
    keys = []
    for _ in range(3):
        keys += [run(credentials.get_frozen_credentials()).access_key for _ in range(2)]
        world.clock.pass_seconds(4000)

    assert [keys.count(key) for key in keys] == [2] * 6
    assert len(world.service.calls) == 3


def test_loops_of_several_threads_share_one_call(world: AioWorld) -> None:
    credentials = world.credentials()
    gate = world.hold()
    waiting = threading.Barrier(5)
    keys: list[str] = []

    async def main() -> None:
        tasks = ask(credentials, 20)
        await until_waiting(*tasks)
        await asyncio.to_thread(waiting.wait, DEADLINE)
        keys.extend(each.access_key for each in await asyncio.gather(*tasks))

    threads = [start(lambda: run(main())) for _ in range(4)]
    waiting.wait(DEADLINE)
    gate.open()
    join_all(threads)

    assert len(keys) == 80
    assert len(set(keys)) == 1
    assert len(world.service.calls) == 1


def test_threads_and_tasks_share_one_call(world: AioWorld) -> None:
    """The credentials of roles further on are asked for in threads, those of the first in a loop."""
    credentials = world.credentials()
    gate = world.hold()
    got: list[Any] = []
    thread = start(lambda: got.append(credentials._refresher.get()))

    async def main() -> Any:
        [asking] = ask(credentials, 1)
        await gate.reached()
        gate.open()
        return await asking

    key = run(main()).access_key
    join_all([thread])
    assert [each.access_key_id for each in got] == [key]
    assert len(world.service.calls) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_forked_during_a_call_gets_credentials_in_a_loop_of_its_own(world: AioWorld) -> None:
    credentials = world.credentials()
    gate = world.hold()
    parent = start(lambda: run(credentials.get_frozen_credentials()))
    run(gate.reached())

    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            status = 0 if asyncio.run(credentials.get_frozen_credentials()).access_key.startswith("ASIA") else 1
        finally:
            os._exit(status)
    gate.open()

    assert os.waitpid(child, 0)[1] == 0
    join_all([parent])
    assert [call.status for call in world.service.calls] == [201, 201]


def test_without_an_event_loop_of_asyncio_there_is_our_error(world: AioWorld) -> None:
    asking = world.credentials().get_frozen_credentials()
    with pytest.raises(ConfigurationError, match="no event loop of asyncio"):
        asking.send(None)


def test_a_thread_that_cannot_start_is_our_error_and_the_next_use_tries_again(
    world: AioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = world.credentials()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(TransportError, match="can't start new thread"):
                await credentials.get_frozen_credentials()
        assert (await credentials.get_frozen_credentials()).access_key.startswith("ASIA")

    run(main())


@pytest.mark.parametrize("fault", [ZeroDivisionError, SystemExit])
def test_whatever_goes_wrong_in_the_thread_no_task_waits_for_ever(world: AioWorld, fault: type[BaseException]) -> None:
    credentials = world.credentials()

    def fail() -> Any:
        raise fault

    credentials._refresher._fetch = fail

    async def main() -> None:
        with pytest.raises(fault):
            await credentials.get_frozen_credentials()

    run(main())
