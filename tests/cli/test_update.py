"""``update``: what it writes, and what it leaves as it was."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import boto3
import pytest

from rolesanywhere_signer.cli.update import _Ending
from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere
from tests.support.command_line import Outcome, run_here, session_words
from tests.support.profiled import own_keys, write_config
from tests.support.updating import KEYS, written
from tests.support.users import NOBODY, home_of_nobody, outcome_as_nobody
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the credentials file will be: in the home, where it is by default."""
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    return tmp_path / ".aws" / "credentials"


def update(capsys: pytest.CaptureFixture[str], world: World, *more: str) -> Outcome:
    return run_here(capsys, "update", *session_words(world), "--once", *more)


def content(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(0o600)


# --- What is written -----------------------------------------------------------------------------------------------


def test_the_first_time_it_makes_directory_and_file(
    capsys: pytest.CaptureFixture[str], world: World, path: Path
) -> None:
    assert update(capsys, world) == Outcome(0, "", "")
    assert tuple(written(path)) == KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_the_credentials_work(
    capsys: pytest.CaptureFixture[str], world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CONFIG_FILE")
    assert update(capsys, world, "--profile", "app").code == 0
    session = boto3.Session(profile_name="app", region_name="eu-central-1")
    assert ":assumed-role/s3-reader/" in world.sts(session).get_caller_identity()["Arn"]
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.method == "shared-credentials-file"


def test_a_file_of_another_name(
    capsys: pytest.CaptureFixture[str], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "elsewhere"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert update(capsys, world).code == 0
    assert tuple(written(path)) == KEYS


def test_the_last_line_stays_whatever_it_is(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    for last in ("region = eu-west-1", "region = eu-west-1\n", "[next]", "[next]\n", "# end"):
        content(path, f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = old\n{last}")
        assert update(capsys, world).code == 0
        assert path.read_text().endswith(last)
        assert set(KEYS) <= set(written(path))


def test_other_sections_and_keys_stay_as_they_are(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    before = "# mine\r\n[a]\r\nkey=1 ; c\r\n\r\n[app]\r\n; here\r\nregion = x\r\n"
    after = "output = json\r\n\r\n[z]\r\n b : c\r\n"
    content(path, f"{before}aws_session_token=old\r\n{after}")
    assert update(capsys, world, "--profile", "app").code == 0
    text = path.read_bytes().decode()
    assert text.startswith(before)
    assert text.endswith(after)
    assert text[len(before) : -len(after)].count("\r\n") == 3


@pytest.mark.parametrize(
    ("credentials", "config"),
    [
        ("[default]\naws_access_key_id = AKIA\n", ""),
        ("[broken\nnonsense\n", ""),
        ("[a]\n[a]\nx = 1\nx = 2\n", "[profile a]\n[profile a]\n"),
        ("", "nonsense"),
        ("", "[default]\ncredential_process = a \\\n b\nnonsense\n"),
    ],
)
def test_a_broken_other_profile_is_nobody_s_business(
    capsys: pytest.CaptureFixture[str],
    world: World,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    credentials: str,
    config: str,
) -> None:
    content(path, credentials)
    path.with_name("config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path.with_name("config")))
    assert update(capsys, world, "--profile", "app").code == 0
    assert path.read_text().startswith(credentials)


def test_settings_from_one_profile_go_to_the_section_of_another(
    capsys: pytest.CaptureFixture[str],
    world: World,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_config(tmp_path / "config", iam=own_keys(world))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert run_here(capsys, "update", "--once", "--profile", "app", "--from-profile=iam").code == 0
    monkeypatch.setenv("AWS_PROFILE", "iam")
    assert run_here(capsys, "update", "--once").code == 0
    assert tuple(written(path, "app")) == tuple(written(path)) == KEYS


# --- What is told --------------------------------------------------------------------------------------------------


def test_a_mode_that_let_others_read_is_tightened_and_told(
    capsys: pytest.CaptureFixture[str], world: World, path: Path
) -> None:
    content(path, "")
    path.chmod(0o644)
    outcome = update(capsys, world)
    assert outcome.code == 0
    assert outcome.stderr.startswith(f"warning: the credentials file {str(path)!r} could be used by others (mode 0644)")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_section_that_is_there_twice_is_told(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    content(path, "[app]\naws_access_key_id = 1\n[app]\naws_access_key_id = 2\n")
    outcome = update(capsys, world, "--profile", "app")
    assert outcome.code == 0
    assert "the section [app] is there 2 times, in lines 1, 5" in outcome.stderr
    assert path.read_text().count("aws_access_key_id = ASIA") == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--profile", "a]"], "'a]' cannot be the name of a section"),
        (["--profile", "DEFAULT"], "[DEFAULT] cannot be written"),
        (["--once=perhaps"], "the value of --once must be true or false"),
        (["--port", "1"], "the flag --port is unknown"),
        (["app"], "a word that is no flag stands after --once"),
        (["--trust-anchor-arn", "nonsense"], "trust_anchor_arn 'nonsense'"),
    ],
)
def test_bad_words_are_told_before_anything_is_asked_or_written(
    capsys: pytest.CaptureFixture[str], world: World, path: Path, words: list[str], error: str
) -> None:
    outcome = update(capsys, world, *words)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: ")
    assert error in outcome.stderr
    assert world.service.calls == []
    assert not path.parent.exists()


def test_a_refusal_leaves_the_file_as_it_was(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    content(path, "[default]\naws_access_key_id = AKIA\n")
    CertificateAuthority().issue("CN=stranger").write(world.directory)
    for once in ((), ("--once",)):
        outcome = run_here(capsys, "update", *session_words(world), *once)
        assert outcome.code == 1
        assert "AccessDeniedException: Untrusted signing certificate" in outcome.stderr
    assert path.read_text() == "[default]\naws_access_key_id = AKIA\n"


@pytest.mark.parametrize("once", [(), ("--once",)])
def test_a_file_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], world: World, path: Path, once: tuple[str, ...]
) -> None:
    content(path, "[default]\n")
    path.chmod(0o444)
    outcome = run_here(capsys, "update", *session_words(world), *once)
    assert outcome.code == 1
    error, hint = outcome.stderr.splitlines()
    assert error == f"error: the credentials file {str(path)!r} is read-only (mode 0444)"
    assert hint.startswith("hint: chmod u+w")
    assert path.read_text() == "[default]\n"


def test_no_secret_is_told_with_debug(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    outcome = update(capsys, world, "--debug")
    assert "canonical request:" in outcome.stderr
    for name in KEYS[1:]:
        assert written(path)[name] not in outcome.stderr


# --- Other users ---------------------------------------------------------------------------------------------------


@only_root
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("umask", [0, 0o022, 0o777], ids=oct)
def test_a_user_without_rights_and_without_a_directory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    with home_of_nobody() as home, LocalRolesAnywhere(region="eu-central-1") as service:
        world = World(service, home)
        for file in home.iterdir():
            os.chown(file, NOBODY, NOBODY)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
        # What is imported is imported here: nobody may be unable to read it.
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "of-root"))
        assert update(capsys, world).code == 0
        monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")

        def work() -> int:
            os.umask(umask)
            return update(capsys, world).code or update(capsys, world, "--profile", "app").code

        assert outcome_as_nobody(work) == 0
        path = home / ".aws" / "credentials"
        assert tuple(written(path)) == tuple(written(path, "app")) == KEYS
        assert path.stat().st_uid == path.parent.stat().st_uid == NOBODY
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@only_root
def test_root_leaves_the_file_to_its_owner(capsys: pytest.CaptureFixture[str], world: World, path: Path) -> None:
    content(path, "[a]\n")
    os.chown(path, NOBODY, NOBODY)
    assert update(capsys, world).code == 0
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o600)


def test_a_signal_that_comes_while_signals_are_being_taken_over_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    take_over = signal.signal

    def take_over_and_send(number: int, handler: Any) -> Any:
        before = take_over(number, handler)
        if number == signal.SIGTERM and callable(handler):
            os.kill(os.getpid(), number)
        return before

    ending, went_on = _Ending(), []
    with monkeypatch.context() as patched:
        patched.setattr(signal, "signal", take_over_and_send)
        with ending.by_signals():
            ending.release()
            went_on.append(True)
    assert (ending.number, went_on) == (signal.SIGTERM, [])
