"""``doctor`` where the settings come from: what is broken there, and what leads other programs elsewhere."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.broken import Broken, Site, Table, check, name_of, warnings_of
from tests.support.command_line import run_here
from tests.support.profiled import helper_line, own_keys
from tests.support.servers import http, raw_server

broken = Table()


def line(site: Site, *changes: tuple[str, str]) -> list[str]:
    """Write a profile in the helper's words, some of them changed."""
    text = helper_line(site.world)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return site.write_config(f"[profile iam]\n{text}\n")


@broken(
    "credential_process of profile 'iam' in 'CONFIG' goes over several lines, --certificate stands at the start of one",
    "write the value on one line; a backslash does not join lines in this file",
)
def lines_joined_by_backslashes(site: Site) -> list[str]:
    return line(site, (" --", " \\\n    --"))


@broken(
    "profile 'iam' in 'CONFIG': --private-key begins a line of its own",
    "write the whole credential_process on one line",
)
def lines_that_stand_alone(site: Site) -> list[str]:
    return line(site, (" --private-key", "\n--private-key"))


@broken(
    "credential_process of profile 'iam' in 'CONFIG': the flag --rol-arn is unknown",
    "is --role-arn meant?",
)
def unknown_flag(site: Site) -> list[str]:
    return line(site, ("--role-arn", "--rol-arn"))


@broken(
    "credential_process of profile 'iam' in 'CONFIG': --role-arn has no value",
    "write a value that begins with two dashes as --role-arn=VALUE",
)
def missing_value(site: Site) -> list[str]:
    return line(site, (site.world.arns["role_arn"], ""))


@broken(
    "profile 'iam' in 'CONFIG': line 3 (--private-key) is neither 'key = value' nor indented",
    "write the value on one line; a backslash does not join lines in this file",
)
def lines_without_a_colon(site: Site) -> list[str]:
    lines = ["[profile iam]", "credential_process = aws_signing_helper credential-process", "--private-key client.key"]
    return site.write_config("\n".join(lines))


@broken(
    "credential_process of profile 'iam' in 'CONFIG': a quotation mark is not closed",
    "close it, or put a backslash before one that belongs to a value",
)
def unclosed_quotation(site: Site) -> list[str]:
    return line(site, ("--certificate ", "--certificate '"))


@broken(
    "credential_process of profile 'iam' in 'CONFIG' lacks --role-arn",
    "add it there: settings are taken from one source, and only an argument makes up for what it lacks",
)
def missing_flag(site: Site) -> list[str]:
    return line(site, (f"--role-arn {site.world.arns['role_arn']}", ""))


@broken(
    "the AWS config file 'CONFIG' has no section '[profile iam]'; its profiles: 'onprem'",
    "name a profile that is there, or write this one with rolesanywhere-signer configure; the shared "
    "credentials file is not looked at",
)
def no_such_profile(site: Site) -> list[str]:
    return site.write_config("[profile onprem]\nregion = eu-central-1\n")


@broken(
    "there is no AWS config file 'CONFIG' with a profile 'iam'",
    "name a profile that is there, or write this one with rolesanywhere-signer configure; the shared "
    "credentials file is not looked at",
)
def no_config_file(site: Site) -> list[str]:
    return ["doctor", "--profile", "iam"]


@broken(
    "'rolesanywhere_rolearn' in profile 'iam' in 'CONFIG' is unknown; is rolesanywhere_role_arn meant?",
    "correct its spelling, or take it out",
)
def misspelled_key(site: Site) -> list[str]:
    return site.write_keys(rolearn="x")


@broken(
    "rolesanywhere_passphrase in profile 'iam' in 'CONFIG': keys, certificates and passphrases do not"
    " belong into this file",
    "put it into a file of its own, and that file's path into rolesanywhere_passphrase_file",
)
def passphrase_in_the_file(site: Site) -> list[str]:
    return site.write_keys(passphrase="planted-passphrase")


@broken(
    "the trust anchor is in eu-central-1 and the profile in eu-west-1",
    "both must be of one region; is one of the ARNs of another environment?",
)
def other_region_of_the_profile(site: Site) -> list[str]:
    return site.write_keys(profile_arn=site.world.arns["profile_arn"].replace("eu-central-1", "eu-west-1"))


@broken(
    "region 'us-east-1-fips' names a FIPS endpoint, not a region",
    "give the plain region and use_fips_endpoint=True",
)
def fips_as_a_region(site: Site) -> list[str]:
    return site.flags(endpoint=None, region="us-east-1-fips")


@pytest.mark.parametrize("entry", broken, ids=name_of)
def test_the_first_line_says_the_cause_and_the_second_what_to_do(
    capsys: pytest.CaptureFixture[str], site: Site, entry: Broken
) -> None:
    check(capsys, site, entry)
    assert site.world.service.calls == []


# --- What works, and deserves attention ----------------------------------------------------------------------------


def warnings(capsys: pytest.CaptureFixture[str], site: Site, words: list[str]) -> list[tuple[str, str]]:
    """Run ``doctor`` on something that works; return each warning with what to do about it."""
    return warnings_of(run_here(capsys, *words), site)


def program(site: Site) -> str:
    """Return a program that is there."""
    path = site.directory / "aws_signing_helper"
    path.write_text(f"#!{sys.executable}\n")
    path.chmod(0o700)
    return str(path)


def test_a_profile_in_the_helper_s_words(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    assert warnings(capsys, site, line(site, ("/usr/local/bin/aws_signing_helper", program(site)))) == []


def test_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    assert warnings(capsys, site, line(site)) == [
        (
            (
                "credential_process of profile 'iam' in 'CONFIG' runs '/usr/local/bin/aws_signing_helper', which is "
                "not there or cannot be run: the AWS CLI and other SDKs get no credentials"
            ),
            "write the whole path of rolesanywhere-signer there; the words behind it stay",
        )
    ]


def test_static_keys_that_come_first(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = line(site, ("/usr/local/bin/aws_signing_helper", program(site)))
    credentials = site.directory / "credentials"
    credentials.write_text("[iam]\naws_access_key_id = AKIAPLANTED\naws_secret_access_key = planted\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    ((message, hint),) = warnings(capsys, site, words)
    assert message.startswith("the credentials file 'DIR/credentials' has aws_access_key_id for profile 'iam'")
    assert "remove the keys" in hint

    credentials.write_text("[other]\naws_access_key_id = AKIAPLANTED\n[broken")
    assert warnings(capsys, site, words) == []


def test_static_keys_of_the_environment(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = line(site, ("/usr/local/bin/aws_signing_helper", program(site)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_PROFILE", "iam")
    assert warnings(capsys, site, words) == []
    ((message, _),) = warnings(capsys, site, ["doctor"])
    assert message.startswith("AWS_ACCESS_KEY_ID is set: the AWS CLI and the SDKs take it before the profile")


def test_a_file_that_the_sdks_refuse_for_another_profile(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    words = site.write_keys()
    site.config.write_text(site.config.read_text() + "[profile other]\nplanted-secret without an equals sign\n")
    ((message, hint),) = warnings(capsys, site, words)
    number = len(site.config.read_text().splitlines())
    assert message == (
        f"boto3 and the AWS CLI refuse the whole AWS config file 'CONFIG', because of what stands in line {number}"
    )
    assert "mend that line" in hint


def test_a_region_that_is_not_the_trust_anchor_s(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    outcome = run_here(capsys, *site.flags(region="eu-west-1"))
    assert outcome.code == 1
    assert site.shown(
        "warning  settings: the region is eu-west-1, and the trust anchor is in eu-central-1: the service looks for it "
        "in eu-west-1\nhint     leave --region out, or give eu-central-1\n"
    ) in site.shown(outcome.stdout)


def test_tls_that_is_not_verified(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    ((message, hint),) = warnings(capsys, site, [*site.flags(), "--no-verify-ssl"])
    assert message == "TLS is not verified: whoever stands in between can read the credentials"
    assert "--no-verify-ssl" in hint


def test_a_path_that_depends_on_where_a_program_starts(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.directory)
    words = site.write_keys(certificate="certificate.pem")
    assert warnings(capsys, site, words) == [
        (
            (
                "the path 'certificate.pem' (rolesanywhere_certificate) is relative: a program that is started "
                "elsewhere does not find it"
            ),
            "write 'DIR/certificate.pem'",
        )
    ]
    # Who types it here means here.
    assert warnings(capsys, site, site.flags(certificate="certificate.pem")) == []


def test_what_the_library_warns_of_is_told_once_and_in_its_place(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_keys()
    monkeypatch.setenv("AWS_PROFILE", "iam")
    monkeypatch.setenv("ROLESANYWHERE_DURATION_SECONDS", "900")
    ((message, hint),) = warnings(capsys, site, ["doctor"])
    assert message == ("not used, because the settings are those of profile 'iam': ROLESANYWHERE_DURATION_SECONDS")
    assert hint == "remove what is not meant"


def test_the_environment_as_the_source(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for text in own_keys(site.world).splitlines():
        name, value = text.split(" = ", 1)
        monkeypatch.setenv(name.upper(), value)
    outcome = run_here(capsys, "doctor")
    assert outcome.code == 0
    assert "ok       settings: the environment: " in outcome.stdout
    monkeypatch.setenv("ROLESANYWHERE_PRIVATE_KEY", str(tmp_path / "none.key"))
    first = run_here(capsys, "doctor").stdout.splitlines()[0]
    assert first.endswith("none.key' (ROLESANYWHERE_PRIVATE_KEY)")


def test_roles_beyond_are_part_of_the_way(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.write_keys()
    over = "[profile reports]\nrole_arn = arn:aws:iam::210987654321:role/reports\nsource_profile = iam\n"
    site.config.write_text(site.config.read_text() + over)
    site.monkeypatch.setenv("AWS_ENDPOINT_URL_STS", site.world.service.url)
    outcome = run_here(capsys, "doctor", "--profile", "reports")
    # The local service has no role of another account.
    assert outcome.stdout.startswith("error: AssumeRole of arn:aws:iam::210987654321:role/reports: AccessDenied: ")
    assert "ok       create-session: " in outcome.stdout

    end = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {"AccessKeyId": "ASIA2", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end}
    keys = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    assumed = f"<X><AssumeRoleResult><Credentials>{keys}</Credentials></AssumeRoleResult></X>"
    identity = "<Arn>arn:aws:sts::210987654321:assumed-role/reports/x</Arn>"
    with raw_server(http(200, assumed.encode()), http(200, identity.encode())) as sts:
        site.monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        outcome = run_here(capsys, "doctor", "--profile", "reports")
    assert warnings_of(outcome, site) == []
    assert "ok       assume-role: arn:aws:iam::210987654321:role/reports\n" in outcome.stdout
    assert "ok       caller-identity: arn:aws:sts::210987654321:assumed-role/reports/x " in outcome.stdout
    assert "Credential=ASIA2/" in sts.received[1].header("authorization")
