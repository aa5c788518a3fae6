"""``rolesanywhere-signer exec``: the program that is run, its environment, its signals and its end."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from rolesanywhere_signer.cli import main
from tests.support.command_line import PROGRAM, run_here, session_words
from tests.support.profiled import REGION, own_keys, write_config
from tests.support.refreshing import DEADLINE
from tests.support.secrets import PASSPHRASE, encrypted_pem
from tests.support.world import World

PYTHON = sys.executable
# Prints what a program sees, as JSON.
TELL = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def profile(world: World, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who has a profile, and settings that the SDKs would prefer to an endpoint."""
    write_config(tmp_path / "config", onprem=own_keys(world))
    with (tmp_path / "config").open("a") as config:
        config.write("[default]\naws_access_key_id = AKIAPLANTED\naws_secret_access_key = PLANTED\n")
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAPLANTED\naws_secret_access_key = PLANTED\n"
    )
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_ACCESS_KEY_ID": "AKIAPLANTED",
        "AWS_SECRET_ACCESS_KEY": "PLANTED",
        "AWS_PROFILE": "default",
        "TMPDIR": str(tmp_path / "tmp"),
        "XDG_RUNTIME_DIR": "",
    }


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path) -> Iterator[None]:
    """Look after each test whether anything is left."""
    (tmp_path / "tmp").mkdir()
    yield
    assert list((tmp_path / "tmp").iterdir()) == []


RunExec = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_exec(
    profile: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> RunExec:
    """Return what runs ``exec`` in this process, and the program in its own."""

    def run(*command: str, **variables: str) -> tuple[int, str, str]:
        for name, value in {**profile, **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        capfd.readouterr()
        code = main(["exec", "--profile", "onprem", "--", *command])
        return code, *capfd.readouterr()

    return run


def test_boto3_finds_the_endpoint_whatever_else_there_was(world: World, run_exec: RunExec) -> None:
    code = (
        "import boto3\n"
        "session = boto3.Session()\n"
        "credentials = session.get_credentials()\n"
        "assert type(credentials).__name__ == 'RefreshableCredentials', credentials\n"
        "print(credentials.method, session.region_name)\n"
        f"print(session.client('sts', endpoint_url={world.service.url!r}).get_caller_identity()['Arn'])"
    )
    code_, stdout, stderr = run_exec(PYTHON, "-c", code)
    assert (code_, stderr) == (0, "")
    first, arn = stdout.splitlines()
    assert first == f"container-role {REGION}"
    assert ":assumed-role/s3-reader/" in arn
    assert len(world.service.calls) == 1


def test_no_credential_and_no_key_is_in_the_environment_or_on_disk(run_exec: RunExec) -> None:
    secrets = {
        "ROLESANYWHERE_PASSPHRASE": "PLANTED-passphrase",
        "ROLESANYWHERE_PRIVATE_KEY_PEM": "PLANTED-key",
        "AWS_SESSION_TOKEN": "PLANTED-token",
    }
    code = (
        f"{TELL}\n"
        "import pathlib\n"
        "folder = pathlib.Path(os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']).parent\n"
        "print(json.dumps({p.name: [oct(p.stat().st_mode & 0o777), p.read_text()] for p in folder.iterdir()}))\n"
        "print(oct(folder.stat().st_mode & 0o777))"
    )
    _, stdout, _ = run_exec(PYTHON, "-c", code, **secrets)
    environment, files, mode = stdout.splitlines()
    assert "PLANTED" not in stdout
    assert "ASIA" not in stdout
    assert mode == "0o700"
    assert set(json.loads(files)) == {"token", "config", "nothing"}
    assert {mode for mode, _ in json.loads(files).values()} == {"0o600"}
    token = json.loads(files)["token"][1]
    assert token not in environment


def test_input_and_output_are_the_programs(profile: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "exec", "--profile", "onprem", "--", "cat", "-"],
        input=b"\0\xff whatever",
        capture_output=True,
        check=False,
        env={**os.environ, **profile},
        timeout=DEADLINE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\0\xff whatever", b"")


def test_what_the_caller_left_open_stays_open(profile: dict[str, str]) -> None:
    script = f"exec 7<<<planted; exec {' '.join(PROGRAM)} exec --profile onprem -- bash -c 'cat <&7'"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env={**os.environ, **profile}
    )
    assert (done.returncode, done.stdout) == (0, "planted\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["false"], 1),
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["--", "true"], 127),
    ],
    ids=str,
)
def test_the_programs_end_is_its_own(run_exec: RunExec, command: list[str], code: int) -> None:
    assert run_exec(*command)[0] == code


def test_words_behind_the_dashes_are_the_programs(run_exec: RunExec) -> None:
    _, stdout, _ = run_exec("echo", "--profile", "x", "--", "--help", "")
    assert stdout == "--profile x -- --help \n"


def test_a_program_that_is_not_there(run_exec: RunExec, tmp_path: Path) -> None:
    code, stdout, stderr = run_exec("no-such-program")
    assert (code, stdout) == (127, "")
    assert stderr == "error: cannot run 'no-such-program': No such file or directory\nhint: is it on PATH?\n"
    (tmp_path / "text").write_text("no program")
    code, _, stderr = run_exec(str(tmp_path / "text"))
    assert code == 126
    assert "Permission denied" in stderr


def test_without_credentials_the_program_is_not_run(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("role/s3-reader", "role/other") for word in session_words(world)]
    done = run_here(capsys, "exec", *words, "--", "touch", str(tmp_path / "ran"))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "Requested Role isn't one of those listed in the Profile." in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("words", [(), ("--",)])
def test_no_program_is_an_error(world: World, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    done = run_here(capsys, "exec", *session_words(world), *words)
    assert done.code == 1
    assert done.stderr.startswith("error: exec: no program is named\nhint: ")
    assert world.service.calls == []


# Says that it is ready, and then which signal it got.
WAIT = """
import os, signal, time
def tell(number, frame):
    # The signal may come while "ready" is still being flushed.
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    os._exit(3)
for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1", "SIGQUIT"):
    signal.signal(getattr(signal, name), tell)
os.write(1, b"ready\\n")
time.sleep(60)
"""


@contextlib.contextmanager
def waiting(profile: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*PROGRAM, "exec", "--profile", "onprem", "--", PYTHON, "-c", WAIT],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **profile},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_signals_are_handed_on(profile: dict[str, str], name: str) -> None:
    with waiting(profile) as process:
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=DEADLINE)
    assert (process.returncode, stdout, stderr) == (3, f"{name}\n", "")


def test_the_keyboards_signal_comes_once(profile: dict[str, str]) -> None:
    """The terminal sends it to the program by itself, because both are in the foreground."""
    count = (
        "import signal, time, sys\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
        "print('ready', flush=True)\n"
        "time.sleep(1); time.sleep(1)\n"
        "print('got', len(got), flush=True)"
    )
    child, master = pty.fork()
    if child == 0:
        os.execve(  # noqa: S606 - the program, at a terminal of its own
            PYTHON,
            [*PROGRAM, "exec", "--profile", "onprem", "--", PYTHON, "-c", count],
            {**os.environ, **profile},
        )
    attributes = termios.tcgetattr(master)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(master, termios.TCSANOW, attributes)
    shown = b""
    while b"ready" not in shown:
        shown += os.read(master, 1024)
    os.write(master, b"\x03")
    # The terminal is gone when nobody has it open any more.
    with contextlib.suppress(OSError):
        while data := os.read(master, 1024):
            shown += data
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert b"got 1" in shown


def test_a_passphrase_is_asked_for_once_however_often_the_key_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rolesanywhere_signer.cli.command import Command
    from rolesanywhere_signer.cli.common import SESSION_TABLE, assemble

    world.private_key.write_bytes(encrypted_pem(world.leaf))
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return PASSPHRASE

    monkeypatch.setattr("rolesanywhere_signer.cli.terminal.ask_passphrase", ask)
    given = Command("exec", "", "", SESSION_TABLE, lambda _given: 0).read(session_words(world))
    client = assemble(given, "exec").client
    for _ in range(3):
        # Each time another content, so that it is read again.
        world.private_key.write_bytes(encrypted_pem(world.leaf))
        client.load()
    assert asked == [1]


def test_the_exit_code_is_known_where_the_ends_of_children_are_ignored(profile: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "exec", "--profile", "onprem", "--", "sh", "-c", "exit 7"],
        check=False,
        env={**os.environ, **profile},
        timeout=DEADLINE,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    assert done.returncode == 7


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_the_exit_code_is_known_where_nothing_can_be_told(profile: dict[str, str], redirection: str) -> None:
    script = f'exec "$@" {redirection}'
    words = [*PROGRAM, "exec", "--profile", "onprem", "--", "no-such-program"]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *words],
        check=False,
        env={**os.environ, **profile},
        timeout=DEADLINE,
        stdout=subprocess.PIPE,
    )
    assert (done.returncode, done.stdout) == (127, b"")
