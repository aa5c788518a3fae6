"""A program that forks, or starts processes in other ways, with a session in its hands; run by the tests beside it.

Usage: process_worker.py MODE OPTIONS, the latter as JSON. Every use of the session is told as a line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from rolesanywhere_signer import (
    AccessDeniedError,
    Identity,
    RolesAnywhereClient,
    RolesAnywhereProvider,
    Settings,
    create_botocore_session,
    install,
)

DEADLINE_SECONDS = 30
CHILDREN = 8
THREADS = 4
TO_THE_LAST_MINUTE = 59 * 60 + 30


class ClockOfFile:
    """The machine's clock, ahead by the seconds that a file holds: one time for many processes."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=float(Path(self._path).read_text()))


class Program:
    """The options of a run, and the session that it works with."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.clock = ClockOfFile(options["clock"])
        self.session = create_botocore_session(
            certificate=options["certificate"],
            private_key=options["private_key"],
            endpoint_url=options["url"],
            cache=options["cache"],
            clock=self.clock,
            **options["arns"],
        )

    def use(self, who: str) -> None:
        tell(who, self.session)

    def pass_to_the_last_minute(self) -> None:
        path = Path(self.options["clock"])
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(str(float(path.read_text()) + TO_THE_LAST_MINUTE))
        new.replace(path)

    @property
    def settings(self) -> Settings:
        return Settings(endpoint_url=self.options["url"], **self.options["arns"])

    @property
    def identity(self) -> Identity:
        return Identity.from_files(self.options["certificate"], self.options["private_key"])

    @property
    def provider(self) -> RolesAnywhereProvider:
        client = RolesAnywhereClient(self.settings, self.identity, self.clock)
        return RolesAnywhereProvider(client, cache=self.options["cache"])


def tell(who: str, session: Any) -> None:
    """Use a session, and say whose credentials it has."""
    frozen = session.get_credentials().get_frozen_credentials()
    say(
        {
            "who": who,
            "process": os.getpid(),
            "key": frozen.access_key,
            "secret": frozen.secret_key,
            "token": frozen.token,
        }
    )


def say(line: object) -> None:
    # One write, so that the lines of many processes do not mix.
    os.write(1, (json.dumps(line) + "\n").encode())


def in_child(work: Callable[[], None]) -> int:
    """Fork, let the child do the work under a deadline, and return its process identifier."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(DEADLINE_SECONDS)
        work()
        status = 0
    finally:
        os._exit(status)


def join(children: list[int]) -> None:
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def fork_after_use(program: Program) -> None:
    """Parent and child go on with one set of credentials, and renew it each for itself."""
    program.use("parent")
    ready, go = os.pipe(), os.pipe()

    def work() -> None:
        program.use("child")
        os.write(ready[1], b".")
        os.read(go[0], 1)
        program.use("child")

    child = in_child(work)
    program.use("parent")
    os.read(ready[0], 1)
    program.pass_to_the_last_minute()
    os.write(go[1], b".")
    join([child])
    program.use("parent")


def fork_before_use(program: Program) -> None:
    join([in_child(lambda: program.use("child")) for _ in range(CHILDREN)])


def fork_during_a_call(program: Program) -> None:
    """A thread waits for an answer that the test holds back; the child cannot count on that thread."""
    thread = threading.Thread(target=program.use, args=("parent",))
    thread.start()
    sys.stdin.readline()

    def work() -> None:
        say("the child asks")
        program.use("child")

    child = in_child(work)
    join([child])
    thread.join(DEADLINE_SECONDS)


def fork_among_threads(program: Program) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=use_without_end, args=(program, stop)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in range(CHILDREN):
        program.pass_to_the_last_minute()
        join([in_child(lambda: program.use("child"))])
    stop.set()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    program.use("parent")


def use_without_end(program: Program, stop: threading.Event) -> None:
    credentials = program.session.get_credentials()
    while not stop.is_set():
        # Where an hour passes while a request is on its way, the service refuses it.
        with contextlib.suppress(AccessDeniedError):
            credentials.get_frozen_credentials()


def start_with(method: str) -> Callable[[Program], None]:
    """Hand a used provider, and settings with an identity, over to new processes."""

    def run(program: Program) -> None:
        provider = program.provider
        use_provider("parent", provider)
        context: Any = multiprocessing.get_context(method)
        processes = [
            context.Process(target=use_provider, args=("provider", provider)),
            context.Process(target=use_pieces, args=(program.settings, program.identity, program.clock)),
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(DEADLINE_SECONDS)
        assert [process.exitcode for process in processes] == [0, 0]
        use_provider("parent", provider)

    return run


def use_provider(who: str, provider: RolesAnywhereProvider) -> None:
    import botocore.session

    session = botocore.session.Session()
    install(provider, session)
    tell(who, session)


def use_pieces(settings: Settings, identity: Identity, clock: ClockOfFile) -> None:
    use_provider("pieces", RolesAnywhereProvider(RolesAnywhereClient(settings, identity, clock)))


MODES: dict[str, Callable[[Program], None]] = {
    "fork after use": fork_after_use,
    "fork before use": fork_before_use,
    "fork during a call": fork_during_a_call,
    "fork among threads": fork_among_threads,
    "spawn": start_with("spawn"),
    "forkserver": start_with("forkserver"),
    "fork": start_with("fork"),
}

if __name__ == "__main__":
    signal.alarm(DEADLINE_SECONDS)
    MODES[sys.argv[1]](Program(json.loads(sys.argv[2])))
