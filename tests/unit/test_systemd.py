from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rolesanywhere_signer import systemd
from rolesanywhere_signer.systemd import notify_ready, notify_status, notify_stopping
from tests.support.systemd import NotifySocket

if not hasattr(socket, "AF_UNIX"):
    pytest.skip("this system has no Unix sockets", allow_module_level=True)

needs_abstract = pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")


@pytest.fixture(params=["path", pytest.param("abstract", marks=needs_abstract)])
def unread(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    # A path of a socket has at most 107 bytes.
    monkeypatch.chdir(tmp_path)
    name = f"@rolesanywhere-test-{os.urandom(8).hex()}" if request.param == "abstract" else str(tmp_path / "s")
    sink = NotifySocket(name)
    yield sink
    sink.close()


@pytest.fixture
def sink(unread: NotifySocket) -> NotifySocket:
    unread.start()
    return unread


def test_each_message_is_one_datagram(sink: NotifySocket) -> None:
    environment = {"NOTIFY_SOCKET": sink.name}
    notify_ready(environment, "fine")
    notify_status(environment, "finer")
    notify_stopping(environment, "done")
    assert sink.receive() == ["READY=1", "STATUS=fine"]
    assert sink.receive() == ["STATUS=finer"]
    assert sink.receive() == ["STOPPING=1", "STATUS=done"]


def test_a_status_cannot_become_another_assignment(sink: NotifySocket) -> None:
    notify_status({"NOTIFY_SOCKET": sink.name}, "one\nMAINPID=1\r\ntwo \udcff")
    assert sink.receive() == ["STATUS=one MAINPID=1 two ?"]


def test_a_status_has_an_end(sink: NotifySocket) -> None:
    notify_status({"NOTIFY_SOCKET": sink.name}, "x" * 100_000)
    assert sink.receive() == ["STATUS=" + "x" * 500]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_nobody_to_be_told(environment: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    notify_ready(environment, "fine")
    assert caplog.records == []


@pytest.mark.parametrize("name", ["/nowhere/at/all", "/" + "x" * 200, "/nul\0byte", "@" + "x" * 200])
def test_a_socket_that_does_not_answer_is_no_reason_to_end(name: str, caplog: pytest.LogCaptureFixture) -> None:
    notify_ready({"NOTIFY_SOCKET": name}, "fine")
    assert "could not be told" in caplog.text


def test_a_socket_that_nobody_reads_is_given_up(
    unread: NotifySocket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(systemd, "_TIMEOUT_SECONDS", 0.01)
    for _ in range(10_000):
        notify_status({"NOTIFY_SOCKET": unread.name}, "x" * 400)
        if caplog.records:
            break
    assert "timed out" in caplog.text
