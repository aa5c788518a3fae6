"""A command in the place of a private key: its words, what it excludes, and the certificate that it goes with."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import Identity
from rolesanywhere_signer.assembly import SessionOptions, make_plan
from rolesanywhere_signer.errors import CertificateLoadError, ConfigurationError, SigningError
from rolesanywhere_signer.identities import make_identity
from rolesanywhere_signer.keys import CommandKey, sign_fixed_string
from rolesanywhere_signer.selectors import CertificateDirectory
from rolesanywhere_signer.signing_command import SigningCommandSource, command_words
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.aws_profiles import ARNS
from tests.support.external_keys import signing_command

ROOT = CertificateAuthority()
CA = ROOT.issue_ca()
LEAF = CA.issue("CN=app", key_type="P-256")
COMMAND = ["sign"]


class TestWords:
    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("sign", ["sign"]),
            ("sign --key 'a b' \"c d\" e\\ f $HOME *", ["sign", "--key", "a b", "c d", "e f", "$HOME", "*"]),
            ("'/opt/my tools/sign'", ["/opt/my tools/sign"]),
            (["/opt/my tools/sign", "", "'"], ["/opt/my tools/sign", "", "'"]),
            ((Path("/opt/sign"),), ["/opt/sign"]),
        ],
    )
    def test_text_is_split_and_words_stay(self, command: object, words: list[str]) -> None:
        assert command_words(command, windows=False) == words  # type: ignore[arg-type]

    def test_windows_has_its_own_rules(self) -> None:
        line = r'C:\tools\sign.exe --key "a b"'
        assert command_words(line, windows=True) == [r"C:\tools\sign.exe", "--key", "a b"]

    @pytest.mark.parametrize("command", ["", "  ", "''", [], [""], [7], None, 7, "planted 'open", [b"planted"]])
    def test_what_is_none(self, command: object) -> None:
        with pytest.raises(ConfigurationError) as caught:
            command_words(command, "here", windows=False)  # type: ignore[arg-type]
        assert caught.value.message.startswith("here ")
        assert "planted" not in str(caught.value)

    @given(st.text(max_size=40), st.booleans())
    def test_no_text_escapes(self, text: str, windows: bool) -> None:
        try:
            assert command_words(text, windows=windows)[0]
        except ConfigurationError as error:
            assert error.hint


class TestIdentity:
    def test_the_key_is_the_certificate_s(self, tmp_path: Path) -> None:
        words = signing_command(tmp_path, LEAF.private_key_pem)
        identity = make_identity(LEAF.certificate_pem + CA.certificate_pem, signing_command=words)
        assert isinstance(identity.current.key, CommandKey)
        assert identity.current.certificate == LEAF.certificate
        assert identity.current.chain == (CA.certificate,)
        assert sign_fixed_string(identity.current.key)

    def test_nothing_runs_until_something_is_signed(self) -> None:
        identity = make_identity(LEAF.certificate_pem, signing_command="/no/such/program")
        assert identity.load() is identity.load()
        with pytest.raises(SigningError, match="cannot be started"):
            identity.current.key.sign(b"data")

    def test_a_renewed_certificate_with_another_key(self, tmp_path: Path) -> None:
        path = tmp_path / "client.pem"
        path.write_bytes(LEAF.certificate_pem)
        identity = make_identity(path, signing_command=signing_command(tmp_path, LEAF.private_key_pem))
        before = identity.load()
        assert identity.load().key is before.key
        renewed = CA.issue("CN=app", key_type="RSA-2048")
        path.write_bytes(renewed.certificate_pem)
        signing_command(tmp_path, renewed.private_key_pem)
        assert identity.load().certificate == renewed.certificate
        assert sign_fixed_string(identity.current.key)
        path.write_bytes(b"half-writ")
        assert identity.load().certificate == renewed.certificate

    def test_intermediates_of_their_own(self) -> None:
        identity = make_identity(LEAF.certificate_pem, None, CA.certificate_pem, signing_command=COMMAND)
        assert identity.current.chain == (CA.certificate,)

    def test_its_paths(self, tmp_path: Path) -> None:
        path = tmp_path / "client.pem"
        path.write_bytes(LEAF.certificate_pem)
        source = SigningCommandSource(path, COMMAND)
        assert source.paths == (path,)
        assert source.key_path is None
        assert repr(Identity.from_source(source)) == f"<Identity of the certificate file {str(path)!r}>"

    def test_pickles(self, tmp_path: Path) -> None:
        path = tmp_path / "client.pem"
        path.write_bytes(LEAF.certificate_pem)
        words = signing_command(tmp_path, LEAF.private_key_pem)
        again = pickle.loads(pickle.dumps(make_identity(path, signing_command=words)))
        assert sign_fixed_string(again.load().key)
        with pytest.raises(ConfigurationError, match="made of bytes"):
            pickle.dumps(make_identity(LEAF.certificate_pem, signing_command=words))

    def test_pkcs12_holds_a_key_of_its_own(self) -> None:
        key, certificate = LEAF.private_key, LEAF.certificate
        content = pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, BestAvailableEncryption(b"x"))  # type: ignore[arg-type]
        with pytest.raises(CertificateLoadError, match="PKCS#12"):
            make_identity(content, signing_command=COMMAND)

    @pytest.mark.parametrize("others", [{"private_key": b"key"}, {"passphrase": "x"}])
    def test_what_it_excludes(self, others: dict[str, object]) -> None:
        with pytest.raises(ConfigurationError, match="in the place of"):
            make_identity(LEAF.certificate_pem, signing_command=COMMAND, **others)  # type: ignore[arg-type]

    def test_a_directory_is_excluded(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="directory"):
            make_identity(CertificateDirectory(tmp_path), signing_command=COMMAND)


class TestPlan:
    def plan(self, environment: dict[str, str] | None = None, **options: object) -> object:
        given: SessionOptions = {"certificate": "client.pem", **ARNS, **options}  # type: ignore[typeddict-item]
        return make_plan(None, given, environment or {}).values.get("signing_command")

    def test_arguments_take_text_or_words(self) -> None:
        assert self.plan(signing_command="sign --key a") == "sign --key a"
        assert self.plan(signing_command=COMMAND) == COMMAND

    @pytest.mark.parametrize("other", ["private_key", "passphrase"])
    def test_it_excludes_a_key_beside_it(self, other: str) -> None:
        with pytest.raises(ConfigurationError, match=f"signing_command= excludes {other}="):
            self.plan(signing_command=COMMAND, **{other: "planted"})

    def test_an_identity_excludes_it(self) -> None:
        identity = make_identity(LEAF.certificate_pem, signing_command=COMMAND)
        with pytest.raises(ConfigurationError, match="identity excludes signing_command"):
            make_plan(None, {"identity": identity, "signing_command": COMMAND, **ARNS}, {})  # type: ignore[typeddict-item]

    def test_a_broken_one_is_refused_before_anything_is_read(self) -> None:
        with pytest.raises(ConfigurationError, match="signing_command= has a quotation mark"):
            self.plan(signing_command="sign 'planted")

    def test_in_the_environment_it_excludes_a_key_beside_it(self) -> None:
        said = {
            "ROLESANYWHERE_CERTIFICATE": "client.pem",
            **{f"ROLESANYWHERE_{name.upper()}": arn for name, arn in ARNS.items()},
            "ROLESANYWHERE_SIGNING_COMMAND": "sign",
            "ROLESANYWHERE_PRIVATE_KEY": "client.key",
        }
        with pytest.raises(
            ConfigurationError, match="ROLESANYWHERE_SIGNING_COMMAND excludes ROLESANYWHERE_PRIVATE_KEY"
        ):
            make_plan(None, {}, said)

    def test_a_key_in_an_argument_overrides_a_command_elsewhere_and_the_other_way_round(self) -> None:
        said = {
            "ROLESANYWHERE_CERTIFICATE": "client.pem",
            **{f"ROLESANYWHERE_{name.upper()}": arn for name, arn in ARNS.items()},
        }
        with_command = {**said, "ROLESANYWHERE_SIGNING_COMMAND": "sign"}
        with_key = {**said, "ROLESANYWHERE_PRIVATE_KEY": "client.key", "ROLESANYWHERE_PASSPHRASE": "x"}
        assert "signing_command" not in make_plan(None, {"private_key": "other.key"}, with_command).values
        values = make_plan(None, {"signing_command": COMMAND}, with_key).values
        assert values["signing_command"] == COMMAND
        assert not {"private_key", "passphrase"} & set(values)
        assert "signing_command" not in make_plan(None, {"certificate": "other.pem"}, with_command).values

    def test_several_lines_are_none(self) -> None:
        with pytest.raises(ConfigurationError, match="one line"):
            make_plan(None, {}, {"ROLESANYWHERE_CERTIFICATE": "c", "ROLESANYWHERE_SIGNING_COMMAND": "sign\nplanted"})
