"""Settings from a profile or the environment: each option typed, what wins over what, and what is said instead."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import ConfigurationError, PassphraseError
from rolesanywhere_signer.assembly import SessionOptions
from rolesanywhere_signer.profiles import (
    Options,
    PassphraseFile,
    chained_profile,
    options_from_environment,
    options_from_profile,
    resolve,
)
from rolesanywhere_signer.profiles.options import PARSERS
from tests.support.aws_profiles import (
    ANCHOR,
    ARNS,
    KEYS,
    LINE,
    PEM,
    PROFILE,
    ROLE,
    config_environment,
    refused,
    variables,
)

Configure = Callable[..., dict[str, str]]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Return a function that writes a config file and returns an environment that names it."""
    return functools.partial(config_environment, tmp_path)


# --- Each option ---------------------------------------------------------------------------------------------------

TYPED: list[tuple[str, str, str, object]] = [
    ("certificate", "~/client.pem", "certificate", os.path.expanduser("~/client.pem")),
    ("private_key", "keys/client.key", "private_key", "keys/client.key"),
    ("intermediates", "/etc/chain.pem", "intermediates", "/etc/chain.pem"),
    ("trust_anchor", "~/root.pem", "trust_anchor", os.path.expanduser("~/root.pem")),
    ("ca_bundle", "~/proxy.pem", "verify", os.path.expanduser("~/proxy.pem")),
    ("certificate", "pkcs11:token=card", "certificate", "pkcs11:token=card"),
    ("pkcs11_module", "~/p11.so", "pkcs11_module", os.path.expanduser("~/p11.so")),
    ("reuse_pin", "true", "reuse_pin", True),
    ("trust_anchor_arn", ANCHOR, "trust_anchor_arn", ANCHOR),
    ("profile_arn", PROFILE, "profile_arn", PROFILE),
    ("role_arn", ROLE, "role_arn", ROLE),
    ("signing_command", "sign --key 'a b' $HOME", "signing_command", ["sign", "--key", "a b", "$HOME"]),
    ("signing_command", "'/opt/my tools/sign' 'a b'", "signing_command", ["/opt/my tools/sign", "a b"]),
    ("region", "us-east-1", "region", "us-east-1"),
    ("role_session_name", "app", "role_session_name", "app"),
    ("endpoint_url", "https://host", "endpoint_url", "https://host"),
    ("duration_seconds", "900", "duration_seconds", 900),
    ("max_attempts", "1", "max_attempts", 1),
    ("connect_timeout_seconds", "2.5", "connect_timeout_seconds", 2.5),
    ("read_timeout_seconds", "30", "read_timeout_seconds", 30.0),
    ("use_fips_endpoint", "true", "use_fips_endpoint", True),
    ("use_dualstack_endpoint", "False", "use_dualstack_endpoint", False),
    ("cache", "true", "cache", True),
    ("cache", "false", "cache", False),
    ("cache", "~/cache", "cache", os.path.expanduser("~/cache")),
]


@pytest.mark.parametrize(("name", "text", "argument", "value"), TYPED)
def test_an_option_of_either_source(configure: Configure, name: str, text: str, argument: str, value: object) -> None:
    environment = configure(f"[profile x]\nrolesanywhere_{name} = {text}\n")
    for options in (options_from_profile("x", environment), options_from_environment(variables(**{name: text}))):
        assert options.values == {argument: value}
        assert type(options.values[argument]) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "argument", "value"),
    [
        ("certificate_pem", PEM, "certificate", PEM.encode()),
        ("private_key_pem", PEM.replace("\n", "\\n"), "private_key", PEM.encode()),
        ("intermediates_pem", PEM, "intermediates", PEM.encode()),
        ("passphrase", " any text\n", "passphrase", " any text\n"),
    ],
)
def test_content_stands_in_the_environment_alone(
    configure: Configure, name: str, text: str, argument: str, value: object
) -> None:
    assert options_from_environment(variables(**{name: text})).values == {argument: value}
    message = refused(lambda: options_from_profile("x", configure(f"[profile x]\nrolesanywhere_{name} = planted")))
    assert f"rolesanywhere_{name} in profile 'x'" in message


def test_every_option_has_a_row_above() -> None:
    content = {"certificate_pem", "private_key_pem", "intermediates_pem", "passphrase", "passphrase_file"}
    assert {row[0] for row in TYPED} | content == set(PARSERS)


def test_every_option_is_an_argument() -> None:
    assert {row[2] for row in TYPED} <= set(SessionOptions.__annotations__)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("certificate", PEM, "holds PEM text"),
        ("private_key", PEM.replace("\n", "\\n"), "holds PEM text"),
        ("certificate_pem", "/etc/planted.pem", "holds no PEM text"),
        ("private_key_pem", "planted", "holds no PEM text"),
        ("region", "'planted'", "quotation marks"),
        ("region", " ", "must be one line"),
        ("role_arn", "planted\nplanted", "must be one line"),
        ("duration_seconds", "planted", "whole number"),
        ("duration_seconds", "1e3", "whole number"),
        ("duration_seconds", "\N{FULLWIDTH DIGIT NINE}00", "whole number"),
        ("max_attempts", "-1", "whole number"),
        ("max_attempts", "9" * 5000, "whole number"),
        ("connect_timeout_seconds", "nan", "number of seconds"),
        ("read_timeout_seconds", "-5", "number of seconds"),
        ("use_fips_endpoint", "yes", "true or false"),
        ("use_dualstack_endpoint", "1", "true or false"),
        ("passphrase_file", "/no/such/file", "cannot read the passphrase file"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(configure: Configure, name: str, text: str, said: str) -> None:
    message = refused(lambda: options_from_environment(variables(**{name: text})))
    assert f"ROLESANYWHERE_{name.upper()} (the environment)" in message
    assert said in message
    if not name.endswith("_pem"):
        indented = text.replace("\n", "\n  ")
        environment = configure(f"[profile x]\nrolesanywhere_{name} = {indented}")
        message = refused(lambda: options_from_profile("x", environment))
        assert f"rolesanywhere_{name} (profile 'x' in" in message
        assert said in message or not text.strip()


def test_text_that_no_path_can_be_is_left_to_whoever_opens_it() -> None:
    assert options_from_environment(variables(certificate="~\0")).values == {"certificate": "~\0"}
    assert "must be one line" in refused(lambda: options_from_environment(variables(certificate="a\rb")))


@pytest.mark.parametrize(
    "names", [("certificate", "certificate_pem"), ("private_key_pem", "private_key"), ("passphrase", "passphrase_file")]
)
def test_two_spellings_of_one_option_exclude_each_other(tmp_path: Path, names: tuple[str, str]) -> None:
    (tmp_path / "file").write_text("planted")
    texts = {name: PEM if name.endswith("_pem") else str(tmp_path / "file") for name in names}
    message = refused(lambda: options_from_environment(variables(**texts)))
    assert "exclude each other" in message
    assert all(f"ROLESANYWHERE_{name.upper()}" in message for name in names)


class TestAPassphraseFile:
    @pytest.mark.parametrize(
        ("content", "passphrase"),
        [(b"a b \n", "a b "), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"a\r", "a\r"), (b"", ""), (b"\xe9", "\udce9")],
    )
    def test_the_last_line_feed_is_dropped(self, tmp_path: Path, content: bytes, passphrase: str) -> None:
        (tmp_path / "file").write_bytes(content)
        assert PassphraseFile(str(tmp_path / "file"))() == passphrase

    def test_it_is_read_again_when_it_is_asked(self, configure: Configure, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("planted\n")
        environment = configure(f"[profile x]\nrolesanywhere_passphrase_file = {file}")
        options = options_from_profile("x", environment)
        passphrase = options.values["passphrase"]
        assert isinstance(passphrase, PassphraseFile)
        file.write_text("renewed\n")
        assert passphrase() == "renewed"
        file.unlink()
        with pytest.raises(PassphraseError, match="cannot read the passphrase file"):
            passphrase()
        assert b"planted" not in pickle.dumps(options)


def test_unknown_keys_are_refused_with_the_nearest(configure: Configure) -> None:
    environment = configure("[profile x]\nrolesanywhere_certifcate = planted")
    message = refused(lambda: options_from_profile("x", environment))
    assert "'rolesanywhere_certifcate' in profile 'x'" in message
    assert "is rolesanywhere_certificate meant?" in message
    environment = configure("[profile x]\nrolesanywhere_zzz = planted")
    assert "is unknown\n" in refused(lambda: options_from_profile("x", environment))


def test_unknown_variables_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    found = options_from_environment(variables(certifcate="planted", region="us-east-1", role_arn=""))
    assert found.values == {"region": "us-east-1"}
    assert [record.getMessage() for record in caplog.records] == [
        "the environment variable 'ROLESANYWHERE_CERTIFCATE' is unknown; is ROLESANYWHERE_CERTIFICATE meant?"
    ]


def test_a_secret_is_not_shown() -> None:
    made = options_from_environment(variables(passphrase="planted", private_key_pem=PEM))
    assert "planted" not in f"{made!r} {made}"


# --- The helper's line ---------------------------------------------------------------------------------------------

PLAIN = {"certificate": "line.pem", **ARNS, "duration_seconds": 3600, "proxies": {}}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", PLAIN),
        ("--private-key ~/c.key", {**PLAIN, "private_key": os.path.expanduser("~/c.key")}),
        ("--session-duration 900", {**PLAIN, "duration_seconds": 900}),
        ("--endpoint http://127.0.0.1:1", {**PLAIN, "endpoint_url": "http://127.0.0.1:1"}),
        ("--no-verify-ssl", {**PLAIN, "verify": False}),
        ("--no-verify-ssl=false --debug", PLAIN),
        ("--with-proxy", {name: value for name, value in PLAIN.items() if name != "proxies"}),
        ("--with-proxy=f", PLAIN),
        ("--region us-east-1 --role-session-name app", {**PLAIN, "region": "us-east-1", "role_session_name": "app"}),
        ("--pkcs8-password 'a b'", {**PLAIN, "passphrase": "a b"}),
        ("--intermediates ~/i.pem", {**PLAIN, "intermediates": os.path.expanduser("~/i.pem")}),
    ],
)
def test_the_line_does_what_the_helper_does(configure: Configure, flags: str, expected: dict[str, object]) -> None:
    environment = configure(f"[default]\n{LINE} {flags}\n")
    assert options_from_profile("default", environment).values == expected
    assert resolve({}, profile=None, environment=environment).values == expected


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (f"{LINE} \\", "credential_process of profile 'x' in {path!r} ends with a backslash"),
        (f"{LINE} \\\n  --private-key planted", "goes over several lines, --private-key stands at the start of one"),
        (f"{LINE} \\\n--private-key planted", "profile 'x' in {path!r}: line 3 (--private-key) is neither"),
        (f"{LINE}\n--endpoint https://planted", "profile 'x' in {path!r}: --endpoint begins a line of its own"),
        (f"{LINE}\n--planted: a", "a flag begins a line of its own"),
        (f"{LINE} --private-keys planted", "the flag --private-keys is unknown"),
        (f"{LINE} --private-key", "--private-key has no value"),
        (f"{LINE} planted", "stands after --role-arn"),
        (LINE.replace(f"--role-arn {ROLE}", ""), "credential_process of profile 'x' in {path!r} lacks --role-arn"),
        (LINE.replace("--certificate line.pem", ""), "lacks --certificate"),
        ("credential_process =\n  aws_signing_helper credential-process --certificate planted", "several lines"),
        ("credential_process = sudo aws_signing_helper credential-process", "must be credential-process"),
        ("rolesanywhere_region = planted", "profile 'x' in {path!r} lacks rolesanywhere_certificate and"),
        (KEYS.replace("_role_arn", "_rolearn"), "is rolesanywhere_role_arn meant"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_broken_profile_is_refused_with_its_place(configure: Configure, profile: str, said: str, named: bool) -> None:
    environment = configure(f"[profile x]\n{profile}\n", AWS_PROFILE="x")
    message = refused(lambda: resolve({}, profile="x" if named else None, environment=environment))
    assert said.format(path=environment["AWS_CONFIG_FILE"]) in message


def test_keys_stand_beside_the_line_of_another_program(configure: Configure) -> None:
    environment = configure(f"[profile x]\ncredential_process = cat planted.json\n{KEYS}")
    assert options_from_profile("x", environment).values == {"certificate": "keys.pem", **ARNS}


def test_complete_keys_leave_the_line_unread(configure: Configure) -> None:
    for line in (f"{LINE} --no-verify-ssl --region us-east-1", f"{LINE} --broken"):
        environment = configure(f"[profile x]\n{line}\n{KEYS}")
        assert options_from_profile("x", environment).values == {"certificate": "keys.pem", **ARNS}


def test_other_keys_override_the_line(configure: Configure) -> None:
    keys = "rolesanywhere_cache = true\nrolesanywhere_duration_seconds = 900"
    environment = configure(f"[profile x]\n{LINE}\n{keys}")
    assert options_from_profile("x", environment).values == {**PLAIN, "cache": True, "duration_seconds": 900}


# --- Any input -----------------------------------------------------------------------------------------------------

PIECES = [
    "[profile x]\n",
    "rolesanywhere_",
    *PARSERS,
    " = ",
    "\n",
    "credential_process",
    LINE,
    KEYS,
    "role_arn",
    "~",
    "\\",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=15))
def test_any_profile_is_understood_or_refused_without_a_secret(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-profile"
    text = f"[profile x]\n{LINE} --pkcs8-password planted\n" + "".join(pieces)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    environment = {"AWS_CONFIG_FILE": str(path)}
    for call in (
        lambda: repr(resolve({}, profile="x", environment=environment)),
        lambda: repr(chained_profile("x", environment)),
    ):
        try:
            shown = call()
        except ConfigurationError as error:
            shown = str(error)
        assert "planted" not in shown
        shown.encode()


@given(st.dictionaries(st.sampled_from(sorted(PARSERS)), st.text(), max_size=5))
def test_any_environment_is_understood_or_refused(texts: dict[str, str]) -> None:
    with contextlib.suppress(ConfigurationError):
        options_from_environment(variables(**texts))


def test_nothing_is_logged_of_a_complete_profile(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    resolve({}, profile="x", environment=configure(f"[profile x]\n{LINE} --pkcs8-password planted"))
    assert caplog.records == []


def test_options_are_equal_and_pickled_by_value(configure: Configure) -> None:
    made = options_from_profile("x", configure(f"[profile x]\n{KEYS}"))
    assert pickle.loads(pickle.dumps(made)) == made
    assert made != Options(made.source, {}, made.spell)


def test_importing_it_is_light() -> None:
    script = (
        "import sys, rolesanywhere_signer.profiles; "
        "print([name for name in ('botocore', 'requests', 'cryptography', 'urllib3') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
