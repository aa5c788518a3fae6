"""Intermediates, trust anchors and private keys that break a rule, and paths that lead nowhere.

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
from rolesanywhere_signer.testing.key_types import private_key_pem

from .table import NOW, ROOT, Builder, Chain, Table, check, key, new_root, pem

table = Table()

DAY = timedelta(days=1)


def below(**options: Any) -> Chain:
    """=> root -> intermediate (with the given options) -> leaf."""
    intermediate = ROOT.issue_ca(**options)
    return Chain(intermediate.issue(), ROOT, [intermediate])


def under(**options: Any) -> Chain:
    """=> root (with the given options) -> leaf."""
    root = new_root(**options)
    return Chain(root.issue(), root)


def line(length: int) -> list[CertificateAuthority]:
    """Return ``length`` CAs, each issued by the next."""
    authorities = [ROOT]
    for number in range(length):
        authorities.insert(0, authorities[0].issue_ca(f"CN=CA {number}"))
    return authorities[:-1]


def altered(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """Return the certificate as DER with one thing replaced where it stands first; lengths stay."""
    der = certificate.public_bytes(Encoding.DER)
    assert old in der
    assert len(old) == len(new)
    return der.replace(old, new, 1)


# Intermediates


@table.case()
def one_intermediate() -> Chain:
    """=> root -> intermediate -> leaf."""
    return below()


@table.case()
def five_intermediates_in_any_order() -> Chain:
    """=> root -> 5 intermediates, shuffled -> leaf."""
    nearest, *others = line(5)
    return Chain(nearest.issue(), ROOT, [*others[1:], nearest, others[0]])


@table.case("path: too-many-intermediates")
def six_intermediates() -> Chain:
    """=> root -> 6 intermediates -> leaf."""
    authorities = line(6)
    return Chain(authorities[0].issue(), ROOT, [*authorities])


@table.case("intermediate[0]: not-a-ca")
def intermediate_without_ca_bit() -> Chain:
    """=> root -> intermediate (CA:FALSE) -> leaf."""
    return below(ca=False)


@table.case("intermediate[0]: not-a-ca")
def intermediate_without_basic_constraints() -> Chain:
    """=> root -> intermediate (no basic constraints) -> leaf."""
    return below(ca=None)


@table.case("intermediate[0]: not-a-ca", "intermediate[0]: cannot-sign-certificates")
def leaf_that_issues() -> Chain:
    """=> root -> leaf -> leaf: whoever has a certificate makes another name for himself."""
    insider = ROOT.issue("CN=insider")
    impostor = CertificateAuthority("CN=insider", private_key=insider.private_key)
    return Chain(impostor.issue("CN=director"), ROOT, [insider])


@table.case("intermediate[0]: cannot-sign-certificates")
def intermediate_with_the_wrong_key_usage() -> Chain:
    """=> root -> intermediate (cRLSign) -> leaf."""
    return below(key_usage=["cRLSign"])


@table.case()
def intermediate_without_key_usage() -> Chain:
    """=> root -> intermediate (no key usage) -> leaf."""
    return below(key_usage=None)


@table.case("intermediate[0]: expired")
def expired_intermediate() -> Chain:
    """=> root -> intermediate (expired) -> leaf."""
    return below(valid_from=NOW - 9 * DAY, valid_for=2 * DAY)


@table.case("intermediate[0]: not-yet-valid")
def intermediate_of_tomorrow() -> Chain:
    """=> root -> intermediate (starts tomorrow) -> leaf."""
    return below(valid_from=NOW + DAY)


@table.case("intermediate[0]: expires-soon")
def intermediate_that_expires_soon() -> Chain:
    """=> root -> intermediate (a year long, one day left) -> leaf."""
    return below(valid_from=NOW - 364 * DAY, valid_for=365 * DAY)


@table.case("intermediate[0]: weak-signature-hash")
def intermediate_signed_with_sha224() -> Chain:
    """=> root -SHA-224-> intermediate -> leaf."""
    return below(signature_hash="SHA-224")


@table.case("intermediate[0]: unhandled-critical-extension")
def intermediate_with_a_critical_extension() -> Chain:
    """=> root -> intermediate (policy constraints, critical) -> leaf."""
    return below(extra_extensions=[(x509.PolicyConstraints(0, None), True)])


@table.case()
def faults_beside_the_path() -> Chain:
    """=> root -> leaf, with an expired CA and a foreign leaf beside."""
    expired = ROOT.issue_ca("CN=Old", valid_from=NOW - 9 * DAY, valid_for=DAY)
    return Chain(ROOT.issue(), ROOT, [expired, new_root("CN=Other").issue()])


@table.case()
def leaf_and_anchor_among_the_intermediates() -> Chain:
    """=> root -> intermediate -> leaf, and the chain holds all of them, some twice."""
    intermediate = ROOT.issue_ca()
    leaf = intermediate.issue()
    return Chain(leaf, ROOT, [leaf, intermediate, ROOT, intermediate])


@table.case("intermediate[1]: expired", "leaf: expires-soon")
def without_an_anchor_each_is_judged() -> Chain:
    """(No anchor) intermediate -> leaf, an expired CA beside, and no trust anchor given."""
    intermediate = ROOT.issue_ca()
    old = ROOT.issue_ca("CN=Old", valid_from=NOW - 9 * DAY, valid_for=DAY)
    leaf = intermediate.issue(valid_from=NOW - 300 * DAY, valid_for=301 * DAY)
    return Chain(leaf, None, [intermediate, old])


@table.case()
def without_an_anchor_a_copy_of_the_leaf_is_no_intermediate() -> Chain:
    """(No anchor) intermediate -> leaf, and the chain begins with the leaf."""
    intermediate = ROOT.issue_ca()
    leaf = intermediate.issue()
    return Chain(leaf, None, [leaf, intermediate])


# Paths


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


# Trust anchors


@table.case("trust anchor: not-a-ca")
def anchor_without_ca_bit() -> Chain:
    """=> root (CA:FALSE) -> leaf."""
    return under(ca=False)


@table.case("trust anchor: cannot-sign-certificates")
def anchor_without_key_usage() -> Chain:
    """=> root (no key usage) -> leaf."""
    return under(key_usage=None)


@table.case("trust anchor: cannot-sign-certificates")
def anchor_with_the_wrong_key_usage() -> Chain:
    """=> root (digitalSignature, cRLSign) -> leaf."""
    return under(key_usage=["digitalSignature", "cRLSign"])


@table.case("trust anchor: expired")
def expired_anchor() -> Chain:
    """=> root (expired) -> leaf."""
    return under(valid_from=NOW - 9 * DAY, valid_for=DAY)


@table.case("trust anchor: not-yet-valid")
def anchor_of_tomorrow() -> Chain:
    """=> root (starts tomorrow) -> leaf."""
    return under(valid_from=NOW + DAY)


@table.case("trust anchor: expires-soon")
def anchor_that_expires_soon() -> Chain:
    """=> root (a day long) -> leaf."""
    return under(valid_from=NOW - timedelta(hours=17), valid_for=DAY)


@table.case("trust anchor: unhandled-critical-extension")
def anchor_with_a_critical_extension() -> Chain:
    """=> root (inhibit any policy, critical) -> leaf."""
    return under(extra_extensions=[(x509.InhibitAnyPolicy(0), True)])


@table.case()
def self_signed_anchor_with_sha224() -> Chain:
    """=> root (signed by itself with SHA-224) -> leaf."""
    return under(signature_hash="SHA-224")


@table.case("trust anchor: weak-signature-hash")
def anchored_intermediate_with_sha224() -> Chain:
    """=> root -SHA-224=> intermediate -> leaf."""
    intermediate = ROOT.issue_ca(signature_hash="SHA-224")
    return Chain(intermediate.issue(), intermediate)


@table.case()
def anchored_intermediate() -> Chain:
    """=> root => intermediate -> leaf."""
    intermediate = ROOT.issue_ca()
    return Chain(intermediate.issue(), intermediate)


@table.case()
def anchor_of_two() -> Chain:
    """=> expired root, => root -> leaf: the second is the one that counts."""
    old = new_root("CN=Old", valid_from=NOW - 9 * DAY, valid_for=DAY)
    return Chain(ROOT.issue(), [old, ROOT])


@table.case("trust anchor[1]: expired", "leaf: issuer-not-found")
def anchor_of_two_without_a_path() -> Chain:
    """=> root, => expired root; other root -> leaf."""
    old = new_root("CN=Old", valid_from=NOW - 9 * DAY, valid_for=DAY)
    return Chain(new_root("CN=Other").issue(), [ROOT, old])


@table.case("trust anchor: too-many-certificates")
def anchor_of_three() -> Chain:
    """=> 2 other roots, => root -> leaf."""
    return Chain(ROOT.issue(), [new_root("CN=One"), new_root("CN=Two"), ROOT])


@table.case("trust anchor: too-large")
def anchor_too_large() -> Chain:
    """=> root, in a file of 204,801 characters -> leaf."""
    content = pem(ROOT)
    return Chain(ROOT.issue(), [b"#" * (204_801 - len(content) - 1) + b"\n" + content])


@table.case()
def anchor_as_large_as_can_be() -> Chain:
    """=> root, in a file of 204,800 characters, some of two bytes -> leaf."""
    content = pem(ROOT)
    comment = "\u00fc" * (204_800 - len(content) - 1) + "\n"
    return Chain(ROOT.issue(), [comment.encode() + content])


# Private keys


@table.case()
def key_of_the_leaf() -> Chain:
    """=> root -> leaf, with its key."""
    leaf = ROOT.issue()
    return Chain(leaf, ROOT, private_key=leaf.private_key_pem)


@table.case("private key: key-mismatch")
def key_of_another() -> Chain:
    """=> root -> leaf, with the key of another leaf."""
    return Chain(ROOT.issue(), ROOT, private_key=ROOT.issue().private_key_pem)


@table.case("private key: key-mismatch")
def key_of_another_kind() -> Chain:
    """=> root -> leaf (EC), with an RSA key."""
    return Chain(ROOT.issue(), ROOT, private_key=private_key_pem(key("RSA-2048")))


@table.case("leaf: unsupported-key", "private key: unsupported-key")
def key_that_the_service_does_not_take() -> Chain:
    """=> root -> leaf (Ed25519), with its key."""
    leaf = ROOT.issue(key_type="Ed25519")
    return Chain(leaf, ROOT, private_key=leaf.private_key_pem)


@table.case("leaf: expired", "private key: key-mismatch", "intermediate[0]: not-a-ca", "leaf: name-not-permitted")
def faults_everywhere() -> Chain:
    """=> root -> intermediate (CA:FALSE, permits DNS:a.example) -> leaf (DNS:b.example, expired), a foreign key."""
    intermediate = ROOT.issue_ca(ca=False, permitted_names=["DNS:a.example"])
    leaf = intermediate.issue(subject_alternative_names=["DNS:b.example"], valid_from=NOW - 9 * DAY, valid_for=2 * DAY)
    return Chain(leaf, ROOT, [intermediate], ROOT.issue().private_key_pem)


@table.parametrized
def test_chain_gives_exactly_its_findings(build: Builder, expected: list[str]) -> None:
    check(build, expected)
