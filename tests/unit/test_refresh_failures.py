"""A renewal that fails: the last good credentials, the back-off, the log."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise

import pytest

from rolesanywhere_signer.credentials import Credentials
from rolesanywhere_signer.errors import AccessDeniedError, RolesAnywhereError, TransportError
from rolesanywhere_signer.refresh import Refresher
from tests.support.refreshing import Asker, CountingFetch, SetClock, join_all, new_refresher, settle


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_failed_first_call_raises_its_error() -> None:
    _, service, refresher = new_refresher()
    service.error = AccessDeniedError("refused", hint="do this")
    with pytest.raises(AccessDeniedError, match="refused") as caught:
        refresher.get()
    assert caught.value.hint == "do this"


def test_a_failed_first_call_is_not_logged_because_the_caller_gets_it(caplog: pytest.LogCaptureFixture) -> None:
    _, service, refresher = new_refresher()
    service.error = TransportError("no answer")
    with caplog.at_level(logging.DEBUG), pytest.raises(TransportError):
        refresher.get()
    assert warnings(caplog) == []


def test_after_a_failed_first_call_the_next_use_tries_again() -> None:
    _, service, refresher = new_refresher()
    service.error = TransportError("no answer")
    with pytest.raises(TransportError):
        refresher.get()
    service.error = None
    assert refresher.get().access_key_id == "ASIA2"


def test_a_failed_renewal_leaves_the_old_credentials_in_use_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, service, refresher = new_refresher()
    first = refresher.get()
    service.error = TransportError("no answer from the service")
    clock.be_at_second(601)

    with caplog.at_level(logging.DEBUG):
        for _ in range(100):
            assert refresher.get() is first
            settle()

    assert service.calls == 2
    [message] = warnings(caplog)
    assert "no answer from the service" in message
    assert first.expiration.isoformat() in message


def test_the_log_of_a_failed_renewal_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    # An error that is not ours may say anything, so only its class is told.
    service.error = ValueError("a-secret-key")
    clock.be_at_second(601)

    with caplog.at_level(logging.DEBUG):
        refresher.get()
        settle()

    [message] = warnings(caplog)
    assert "ValueError" in message
    assert "a-secret-key" not in caplog.text
    assert "a-session-token" not in caplog.text


def test_the_next_try_waits_for_a_back_off_that_grows_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Over one hour-long window of 900 s the tries are few, each further from the last, never over 120 s apart."""
    caplog.set_level(logging.INFO)
    clock, service, refresher = new_refresher(3600)
    refresher.get()
    service.error = TransportError("no answer")
    tries: list[int] = []

    for second in range(2701, 3540):
        clock.be_at_second(second)
        before = service.calls
        refresher.get()
        settle()
        if service.calls > before:
            tries.append(second)

    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert tries[0] == 2701
    assert 2 <= gaps[0] <= 6
    assert max(gaps) <= 121
    assert gaps[-1] >= 60
    assert len(tries) <= 22
    # One warning for the whole outage; the further tries are there for those who look.
    assert len(warnings(caplog)) == 1
    told = [record for record in caplog.records if "could not be renewed" in record.getMessage()]
    assert len(told) == len(tries)


def test_the_end_of_an_outage_is_told_and_the_next_one_is_warned_of_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, service, refresher = new_refresher(3600)
    refresher.get()
    for start in (2701, 6301):
        clock.be_at_second(start)
        service.error = TransportError("no answer")
        refresher.get()
        settle()
        clock.be_at_second(start + 200)
        service.error = None
        refresher.get()
        settle()
        refresher.get()
    assert len(warnings(caplog)) == 2
    assert sum("renewed again" in record.getMessage() for record in caplog.records) == 2


def test_a_renewal_after_failures_ends_the_back_off() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    service.error = TransportError("no answer")
    clock.be_at_second(601)
    refresher.get()
    settle()
    service.error = None

    clock.be_at_second(607)
    refresher.get()
    settle()
    assert refresher.get().access_key_id == "ASIA3"

    clock.pass_seconds(601)
    refresher.get()
    settle()
    assert service.calls == 4


def test_a_failure_in_the_last_60_s_leaves_the_old_credentials_in_use() -> None:
    clock, service, refresher = new_refresher()
    first = refresher.get()
    service.error = TransportError("no answer")
    clock.be_at_second(850)

    assert refresher.get() is first
    assert refresher.get() is first
    assert service.calls == 2  # the second use is within the back-off


def test_after_expiry_the_error_is_raised() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    service.error = TransportError("no answer")
    clock.be_at_second(850)
    refresher.get()

    clock.be_at_second(900)
    with pytest.raises(TransportError, match="no answer"):
        refresher.get()

    # The back-off of the earlier failure does not hold up a service that is there again.
    service.error = None
    assert refresher.get().access_key_id == "ASIA4"


def test_credentials_that_end_while_the_call_fails_are_not_handed_out() -> None:
    clock = SetClock()
    service = CountingFetch(clock)
    slow = False

    def fetch() -> Credentials:
        if slow:
            clock.pass_seconds(30)
            raise TransportError("no answer within 30 s")
        return service.fetch()

    refresher = Refresher(fetch, clock)
    refresher.get()
    slow = True
    clock.be_at_second(880)

    with pytest.raises(TransportError, match="within 30 s"):
        refresher.get()


@pytest.mark.parametrize("second", [700, 850])
def test_a_thread_that_cannot_be_started_leaves_the_old_credentials_in_use(
    monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    """At the end of a process, and when it has too many threads, ``Thread.start`` raises RuntimeError."""
    clock, service, refresher = new_refresher()

    def cannot_start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    first = refresher.get()
    clock.be_at_second(700)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", cannot_start)
        assert refresher.get() is first

    # The call that never started must not be waited for.
    asker = Asker(refresher)
    clock.be_at_second(second)
    asker = Asker(refresher)
    join_all([asker.thread])
    assert isinstance(asker.outcome, Credentials)


def test_errors_of_the_call_keep_their_cause() -> None:
    clock = SetClock()
    cause = OSError("the cable")

    def fetch() -> Credentials:
        raise TransportError("no answer") from cause

    with pytest.raises(RolesAnywhereError) as caught:
        Refresher(fetch, clock).get()
    assert caught.value.__cause__ is cause


def test_what_is_held_is_told_without_a_call_to_its_very_end() -> None:
    clock, service, refresher = new_refresher()
    assert refresher.held() is None
    held = refresher.get()
    service.error = TransportError("no answer", retryable=True)
    clock.be_at_second(899.999)
    assert refresher.held() is held
    clock.be_at_second(900)
    assert refresher.held() is None
    assert service.calls == 1


def test_the_last_error_is_told_until_a_call_succeeds() -> None:
    clock, service, refresher = new_refresher()
    assert refresher.last_error is None
    service.error = TransportError("no answer", hint="a hint", retryable=True)
    with pytest.raises(TransportError):
        refresher.get()
    assert str(refresher.last_error) == "no answer\nhint: a hint"
    # Its frames would keep what the call had.
    assert refresher.last_error is not None
    assert refresher.last_error.__traceback__ is None
    service.error = None
    refresher.get()
    assert refresher.last_error is None


def test_of_a_foreign_error_nothing_but_its_kind_is_kept() -> None:
    _, service, refresher = new_refresher()
    service.error = ValueError("a-secret-key")
    with pytest.raises(ValueError, match="a-secret-key"):
        refresher.get()
    assert str(refresher.last_error) == "obtaining the credentials failed: ValueError"


def test_a_clock_that_is_set_back_makes_the_pause_no_longer() -> None:
    clock, service, refresher = new_refresher()
    refresher.get()
    service.error = TransportError("the signature is refused because of the clock")
    clock.be_at_second(850)
    refresher.get()
    service.error = None

    clock.be_at_second(610)
    assert refresher.due_at() < clock.now
    refresher.get()
    settle()
    assert service.calls == 3
    assert refresher.get().access_key_id == "ASIA3"
