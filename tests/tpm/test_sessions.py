"""boto3 sessions whose key lies in a TPM."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from rolesanywhere_signer import Identity, SigV4X509Signer
from rolesanywhere_signer.errors import ConfigurationError, KeyMismatchError
from rolesanywhere_signer.identities import make_identity
from rolesanywhere_signer.keys import load_private_key
from rolesanywhere_signer.selectors import CertificateDirectory
from tests.support.world import World
from tests.tpm.software_tpm import MadeKey, SoftwareTpm, software_tpm
from tests.tpm.test_commands import certify
from tests.tpm.test_keys import P256
from tests.tpm.test_passwords import PASSWORD


def password_of_the_key() -> str:
    return PASSWORD


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "password"])
@pytest.mark.parametrize("place", ["handle", "file"])
@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_session(world: World, tpm: SoftwareTpm, place: str, kind: str, password: str | None) -> None:
    made = made_key(tpm, place, kind, password)
    certify(world, made)
    session = world.boto3_session(private_key=made.source, passphrase=password)
    assert world.sts(session).get_caller_identity()["Arn"].split("/")[1] == "s3-reader"


def made_key(tpm: SoftwareTpm, place: str, kind: str, password: str | None) -> MadeKey:
    if place == "handle":
        return tpm.key_at_handle("ecc384" if kind == "EC" else "rsa2048", password)
    options = P256 if kind == "EC" else ("-algorithm", "RSA", "-pkeyopt", "bits:2048")
    return tpm.openssl_file(*options, password=password)


def test_session_with_an_opened_key(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.openssl_file(*P256)
    certify(world, made)
    session = world.boto3_session(private_key=load_private_key(made.source))
    assert world.sts(session).get_caller_identity()["Account"]


def test_handle_has_to_be_opened_for_an_identity_of_files(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    certify(world, made)
    for make in (Identity, Identity.from_files):
        with pytest.raises(ConfigurationError, match="is no file") as caught:
            make(world.certificate, made.source)
        assert "load_private_key" in str(caught.value.hint)
    assert Identity(world.certificate, load_private_key(made.source)).current.key.public_key == made.public_key


def test_settings_of_the_environment(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle(password=PASSWORD)
    certify(world, made)
    variables = {
        "ROLESANYWHERE_CERTIFICATE": str(world.certificate),
        "ROLESANYWHERE_PRIVATE_KEY": made.source,
        "ROLESANYWHERE_PASSPHRASE": PASSWORD,
        "ROLESANYWHERE_ENDPOINT_URL": world.service.url,
        **{f"ROLESANYWHERE_{name.upper()}": arn for name, arn in world.arns.items()},
    }
    script = (
        "import boto3\nfrom rolesanywhere_signer import create_botocore_session\n"
        "session = boto3.Session(botocore_session=create_botocore_session())\n"
        "print(session.get_credentials().get_frozen_credentials().access_key)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**tpm.environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("ASIA"), done.stderr
    assert done.stderr == ""


def test_certificate_is_renewed_and_the_key_stays_open(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    certify(world, made)
    identity = make_identity(world.certificate, made.source)
    key = identity.current.key
    certify(world, made)
    assert identity.load().serial_number == str(world.leaf.certificate.serial_number)
    assert identity.current.key is key


def test_key_and_certificate_are_both_renewed(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle()
    certify(world, made)
    identity = make_identity(world.certificate, made.source)
    identity.current.key.sign(b"before")
    renewed = tpm.another_key_there()
    assert renewed.source == made.source
    certify(world, renewed)
    identity.load()
    assert identity.current.key.public_key == renewed.public_key
    identity.current.key.sign(b"after")


def test_key_of_another_certificate(world: World, tpm: SoftwareTpm) -> None:
    certify(world, tpm.key_at_handle())
    with pytest.raises(KeyMismatchError):
        make_identity(world.certificate, tpm.key_at_handle().source)


def test_pkcs12_has_a_key_of_its_own(world: World, tpm: SoftwareTpm, tmp_path: Path) -> None:
    made = tpm.key_at_handle()
    path = tmp_path / "certificate.p12"
    path.write_bytes(world.ca.issue("CN=app").pkcs12())
    with pytest.raises(ConfigurationError, match="PKCS#12 file, which has a key of its own"):
        make_identity(path, made.source)


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "password"])
def test_directory_of_certificates_may_hold_a_key_file(
    world: World, tpm: SoftwareTpm, tmp_path: Path, password: str | None
) -> None:
    made = tpm.openssl_file(*P256, password=password)
    # That of another TPM is not the certificate's, and nobody has to open it.
    with software_tpm(tmp_path / "other") as other:
        (tmp_path / "another.key").write_bytes(Path(other.openssl_file(*P256, password="x").source).read_bytes())
    certify(world, made)
    (tmp_path / "app.pem").write_bytes(world.certificate.read_bytes())
    (tmp_path / "app.key").write_bytes(Path(made.source).read_bytes())
    identity = make_identity(CertificateDirectory(tmp_path), passphrase=password)
    assert identity.current.key.public_key == made.public_key


@pytest.mark.parametrize("place", ["handle", "file"])
def test_pickled_identity_opens_the_key_again(world: World, tpm: SoftwareTpm, place: str) -> None:
    made = made_key(tpm, place, "EC", PASSWORD)
    certify(world, made)
    identity = make_identity(world.certificate, made.source, passphrase=password_of_the_key)
    pickled = pickle.dumps(identity)
    assert PASSWORD.encode() not in pickled
    again = pickle.loads(pickled)
    assert isinstance(again, Identity)
    assert SigV4X509Signer(again, region="eu-central-1")
    assert again.current.key.public_key == made.public_key


def test_password_goes_into_no_pickle(world: World, tpm: SoftwareTpm) -> None:
    made = tpm.key_at_handle(password=PASSWORD)
    certify(world, made)
    identity = make_identity(world.certificate, made.source, passphrase=PASSWORD)
    assert PASSWORD.encode() not in pickle.dumps(identity)
    with pytest.raises(ConfigurationError, match="opened key of a TPM cannot be pickled"):
        pickle.dumps(identity.current.key)
