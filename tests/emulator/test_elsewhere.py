"""Roles that are assumed in another STS, and found in another IAM: what is sent, and what becomes of each answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import HttpResponse, IssuedCertificate, LocalRolesAnywhere
from rolesanywhere_signer.testing.refusals import DURATION_TOO_LONG
from tests.emulator.policies import session_policy, statement, trust_policy
from tests.emulator.signing import NOW, sign_as
from tests.emulator.test_sts import Vended, signed
from tests.emulator.world import CA, LEAF, World, content, refusal
from tests.support.servers import RawServer, http, raw_server

DENIED = (403, "AccessDeniedException")
ROLE = "arn:aws:iam::123456789012:role/reader"
SECRET, TOKEN = "the secret of the session", "the token of the session"
ASSUMED = http(
    200,
    f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
    <Credentials><AccessKeyId>ASIAELSEWHERE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>
    <SessionToken>{TOKEN}</SessionToken><Expiration>2099-01-01T00:00:00.123Z</Expiration></Credentials>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/reader/x</Arn><AssumedRoleId>AROAX:x</AssumedRoleId>
    </AssumedRoleUser><PackedPolicySize>7</PackedPolicySize></AssumeRoleResult></AssumeRoleResponse>""".encode(),
    Content_Type="text/xml",
)

EMPTY = b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"


def error(status: int, code: str, message: str) -> bytes:
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return http(status, f"{text}<RequestId>1</RequestId></ErrorResponse>".encode(), Content_Type="text/xml")


def role_answer(arn: str = ROLE, document: Any = None, seconds: int = 7200) -> bytes:
    policy = quote(json.dumps(trust_policy() if document is None else document))
    return http(
        200,
        f"""<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><Path>/</Path>
        <RoleName>reader</RoleName><RoleId>AROAX</RoleId><Arn>{arn}</Arn><CreateDate>2020-01-01T00:00:00Z</CreateDate>
        <MaxSessionDuration>{seconds}</MaxSessionDuration>
        <AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>""".encode(),
        Content_Type="text/xml",
    )


class Elsewhere(World):
    """A world whose STS, or IAM, is elsewhere."""

    def __init__(self, *, profile: Any = None, with_role: bool = True, **service: Any) -> None:
        self.service = LocalRolesAnywhere(**service)
        self.service.clock = lambda: NOW
        self.anchor = self.service.create_trust_anchor(CA.certificate_pem)
        if with_role:
            self.role = self.service.create_role("reader")
        self.profile = self.service.create_profile([ROLE], **(profile or {}))

    def ask_for_role(self, leaf: IssuedCertificate = LEAF, **members: Any) -> HttpResponse:
        arns = {"trustAnchorArn": self.anchor.arn, "profileArn": self.profile.arn, "roleArn": ROLE}
        return self.send(sign_as(leaf, json.dumps({**arns, **members}).encode()))


@contextmanager
def sts(*answers: bytes, **more: Any) -> Iterator[tuple[RawServer, Elsewhere]]:
    with raw_server(*answers) as server:
        yield server, Elsewhere(sts_endpoint_url=server.url, **more)


def form(server: RawServer) -> dict[str, str]:
    return dict(parse_qsl(server.received[-1].body.decode()))


class TestAnotherSts:
    def test_its_credentials_are_the_answer(self) -> None:
        with sts(ASSUMED) as (_, world):
            [session] = content(world.ask_for_role())["credentialSet"]
        assert session == {
            "assumedRoleUser": {"arn": "arn:aws:sts::1:assumed-role/reader/x", "assumedRoleId": "AROAX:x"},
            "credentials": {
                "accessKeyId": "ASIAELSEWHERE",
                "secretAccessKey": SECRET,
                "sessionToken": TOKEN,
                "expiration": "2099-01-01T00:00:00Z",
            },
            "packedPolicySize": 7,
            "roleArn": ROLE,
            "sourceIdentity": "CN=app",
        }

    def test_what_it_is_asked(self) -> None:
        narrowed = {
            "session_policy": session_policy("s3:GetObject"),
            "managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "attribute_mappings": {"x509Subject": ["CN", "O"]},
        }
        with sts(ASSUMED, profile=narrowed, sts_credentials=("AKIAOTHER", "s", "t")) as (server, world):
            assert world.ask_for_role(durationSeconds=900).status == 201
            assert form(server) == {
                "Action": "AssumeRole",
                "Version": "2011-06-15",
                "RoleArn": ROLE,
                "RoleSessionName": f"{LEAF.certificate.serial_number:x}",
                "DurationSeconds": "900",
                "Tags.member.1.Key": "x509Subject/CN",
                "Tags.member.1.Value": "app",
                "Tags.member.2.Key": "x509Subject/O",
                "Tags.member.2.Value": "Example",
                "SourceIdentity": "CN=app",
                "Policy": json.dumps(session_policy("s3:GetObject"), separators=(",", ":")),
                "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            }
            headers = dict(server.received[-1].headers)
        assert "Credential=AKIAOTHER/" in headers["Authorization"]
        assert "/us-east-1/sts/aws4_request" in headers["Authorization"]
        assert headers["X-Amz-Security-Token"] == "t"

    def test_the_service_knows_the_credentials(self) -> None:
        with sts(ASSUMED) as (_, world):
            world.ask_for_role()
            answer = world.send(signed(Vended("ASIAELSEWHERE", SECRET, TOKEN)))
        assert answer.status == 200
        assert b"arn:aws:sts::1:assumed-role/reader/x" in answer.body

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (
                error(403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole"),
                (*DENIED, f"Unable to assume role for {ROLE} User: x is not authorized to perform: sts:AssumeRole"),
            ),
            (
                error(400, "ValidationError", "1 validation error detected: no"),
                (*DENIED, f"Unable to assume role for {ROLE} 1 validation error detected: no"),
            ),
        ],
    )
    def test_what_it_refuses(self, answer: bytes, expected: tuple[int, str, str]) -> None:
        with sts(answer) as (_, world):
            assert refusal(world.ask_for_role()) == expected

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (error(500, "InternalFailure", "oops"), "InternalFailure"),
            (error(503, "Unavailable", "oops"), "Unavailable"),
            (b"", ""),
            (b"nonsense", ""),
            (http(200, b"nonsense"), ""),
            (http(200, b"<x/>"), ""),
            (
                http(200, b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"),
                "an answer without credentials",
            ),
            (ASSUMED[:300], ""),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_no_answer(self, answer: bytes, reason: str) -> None:
        with sts(answer) as (server, world):
            status, code, message = refusal(world.ask_for_role())
            assert (status, code) == (503, "ServiceUnavailableException")
            assert message.startswith(f"The service that roles are assumed in did not answer: sts: {reason}")
            assert len(server.received) == 1

    def test_nobody_is_there(self) -> None:
        with raw_server(b"") as server:
            url = server.url
        assert refusal(Elsewhere(sts_endpoint_url=url).ask_for_role())[2].endswith("sts: EndpointConnectionError")

    def test_the_trust_policy_is_looked_at_here_first(self) -> None:
        with sts(ASSUMED, with_role=False) as (server, world):
            world.service.create_role("reader", trust_policy=trust_policy(statement("sts:AssumeRole")))
            assert refusal(world.ask_for_role()) == (*DENIED, f"Unable to assume role for {ROLE}")
            assert server.received == []
            assert len(world.service.assume_role_calls) == 1

    def test_a_serial_number_of_one_digit_is_for_it_to_judge(self) -> None:
        short = CA.issue(serial_number=1)
        with sts(error(400, "ValidationError", "too short")) as (server, world):
            message = refusal(world.ask_for_role(short))[2]
            assert message == f"Unable to assume role for {ROLE} too short"
            assert form(server)["RoleSessionName"] == "1"

    def test_no_secret_reaches_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with sts(ASSUMED, sts_credentials=("AKIAOTHER", "own secret", "own token")) as (_, world):
            assert world.ask_for_role().status == 201
        for secret in (SECRET, TOKEN, "own secret", "own token"):
            assert secret not in caplog.text

    def test_the_users_settings_do_not_matter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUSER")
        with sts(ASSUMED) as (server, world):
            assert world.ask_for_role().status == 201
            assert "Credential=testing/" in dict(server.received[-1].headers)["Authorization"]


class TestAnotherIam:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (role_answer(document=trust_policy(statement("sts:AssumeRole"))), ""),
            (error(404, "NoSuchEntity", "none"), ""),
            # The role of that name is another one.
            (role_answer("arn:aws:iam::210987654321:role/reader"), ""),
            (
                role_answer(document=trust_policy({**statement(), "NotPrincipal": "*"})),
                " The trust policy cannot be evaluated: trust_policy.Statement[0]: NotPrincipal is not evaluated here",
            ),
            (role_answer(seconds=3600), f" {DURATION_TOO_LONG}"),
        ],
        ids=["trust_policy", "none", "another", "not evaluated", "duration"],
    )
    def test_roles_that_are_not_assumed(self, answer: bytes, reason: str) -> None:
        with raw_server(answer) as server:
            world = Elsewhere(iam_endpoint_url=server.url, with_role=False, profile={"duration_seconds": 7200})
            assert refusal(world.ask_for_role()) == (*DENIED, f"Unable to assume role for {ROLE}{reason}")

    def test_a_role_is_found_with_its_trust_policy(self) -> None:
        with raw_server(role_answer()) as server:
            world = Elsewhere(iam_endpoint_url=server.url, with_role=False, profile={"duration_seconds": 7200})
            assert world.ask_for_role().status == 201
            assert form(server) == {"Action": "GetRole", "Version": "2010-05-08", "RoleName": "reader"}

    def test_a_role_that_was_made_here_is_not_looked_for(self) -> None:
        with raw_server(role_answer()) as server:
            assert Elsewhere(iam_endpoint_url=server.url).ask_for_role().status == 201
            assert server.received == []

    @pytest.mark.parametrize("answer", [error(403, "AccessDenied", "no"), error(500, "X", "no"), b"", http(200, b"?")])
    def test_what_is_no_answer(self, answer: bytes) -> None:
        with raw_server(answer) as server:
            world = Elsewhere(iam_endpoint_url=server.url, with_role=False)
            assert refusal(world.ask_for_role())[:2] == (503, "ServiceUnavailableException")


class TestArguments:
    @pytest.mark.parametrize("url", ["", "sts", "ftp://127.0.0.1", "http://sts.example.com", 5])
    @pytest.mark.parametrize("argument", ["sts_endpoint_url", "iam_endpoint_url"])
    def test_urls_that_are_none(self, argument: str, url: Any) -> None:
        with pytest.raises(ConfigurationError):
            LocalRolesAnywhere(**{argument: url})

    @pytest.mark.parametrize("given", ["testing", (), ("a",), ("a", ""), ("a", 5), ("a", "b", "c", "d"), ("a", None)])
    def test_credentials_that_are_none(self, given: Any) -> None:
        with pytest.raises(ConfigurationError, match="sts_credentials must be") as caught:
            LocalRolesAnywhere(sts_credentials=given)
        assert "'a'" not in caught.value.message
