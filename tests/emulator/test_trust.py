"""Which leaves are trusted: the path through the chain header, the rules for each certificate, the limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from cryptography import x509

from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, IssuedCertificate, assumptions
from tests.emulator.signing import NOW, sign_as
from tests.emulator.vectors import with_header
from tests.emulator.world import CA, INVALID_SIGNATURE, UNFIT, UNTRUSTED, World, refusal

UPPER = CA.issue_ca("CN=Upper")
LOWER = UPPER.issue_ca("CN=Lower")
LEAF = LOWER.issue("CN=app", key_type="P-256")

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")

Chain = Sequence[x509.Certificate]


def answer(leaf: IssuedCertificate, chain: Chain, ca: CertificateAuthority = CA) -> tuple[int, str]:
    world = World(ca)
    response = world.send(sign_as(leaf, world.body(), chain=list(chain)))
    return response.status, "" if response.status == 201 else refusal(response)[2]


class TestTheChainHeader:
    @pytest.mark.parametrize(
        "chain",
        [
            [LOWER, UPPER],
            [UPPER, LOWER],
            [LEAF, LOWER, UPPER],
            [CA, UPPER, LOWER],
            [UPPER, LEAF, CA, LOWER],
            [LOWER, LOWER, UPPER, LEAF, LEAF, UPPER, CA],
            [UPPER, UPPER, UPPER, UPPER, UPPER, LOWER],
            [LOWER, UPPER, CertificateAuthority("CN=Unrelated")],
        ],
        ids=lambda chain: "+".join(each.certificate.subject.rfc4514_string() for each in chain),
    )
    def test_any_order_with_anything_inside(self, chain: Sequence[IssuedCertificate]) -> None:
        assert answer(LEAF, [each.certificate for each in chain]) == (201, "")

    @pytest.mark.parametrize("chain", [[], [LOWER], [UPPER], [CA], [LEAF]])
    def test_a_gap_is_untrusted(self, chain: Sequence[IssuedCertificate]) -> None:
        assert answer(LEAF, [each.certificate for each in chain]) == (403, "Untrusted signing certificate")

    def test_an_intermediate_may_be_the_anchor(self) -> None:
        assert answer(LEAF, [LOWER.certificate], UPPER) == (201, "")
        assert answer(LEAF, [], LOWER) == (201, "")
        assert answer(LEAF, [UPPER.certificate, LOWER.certificate], LOWER) == (201, "")

    def test_the_leaf_may_be_issued_by_the_anchor(self) -> None:
        assert answer(CA.issue(), []) == (201, "")

    def test_six_intermediates_are_too_many(self) -> None:
        authority = CA
        for number in range(6):
            authority = authority.issue_ca(f"CN=Level {number}")
        leaf = authority.issue()
        assert answer(leaf, leaf.intermediates) == (403, assumptions.TOO_MANY_INTERMEDIATES)

    def test_five_intermediates_with_leaf_and_anchor_beside_them(self) -> None:
        authority = CA
        for number in range(5):
            authority = authority.issue_ca(f"CN=Level {number}")
        leaf = authority.issue()
        assert answer(leaf, [leaf.certificate, *leaf.intermediates, CA.certificate]) == (201, "")

    @pytest.mark.parametrize("value", ["AAAA", "", ",", "not base64"])
    def test_what_is_no_certificate_is_named_once_the_signature_is_right(self, value: str) -> None:
        world = World()
        signed = sign_as(CA.issue(), world.body(), headers=[("X-Amz-X509-Chain", value)])
        assert refusal(world.send(signed)) == (400, "ValidationException", assumptions.UNREADABLE_CHAIN)
        tampered = with_header(signed, "x-amz-x509-chain", value + "A")
        assert refusal(world.send(tampered)) == INVALID_SIGNATURE

    def test_several_headers_are_one_list(self) -> None:
        world = World()
        first = sign_as(LEAF, world.body(), chain=[LOWER.certificate])
        [lower] = first.values("x-amz-x509-chain")
        upper = next(iter(sign_as(LEAF, chain=[UPPER.certificate]).values("x-amz-x509-chain")))
        both = sign_as(
            LEAF, world.body(), chain=[], headers=[("x-amz-x509-chain", f" {lower}"), ("X-Amz-X509-Chain", upper)]
        )
        assert world.send(both).status == 201


def below(**options: object) -> Callable[[], IssuedCertificate]:
    return lambda: CA.issue_ca("CN=Lower", **options).issue()  # type: ignore[arg-type]


class TestThePath:
    @pytest.mark.parametrize(
        "make",
        [
            below(ca=False),
            below(ca=None),
            below(key_usage=["cRLSign"]),
            below(signature_hash="SHA-224"),
            below(valid_from=NOW - timedelta(days=2), valid_for=timedelta(days=1)),
            below(valid_from=NOW + timedelta(days=1)),
            below(permitted_names=["dirName:O=Elsewhere"]),
            below(extra_extensions=[(UNKNOWN, True)]),
            lambda: CA.issue_ca("CN=A", path_length=0).issue_ca("CN=B").issue(),
        ],
        ids=[
            "not-a-ca",
            "no-bc",
            "no-keyCertSign",
            "weak-hash",
            "expired",
            "not-yet-valid",
            "name",
            "critical",
            "path-length",
        ],
    )
    def test_a_bad_intermediate_is_an_untrusted_signer(self, make: Callable[[], IssuedCertificate]) -> None:
        leaf = make()
        assert answer(leaf, leaf.intermediates) == (403, "Untrusted signing certificate")

    def test_a_constraint_that_is_not_evaluated_counts_where_there_are_such_names(self) -> None:
        lower = CA.issue_ca("CN=Lower", permitted_names=["IP:10.0.0.0/8"])
        outside = lower.issue(subject_alternative_names=["IP:192.0.2.1"])
        assert answer(outside, outside.intermediates) == (403, "Untrusted signing certificate")
        without = lower.issue(subject_alternative_names=["DNS:app.example"])
        assert answer(without, without.intermediates) == (201, "")

    def test_the_right_name_with_the_wrong_key(self) -> None:
        twin = CertificateAuthority("CN=Root,O=Example")
        assert answer(twin.issue(), []) == (403, "Untrusted signing certificate")

    def test_an_expired_anchor(self) -> None:
        old = CertificateAuthority("CN=Old", valid_from=NOW - timedelta(days=9), valid_for=timedelta(days=8))
        assert answer(old.issue(), [], old) == (403, "Untrusted signing certificate")

    def test_a_self_signed_leaf_is_untrusted(self) -> None:
        alone = CertificateAuthority("CN=alone", ca=False, key_usage=["digitalSignature"])
        assert answer(alone, []) == (403, "Untrusted signing certificate")

    def test_a_bundle_of_two_anchors_trusts_both(self) -> None:
        other = CertificateAuthority("CN=Next root")
        world = World()
        bundle = world.service.create_trust_anchor(CA.certificate_pem + other.certificate_pem)
        for ca in (CA, other):
            assert world.ask(ca.issue(), trustAnchorArn=bundle.arn).status == 201

    def test_a_leaf_with_its_issuers_own_subject(self) -> None:
        assert answer(CA.issue("CN=Root,O=Example"), []) == (201, "")


class TestTheLeaf:
    @pytest.mark.parametrize(
        "options",
        [
            {"ca": True, "key_usage": ["digitalSignature", "keyCertSign"]},
            {"key_usage": None},
            {"key_usage": ["keyEncipherment"]},
            {"signature_hash": "SHA-224"},
            {"key_usage": None, "valid_from": NOW + timedelta(days=1)},
            {"extra_extensions": [(UNKNOWN, True)]},
        ],
        ids=" ".join,
    )
    def test_an_unfit_one(self, options: CertificateOptions) -> None:
        assert refusal(World().ask(CA.issue(**options))) == UNFIT

    def test_an_empty_subject(self) -> None:
        assert refusal(World().ask(CA.issue("", subject_alternative_names=["DNS:a.example"]))) == UNFIT

    @pytest.mark.parametrize(
        "options",
        [
            {"ca": None},
            {"extended_key_usage": None},
            {"extended_key_usage": ["serverAuth"]},
            {"subject_key_identifier": False, "authority_key_identifier": False},
            {"key_usage": ["digitalSignature", "keyEncipherment"], "key_usage_critical": False},
            {"signature_hash": "SHA-512"},
            {"key_type": "RSA-1024"},
            {"extra_extensions": [(UNKNOWN, False)]},
        ],
        ids=" ".join,
    )
    def test_a_fit_one(self, options: CertificateOptions) -> None:
        assert World().ask(CA.issue(**options)).status == 201

    def test_a_bad_path_is_told_before_a_bad_leaf(self) -> None:
        assert refusal(World().ask(CertificateAuthority().issue(key_usage=None))) == UNTRUSTED
