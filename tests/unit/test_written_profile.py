"""Flags as a profile: every SDK must read back what was meant, and no other byte of the file may change."""

from __future__ import annotations

import configparser
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import botocore.compat
import botocore.configloader
import pytest

from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.flags import Given
from rolesanywhere_signer.helper_command import SESSION_FLAGS, parse_helper_command
from rolesanywhere_signer.profiles import key_of_flag, options_from_profile
from rolesanywhere_signer.written_profile import (
    check_profile_name,
    join_words,
    keys_of_flags,
    line_of_flags,
    line_of_profile,
    write_profile,
)
from tests.support.aws_profiles import ANCHOR, ARNS, PROFILE, ROLE, config_environment, refused

PROGRAM = "/opt/bin/rolesanywhere-signer"
FLAGS: dict[str, Any] = {
    "certificate": "/pki/client.pem",
    "private-key": "/pki/client.key",
    "intermediates": "/pki/chain.pem",
    "trust-anchor-arn": ANCHOR,
    "profile-arn": PROFILE,
    "role-arn": ROLE,
    "session-duration": 900,
    "region": "eu-west-1",
    "endpoint": "https://rolesanywhere.eu-west-1.amazonaws.com",
    "role-session-name": "machine-7",
    "passphrase-file": "/pki/passphrase",
    "cache": True,
    "trust-anchor": "/pki/root.pem",
    "ca-bundle": "/pki/bundle.pem",
}
MINIMAL = {name: FLAGS[name] for name in ("certificate", "trust-anchor-arn", "profile-arn", "role-arn")}
VALUES = {f"rolesanywhere_{name}": value for name, value in {"certificate": "/pki/client.pem", **ARNS}.items()}


class TestKeys:
    def test_every_flag_has_its_key(self) -> None:
        assert keys_of_flags(FLAGS) == {
            "rolesanywhere_certificate": "/pki/client.pem",
            "rolesanywhere_private_key": "/pki/client.key",
            "rolesanywhere_intermediates": "/pki/chain.pem",
            "rolesanywhere_trust_anchor_arn": ANCHOR,
            "rolesanywhere_profile_arn": PROFILE,
            "rolesanywhere_role_arn": ROLE,
            "rolesanywhere_duration_seconds": "900",
            "rolesanywhere_region": "eu-west-1",
            "rolesanywhere_endpoint_url": "https://rolesanywhere.eu-west-1.amazonaws.com",
            "rolesanywhere_role_session_name": "machine-7",
            "rolesanywhere_passphrase_file": "/pki/passphrase",
            "rolesanywhere_cache": "true",
            "rolesanywhere_trust_anchor": "/pki/root.pem",
            "rolesanywhere_ca_bundle": "/pki/bundle.pem",
        }

    def test_those_without_one_are_known(self) -> None:
        without = {name for name, flag in SESSION_FLAGS.items() if flag.missing is None and key_of_flag(name) is None}
        assert without == {
            *("debug", "no-verify-ssl", "pkcs8-password", "with-proxy", "tpm-key-password", "no-tpm-key-password"),
            *("cert-directory", "cert-selector", "use-latest-expiring-certificate"),
        }

    def test_paths_become_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", "/home/app")
        keys = keys_of_flags({"certificate": "client.pem", "private-key": "~/client.key", "cache": "../cache"})
        assert keys == {
            "rolesanywhere_certificate": str(tmp_path / "client.pem"),
            "rolesanywhere_private_key": "/home/app/client.key",
            "rolesanywhere_cache": str(tmp_path.parent / "cache"),
        }

    def test_tls_cannot_be_turned_off(self) -> None:
        assert "--style process" in refused(lambda: keys_of_flags({"no-verify-ssl": True}))
        assert keys_of_flags({"no-verify-ssl": False}) == {}


class TestLine:
    """A line must be split into the same words by everybody who reads it."""

    def test_it_is_read_back_as_it_was_given(self) -> None:
        given = {**FLAGS, "with-proxy": True, "no-verify-ssl": True, "debug": True}
        del given["ca-bundle"]
        line = line_of_flags(given, PROGRAM)
        assert line.startswith(f"{PROGRAM} credential-process --certificate /pki/client.pem --private-key ")
        assert dict(parse_helper_command(line, "the line")) == {
            name: value for name, value in given.items() if name != "debug"
        }

    @pytest.mark.parametrize(
        "path",
        [
            "/with space/client.pem", "/it's/client.pem", '/with "quotes"/client.pem', "/back\\slash.pem",
            "/$HOME/`x`.pem",
            "/a;b&c|d/(e)[f]*?.pem", "/büro/ключ.pem", "/100%/client.pem", "/a#b.pem", "/-leading.pem", "/trailing\\",
        ],
    )  # fmt: skip
    def test_odd_paths(self, path: str) -> None:
        line = line_of_flags({**MINIMAL, "certificate": path}, "/my programs/signer's")
        for split in (shlex.split, botocore.compat.compat_shell_split):
            words = split(line)
            assert words[:4] == ["/my programs/signer's", "credential-process", "--certificate", path]
        # The Go, Java and JavaScript SDKs hand the line to a shell.
        shown = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, check=True).stdout
        assert shown.decode().split("\n")[3] == path
        assert keys_of_flags({"certificate": path}) == {"rolesanywhere_certificate": path}

    @pytest.mark.parametrize("path", ["C:\\Program Files\\client.pem", 'C:\\a "b".pem', "C:\\it's.pem"])
    def test_windows(self, path: str) -> None:
        line = join_words(["C:\\Program Files\\signer.exe", "credential-process", "--certificate", path], windows=True)
        assert dict(parse_helper_command(line, "the line", windows=True)) == {"certificate": path}
        assert botocore.compat.compat_shell_split(line, "win32")[3] == path

    @pytest.mark.parametrize("cache", [None, True, "/var/cache/aws"])
    def test_of_a_profile(self, cache: Any) -> None:
        words = shlex.split(line_of_profile("iam", PROGRAM, cache))
        assert words[:4] == [PROGRAM, "credential-process", "--profile", "iam"]
        assert words[4:] == {None: [], True: ["--cache"]}.get(cache, [f"--cache={cache}"])

    @pytest.mark.parametrize("path", ["/a #b.pem", "/a ;b.pem", "/a\t#.pem"])
    def test_what_is_a_comment_to_some_is_refused(self, path: str) -> None:
        for make in (keys_of_flags, lambda flags: line_of_flags(flags, PROGRAM)):
            assert "comment" in refused(lambda make=make: make({"certificate": path}))  # type: ignore[misc]


class TestFile:
    def write(self, directory: Path, before: str | None, name: str = "iam", **options: Any) -> str:
        environment = config_environment(directory, before or "")
        path = Path(environment["AWS_CONFIG_FILE"])
        if before is None:
            path.unlink()
        write_profile(name, VALUES, "eu-west-1", environment, **{"replace": False, **options})
        return path.read_bytes().decode()

    def test_a_new_file_is_private_and_has_the_profile_alone(self, tmp_path: Path) -> None:
        lines = "".join(f"{key} = {value}\n" for key, value in VALUES.items())
        assert self.write(tmp_path, None) == f"[profile iam]\n{lines}region = eu-west-1\n"
        assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o600

    def test_default_has_a_header_of_its_own(self, tmp_path: Path) -> None:
        assert self.write(tmp_path, None, "default").startswith("[default]\n")

    def test_others_stay_as_they_are(self, tmp_path: Path) -> None:
        before = "# mine\r\n[profile other]\r\nregion=us-east-1 \r\n\r\n[broken\r\nnonsense"
        after = self.write(tmp_path, before)
        assert after.startswith(before + "\r\n")
        assert "\r\n[profile iam]\r\n" in after

    def test_a_profile_that_is_there_is_refused(self, tmp_path: Path) -> None:
        before = "[profile iam]\nregion = us-east-1\n"
        message = refused(lambda: self.write(tmp_path, before))
        assert "there is a profile 'iam'" in message
        assert "--force" in message
        assert (tmp_path / "config").read_text() == before

    def test_its_keys_of_ours_are_replaced_and_all_others_kept(self, tmp_path: Path) -> None:
        before = (
            "[profile iam]\nregion = us-east-1\nrolesanywhere_private_key = old.key\nrolesanywhere_certifcate = typo\n"
            "# a comment\nCredential_Process = other\n  program\noutput = json\n"
        )
        after = self.write(tmp_path, before, replace=True)
        for kept in ("region = us-east-1\n", "# a comment\n", "output = json\n"):
            assert kept in after
        assert "old.key" not in after
        assert "typo" not in after
        assert "program" not in after
        assert after.count("region") == 1

    def test_another_spelling_of_the_header_is_the_same_profile(self, tmp_path: Path) -> None:
        after = self.write(tmp_path, '[profile "iam"]\noutput = json\n', replace=True)
        assert after.startswith('[profile "iam"]\noutput = json\nrolesanywhere_certificate = ')
        assert after.count("[") == 1

    @pytest.mark.parametrize(
        ("before", "why"),
        [
            ("[profile iam]\nstray line\n", "line 2"),
            ("[profile iam]\nregion = x\n[profile iam]\nregion = y\n", "written twice"),
            ("[profile iam]\nsource_profile = base\nrole_arn = x\n", "takes its credentials from profile 'base'"),
            ("[DEFAULT]\nrolesanywhere_private_key = everybody.key\n[profile iam]\n", "would not say what it should"),
        ],
    )
    def test_what_would_not_be_read_back_is_not_written(self, tmp_path: Path, before: str, why: str) -> None:
        assert why in refused(lambda: self.write(tmp_path, before, replace=True))
        assert (tmp_path / "config").read_text() == before

    def test_botocore_and_we_read_back_the_same(self, tmp_path: Path) -> None:
        environment = config_environment(tmp_path, "[default]\nregion = us-east-1\n")
        passphrase = tmp_path / "passphrase"
        passphrase.touch()
        given = {**FLAGS, "passphrase-file": str(passphrase)}
        values = {**keys_of_flags(given), "credential_process": line_of_profile("iam", PROGRAM, cache=True)}
        write_profile("iam", values, "eu-west-1", environment, replace=False)
        loaded = botocore.configloader.load_config(environment["AWS_CONFIG_FILE"])
        assert loaded["profiles"]["iam"] == {**values, "region": "eu-west-1"}
        ours = options_from_profile("iam", environment).values
        assert ours["duration_seconds"] == 900
        assert ours["cache"] is True
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(environment["AWS_CONFIG_FILE"])
        assert parser["profile iam"]["rolesanywhere_role_arn"] == ROLE

    def test_a_line_of_the_helper_is_read_back(self, tmp_path: Path) -> None:
        environment = config_environment(tmp_path, "")
        given = {name: value for name, value in FLAGS.items() if name != "debug"}
        values = {"credential_process": line_of_flags(given, PROGRAM)}
        write_profile("iam", values, "eu-west-1", environment, replace=False)
        options = options_from_profile("iam", environment)
        assert options.values["proxies"] == {}
        assert options.missing == []


@pytest.mark.parametrize("name", ["iam", "default", "a.b-c_d/e@f%g+h:i", "x" * 64, "0"])
def test_names(name: str) -> None:
    assert check_profile_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a]", "[a", "a\nb", "x" * 65, "büro", "a'b", "a\\b", "a#b"])
def test_names_that_not_everybody_finds(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of a profile"):
        check_profile_name(name)


def test_a_value_with_a_line_break_is_refused_and_not_shown(tmp_path: Path) -> None:
    values = {**VALUES, **keys_of_flags(Given({"certificate": "/planted\nkey = x"}))}
    environment = config_environment(tmp_path, "")
    assert "line break" in refused(lambda: write_profile("iam", values, "eu-west-1", environment, replace=False))
    assert (tmp_path / "config").read_bytes() == b""
