"""``pki``: a CA for development, what it issues, revokes and shows; OpenSSL and the local service believe it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rolesanywhere_signer import Identity, validate_certificate
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere
from tests.conftest import RequireTool
from tests.support.command_line import Outcome, run_here, run_process

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def pki(capsys: Capture, *words: str) -> Outcome:
    """Run the command to its good end."""
    outcome = run_here(capsys, "pki", *words)
    assert outcome.code == 0, outcome.stderr
    return outcome


def refused(capsys: Capture, *words: str) -> str:
    """Run the command to its bad end, and return what it says."""
    outcome = run_here(capsys, "pki", *words)
    assert outcome.code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    return outcome.stderr


def certificate(path: str | Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def index() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("dev-ca", "index.json").read_text())
    return content


class TestInit:
    def test_a_ca_that_the_service_takes(self, capsys: Capture) -> None:
        outcome = pki(capsys, "init")
        assert outcome.stdout == "dev-ca/ca.pem\ndev-ca/ca.key\n"
        assert "for development" in outcome.stderr
        assert "unencrypted" in outcome.stderr
        root = certificate("dev-ca/ca.pem")
        assert root.subject.rfc4514_string() == "CN=Development CA"
        key = load_pem_private_key(Path("dev-ca/ca.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == root.public_key()
        if os.name == "posix":
            assert stat.S_IMODE(os.stat("dev-ca").st_mode) == 0o700
            assert stat.S_IMODE(os.stat("dev-ca/ca.key").st_mode) == 0o600

    def test_every_flag(self, capsys: Capture) -> None:
        words = (
            "--subject",
            "CN=Mine,O=Example",
            "--key-type",
            "RSA-2048",
            "--days",
            "10",
            "--directory",
            "here/there",
        )
        assert pki(capsys, "init", *words).stdout == "here/there/ca.pem\nhere/there/ca.key\n"
        root = certificate("here/there/ca.pem")
        assert root.subject.rfc4514_string() == "CN=Mine,O=Example"
        assert isinstance(root.public_key(), rsa.RSAPublicKey)
        assert root.not_valid_after_utc - root.not_valid_before_utc == timedelta(days=10)

    def test_nothing_is_overwritten_without_force(self, capsys: Capture) -> None:
        pki(capsys, "init")
        pki(capsys, "issue", "--subject", "CN=app", "--intermediate")
        pki(capsys, "crl")
        before = {path: path.read_bytes() for path in Path("dev-ca").rglob("*") if path.is_file()}
        assert "already\nhint: --force" in refused(capsys, "init")
        assert {path: path.read_bytes() for path in Path("dev-ca").rglob("*") if path.is_file()} == before
        pki(capsys, "init", "--force")
        assert certificate("dev-ca/ca.pem") != x509.load_pem_x509_certificate(before[Path("dev-ca/ca.pem")])
        assert index()["certificates"] == []
        assert not Path("dev-ca/intermediate.pem").exists()
        assert not Path("dev-ca/crl.pem").exists()

    def test_a_key_that_lies_there_is_kept(self, capsys: Capture) -> None:
        Path("dev-ca").mkdir(mode=0o700)
        Path("dev-ca/ca.key").write_text("somebody's")
        refused(capsys, "init")
        assert Path("dev-ca/ca.key").read_text() == "somebody's"

    @pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")
    def test_no_directory_that_others_can_write(self, capsys: Capture) -> None:
        Path("dev-ca").mkdir()
        os.chmod("dev-ca", 0o777)  # noqa: S103 - what must be refused
        assert "other users can write" in refused(capsys, "init")
        assert list(Path("dev-ca").iterdir()) == []

    @pytest.mark.parametrize(
        "words",
        [
            ("--subject", "app"),
            ("--key-type", "DES"),
            ("--days", "0"),
            ("--days", "36501"),
            ("--days", "soon"),
            ("--passphrase-file", "nowhere"),
            ("--san", "DNS:a"),
            ("word",),
        ],
    )
    def test_what_cannot_be(self, capsys: Capture, words: tuple[str, ...]) -> None:
        refused(capsys, "init", *words)
        assert not Path("dev-ca", "ca.key").exists()


class TestIssue:
    @pytest.fixture(autouse=True)
    def ca(self, capsys: Capture) -> None:
        pki(capsys, "init")

    def test_a_certificate_that_the_service_takes(self, capsys: Capture) -> None:
        outcome = pki(capsys, "issue", "--subject", "CN=app,O=Example", "--san", "DNS:a.example", "--san", "URI:a:b")
        assert outcome == Outcome(0, "dev-ca/app/certificate.pem\ndev-ca/app/private-key.pem\n", "")
        leaf = certificate("dev-ca/app/certificate.pem")
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=90)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.DNSName("a.example"), x509.UniformResourceIdentifier("a:b")]
        report = validate_certificate(
            "dev-ca/app/certificate.pem", "dev-ca/app/private-key.pem", trust_anchor="dev-ca/ca.pem"
        )
        assert report.findings == ()
        [entry] = index()["certificates"]
        assert entry["serial_number"] == str(leaf.serial_number)
        assert (entry["subject"], entry["issuer"], entry["revoked_at"]) == ("CN=app,O=Example", "ca", None)
        assert certificate(f"dev-ca/issued/{leaf.serial_number:x}.pem") == leaf

    def test_below_an_intermediate(self, capsys: Capture) -> None:
        for name in ("one", "two"):
            outcome = pki(capsys, "issue", "--subject", f"CN={name}", "--intermediate", "--full-chain")
            assert [Path(line).name for line in outcome.stdout.split()] == [
                "certificate.pem",
                "private-key.pem",
                "chain.pem",
                "full-chain.pem",
            ]
            report = validate_certificate(f"dev-ca/{name}/full-chain.pem", trust_anchor="dev-ca/ca.pem")
            assert report.findings == ()
        assert [entry["issuer"] for entry in index()["certificates"]] == ["ca", "intermediate", "intermediate"]

    def test_a_local_service_gives_credentials_for_it(self, capsys: Capture) -> None:
        pki(capsys, "issue", "--subject", "CN=app", "--intermediate", "--pkcs12", "--out", "app")
        with LocalRolesAnywhere(region="eu-central-1") as service:
            anchor = service.create_trust_anchor(Path("dev-ca/ca.pem").read_bytes())
            role = service.create_role("reader")
            arns = [anchor.arn, service.create_profile([role]).arn, role.arn]
            flags = ("--trust-anchor-arn", "--profile-arn", "--role-arn")
            words = [word for pair in zip(flags, arns, strict=True) for word in pair]
            done = run_process(
                "credential-process", "--certificate", "app/identity.p12", *words, "--endpoint", service.url
            )
        assert json.loads(done.stdout)["Version"] == 1

    def test_of_any_key_and_encrypted(self, capsys: Capture, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("correct horse\n")
        words = ("--subject", "CN=app", "--key-type", "RSA-3072", "--key-passphrase-file", str(tmp_path / "secret"))
        pki(capsys, "issue", *words, "--pkcs12")
        for path in ("dev-ca/app/private-key.pem", "dev-ca/app/identity.p12"):
            is_p12 = path.endswith("p12")
            identity = Identity.from_files(
                path if is_p12 else "dev-ca/app/certificate.pem", None if is_p12 else path, passphrase="correct horse"
            )
            assert isinstance(identity.current.certificate.public_key(), rsa.RSAPublicKey)

    def test_a_request(self, capsys: Capture, require_tool: RequireTool) -> None:
        words = "req -new -newkey rsa:2048 -noenc -keyout app.key -out app.csr -subj /O=Example/CN=asked"
        subprocess.run([require_tool("openssl"), *words.split()], check=True, capture_output=True, timeout=60)
        outcome = pki(capsys, "issue", "--csr", "app.csr", "--san", "DNS:a.example")
        assert outcome.stdout == "dev-ca/asked/certificate.pem\n"
        report = validate_certificate("dev-ca/asked/certificate.pem", "app.key", trust_anchor="dev-ca/ca.pem")
        assert report.findings == ()
        pki(capsys, "issue", "--csr", "app.csr", "--subject", "CN=renamed", "--out", "elsewhere")
        assert certificate("elsewhere/certificate.pem").subject.rfc4514_string() == "CN=renamed"
        assert "exclude each other" in refused(capsys, "issue", "--csr", "app.csr", "--key-type", "P-256")
        Path("app.csr").write_text("nonsense")
        assert "certificate request" in refused(capsys, "issue", "--csr", "app.csr")

    def test_a_certificate_is_replaced_on_demand_alone(self, capsys: Capture) -> None:
        pki(capsys, "issue", "--subject", "CN=app")
        before = certificate("dev-ca/app/certificate.pem")
        assert "--force replaces it" in refused(capsys, "issue", "--subject", "CN=app")
        assert certificate("dev-ca/app/certificate.pem") == before
        pki(capsys, "issue", "--subject", "CN=app", "--force")
        assert certificate("dev-ca/app/certificate.pem") != before
        assert len(index()["certificates"]) == 2

    @pytest.mark.parametrize(
        ("subject", "folder"),
        [
            ("CN=../../etc/passwd", "etc-passwd"),
            ("CN=..", "certificate"),
            ("CN=a b\N{LATIN SMALL LETTER E WITH ACUTE}/c", "a-b-c"),
            ("O=x", "O-x"),
        ],
    )
    def test_no_name_leads_out_of_the_folder(self, capsys: Capture, subject: str, folder: str) -> None:
        assert pki(capsys, "issue", "--subject", subject).stdout.startswith(f"dev-ca/{folder}/certificate.pem\n")

    def test_a_certificate_that_the_service_refuses_is_told_of(self, capsys: Capture) -> None:
        outcome = pki(capsys, "issue", "--subject", "CN=app", "--key-type", "Ed25519")
        assert "error: leaf: its key is Ed25519" in outcome.stderr

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--subject", "app"),
            ("--subject", "CN=app", "--san", "a.example"),
            ("--subject", "CN=app", "--key-type", "P-1"),
            ("--subject", "CN=app", "--directory", "nowhere"),
            ("--subject", "CN=app", "--out", "dev-ca/ca.pem"),
            ("--csr", "nowhere"),
        ],
    )
    def test_what_cannot_be(self, capsys: Capture, words: tuple[str, ...]) -> None:
        refused(capsys, "issue", *words)


class TestRevoke:
    def test_openssl_and_the_list(self, capsys: Capture, require_tool: RequireTool) -> None:
        openssl = require_tool("openssl")
        pki(capsys, "init")
        for name in ("good", "bad"):
            pki(capsys, "issue", "--subject", f"CN={name}")
        told = pki(capsys, "revoke", "--certificate", "dev-ca/bad/certificate.pem", "--reason", "keyCompromise")
        serial = certificate("dev-ca/bad/certificate.pem").serial_number
        assert told.stdout.startswith(f"CN=bad, serial number {serial}, is revoked since ")
        assert "pki crl" in told.stderr
        assert pki(capsys, "crl", "--days", "2").stdout == "dev-ca/crl.pem\n"
        listed = x509.load_pem_x509_crl(Path("dev-ca/crl.pem").read_bytes())
        assert listed.next_update_utc is not None
        assert listed.next_update_utc - listed.last_update_utc < timedelta(days=2, minutes=1)
        words = "verify -crl_check -CAfile dev-ca/ca.pem -CRLfile dev-ca/crl.pem"
        for name, said in (("good", ": OK"), ("bad", "certificate revoked")):
            done = subprocess.run(
                [openssl, *words.split(), f"dev-ca/{name}/certificate.pem"],
                capture_output=True, text=True, check=False, timeout=30,
            )  # fmt: skip
            assert said in done.stdout + done.stderr

    def test_each_issuer_has_its_list_and_the_numbers_go_up(self, capsys: Capture) -> None:
        pki(capsys, "init")
        pki(capsys, "issue", "--subject", "CN=app", "--intermediate")
        pki(capsys, "revoke", "--certificate", "dev-ca/app/certificate.pem")
        for number in (1, 2):
            assert pki(capsys, "crl").stdout == "dev-ca/crl.pem\ndev-ca/intermediate-crl.pem\n"
            for name, count in (("crl.pem", 0), ("intermediate-crl.pem", 1)):
                listed = x509.load_pem_x509_crl(Path("dev-ca", name).read_bytes())
                assert len(list(listed)) == count
                found = listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
                assert found == number
        pki(capsys, "revoke", "--certificate", "dev-ca/intermediate.pem", "--reason", "cACompromise")
        pki(capsys, "crl")
        assert len(list(x509.load_pem_x509_crl(Path("dev-ca/crl.pem").read_bytes()))) == 1

    def test_once_is_enough(self, capsys: Capture) -> None:
        pki(capsys, "init")
        pki(capsys, "issue", "--subject", "CN=app")
        first = pki(capsys, "revoke", "--certificate", "dev-ca/app/certificate.pem", "--reason", "superseded")
        again = pki(capsys, "revoke", "--certificate", "dev-ca/app/certificate.pem", "--reason", "keyCompromise")
        assert again == Outcome(0, first.stdout, "")
        assert index()["certificates"][0]["reason"] == "superseded"

    def test_what_is_not_there_to_revoke(self, capsys: Capture, tmp_path: Path) -> None:
        pki(capsys, "init")
        stranger = CertificateAuthority("CN=Development CA").issue().write(tmp_path / "stranger").certificate
        assert "did not issue" in refused(capsys, "revoke", "--certificate", str(stranger))
        assert "--certificate is missing" in refused(capsys, "revoke")
        pki(capsys, "issue", "--subject", "CN=app")
        words = ("revoke", "--certificate", "dev-ca/app/certificate.pem", "--reason")
        assert "no reason 'lost'" in refused(capsys, *words, "lost")
        assert index()["certificates"][0]["revoked_at"] is None

    def test_a_certificate_that_the_index_has_forgotten(self, capsys: Capture) -> None:
        pki(capsys, "init")
        empty = Path("dev-ca/index.json").read_bytes()
        pki(capsys, "issue", "--subject", "CN=app")
        Path("dev-ca/index.json").write_bytes(empty)
        pki(capsys, "revoke", "--certificate", "dev-ca/app/certificate.pem")
        assert index()["certificates"][0]["revoked_at"] is not None


class TestShow:
    def test_all_that_there_is_to_see(self, capsys: Capture) -> None:
        pki(capsys, "init")
        pki(capsys, "issue", "--subject", "CN=app", "--san", "DNS:a.example", "--intermediate")
        leaf = certificate("dev-ca/app/certificate.pem")
        shown = pki(capsys, "show", "dev-ca/app/certificate.pem").stdout
        for text in (
            "subject:        CN=app\nissuer:         CN=Development intermediate CA\n",
            f"{leaf.serial_number} (0x{leaf.serial_number:x})",
            f"valid until:    {leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
            "key:            EC secp384r1",
            "basic constraints, critical: CA:FALSE",
            "key usage, critical: digitalSignature",
            "subject alternative name: DNS:a.example",
            "ok: no errors, no warnings",
        ):
            assert text in shown
        assert "ok: " in pki(capsys, "show", "--directory", "dev-ca", "dev-ca/app/certificate.pem").stdout
        assert "CA:TRUE, pathlen:0" in pki(capsys, "show", "dev-ca/intermediate.pem").stdout

    def test_the_path_is_looked_for_where_the_ca_is_named(self, capsys: Capture, tmp_path: Path) -> None:
        pki(capsys, "init")
        stranger = str(CertificateAuthority("CN=Other").issue().write(tmp_path / "other").certificate)
        assert "ok: " in pki(capsys, "show", stranger).stdout
        assert "issuer-not-found" in pki(capsys, "show", stranger, "--directory", "dev-ca").stdout

    def test_what_the_service_says_of_a_bad_one(self, capsys: Capture, tmp_path: Path) -> None:
        bad = CertificateAuthority().issue(key_usage=None, expired=True).write(tmp_path / "bad").certificate
        shown = pki(capsys, "show", str(bad)).stdout
        assert "no-key-usage" in shown
        assert "refused: 2 errors" in shown

    def test_a_malformed_one(self, capsys: Capture, tmp_path: Path) -> None:
        oid = x509.ExtensionOID.KEY_USAGE
        doubled = CertificateAuthority().issue(repeated_extensions=[oid]).write(tmp_path / "doubled").certificate
        outcome = pki(capsys, "show", str(doubled))
        assert "(unreadable: Duplicate 2.5.29.15 extension found)" in outcome.stdout
        assert "rules cannot be looked at" in outcome.stderr

    def test_no_character_of_a_name_reaches_the_terminal_as_a_command(self, capsys: Capture, tmp_path: Path) -> None:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\x1b[2Jb")])
        odd = CertificateAuthority().issue(name).write(tmp_path / "odd").certificate
        assert "\x1b" not in pki(capsys, "show", str(odd)).stdout

    @pytest.mark.parametrize("name", ["nowhere.pem", "dev-ca/ca.key", "dev-ca"])
    def test_what_is_no_certificate(self, capsys: Capture, name: str) -> None:
        pki(capsys, "init")
        refused(capsys, "show", name)


def test_the_index_tells_the_time_in_utc(capsys: Capture) -> None:
    pki(capsys, "init")
    pki(capsys, "issue", "--subject", "CN=app", "--days", "1")
    end = datetime.fromisoformat(index()["certificates"][0]["not_after"])
    assert abs(end - datetime.now(timezone.utc)) < timedelta(days=1, minutes=5)
