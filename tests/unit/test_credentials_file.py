"""The credentials file kept current: hours that pass by a clock that the test sets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rolesanywhere_signer import AccessDeniedError, ConfigurationError, Credentials, ServiceError, TransportError
from rolesanywhere_signer.credentials_file import CredentialsSection, Updater, credentials_path
from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.refresh import Refresher
from tests.support.refreshing import START, CountingFetch, SetClock
from tests.support.systemd import notify_socket

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

UNREACHABLE = TransportError("no answer", hint="is there a network?", retryable=True)
DENIED = AccessDeniedError("not this certificate", status=403)
Event = Callable[[], object]


class Over(BaseException):
    """The hours that a test looks at are over."""


class World:
    """An updater, its service and its file; what happens at which second can be planned."""

    def __init__(self, path: Path, *, length_seconds: float = 3600, **environment: str) -> None:
        self.path = path
        self.clock = SetClock()
        self.service = CountingFetch(self.clock, length_seconds)
        self.told: list[str] = []
        self.events: list[tuple[float, Event]] = []
        self.waits: list[float] = []
        self.updater = Updater(
            CredentialsSection(str(path), "app"),
            Refresher(self.service.fetch, self.clock),
            self.clock,
            tell=self.told.append,
            environment=environment,
            wait=self._wait,
        )

    def at(self, second: float, event: Event) -> None:
        self.events = sorted([*self.events, (second, event)], key=lambda pair: pair[0])

    def run_until(self, second: float) -> None:
        def end() -> None:
            raise Over

        self.at(second, end)
        with pytest.raises(Over):
            self.updater.run()

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        end = self.clock.now + timedelta(seconds=seconds)
        while self.events and START + timedelta(seconds=self.events[0][0]) <= end:
            second, event = self.events.pop(0)
            self.clock.be_at_second(second)
            event()
            if self.clock.now < START + timedelta(seconds=second):
                return  # it was set back
        self.clock.now = max(end, self.clock.now)

    def fail_with(self, error: BaseException | None) -> Event:
        def fail() -> None:
            self.service.error = error

        return fail

    def see_key(self) -> None:
        self.told.append(self.key())

    def key(self) -> str:
        """Return the access key in the file."""
        for line in self.path.read_text().splitlines():
            if line.startswith("aws_access_key_id"):
                return line.rpartition(" ")[2]
        raise AssertionError("there is none")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aws" / "credentials"


# --- One write -----------------------------------------------------------------------------------------------------


def credentials(account_id: str | None = "123456789012") -> Credentials:
    return Credentials("ASIA1", "sec/ret+", "to=ken", START, account_id=account_id)


def test_the_three_keys_are_written(path: Path) -> None:
    assert CredentialsSection(str(path), "app").write(credentials()) == []
    assert path.read_text() == (
        "[app]\naws_access_key_id = ASIA1\naws_secret_access_key = sec/ret+\naws_session_token = to=ken\n"
    )


@pytest.mark.parametrize(("account_id", "expected"), [("123456789012", "123456789012"), (None, "1")])
def test_what_boto3_would_send_along_is_written_where_it_stands(
    path: Path, account_id: str | None, expected: str
) -> None:
    path.parent.mkdir()
    path.write_text("[app]\naws_security_token = old\naws_account_id = 1\nregion = x\n")
    CredentialsSection(str(path), "app").write(credentials(account_id))
    assert {"aws_security_token = to=ken", f"aws_account_id = {expected}"} <= set(path.read_text().splitlines())


def test_remarks_name_the_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[app]\n[app]\n")
    path.chmod(0o644)
    mode, twice = CredentialsSection(str(path), "app").write(credentials())
    assert str(path) in mode
    assert "0644" in mode
    assert str(path) in twice
    assert "2 times" in twice


@pytest.mark.parametrize("profile", ["", "a]", "DEFAULT", "a\nb"])
def test_a_profile_that_no_section_can_be_named_after(profile: str) -> None:
    with pytest.raises(ConfigurationError):
        CredentialsSection("credentials", profile)


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/app")
    monkeypatch.setenv("PLACE", "/etc")
    assert credentials_path({}) == "/home/app/.aws/credentials"
    assert credentials_path({"AWS_SHARED_CREDENTIALS_FILE": ""}) == "/home/app/.aws/credentials"
    assert credentials_path({"AWS_SHARED_CREDENTIALS_FILE": "~/c"}) == "/home/app/c"
    assert credentials_path({"AWS_SHARED_CREDENTIALS_FILE": "$PLACE/c"}) == "/etc/c"
    with pytest.raises(ConfigurationError):
        credentials_path({"AWS_SHARED_CREDENTIALS_FILE": "~no-such-user/c"})


# --- Hours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "due"), [(3600, 2700), (900, 600)])
def test_credentials_are_renewed_when_the_window_begins(path: Path, length: int, due: int) -> None:
    world = World(path, length_seconds=length)
    world.at(due - 1, world.see_key)
    world.run_until(due + 1)
    first, old_key, second = world.told
    assert old_key == "ASIA1"
    assert world.key() == "ASIA2"
    assert first == f"Credentials will be refreshed at {(START + timedelta(seconds=due)).isoformat()[:19]}Z"
    assert second == f"Credentials will be refreshed at {(START + timedelta(seconds=2 * due)).isoformat()[:19]}Z"


def test_it_wakes_often_enough_to_notice_a_machine_that_slept(path: Path) -> None:
    world = World(path)
    world.at(100, lambda: world.clock.pass_seconds(3000))
    world.run_until(3140)
    assert max(world.waits) <= 30
    assert world.key() == "ASIA2"


def test_a_clock_that_is_set_back_delays_no_renewal(path: Path) -> None:
    world = World(path)
    world.at(100, lambda: world.clock.pass_seconds(-7200))
    # 7200 seconds later, by the clock that was set back.
    world.run_until(101)
    assert world.key() == "ASIA3"


def test_what_somebody_else_wrote_is_overwritten_at_the_next_renewal(path: Path) -> None:
    world = World(path)
    world.at(100, lambda: path.write_text("[app]\naws_access_key_id = AKIA\nregion = x\n"))
    world.at(200, world.see_key)
    world.run_until(2701)
    assert world.told[1] == "AKIA"
    assert world.key() == "ASIA2"
    assert "region = x" in path.read_text()


def test_an_error_that_may_pass_is_tried_again_with_pauses_while_the_old_ones_are_valid_and_after(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(path)
    world.at(2600, world.fail_with(UNREACHABLE))
    world.run_until(7200)
    # 75 minutes of pauses of 60 to 120 seconds, but for the first five.
    assert 40 <= world.service.calls <= 90
    assert world.key() == "ASIA1"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "valid until" in warnings[0]
    assert "have expired: no answer; is there a network?" in warnings[1]


@pytest.mark.parametrize("error", [DENIED, ConfigurationError("the file is gone"), UNREACHABLE])
def test_after_the_first_success_no_error_ends_it(path: Path, error: Exception) -> None:
    world = World(path)
    world.at(2600, world.fail_with(error))
    world.at(6000, world.fail_with(None))
    world.run_until(6200)
    assert world.key() == f"ASIA{world.service.calls}"
    assert world.service.calls > 5
    assert len(world.told) == 2


def test_an_error_for_good_ends_it_at_the_start(path: Path) -> None:
    world = World(path)
    world.service.error = DENIED
    with pytest.raises(AccessDeniedError):
        world.updater.run()
    assert (world.service.calls, world.waits, path.exists()) == (1, [], False)


def test_an_error_that_may_pass_does_not_end_it_at_the_start(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(path)
    world.service.error = UNREACHABLE
    world.at(60, world.fail_with(ServiceError("busy", status=503, retryable=True)))
    # Pauses are two minutes at most.
    world.at(240, world.fail_with(None))
    world.run_until(500)
    assert world.key() == f"ASIA{world.service.calls}"
    warnings = [record.getMessage() for record in caplog.records]
    assert [warning.rpartition(": ")[2] for warning in warnings[:2]] == ["no answer; is there a network?", "busy"]


def test_one_update_makes_one_attempt(path: Path) -> None:
    world = World(path)
    world.service.error = UNREACHABLE
    with pytest.raises(TransportError):
        world.updater.update_once()
    world.service.error = None
    world.updater.update_once()
    assert world.key() == "ASIA2"
    assert world.told == []


def test_a_file_that_cannot_be_written_ends_it_at_the_start(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigurationError):
        World(path).updater.run()


def test_a_file_that_cannot_be_written_later_is_tried_again_without_calling(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(path)
    world.at(2600, lambda: path.chmod(0o400))
    world.at(3000, lambda: path.chmod(0o600))
    world.run_until(3200)
    assert world.service.calls == 2
    assert world.key() == "ASIA2"
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "could not be written" in warning
    assert "read-only" in warning


def test_a_file_that_cannot_be_written_for_long_gets_the_latest(path: Path) -> None:
    world = World(path)
    world.at(2600, lambda: path.chmod(0o400))
    world.at(9000, lambda: path.chmod(0o600))
    world.run_until(9200)
    assert world.service.calls == 4
    assert world.key() == "ASIA4"


def test_what_is_odd_about_the_file_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_text("[app]\n[app]\n")
    world = World(path)
    world.run_until(9000)
    assert world.service.calls == 4
    assert len([record for record in caplog.records if "2 times" in record.getMessage()]) == 1


def test_systemd_is_told(path: Path, tmp_path: Path) -> None:
    with notify_socket(tmp_path) as sink:
        world = World(path, NOTIFY_SOCKET=sink.name)
        world.service.error = UNREACHABLE
        world.at(1, world.fail_with(None))
        world.at(2800, world.fail_with(DENIED))
        world.run_until(6500)
        waiting, ready, status, renewed, *failures = sink.lines()
    assert waiting == "STATUS=there are no credentials yet, and it is tried again: no answer"
    assert ready == "READY=1"
    assert status.startswith("STATUS=Credentials of [app] are valid until 2026-03-01T13:00:0")
    assert renewed.startswith("STATUS=Credentials of [app] are valid until 2026-03-01T13:4")
    assert failures[0].startswith("STATUS=Credentials of [app] are valid until 2026-03-01T13:4")
    assert failures[0].endswith("; the last try failed: not this certificate")
    assert failures[-1].endswith("have expired: not this certificate")


def test_no_secret_is_told(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with notify_socket(tmp_path) as sink:
        world = World(path, NOTIFY_SOCKET=sink.name)
        world.at(2600, lambda: path.chmod(0o400))
        world.run_until(9000)
        told = f"{sink.lines()} {world.told} {caplog.text} {vars(world.updater)}"
    assert "ASIA" in told
    assert "could not be written" in told
    assert "a-secret-key" not in told
    assert "a-session-token" not in told
