"""``rolesanywhere-signer serve`` as a program: what it says, how it ends, what it refuses."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.seconds import monotonic_seconds, sleep
from tests.support.command_line import run_here, session_words
from tests.support.profiled import own_keys, write_config
from tests.support.refreshing import DEADLINE
from tests.support.servers import unused_port
from tests.support.serving import Program, read_all, request_bytes, status_of
from tests.support.world import World

ANY_PORT = ("--port", "0")


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Send a request to loopback; ``x_y="z"`` is the header ``X-Y: z``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def get_by_imds(port: int, path: str) -> str:
    status, token = get(port, "/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
    assert status == 200
    status, body = get(port, f"/latest/meta-data/iam/security-credentials/{path}", X_aws_ec2_metadata_token=token)
    assert status == 200
    return body


def test_imds_says_what_the_official_helper_says_and_who_can_read(world: World) -> None:
    with unused_port() as port:
        pass
    with Program([*session_words(world), "--port", str(port)]) as program:
        assert program.lines == [
            "Every process and every user of this machine can read the credentials here.",
            f"Local server started on port: {port}",
            "Make it available to the sdk by running:",
            f"export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:{port}/",
        ]
        assert get_by_imds(port, "") == "s3-reader"
        document = json.loads(get_by_imds(port, "s3-reader"))
        assert document["Code"] == "Success"
        assert document["AccessKeyId"].startswith("ASIA")
        assert get(port, "/readyz") == (200, '{"ready": true}')
        assert program.end() == (0, "", "")
    assert len(world.service.calls) == 1


def test_the_port_is_9911_unless_another_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    told = run_here(capsys, "serve", "--help").stdout
    assert re.search(r"--port NUMBER .*Default: 9911\.", told)
    assert re.search(r"--hop-limit NUMBER .*Default: 64\.", told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_cleanly(world: World, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "token"
    with Program([*session_words(world), *ANY_PORT, "--container", "--token-file", str(path)]) as program:
        assert path.exists()
        assert program.end(number) == (0, "", "")
    assert not path.exists()


def test_what_nohup_ignores_stays_ignored(world: World) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'rolesanywhere_signer', *sys.argv[1:]])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", *session_words(world), *ANY_PORT], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while "export" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0


class TestContainer:
    def test_the_token_is_in_a_private_file_and_nowhere_else(self, world: World, tmp_path: Path) -> None:
        variables = {"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""}
        with Program([*session_words(world), *ANY_PORT, "--container"], variables) as program:
            path = Path(program.exports["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
            token = path.read_text()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            assert program.lines[0] == (
                f"The credentials can be read by those who can connect and read the token in {str(path)!r}."
            )
            assert program.exports["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"http://127.0.0.1:{program.port}/"
            status, body = get(program.port, "/", Authorization=token)
            assert status == 200
            assert json.loads(body)["AccountId"] == "123456789012"
            assert json.loads(body)["RoleArn"] == world.arns["role_arn"]
            assert get(program.port, "/s3-reader", Authorization=token)[0] == 200
            assert get(program.port, "/", Authorization="x")[0] == 401
            assert get(program.port, "/latest/api/token", "PUT")[0] == 401
            assert token not in " ".join(program.lines)
            assert token not in Path(f"/proc/{program.process.pid}/cmdline").read_text()
            program.end()
        assert not path.parent.exists()

    def test_a_given_token_is_asked_for_and_stays(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "a token"
        path.write_text("a-token-of-the-users-own")
        path.chmod(0o644)
        words = [*session_words(world), *ANY_PORT, "--container", "--token-file", str(path)]
        with Program(words) as program:
            assert program.lines[0] == f"warning: other users can read the token's file {str(path)!r}"
            assert program.exports["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == f"'{path}'"
            assert get(program.port, "/", Authorization="a-token-of-the-users-own")[0] == 200
            program.end()
        assert path.exists()

    def test_several_profiles_are_several_paths(self, world: World, tmp_path: Path) -> None:
        other = world.service.create_role("s3-writer")
        world.service.create_profile([other], arn=world.arns["profile_arn"].replace("profile/", "profile/0"))
        reader = own_keys(world)
        writer = reader.replace("role/s3-reader", "role/s3-writer").replace("profile/", "profile/0")
        write_config(tmp_path / "config", reader=reader, **{'"a writer"': writer})
        words = [*ANY_PORT, "--container", "--profile", "reader", "--profile", "a writer"]
        with Program(words, {"AWS_CONFIG_FILE": str(tmp_path / "config")}) as program:
            urls = [line.rpartition("=")[2] for line in program.lines if "FULL_URI" in line]
            base = f"http://127.0.0.1:{program.port}"
            assert urls == [f"{base}/reader", f"{base}/a%20writer"]
            token = Path(program.exports["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
            roles = [
                json.loads(get(program.port, path, Authorization=token)[1])["RoleArn"].rpartition("/")[2]
                for path in ("/reader", "/a%20writer")
            ]
            assert roles == ["s3-reader", "s3-writer"]
            assert get(program.port, "/", Authorization=token)[0] == 404
            assert get(program.port, "/readyz") == (200, '{"ready": true}')
            program.end()

    def test_a_unix_socket_is_this_users_alone(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        words = [*session_words(world), "--container", "--unix-socket", str(path), "--token-file", str(tmp_path / "t")]
        with Program(words) as program:
            assert stat.S_IMODE(path.lstat().st_mode) == 0o600
            assert program.lines == [
                f"The credentials can be read by processes of this user that can read the token in '{tmp_path / 't'}'.",
                f"Local server started on socket: {path}",
                "No SDK uses a socket by itself; a proxy can.",
            ]
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(request_bytes("/", f"Authorization: {(tmp_path / 't').read_text()}"))
                assert status_of(read_all(client)) == 200
            program.end()
        assert not path.exists()

    @pytest.mark.parametrize("address", ["0.0.0.0", "169.254.170.2"])
    def test_another_address_is_warned_of(
        self, world: World, capsys: pytest.CaptureFixture[str], address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Not every machine has the second address, so it is looked at without a socket.
        from rolesanywhere_signer.cli import serve
        from rolesanywhere_signer.serve.bearer import Bearer
        from rolesanywhere_signer.serve.hosts import Hosts
        from rolesanywhere_signer.serve.listening import Listener, parse_bind_address

        with socket.socket() as unbound:
            listener = Listener(unbound, Hosts(parse_bind_address(address), 80), url=f"http://{address}:80")
            serve._warn_of_readers(listener, Bearer("token", "/run/token"))
        told = capsys.readouterr().err
        assert "travel unencrypted" in told
        assert ("SDKs take this protocol only from" in told) is (address == "0.0.0.0")


WORDS: list[tuple[list[str], str]] = [
    (["--bind", "0.0.0.0"], "serve: --bind to an address other than loopback needs --container"),
    (["--bind", "192.0.2.7"], "serve: --bind to an address other than loopback needs --container"),
    (["--bind", "169.254.170.2"], "serve: --bind to an address other than loopback needs --container"),
    (["--bind", "localhost"], "'localhost' is not an IP address to listen on"),
    (["--unix-socket", "s"], "serve: --unix-socket needs --container"),
    (["--token-file", "t"], "serve: --token-file needs --container"),
    (["--container", "--unix-socket", "s", "--port", "1"], "serve: --unix-socket and --port exclude each other"),
    (["--container", "--unix-socket", "s", "--bind", "::1"], "serve: --unix-socket and --bind exclude each other"),
    (["--profile", "a", "--profile", "b"], "serve: several --profile need --container"),
    (["--port", "65536"], "the port 65536 is not between 0 and 65535"),
    (["--port", "x"], "serve: the value of --port must be a whole number"),
    (["--hop-limit", "0", "--port", "0"], "the hop limit 0 is not between 1 and 255"),
    (["--hop-limit", "256", "--port", "0"], "the hop limit 256 is not between 1 and 255"),
    (["--token", "x"], "serve: the flag --token is unknown"),
]


@pytest.mark.parametrize(("words", "message"), WORDS, ids=lambda value: " ".join(value) if value else None)
def test_what_cannot_be_is_refused(
    world: World,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: Any,
    message: str,
) -> None:
    write_config(tmp_path / "config", a=own_keys(world), b=own_keys(world))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    own = [] if "--profile" in words else session_words(world)
    done = run_here(capsys, "serve", *own, *words)
    assert (done.code, done.stdout) == (1, "")
    assert f"error: {message}" in done.stderr
    assert world.service.calls == []


@pytest.mark.parametrize("name", ["healthz", "readyz"])
def test_a_profile_cannot_have_the_name_of_a_path_that_is_taken(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_config(tmp_path / "config", **{name: own_keys(world)})
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    done = run_here(capsys, "serve", "--container", *ANY_PORT, "--profile", name)
    assert done.code == 1
    assert f"the path '/{name}' is taken" in done.stderr


def test_systemd_is_told(world: World, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(DEADLINE)
        with Program([*session_words(world), *ANY_PORT], {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as program:
            assert systemd.recv(4096).decode().splitlines()[0] == "READY=1"
            assert program.end() == (0, "", "")
        assert systemd.recv(4096).decode().splitlines()[0] == "STOPPING=1"


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
def test_it_serves_on_the_other_loopback(world: World) -> None:
    with Program([*session_words(world), *ANY_PORT, "--bind", "::1"]) as program:
        url = f"http://[::1]:{program.port}/"
        assert program.exports["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == url
        connection = http.client.HTTPConnection("::1", program.port, timeout=DEADLINE)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
        program.end()


def test_a_misconfiguration_ends_it_at_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word.replace("role/s3-reader", "role/other") for word in session_words(world)]
    done = run_here(capsys, "serve", *words, *ANY_PORT)
    assert (done.code, done.stdout) == (1, "")
    assert "Requested Role isn't one of those listed in the Profile." in done.stderr
    assert "hint: " in done.stderr
    assert "Local server started" not in done.stderr


def test_a_service_that_does_not_answer_is_no_reason_not_to_start(world: World) -> None:
    with unused_port() as nobody:
        words = [*session_words(world)[:-1], f"http://127.0.0.1:{nobody}", *ANY_PORT]
        with Program(words) as program:
            assert any("there are no valid credentials of s3-reader" in line for line in program.lines)
            status, body = get(program.port, "/readyz")
            assert status == 503
            assert "Connection refused" in json.loads(body)["reasons"]["s3-reader"]
            assert get(program.port, "/healthz")[0] == 200
            assert program.end()[0] == 0


def test_a_broken_other_profile_is_nobodys_business(world: World, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AKIAONLY\n")
    (tmp_path / "config").write_text("[default]\nnonsense\n")
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    with Program([*session_words(world), *ANY_PORT], environment) as program:
        assert get(program.port, "/readyz")[0] == 200
        program.end()


def test_without_waitress_it_says_what_to_install(world: World, tmp_path: Path) -> None:
    (tmp_path / "waitress.py").write_text("raise ImportError")
    for command in (["serve", *session_words(world)], ["exec", *session_words(world), "--", "true"]):
        start = "from rolesanywhere_signer.cli import main; sys.exit(main())"
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {start}"
        done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "error: serving credentials needs waitress, which is not installed" in done.stderr
        assert "hint: pip install 'rolesanywhere-signer[serve]'" in done.stderr


def test_botocore_is_not_imported(world: World) -> None:
    code = (
        "import os, signal, sys\n"
        "from rolesanywhere_signer.cli import main, serve\n"
        # It ends itself as soon as it has started.
        "serve.note = lambda text: os.kill(os.getpid(), signal.SIGTERM)\n"
        "print(main(), sorted({'botocore', 'boto3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", *session_words(world), *ANY_PORT],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "0 []\n"


def test_the_debug_log_shows_no_secret(world: World, tmp_path: Path) -> None:
    words = [*session_words(world), *ANY_PORT, "--container", "--token-file", str(tmp_path / "t"), "--debug"]
    with Program(words) as program:
        token = (tmp_path / "t").read_text()
        document = json.loads(get(program.port, "/", Authorization=token)[1])
        get(program.port, f"/{token}?{token}", Authorization=token)
        _, stdout, stderr = program.end()
    shown = "\n".join([*program.lines, stdout, stderr])
    assert "CreateSession" in shown or "sessions" in shown
    for secret in (token, document["SecretAccessKey"], document["Token"]):
        assert secret not in shown


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("serve", "exec"):
        done = run_here(capsys, name, "--help")
        assert done.code == 0
        assert done.stdout.startswith(f"usage: rolesanywhere-signer {name} [FLAGS]")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_it_serves_where_nothing_can_be_told_and_leaves_stdout_alone(
    world: World, tmp_path: Path, redirection: str
) -> None:
    path = str(tmp_path / "socket")
    words = [sys.executable, "-m", "rolesanywhere_signer", "serve", *session_words(world), "--container"]
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *words, "--unix-socket", path], stdout=subprocess.PIPE
    )
    deadline = monotonic_seconds() + DEADLINE
    while not answers(path) and process.poll() is None and monotonic_seconds() < deadline:
        sleep(0.05)
    assert answers(path)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=DEADLINE)[0] == b""
    assert process.returncode == 0


def answers(path: str) -> bool:
    """Return whether there are credentials behind a Unix socket, without a look at them."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        try:
            connection.connect(path)
        except OSError:
            return False
        connection.sendall(request_bytes("/readyz"))
        return status_of(read_all(connection)) == 200
