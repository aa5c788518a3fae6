"""ML-DSA at the local service: leaves and CAs of each parameter set, long headers, revocation, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from rolesanywhere_signer import (
    AccessDeniedError,
    ConfigurationError,
    Identity,
    RolesAnywhereClient,
    Settings,
    validate_certificate,
    validate_trust_anchor,
)
from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest, IssuedCertificate, LocalRolesAnywhere
from tests.emulator.signing import NOW, sign, sign_as
from tests.emulator.world import INVALID_SIGNATURE, UNTRUSTED, World, refusal
from tests.support.ml_dsa import NAMES, needs_ml_dsa

pytestmark = needs_ml_dsa
REVOKED = (403, "AccessDeniedException", "Certificate revoked")


@pytest.fixture(scope="module")
def root() -> CertificateAuthority:
    return CertificateAuthority("CN=ML-DSA root", key_type="ML-DSA-44")


@pytest.fixture
def world(root: CertificateAuthority) -> World:
    return World(root)


class TestWhoIsBelieved:
    @pytest.mark.parametrize("of_leaf", NAMES)
    @pytest.mark.parametrize("of_ca", [*NAMES, "P-256", "RSA-2048"])
    def test_each_leaf_of_each_ca(self, of_leaf: str, of_ca: str) -> None:
        ca = CertificateAuthority("CN=Root", key_type=of_ca)
        request = sign_as(ca.issue(key_type=of_leaf), World(ca).body())
        [authorization] = request.values("authorization")
        assert authorization.startswith("AWS4-X509-MLDSA Credential=")

    @pytest.mark.parametrize("of_leaf", [*NAMES, "P-384"])
    @pytest.mark.parametrize("of_ca", [*NAMES, "P-256"])
    def test_they_get_credentials(self, of_leaf: str, of_ca: str) -> None:
        ca = CertificateAuthority("CN=Root", key_type=of_ca)
        assert World(ca).ask(ca.issue(key_type=of_leaf)).status == 201

    def test_an_intermediate_of_another_kind(self, root: CertificateAuthority, world: World) -> None:
        for kind in ("P-256", "ML-DSA-87"):
            lower = root.issue_ca(f"CN=Lower {kind}", key_type=kind)
            assert world.ask(lower.issue(key_type="ML-DSA-65")).status == 201

    def test_a_leaf_of_another_ca_with_the_same_name(self, root: CertificateAuthority, world: World) -> None:
        stranger = CertificateAuthority("CN=ML-DSA root", key_type="ML-DSA-44")
        assert refusal(world.ask(stranger.issue(key_type="ML-DSA-44"))) == UNTRUSTED
        assert refusal(world.ask(root.issue(key_type="ML-DSA-44", wrong_signature=True))) == UNTRUSTED


class TestSignatures:
    @pytest.fixture
    def leaf(self, root: CertificateAuthority) -> IssuedCertificate:
        return root.issue(key_type="ML-DSA-44")

    def test_another_key(self, world: World, leaf: IssuedCertificate) -> None:
        other = CertificateAuthority(key_type="ML-DSA-44").private_key
        request = sign(other, leaf.certificate, world.body())  # type: ignore[arg-type]
        assert refusal(world.send(request)) == INVALID_SIGNATURE

    @pytest.mark.parametrize("other", ["AWS4-X509-RSA-SHA256", "AWS4-X509-ECDSA-SHA256", "AWS4-X509-MLDSA-SHA256"])
    def test_another_algorithm(self, world: World, leaf: IssuedCertificate, other: str) -> None:
        assert refusal(world.send(sign_as(leaf, world.body(), algorithm=other))) == INVALID_SIGNATURE

    @pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
    def test_its_algorithm_with_another_key(self, root: CertificateAuthority, world: World, kind: str) -> None:
        request = sign_as(root.issue(key_type=kind), world.body(), algorithm="AWS4-X509-MLDSA")
        assert refusal(world.send(request)) == INVALID_SIGNATURE

    def test_a_context(self, world: World, leaf: IssuedCertificate) -> None:
        """What is signed with a context is another signature, though of the same key over the same string."""

        class MLDSAWithContext:
            def sign(self, data: bytes) -> bytes:
                return bytes(leaf.private_key.sign(data, b"context"))  # type: ignore[call-arg, arg-type]

        key: Any = MLDSAWithContext()
        assert refusal(world.send(sign(key, leaf.certificate, world.body()))) == INVALID_SIGNATURE

    def test_another_body(self, world: World, leaf: IssuedCertificate) -> None:
        request = sign_as(leaf, world.body())
        assert world.send(request).status == 201
        altered = HttpRequest(request.method, request.target, request.headers, world.body(durationSeconds=900))
        assert refusal(world.send(altered)) == INVALID_SIGNATURE


class TestRevocation:
    def test_a_list_of_an_ml_dsa_ca(self) -> None:
        ca = CertificateAuthority("CN=Revoking", key_type="ML-DSA-65")
        world = World(ca)
        leaf, other = ca.issue(key_type="ML-DSA-44"), ca.issue(key_type="P-256")
        ca.revoke(leaf)
        world.service.import_crl(ca.crl().pem, world.anchor, enabled=True)
        assert refusal(world.ask(leaf)) == REVOKED
        assert world.ask(other).status == 201

    def test_a_list_of_an_ml_dsa_intermediate(self, root: CertificateAuthority, world: World) -> None:
        lower = root.issue_ca("CN=Lower", key_type="ML-DSA-44")
        root.revoke(lower)
        world.service.import_crl(root.crl().pem, world.anchor, enabled=True)
        assert refusal(world.ask(lower.issue(key_type="ML-DSA-44"))) == REVOKED

    @pytest.mark.parametrize("kind", ["ML-DSA-44", "ML-DSA-87", "P-256"])
    def test_a_list_that_another_ca_signed(self, root: CertificateAuthority, world: World, kind: str) -> None:
        stranger = CertificateAuthority("CN=ML-DSA root", key_type=kind)
        with pytest.raises(ConfigurationError):
            world.service.import_crl(root.crl(signed_by=stranger).pem, world.anchor)

    def test_a_list_with_a_bit_turned(self, root: CertificateAuthority, world: World) -> None:
        with pytest.raises(ConfigurationError):
            world.service.import_crl(root.crl(wrong_signature=True).pem, world.anchor)


class TestFindings:
    def test_nothing_is_said_of_the_hash(self, root: CertificateAuthority) -> None:
        leaf = root.issue_ca("CN=Lower", key_type="ML-DSA-87").issue(key_type="ML-DSA-65")
        report = validate_certificate(
            leaf.certificate_pem, leaf.private_key_pem, leaf.chain_pem, root.certificate_pem, at=NOW
        )
        assert report.findings == ()
        assert validate_trust_anchor(root.certificate_pem, at=NOW).findings == ()

    def test_another_key(self, root: CertificateAuthority) -> None:
        leaf, other = root.issue(key_type="ML-DSA-65"), root.issue(key_type="ML-DSA-65")
        report = validate_certificate(leaf.certificate_pem, other.private_key_pem, None, root.certificate_pem, at=NOW)
        assert [each.code for each in report.findings] == ["key-mismatch"]


class TestOverHttp:
    """The library's client and the local service's server, each with its own limits of headers."""

    @pytest.fixture
    def service(self) -> Iterator[LocalRolesAnywhere]:
        with LocalRolesAnywhere(region="eu-central-1") as running:
            yield running

    def client(self, service: LocalRolesAnywhere, ca: CertificateAuthority, leaf: IssuedCertificate) -> Any:
        arns = {
            "trust_anchor_arn": service.create_trust_anchor(ca.certificate_pem).arn,
            "role_arn": (role := service.create_role("reader")).arn,
            "profile_arn": service.create_profile([role]).arn,
        }
        identity = Identity.from_bytes(leaf.certificate_pem, leaf.private_key_pem, leaf.chain_pem)
        return RolesAnywhereClient(Settings(**arns, endpoint_url=service.url), identity)

    def test_five_intermediates_of_the_largest_kind(self, service: LocalRolesAnywhere) -> None:
        ca = lowest = CertificateAuthority("CN=Root", key_type="ML-DSA-87")
        for number in range(5):
            lowest = lowest.issue_ca(f"CN=Lower {number}", key_type="ML-DSA-87")
        leaf = lowest.issue(key_type="ML-DSA-87")
        credentials = self.client(service, ca, leaf).create_session()
        assert credentials.subject_arn
        [call] = service.calls
        [chain] = call.request.values("x-amz-x509-chain")
        assert chain.count(",") == 4
        assert 48_000 < len(chain) < 65_000
        [authorization] = call.request.values("authorization")
        assert len(authorization) > 2 * 4627

    def test_a_revoked_one_is_told(self, service: LocalRolesAnywhere) -> None:
        ca = CertificateAuthority("CN=Root", key_type="ML-DSA-44")
        leaf = ca.issue(key_type="ML-DSA-44")
        client = self.client(service, ca, leaf)
        client.create_session()
        ca.revoke(leaf, at=NOW - timedelta(hours=1))
        [anchor] = {json.loads(call.request.body)["trustAnchorArn"] for call in service.calls}
        service.import_crl(ca.crl().pem, anchor, enabled=True)
        with pytest.raises(AccessDeniedError, match="revoked"):
            client.create_session()
