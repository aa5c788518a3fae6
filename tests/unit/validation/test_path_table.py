"""Paths from the leaf to the trust anchor that lead nowhere, are too long, or are found among others.

``=>`` stands before the trust anchor's certificate, ``->`` is a signature, ``-x>`` one that does not verify.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import CertificateAuthority

from .table import NOW, ROOT, Builder, Chain, Table, check, key, new_root

table = Table()

DAY = timedelta(days=1)


def altered(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """Return the certificate as DER with one thing replaced where it stands first; lengths stay."""
    der = certificate.public_bytes(Encoding.DER)
    assert old in der
    assert len(old) == len(new)
    return der.replace(old, new, 1)


@table.case("leaf: issuer-not-found")
def missing_intermediate() -> Chain:
    """=> root -> (intermediate, not given) -> leaf."""
    return Chain(ROOT.issue_ca().issue(), ROOT)


@table.case("intermediate[0]: issuer-not-found")
def missing_upper_intermediate() -> Chain:
    """=> root -> (intermediate, not given) -> intermediate -> leaf."""
    lower = ROOT.issue_ca("CN=Upper").issue_ca("CN=Lower")
    return Chain(lower.issue(), ROOT, [lower])


@table.case("leaf: issuer-not-found")
def other_anchor() -> Chain:
    """=> other root; root -> leaf."""
    return Chain(ROOT.issue(), new_root("CN=Other"))


@table.case("intermediate[0]: issuer-not-found")
def root_among_the_intermediates_is_no_anchor() -> Chain:
    """=> other root; root -> intermediate -> leaf, with root among the intermediates."""
    intermediate = ROOT.issue_ca()
    return Chain(intermediate.issue(), new_root("CN=Other"), [intermediate, ROOT])


@table.case("leaf: bad-signature")
def anchor_of_the_same_name() -> Chain:
    """=> another root named as root -x> leaf."""
    return Chain(ROOT.issue(), new_root())


@table.case("leaf: bad-signature")
def anchor_with_another_kind_of_key() -> Chain:
    """=> another root named as root, RSA -x> leaf (signed with ECDSA)."""
    return Chain(ROOT.issue(), new_root(private_key=key("RSA-2048")))


@table.case("leaf: bad-signature")
def altered_leaf() -> Chain:
    """=> root -x> leaf (its name changed after it was signed)."""
    return Chain(altered(ROOT.issue("CN=app-one").certificate, b"app-one", b"app-two"), ROOT)


@table.case("leaf: bad-signature")
def algorithms_that_differ() -> Chain:
    """=> root -> leaf (signed, but the algorithm inside is not the one outside)."""
    root = new_root("CN=RSA root", private_key=key("RSA-2048"))
    return Chain(with_another_algorithm_inside(root), root)


def with_another_algorithm_inside(issuer: CertificateAuthority) -> bytes:
    """Return a leaf whose signed part says SHA-384, while it is signed, and says so outside, with SHA-256."""
    assert isinstance(issuer.private_key, rsa.RSAPrivateKey)
    leaf = issuer.issue().certificate
    sha256, sha384 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d01010c")
    signed = leaf.tbs_certificate_bytes.replace(sha256, sha384, 1)
    signature = issuer.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    der = leaf.public_bytes(Encoding.DER)
    return der.replace(leaf.tbs_certificate_bytes, signed).replace(leaf.signature, signature)


@table.case("leaf: issuer-not-found")
def self_signed_leaf() -> Chain:
    """=> root; leaf -> leaf."""
    return Chain(CertificateAuthority("CN=app", ca=False, key_usage=["digitalSignature"]), ROOT)


@table.case("leaf: is-ca", "leaf: no-digital-signature")
def anchor_as_leaf() -> Chain:
    """=> root, which is also given as the leaf."""
    return Chain(ROOT, ROOT)


@table.case("trust anchor: not-a-ca", "trust anchor: cannot-sign-certificates")
def leaf_as_anchor() -> Chain:
    """=> self-signed leaf, which is also given as the trust anchor."""
    leaf = CertificateAuthority("CN=app", ca=False, key_usage=["digitalSignature"])
    return Chain(leaf, leaf)


@table.case("leaf: issuer-not-found", "trust anchor: not-a-ca", "trust anchor: cannot-sign-certificates")
def issued_leaf_as_anchor() -> Chain:
    """=> leaf, which root issued, given as its own trust anchor."""
    leaf = ROOT.issue()
    return Chain(leaf, leaf)


@table.case("intermediate[0]: path-too-long")
def path_length_of_an_intermediate() -> Chain:
    """=> root -> intermediate (pathlen:0) -> intermediate -> leaf."""
    upper = ROOT.issue_ca("CN=Upper", path_length=0)
    lower = upper.issue_ca("CN=Lower")
    return Chain(lower.issue(), ROOT, [upper, lower])


@table.case("trust anchor: path-too-long")
def path_length_of_the_anchor() -> Chain:
    """=> root (pathlen:0) -> intermediate -> leaf."""
    root = new_root(path_length=0)
    intermediate = root.issue_ca()
    return Chain(intermediate.issue(), root, [intermediate])


@table.case()
def self_issued_certificates_do_not_count() -> Chain:
    """=> root (pathlen:0) -> root with a new key -> leaf."""
    old = new_root(path_length=0)
    new = old.issue_ca("CN=Root", path_length=0)
    return Chain(new.issue(), old, [new])


@table.case()
def path_length_that_is_enough() -> Chain:
    """=> root (pathlen:1) -> intermediate (pathlen:0) -> leaf."""
    root = new_root(path_length=1)
    intermediate = root.issue_ca(path_length=0)
    return Chain(intermediate.issue(), root, [intermediate])


@table.case()
def cross_signed_the_right_way_last() -> Chain:
    """=> root -> intermediate -> leaf, and the same CA (expired, and under another root) stands before it."""
    intermediate = ROOT.issue_ca("CN=Shared")
    key = intermediate.private_key
    expired = ROOT.issue_ca("CN=Shared", private_key=key, valid_from=NOW - 9 * DAY, valid_for=DAY)
    foreign = new_root("CN=Other").issue_ca("CN=Shared", private_key=key)
    return Chain(intermediate.issue(), ROOT, [foreign, expired, intermediate])


@table.case()
def a_faultless_path_beside_a_faulty_one() -> Chain:
    """=> root -> shared CA (pathlen:0) -> lower CA -> leaf, and => root -> shared CA -> lower CA -> leaf."""
    shared = ROOT.issue_ca("CN=Shared")
    narrow = ROOT.issue_ca("CN=Shared", private_key=shared.private_key, path_length=0)
    lower = shared.issue_ca("CN=Lower")
    return Chain(lower.issue(), ROOT, [narrow, lower, shared])


@table.case("intermediate[1]: expired")
def the_least_faulty_path() -> Chain:
    """=> root -> shared CA (expired, CA:FALSE) -> leaf, and => root -> shared CA (expired) -> leaf."""
    old: dict[str, Any] = {"valid_from": NOW - 9 * DAY, "valid_for": DAY}
    expired = ROOT.issue_ca("CN=Shared", **old)
    worse = ROOT.issue_ca("CN=Shared", private_key=expired.private_key, ca=False, **old)
    return Chain(expired.issue(), ROOT, [worse, expired])


@table.case("intermediate[1]: issuer-not-found")
def the_longest_attempt_is_told() -> Chain:
    """=> root; (one CA, not given) -> shared CA -> leaf, and (another, not given) -> upper CA -> shared CA -> leaf."""
    upper = new_root("CN=Other").issue_ca("CN=Upper")
    shared = upper.issue_ca("CN=Shared")
    also = new_root("CN=Another").issue_ca("CN=Shared", private_key=shared.private_key)
    return Chain(shared.issue(), ROOT, [shared, upper, also])


@table.case()
def the_anchor_is_tried_first() -> Chain:
    """=> root -> leaf, and => other root -> root (expires soon) -> leaf."""
    other, root = new_root("CN=Other"), new_root(subject_key_identifier=False)
    crossed = other.issue_ca("CN=Root", private_key=root.private_key, valid_for=timedelta(hours=26))
    return Chain(root.issue(), [other, root], [crossed])


@table.case("intermediate[1]: issuer-not-found")
def cas_that_sign_each_other() -> Chain:
    """=> root; A -> B -> A -> leaf: a circle."""
    a, b = new_root("CN=A"), new_root("CN=B")
    a_by_b = b.issue_ca("CN=A", private_key=a.private_key)
    b_by_a = a.issue_ca("CN=B", private_key=b.private_key)
    return Chain(a.issue(), ROOT, [a_by_b, b_by_a])


@table.case()
def no_key_identifiers() -> Chain:
    """=> root -> intermediate -> leaf, nowhere a SAN, AKI or SKI, and a CA of the same name beside."""
    bare: dict[str, Any] = {"subject_key_identifier": False, "authority_key_identifier": False}
    root = new_root(**bare)
    namesake, intermediate = (root.issue_ca("CN=CA", **bare) for _ in range(2))
    return Chain(intermediate.issue(**bare), root, [namesake, intermediate])


@table.case()
def names_in_other_letters() -> Chain:
    """=> root -> intermediate (CN=The CA) -> leaf (issuer CN=the  ca)."""
    intermediate = ROOT.issue_ca("CN=The CA")
    same = CertificateAuthority("CN=the  ca", private_key=intermediate.private_key)
    return Chain(same.issue(), ROOT, [intermediate])


@table.parametrized
def test_path_gives_exactly_its_findings(build: Builder, expected: list[str]) -> None:
    check(build, expected)
