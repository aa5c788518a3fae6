"""The public half of a key that is elsewhere, in every form that certificates and key services give it in."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rolesanywhere_signer.errors import PrivateKeyLoadError, UnsupportedKeyError
from rolesanywhere_signer.keys import CallableKey
from rolesanywhere_signer.keys.external.public_keys import algorithm_of, load_public_key
from rolesanywhere_signer.testing import CertificateAuthority

CA = CertificateAuthority().issue_ca()
LEAF = CA.issue("CN=app", key_type="P-256")
OTHER = CA.issue("CN=other", key_type="P-256")
KEY = LEAF.certificate.public_key()


def spki(encoding: Encoding) -> bytes:
    return KEY.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "source",
    [
        KEY,
        LEAF.certificate,
        LEAF.certificate_pem,
        LEAF.certificate.public_bytes(Encoding.DER),
        LEAF.certificate_pem + OTHER.certificate_pem,
        spki(Encoding.PEM),
        spki(Encoding.DER),
        LEAF.private_key_pem + LEAF.certificate_pem,
    ],
    ids=["key", "certificate", "pem", "der", "full-chain", "public-pem", "public-der", "beside-a-key"],
)
def test_every_form(source: object, tmp_path: Path) -> None:
    assert load_public_key(source) == KEY  # type: ignore[arg-type]
    if isinstance(source, bytes):
        path = tmp_path / "public"
        path.write_bytes(source)
        assert load_public_key(path) == load_public_key(str(path)) == KEY


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no key",
        LEAF.private_key_pem,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n",
        b"-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        "/no/such/file",
        LEAF.certificate_pem.decode(),
        None,
        7,
    ],
    ids=[
        "empty",
        "text",
        "private",
        "odd-key",
        "odd-certificate",
        "half",
        "no-base64",
        "cut-base64",
        "no-file",
        "pem-as-path",
        "none",
        "number",
    ],
)
def test_what_is_none(source: object) -> None:
    with pytest.raises(PrivateKeyLoadError) as caught:
        load_public_key(source)  # type: ignore[arg-type]
    assert "MI" not in str(caught.value)


def test_other_kinds_of_keys_are_refused() -> None:
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(UnsupportedKeyError, match="Ed25519"):
        algorithm_of(ed)
    with pytest.raises(UnsupportedKeyError):
        CallableKey(lambda data: data, ed)


def test_curves_do_not_change_the_algorithm() -> None:
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        assert algorithm_of(ec.generate_private_key(curve).public_key()) == "AWS4-X509-ECDSA-SHA256"
