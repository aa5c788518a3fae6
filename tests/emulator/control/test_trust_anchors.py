"""Trust anchors by boto3: where their certificates come from, what is refused, their notification settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere, assumptions
from tests.emulator.control.world import (
    ACCOUNT,
    OTHER_CA,
    PEM,
    PRIVATE_CA,
    Clock,
    bundle,
    invalid,
    missing,
    new_anchor,
    new_crl,
)
from tests.emulator.signing import NOW
from tests.emulator.world import CA

NOT_A_CA = "Incorrect basic constraints for CA certificate"
PCA_REFUSED = "Error creating TrustAnchor. Given AWS PCA did not allow get request.: "
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"
SERVICE, EVENTS = "rolesanywhere.amazonaws.com", ("CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY")


def private_ca(arn: str = PRIVATE_CA) -> dict[str, Any]:
    return {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": arn}}


class TestSources:
    def test_the_pem_comes_back_as_it_was_given(self, client: Any) -> None:
        text = f"# Root of Example\r\n{PEM}"
        assert new_anchor(client, source=bundle(text))["source"] == bundle(text)

    def test_two_certificates(self, client: Any, service: LocalRolesAnywhere) -> None:
        made = new_anchor(client, source=bundle(PEM + OTHER_CA.certificate_pem.decode()))
        anchor = service._account.trust_anchor(made["trustAnchorArn"])
        assert anchor is not None
        assert anchor.certificates == (CA.certificate, OTHER_CA.certificate)

    def test_a_key_beside_the_certificate_is_not_kept(self, client: Any) -> None:
        made = new_anchor(client, source=bundle(CA.private_key_pem.decode() + PEM))
        assert made["source"] == bundle(PEM)

    @pytest.mark.parametrize("ca", [CertificateAuthority(ca=False), CertificateAuthority(ca=None), CA.issue("CN=leaf")])
    def test_what_is_no_ca(self, client: Any, ca: CertificateAuthority) -> None:
        with invalid(NOT_A_CA):
            new_anchor(client, source=bundle(ca.certificate_pem.decode()))

    def test_a_ca_that_may_not_sign(self, client: Any) -> None:
        with invalid():
            new_anchor(client, source=bundle(CertificateAuthority(key_usage=["cRLSign"]).certificate_pem.decode()))

    @pytest.mark.parametrize("text", ["x", "-----BEGIN CERTIFICATE-----\nAA", "-----BEGIN CERTIFICATE-----\nAA=="])
    def test_what_is_no_pem(self, client: Any, text: str) -> None:
        with invalid(assumptions.UNREADABLE_BUNDLE):
            new_anchor(client, source=bundle(text))

    def test_a_private_ca(self, client: Any, service: LocalRolesAnywhere) -> None:
        service.register_private_ca(PRIVATE_CA, CA.certificate_pem)
        made = new_anchor(client, source=private_ca())
        assert made["source"] == private_ca()
        assert client.get_trust_anchor(trustAnchorId=made["trustAnchorId"])["trustAnchor"]["source"] == private_ca()

    def test_a_renewed_private_ca_counts_after_an_update(self, client: Any, service: LocalRolesAnywhere) -> None:
        service.register_private_ca(PRIVATE_CA, CA.certificate_pem)
        made = new_anchor(client, source=private_ca())
        service.register_private_ca(PRIVATE_CA, OTHER_CA.certificate_pem)
        anchors = service._account.trust_anchors
        assert [anchor.certificates for anchor in anchors] == [(CA.certificate,)]
        client.update_trust_anchor(trustAnchorId=made["trustAnchorId"], source=private_ca())
        assert [anchor.certificates for anchor in anchors] == [(OTHER_CA.certificate,)]

    def test_a_private_ca_that_nobody_registered(self, client: Any) -> None:
        with invalid(PCA_REFUSED):
            new_anchor(client, source=private_ca())

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ({}, assumptions.SOURCE_TYPE_UNSUPPORTED),
            ({"sourceData": {"x509CertificateData": PEM}}, assumptions.SOURCE_TYPE_UNSUPPORTED),
            ({**bundle(), "sourceType": "SELF_SIGNED_REPOSITORY"}, assumptions.SOURCE_TYPE_UNSUPPORTED),
            ({"sourceType": "CERTIFICATE_BUNDLE"}, assumptions.SOURCE_DATA_MISSING),
            ({**bundle(), "sourceType": "AWS_ACM_PCA"}, assumptions.SOURCE_DATA_MISSING),
            ({**private_ca(), "sourceType": "CERTIFICATE_BUNDLE"}, assumptions.SOURCE_DATA_MISSING),
            (
                {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": PEM, "acmPcaArn": "x"}},
                "source.sourceData must have exactly one member",
            ),
        ],
    )
    def test_sources_that_say_too_little_or_too_much(self, client: Any, source: Any, message: str) -> None:
        with invalid(message):
            new_anchor(client, source=source)


class TestLife:
    def test_without_enabled_it_is_disabled(self, client: Any) -> None:
        assert not new_anchor(client)["enabled"]

    def test_what_an_update_leaves_out_stays(self, client: Any, clock: Clock) -> None:
        made = new_anchor(client, enabled=True)
        clock.pass_seconds(60)
        other = bundle(OTHER_CA.certificate_pem.decode())
        updated = client.update_trust_anchor(trustAnchorId=made["trustAnchorId"], source=other)["trustAnchor"]
        assert (updated["createdAt"], updated["updatedAt"]) == (NOW, NOW + timedelta(seconds=60))
        assert {**updated, "updatedAt": NOW} == {**made, "source": other}

    def test_an_update_that_is_refused_changes_nothing(self, client: Any) -> None:
        made = new_anchor(client)
        with invalid(NOT_A_CA):
            no_ca = bundle(CA.issue().certificate_pem.decode())
            client.update_trust_anchor(trustAnchorId=made["trustAnchorId"], name="new", source=no_ca)
        assert client.get_trust_anchor(trustAnchorId=made["trustAnchorId"])["trustAnchor"] == made

    def test_what_is_deleted_is_gone_with_its_crls(self, client: Any) -> None:
        made, other = new_anchor(client), new_anchor(client)
        new_crl(client, made)
        kept = new_crl(client, other)
        client.delete_trust_anchor(trustAnchorId=made["trustAnchorId"])
        assert client.list_crls()["crls"] == [kept]
        for call in (client.get_trust_anchor, client.delete_trust_anchor, client.enable_trust_anchor):
            with missing(assumptions.RESOURCE_NOT_FOUND):
                call(trustAnchorId=made["trustAnchorId"])

    def test_names_need_not_be_unique(self, client: Any) -> None:
        assert new_anchor(client)["trustAnchorArn"] != new_anchor(client)["trustAnchorArn"]


class TestNotifications:
    def settings(self, client: Any, anchor: dict[str, Any]) -> list[tuple[Any, ...]]:
        found = client.get_trust_anchor(trustAnchorId=anchor["trustAnchorId"])["trustAnchor"]["notificationSettings"]
        return [(s["event"], s["enabled"], s.get("threshold"), s["channel"], s["configuredBy"]) for s in found]

    def test_the_defaults(self, client: Any) -> None:
        defaults = [(event, True, 45, "ALL", SERVICE) for event in EVENTS]
        assert self.settings(client, new_anchor(client)) == defaults

    def test_chosen_at_the_start(self, client: Any) -> None:
        chosen = [{"event": EVENTS[1], "enabled": False}]
        made = new_anchor(client, notificationSettings=chosen)
        expected = [(EVENTS[0], True, 45, "ALL", SERVICE), (EVENTS[1], False, None, "ALL", ACCOUNT)]
        assert self.settings(client, made) == expected

    def test_put_and_reset(self, client: Any) -> None:
        made = new_anchor(client)
        anchor = made["trustAnchorId"]
        put = [{"event": event, "enabled": True, "threshold": 30, "channel": "ALL"} for event in EVENTS]
        client.put_notification_settings(trustAnchorId=anchor, notificationSettings=put)
        assert self.settings(client, made) == [(event, True, 30, "ALL", ACCOUNT) for event in EVENTS]
        client.reset_notification_settings(trustAnchorId=anchor, notificationSettingKeys=[{"event": EVENTS[0]}])
        expected = [(EVENTS[0], True, 45, "ALL", SERVICE), (EVENTS[1], True, 30, "ALL", ACCOUNT)]
        assert self.settings(client, made) == expected

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ([{"event": EVENTS[0], "enabled": True}], assumptions.THRESHOLD_MISSING),
            ([{"event": EVENTS[0], "enabled": False}] * 2, assumptions.EVENT_TWICE),
        ],
    )
    def test_settings_that_are_refused(self, client: Any, settings: list[Any], message: str) -> None:
        made = new_anchor(client)
        with invalid(message):
            client.put_notification_settings(trustAnchorId=made["trustAnchorId"], notificationSettings=settings)
        with invalid(message):
            new_anchor(client, notificationSettings=settings)

    def test_of_a_trust_anchor_that_is_not_there(self, client: Any) -> None:
        with missing():
            client.put_notification_settings(trustAnchorId=UNKNOWN_ID, notificationSettings=[])
        with missing():
            client.reset_notification_settings(trustAnchorId=UNKNOWN_ID, notificationSettingKeys=[])
