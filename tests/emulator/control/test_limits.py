"""How much of everything there may be, and how often it may be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere, assumptions
from rolesanywhere_signer.testing.quotas import CallQuotas
from rolesanywhere_signer.testing.refusals import Refusal
from tests.emulator.control.world import (
    ROLE,
    Clock,
    boto3_client,
    bundle,
    invalid,
    new_anchor,
    new_crl,
    new_profile,
    refused,
)
from tests.emulator.signing import NOW
from tests.emulator.world import CA

THREE = (CA.certificate_pem + b"".join(CertificateAuthority(f"CN={n}").certificate_pem for n in range(2))).decode()


class TestLimits:
    def test_fifty_trust_anchors(self, service: LocalRolesAnywhere, client: Any) -> None:
        for _ in range(49):
            service.create_trust_anchor(CA.certificate_pem)
        last = new_anchor(client)
        with invalid(assumptions.TOO_MANY_TRUST_ANCHORS):
            new_anchor(client)
        with pytest.raises(ConfigurationError, match=assumptions.TOO_MANY_TRUST_ANCHORS):
            service.create_trust_anchor(CA.certificate_pem)
        client.delete_trust_anchor(trustAnchorId=last["trustAnchorId"])
        assert new_anchor(client)

    def test_250_profiles(self, service: LocalRolesAnywhere, client: Any) -> None:
        for _ in range(250):
            service.create_profile([])
        with invalid(assumptions.TOO_MANY_PROFILES):
            new_profile(client)

    def test_two_crls_for_each_trust_anchor(self, client: Any) -> None:
        anchor, other = new_anchor(client), new_anchor(client)
        first = new_crl(client, anchor)
        new_crl(client, anchor)
        with invalid(assumptions.TOO_MANY_CRLS):
            new_crl(client, anchor)
        assert new_crl(client, other)
        client.delete_crl(crlId=first["crlId"])
        assert new_crl(client, anchor)

    def test_two_certificates_for_each_trust_anchor(self, client: Any) -> None:
        with invalid(assumptions.TOO_MANY_CERTIFICATES):
            new_anchor(client, source=bundle(THREE))
        made = new_anchor(client)
        with invalid(assumptions.TOO_MANY_CERTIFICATES):
            client.update_trust_anchor(trustAnchorId=made["trustAnchorId"], source=bundle(THREE))

    def test_250_roles_for_each_profile(self, service: LocalRolesAnywhere, client: Any) -> None:
        roles = [f"{ROLE}{n}" for n in range(251)]
        assert new_profile(client, roleArns=roles[:250])["roleArns"] == roles[:250]
        with invalid():
            new_profile(client, roleArns=roles)
        with pytest.raises(ConfigurationError, match=assumptions.TOO_MANY_ROLES):
            service.create_profile(roles)

    def test_without_limits(self) -> None:
        with LocalRolesAnywhere(limits=False) as service:
            for _ in range(60):
                service.create_trust_anchor(CA.certificate_pem)
            client = boto3_client(service)
            anchor = new_anchor(client, source=bundle(THREE))
            for _ in range(3):
                new_crl(client, anchor)
            client.close()


class TestQuotas:
    @pytest.fixture
    def throttled(self, clock: Clock) -> Iterator[Any]:
        with LocalRolesAnywhere(throttle=True) as service:
            service.clock = clock
            client = boto3_client(service)
            yield client
            client.close()

    def test_one_call_a_second_for_each_group(self, throttled: Any, clock: Clock) -> None:
        for call in (throttled.list_profiles, throttled.list_trust_anchors, throttled.list_crls):
            call()
            with refused("ThrottlingException", 429, "Rate exceeded"):
                call()
        with refused("ThrottlingException", 429):
            new_profile(throttled)
        clock.pass_seconds(0.9)
        with refused("ThrottlingException", 429):
            throttled.list_profiles()
        clock.pass_seconds(0.1)
        throttled.list_profiles()

    def test_they_are_off_unless_they_are_asked_for(self, client: Any) -> None:
        for _ in range(5):
            client.list_profiles()

    def test_what_is_refused_for_its_signature_counts_nothing(self, throttled: Any) -> None:
        foreign = boto3_client_of_another_region(throttled)
        with refused("InvalidSignatureException", 403):
            foreign.list_profiles()
        foreign.close()
        throttled.list_profiles()

    def test_a_bucket_fills_with_time_to_its_brim(self) -> None:
        quotas = CallQuotas(enabled=True)
        for at, wanted in ((0.0, 10), (0.25, 2), (0.5, 3), (60.0, 10), (60.05, 0), (60.1, 1)):
            assert count(quotas, at) == wanted

    def test_a_clock_that_was_set_back_fills_nothing(self) -> None:
        quotas = CallQuotas(enabled=True)
        assert count(quotas, 0) == 10
        assert count(quotas, -3600) == 0
        assert count(quotas, -3599.9) == 1


def count(quotas: CallQuotas, at: float) -> int:
    """Return how many calls pass at a moment."""
    return next(passed for passed in range(100) if not passes(quotas, at))


def passes(quotas: CallQuotas, at: float) -> bool:
    try:
        quotas.count("kind", 10, NOW + timedelta(seconds=at))
    except Refusal as refusal:
        assert (refusal.status, refusal.error_code) == (429, "ThrottlingException")
        return False
    return True


def boto3_client_of_another_region(client: Any) -> Any:
    import boto3

    return boto3.client(
        "rolesanywhere",
        region_name="eu-west-1",
        endpoint_url=client.meta.endpoint_url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="x",
    )
