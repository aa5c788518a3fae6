"""A command that signs: what it gets, what it may do, and that nothing of it stays, whatever it does."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from rolesanywhere_signer.errors import ConfigurationError, SigningError
from rolesanywhere_signer.keys import CommandKey, as_signing_key, fixed_string, sign_fixed_string
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.external_keys import READY, is_running, signing_command, started

CA = CertificateAuthority()
LEAF = CA.issue("CN=app", key_type="P-256")
KEY = LEAF.private_key
RSA = CA.issue("CN=rsa", key_type="RSA-2048")
# For what hangs; nothing here waits for it to the end.
FOREVER = 600


def key_with(directory: Path, body: str, timeout_seconds: float = 30, data: bytes = b"data") -> CommandKey:
    words = signing_command(directory, LEAF.private_key_pem, body, ready=as_signing_key(KEY).sign(data))
    return CommandKey(words, LEAF.certificate_pem, timeout_seconds=timeout_seconds)


def refused(directory: Path, body: str, timeout_seconds: float = 30) -> SigningError:
    with pytest.raises(SigningError) as caught:
        key_with(directory, body, timeout_seconds).sign(b"data")
    return caught.value


class TestSigning:
    @pytest.mark.parametrize("leaf", [LEAF, RSA], ids=["EC", "RSA"])
    def test_it_signs(self, leaf: object, tmp_path: Path) -> None:
        assert leaf in (LEAF, RSA)
        issued = LEAF if leaf is LEAF else RSA
        key = CommandKey(signing_command(tmp_path, issued.private_key_pem), issued.certificate_pem)
        assert key.algorithm == f"AWS4-X509-{'ECDSA' if issued is LEAF else 'RSA'}-SHA256"
        assert sign_fixed_string(key)

    def test_it_gets_the_bytes_and_their_end_alone(self, tmp_path: Path) -> None:
        got = tmp_path / "got"
        key = key_with(
            tmp_path, f"data = sys.stdin.buffer.read(); open({str(got)!r}, 'wb').write(data); write(sign(data))"
        )
        data = b"string\0to\nsign" * 100
        key.sign(data)
        assert got.read_bytes() == data

    def test_words_reach_the_program_as_they_are(self, tmp_path: Path) -> None:
        body = f"assert sys.argv[1:] == ['$HOME', 'a b', '*', '']\n{READY}"
        words = signing_command(tmp_path, LEAF.private_key_pem, body, ready=as_signing_key(KEY).sign(b"data"))
        assert CommandKey([*words, "$HOME", "a b", "*", ""], LEAF.certificate_pem).sign(b"data")

    def test_paths_may_be_words(self, tmp_path: Path) -> None:
        python, flag, program = signing_command(tmp_path, LEAF.private_key_pem)
        assert CommandKey((Path(python), flag, Path(program)), LEAF.certificate_pem).sign(b"data")

    def test_it_runs_without_a_terminal_in_a_session_of_its_own(self, tmp_path: Path) -> None:
        assert key_with(tmp_path, f"assert os.getsid(0) == os.getpid() != {os.getsid(0)}\n{READY}").sign(b"data")

    def test_it_inherits_no_descriptor(self, tmp_path: Path) -> None:
        with open(os.devnull, "rb") as file:
            os.set_inheritable(file.fileno(), True)
            body = f"""
            try:
                os.fstat({file.fileno()})
            except OSError:
                {READY}
            """
            assert key_with(tmp_path, body).sign(b"data")

    def test_a_loud_command_signs(self, tmp_path: Path) -> None:
        assert key_with(tmp_path, f"sys.stderr.write('x' * 1_000_000)\n{READY}").sign(b"data")

    def test_many_threads_sign_at_once(self, tmp_path: Path) -> None:
        key = key_with(tmp_path, READY, 120)
        good = []
        threads = [threading.Thread(target=lambda: good.append(len(key.sign(b"data")) > 60)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert good == [True] * 8

    def test_where_children_are_not_waited_for(self, tmp_path: Path) -> None:
        """A program that ignores SIGCHLD gets no exit codes; the signature speaks for itself."""
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            assert key_with(tmp_path, READY).sign(b"data")
        finally:
            signal.signal(signal.SIGCHLD, before)


class TestFailing:
    def test_exit_code_and_last_words(self, tmp_path: Path) -> None:
        error = refused(tmp_path, "sys.exit('one\\nthe token is not there\\n\\n')")
        assert error.message == f"the signing command {os.path.basename(sys.executable)!r} ended with exit code 1"
        assert "it said at last: the token is not there; run it by hand" in str(error.hint)
        assert "one" not in str(error)

    def test_a_good_signature_does_not_make_up_for_an_exit_code(self, tmp_path: Path) -> None:
        assert "exit code 7" in refused(tmp_path, f"{READY}\nsys.exit(7)").message

    def test_a_signal(self, tmp_path: Path) -> None:
        assert "was ended by SIGSEGV" in refused(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)").message

    def test_silence(self, tmp_path: Path) -> None:
        error = refused(tmp_path, "sys.stdin.buffer.read()")
        assert "wrote no signature" in error.message
        assert "said nothing on standard error" in str(error.hint)

    @pytest.mark.parametrize(
        ("body", "hint"),
        [
            ("write(b'garbage')", "certificate's own key"),
            ("write(base64.b64encode(ready))", "base64"),
            ("print(ready.hex())", "hexadecimal"),
            ("write(ready + b'\\n')", "line feed"),
            ("write(sign(sys.stdin.buffer.read(), 'SHA512'))", "over SHA512"),
            ("import hashlib; write(sign(hashlib.sha256(sys.stdin.buffer.read()).digest()))", "hashed once more"),
        ],
    )
    def test_another_answer(self, tmp_path: Path, body: str, hint: str) -> None:
        assert hint in str(refused(tmp_path, body).hint)

    def test_another_key(self, tmp_path: Path) -> None:
        words = signing_command(tmp_path, RSA.private_key_pem)
        with pytest.raises(SigningError, match="not one of the certificate's key"):
            CommandKey(words, LEAF.certificate_pem).sign(b"data")

    def test_standard_input_closed_early(self, tmp_path: Path) -> None:
        assert "exit code 3" in refused(tmp_path, "sys.stdin.close(); sys.exit(3)").message

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            (["/no/such/program"], "'program' cannot be started: No such file"),
            (["/"], "cannot be started: Permission denied"),
            (["no-such-program-on-path"], "No such file"),
        ],
    )
    def test_a_program_that_cannot_be_started(self, words: list[str], reason: str) -> None:
        with pytest.raises(SigningError, match=reason):
            CommandKey(words, LEAF.certificate_pem).sign(b"data")

    def test_a_file_that_is_no_program(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no program")
        (tmp_path / "text").chmod(0o700)
        with pytest.raises(SigningError, match="Exec format error"):
            CommandKey([tmp_path / "text"], LEAF.certificate_pem).sign(b"data")

    def test_more_to_sign_than_there_ever_is(self, tmp_path: Path) -> None:
        with pytest.raises(SigningError, match="up to 4,096 bytes"):
            key_with(tmp_path, READY).sign(b"x" * 4097)
        assert key_with(tmp_path, READY, data=b"x" * 4096).sign(b"x" * 4096)


class TestEnding:
    """Whatever a command does, it ends in time, and nothing of it is left."""

    def test_those_that_hang(self, tmp_path: Path) -> None:
        """Side by side, because each is waited for."""
        manners = {
            "waits": "exec sleep 600",
            "closes its pipes": "exec >&- 2>&- 0<&-; sleep 600; :",
            "heeds no signal": "trap '' TERM INT HUP; sleep 600; sleep 600",
            "complains without end": "while :; do echo complaint >&2; done",
        }

        def hang(name: str) -> SigningError:
            directory = tmp_path / name
            directory.mkdir()
            script = f'echo waiting for a touch >&2; echo $$ > "$0"; {manners[name]}'
            key = CommandKey(["sh", "-c", script, directory / "started"], LEAF.certificate_pem, timeout_seconds=2)
            with pytest.raises(SigningError, match="no signature within 2 s") as caught:
                key.sign(b"data")
            return caught.value

        with ThreadPoolExecutor() as pool:
            errors = dict(zip(manners, pool.map(hang, manners), strict=True))
        for name, error in errors.items():
            assert not is_running(tmp_path / name)
            assert len(str(error)) < 500
            # Its last line may have been cut anywhere.
            last = "c" if name == "complains without end" else "waiting for a touch"
            assert str(error.hint).startswith(f"it said at last: {last}")

    def test_one_that_writes_without_end(self, tmp_path: Path) -> None:
        error = refused(tmp_path, f"{started(tmp_path)}\nwhile True: write(b'x' * 1000)")
        assert "wrote more than 16,384 bytes" in error.message
        assert not is_running(tmp_path)

    @pytest.mark.parametrize("then", ["sys.exit(4)", READY])
    def test_one_that_leaves_a_process_with_its_pipes(self, tmp_path: Path, then: str) -> None:
        """The signature counts if it is good; what holds the pipes is waited for in neither case."""
        left = f"if os.fork() == 0: {started(tmp_path)}; time.sleep({FOREVER})"
        wait = f"while not os.path.exists({str(tmp_path / 'started')!r}): time.sleep(0.01)"
        key = key_with(tmp_path, f"{left}\n{wait}\n{then}")
        if then == READY:
            assert key.sign(b"data")
        else:
            with pytest.raises(SigningError, match="exit code 4"):
                key.sign(b"data")
        assert not is_running(tmp_path)

    def test_one_that_leaves_a_process_that_complains_without_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The pipe is never found empty: it is read more slowly here than it is filled."""
        monkeypatch.setattr("rolesanywhere_signer.keys.external.running._CHUNK_BYTES", 1)
        left = f"if os.fork() == 0:\n    {started(tmp_path)}\n    while True: os.write(2, b'x' * 65536)"
        wait = f"while not os.path.exists({str(tmp_path / 'started')!r}): time.sleep(0.01)"
        error = refused(tmp_path, f"{left}\n{wait}\nsys.exit(4)", timeout_seconds=3)
        assert "within 3 s" in error.message
        assert not is_running(tmp_path)

    def test_one_that_leaves_a_daemon_in_a_session_of_its_own(self, tmp_path: Path) -> None:
        """An agent that starts itself stays, and is not waited for, even with the pipes in its hands."""
        left = f"if os.fork() == 0: os.setsid(); {started(tmp_path)}; time.sleep({FOREVER})"
        wait = f"while not os.path.exists({str(tmp_path / 'started')!r}): time.sleep(0.01)"
        assert key_with(tmp_path, f"{left}\n{wait}\n{READY}").sign(b"data")
        assert is_running(tmp_path, patience=1)
        os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)

    def test_descriptors_do_not_grow(self, tmp_path: Path) -> None:
        keys = [key_with(tmp_path, READY), CommandKey(["/no/such/program"], LEAF.certificate_pem)]
        keys.append(CommandKey(["sleep", str(FOREVER)], LEAF.certificate_pem, timeout_seconds=0.1))
        before = len(os.listdir("/dev/fd"))
        keys[0].sign(b"data")
        for key in keys[1:]:
            with pytest.raises(SigningError):
                key.sign(b"data")
        assert len(os.listdir("/dev/fd")) == before


class TestSecrets:
    def test_arguments_are_never_shown(self, tmp_path: Path) -> None:
        words = signing_command(tmp_path, LEAF.private_key_pem, "sys.exit(1)")
        key = CommandKey([*words, "--token", "planted-secret"], LEAF.certificate_pem)
        with pytest.raises(SigningError) as caught:
            key.sign(b"data")
        assert "planted" not in str(caught.value) + repr(caught.value) + repr(key)

    @pytest.mark.parametrize(
        "words", [["VAULT_TOKEN=planted/secret", "sign"], ["/no/sign --pin planted"], ["sign\tplanted"]]
    )
    def test_nor_those_that_stand_where_the_program_should(self, words: list[str]) -> None:
        """As a shell would understand it; no program is found then, and the error leads there."""
        key = CommandKey(words, LEAF.certificate_pem)
        with pytest.raises(SigningError, match="cannot be started: No such file") as caught:
            key.sign(b"data")
        shown = "".join(traceback.format_exception(caught.value, chain=True)) + repr(key)
        assert "planted" not in shown
        assert "env NAME=VALUE" in str(caught.value.hint)

    @pytest.mark.parametrize(
        "secret",
        [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0_aaaaaaaaaa",
            "0123456789abcdef" * 4,
        ],
    )
    def test_what_may_be_a_token_is_taken_out_of_its_last_words(self, tmp_path: Path, secret: str) -> None:
        hint = str(refused(tmp_path, f"sys.exit('the token {secret} has expired')").hint)
        assert "characters)" in hint
        assert "has expired" in hint
        assert not any(part in hint for part in secret.split("."))

    def test_last_words_do_not_write_to_the_terminal(self, tmp_path: Path) -> None:
        hint = str(
            refused(tmp_path, r"sys.stderr.buffer.write(b'\x1b[2J\xff\x07no\x00pe' + b' long' * 100); sys.exit(1)").hint
        )
        assert hint.isprintable()
        assert "no pe" in hint
        assert len(hint) < 400


class TestWords:
    @pytest.mark.parametrize(
        "argv", ["sign --key a", b"sign", [], [""], ["a\0b"], [b"sign"], ["sign", None], None, {"a": 1}]
    )
    def test_what_are_none(self, argv: object) -> None:
        with pytest.raises(ConfigurationError, match="list of words"):
            CommandKey(argv, LEAF.certificate_pem)  # type: ignore[arg-type]

    def test_a_time_out_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match="timeout_seconds"):
            CommandKey(["sign"], LEAF.certificate_pem, timeout_seconds=0)

    def test_a_pickle_carries_the_words_and_the_public_half(self, tmp_path: Path) -> None:
        key = pickle.loads(pickle.dumps(key_with(tmp_path, READY, 17, fixed_string(LEAF.certificate.public_key()))))
        public_key = LEAF.certificate.public_key()
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        public_key.verify(sign_fixed_string(key), fixed_string(public_key), ec.ECDSA(hashes.SHA256()))
        assert key._timeout_seconds == 17

    def test_not_on_windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rolesanywhere_signer.keys.external.command_key._IS_POSIX", False)
        with pytest.raises(ConfigurationError, match="Windows"):
            CommandKey(["sign"], LEAF.certificate_pem)
