"""What is made from Python: the same resources, and bad arguments in our own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import CertificateLoadError, CertificateRejectedError, ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere, TipConfiguration, assumptions
from tests.emulator.control.world import HAS_ALIASES, OTHER_CA, PRIVATE_CA, crl, needs_aliases
from tests.emulator.world import CA


@pytest.fixture
def here() -> LocalRolesAnywhere:
    return LocalRolesAnywhere()


class TestTrustAnchors:
    def test_everything_that_the_counterpart_has(self, here: LocalRolesAnywhere) -> None:
        made = here.create_trust_anchor(
            CA.certificate_pem,
            crl_dp_revocation_enabled=True,
            notification_thresholds={"CA_CERTIFICATE_EXPIRY": 10, "END_ENTITY_CERTIFICATE_EXPIRY": None},
            tags={"team": "one"},
        )
        settings = [(each.enabled, each.threshold, each.configured_by) for each in made.notification_settings]
        assert settings == [(True, 10, "123456789012"), (False, None, "123456789012")]
        assert (made.crl_dp_revocation_enabled, dict(made.tags)) == (True, {"team": "one"})
        assert (made.source_type, made.source_data) == ("CERTIFICATE_BUNDLE", CA.certificate_pem.decode())

    def test_der_becomes_pem_and_a_key_is_left_out(self, here: LocalRolesAnywhere) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        for data in (CA.certificate.public_bytes(Encoding.DER), CA.private_key_pem + CA.certificate_pem):
            assert here.create_trust_anchor(data).source_data == CA.certificate_pem.decode()

    def test_a_private_ca(self, here: LocalRolesAnywhere, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="Given AWS PCA did not allow get request"):
            here.create_trust_anchor(acm_pca_arn=PRIVATE_CA)
        here.register_private_ca(PRIVATE_CA, CA.write(tmp_path).certificate)
        made = here.create_trust_anchor(acm_pca_arn=PRIVATE_CA)
        assert (made.source_type, made.source_data, made.certificates) == ("AWS_ACM_PCA", PRIVATE_CA, (CA.certificate,))

    @pytest.mark.parametrize("arn", ["", "x", PRIVATE_CA.replace("acm-pca", "acm"), PRIVATE_CA + "\n", None])
    def test_what_is_no_private_ca(self, here: LocalRolesAnywhere, arn: Any) -> None:
        with pytest.raises(ConfigurationError, match="not the ARN of a private CA"):
            here.register_private_ca(arn, CA.certificate_pem)

    def test_a_private_cas_certificate_is_checked(self, here: LocalRolesAnywhere) -> None:
        with pytest.raises(CertificateRejectedError, match="Incorrect basic constraints"):
            here.register_private_ca(PRIVATE_CA, CA.issue().certificate_pem)
        with pytest.raises(CertificateLoadError):
            here.register_private_ca(PRIVATE_CA, b"x")

    @pytest.mark.parametrize("given", [{}, {"pem": CA.certificate_pem, "acm_pca_arn": PRIVATE_CA}])
    def test_one_source_is_needed(self, here: LocalRolesAnywhere, given: Any) -> None:
        with pytest.raises(ConfigurationError, match="one of the two"):
            here.create_trust_anchor(**given)

    @pytest.mark.parametrize("thresholds", [{"X": 5}, {"CA_CERTIFICATE_EXPIRY": 0}, {"CA_CERTIFICATE_EXPIRY": True}])
    def test_bad_thresholds(self, here: LocalRolesAnywhere, thresholds: Any) -> None:
        with pytest.raises(ConfigurationError):
            here.create_trust_anchor(CA.certificate_pem, notification_thresholds=thresholds)

    def test_three_certificates(self, here: LocalRolesAnywhere) -> None:
        three = CA.certificate_pem + OTHER_CA.certificate_pem + CertificateAuthority().certificate_pem
        with pytest.raises(ConfigurationError, match=assumptions.TOO_MANY_CERTIFICATES):
            here.create_trust_anchor(three)


class TestProfiles:
    def test_everything_that_the_counterpart_has(self, here: LocalRolesAnywhere) -> None:
        policy = {"Version": "2012-10-17", "Statement": []}
        made = here.create_profile(
            [],
            session_policy=policy,
            managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            require_instance_properties=True,
            attribute_mappings={"x509Subject": ["CN", "CN"], "x509SAN": ["Name"]},
            tip_configuration=TipConfiguration("ENABLED"),
        )
        assert json.loads(made.session_policy or "") == policy
        assert made.managed_policy_arns == ("arn:aws:iam::aws:policy/ReadOnlyAccess",)
        mappings = [(each.certificate_field, each.specifiers) for each in made.attribute_mappings]
        assert mappings == [("x509SAN", ("Name/*",)), ("x509Subject", ("CN",))]
        assert (made.created_by, made.tip_configuration) == (
            "arn:aws:iam::123456789012:root",
            TipConfiguration("ENABLED"),
        )

    @pytest.mark.parametrize("policy", ["", "x", "[]", "5", [], {"a": {1, 2}}, "[" * 100_000])
    def test_what_is_no_policy(self, here: LocalRolesAnywhere, policy: Any) -> None:
        with pytest.raises(ConfigurationError, match="session_policy"):
            here.create_profile([], session_policy=policy)
        with pytest.raises(ConfigurationError, match="trust_policy"):
            here.create_role("x", trust_policy=policy)

    @pytest.mark.parametrize(
        "mappings", [{"subject": ["CN"]}, {"x509Subject": "CN"}, {"x509SAN": ["IP"]}, {"x509Subject": [""]}]
    )
    def test_bad_mappings(self, here: LocalRolesAnywhere, mappings: Any) -> None:
        with pytest.raises(ConfigurationError):
            here.create_profile([], attribute_mappings=mappings)


class TestCrls:
    def test_what_is_returned(self, here: LocalRolesAnywhere, tmp_path: Path) -> None:
        anchor, path = here.create_trust_anchor(CA.certificate_pem), tmp_path / "crl.pem"
        path.write_bytes(crl())
        made = here.import_crl(path, anchor, enabled=True)
        assert (made.trust_anchor_arn, made.name, made.enabled, made.data) == (
            anchor.arn,
            "crl",
            True,
            path.read_bytes(),
        )
        assert not here.import_crl(crl().decode(), anchor.arn, name="mine").enabled

    def test_what_is_refused(self, here: LocalRolesAnywhere) -> None:
        anchor = here.create_trust_anchor(CA.certificate_pem)
        for data, message in ((b"x", assumptions.UNREADABLE_CRL), (crl(OTHER_CA), assumptions.CRL_OF_ANOTHER_CA)):
            with pytest.raises(ConfigurationError, match=message):
                here.import_crl(data, anchor)
        with pytest.raises(ConfigurationError, match=assumptions.CRL_TOO_LARGE):
            here.import_crl(b"x" * 300_001, anchor)
        with pytest.raises(ConfigurationError, match=assumptions.CRL_TRUST_ANCHOR_UNKNOWN):
            here.import_crl(crl(), f"{anchor.arn}0")
        with pytest.raises(ConfigurationError):
            here.import_crl(crl(), "x")
        with pytest.raises(CertificateLoadError):
            here.import_crl("/does/not/exist", anchor)


class TestTagsAndAliases:
    @needs_aliases
    @pytest.mark.parametrize("alias", ["1", "a//b", "aws/x", "x" * 257, 5])
    def test_bad_aliases(self, here: LocalRolesAnywhere, alias: Any) -> None:
        with pytest.raises(ConfigurationError):
            here.create_profile([], alias_name=alias)

    @needs_aliases
    def test_an_alias_has_one_holder(self, here: LocalRolesAnywhere) -> None:
        made = here.create_profile([], alias_name="one")
        assert made.alias_arn == "arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/one"
        with pytest.raises(ConfigurationError, match=assumptions.ALIAS_IN_USE):
            here.create_profile([], alias_name="one")

    @pytest.mark.parametrize("tags", [{"é": "x"}, {"a": "é"}, {"": "x"}, {"aws:x": "y"}, {"a": 5}, {5: "a"}])
    def test_bad_tags(self, here: LocalRolesAnywhere, tags: Any) -> None:
        with pytest.raises(ConfigurationError):
            here.create_profile([], tags=tags)

    def test_where_the_model_has_no_aliases_they_are_none_of_its_business(self, here: LocalRolesAnywhere) -> None:
        if not HAS_ALIASES:
            assert here.create_profile([], alias_name="a//b").alias_name == "a//b"
        assert here.create_profile([], alias_name="").alias_name is None
