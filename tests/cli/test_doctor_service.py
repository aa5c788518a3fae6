"""``doctor`` on each sentence of the service: the likeliest cause first, and the others in their order.

Where the local service can refuse for the real cause, it does. What it does not do yet (revocation, trust policies,
attribute mappings, throttling) is answered in the service's exact words.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.answers import created, refused
from tests.support.broken import Broken, Site, Table, check, first_lines, name_of, warnings_of
from tests.support.command_line import run_here
from tests.support.relay import hand_on
from tests.support.servers import http, raw_server, read_request

broken = Table()

OTHER_ID = "00000000-0000-4000-8000-000000000000"


class Front:
    """Hands requests on to the local service, and lets CreateSession be answered by ``answer``, or come changed."""

    def __init__(self, site: Site, answer: bytes | None = None) -> None:
        self._site = site
        self._answer = answer

    def __call__(self, connection: socket.socket) -> None:
        received = read_request(connection)
        if received.method == "POST" and received.target == "/sessions":
            if self._answer is not None:
                connection.sendall(self._answer)
                return
            changed = [
                (name, text + "+") if name == "Content-Type" else (name, text) for name, text in received.headers
            ]
            received = replace(received, headers=tuple(changed))
        connection.sendall(hand_on(received, self._site.world.service.url))


@pytest.fixture(autouse=True)
def stack(site: Site) -> Iterator[ExitStack]:
    with ExitStack() as opened:
        site.stack = opened  # type: ignore[attr-defined]
        yield opened


def before_service(site: Site, answer: bytes | None = None) -> list[str]:
    """Put a front before the local service; return ``doctor`` with its URL."""
    server = site.stack.enter_context(raw_server(Front(site, answer), reads=False))  # type: ignore[attr-defined]
    return site.flags(endpoint=server.url)


def answered(site: Site, message: str, status: int = 403, code: str = "AccessDeniedException") -> list[str]:
    return before_service(site, refused(message, status, code, date=datetime.now(timezone.utc)))


# --- Real causes ---------------------------------------------------------------------------------------------------


@broken(
    "most likely, the clocks agree and the key is the certificate's, so something between here and the service changed "
    'the request; the service says "Invalid signature"',
    "a proxy that rewrites headers or opens TLS does this: have it leave this host alone, or go round it",
    "endpoint_url leads to the service under another host name, and the host name is signed",
)
def a_signed_header_that_a_proxy_changes(site: Site) -> list[str]:
    return before_service(site)


@broken(
    "most likely, an intermediate is missing: the certificate was issued by CN=Issuing CA, and no intermediates went "
    'along; the service says "Untrusted signing certificate"',
    "unless the trust anchor holds CN=Issuing CA itself, send its certificate as well: intermediates=, --intermediates "
    "FILE; with the trust anchor's certificate (trust_anchor=, --trust-anchor FILE) the path is checked here",
    "ANCHOR is the trust anchor of another CA than CN=Issuing CA, or holds a certificate from before that CA was "
    "renewed",
    "the trust anchor is disabled",
)
def missing_intermediate(site: Site) -> list[str]:
    site.world.ca.issue_ca("CN=Issuing CA").issue("CN=app").write(site.directory)
    return site.flags()


@broken(
    "most likely, ANCHOR is the trust anchor of another CA than CN=Another root, or holds a certificate from before "
    'that CA was renewed; the service says "Untrusted signing certificate"',
    "see what it holds: aws rolesanywhere get-trust-anchor --trust-anchor-id ANCHOR-ID --region eu-central-1; with the "
    "trust anchor's certificate (trust_anchor=, --trust-anchor FILE) the path is checked here",
    "an intermediate is missing: the certificate was issued by CN=Issuing CA, and 1 intermediate went along",
    "the trust anchor is disabled",
)
def another_ca_with_its_intermediate(site: Site) -> list[str]:
    issuing = CertificateAuthority("CN=Another root").issue_ca("CN=Issuing CA")
    files = issuing.issue("CN=app").write(site.directory)
    return site.flags(intermediates=files.chain)


@broken(
    "most likely, the path to the certificate given as the trust anchor's is right here, so ANCHOR holds another one, "
    'as after a renewal of the CA; the service says "Untrusted signing certificate"',
    "see what it holds, and put the CA's certificate there: aws rolesanywhere get-trust-anchor --trust-anchor-id "
    "ANCHOR-ID --region eu-central-1",
    "the trust anchor is disabled",
)
def renewed_ca(site: Site) -> list[str]:
    renewed = CertificateAuthority("CN=Test CA")
    renewed.issue("CN=app").write(site.directory)
    anchor = site.directory / "renewed.pem"
    anchor.write_bytes(renewed.certificate_pem)
    return site.flags(trust_anchor=anchor)


@broken(
    f"most likely, there is no trust anchor arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/{OTHER_ID} in "
    'region eu-central-1: it was deleted, or its identifier is mistyped; the service says "Specified Trust Anchor '
    "wasn't found.\"",
    "aws rolesanywhere list-trust-anchors --region eu-central-1 shows what there is",
    "the service that answered is not of account 123456789012: a VPC endpoint or an endpoint_url of another one",
)
def no_such_trust_anchor(site: Site) -> list[str]:
    anchor = site.world.arns["trust_anchor_arn"].rpartition("/")[0]
    return site.flags(trust_anchor_arn=f"{anchor}/{OTHER_ID}")


@broken(
    f"most likely, arn:aws:rolesanywhere:eu-central-1:123456789012:profile/{OTHER_ID} does not exist: it was deleted, "
    'or its identifier is mistyped; the service says "Invalid or empty profile provided."',
    f"aws rolesanywhere get-profile --profile-id {OTHER_ID} --region eu-central-1 shows it",
    f"arn:aws:rolesanywhere:eu-central-1:123456789012:profile/{OTHER_ID} is disabled",
    f"arn:aws:rolesanywhere:eu-central-1:123456789012:profile/{OTHER_ID} has no roles",
    "the ARN is of another account or region than the trust anchor's",
)
def no_such_profile(site: Site) -> list[str]:
    profile = site.world.arns["profile_arn"].rpartition("/")[0]
    return site.flags(profile_arn=f"{profile}/{OTHER_ID}")


@broken(
    'arn:aws:iam::123456789012:role/other is not among the roles of PROFILE; the service says "Requested Role '
    "isn't one of those listed in the Profile.\"",
    "compare with aws rolesanywhere get-profile --profile-id PROFILE-ID --region eu-central-1; ask for a role that is "
    "there, or set the roles anew with update-profile --role-arns",
    "it is listed in another spelling: a path before the role's name is part of its ARN, and capitals count",
)
def role_that_is_not_listed(site: Site) -> list[str]:
    return site.flags(role_arn="arn:aws:iam::123456789012:role/other")


@broken(
    'arn:…:profile/… does not let a session be named; the service says "Not authorized to set roleSessionName."',
    "leave role_session_name (--role-session-name) out, or allow it: aws rolesanywhere update-profile --profile-id … "
    "--region eu-central-1 --accept-role-session-name",
)
def session_name_that_is_not_allowed(site: Site) -> list[str]:
    profile = site.world.service.create_profile([site.world.arns["role_arn"]])
    return site.flags(profile_arn=profile.arn, role_session_name="machine-7")


@broken(
    "most likely, the trust policy of arn:aws:iam::123456789012:role/gone does not allow "
    "rolesanywhere.amazonaws.com all of sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity; the service "
    'says "Unable to assume role for arn:aws:iam::123456789012:role/gone"',
    "aws iam get-role --role-name gone shows it; all three actions are needed",
    "a condition of that policy does not fit: on aws:SourceArn, aws:SourceAccount or aws:PrincipalTag/x509...",
    "there is no role arn:aws:iam::123456789012:role/gone: it was deleted, or made anew under another path",
    "a policy of the organisation denies it",
)
def role_that_nobody_made(site: Site) -> list[str]:
    role = "arn:aws:iam::123456789012:role/gone"
    return site.flags(profile_arn=site.world.service.create_profile([role]).arn, role_arn=role)


@broken(
    "the smaller of 7200 s and the profile's duration is longer than the maximum session duration of "
    'arn:aws:iam::123456789012:role/short; the service says "Unable to assume role for '
    "arn:aws:iam::123456789012:role/short The requested DurationSeconds exceeds the MaxSessionDuration set for this "
    'role."',
    "ask for less with duration_seconds (--session-duration), or raise the role's maximum: aws iam update-role "
    "--role-name short --max-session-duration SECONDS",
)
def session_longer_than_the_role_allows(site: Site) -> list[str]:
    role = site.world.service.create_role("short", max_session_duration_seconds=3600)
    profile = site.world.service.create_profile([role], duration_seconds=43200)
    return site.flags(role_arn=role.arn, profile_arn=profile.arn, session_duration=7200)


@broken(
    'most likely, the trust anchor is disabled; the service says "Specified Trust Anchor is disabled."',
    "aws rolesanywhere enable-trust-anchor --trust-anchor-id … --region eu-central-1",
    "the profile is disabled",
    "a certificate of the trust anchor has expired, or by the service's clock this one has",
)
def disabled_trust_anchor_whose_sentence_nobody_wrote_down(site: Site) -> list[str]:
    anchor = site.world.service.create_trust_anchor(site.world.ca.certificate_pem, enabled=False)
    return site.flags(trust_anchor_arn=anchor.arn)


# --- The service's words alone -------------------------------------------------------------------------------------


@broken(
    "most likely, the certificate lacks what is demanded of it: CA:FALSE, the key usage digitalSignature, in some"
    ' set-ups the extended key usage clientAuth; the service says "Untrusted certificate. Insufficient '
    'certificate"',
    "see what it has, and have it issued anew: openssl x509 -in CERTIFICATE -noout -text",
    "another CA with the same name issued it",
)
def insufficient_certificate_in_words_alone(site: Site) -> list[str]:
    return answered(site, "Untrusted certificate. Insufficient certificate")


@broken(
    "most likely, leaf: its extended key usage does not include clientAuth; the service may take it for another "
    'purpose; the service says "Untrusted certificate. Insufficient certificate"',
    "have it issued with: extendedKeyUsage = clientAuth, or without the extension",
    "the certificate lacks what is demanded of it: CA:FALSE, the key usage digitalSignature, in some set-ups the "
    "extended key usage clientAuth",
    "another CA with the same name issued it",
)
def certificate_of_a_server_in_words_alone(site: Site) -> list[str]:
    site.world.ca.issue("CN=app", extended_key_usage=["serverAuth"]).write(site.directory)
    return answered(site, "Untrusted certificate. Insufficient certificate")


@broken(
    'serial number abc123 (hexadecimal) is on a revocation list of the trust anchor; the service says "Certificate '
    'revoked"',
    "issue a new certificate with a new key; the lists are shown by aws rolesanywhere list-crls --region eu-central-1",
    "the CA gave this serial number to two certificates, and revoked the other one",
)
def revoked_certificate_in_words_alone(site: Site) -> list[str]:
    site.world.ca.issue("CN=app", serial_number=0xABC123).write(site.directory)
    return answered(site, "Certificate revoked")


@broken(
    "most likely, the trust policy of ROLE has a condition on x509Subject/CN, whose value cannot be a session tag"
    " (the value for x509Subject/CN contains '(' (U+0028, LEFT PARENTHESIS), which session tags do not allow; the"
    ' service drops the tag); the service says "Unable to assume role for ROLE. Some attributes failed to be '
    'mapped into session tags. Issuer: [ ]; Subject: [ CN ]; SAN: [ ]"',
    "have the certificate issued with letters, digits, spaces and _.:/=+-@ alone, or take the condition on "
    "aws:PrincipalTag/... out of the trust policy",
    "the trust policy of ROLE does not allow rolesanywhere.amazonaws.com all of sts:AssumeRole, sts:TagSession and "
    "sts:SetSourceIdentity",
    "a condition of that policy does not fit: on aws:SourceArn, aws:SourceAccount or aws:PrincipalTag/x509...",
    "there is no role ROLE: it was deleted, or made anew under another path",
    "a policy of the organisation denies it",
)
def name_that_is_no_tag_in_words_alone(site: Site) -> list[str]:
    site.world.ca.issue("CN=John M. Smith (EMP12345)").write(site.directory)
    dropped = "Issuer: [  ]; Subject: [ CN ]; SAN: [  ]"
    role = site.world.arns["role_arn"]
    return answered(
        site, f"Unable to assume role for {role}. Some attributes failed to be mapped into session tags. {dropped}"
    )


@broken(
    'CreateSession allows about 10 calls a second per certificate and address; the service says "Rate exceeded"',
    "share sessions between clients, and credentials between processes: cache=, --cache",
)
def throttled_in_words_alone(site: Site) -> list[str]:
    return answered(site, "Rate exceeded", 429, "ThrottlingException")


@broken(
    "CreateSession failed: ServiceUnavailableException: come back later",
    "try again later",
)
def service_that_is_down_in_words_alone(site: Site) -> list[str]:
    return answered(site, "come back later", 503, "ServiceUnavailableException")


@broken(
    "CreateSession failed: HTTP 403: an answer without an error message (13 bytes, text/html)",
    "this does not look like the service's answer; is a proxy in the way, or endpoint_url wrong?",
)
def html_for_post_alone(site: Site) -> list[str]:
    return before_service(site, http(403, b"<html></html>", Content_Type="text/html"))


@broken(
    "HTTP 201 without credentials (2 bytes)",
    "this does not look like the service's answer; is a proxy in the way, or endpoint_url wrong?",
)
def success_without_credentials(site: Site) -> list[str]:
    return before_service(site, http(201, b"{}"))


@broken(
    "GetCallerIdentity at http://127.0.0.1:…: InvalidClientTokenId: The security token included in the request is"
    " invalid.",
    "CreateSession gave credentials, so certificate, trust anchor, profile and role are right; --sts-endpoint URL"
    " names another endpoint, such as a VPC endpoint's",
)
def credentials_that_sts_does_not_know(site: Site) -> list[str]:
    return before_service(site, created(datetime.now(timezone.utc)))


@pytest.mark.parametrize("entry", broken, ids=name_of)
def test_the_first_line_says_the_cause_and_the_second_what_to_do(
    capsys: pytest.CaptureFixture[str], site: Site, entry: Broken
) -> None:
    check(capsys, site, entry)


# --- STS -----------------------------------------------------------------------------------------------------------


def test_sts_has_an_endpoint_of_its_own(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    words = site.flags()
    with raw_server(http(200, b"<Arn>arn:aws:sts::1:assumed-role/r/s</Arn>")) as sts:
        outcome = run_here(capsys, *words, "--sts-endpoint", sts.url)
    assert warnings_of(outcome, site) == []
    assert f"caller-identity: arn:aws:sts::1:assumed-role/r/s ({sts.url})" in outcome.stdout
    assert sts.received[0].body == b"Action=GetCallerIdentity&Version=2011-06-15"


def test_sts_that_cannot_be_reached_is_told_from_credentials_that_were_refused(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    outcome = run_here(capsys, *site.flags(), "--sts-endpoint", "http://127.0.0.1:1", "--format", "json")
    error: dict[str, Any] = json.loads(outcome.stdout)["error"]
    assert error["code"] == "sts-not-reachable"
    assert error["message"].startswith("GetCallerIdentity at http://127.0.0.1:1: ")
    assert "CreateSession gave credentials" in error["hint"]


def test_an_sts_url_with_a_password_is_not_repeated(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    outcome = run_here(capsys, *site.flags(), "--sts-endpoint", "https://user:planted@sts.example")
    assert "password" in first_lines(outcome)[0]
    assert "planted" not in outcome.stdout
