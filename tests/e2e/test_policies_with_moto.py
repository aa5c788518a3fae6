"""Credentials that mean something: moto enforces the role's policy, and the profile's session policy narrows it.

moto's IAM holds the role with its two policies and a user that may assume roles. The local service looks the role up
there, evaluates its trust policy, and has moto's STS make the credentials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from rolesanywhere_signer import AccessDeniedError, create_botocore_session
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.e2e.openssl_pki import OpenSslPki

REGION = "ap-northeast-2"
ROLE = "s3-reader"
# The role of the OpenSSL set-up.
ROLE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject", "s3:DeleteBucket"],
            "Resource": ["arn:aws:s3:::alarms", "arn:aws:s3:::alarms/*"],
        }
    ],
}
ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture
def pki(tmp_path: Path, require_tool: Callable[[str], str]) -> OpenSslPki:
    return OpenSslPki(require_tool("openssl"), tmp_path)


class Moto:
    """A moto server that is emptied before each test.

    Attributes:
        url: Where it listens.
        forwarder: The keys of a user who may look up and assume roles.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.enforce(after="inf")
        self.post("reset")
        iam = self.client("iam")
        iam.create_user(UserName="rolesanywhere")
        allowed = {"Effect": "Allow", "Action": ["sts:AssumeRole", "iam:GetRole"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="rolesanywhere", PolicyName="forward", PolicyDocument=document)
        key = iam.create_access_key(UserName="rolesanywhere")["AccessKey"]
        self.forwarder = (key["AccessKeyId"], key["SecretAccessKey"])
        location: Any = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket="alarms", CreateBucketConfiguration=location)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def create_role(self, condition: Any = None) -> None:
        # moto asks about the user who forwards, the local service about itself: each evaluates its own half.
        principal = {"Service": "rolesanywhere.amazonaws.com", "AWS": "*"}
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": ACTIONS}
        if condition:
            statement["Condition"] = condition
        iam = self.client("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
        iam.put_role_policy(RoleName=ROLE, PolicyName="s3", PolicyDocument=json.dumps(ROLE_POLICY))

    def enforce(self, after: str = "0") -> None:
        """Let moto ask from here on, or after some requests, who calls and what policies allow."""
        self.post("reset-auth", after)

    def post(self, what: str, body: str = "") -> None:
        answer = requests.post(f"{self.url}/moto-api/{what}", body, headers={"Content-Type": "text/plain"}, timeout=30)
        assert answer.status_code == 200


@pytest.fixture
def moto(moto_url: str) -> Iterator[Moto]:
    moto = Moto(moto_url)
    yield moto
    moto.enforce(after="inf")
    moto.post("reset")


@pytest.fixture
def service(moto: Moto) -> Iterator[LocalRolesAnywhere]:
    with LocalRolesAnywhere(
        REGION, sts_endpoint_url=moto.url, iam_endpoint_url=moto.url, sts_credentials=moto.forwarder
    ) as service:
        yield service


def session_of(service: LocalRolesAnywhere, pki: OpenSslPki, **profile: Any) -> boto3.Session:
    role_arn = f"arn:aws:iam::123456789012:role/{ROLE}"
    return boto3.Session(
        botocore_session=create_botocore_session(
            certificate=pki.certificate,
            private_key=pki.private_key,
            trust_anchor_arn=service.create_trust_anchor(pki.ca).arn,
            profile_arn=service.create_profile([role_arn], **profile).arn,
            role_arn=role_arn,
            endpoint_url=service.url,
        )
    )


@contextmanager
def emulator(moto: Moto) -> Iterator[str]:
    """Run the emulator in a process of its own, with moto's STS and IAM; yield where it listens."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = {**os.environ, **dict(zip(names, moto.forwarder, strict=True))}
    environment.pop("AWS_SESSION_TOKEN", None)
    words = ("--port", "0", "--region", REGION, "--sts-endpoint-url", moto.url, "--iam-endpoint-url", moto.url)
    process = subprocess.Popen(
        [sys.executable, "-m", "rolesanywhere_signer", "emulator", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def denied(call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_the_roles_policy_is_enforced(moto: Moto, service: LocalRolesAnywhere, pki: OpenSslPki) -> None:
    moto.create_role({"StringEquals": {"aws:PrincipalTag/x509Subject/O": "Kimalarm Inc."}})
    moto.enforce()
    session = session_of(service, pki)
    s3 = session.client("s3", endpoint_url=moto.url)

    s3.put_object(Bucket="alarms", Key="greeting", Body=b"hello")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="alarms")["Contents"]] == ["greeting"]
    assert s3.get_object(Bucket="alarms", Key="greeting")["Body"].read() == b"hello"
    denied(s3.create_bucket, Bucket="other", CreateBucketConfiguration={"LocationConstraint": REGION})
    denied(s3.list_buckets)
    denied(session.client("iam", endpoint_url=moto.url).list_users)
    s3.delete_object(Bucket="alarms", Key="greeting")
    s3.delete_bucket(Bucket="alarms")

    identity = session.client("sts", endpoint_url=moto.url).get_caller_identity()
    assert identity["Arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{ROLE}/")
    assert session.client("sts", endpoint_url=service.url).get_caller_identity()["Arn"] == identity["Arn"]
    assert [call.status for call in service.calls] == [201]


def test_the_trust_policy_in_iam_decides(moto: Moto, service: LocalRolesAnywhere, pki: OpenSslPki) -> None:
    session = session_of(service, pki)
    with pytest.raises(AccessDeniedError, match="Unable to assume role"):
        session.client("sts", endpoint_url=moto.url).get_caller_identity()
    moto.create_role({"StringEquals": {"aws:PrincipalTag/x509Subject/O": "Somebody else"}})
    with pytest.raises(AccessDeniedError, match="Unable to assume role"):
        session_of(service, pki).client("sts", endpoint_url=moto.url).get_caller_identity()
    assert [call.status for call in service.calls] == [403, 403]


def test_a_session_policy_narrows_the_role(moto: Moto, service: LocalRolesAnywhere, pki: OpenSslPki) -> None:
    """Moto's STS drops the policy: the call shows that it was sent, and the local service evaluates it."""
    moto.create_role()
    moto.enforce()
    narrowed = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::alarms/*"}],
    }
    session = session_of(service, pki, session_policy=narrowed)
    session.client("s3", endpoint_url=moto.url).put_object(Bucket="alarms", Key="greeting", Body=b"hello")

    [call] = service.assume_role_calls
    assert json.loads(call["Policy"]) == narrowed
    assert {"Key": "x509Subject/O", "Value": "Kimalarm Inc."} in call["Tags"]
    name = call["RoleSessionName"]
    assert call["SourceIdentity"] == f"ID={name.zfill(len(name) + len(name) % 2)}"
    key = session.get_credentials().get_frozen_credentials().access_key
    assert service.session_policy_allows(key, "s3:PutObject", "arn:aws:s3:::alarms/greeting")
    for action in ("s3:GetObject", "s3:DeleteObject"):
        assert not service.session_policy_allows(key, action, "arn:aws:s3:::alarms/greeting")


def test_a_user_who_may_not_assume_roles(moto: Moto, pki: OpenSslPki) -> None:
    moto.create_role()
    moto.client("iam").delete_user_policy(UserName="rolesanywhere", PolicyName="forward")
    moto.enforce()
    with LocalRolesAnywhere(REGION, sts_endpoint_url=moto.url, sts_credentials=moto.forwarder) as service:
        service.create_role(ROLE)
        with pytest.raises(AccessDeniedError) as caught:
            session_of(service, pki).client("sts", endpoint_url=moto.url).get_caller_identity()
    assert "is not authorized to perform: sts:AssumeRole" in str(caught.value.service_message)


def test_the_emulator_has_roles_assumed_elsewhere_too(moto: Moto, pki: OpenSslPki) -> None:
    moto.create_role({"StringEquals": {"aws:PrincipalTag/x509Subject/O": "Kimalarm Inc."}})
    moto.enforce()
    role_arn = f"arn:aws:iam::123456789012:role/{ROLE}"
    with emulator(moto) as url:
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        admin = boto3.client("rolesanywhere", region_name=REGION, endpoint_url=url, **keys)
        source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": pki.ca.read_text()}}
        anchor = admin.create_trust_anchor(name="ca", source=source, enabled=True)["trustAnchor"]
        profile = admin.create_profile(name="p", roleArns=[role_arn], enabled=True)["profile"]
        session = boto3.Session(
            botocore_session=create_botocore_session(
                certificate=pki.certificate,
                private_key=pki.private_key,
                trust_anchor_arn=anchor["trustAnchorArn"],
                profile_arn=profile["profileArn"],
                role_arn=role_arn,
                endpoint_url=url,
            )
        )
        s3 = session.client("s3", endpoint_url=moto.url)
        s3.put_object(Bucket="alarms", Key="greeting", Body=b"hello")
        denied(s3.list_buckets)
