"""``configure``: checks, writes, reads back; and writes nothing that cannot work."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import botocore.configloader
import botocore.session
import pytest

from rolesanywhere_signer import create_botocore_session
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.broken import Site
from tests.support.command_line import Outcome, run_here, run_process
from tests.support.secrets import PASSPHRASE

PROGRAM = str(Path(sys.executable).parent / "rolesanywhere-signer")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], site: Site) -> Configure:
    return Configure(capsys, site)


class Configure:
    """Runs ``configure`` for a site."""

    def __init__(self, capsys: pytest.CaptureFixture[str], site: Site) -> None:
        self._capsys = capsys
        self.site = site

    def __call__(self, *more: str, **changes: object) -> Outcome:
        words = self.site.flags(**{"profile": "iam", **changes})
        outcome = run_here(self._capsys, "configure", *words[1:], *more)
        return Outcome(outcome.code, self.site.shown(outcome.stdout), self.site.shown(outcome.stderr))

    @property
    def written(self) -> str:
        """What is in the config file, with the names of the site."""
        return self.site.shown(self.site.config.read_text()) if self.site.config.exists() else ""


KEYS = f"""\
[profile iam]
rolesanywhere_certificate = DIR/certificate.pem
rolesanywhere_private_key = DIR/private-key.pem
rolesanywhere_trust_anchor_arn = ANCHOR
rolesanywhere_profile_arn = PROFILE
rolesanywhere_role_arn = ROLE
rolesanywhere_endpoint_url = URL
credential_process = {PROGRAM} credential-process --profile iam
region = eu-central-1
"""
LINE = f"""\
[profile iam]
credential_process = {PROGRAM} credential-process --certificate DIR/certificate.pem --private-key DIR/private-key.pem \
--trust-anchor-arn ANCHOR --profile-arn PROFILE --role-arn ROLE --endpoint URL
region = eu-central-1
"""
USE = """
  aws --profile iam sts get-caller-identity
  boto3.Session(botocore_session=create_botocore_session(profile="iam"))
"""


def works(name: str = "iam") -> None:
    """See that botocore by itself, by the program, and with this library gets credentials of the profile."""
    own = create_botocore_session(profile=name)
    other = botocore.session.Session(profile=name)
    for session in (own, other):
        assert session.get_credentials().get_frozen_credentials().access_key.startswith("ASIA")
        assert session.get_config_variable("region") == "eu-central-1"


# --- What is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("style", "text"), [((), KEYS), (("--style", "keys"), KEYS), (("--style=process",), LINE)])
def test_a_profile_that_everybody_can_use(run: Configure, style: tuple[str, ...], text: str) -> None:
    outcome = run(*style)
    assert (outcome.code, outcome.stderr) == (0, "")
    first, rest = outcome.stdout.split("\n", 1)
    serial = f"{run.site.world.leaf.certificate.serial_number:x}"
    who = f"arn:aws:sts::123456789012:assumed-role/s3-reader/{serial}"
    assert first == f"profile 'iam' is written to 'CONFIG'; it gives the credentials of {who}"
    assert rest == USE
    assert run.written == text
    assert stat.S_IMODE(run.site.config.stat().st_mode) == 0o600
    works()


def test_where_there_is_no_file_nor_directory(run: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.setenv("HOME", str(run.site.directory / "home"))
    assert run().code == 0
    directory = run.site.directory / "home" / ".aws"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert run.site.shown((directory / "config").read_text()) == KEYS
    works()


def test_everything_that_was_given_is_kept(run: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.site.directory)
    issuing = run.site.world.ca.issue_ca("CN=Issuing CA")
    issuing.issue("CN=app").write(run.site.directory)
    changes = {"certificate": "certificate.pem", "intermediates": "chain.pem", "session_duration": 900}
    outcome = run("--cache", "--with-proxy", role_session_name="machine-7", **changes)
    assert (outcome.code, outcome.stderr) == (0, "")
    for line in (
        "rolesanywhere_certificate = DIR/certificate.pem",
        "rolesanywhere_intermediates = DIR/chain.pem",
        "rolesanywhere_duration_seconds = 900",
        "rolesanywhere_role_session_name = machine-7",
        "rolesanywhere_cache = true",
        f"credential_process = {PROGRAM} credential-process --profile iam --cache",
    ):
        assert f"\n{line}\n" in run.written
    works()


def test_paths_with_blanks_and_quotation_marks(run: Configure) -> None:
    directory = run.site.directory / 'it\'s a "folder"'
    files = run.site.world.leaf.write(directory)
    for style in ("keys", "process"):
        outcome = run("--style", style, profile=style, certificate=files.certificate, private_key=files.private_key)
        assert (outcome.code, outcome.stderr) == (0, "")
        works(style)


def test_a_directory_of_certificates(run: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.site.directory)
    selector = run.site.directory / "selector.json"
    selector.write_text('[{"Key": "x509Subject", "Value": "CN=app"}]')
    run.site.world.ca.issue("CN=other").write(run.site.directory / "other")
    words = ("--cert-directory", ".", "--cert-selector", "file://selector.json", "--style", "process")
    outcome = run(*words, certificate=None, private_key=None)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert " --cert-selector file://DIR/selector.json " in run.written
    assert " --cert-directory DIR\n" in run.written
    works()


def test_an_encrypted_key(run: Configure) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-in", run.site.world.private_key, "-passout", f"pass:{PASSPHRASE}"]
    run.site.world.private_key.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    outcome = run()
    assert (outcome.code, outcome.stdout, run.written) == (1, "", "")
    assert "whoever uses the profile cannot be asked for the passphrase" in outcome.stderr
    assert "\nhint: put it into a file of its own, mode 600, and give --passphrase-file FILE\n" in outcome.stderr

    outcome = run(pkcs8_password=PASSPHRASE)
    assert outcome.stderr.startswith(
        "error: configure: a passphrase does not go into the AWS config file\nhint: put it "
    )
    assert PASSPHRASE not in outcome.stderr
    assert run.written == ""

    path = run.site.directory / "passphrase"
    path.write_text(PASSPHRASE)
    path.chmod(0o600)
    assert run(passphrase_file=path).code == 0
    assert "rolesanywhere_passphrase_file = DIR/passphrase\n" in run.written
    works()


# --- What is there already -----------------------------------------------------------------------------------------


def test_a_profile_that_is_there_is_refused_before_anything_is_sent(run: Configure) -> None:
    run.site.config.write_text("[profile iam]\nregion = us-east-1\n")
    outcome = run()
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("error: there is a profile 'iam' in 'CONFIG' already\nhint: --force ")
    assert run.written == "[profile iam]\nregion = us-east-1\n"
    assert run.site.world.service.calls == []


def test_force_changes_our_keys_and_no_foreign_byte(run: Configure) -> None:
    foreign = "# mine\n[profile other]\nregion=us-east-1   \n\n"
    own = "[profile iam]\noutput = json\nregion = eu-central-1\nrolesanywhere_intermediates = /old/chain.pem\n# end\n"
    run.site.config.write_text(foreign + own)
    outcome = run("--force")
    assert (outcome.code, outcome.stderr) == (
        0,
        "warning: the AWS config file 'CONFIG' could be used by others (mode 0644); its mode is 0600 now\n",
    )
    assert run.written.startswith(foreign + "[profile iam]\noutput = json\nregion = eu-central-1\nrolesanywhere_")
    assert run.written.endswith("\n# end\n")
    assert "/old/chain.pem" not in run.written
    works()

    # And in the other style: no key of ours is left to win over the line.
    assert run("--force", "--style", "process").code == 0
    assert "rolesanywhere_" not in run.written
    assert run.written.startswith(
        foreign + "[profile iam]\noutput = json\nregion = eu-central-1\ncredential_process = "
    )
    assert run.written.endswith("\n# end\n")
    works()


def test_what_other_programs_would_take_instead_is_told(run: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = run.site.directory / "credentials"
    credentials.write_text("[iam]\naws_access_key_id = AKIAPLANTED\naws_secret_access_key = planted\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    run.site.config.write_text("[profile iam]\nsso_session = corporate\n")
    run.site.config.chmod(0o600)
    outcome = run("--force")
    assert outcome.code == 0
    assert "warning: profile 'iam' in 'CONFIG' has sso_session beside credential_process" in outcome.stderr
    assert "warning: the credentials file 'DIR/credentials' has aws_access_key_id for profile 'iam'" in outcome.stderr


# --- What does not work --------------------------------------------------------------------------------------------


def test_a_refusal_of_the_service_is_explained_and_nothing_is_written(run: Configure) -> None:
    role = "arn:aws:iam::123456789012:role/other"
    outcome = run(role_arn=role)
    assert (outcome.code, outcome.stdout, run.written) == (1, "", "")
    first, second, *_, last = outcome.stderr.splitlines()
    assert first.startswith(f"error: {role} is not among the roles of PROFILE; the service says ")
    assert second.startswith("hint: compare with aws rolesanywhere get-profile --profile-id PROFILE-ID ")
    assert last == "--force writes the profile all the same, --offline without asking the service."
    assert "\nNothing was written.\n" in outcome.stderr

    outcome = run("--force", role_arn=role)
    assert outcome.code == 0
    assert outcome.stdout.startswith("profile 'iam' is written to 'CONFIG', although it does not work yet\n")
    assert outcome.stderr.startswith(f"warning: {role} is not among the roles of PROFILE; ")
    assert f"rolesanywhere_role_arn = {role}\n" in run.written


def test_offline_nothing_is_sent(run: Configure) -> None:
    outcome = run("--offline", role_arn="arn:aws:iam::123456789012:role/other")
    assert outcome.code == 0
    assert outcome.stdout.startswith("profile 'iam' is written to 'CONFIG'; the service was not asked\n")
    assert outcome.stderr == "rolesanywhere-signer doctor --profile iam asks it.\n"
    assert run.site.world.service.calls == []


def test_a_certificate_that_the_service_refuses(run: Configure) -> None:
    run.site.world.ca.issue("CN=app", ca=True, key_usage=["keyEncipherment"]).write(run.site.directory)
    outcome = run("--offline")
    assert (outcome.code, outcome.stdout, run.written) == (1, "", "")
    assert outcome.stderr.startswith("error: leaf: it is a CA certificate (basic constraints say CA:TRUE)\nhint: ")
    assert "\nalso: leaf: its key usage does not include digitalSignature\n" in outcome.stderr
    outcome = run("--offline", "--force")
    assert outcome.code == 0
    assert outcome.stderr.count("warning: leaf: ") == 2


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_can_never_work_is_not_written_by_force_either(run: Configure, force: tuple[str, ...]) -> None:
    other = CertificateAuthority("CN=elsewhere").issue("CN=x").write(run.site.directory / "other")
    for changes, cause in (
        (
            {"certificate": "/no/such/file.pem"},
            "error: there is no certificate file '/no/such/file.pem' (--certificate)",
        ),
        ({"private_key": other.private_key}, "error: the private key is not the one of the certificate file "),
        ({"role_arn": "role/x"}, "error: role_arn 'role/x': it does not have the six parts of an ARN"),
        ({"session_duration": 60}, "error: duration_seconds is 60; it must be a whole number from 900 to 43200"),
    ):
        outcome = run(*force, **changes)
        assert (outcome.code, outcome.stdout, run.written) == (1, "", "")
        assert outcome.stderr.startswith(cause), outcome.stderr
        assert outcome.stderr.endswith("\nNothing was written.\n")


def test_a_key_that_others_can_read_is_warned_of(run: Configure) -> None:
    run.site.world.private_key.chmod(0o644)
    outcome = run()
    assert outcome.code == 0
    assert outcome.stderr == (
        "warning: the private key file 'DIR/private-key.pem' can be read by other users (mode 0644); chmod 600 "
        "'DIR/private-key.pem'\n"
    )


# --- Flags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "changes", "error"),
    [
        ((), {"profile": None}, "configure: --profile is missing"),
        ((), {"profile": "a b"}, "'a b' cannot be the name of a profile"),
        ((), {"role_arn": None, "certificate": None}, "configure: --certificate and --role-arn are missing"),
        (("--style", "ini"), {}, "configure: the value of --style must be keys or process"),
        (("--no-verify-ssl",), {}, "--no-verify-ssl cannot be said in keys"),
        (
            ("--cert-directory", "/x"),
            {"certificate": None, "private_key": None},
            "--cert-directory cannot be said in keys",
        ),
        ((), {"certificate": "pkcs11:token=x?pin-value=y"}, "the URI of --certificate holds the PIN"),
    ],
)
def test_flags_that_cannot_be(run: Configure, more: tuple[str, ...], changes: dict[str, object], error: str) -> None:
    outcome = run(*more, **changes)
    assert (outcome.code, outcome.stdout, run.written) == (1, "", "")
    assert outcome.stderr.startswith(f"error: {error}")
    assert run.site.world.service.calls == []


def test_no_verification_stands_in_the_helper_s_words_and_is_warned_of(run: Configure) -> None:
    outcome = run("--style", "process", "--no-verify-ssl")
    assert outcome.code == 0
    assert "warning: TLS is not verified" in outcome.stderr
    assert " --no-verify-ssl\n" in run.written


def test_as_a_process_and_with_the_environment_of_another_profile(site: Site) -> None:
    words = site.flags(profile="iam")
    outcome = run_process("configure", *words[1:], environment={"AWS_PROFILE": "none", "ROLESANYWHERE_REGION": "x-y-1"})
    assert (outcome.code, outcome.stderr) == (0, "")
    assert site.shown(site.config.read_text()) == KEYS
    assert botocore.configloader.load_config(str(site.config))["profiles"]["iam"]["region"] == "eu-central-1"
