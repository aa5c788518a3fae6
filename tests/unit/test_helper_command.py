"""The official helper's command line: understood, or refused with the exact place."""

from __future__ import annotations

import contextlib

import botocore.compat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.helper_command import SESSION_FLAGS, is_helper_command, parse_helper_command

ARNS = (
    "--trust-anchor-arn arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a "
    "--profile-arn arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p --role-arn arn:aws:iam::123456789012:role/r"
)
HELPER = "/opt/aws_signing_helper credential-process"
LINE = f"{HELPER} --certificate client.pem --private-key client.key {ARNS}"
FLAGS = {
    "certificate": "client.pem",
    "private-key": "client.key",
    "trust-anchor-arn": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a",
    "profile-arn": "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p",
    "role-arn": "arn:aws:iam::123456789012:role/r",
}


def parse(line: str, *, windows: bool = False) -> dict[str, str | int | bool]:
    return parse_helper_command(line, "credential_process of profile 'x'", windows=windows)


def refused(line: str, *, windows: bool = False) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(line, windows=windows)
    assert "credential_process of profile 'x'" in str(caught.value)
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (LINE, {}),
        (LINE.replace("/opt/aws_signing_helper", "./aws_signing_helper.exe"), {}),
        (LINE.replace("/opt/aws_signing_helper", "'/opt/with space/rolesanywhere-signer'"), {}),
        (LINE.replace("/opt/aws_signing_helper", "anything"), {}),
        (LINE.replace("-arn ", "-arn=").replace("client.pem", "'client.pem'"), {}),
        (f"  {LINE}\t--debug  ", {"debug": True}),
        (f"{LINE} --no-verify-ssl --with-proxy --debug --region us-east-1", {
            "no-verify-ssl": True, "with-proxy": True, "debug": True, "region": "us-east-1"
        }),
        (f"{LINE} --with-proxy=false --no-verify-ssl=0", {"with-proxy": False, "no-verify-ssl": False}),
        (f"{LINE} --session-duration 900 --session-duration=43200", {"session-duration": 43200}),
        (f"{LINE} --certificate other.pem", {"certificate": "other.pem"}),
        (f"{LINE} --debug --debug=false", {"debug": False}),
        (f"{LINE} --pkcs8-password 'a b'", {"pkcs8-password": "a b"}),
        (f"{LINE} --role-session-name a=b", {"role-session-name": "a=b"}),
        (f"{LINE} --pkcs8-password=--dashes", {"pkcs8-password": "--dashes"}),
        (f"{LINE} --intermediates chain.pem --endpoint http://127.0.0.1:8080", {
            "intermediates": "chain.pem", "endpoint": "http://127.0.0.1:8080"
        }),
        (f"{LINE} --reuse-pin=false", {"reuse-pin": False}),
        (f"{LINE} --pkcs11-lib /p11.so --reuse-pin", {"pkcs11-lib": "/p11.so", "reuse-pin": True}),
    ],
)  # fmt: skip
def test_lines_that_are_understood(line: str, more: dict[str, str | int | bool]) -> None:
    assert is_helper_command(line)
    assert parse(line) == {**FLAGS, **more}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        # A shell's lines, pasted: with the backslashes, with some, with none.
        (f"{HELPER} \\", "ends with a backslash"),
        (f"{HELPER} \\\n--certificate planted \\\n--private-key planted", "several lines, --certificate stands"),
        (f"\n{HELPER} --certificate planted\n--role-arn planted", "several lines, --role-arn stands"),
        (f"{HELPER} --certificate a \\\nplanted", "goes over several lines"),
        (f"{LINE} \\  ", "ends with a backslash"),
        # Flags.
        (f"{LINE} --certifcate planted", "--certifcate is unknown\nhint: is --certificate meant"),
        (f"{LINE} --pkcs11-pin planted", "--pkcs11-pin is unknown"),
        (f"{LINE} --profile planted", "--profile is unknown"),
        (f"{LINE} --port 9911", "--port is unknown"),
        (f"{LINE} --Region=planted", "--Region is unknown"),
        (f"{LINE} --{'planted' * 10}", "after --role-arn is unknown"),
        (f"{LINE} -certificate planted", "after --role-arn\nhint: flags begin with two plain hyphens"),
        (f"{LINE} \N{EN DASH}certificate planted", "after --role-arn\nhint: flags begin with two plain hyphens"),
        (f"{LINE} --", "after --role-arn"),
        (f"{LINE} --=planted", "after --role-arn"),
        (f"{LINE} -h", "after --role-arn"),
        # Values.
        (f"{LINE} --certificate", "--certificate has no value"),
        (f"{HELPER} --certificate --private-key planted", "--certificate has no value"),
        (f"{LINE} --pkcs8-password --planted", "--pkcs8-password has no value"),
        (f"{LINE} --region ''", "--region has an empty value"),
        (f"{LINE} --private-key=", "--private-key has an empty value"),
        (f"{LINE} --session-duration 1h", "--session-duration must be a whole number"),
        (f"{LINE} --session-duration=-900", "--session-duration must be a whole number"),
        (f"{LINE} --debug=yes", "--debug must be true or false"),
        (f"{LINE} --debug true", "stands after --debug"),
        # Words.
        (f"{LINE} planted", "stands after --role-arn"),
        (f"{HELPER} planted --certificate a", "stands after credential-process"),
        (f"{HELPER} --role-arn arn:aws:iam::123456789012:role/my planted", "stands after --role-arn"),
        (f"{LINE} --pkcs8-password half planted", "stands after --pkcs8-password"),
        (f"{LINE} --pkcs8-password half --planted", "the flag after --pkcs8-password is unknown"),
        (f"{LINE} --pkcs8-password='planted", "a quotation mark is not closed"),
        (f'{LINE} --region "planted', "a quotation mark is not closed"),
        # Not the helper's credential-process, or not the program itself.
        ("/opt/aws_signing_helper", "must be credential-process"),
        (f"/opt/aws_signing_helper serve {ARNS}", "must be credential-process"),
        (f"sudo -u planted {LINE}", "must be credential-process"),
        (f'sh -c "{LINE}"', "must be credential-process"),
        ("", "must be credential-process"),
        # What is known and not there.
        (f"{HELPER} --cert-selector file://planted.json {ARNS}", "--cert-selector needs the operating system's"),
        (f"{HELPER} --system-store-name MY {ARNS}", "--system-store-name needs the operating system's"),
        (f"{HELPER} --use-latest-expiring-certificate", "-expiring-certificate needs the operating system's"),
        # The user guide writes this selector without quotation marks.
        (f"{HELPER} --cert-selector Key=x509Subject,Value=a Key=x509Issuer,Value=planted", "after --cert-selector"),
    ],
)  # fmt: skip
def test_lines_that_are_refused_with_the_place(line: str, said: str) -> None:
    assert said in refused(line)


# The official helper's table, each pair once.
EXCLUDED = [
    "certificate|cert-selector",
    "certificate|system-store-name",
    "private-key|cert-selector",
    "private-key|system-store-name",
    "private-key|use-latest-expiring-certificate",
    "use-latest-expiring-certificate|intermediates",
    "use-latest-expiring-certificate|reuse-pin",
    "cert-selector|intermediates",
    "cert-selector|reuse-pin",
    "system-store-name|reuse-pin",
    "tpm-key-password|cert-selector",
    "tpm-key-password|reuse-pin",
    "no-tpm-key-password|cert-selector",
    "no-tpm-key-password|tpm-key-password",
    "pkcs8-password|tpm-key-password",
    # Ours.
    "cert-directory|certificate",
    "cert-directory|private-key",
    "cert-directory|intermediates",
    "cert-directory|system-store-name",
    "passphrase-file|pkcs8-password",
    "passphrase-file|tpm-key-password",
    "passphrase-file|no-tpm-key-password",
    "ca-bundle|no-verify-ssl",
    *(
        f"signing-command|{other}"
        for other in (
            *("private-key", "passphrase-file", "pkcs8-password", "pkcs11-lib", "reuse-pin"),
            *("tpm-key-password", "no-tpm-key-password", "cert-directory", "cert-selector", "system-store-name"),
            "use-latest-expiring-certificate",
        )
    ),
]


@pytest.mark.parametrize("pair", EXCLUDED)
def test_flags_that_exclude_each_other(pair: str) -> None:
    first, second = pair.split("|")
    for names in ((first, second), (second, first)):
        flags = " ".join(f"--{name}" if SESSION_FLAGS[name].alone else f"--{name} planted" for name in names)
        message = refused(f"{HELPER} {flags}")
        assert "exclude each other" in message
        assert f"--{first}" in message
        assert f"--{second}" in message


@pytest.mark.parametrize(
    "flags",
    [
        "--cert-directory /etc/client",
        "--cert-directory /etc/client --cert-selector file://selector.json --use-latest-expiring-certificate",
        "--certificate a --use-latest-expiring-certificate",
        "--use-latest-expiring-certificate=false",
    ],
)
def test_a_certificate_is_chosen_in_a_directory_or_not_at_all(flags: str) -> None:
    assert parse(f"{HELPER} {flags}")


def test_no_other_flags_exclude_each_other() -> None:
    pairs = {frozenset(pair.split("|")) for pair in EXCLUDED}
    for first in SESSION_FLAGS:
        for second in SESSION_FLAGS:
            if first != second and frozenset((first, second)) not in pairs:
                flags = [f"--{n}=false" if SESSION_FLAGS[n].alone else f"--{n}=1" for n in (first, second)]
                try:
                    parse(" ".join([HELPER, *flags]))
                except ConfigurationError as error:
                    assert "exclude" not in error.message, (first, second)


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])
def test_switches_are_read_as_go_reads_them(text: str) -> None:
    assert parse(f"{LINE} --debug={text}")["debug"] is (text.lower() in ("1", "t", "true"))


@pytest.mark.parametrize("text", ["tRUE", "yes", "on", "2", " true", "\N{FULLWIDTH LATIN SMALL LETTER T}rue"])
def test_other_words_for_true_are_refused(text: str) -> None:
    assert "must be true or false" in refused(f"{LINE} '--debug={text}'")


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("cat /credentials.json", False),
        ("aws-vault export --format=json x", False),
        ("granted credential-process --profile x", False),
        ("/opt/aws_signing_helper", True),
        ("sudo aws_signing_helper credential-process", True),
        ("renamed credential-process --trust-anchor-arn a", True),
    ],
)
def test_whose_line_it_is(line: str, ours: bool) -> None:
    assert is_helper_command(line) is ours


def test_windows_paths_keep_their_backslashes() -> None:
    line = f'"C:\\Program Files\\aws_signing_helper.exe" credential-process --certificate C:\\pki\\c.pem {ARNS}'
    assert parse(line, windows=True)["certificate"] == "C:\\pki\\c.pem"
    assert "not closed" in refused(f'{line} --region "planted', windows=True)


@given(st.lists(st.sampled_from(['"', "\\", " ", "\t", "a", "'", '\\"', '""', "b c"]), max_size=12).map("".join))
def test_windows_words_are_split_as_botocore_splits_them(text: str) -> None:
    line = f"{HELPER} --region=x{text}.".replace("\\.", ".")
    try:
        words = botocore.compat.compat_shell_split(line, "win32")
    except ValueError:
        assert "not closed" in refused(line, windows=True)
        return
    if len(words) == 3:
        assert parse(line, windows=True) == {"region": words[2].removeprefix("--region=")}
    else:
        assert "after --region" in refused(line, windows=True)


WORDS = st.one_of(
    st.sampled_from([f"--{name}" for name in SESSION_FLAGS]),
    st.sampled_from(["=", "true", "'", '"', "\\", "\n", "-", "--", "pkcs11:", " ", "planted"]),
    st.text(max_size=5),
)


@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", "", "="]), st.booleans())
def test_any_line_is_understood_or_refused_without_a_secret(words: list[str], joint: str, windows: bool) -> None:
    try:
        parse(f"{HELPER} --pkcs8-password planted {' '.join(words)}", windows=windows)
    except ConfigurationError as error:
        assert "planted" not in str(error)
    for line in (joint.join(words), f"{HELPER} {joint.join(words)}"):
        with contextlib.suppress(ConfigurationError):
            parse(line, windows=windows)


@given(st.text())
def test_the_password_is_never_shown(rest: str) -> None:
    try:
        parse(f"{LINE} --pkcs8-password planted{rest}")
    except ConfigurationError as error:
        assert "planted" not in str(error)
