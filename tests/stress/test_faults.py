"""Thousands of refreshes while network, service and clocks fail at random: the application never notices.

``STRESS_REFRESHES`` says how many, ``STRESS_SEED`` repeats a run.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer import Credentials, RolesAnywhereClient, RolesAnywhereError, RolesAnywhereProvider
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.faults import FAULTS, FaultyFront
from tests.support.refreshing import renewal_threads, settle
from tests.support.servers import raw_server
from tests.support.world import World

REFRESHES = int(os.environ.get("STRESS_REFRESHES", "300"))
ASKERS = 6
LENGTH = 900
ATTEMPTS = 4
# The shortest back-off after a failed call: half of five seconds.
SHORTEST_BACKOFF = timedelta(seconds=2.5)
# What stays of the credentials, the log and the pools of urllib3; a leak of 500 bytes a refresh would pass it soon.
MOST_BYTES_LEFT = 150_000
SKEWS = [0, 0, 0, 400, 3600, 86000, -310, -600, -1000]


class PassingClock:
    """The client's clock; sleeping lets it pass."""

    def __init__(self) -> None:
        self.now = datetime.now(timezone.utc)
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        with self._lock:
            self.now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.slept = [*self.slept, seconds][-1000:]
        self.pass_seconds(seconds)


class Meter:
    """Stands around a client's CreateSession and measures it.

    Attributes:
        calls, successes: How many there were.
        most_at_once: How many were under way at one time.
        most_requests: How many requests one call sent, but for those that were sent once more because a connection
            that had been kept was closed instead of answered.
        most_in_all: How many with those.
        too_early: Calls that began within the back-off of a failed one, while credentials were valid.
    """

    def __init__(self, client: RolesAnywhereClient, front: FaultyFront) -> None:
        self.calls = self.successes = self.under_way = self.most_at_once = self.too_early = 0
        self.most_requests = self.most_in_all = 0
        self.expirations: dict[str, datetime] = {}
        self._really = client.create_session
        self._clock = client.now
        self._front = front
        self._not_before: datetime | None = None
        self._lock = threading.Lock()
        client.create_session = self._create_session  # type: ignore[method-assign]

    @property
    def end(self) -> datetime | None:
        """When the last credentials end."""
        return max(self.expirations.values(), default=None)

    def _create_session(self) -> Credentials:
        self._enter()
        before, again_before = self._front.requests, self._front.sent_again
        try:
            credentials = self._really()
        except BaseException:
            self._not_before = self._clock() + SHORTEST_BACKOFF
            raise
        else:
            self._not_before = None
            self.successes += 1
            latest = list(self.expirations.items())[-1:]
            self.expirations = {**dict(latest), credentials.access_key_id: credentials.expiration}
            return credentials
        finally:
            in_all, again = self._front.requests - before, self._front.sent_again - again_before
            self.most_requests = max(self.most_requests, in_all - again)
            self.most_in_all = max(self.most_in_all, in_all)
            with self._lock:
                self.under_way -= 1

    def _enter(self) -> None:
        now = self._clock()
        with self._lock:
            self.calls += 1
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        is_valid = self.end is not None and self.end > now
        if is_valid and self._not_before is not None and now < self._not_before:
            self.too_early += 1


class Application:
    """Threads that use one provider, and fail only where there is nothing to go on with.

    Attributes:
        wrongly: What went wrong that must not.
        failures: How often a use failed, all its credentials having expired.
    """

    def __init__(self, provider: RolesAnywhereProvider, meter: Meter, clock: PassingClock) -> None:
        self.wrongly: list[str] = []
        self.failures = 0
        self._credentials = provider.load()
        self._meter = meter
        self._clock = clock

    def use(self) -> None:
        asked = self._clock()
        try:
            frozen = self._credentials.get_frozen_credentials()
        except RolesAnywhereError as error:
            self._look_at_failure(error)
        except BaseException as error:  # noqa: BLE001 - what is foreign is a finding
            self.wrongly.append(f"foreign: {error!r}")
        else:
            end = self._meter.expirations.get(frozen.access_key)
            if end is None or end <= asked:
                self.wrongly.append(f"credentials that ended at {end} were given at {asked}")

    def _look_at_failure(self, error: RolesAnywhereError) -> None:
        now = self._clock()
        self.failures += 1
        if self._meter.end is not None and self._meter.end > now:
            self.wrongly.append(f"failed at {now} with credentials until {self._meter.end}: {error}")


class Run:
    """One run over a random course of time, weather and skew."""

    def __init__(self, world: World, chance: random.Random, front: FaultyFront, url: str, clock: PassingClock) -> None:
        self.clock = clock
        self.front = front
        client = world.client(
            clock=clock, endpoint_url=url, duration_seconds=LENGTH, max_attempts=ATTEMPTS,
            connect_timeout_seconds=1, read_timeout_seconds=0.2,
        )  # fmt: skip
        self.meter = Meter(client, front)
        self.application = Application(RolesAnywhereProvider(client), self.meter, clock)
        self._world = world
        self._chance = chance
        self._skew = timedelta(0)
        world.service.clock = lambda: clock() + self._skew

    def until(self, calls: int, pool: ThreadPoolExecutor) -> None:
        while self.meter.calls < calls and not self.application.wrongly:
            self._change_the_weather()
            self._pass_time()
            list(pool.map(lambda _: self.application.use(), range(ASKERS)))
            settle()
            # The service's own memory is not under test.
            self._world.service.calls.clear()
            self._world.service._account._vended.clear()
            self._world.service.assume_role_calls.clear()

    def told(self) -> str:
        meter, front = self.meter, self.front
        return (
            f"{meter.calls} calls, {meter.successes} of them successful, in {front.requests} requests, {front.on_kept} "
            f"of them over kept connections, {front.sent_again} sent once more; {self.application.failures} uses failed"
        )

    def _change_the_weather(self) -> None:
        if self._chance.random() < 0.1:
            self.front.harshness = self._chance.choice([0.05, 0.3, 0.6, 0.97])
            self._skew = timedelta(seconds=self._chance.choice(SKEWS))

    def _pass_time(self) -> None:
        """Pass a moment, or go to where the credentials at hand are due, nearly over or over."""
        end = self.meter.end
        if end is None or self._chance.random() < 0.5:
            self.clock.pass_seconds(self._chance.uniform(0, 40))
            return
        left = self._chance.choice([250.0, 120.0, 61.0, 59.0, 20.0, 0.5, -1.0])
        self.clock.pass_seconds(max(0.0, (end - self.clock()).total_seconds() - left))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("STRESS_SEED") or random.SystemRandom().randrange(2**32))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PassingClock:
    clock = PassingClock()
    monkeypatch.setattr("rolesanywhere_signer.client.sleep", clock.sleep)
    return clock


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Log nothing: pytest would keep thousands of records, and what it keeps is counted as memory of the run."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def run(tmp_path: Path, seed: int, clock: PassingClock) -> Iterator[Run]:
    chance = random.Random(seed)  # noqa: S311 - keeps no secret
    with quiet(), LocalRolesAnywhere() as service:
        world = World(service, tmp_path)
        front = FaultyFront(service.url, random.Random(seed + 1))  # noqa: S311 - keeps no secret
        with raw_server(front, reads=False) as server:
            yield Run(world, chance, front, server.url, clock)


def open_descriptors() -> int | None:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else None


def memory_of_the_library() -> int:
    """Return the bytes that are held since tracing began, without those of the tests and of the local service."""
    gc.collect()
    others = ("*/tests/*", "*/rolesanywhere_signer/testing/*", "*/_pytest/*", "*/tracemalloc.py", "*/concurrent/*")
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, name) for name in others])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


def test_refreshes_among_faults(run: Run, seed: int) -> None:
    print(f"STRESS_SEED={seed}")  # noqa: T201 - shown where the test fails
    with ThreadPoolExecutor(ASKERS) as pool:
        run.until(max(REFRESHES // 5, 20), pool)
        gc.collect()
        threads, descriptors = threading.active_count(), open_descriptors()
        tracemalloc.start()
        try:
            run.until(REFRESHES, pool)
            left = memory_of_the_library()
        finally:
            tracemalloc.stop()
        settle()
    print(run.told(), f"{left} bytes more")  # noqa: T201 - the same
    assert run.application.wrongly == []
    assert_calls_were_few(run)
    assert_all_was_tried(run)
    assert left < MOST_BYTES_LEFT
    assert renewal_threads() == []
    # Threads of the front and of the service may still be ending; ours and the pool's are gone.
    assert threading.active_count() <= threads
    assert descriptors is None or (open_descriptors() or 0) <= descriptors + 4


def assert_calls_were_few(run: Run) -> None:
    meter = run.meter
    assert meter.most_at_once == 1
    assert meter.too_early == 0
    # One more than the attempts: a request with the service's time.
    assert meter.most_requests <= ATTEMPTS + 1
    assert meter.most_in_all <= 2 * (ATTEMPTS + 1)
    assert all(0 <= seconds <= 20 for seconds in run.clock.slept)


def assert_all_was_tried(run: Run) -> None:
    """A run proves nothing if nothing failed in it, or nothing went well."""
    assert run.meter.calls >= REFRESHES
    assert run.meter.calls * 0.1 < run.meter.successes < run.meter.calls
    assert set(run.front.seen) == set(FAULTS)
    assert run.front.on_kept > run.front.sent_again > 0
