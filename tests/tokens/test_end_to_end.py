"""Credentials with certificate and key in a token: from every command, from boto3, against the local service."""

from __future__ import annotations

import base64
import json
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from rolesanywhere_signer import ConfigurationError, KeyMismatchError
from rolesanywhere_signer.errors import CertificateLoadError, PrivateKeyLoadError
from rolesanywhere_signer.identities import make_identity
from rolesanywhere_signer.identity_sources import PassphraseFile
from rolesanywhere_signer.keys.pkcs11 import Pkcs11Key
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.command_line import Outcome, run_here, run_process, session_words
from tests.support.profiled import write_config
from tests.support.world import World

from .cards import PIN, Card


@pytest.fixture
def filled(card: Card, world: World) -> Card:
    """A token with the world's certificate and key, its issuing CA, a root, and strangers."""
    card.write(world.leaf)
    card.write_certificate(world.ca.certificate_der, "f0", "root")
    stranger = CertificateAuthority("CN=Stranger")
    card.write_certificate(stranger.certificate_der, "f1", "stranger")
    card.write_certificate(stranger.issue_ca("CN=Stranger below").certificate_der, "f2", "stranger below")
    return card


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    path = tmp_path / "pin"
    path.write_text(f"{PIN}\n")
    path.chmod(0o600)
    return path


def words(world: World, certificate: str, *more: str) -> list[str]:
    found = session_words(world)
    return ["--certificate", certificate, *found[found.index("--trust-anchor-arn") :], *more]


def headers(world: World) -> dict[str, str]:
    return dict(world.service.calls[-1].request.headers)


def run(capsys: pytest.CaptureFixture[str], *line: str) -> Outcome:
    outcome = run_here(capsys, *line)
    assert PIN not in outcome.stdout + outcome.stderr
    return outcome


def test_boto3_session(filled: Card, world: World) -> None:
    session = world.boto3_session(
        certificate=f"{filled.uri};object=client", private_key=None, passphrase=PIN, pkcs11_module=filled.module
    )

    arn = world.sts(session).get_caller_identity()["Arn"]

    assert f"/{world.leaf.certificate.serial_number:02x}" in arn
    assert "X-Amz-X509-Chain" not in headers(world)


@pytest.mark.parametrize(
    "forms",
    [
        ("{uri};object=client",),
        ("{uri};id=%01;type=cert",),
        ("{uri}",),
        ("{uri}", "{uri};object=client"),
        ("{uri};type=cert", "{uri};type=private"),
        ("{file}", "{uri};object=client"),
        ("{uri}", "{key_file}"),
    ],
)
def test_credential_process(
    capsys: pytest.CaptureFixture[str], filled: Card, world: World, pin_file: Path, forms: tuple[str, ...]
) -> None:
    files = {"file": world.certificate, "key_file": world.private_key}
    certificate, *key = (form.format(uri=filled.uri, **files) for form in forms)
    line = words(world, certificate, *(("--private-key", key[0]) if key else ()))

    outcome = run(
        capsys, "credential-process", *line, "--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file)
    )

    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["AccessKeyId"].startswith("ASIA")
    assert "X-Amz-X509-Chain" not in headers(world)


def test_credential_process_as_a_process_with_the_pin_in_the_uri(filled: Card, world: World) -> None:
    uri = f"{filled.uri}?pin-value={PIN}&module-path={filled.module}"

    outcome = run_process("credential-process", *words(world, uri), "--debug")

    assert outcome.code == 0
    assert json.loads(outcome.stdout)["Version"] == 1
    assert PIN not in outcome.stderr


def test_profile_of_the_config_file(
    capsys: pytest.CaptureFixture[str],
    filled: Card,
    world: World,
    pin_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    keys = {
        "certificate": filled.uri,
        "pkcs11_module": filled.module,
        "reuse_pin": "true",
        "passphrase_file": str(pin_file),
        "endpoint_url": world.service.url,
        **world.arns,
    }
    write_config(tmp_path / "config", card="".join(f"rolesanywhere_{name} = {text}\n" for name, text in keys.items()))

    assert run(capsys, "credential-process", "--profile", "card").code == 0
    assert run(capsys, "validate", "--profile", "card").code == 0


def test_chain_is_what_issued_the_certificate(card: Card, world: World) -> None:
    issuer = world.ca.issue_ca("CN=Issuing CA")
    same_name = CertificateAuthority("CN=Test root").issue_ca("CN=Issuing CA")
    leaf = issuer.issue("CN=app")
    card.write(leaf)
    for number, each in enumerate([world.ca, issuer, same_name, world.leaf], 1):
        card.write_certificate(each.certificate_der, f"e{number}", f"other {number}")

    session = world.boto3_session(
        certificate=f"{card.uri};object=client", private_key=None, passphrase=PIN, pkcs11_module=card.module
    )
    world.sts(session).get_caller_identity()

    sent = [
        x509.load_der_x509_certificate(base64.b64decode(each)) for each in headers(world)["X-Amz-X509-Chain"].split(",")
    ]
    assert sent == [issuer.certificate]


def test_chain_of_a_certificate_in_a_file(card: Card, world: World, tmp_path: Path) -> None:
    issuer = world.ca.issue_ca("CN=Issuing CA")
    leaf = issuer.issue("CN=app")
    card.write(leaf)
    card.write_certificate(issuer.certificate_der, "e1", "issuer")
    path = tmp_path / "leaf.pem"
    path.write_bytes(leaf.certificate_pem)

    identity = make_identity(path, f"{card.uri};object=client", None, PIN, pkcs11_module=card.module)

    assert identity.current.chain == (issuer.certificate,)


def test_intermediates_of_the_user_are_sent_as_they_are(filled: Card, world: World) -> None:
    given = world.ca.issue_ca("CN=Given")

    identity = make_identity(filled.uri, None, given.certificate_pem, PIN, pkcs11_module=filled.module)

    assert identity.current.chain == (given.certificate,)


def test_key_is_opened_once_and_a_renewed_certificate_is_found(filled: Card, world: World) -> None:
    identity = make_identity(f"{filled.uri};object=client", None, None, PIN, pkcs11_module=filled.module)
    first = identity.current
    assert identity.load() is first

    filled.tool("--delete-object", "--type", "cert", "--id", "01")
    renewed = world.ca.issue("CN=renewed", private_key=world.leaf.private_key)
    filled.write_certificate(renewed.certificate_der, "01", "client")

    assert identity.load().certificate == renewed.certificate
    assert identity.load().key is first.key


def test_identity_goes_through_pickle_without_the_pin(filled: Card, pin_file: Path) -> None:
    identity = make_identity(filled.uri, None, None, PassphraseFile(str(pin_file)), pkcs11_module=filled.module)
    carried = pickle.dumps(identity)
    assert PIN.encode() not in carried
    assert pickle.loads(carried).current.certificate == identity.current.certificate

    with pytest.raises(ConfigurationError, match="the PIN would go along"):
        pickle.dumps(make_identity(f"{filled.uri}?pin-value={PIN}", pkcs11_module=filled.module))


def test_token_that_is_gone_for_a_while_does_not_end_the_identity(filled: Card, token_directory: Path) -> None:
    identity = make_identity(filled.uri, None, None, PIN, pkcs11_module=filled.module)
    first = identity.current
    away = token_directory.with_name("away")

    token_directory.rename(away)
    assert identity.load() is first
    away.rename(token_directory)

    assert identity.load().certificate == first.certificate
    assert identity.load().key.sign(b"data")


def test_certificate_does_not_fit_or_several_do(filled: Card, world: World) -> None:
    with pytest.raises(CertificateLoadError, match=r"no certificate fits .*object=gone; there are:") as caught:
        make_identity(f"{filled.uri};object=gone", None, None, PIN, pkcs11_module=filled.module)
    assert "object=client;id=%01;type=cert" in caught.value.message

    filled.write(world.ca.issue("CN=second"), "02", "second")
    with pytest.raises(CertificateLoadError, match="2 certificates fit pkcs11:token=card") as caught:
        make_identity(filled.uri, None, None, PIN, pkcs11_module=filled.module)
    assert "object=second" in caught.value.message
    assert "CN=second" in caught.value.message


def test_certificate_without_a_key(card: Card, world: World) -> None:
    card.write_certificate(world.leaf.certificate_der, "07", "alone")
    card.make_key("EC:prime256v1", "08", "other")

    with pytest.raises(PrivateKeyLoadError, match=r"has no private key of its id in the token; there are:\n.*other"):
        make_identity(card.uri, None, None, PIN, pkcs11_module=card.module)


def test_key_is_not_the_certificates(filled: Card, world: World) -> None:
    filled.make_key("EC:secp384r1", "09", "other")

    with pytest.raises(KeyMismatchError):
        make_identity(filled.uri, f"{filled.uri};object=other", None, PIN, pkcs11_module=filled.module)


def test_key_whose_public_half_the_token_does_not_tell_is_proven(card: Card, world: World) -> None:
    for object_id, issued in (("01", world.leaf), ("02", world.ca.issue("CN=other"))):
        card.write_key(issued, object_id, f"key {object_id}")
        card.tool("--delete-object", "--type", "pubkey", "--id", object_id)

    key = make_identity(world.certificate, f"{card.uri};id=%01", None, PIN, pkcs11_module=card.module).current.key
    assert isinstance(key, Pkcs11Key)
    with pytest.raises(KeyMismatchError, match="is not the certificate's"):
        make_identity(world.certificate, f"{card.uri};id=%02", None, PIN, pkcs11_module=card.module)


def test_selector_chooses_in_a_token(
    capsys: pytest.CaptureFixture[str], filled: Card, world: World, pin_file: Path
) -> None:
    second = world.ca.issue("CN=second")
    filled.write(second, "02", "second")
    arns = words(world, "")[2:]
    more = ("--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))
    for place in (("--cert-directory", filled.uri), ()):
        line = (*place, "--cert-selector", "Key=x509Subject,Value=CN=second", *arns, *more)
        assert run(capsys, "credential-process", *line).code == 0
        assert f"Credential={second.certificate.serial_number}/" in headers(world)["Authorization"]


def test_the_latest_of_a_token(capsys: pytest.CaptureFixture[str], filled: Card, world: World, pin_file: Path) -> None:
    later = world.ca.issue("CN=app", valid_for=timedelta(days=500))
    filled.write(later, "02", "later")
    more = ("--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))

    line = ("--cert-directory", filled.uri, "--use-latest-expiring-certificate", *words(world, "")[2:], *more)

    assert run(capsys, "credential-process", *line).code == 0
    assert f"Credential={later.certificate.serial_number}/" in headers(world)["Authorization"]


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_sign_string(capsys: pytest.CaptureFixture[str], filled: Card, pin_file: Path, digest: str) -> None:
    line = ("--certificate", filled.uri, "--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))

    outcome = run(capsys, "sign-string", *line, "--digest", digest, "--format", "text")

    assert outcome.code == 0
    assert bytes.fromhex(outcome.stdout)[0] == 0x30


def test_read_certificate_data(capsys: pytest.CaptureFixture[str], filled: Card, world: World) -> None:
    outcome = run(capsys, "read-certificate-data", "--certificate", filled.uri, "--pkcs11-lib", filled.module)

    lines = outcome.stdout.splitlines()
    assert lines[0] == "Matching identities"
    assert lines[1].startswith("1) Hex Fingerprint: ")
    assert lines[2:5] == [
        "Subject: CN=app",
        "Issuer: CN=Test CA",
        f"Serial Number: {world.leaf.certificate.serial_number:X}",
    ]
    assert lines[5].startswith("URI: pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=")
    assert lines[5].endswith(";token=card;object=client;id=%01;type=cert")
    assert lines[6:] == [""]
    # The line is a URI that works.
    assert make_identity(lines[5].removeprefix("URI: "), None, None, PIN, pkcs11_module=filled.module)

    line = ("--cert-directory", filled.uri, "--cert-selector", "Key=x509Subject,Value=CN=none")
    outcome = run(capsys, "read-certificate-data", *line, "--pkcs11-lib", filled.module)
    assert (outcome.code, outcome.stdout) == (0, "No matching identities\n")


def test_validate_and_doctor(capsys: pytest.CaptureFixture[str], filled: Card, world: World, pin_file: Path) -> None:
    more = ("--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))
    assert run(capsys, "validate", "--certificate", filled.uri, *more).code == 0
    sts = ("--sts-endpoint", world.service.url)

    outcome = run(capsys, "doctor", *words(world, f"{filled.uri}?pin-value={PIN}"), "--pkcs11-lib", filled.module, *sts)
    assert outcome.code == 0, outcome.stdout
    assert "certificate in a PKCS#11 token" in outcome.stdout

    outcome = run(
        capsys, "doctor", *words(world, f"{filled.uri}?pin-value=777777"), "--pkcs11-lib", filled.module, *sts
    )
    assert outcome.code == 1
    assert "777777" not in outcome.stdout


def test_update_writes_credentials(
    capsys: pytest.CaptureFixture[str],
    filled: Card,
    world: World,
    pin_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    line = words(world, filled.uri, "--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))

    assert run(capsys, "update", *line, "--once").code == 0
    assert "aws_access_key_id = ASIA" in (tmp_path / "credentials").read_text()


def test_configure_writes_no_pin(
    capsys: pytest.CaptureFixture[str],
    filled: Card,
    world: World,
    pin_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    outcome = run(capsys, "configure", "--profile", "card", *words(world, f"{filled.uri}?pin-value={PIN}"))
    assert outcome.code != 0
    assert "holds the PIN" in outcome.stderr

    more = ("--pkcs11-lib", filled.module, "--passphrase-file", str(pin_file))
    line = words(world, f"{filled.uri};object=client", *more)
    assert run(capsys, "configure", "--profile", "card", *line).code == 0
    assert f"{filled.uri};object=client" in (tmp_path / "config").read_text()
