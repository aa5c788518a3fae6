"""Revoked leaves and intermediates: at once, by the right CA's list alone, whatever the list looks like."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from rolesanywhere_signer.testing.refusals import Refusal
from rolesanywhere_signer.testing.revocation import ReadList, _read, read_list, verify_not_revoked
from tests.emulator.revoking import revocation_list
from tests.emulator.signing import NOW, sign_as
from tests.emulator.world import CA, LEAF, World, refusal

REVOKED = (403, "AccessDeniedException", "Certificate revoked")
UPPER = CA.issue_ca("CN=Upper")
LOWER = UPPER.issue_ca("CN=Lower")
DEEP = LOWER.issue("CN=app", key_type="P-256")


def load(*lists: bytes) -> list[ReadList]:
    return [read_list(each, x509.load_pem_x509_crl(each)) for each in lists]


def is_revoked(leaf: IssuedCertificate, *lists: bytes, anchor: CertificateAuthority = CA) -> bool:
    """Say whether lists revoke a leaf; they need not be such as the service imports."""
    try:
        verify_not_revoked(leaf.certificate, leaf.intermediates, [anchor.certificate], load(*lists), NOW)
    except Refusal as error:
        assert error.message == "Certificate revoked"
        return True
    return False


class TestAtTheService:
    @pytest.fixture
    def world(self) -> World:
        return World()

    def test_it_takes_effect_at_the_next_call(self, world: World) -> None:
        assert world.ask().status == 201
        crl = world.service.import_crl(revocation_list(CA, [LEAF]), world.anchor, enabled=True)
        assert refusal(world.ask()) == REVOKED
        assert world.ask(CA.issue()).status == 201
        world.service._account.crls.change(crl.arn, lambda old: replace(old, enabled=False))
        assert world.ask().status == 201
        world.service._account.crls.change(crl.arn, lambda old: replace(old, enabled=True))
        assert refusal(world.ask()) == REVOKED
        world.service._account.crls.remove(crl.arn)
        assert world.ask().status == 201

    def test_it_is_disabled_unless_somebody_says_otherwise(self, world: World) -> None:
        world.service.import_crl(revocation_list(CA, [LEAF]), world.anchor)
        assert world.ask().status == 201

    def test_either_of_two_lists_counts(self, world: World) -> None:
        for entries in ([1, 2, 3], [LEAF]):
            world.service.import_crl(revocation_list(CA, entries), world.anchor, enabled=True)
        assert refusal(world.ask()) == REVOKED

    def test_a_list_counts_for_its_trust_anchor_alone(self, world: World) -> None:
        other = world.service.create_trust_anchor(CA.certificate_pem)
        world.service.import_crl(revocation_list(CA, [LEAF]), other, enabled=True)
        assert world.ask().status == 201
        assert refusal(world.ask(trustAnchorArn=other.arn)) == REVOKED

    def test_an_empty_list_revokes_nothing(self, world: World) -> None:
        world.service.import_crl(revocation_list(CA), world.anchor, enabled=True)
        assert world.ask().status == 201

    def test_an_intermediate_that_its_root_revoked(self, world: World) -> None:
        assert world.ask(DEEP).status == 201
        world.service.import_crl(revocation_list(CA, [UPPER]), world.anchor, enabled=True)
        assert refusal(world.ask(DEEP)) == REVOKED
        # It does no harm to those who do not need it.
        assert world.send(sign_as(LEAF, world.body(), chain=[UPPER.certificate])).status == 201

    def test_the_leaf_comes_first_and_the_profile_after(self, world: World) -> None:
        unfit = CA.issue(key_usage=None)
        expired = CA.issue(valid_from=NOW - timedelta(days=2), valid_for=timedelta(days=1))
        world.service.import_crl(revocation_list(CA, [unfit, expired, LEAF]), world.anchor, enabled=True)
        assert refusal(world.ask(unfit))[2] == "Untrusted certificate. Insufficient certificate"
        assert refusal(world.ask(expired))[2] != REVOKED[2]
        assert refusal(world.ask(profileArn=world.profile.arn + "0")) == REVOKED

    @pytest.mark.parametrize(
        "crl",
        [revocation_list(CertificateAuthority("CN=Other")), b"nonsense", revocation_list(CA, [LEAF]) * 2],
        ids=["another CA", "nonsense", "two"],
    )
    def test_what_cannot_be_imported(self, world: World, crl: bytes) -> None:
        with pytest.raises(ConfigurationError):
            world.service.import_crl(crl, world.anchor, enabled=True)


class TestWhoseListItIs:
    def test_of_the_leafs_issuer(self) -> None:
        assert is_revoked(DEEP, revocation_list(LOWER, [DEEP]))
        assert is_revoked(DEEP, revocation_list(UPPER, [LOWER]))

    def test_the_same_serial_number_of_another_issuer(self) -> None:
        assert not is_revoked(DEEP, revocation_list(UPPER, [DEEP]))
        assert not is_revoked(DEEP, revocation_list(CA, [DEEP, LOWER]))
        twin = CA.issue("CN=twin", serial_number=DEEP.certificate.serial_number)
        assert not is_revoked(twin, revocation_list(LOWER, [DEEP]))

    def test_signed_by_another_key_under_the_right_name(self) -> None:
        impostor = CertificateAuthority("CN=Root,O=Example")
        assert not is_revoked(LEAF, revocation_list(CA, [LEAF], signed_by=impostor))
        assert not is_revoked(LEAF, revocation_list(impostor, [LEAF]))

    def test_signed_by_the_new_key_of_the_ca_that_is_a_trust_anchor_too(self) -> None:
        renewed = CertificateAuthority("CN=Root,O=Example")
        anchors = [CA.certificate, renewed.certificate]
        with pytest.raises(Refusal, match="revoked"):
            verify_not_revoked(LEAF.certificate, [], anchors, load(revocation_list(renewed, [LEAF])), NOW)
        verify_not_revoked(LEAF.certificate, [], anchors, load(revocation_list(renewed, [1])), NOW)

    def test_the_anchor_itself_cannot_be_revoked(self) -> None:
        assert not is_revoked(LEAF, revocation_list(CA, [CA]))
        assert not is_revoked(DEEP, revocation_list(CA, [UPPER]), anchor=UPPER)

    def test_another_path_saves_a_leaf(self) -> None:
        """Root A certified the issuer twice; a list of A revokes one of the two certificates, or both."""
        issuer = CA.issue_ca("CN=Twice")
        again = CA.issue_ca("CN=Twice", private_key=issuer.private_key)
        leaf = issuer.issue()
        both = IssuedCertificate(leaf.certificate, leaf.private_key, (issuer.certificate, again.certificate))
        assert not is_revoked(both, revocation_list(CA, [issuer]))
        assert not is_revoked(both, revocation_list(CA, [again]))
        assert is_revoked(both, revocation_list(CA, [issuer, again]))
        assert is_revoked(both, revocation_list(CA, [issuer]), revocation_list(CA, [again]))
        assert is_revoked(leaf, revocation_list(CA, [issuer]))

    @pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-521", "Ed25519"])
    def test_issuers_with_any_key(self, key_type: str) -> None:
        ca = CertificateAuthority(key_type=key_type)
        leaf = ca.issue()
        assert is_revoked(leaf, revocation_list(ca, [leaf]), anchor=ca)
        assert not is_revoked(leaf, revocation_list(ca, [1]), anchor=ca)

    def test_an_issuer_without_the_right_to_sign_lists(self) -> None:
        ca = CertificateAuthority(key_usage=["keyCertSign"])
        leaf = ca.issue()
        assert is_revoked(leaf, revocation_list(ca, [leaf]), anchor=ca)


INDIRECT = (
    x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=True,
        only_contains_attribute_certs=False,
    ),
    True,
)


def of_another(name: str = "CN=Other") -> x509.CertificateIssuer:
    return x509.CertificateIssuer([x509.DirectoryName(x509.Name.from_rfc4514_string(name))])


class TestListsOfEveryKind:
    @pytest.mark.parametrize(
        "options",
        [
            {"days": (-30, -1)},
            {"days": (1, 7)},
            {"extensions": [(x509.DeltaCRLIndicator(1), True), (x509.CRLNumber(2), False)]},
            {"extensions": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]},
            {"extensions": [INDIRECT]},
        ],
        ids=["expired", "not yet valid", "delta", "an unknown critical extension", "indirect"],
    )
    def test_what_stands_in_it_is_revoked(self, options: dict[str, Any]) -> None:
        assert is_revoked(LEAF, revocation_list(CA, [LEAF], **options))
        assert not is_revoked(LEAF, revocation_list(CA, [1], **options))

    @pytest.mark.parametrize("reason", [each for each in x509.ReasonFlags if each.value != "removeFromCRL"])
    def test_every_reason_revokes(self, reason: x509.ReasonFlags) -> None:
        entry = (LEAF.certificate.serial_number, x509.CRLReason(reason))
        assert is_revoked(LEAF, revocation_list(CA, [entry]))

    def test_what_a_delta_removes_is_not_revoked(self) -> None:
        entry = (LEAF.certificate.serial_number, x509.CRLReason(x509.ReasonFlags.remove_from_crl))
        assert not is_revoked(LEAF, revocation_list(CA, [entry], extensions=[(x509.DeltaCRLIndicator(1), True)]))

    def test_entries_of_another_issuer_and_those_behind_them(self) -> None:
        number = LEAF.certificate.serial_number
        assert not is_revoked(LEAF, revocation_list(CA, [(number, of_another())], extensions=[INDIRECT]))
        assert not is_revoked(LEAF, revocation_list(CA, [(1, of_another()), number], extensions=[INDIRECT]))
        back = (number, of_another("CN=Root,O=Example"))
        assert is_revoked(LEAF, revocation_list(CA, [(1, of_another()), back], extensions=[INDIRECT]))
        unnamed = x509.CertificateIssuer([x509.DNSName("a.example")])
        assert not is_revoked(LEAF, revocation_list(CA, [(number, unnamed)], extensions=[INDIRECT]))

    def test_the_longest_list_that_the_service_takes_is_read_once(self) -> None:
        data = long_list(CA, 7500)
        assert 250_000 < len(data) < 300_000
        before = _read.cache_info().misses
        # Another object of the same content is the same list.
        found = [read_list(bytes(bytearray(data)), x509.load_der_x509_crl(data)) for _ in range(5)]
        assert {len(each.serial_numbers) for each in found} == {7500}
        assert _read.cache_info().misses == before + 1


def long_list(ca: CertificateAuthority, length: int) -> bytes:
    entries = [x509.RevokedCertificateBuilder((1 << 150) + number, NOW).build() for number in range(length)]
    # The builder copies all entries with each one that is added: here it gets them at once.
    builder = x509.CertificateRevocationListBuilder(ca.certificate.subject, NOW, NOW + timedelta(days=1), [], entries)
    signed = builder.sign(ca.private_key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)
