"""The causes of a refusal in their order: what is known here comes first, and is told from guesses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from rolesanywhere_signer import AccessDeniedError, Identity, InvalidRequestError, Settings, ThrottledError
from rolesanywhere_signer.diagnosis import Cause, Circumstances, causes_of, hint_of

from .pki import Issued, chain, issue

LEAF, SECOND, FIRST, ROOT = chain()
ANCHOR = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:trust-anchor/0a1b2c3d"
PROFILE = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:profile/4e5f6a7b"
ROLE = "arn:aws:iam::123456789012:role/path/s3-reader"
UNABLE = f"Unable to assume role for {ROLE}"


def causes(
    said: str,
    leaf: Issued = LEAF,
    intermediates: tuple[Issued, ...] = (SECOND, FIRST),
    anchor: Issued | None = None,
    skew: timedelta | None = timedelta(0),
    **settings: Any,
) -> tuple[Cause, ...]:
    bundle = b"".join(issued.pem for issued in intermediates)
    known = Circumstances(
        settings=Settings(ANCHOR, PROFILE, ROLE, **settings),
        loaded=Identity.from_bytes(leaf.pem, leaf.key_pem, bundle or None).current,
        anchors=[anchor.certificate] if anchor else None,
        now=datetime.now(timezone.utc),
        skew=skew,
    )
    found = causes_of(AccessDeniedError("AccessDeniedException", status=403, service_message=said), known)
    assert all(cause.reason and cause.check for cause in found)
    assert not any("\n" in cause.reason + cause.check for cause in found)
    return found


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        ("Invalid signature", ["changed the request", "another host name"]),
        ("Untrusted certificate. Insufficient certificate", ["demanded", "same name"]),
        ("Certificate revoked", ["revocation list", "two certificates"]),
        ("Specified Trust Anchor wasn't found.", ["there is no trust anchor", "not of account 123456789012"]),
        (
            "Invalid or empty profile provided.",
            ["does not exist", "is disabled", "has no roles", "another account or region"],
        ),
        ("Requested Role isn't one of those listed in the Profile.", ["not among the roles", "spelling"]),
        ("Not authorized to set roleSessionName.", ["does not let a session be named"]),
        (UNABLE, ["does not allow", "condition", "there is no role", "organisation"]),
        (f"{UNABLE} The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", ["maximum"]),
        (
            f"{UNABLE}. Some attributes failed to be mapped into session tags. Subject: [ CN ]; SAN: [ DNS/2 ]",
            ["on x509Subject/CN, x509SAN/DNS/2", "does not allow", "condition", "there is no role", "organisation"],
        ),
    ],
)
def test_the_likeliest_comes_first(said: str, reasons: list[str]) -> None:
    found = causes(said)
    assert len(found) == len(reasons)
    assert [words for words, cause in zip(reasons, found, strict=True) if words not in cause.reason] == []


class TestWhatIsKnownHere:
    """What is certain stands first, and is the only thing in the hint."""

    def test_a_clock_that_is_wrong(self) -> None:
        found = causes("Invalid signature", skew=timedelta(minutes=30))
        assert found[0] == Cause("this machine's clock is 1,800 s behind the service's", "set it by NTP", True)
        assert hint_of(found) == "this machine's clock is 1,800 s behind the service's; set it by NTP"
        assert not any("agree" in cause.reason for cause in found)

    def test_a_clock_that_nothing_is_known_of_is_the_likeliest(self) -> None:
        found = causes("Invalid signature", skew=None)
        assert "clock" in found[0].reason
        assert not found[0].is_certain

    @pytest.mark.parametrize(
        ("url", "other"),
        [
            ("https://rolesanywhere.eu-west-1.amazonaws.com", "eu-west-1"),
            ("https://rolesanywhere-fips.us-east-1.api.aws/path", "us-east-1"),
            ("https://rolesanywhere.ap-northeast-2.amazonaws.com", None),
            ("https://vpce-1-abc.rolesanywhere.eu-west-1.vpce.amazonaws.com", None),
            ("https://127.0.0.1:8443", None),
        ],
    )
    def test_an_endpoint_of_another_region(self, url: str, other: str | None) -> None:
        first = causes("Invalid signature", endpoint_url=url)[0]
        assert first.is_certain == (other is not None)
        if other is not None:
            assert f"is in {other}, and the request is signed for ap-northeast-2" in first.reason

    def test_a_request_that_is_signed_for_another_region_than_the_trust_anchor_s(self) -> None:
        first = causes("Invalid signature", region="eu-west-1", endpoint_url="https://127.0.0.1:8443")[0]
        assert first.reason == "the request is signed for eu-west-1, and the trust anchor is in ap-northeast-2"

    def test_a_trust_anchor_that_was_looked_for_elsewhere(self) -> None:
        first = causes("Specified Trust Anchor wasn't found.", region="eu-west-1")[0]
        assert first.is_certain
        assert "is not in region eu-west-1" in first.reason
        assert "ap-northeast-2" in first.check

    def test_what_validation_finds(self) -> None:
        first = causes("Untrusted signing certificate", intermediates=(SECOND,), anchor=ROOT)[0]
        assert first.is_certain
        assert "CN=first" in first.reason

    def test_an_extended_key_usage_is_a_guess_before_the_others(self) -> None:
        found = causes("Untrusted certificate. Insufficient certificate")
        assert not any(cause.is_certain for cause in found)


class TestWithoutTheTrustAnchor:
    def test_no_intermediates_make_a_missing_one_the_likeliest(self) -> None:
        first = causes("Untrusted signing certificate", intermediates=())[0]
        assert "CN=second, and no intermediates went along" in first.reason
        assert "unless the trust anchor holds CN=second itself" in first.check

    def test_the_wrong_ones_too(self) -> None:
        first = causes("Untrusted signing certificate", intermediates=(FIRST,))[0]
        assert "CN=second, and 1 intermediate went along" in first.reason

    def test_the_issuer_s_certificate_makes_the_anchor_the_likeliest(self) -> None:
        found = causes("Untrusted signing certificate", intermediates=(FIRST, SECOND))
        assert "trust anchor of another CA than CN=root" in found[0].reason
        assert "an intermediate is missing" in found[1].reason
        assert "disabled" in found[2].reason

    def test_certificates_that_issued_each_other_end(self) -> None:
        first, second = issue("one", ca=True), issue("two", ca=True)
        crossed = (issue("one", ca=True, issuer=second), issue("two", ca=True, issuer=first))
        leaf = issue("app", issuer=crossed[0])
        assert causes("Untrusted signing certificate", leaf=leaf, intermediates=crossed)


def test_the_commands_name_the_resource_and_its_region() -> None:
    check = causes("Requested Role isn't one of those listed in the Profile.")[0].check
    assert "aws rolesanywhere get-profile --profile-id 4e5f6a7b --region ap-northeast-2" in check
    assert "--role-name s3-reader " in causes(UNABLE)[2].check + " "


def test_what_a_hostile_sentence_names_is_not_repeated() -> None:
    said = (
        f"{UNABLE}. Some attributes failed to be mapped into session tags. Subject: [ \x1b[31m $(rm) {'A' * 500} CN ]"
    )
    assert "x509Subject/CN" in causes(said)[0].reason
    assert not any(text in causes(said)[0].reason for text in ("\x1b", "rm", "AAAA"))


@pytest.mark.parametrize("kind", [AccessDeniedError, InvalidRequestError])
def test_of_unknown_words_there_is_nothing_to_say(kind: type[AccessDeniedError]) -> None:
    known = Circumstances(
        Settings(ANCHOR, PROFILE, ROLE),
        Identity.from_bytes(LEAF.pem, LEAF.key_pem).current,
        None,
        datetime.now(timezone.utc),
        None,
    )
    assert causes_of(kind("message", service_message="words that nobody knows"), known) == ()
    assert len(causes_of(ThrottledError("message"), known)) == 1
