"""What is known here about a certificate: told once before its use, and again when the service refuses it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.errors import AccessDeniedError, CertificateLoadError, KeyMismatchError
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.watch import CertificateExpiring
from tests.support.answers import created, refused
from tests.support.arns import ANCHOR_ARN, PROFILE_ARN, ROLE_ARN, make_settings
from tests.support.clients import make_client
from tests.support.servers import http, raw_server
from tests.unit import pki

Logged = Callable[[], list[str]]
MESSAGES = {
    "Invalid signature": "changed the request",
    "Untrusted signing certificate": "CN=root",
    "Untrusted certificate. Insufficient certificate": "digitalSignature",
    "Certificate revoked": "revocation list",
    "Specified Trust Anchor wasn't found.": ANCHOR_ARN,
    "Invalid or empty profile provided.": PROFILE_ARN,
    "Requested Role isn't one of those listed in the Profile.": ROLE_ARN,
    "Not authorized to set roleSessionName.": "role_session_name",
    "Not authorized to set roleSessionName": "role_session_name",
    f"Unable to assume role for {ROLE_ARN}": "sts:SetSourceIdentity",
    f"Unable to assume role for {ROLE_ARN}. Some attributes failed to be mapped into session tags. "
    "Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]": "session tags",
    f"Unable to assume role for {ROLE_ARN} The requested DurationSeconds exceeds the MaxSessionDuration set for this "
    "role.": "duration",
}


def now() -> datetime:
    return datetime.now(timezone.utc)


def soon_to_expire(name: str = "old") -> pki.Issued:
    return pki.issue(name, issuer=pki.issue("root", ca=True), valid_for=timedelta(days=1, hours=2))


def identity_of(issued: pki.Issued) -> Identity:
    return Identity.from_bytes(issued.pem, issued.key_pem)


@pytest.mark.parametrize(("message", "explained"), MESSAGES.items())
def test_the_words_of_the_service_and_the_hint_stand_in_the_text_of_the_error(message: str, explained: str) -> None:
    with raw_server(refused(message, date=now())) as server, pytest.raises(AccessDeniedError) as caught:
        make_client(server.url).create_session()

    text = str(caught.value)
    assert message in text
    assert "hint: " in text
    assert explained in text
    assert caught.value.service_message == message


def test_throttling_is_explained() -> None:
    answer = refused("Rate exceeded", 429, "ThrottlingException")
    with raw_server(answer) as server, pytest.raises(Exception, match=r"hint: .*calls a second"):
        make_client(server.url, max_attempts=1).create_session()


def test_with_the_trust_anchor_at_hand_the_path_is_checked_here() -> None:
    other = pki.issue("other", ca=True)
    answer = refused("Untrusted signing certificate", date=now())
    with raw_server(answer) as server, pytest.raises(AccessDeniedError) as caught:
        make_client(server.url, trust_anchor=other.pem).create_session()

    assert caught.value.hint is not None
    assert "CN=root" in caught.value.hint  # the issuer that was looked for
    assert "trust_anchor=" not in caught.value.hint


def test_with_the_right_trust_anchor_at_hand_nothing_is_blamed_on_the_path() -> None:
    root = pki.issue("root", ca=True)
    identity = identity_of(pki.issue("app", issuer=root))
    answer = refused("Untrusted signing certificate", date=now())
    with raw_server(answer) as server, pytest.raises(AccessDeniedError) as caught:
        make_client(server.url, identity=identity, trust_anchor=root.pem).create_session()
    assert caught.value.hint is not None
    assert ANCHOR_ARN in caught.value.hint


def test_a_trust_anchor_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CertificateLoadError, match="trust anchor"):
        make_client("http://127.0.0.1:1", trust_anchor=tmp_path / "none.pem")


def test_a_trust_anchor_that_is_gone_does_not_hide_the_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(pki.issue("root", ca=True).pem)
    with caplog.at_level(logging.INFO), raw_server(refused("Untrusted signing certificate", date=now())) as server:
        client = make_client(server.url, trust_anchor=path)
        path.unlink()
        with pytest.raises(AccessDeniedError, match="Untrusted signing certificate") as caught:
            client.create_session()

    assert caught.value.hint is not None
    assert str(path) in caplog.text


def test_findings_are_logged_once_for_each_certificate(tmp_path: Path, warnings_logged: Logged) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    first, second = soon_to_expire("first"), soon_to_expire("second")
    key.touch(mode=0o600)

    def put(issued: pki.Issued) -> None:
        certificate.write_bytes(issued.pem)
        key.write_bytes(issued.key_pem)

    put(first)
    with raw_server(created(now())) as server:
        client = make_client(server.url, identity=Identity.from_files(certificate, key))
        assert warnings_logged() == []
        for _ in range(3):
            client.create_session()
        [once] = warnings_logged()
        assert "expires-soon" in once
        put(second)
        for _ in range(3):
            client.create_session()

    assert len(warnings_logged()) == 2
    assert [received.header("x-amz-x509") for received in server.received].count(
        server.received[-1].header("x-amz-x509")
    ) == 3


def test_what_the_service_may_refuse_is_sent_all_the_same(warnings_logged: Logged) -> None:
    """The service decides: a CA's certificate as leaf is an error by its rules, and only told here."""
    with raw_server(created(now())) as server:
        client = make_client(server.url, identity=identity_of(pki.issue("root", ca=True)))
        client.create_session()
    assert any("[is-ca]" in message for message in warnings_logged())


def test_an_expired_certificate_is_sent_too(warnings_logged: Logged) -> None:
    expired = pki.issue("app", issuer=pki.issue("root", ca=True), valid_for=timedelta(hours=1))
    with raw_server(created(now())) as server:
        make_client(server.url, identity=identity_of(expired)).create_session()
    assert any("[expired]" in message for message in warnings_logged())


def test_a_pair_that_does_not_match_sends_nothing() -> None:
    with raw_server(http(500)) as server, pytest.raises(KeyMismatchError):
        make_client(
            server.url, identity=Identity.from_bytes(pki.issue("a").pem, pki.issue("b").key_pem)
        ).create_session()
    assert server.connections == 0


def test_a_renewed_certificate_is_used_by_the_next_call(tmp_path: Path) -> None:
    root = pki.issue("root", ca=True)
    pair = tmp_path / "pair.pem"
    pair.touch(mode=0o600)
    old, new = pki.issue("old", issuer=root), pki.issue("new", issuer=root)
    pair.write_bytes(old.pem + old.key_pem)
    with raw_server(created(now())) as server:
        client = make_client(server.url, identity=Identity.from_files(pair))
        client.create_session()
        pair.write_bytes(new.pem + new.key_pem)
        client.create_session()

    serials = [received.header("authorization").split("Credential=")[1].split("/")[0] for received in server.received]
    assert serials == [str(old.certificate.serial_number), str(new.certificate.serial_number)]


@pytest.mark.parametrize("times", [1, 3])
def test_tls_without_verification_is_warned_of_each_time_a_client_is_made(
    times: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(times):
            make_client("https://127.0.0.1:1", verify=False)
    assert caplog.text.count("TLS verification is off") == times


def test_tls_with_verification_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make_client("https://127.0.0.1:1")
        make_client("https://127.0.0.1:1", verify="/some/bundle.pem")
    assert caplog.text == ""


# --- a certificate that nears its end -----------------------------------------------------------------------------


def use_at_hours(listener: Callable[[CertificateExpiring], None] | None, hours: list[float]) -> None:
    """Make a session at each of these hours, counted from five days before the end of the certificate."""
    issued = pki.issue("old", issuer=pki.issue("root", ca=True))
    start = moment = issued.certificate.not_valid_after_utc - timedelta(days=5)
    with raw_server(created(start + timedelta(days=9))) as server:
        client = RolesAnywhereClient(
            make_settings(server.url), identity_of(issued), lambda: moment, on_certificate_expiring=listener
        )
        for hour in hours:
            moment = start + timedelta(hours=hour)
            client.create_session()


def test_a_listener_is_told_once_a_day() -> None:
    events: list[CertificateExpiring] = []
    use_at_hours(events.append, [0, 1, 23, 25, 26, 50])
    assert len(events) == 3
    assert {event.subject for event in events} == {"leaf"}
    assert events[0].not_valid_after > now()


def test_a_listener_that_fails_costs_no_credentials(warnings_logged: Logged) -> None:
    def fail(_event: CertificateExpiring) -> None:
        raise ValueError("planted-secret")

    use_at_hours(fail, [0])
    assert any("listener" in message for message in warnings_logged())
    assert "planted-secret" not in "".join(warnings_logged())
