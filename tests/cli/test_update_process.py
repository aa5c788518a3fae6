"""``update`` as a process that goes on: renewals, signals, systemd, outages."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.seconds import sleep
from tests.support.command_line import PROGRAM, Outcome, session_words
from tests.support.servers import raw_server, unused_port
from tests.support.systemd import notify_socket
from tests.support.updating import KEYS, WRITTEN, updating, written
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".aws" / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    return path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_a_signal_ends_it_cleanly(world: World, path: Path, number: int, code: int) -> None:
    with updating(world) as running:
        told = running.wait_for(WRITTEN)
        assert running.end(number) == Outcome(code, "", "")
        assert running.lines == [told]
    due = datetime.fromisoformat(told.removeprefix(WRITTEN).replace("Z", "+00:00"))
    assert timedelta(minutes=40) < due - datetime.now(timezone.utc) < timedelta(minutes=45)
    assert tuple(written(path)) == KEYS
    assert list(path.parent.iterdir()) == [path]


def test_what_is_ignored_stays_ignored(world: World, path: Path) -> None:
    with updating(world, ignored=(signal.SIGHUP, signal.SIGINT)) as running:
        running.wait_for(WRITTEN)
        running.process.send_signal(signal.SIGHUP)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == Outcome(0, "", "")


def test_a_second_signal_changes_nothing(world: World, path: Path) -> None:
    with updating(world) as running:
        running.wait_for(WRITTEN)
        running.process.send_signal(signal.SIGTERM)
        outcome = running.end()
        # It may have come when the program's own handling was over.
        assert outcome.code in (0, -signal.SIGTERM)
        assert outcome.stderr == ""


def hang(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--once",), 128 + signal.SIGTERM)])
def test_a_signal_ends_a_call_that_hangs(world: World, path: Path, words: tuple[str, ...], code: int) -> None:
    with raw_server(hang) as server, updating(world, *words, "--endpoint", server.url) as running:
        while not server.received:
            sleep(0.01)
            assert running.process.poll() is None
        assert running.end() == Outcome(code, "", "")
    assert not path.exists()


def test_systemd_is_told(world: World, path: Path, tmp_path: Path) -> None:
    with notify_socket(tmp_path) as sink, updating(world, NOTIFY_SOCKET=sink.name) as running:
        (first,) = sink.receive_until("READY=1")
        assert tuple(written(path)) == KEYS
        assert first[1].startswith("STATUS=Credentials of [default] are valid until ")
        assert running.end().code == 0
        assert sink.receive()[0] == "STOPPING=1"


def test_once_tells_systemd_nothing(world: World, path: Path, tmp_path: Path) -> None:
    with notify_socket(tmp_path) as sink, updating(world, "--once", NOTIFY_SOCKET=sink.name) as running:
        assert running.process.wait(60) == 0
        assert sink.lines() == []


def test_a_service_that_is_not_there_yet_is_waited_for(world: World, path: Path, tmp_path: Path) -> None:
    with unused_port() as port, notify_socket(tmp_path) as sink:
        endpoint = f"http://127.0.0.1:{port}"
        with updating(world, "--endpoint", endpoint, NOTIFY_SOCKET=sink.name) as running:
            warning = running.wait_for("warning: ")
            assert running.process.poll() is None
            assert running.end() == Outcome(0, "", "")
        messages = sink.lines()
    assert warning.startswith("warning: there are no credentials yet, and it is tried again: no answer from 127.0.0.1")
    assert messages[0].startswith("STATUS=there are no credentials yet")
    assert "READY=1" not in messages
    assert not path.exists()


def test_a_service_that_is_not_there_ends_it_with_once(world: World, path: Path) -> None:
    with unused_port() as port, updating(world, "--endpoint", f"http://127.0.0.1:{port}", "--once") as running:
        error = running.wait_for("error: ")
        assert running.process.wait(60) == 1
    assert "no answer from 127.0.0.1" in error
    assert not os.path.lexists(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_it_goes_on_where_nobody_can_be_told(world: World, path: Path) -> None:
    words = [*PROGRAM, "update", *session_words(world)]
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stderr=full, env={**os.environ, "AWS_SHARED_CREDENTIALS_FILE": str(path)}
        )
    try:
        for _ in range(600):
            if path.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
