"""Every sentence that the service is known to say, and the hint that names the right thing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from rolesanywhere_signer import (
    AccessDeniedError,
    Identity,
    InvalidRequestError,
    ResourceNotFoundError,
    ServiceError,
    Settings,
    ThrottledError,
)
from rolesanywhere_signer.diagnosis import Circumstances, clock_hint, explain

from .pki import Issued, chain, issue

LEAF, SECOND, FIRST, ROOT = chain()
ANCHOR = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:trust-anchor/0a1b2c3d"
PROFILE = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:profile/4e5f6a7b"
ROLE = "arn:aws:iam::123456789012:role/s3-reader"


def known(
    leaf: Issued = LEAF,
    intermediates: tuple[Issued, ...] = (SECOND, FIRST),
    anchor: Issued | None = None,
    skew: timedelta | None = timedelta(0),
) -> Circumstances:
    bundle = b"".join(issued.pem for issued in intermediates)
    return Circumstances(
        settings=Settings(ANCHOR, PROFILE, ROLE),
        loaded=Identity.from_bytes(leaf.pem, leaf.key_pem, bundle or None).current,
        anchors=[anchor.certificate] if anchor else None,
        now=datetime.now(timezone.utc),
        skew=skew,
    )


def hint(said: str, circumstances: Circumstances | None = None, kind: type[ServiceError] = AccessDeniedError) -> str:
    error = kind(f"AccessDeniedException: {said}", status=403, service_message=said)
    text = explain(error, circumstances or known())
    assert text
    assert "\n" not in text
    return text


UNABLE = f"Unable to assume role for {ROLE}"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        pytest.param(
            "Untrusted signing certificate", [ANCHOR, "CN=second", "2 intermediates", "trust_anchor="], id="untrusted"
        ),
        pytest.param(
            "Untrusted certificate. Insufficient certificate", ["CA:FALSE", "digitalSignature", "clientAuth"], id="leaf"
        ),
        pytest.param("Certificate revoked", [f"{LEAF.certificate.serial_number:x}", "revocation list"], id="revoked"),
        pytest.param("Specified Trust Anchor wasn't found.", [ANCHOR, "ap-northeast-2"], id="no anchor"),
        pytest.param("Invalid or empty profile provided.", [PROFILE, "disabled"], id="no profile"),
        pytest.param("Requested Role isn't one of those listed in the Profile.", [ROLE, PROFILE], id="role not listed"),
        pytest.param(
            "Not authorized to set roleSessionName.",
            ["role_session_name", "--accept-role-session-name", "4e5f6a7b"],
            id="name",
        ),
        pytest.param("Not authorized to set roleSessionName", ["--accept-role-session-name"], id="name, no full stop"),
        pytest.param(
            UNABLE,
            [ROLE, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "rolesanywhere.amazonaws.com"],
            id="role",
        ),
        pytest.param(UNABLE + ".", ["sts:SetSourceIdentity"], id="role, full stop"),
        pytest.param(
            UNABLE
            + ". Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]",
            ["x509SAN/DNS/2", "session tag", "sts:SetSourceIdentity", ROLE],
            id="attributes",
        ),
        pytest.param(
            UNABLE + " The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            [ROLE, "duration_seconds", "maximum session duration"],
            id="duration",
        ),
    ],
)
def test_what_the_service_says(said: str, names: list[str]) -> None:
    text = hint(said)
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("said", ["Specified Trust Anchor wasn't found.", "Invalid or empty profile provided."])
def test_what_is_not_found_may_come_as_another_error(said: str) -> None:
    assert hint(said, kind=ResourceNotFoundError) == hint(said)


@pytest.mark.parametrize("said", ["invalid SIGNATURE", "INVALID SIGNATURE."])
def test_upper_and_lower_case_do_not_matter(said: str) -> None:
    assert hint(said) == hint("Invalid signature")


class TestInvalidSignature:
    @pytest.mark.parametrize(
        ("skew", "says"),
        [
            (timedelta(minutes=30), "1,800 s behind"),
            (timedelta(minutes=-30), "1,800 s ahead of"),
            (timedelta(seconds=60), "60 s behind"),
            (timedelta(seconds=-60), "60 s ahead of"),
            (timedelta(days=400), "34,560,000 s behind"),
        ],
    )
    def test_a_clock_that_is_off_is_the_cause(self, skew: timedelta, says: str) -> None:
        text = hint("Invalid signature", known(skew=skew))
        assert says in text
        assert "NTP" in text

    @pytest.mark.parametrize("skew", [timedelta(0), timedelta(seconds=59), timedelta(seconds=-59)])
    def test_clocks_that_agree_leave_the_way_there(self, skew: timedelta) -> None:
        text = hint("Invalid signature", known(skew=skew))
        assert "clocks agree" in text
        assert "proxy" in text
        assert "endpoint_url" in text

    def test_a_clock_that_nothing_is_known_of_is_asked_about(self) -> None:
        text = hint("Invalid signature", known(skew=None))
        assert "agree" not in text
        assert "clock" in text


@pytest.mark.parametrize("skew", [None, timedelta(0), timedelta(seconds=59.9), timedelta(seconds=-59.9)])
def test_a_clock_that_is_right_or_unknown_needs_no_hint(skew: timedelta | None) -> None:
    assert clock_hint(skew) is None


class TestWhatIsKnownLocally:
    def test_a_missing_intermediate_is_named(self) -> None:
        text = hint("Untrusted signing certificate", known(intermediates=(SECOND,), anchor=ROOT))
        assert "CN=first" in text

    def test_another_anchor_is_told_when_its_certificate_is_at_hand(self) -> None:
        other = issue("other root", ca=True)
        text = hint("Untrusted signing certificate", known(anchor=other))
        assert "CN=root" in text

    def test_no_intermediates_at_all(self) -> None:
        assert "no intermediates" in hint("Untrusted signing certificate", known(intermediates=()))

    def test_a_path_that_is_right_here_leaves_the_question_for_the_anchor(self) -> None:
        assert ANCHOR in hint("Untrusted signing certificate", known(anchor=ROOT))

    def test_what_is_wrong_with_the_leaf_is_told(self) -> None:
        ca_as_leaf = issue("client", ca=True, issuer=SECOND)
        text = hint("Untrusted certificate. Insufficient certificate", known(leaf=ca_as_leaf))
        assert "leaf:" in text
        assert "digitalSignature" in text

    def test_an_expired_leaf_is_told(self) -> None:
        expired = issue("client", issuer=SECOND, valid_for=timedelta(hours=1))
        assert "expired" in hint("Untrusted signing certificate", known(leaf=expired))


class TestOtherErrors:
    def test_throttling(self) -> None:
        assert "10 calls a second" in hint("Rate exceeded", kind=ThrottledError)

    @pytest.mark.parametrize("kind", [ServiceError, InvalidRequestError, AccessDeniedError, ResourceNotFoundError])
    @pytest.mark.parametrize("said", [None, "", "words that nobody knows"])
    def test_what_nothing_is_known_of_keeps_its_own_hint(self, kind: type[ServiceError], said: Any) -> None:
        assert explain(kind("message", service_message=said, hint="own"), known()) == "own"
        assert explain(kind("message", service_message=said), known()) is None

    def test_a_sentence_counts_in_a_refusal_alone(self) -> None:
        assert explain(InvalidRequestError("message", service_message="Certificate revoked"), known()) is None
