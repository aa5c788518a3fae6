"""``pki``: the directory of the CA under many at once, with passphrases, damaged, and the words of its actions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rolesanywhere_signer.cli.pki import COMMAND
from tests.conftest import RequireTool
from tests.support.command_line import PROGRAM, Outcome, run_here, run_process

Capture = pytest.CaptureFixture[str]
SECRET = "planted correct horse"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(SECRET + "\n")
    return str(path)


class TestActions:
    def test_none_and_unknown_ones_are_answered_with_the_list(self, capsys: Capture) -> None:
        for words in ((), ("inti",), ("--subject", "CN=x"), ("INIT",)):
            outcome = run_here(capsys, "pki", *words)
            assert (outcome.code, outcome.stdout) == (1, "")
            assert "name an action: init, issue, revoke, crl, show\nhint: such as: " in outcome.stderr

    def test_flags_of_others_and_words_too_many(self, capsys: Capture) -> None:
        for words, said in (
            (("crl", "--san", "DNS:a"), "pki crl: --san does not belong to it\nhint: it is a flag of pki issue\n"),
            (("revoke", "--days", "3"), "hint: it is a flag of pki init and pki issue and pki crl\n"),
            (("init", "x"), "pki init: there is a word too many"),
            (("show", "a", "b"), "a word that is no flag"),
            (("show",), "pki show: FILE is missing"),
        ):
            outcome = run_here(capsys, "pki", *words)
            assert outcome.code == 1
            assert said in outcome.stderr

    def test_flags_may_stand_in_front(self, capsys: Capture) -> None:
        assert run_here(capsys, "pki", "--directory", "here", "init").stdout == "here/ca.pem\nhere/ca.key\n"

    def test_help_says_whose_each_flag_is(self) -> None:
        text = COMMAND.help()
        for action in COMMAND.actions:
            assert f"\n  {' '.join([action.name, *action.words])} " in text
            assert set(action.flags) <= {flag.name for flag in COMMAND.flags}
        assert "(issue)" in text
        assert {name for action in COMMAND.actions for name in action.flags} == {flag.name for flag in COMMAND.flags}

    def test_bash_completes_them(self, capsys: Capture, require_tool: RequireTool, tmp_path: Path) -> None:
        (tmp_path / "script").write_text(run_here(capsys, "completion", "bash").stdout)
        program = (
            f". {tmp_path / 'script'}; function=$(complete -p | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p'); "
            "COMP_WORDS=(rolesanywhere-signer pki re); COMP_CWORD=2; $function; echo ${COMPREPLY[@]}"
        )
        assert shell(require_tool("bash"), "--norc", "-c", program) == "revoke\n"

    def test_fish_completes_them(self, capsys: Capture, require_tool: RequireTool, tmp_path: Path) -> None:
        script = run_here(capsys, "completion", "fish").stdout
        (tmp_path / "script").write_text(script)
        called = script.split()[2]
        typed = f"source {tmp_path / 'script'}; complete -C '{called} pki re'"
        assert shell(require_tool("fish"), "--no-config", "-c", typed).split()[0] == "revoke"


def shell(tool: str, *words: str) -> str:
    return subprocess.run([tool, *words], capture_output=True, text=True, check=True, timeout=60).stdout


class TestPassphrases:
    def test_an_encrypted_ca(self, capsys: Capture, secret: str) -> None:
        outcome = run_here(capsys, "pki", "init", "--passphrase-file", secret)
        assert "encrypted" in outcome.stderr
        assert "unencrypted" not in outcome.stderr
        words = ("--subject", "CN=app", "--intermediate", "--passphrase-file", secret)
        assert run_here(capsys, "pki", "issue", *words).code == 0
        assert run_here(capsys, "pki", "crl", "--passphrase-file", secret).code == 0
        for name in ("ca.key", "intermediate.key"):
            content = Path("dev-ca", name).read_bytes()
            assert b"ENCRYPTED" in content
            assert load_pem_private_key(content, SECRET.encode())
        # Whoever revokes signs nothing.
        assert run_here(capsys, "pki", "revoke", "--certificate", "dev-ca/app/certificate.pem").code == 0

    def test_a_wrong_and_a_missing_one(self, capsys: Capture, secret: str, tmp_path: Path) -> None:
        run_here(capsys, "pki", "init", "--passphrase-file", secret)
        wrong = tmp_path / "wrong"
        wrong.write_text("planted wrong horse")
        outcome = run_here(capsys, "pki", "issue", "--subject", "CN=app", "--passphrase-file", str(wrong))
        assert "the passphrase is wrong" in outcome.stderr
        alone = run_process("pki", "issue", "--subject", "CN=app")
        assert alone.code == 1
        assert "no terminal to ask on" in alone.stderr
        for told in (outcome, alone):
            assert "planted" not in told.stdout + told.stderr
            assert "Traceback" not in told.stderr
        assert not Path("dev-ca", "app").exists()

    def test_an_empty_one_is_none(self, capsys: Capture, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n")
        outcome = run_here(capsys, "pki", "init", "--passphrase-file", str(tmp_path / "empty"))
        assert "must not be empty" in outcome.stderr
        assert not Path("dev-ca", "ca.key").exists()


class TestTheDirectory:
    def test_several_issue_at_once(self, capsys: Capture) -> None:
        assert run_here(capsys, "pki", "init").code == 0
        names = [f"app-{number}" for number in range(4)]
        issuing = [
            subprocess.Popen(
                [*PROGRAM, "pki", "issue", "--subject", f"CN={name}", "--intermediate"], stdout=subprocess.PIPE
            )
            for name in names
        ]
        assert [process.communicate(timeout=120)[0] != b"" for process in issuing] == [True] * len(names)
        found = json.loads(Path("dev-ca/index.json").read_text())["certificates"]
        # One intermediate for all, and nobody's entry lost.
        assert sorted(entry["subject"] for entry in found) == sorted(
            ["CN=Development intermediate CA", *(f"CN={n}" for n in names)]
        )
        for name in names:
            leaf = x509.load_pem_x509_certificate(Path(f"dev-ca/{name}/certificate.pem").read_bytes())
            chain = x509.load_pem_x509_certificate(Path(f"dev-ca/{name}/chain.pem").read_bytes())
            leaf.verify_directly_issued_by(chain)

    def test_two_who_make_it_at_once(self) -> None:
        making = [
            subprocess.Popen([*PROGRAM, "pki", "init"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for _ in range(3)
        ]
        codes = []
        for process in making:
            process.communicate(timeout=120)
            codes.append(process.returncode)
        assert sorted(codes) == [0, 1, 1]
        key = load_pem_private_key(Path("dev-ca/ca.key").read_bytes(), None)
        assert x509.load_pem_x509_certificate(Path("dev-ca/ca.pem").read_bytes()).public_key() == key.public_key()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"nonsense",
            b"[]",
            b"{}",
            b'{"version": 2, "certificates": [], "crl_numbers": {"ca": 0, "intermediate": 0}}',
            b'{"version": 1, "certificates": [{}], "crl_numbers": {"ca": 0, "intermediate": 0}}',
            b'{"version": 1, "certificates": [], "crl_numbers": {}}',
            b"[" * 100_000,
            b"\xff",
        ],
        ids=range(9),
    )
    def test_a_damaged_index_is_told_and_left_alone(self, capsys: Capture, content: bytes) -> None:
        run_here(capsys, "pki", "init")
        Path("dev-ca/index.json").write_bytes(content)
        for words in (("issue", "--subject", "CN=app"), ("crl",)):
            outcome = run_here(capsys, "pki", *words)
            assert (outcome.code, outcome.stdout) == (1, "")
            assert "cannot be understood" in outcome.stderr
        assert Path("dev-ca/index.json").read_bytes() == content

    @pytest.mark.parametrize(
        "entry",
        [
            {"serial_number": "x"},
            {"issuer": "other"},
            {"revoked_at": "2026-01-01"},
            {"revoked_at": 7},
            {"colour": "blue"},
        ],
        ids=str,
    )
    def test_damaged_entries(self, capsys: Capture, entry: dict[str, object]) -> None:
        run_here(capsys, "pki", "init")
        run_here(capsys, "pki", "issue", "--subject", "CN=app")
        path = Path("dev-ca/index.json")
        values = json.loads(path.read_text())
        values["certificates"][0].update(entry)
        path.write_text(json.dumps(values))
        assert "cannot be understood" in run_here(capsys, "pki", "crl").stderr

    @pytest.mark.parametrize("name", ["ca.key", "ca.pem", "index.json"])
    @pytest.mark.parametrize("damage", ["missing", "damaged", "a directory"])
    def test_files_that_are_not_what_they_were(self, capsys: Capture, name: str, damage: str) -> None:
        run_here(capsys, "pki", "init")
        path = Path("dev-ca", name)
        path.unlink()
        if damage == "damaged":
            path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n")
        elif damage == "a directory":
            path.mkdir()
        outcome = run_here(capsys, "pki", "issue", "--subject", "CN=app")
        assert (outcome.code, outcome.stdout) == (1, "")
        assert outcome.stderr.startswith("error: ")
        assert "planted" not in outcome.stderr

    def test_another_ca_s_key_is_noticed(self, capsys: Capture) -> None:
        run_here(capsys, "pki", "init")
        run_here(capsys, "pki", "init", "--directory", "other")
        shutil.copy("other/ca.key", "dev-ca/ca.key")
        assert "is not the CA certificate's" in run_here(capsys, "pki", "issue", "--subject", "CN=app").stderr

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read every file, as root may"
    )
    def test_a_directory_that_cannot_be_written(self, capsys: Capture) -> None:
        run_here(capsys, "pki", "init")
        os.chmod("dev-ca", 0o500)
        outcome = run_here(capsys, "pki", "issue", "--subject", "CN=app")
        assert outcome.code == 1

    @pytest.mark.parametrize("path", ["x" * 300, "~nobody-of-this-name/x", "a/" * 3000], ids=range(3))
    def test_paths_that_cannot_be(self, capsys: Capture, path: str) -> None:
        run_here(capsys, "pki", "init")
        for words in (
            ("issue", "--subject", "CN=app", "--directory", path),
            ("issue", "--csr", path),
            ("issue", "--subject", "CN=app", "--passphrase-file", path, "--key-passphrase-file", path),
            ("revoke", "--certificate", path),
            ("revoke", "--certificate", "dev-ca/ca.pem", "--directory", path),
            ("crl", "--directory", path),
            ("show", path),
            ("show", "dev-ca/ca.key", "--directory", path),
        ):
            outcome = run_here(capsys, "pki", *words)
            assert outcome.code == 1, words
            assert outcome.stderr.startswith("error: ")
            assert "the result cannot be written" not in outcome.stderr
        if not path.startswith("~"):
            outcome = run_here(capsys, "pki", "issue", "--subject", "CN=app", "--out", path)
            assert "cannot write the certificate" in outcome.stderr

    def test_a_path_that_cannot_be_a_directory(self, capsys: Capture) -> None:
        Path("file").write_text("")
        for directory in ("file", "file/below", "nul\0", "/dev/null"):
            outcome: Outcome = run_here(capsys, "pki", "init", "--directory", directory)
            assert outcome.code == 1
            assert outcome.stderr.startswith("error: ")
