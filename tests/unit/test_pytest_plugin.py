"""The fixtures for pytest, as a user's own tests have them: in a folder and a process of their own."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import botocore.session
import pytest

from rolesanywhere_signer.pytest_plugin import LocalIdentity
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere

FIVE_LINES = """
def test_who_i_am(rolesanywhere_session, rolesanywhere_service):
    sts = rolesanywhere_session.create_client("sts")
    assert ":assumed-role/application/" in sts.get_caller_identity()["Arn"]
    assert [call.status for call in rolesanywhere_service.calls] == [201]
"""
NO_BOTO3 = """
import sys
sys.modules["boto3"] = None
"""


def test_it_is_registered() -> None:
    [entry] = importlib.metadata.entry_points(group="pytest11", name="rolesanywhere")
    assert entry.value == "rolesanywhere_signer.pytest_plugin"


def passes(pytester: pytest.Pytester, passed: int, *arguments: str) -> pytest.RunResult:
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments, timeout=120)
    result.assert_outcomes(passed=passed)
    assert result.ret == 0
    return result


def test_five_lines(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(NO_BOTO3)
    pytester.makepyfile(FIVE_LINES)
    passes(pytester, 1)


def test_who_uses_no_fixture_pays_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "rolesanywhere_signer.pytest_plugin" in sys.modules
            assert not {"cryptography", "botocore", "boto3", "requests"} & set(sys.modules)
        """
    )
    passes(pytester, 1)


def test_in_this_process(
    rolesanywhere_session: botocore.session.Session,
    rolesanywhere_identity: LocalIdentity,
    rolesanywhere_service: LocalRolesAnywhere,
    rolesanywhere_ca: CertificateAuthority,
    tmp_path: Path,
) -> None:
    assert rolesanywhere_session.create_client("sts").get_caller_identity()["Account"] == "123456789012"
    assert rolesanywhere_identity.endpoint_url == rolesanywhere_service.url == os.environ["AWS_ENDPOINT_URL_STS"]
    assert rolesanywhere_identity.certificate.is_relative_to(tmp_path)
    assert os.stat(rolesanywhere_identity.private_key).st_mode & 0o077 == 0
    anchor = rolesanywhere_service.create_trust_anchor(rolesanywhere_ca.certificate_pem)
    assert anchor.arn != rolesanywhere_identity.trust_anchor_arn


def test_what_is_shared_in_this_process(
    rolesanywhere_shared_session: botocore.session.Session, rolesanywhere_shared_service: LocalRolesAnywhere
) -> None:
    # This suite's own fixture hides AWS settings after the shared service has named its endpoint.
    sts = rolesanywhere_shared_session.create_client("sts", endpoint_url=rolesanywhere_shared_service.url)
    assert sts.get_caller_identity()["Account"] == "123456789012"
    assert len(rolesanywhere_shared_service.calls) == 1
