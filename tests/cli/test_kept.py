"""Answers that are kept ready: printed without importing anything heavy, and never when something has changed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rolesanywhere_signer.cli import credential_process, kept
from rolesanywhere_signer.cli.common import assemble
from tests.support.command_line import PROGRAM, Outcome, run_here, run_process, session_words
from tests.support.profiled import own_keys, write_config
from tests.support.secrets import PASSPHRASE
from tests.support.world import World

_HEAVY = {"cryptography", "requests", "botocore", "json", "re", "typing", "dataclasses", "hashlib", "datetime"}


@pytest.fixture
def words(world: World) -> list[str]:
    _settle()
    return ["credential-process", *session_words(world), f"--cache={world.directory / 'cache'}"]


def _settle() -> None:
    # A file that has just changed is not trusted to show its next change.
    time.sleep(2 * kept._SETTLED_SECONDS)


def run(words: list[str], world: World, **environment: str) -> Outcome:
    outcome = run_process(*words, environment=environment, directory=world.directory)
    assert outcome.code == 0, outcome.stderr
    return outcome


def calls_and_answers(words: list[str], world: World) -> tuple[int, list[Path]]:
    return len(world.service.calls), list((world.directory / "cache").glob("*.answer"))


def test_the_second_answer_is_the_kept_one(words: list[str], world: World) -> None:
    first, second = run(words, world), run(words, world)
    assert first.stdout == second.stdout
    calls, answers = calls_and_answers(words, world)
    assert (calls, len(answers)) == (1, 1)
    assert answers[0].stat().st_mode & 0o777 == 0o600
    # It is this file that is printed, and not the cache's entry.
    for entry in (world.directory / "cache").glob("*.json"):
        entry.unlink()
    assert run(words, world).stdout == first.stdout


def test_a_kept_answer_imports_nearly_nothing(words: list[str], world: World) -> None:
    run(words, world)
    code = (
        "import sys; before = set(sys.modules)\n"
        "from rolesanywhere_signer.cli import main\n"
        f"code = main({words!r})\n"
        "print(file=sys.stderr, *sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
        "sys.exit(code)"
    )
    # The words that are told apart are the program's own: this process has the same environment and directory.
    done = subprocess.run(
        [PROGRAM[0], "-S", "-c", f"import sys; sys.path[:0] = {_path()!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=world.directory,
    )
    assert json.loads(done.stdout)["Version"] == 1
    assert not _HEAVY & set(done.stderr.split())


def _path() -> list[str]:
    import rolesanywhere_signer

    return [str(Path(rolesanywhere_signer.__file__).parents[1])]


def test_a_renewed_certificate_is_noticed(words: list[str], world: World) -> None:
    first = run(words, world)
    world.renew()
    _settle()
    assert run(words, world).stdout != first.stdout
    assert len(world.service.calls) == 2


def test_a_file_written_in_place_with_the_same_size_and_times_is_noticed(words: list[str], world: World) -> None:
    run(words, world)
    path = world.certificate
    status = path.stat()
    content = path.read_bytes()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    request = kept._request(words)
    assert request is not None
    assert kept.find_kept(words) is None


def test_credentials_that_are_due_are_not_printed(words: list[str], world: World) -> None:
    run(words, world)
    [answer] = (world.directory / "cache").glob("*.answer")
    head, _renew_at, *rest = answer.read_bytes().split(b"\0")
    answer.write_bytes(b"\0".join([head, str(int(time.time()) - 1).encode(), *rest]))
    run(words, world)
    assert int(answer.read_bytes().split(b"\0")[1]) > time.time()
    # Of one hour, the last quarter is for renewing.
    assert 2600 < int(answer.read_bytes().split(b"\0")[1]) - time.time() < 2701


def test_an_answer_is_not_printed_after_the_clock_was_set_back(words: list[str], world: World) -> None:
    run(words, world)
    [answer] = (world.directory / "cache").glob("*.answer")
    form, renew_at, kept_at, *rest = answer.read_bytes().split(b"\0")
    assert abs(int(kept_at) - time.time()) < 60
    later = str(int(time.time()) + 3600).encode()
    answer.write_bytes(b"\0".join([form, renew_at, later, b'{"of":"later"}', *rest[1:]]))
    assert "later" not in run(words, world).stdout


def test_a_file_system_that_keeps_whole_seconds_is_trusted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    status = SimpleNamespace(st_dev=1, st_ino=2, st_size=3, st_mtime_ns=1, st_ctime=1000.0, st_ctime_ns=1000 * 10**9)
    monkeypatch.setattr(kept, "os", SimpleNamespace(stat=lambda _path: status))
    for seconds, is_certain in ((1000.9, False), (1002, False), (1003, True)):
        monkeypatch.setattr(kept, "epoch_seconds", lambda seconds=seconds: seconds)
        assert bool(kept.fingerprint("file")) is is_certain


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\0\0\0\0", b"\xff" * 100])
def test_a_damaged_answer_is_passed_over_and_replaced(words: list[str], world: World, damage: bytes) -> None:
    first = run(words, world)
    [answer] = (world.directory / "cache").glob("*.answer")
    whole = answer.read_bytes().split(b"\0")
    answer.write_bytes(damage)
    assert run(words, world).stdout == first.stdout
    mended = answer.read_bytes().split(b"\0")
    # The third is when it was kept.
    assert mended[:2] + mended[3:] == whole[:2] + whole[3:]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_an_answer_that_others_can_read_is_not_printed(words: list[str], world: World, mode: int) -> None:
    run(words, world)
    [answer] = (world.directory / "cache").glob("*.answer")
    answer.chmod(mode)
    run(words, world)
    assert answer.stat().st_mode & 0o777 == 0o600


def test_an_open_directory_is_refused(words: list[str], world: World) -> None:
    run(words, world)
    (world.directory / "cache").chmod(0o750)
    outcome = run_process(*words, directory=world.directory)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "can be used by other users" in outcome.stderr


def test_another_command_line_directory_or_environment_has_another_answer(words: list[str], world: World) -> None:
    first = run(words, world)
    (world.directory / "elsewhere").mkdir()
    assert run([*words, "--role-session-name", "other"], world).stdout != first.stdout
    assert run([*words, "--session-duration", "1800"], world).stdout != first.stdout
    calls = len(world.service.calls)
    # These two ask for the same, so that the cache answers; but not what was kept for another request.
    run_process(*words, directory=world.directory / "elsewhere")
    run(words, world, AWS_PROFILE="another")
    assert len(world.service.calls) == calls
    assert len(list((world.directory / "cache").glob("*.answer"))) == 5


def test_a_changed_profile_is_noticed(world: World, tmp_path: Path) -> None:
    config = tmp_path / "config"
    write_config(config, iam=own_keys(world))
    _settle()
    words = ["credential-process", "--profile", "iam", f"--cache={tmp_path / 'cache'}"]
    first = run(words, world, AWS_CONFIG_FILE=str(config))
    write_config(config, iam=f"{own_keys(world)}\nrolesanywhere_duration_seconds = 900")
    _settle()
    assert run(words, world, AWS_CONFIG_FILE=str(config)).stdout != first.stdout


def test_a_variable_within_the_path_of_the_config_file_has_a_say(world: World, tmp_path: Path) -> None:
    for name, duration in (("a", 900), ("b", 1800)):
        write_config(tmp_path / name, iam=f"{own_keys(world)}\nrolesanywhere_duration_seconds = {duration}")
    _settle()
    words = ["credential-process", "--profile", "iam", f"--cache={tmp_path / 'cache'}"]
    answers = [run(words, world, AWS_CONFIG_FILE=f"{tmp_path}/$STAGE", STAGE=stage).stdout for stage in "ab"]
    assert answers[0] != answers[1]


def test_a_profile_that_changes_once_it_is_read_is_noticed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config"
    write_config(config, iam=own_keys(world))
    _settle()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    def assemble_while_it_changes(*arguments: Any) -> Any:
        # As while somebody is asked for a passphrase.
        assembly = assemble(*arguments)
        write_config(config, iam=f"{own_keys(world)}\nrolesanywhere_duration_seconds = 900")
        _settle()
        return assembly

    words = ["credential-process", "--profile", "iam", f"--cache={tmp_path / 'cache'}"]
    with monkeypatch.context() as patched:
        patched.setattr(credential_process, "assemble", assemble_while_it_changes)
        first = run_here(capsys, *words)
    second = run_here(capsys, *words)
    assert (first.code, second.code) == (0, 0)
    assert first.stdout != second.stdout


def test_nothing_is_kept_of_a_command_line_with_a_passphrase(words: list[str], world: World) -> None:
    run([*words, "--pkcs8-password", PASSPHRASE], world)
    assert list((world.directory / "cache").glob("*.answer")) == []
    everything = b"".join(path.read_bytes() for path in (world.directory / "cache").iterdir())
    assert PASSPHRASE.encode() not in everything


def test_nothing_is_kept_where_our_variables_have_a_say(words: list[str], world: World) -> None:
    run(words, world, ROLESANYWHERE_PASSPHRASE=PASSPHRASE)
    assert list((world.directory / "cache").glob("*.answer")) == []


def test_switched_off_it_calls_each_time(words: list[str], world: World) -> None:
    run([*words, "--cache=false"], world)
    run([*words, "--cache=false"], world)
    assert len(world.service.calls) == 2


def test_the_cache_is_in_the_home_directory_unless_one_is_named(words: list[str], world: World) -> None:
    run([*words[:-1], "--cache"], world, HOME=str(world.directory))
    assert len(list((world.directory / ".aws/rolesanywhere/cache").glob("*.answer"))) == 1
