"""An identity out of files, or chosen in a directory; and the flags and profiles that say so."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from rolesanywhere_signer import CertificateLoadError, ConfigurationError, Identity, PassphraseError
from rolesanywhere_signer.assembly import Assembly
from rolesanywhere_signer.identities import make_identity
from rolesanywhere_signer.profiles import options_given
from rolesanywhere_signer.provider import create_botocore_session
from rolesanywhere_signer.selectors import CertificateDirectory, Selector
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.profiled import write_config
from tests.support.world import World

from .pki import Issued, issue

LEAF = issue("leaf")
OTHER = issue("other", key_name="other")


def put(directory: Path, name: str, issued: Issued) -> None:
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.pem").write_bytes(issued.pem)
    (directory / f"{name}.key").write_bytes(issued.key_pem)
    (directory / f"{name}.key").chmod(0o600)


def test_files_and_bytes_are_as_they_always_were(tmp_path: Path) -> None:
    put(tmp_path, "leaf", LEAF)
    for identity in (
        make_identity(tmp_path / "leaf.pem", tmp_path / "leaf.key"),
        make_identity(LEAF.pem, LEAF.key_pem),
    ):
        assert isinstance(identity, Identity)
        assert identity.current.certificate == LEAF.certificate


def test_a_directory_stands_in_the_place_of_a_certificate(tmp_path: Path) -> None:
    put(tmp_path, "leaf", LEAF)
    put(tmp_path, "other", OTHER)
    place = CertificateDirectory(tmp_path, "Key=x509Subject,Value=CN=other")
    assert make_identity(place).current.certificate == OTHER.certificate


@pytest.mark.parametrize("more", [{"private_key": b"x"}, {"intermediates": "x.pem"}])
def test_and_of_key_and_intermediates(tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="are found in the directory"):
        make_identity(CertificateDirectory(tmp_path), **more)  # type: ignore[arg-type]


def test_anything_else_is_refused() -> None:
    with pytest.raises(CertificateLoadError, match="must be a path or bytes, not int"):
        make_identity(7)  # type: ignore[arg-type]


def test_flags_name_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert options_given({"cert-directory": "~/certificates"}) == {
        "certificate": CertificateDirectory(f"{tmp_path}/certificates")
    }
    chosen = {
        "cert-directory": "/d",
        "cert-selector": "Key=x509Serial,Value=1f",
        "use-latest-expiring-certificate": True,
    }
    assert options_given(chosen) == {"certificate": CertificateDirectory("/d", Selector(serial_number=31), True)}


def test_a_selector_that_cannot_be_is_told_in_the_helpers_words() -> None:
    with pytest.raises(ConfigurationError, match="cert selector contained invalid key"):
        options_given({"cert-directory": "/d", "cert-selector": "Key=x509Who,Value=CN=a"})


@pytest.fixture
def world(tmp_path: Path) -> World:
    service = LocalRolesAnywhere(region="eu-central-1")
    return World(service, tmp_path / "certificates")


ENDPOINT = "http://127.0.0.1:9"


def test_a_profiles_line_names_a_directory(world: World, tmp_path: Path) -> None:
    arns = " ".join(f"--{name.replace('_', '-')} {arn}" for name, arn in world.arns.items())
    line = (
        f"aws_signing_helper credential-process {arns} --cert-directory {world.directory} "
        '--cert-selector "Key=x509Subject,Value=CN=app" --use-latest-expiring-certificate'
    )
    write_config(tmp_path / "config", x=f"credential_process = {line}")
    assembly = Assembly("x", {"endpoint_url": ENDPOINT}, {"AWS_CONFIG_FILE": str(tmp_path / "config")})
    assert assembly.client.identity.current.certificate == world.leaf.certificate


def test_a_session_takes_a_directory(world: World) -> None:
    place = CertificateDirectory(world.directory, "Key=x509Subject,Value=CN=app")
    session = create_botocore_session(certificate=place, **world.arns, endpoint_url=ENDPOINT)
    assert session.get_component("credential_provider")


def test_whoever_can_be_asked_opens_the_key(world: World) -> None:
    from tests.support.secrets import PASSPHRASE

    from .test_identity import SECRET, encrypted

    world.private_key.unlink()
    put(world.directory, "leaf", LEAF)
    (world.directory / "leaf.key").write_bytes(encrypted(LEAF))
    options = {"certificate": CertificateDirectory(world.directory, "Key=x509Subject,Value=CN=leaf"), **world.arns}
    asked = Assembly(None, {**options, "endpoint_url": ENDPOINT}, {}, ask_passphrase=lambda: SECRET)  # type: ignore[typeddict-item]
    assert asked.client.identity.current.certificate == LEAF.certificate
    with pytest.raises(PassphraseError):
        Assembly(None, {**options, "passphrase": PASSPHRASE + "x"}, {})  # type: ignore[typeddict-item]


def test_dates_that_no_calendar_has() -> None:
    far = issue("far", valid_for=timedelta(days=40 * 366))
    broken = re.sub(rb"(?<=\x18\x0f)[0-9]{4}", b"0000", far.der)
    assert broken != far.der
    with pytest.raises(CertificateLoadError, match="has dates that cannot be read"):
        make_identity(broken, far.key_pem)
    # A good pair goes on, as with any other renewal that cannot be used.
    parts = iter([(far.der, far.key_pem), (broken, far.key_pem)])
    identity = Identity.from_callable(lambda: next(parts))
    assert identity.load() is identity.current
