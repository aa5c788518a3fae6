"""Issuers of every kind: how a CA signs says nothing about how its leaf signs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer import validate_trust_anchor
from rolesanywhere_signer.testing import CertificateAuthority, der
from rolesanywhere_signer.validation.signature import SignatureCheck, check_signature

from .table import ROOT, Builder, Chain, Table, check, found, key, new_root

table = Table()
# ML-DSA certificates made with cryptography 50, which older versions cannot make, valid from 2026 to 2126.
DATA = Path(__file__).parent / "data"
KINDS = ["P-384", "RSA-2048", "Ed25519"]
KNOWS_ML_DSA = find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None


@table.case()
def sha384() -> Chain:
    """=> root -SHA-384-> leaf."""
    return Chain(ROOT.issue(signature_hash="SHA-384"), ROOT)


@table.case()
def sha512() -> Chain:
    """=> root -SHA-512-> leaf."""
    return Chain(ROOT.issue(signature_hash="SHA-512"), ROOT)


@table.case()
def sha3() -> Chain:
    """=> root -SHA3-256-> leaf."""
    return Chain(ROOT.issue(signature_hash="SHA3-256"), ROOT)


@table.case()
def rsa_under_ec() -> Chain:
    """=> root (P-384) -> leaf (RSA 2048)."""
    return Chain(ROOT.issue(private_key=key("RSA-2048")), ROOT)


@table.case()
def ec_under_rsa() -> Chain:
    """=> root (RSA 2048) -> leaf (P-256)."""
    root = new_root(private_key=key("RSA-2048"))
    return Chain(root.issue(key_type="P-256"), root)


@table.case()
def small_rsa_issuer() -> Chain:
    """=> root (RSA 1024) -> leaf: a weak CA is the account owner's to judge."""
    root = new_root(private_key=key("RSA-1024"))
    return Chain(root.issue(), root)


@table.case()
def pss() -> Chain:
    """=> root (RSA 2048) -PSS-> intermediate (RSA 2048) -PSS-> leaf."""
    root = new_root(private_key=key("RSA-2048"), rsa_padding="PSS")
    intermediate = root.issue_ca(private_key=key("RSA-2048", "CA"), rsa_padding="PSS")
    return Chain(intermediate.issue(rsa_padding="PSS"), root, [intermediate])


@table.case()
def ed25519() -> Chain:
    """=> root (Ed25519) -> intermediate (Ed448) -> leaf (P-384)."""
    root = new_root(key_type="Ed25519")
    intermediate = root.issue_ca(key_type="Ed448")
    return Chain(intermediate.issue(), root, [intermediate])


@table.case()
def koblitz() -> Chain:
    """=> root (secp256k1) -> intermediate (P-521) -> leaf."""
    root = new_root(key_type="secp256k1")
    intermediate = root.issue_ca(key_type="P-521")
    return Chain(intermediate.issue(), root, [intermediate])


@table.parametrized
def test_issuers_give_exactly_their_findings(build: Builder, expected: list[str]) -> None:
    check(build, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_under_names_that_are_written_otherwise(kind: str) -> None:
    """By itself cryptography compares bytes; these signatures are verified with the issuer's key directly."""
    issuer = new_root("CN=THE ROOT", private_key=key(kind))
    leaf = CertificateAuthority("CN=the root", private_key=issuer.private_key).issue()
    assert found(Chain(leaf, issuer).validate()) == []
    namesake = new_root("CN=THE ROOT", private_key=key(kind, "another"))
    assert found(Chain(leaf, namesake).validate()) == ["leaf: bad-signature"]


@pytest.mark.parametrize("anchored", KINDS)
@pytest.mark.parametrize("signing", KINDS)
def test_namesake_with_a_key_of_any_kind(anchored: str, signing: str) -> None:
    """=> root -x> leaf, which another CA of the same name signed."""
    leaf = new_root(private_key=key(signing, "signing")).issue()
    (finding,) = Chain(leaf, new_root(private_key=key(anchored))).validate().findings
    assert (finding.subject, finding.code) == ("leaf", "bad-signature")
    assert "its key did not sign" in finding.message


def test_issuer_whose_key_cannot_verify() -> None:
    """=> intermediate (X25519) -?> leaf: what cannot be verified is not believed."""
    public_key: Any = x25519.X25519PrivateKey.generate().public_key()
    issuer = ROOT.issue("CN=CA", ca=True, key_usage=["keyCertSign"], public_key=public_key)
    (finding,) = Chain(new_root("CN=CA").issue(), issuer).validate().findings
    assert (finding.subject, finding.code) == ("leaf", "bad-signature")
    assert "cannot be verified by the installed cryptography" in finding.message


@pytest.mark.parametrize("name", ["ml-dsa-leaf.pem", "ec-leaf-of-ml-dsa-root.pem"])
def test_ml_dsa(name: str) -> None:
    """A cryptography that does not know ML-DSA cannot say yes; it says so, and that is all it says."""
    chain = Chain((DATA / name).read_bytes(), (DATA / "ml-dsa-root.pem").read_bytes())
    report = chain.validate()
    assert found(report) == ([] if KNOWS_ML_DSA else ["leaf: bad-signature"])
    assert all("installed cryptography" in finding.message for finding in report.findings)


def test_ml_dsa_trust_anchor() -> None:
    assert found(validate_trust_anchor(DATA / "ml-dsa-root.pem")) == []


@pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography does not know ML-DSA")
def test_altered_ml_dsa_signature() -> None:
    lines = (DATA / "ml-dsa-leaf.pem").read_text().splitlines()
    lines[-10] = lines[-10][::-1]
    root = (DATA / "ml-dsa-root.pem").read_bytes()
    assert found(Chain("\n".join(lines).encode(), root).validate()) == ["leaf: bad-signature"]


@pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography does not know ML-DSA")
@pytest.mark.parametrize("arc", [18, 24], ids=["of another parameter set", "of another scheme"])
def test_ml_dsa_signature_that_calls_itself_one(arc: int) -> None:
    """Signed by the issuer's key, ML-DSA-44, under the name of what that key cannot make."""
    root = CertificateAuthority("CN=ML-DSA", key_type="ML-DSA-44")
    own, other = (der.object_identifier(f"2.16.840.1.101.3.4.3.{each}") for each in (17, arc))
    body, algorithm, _ = der.split(root.issue("CN=app", key_type="P-256").certificate.public_bytes(Encoding.DER))
    body = body.replace(own, other, 1)
    signature = der.bit_string(root.private_key.sign(body))
    leaf = x509.load_der_x509_certificate(der.sequence(body, algorithm.replace(own, other), signature))
    assert check_signature(leaf, root.certificate) is SignatureCheck.BAD
