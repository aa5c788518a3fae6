"""An identity whose key is open already: it is used as it is, and never read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rolesanywhere_signer import Identity
from rolesanywhere_signer.errors import ConfigurationError, KeyMismatchError, UnsupportedKeyError
from rolesanywhere_signer.identity_sources import GivenSource
from rolesanywhere_signer.keys import SigningKey, as_signing_key
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate


@pytest.fixture(scope="module")
def issued() -> IssuedCertificate:
    return CertificateAuthority().issue("CN=host")


def opened(issued: IssuedCertificate) -> SigningKey:
    return as_signing_key(issued.private_key)  # type: ignore[arg-type]


def test_key_signs_as_it_is(issued: IssuedCertificate) -> None:
    key = opened(issued)
    assert Identity(issued.certificate_pem, key).current.key is key


def test_certificate_may_be_a_file_that_is_renewed(
    issued: IssuedCertificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "host.pem"
    path.write_bytes(issued.certificate_pem)
    identity = Identity(path, opened(issued))
    path.write_bytes(CertificateAuthority().issue("CN=host").certificate_pem)
    assert identity.load().certificate == issued.certificate
    assert "the private key is not the one" in caplog.text
    assert identity.paths == (path,)


def test_keys_of_cryptography_are_taken(issued: IssuedCertificate) -> None:
    identity = Identity(issued.certificate_pem, issued.private_key)  # type: ignore[arg-type]
    assert identity.current.key.algorithm == "AWS4-X509-ECDSA-SHA256"


def test_key_of_another_certificate_is_refused(issued: IssuedCertificate) -> None:
    other = as_signing_key(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(KeyMismatchError):
        Identity(issued.certificate_pem, other)


def test_key_that_cannot_sign_requests_is_refused(issued: IssuedCertificate) -> None:
    with pytest.raises(UnsupportedKeyError):
        Identity(issued.certificate_pem, ed25519.Ed25519PrivateKey.generate())  # type: ignore[arg-type]


def test_reading_again_keeps_the_key_and_sees_another_one(issued: IssuedCertificate) -> None:
    key = opened(issued)
    contents = GivenSource(issued.certificate_pem, key, None).read()
    again = GivenSource(issued.certificate_pem, key, None).read()
    other = GivenSource(issued.certificate_pem, as_signing_key(rsa.generate_private_key(65537, 2048)), None).read()
    assert contents.digest() == again.digest() != other.digest()


def test_key_in_memory_goes_into_no_pickle(issued: IssuedCertificate, tmp_path: Path) -> None:
    path = tmp_path / "host.pem"
    path.write_bytes(issued.certificate_pem)
    with pytest.raises(ConfigurationError, match="private key cannot be pickled"):
        pickle.dumps(Identity(path, opened(issued)))


@pytest.mark.parametrize("fits", [True, False])
def test_key_beside_pkcs12_counts_and_not_the_one_inside(issued: IssuedCertificate, fits: bool) -> None:
    bundle = issued.pkcs12()
    key = as_signing_key(issued.private_key if fits else ec.generate_private_key(ec.SECP256R1()))  # type: ignore[arg-type]
    if fits:
        assert Identity(bundle, key).current.key is key
        return
    with pytest.raises(KeyMismatchError):
        Identity(bundle, key)
