"""The fixtures for pytest, as a user's own tests have them: in a folder and a process of their own."""

from __future__ import annotations

import pytest

FIVE_LINES = """
def test_who_i_am(rolesanywhere_session, rolesanywhere_service):
    sts = rolesanywhere_session.create_client("sts")
    assert ":assumed-role/application/" in sts.get_caller_identity()["Arn"]
    assert [call.status for call in rolesanywhere_service.calls] == [201]
"""
FIVE_LINES_WITH_BOTO3 = """
import boto3
def test_who_i_am(rolesanywhere_session):
    sts = boto3.Session(botocore_session=rolesanywhere_session).client("sts")
    assert ":assumed-role/application/" in sts.get_caller_identity()["Arn"]
"""
NO_BOTO3 = """
import sys
sys.modules["boto3"] = None
"""
# What would lead every request astray, if anything read it.
ASTRAY = {
    "AWS_PROFILE": "nobody",
    "AWS_ACCESS_KEY_ID": "AKIAUSER",
    "AWS_SECRET_ACCESS_KEY": "the user's own",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_CA_BUNDLE": "/nowhere.pem",
    "REQUESTS_CA_BUNDLE": "/nowhere.pem",
    "ROLESANYWHERE_CERTIFICATE": "/nowhere.pem",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}
SEES_NOTHING = f"""
import os
ASTRAY = {ASTRAY!r}

def seen():
    return {{name: os.environ[name] for name in ASTRAY if name in os.environ}}
"""


def passes(pytester: pytest.Pytester, passed: int, *arguments: str) -> pytest.RunResult:
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments, timeout=120)
    result.assert_outcomes(passed=passed)
    assert result.ret == 0
    return result


def test_five_lines_with_boto3(pytester: pytest.Pytester) -> None:
    pytest.importorskip("boto3")
    pytester.makepyfile(FIVE_LINES_WITH_BOTO3)
    passes(pytester, 1)


def test_five_lines_with_what_is_shared(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(NO_BOTO3)
    pytester.makepyfile(FIVE_LINES.replace("rolesanywhere_s", "rolesanywhere_shared_s"))
    passes(pytester, 1)


@pytest.mark.parametrize("shared", ["", "shared_"])
def test_the_users_settings_are_hidden_and_come_back(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    for name, value in ASTRAY.items():
        monkeypatch.setenv(name, value)
    test = f"""
def test_a_without():
    assert seen() == ASTRAY

def test_b_with(rolesanywhere_{shared}session, rolesanywhere_{shared}service):
    assert seen() == {{}}
    assert rolesanywhere_{shared}session.get_config_variable("region") == "us-east-1"
    arn = rolesanywhere_{shared}session.create_client("sts").get_caller_identity()["Arn"]
    assert ":assumed-role/application/" in arn

def test_c_without():
    assert seen() == ASTRAY
    assert "AWS_ENDPOINT_URL_STS" not in os.environ

def test_d_with_again(rolesanywhere_{shared}session):
    assert seen() == {{}}
    assert rolesanywhere_{shared}session.create_client("sts").get_caller_identity()
"""
    pytester.makepyfile(SEES_NOTHING + test)
    passes(pytester, 4, "-p", "no:randomly")


def test_each_test_has_its_own_and_all_have_what_is_shared(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        urls, shared, cas, identities = set(), set(), set(), set()

        @pytest.mark.parametrize("number", [1, 2, 3])
        def test_it(number, rolesanywhere_identity, rolesanywhere_session, rolesanywhere_ca,
                    rolesanywhere_shared_identity, rolesanywhere_shared_session, rolesanywhere_shared_ca):
            urls.add(rolesanywhere_identity.trust_anchor_arn)
            cas.add(rolesanywhere_ca)
            shared.add((rolesanywhere_shared_session, rolesanywhere_shared_ca, rolesanywhere_shared_identity))
            assert len(urls) == len(cas) == number
            assert len(shared) == 1
            own = rolesanywhere_session.get_credentials().get_frozen_credentials()
            theirs = rolesanywhere_shared_session.get_credentials().get_frozen_credentials()
            assert own.access_key != theirs.access_key

        def test_one_call_was_enough(rolesanywhere_shared_service):
            assert len(rolesanywhere_shared_service.calls) == 1
        """
    )
    passes(pytester, 4)


def test_fixtures_of_wider_scopes_and_those_asked_for_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        def credentials(rolesanywhere_shared_session):
            return rolesanywhere_shared_session.get_credentials().get_frozen_credentials()

        def test_module(credentials, rolesanywhere_shared_session):
            assert rolesanywhere_shared_session.get_credentials().get_frozen_credentials() == credentials

        @pytest.mark.parametrize("shared", ["", "shared_"])
        def test_by_name(request, shared):
            session = request.getfixturevalue(f"rolesanywhere_{shared}session")
            assert session.get_credentials().access_key.startswith("ASIA")
        """
    )
    passes(pytester, 3)


def test_a_region_of_the_users_choice(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def rolesanywhere_region():
            return "ap-northeast-2"
        """
    )
    pytester.makepyfile(
        """
        def test_it(rolesanywhere_session, rolesanywhere_shared_identity):
            assert rolesanywhere_session.create_client("sts").meta.region_name == "ap-northeast-2"
            assert rolesanywhere_session.get_credentials().access_key
            assert rolesanywhere_shared_identity.trust_anchor_arn.startswith("arn:aws:rolesanywhere:ap-northeast-2:")
        """
    )
    passes(pytester, 1)


def test_pytest_shows_what_each_is_for(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider", timeout=120)
    shown = result.stdout.str().partition("fixtures defined from rolesanywhere_signer.pytest_plugin")[2]
    assert "no docstring available" not in shown
    for what in ("service", "ca", "identity", "session"):
        for name in (f"rolesanywhere_{what} ", f"rolesanywhere_shared_{what} [session scope]"):
            assert f"\n{name}" in shown
    assert "\nrolesanywhere_region [session scope]" in shown
