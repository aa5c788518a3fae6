"""LocalRolesAnywhere and its resources: what may be made, and what is refused in our own words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import CertificateLoadError, CertificateRejectedError, ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, CertificateOptions, LocalRolesAnywhere
from tests.emulator.world import CA, World

ANCHOR_ARN = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/1"


@pytest.fixture
def service() -> LocalRolesAnywhere:
    return LocalRolesAnywhere()


class TestService:
    @pytest.mark.parametrize("region", ["", "nowhere", "us east 1", 5, None])
    def test_bad_regions(self, region: Any) -> None:
        with pytest.raises(ConfigurationError, match="region"):
            LocalRolesAnywhere(region)

    @pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "abc", None])
    def test_bad_accounts(self, account: Any) -> None:
        with pytest.raises(ConfigurationError, match="12 digits"):
            LocalRolesAnywhere("us-east-1", account)

    def test_the_repr_says_where_it_is(self, service: LocalRolesAnywhere) -> None:
        assert repr(service) == "<LocalRolesAnywhere us-east-1 123456789012, not listening>"
        with service:
            assert repr(service) == f"<LocalRolesAnywhere us-east-1 123456789012, {service.url}>"

    def test_a_naive_clock_is_refused(self) -> None:
        world = World()
        good = world.service.clock
        world.service.clock = lambda: good().replace(tzinfo=None)
        with pytest.raises(ConfigurationError, match="without a time zone"):
            world.ask()


class TestTrustAnchors:
    def test_what_is_returned(self, service: LocalRolesAnywhere) -> None:
        anchor = service.create_trust_anchor(CA.certificate_pem, name="mine")
        assert anchor.arn.startswith("arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/")
        assert (anchor.name, anchor.enabled, anchor.certificates) == ("mine", True, (CA.certificate,))
        assert "BEGIN" not in repr(anchor)

    def test_the_arn_may_be_chosen(self, service: LocalRolesAnywhere) -> None:
        assert service.create_trust_anchor(CA.certificate_pem, arn=ANCHOR_ARN).arn == ANCHOR_ARN

    def test_text_and_paths_are_taken_too(self, service: LocalRolesAnywhere, tmp_path: Path) -> None:
        path = CA.write(tmp_path).certificate
        for source in (CA.certificate_pem.decode(), path, str(path)):
            assert service.create_trust_anchor(source).certificates == (CA.certificate,)

    @pytest.mark.parametrize("source", [b"", b"nonsense", "/does/not/exist", "-----BEGIN CERTIFICATE-----\nAA"])
    def test_what_is_no_certificate(self, service: LocalRolesAnywhere, source: bytes | str) -> None:
        with pytest.raises(CertificateLoadError):
            service.create_trust_anchor(source)

    @pytest.mark.parametrize("ca", [False, None])
    def test_what_is_no_ca_is_refused_in_the_services_words(self, service: LocalRolesAnywhere, ca: bool | None) -> None:
        with pytest.raises(CertificateRejectedError) as caught:
            service.create_trust_anchor(CertificateAuthority(ca=ca).certificate_pem)
        assert caught.value.message == "Incorrect basic constraints for CA certificate"
        assert "not-a-ca" in {finding.code for finding in caught.value.findings}

    @pytest.mark.parametrize(
        ("options", "code"),
        [({"key_usage": ["cRLSign"]}, "cannot-sign-certificates"), ({"key_usage": None}, "cannot-sign-certificates")],
    )
    def test_what_cannot_sign_is_refused(
        self, service: LocalRolesAnywhere, options: CertificateOptions, code: str
    ) -> None:
        with pytest.raises(CertificateRejectedError, match=code):
            service.create_trust_anchor(CertificateAuthority(**options).certificate_pem)

    def test_dates_do_not_count_here(self, service: LocalRolesAnywhere) -> None:
        old = CertificateAuthority(valid_from=service.clock() - timedelta(days=9), valid_for=timedelta(days=1))
        assert service.create_trust_anchor(old.certificate_pem).enabled

    def test_a_leaf_is_no_anchor(self, service: LocalRolesAnywhere) -> None:
        with pytest.raises(CertificateRejectedError, match="Incorrect basic constraints"):
            service.create_trust_anchor(CA.certificate_pem + CA.issue().certificate_pem)


class TestRoles:
    def test_what_is_returned(self, service: LocalRolesAnywhere) -> None:
        role = service.create_role("s3-reader", 7200)
        assert role.arn == "arn:aws:iam::123456789012:role/s3-reader"
        assert (role.name, role.max_session_duration_seconds) == ("s3-reader", 7200)

    def test_a_path_comes_with_the_arn(self, service: LocalRolesAnywhere) -> None:
        arn = "arn:aws:iam::123456789012:role/team/one/reader"
        assert service.create_role("reader", arn=arn).arn == arn
        with pytest.raises(ConfigurationError, match="does not end with"):
            service.create_role("writer", arn=arn)

    @pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "é", None])
    def test_bad_names(self, service: LocalRolesAnywhere, name: Any) -> None:
        if name is None:
            name = ("not", "text")
        with pytest.raises(ConfigurationError, match="not the name of a role"):
            service.create_role(name)

    @pytest.mark.parametrize("seconds", [3599, 43201, 3600.0, "3600", True, None])
    def test_bad_durations(self, service: LocalRolesAnywhere, seconds: Any) -> None:
        with pytest.raises(ConfigurationError, match="max_session_duration_seconds must be"):
            service.create_role("a", seconds)


class TestProfiles:
    def test_what_is_returned(self, service: LocalRolesAnywhere) -> None:
        role = service.create_role("reader")
        profile = service.create_profile([role, "arn:aws:iam::123456789012:role/x"], 900, name="mine")
        assert profile.arn.startswith("arn:aws:rolesanywhere:us-east-1:123456789012:profile/")
        assert profile.role_arns == (role.arn, "arn:aws:iam::123456789012:role/x")
        assert (profile.name, profile.duration_seconds, profile.enabled) == ("mine", 900, True)
        assert not profile.accept_role_session_name

    @pytest.mark.parametrize("seconds", [899, 43201, 3600.5, None])
    def test_bad_durations(self, service: LocalRolesAnywhere, seconds: Any) -> None:
        with pytest.raises(ConfigurationError, match="duration_seconds must be whole seconds from 900 to 43200"):
            service.create_profile([], seconds)

    @pytest.mark.parametrize("roles", ["arn:aws:iam::123456789012:role/x", ["reader"], [5]])
    def test_bad_roles(self, service: LocalRolesAnywhere, roles: Any) -> None:
        with pytest.raises(ConfigurationError):
            service.create_profile(roles)

    def test_one_role_is_no_list(self, service: LocalRolesAnywhere) -> None:
        with pytest.raises(ConfigurationError, match="must be a list"):
            service.create_profile(service.create_role("x"))  # type: ignore[arg-type]


class TestArns:
    @pytest.mark.parametrize(
        "arn",
        [
            "x",
            ANCHOR_ARN.replace("us-east-1", "us-west-2"),
            ANCHOR_ARN.replace("123456789012", "210987654321"),
            ANCHOR_ARN.replace("arn:aws:", "arn:aws-cn:"),
            ANCHOR_ARN.replace("trust-anchor", "profile"),
        ],
    )
    def test_of_something_else(self, service: LocalRolesAnywhere, arn: str) -> None:
        with pytest.raises(ConfigurationError):
            service.create_trust_anchor(CA.certificate_pem, arn=arn)

    def test_none_is_there_twice(self, service: LocalRolesAnywhere) -> None:
        service.create_trust_anchor(CA.certificate_pem, arn=ANCHOR_ARN)
        service.create_role("reader")
        with pytest.raises(ConfigurationError, match="exists already"):
            service.create_trust_anchor(CA.certificate_pem, arn=ANCHOR_ARN)
        with pytest.raises(ConfigurationError, match="exists already"):
            service.create_role("reader")
