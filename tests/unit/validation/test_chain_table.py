"""Intermediates, trust anchors and private keys that break a rule.

``=>`` stands before the trust anchor's certificate, ``->`` is a signature, ``-x>`` one that does not verify.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography import x509

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
