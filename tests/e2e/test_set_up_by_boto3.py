"""What people do by hand in the console, with boto3: from the CA's PEM to credentials, and to their end by a CRL.

IAM is not emulated: the role with its trust policy is made in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rolesanywhere_signer import AccessDeniedError, create_botocore_session
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.e2e.openssl_pki import OpenSslPki

REGION = "ap-northeast-2"
ADMINISTRATOR = ("AKIDADMINISTRATOR", "the secret of the administrator")


@pytest.fixture
def pki(tmp_path: Path, require_tool: Callable[[str], str]) -> OpenSslPki:
    return OpenSslPki(require_tool("openssl"), tmp_path)


@pytest.fixture
def service() -> Iterator[LocalRolesAnywhere]:
    with LocalRolesAnywhere(region=REGION, control_credentials=ADMINISTRATOR) as service:
        yield service


@pytest.fixture
def admin(service: LocalRolesAnywhere) -> Iterator[Any]:
    key, secret = ADMINISTRATOR
    client = boto3.client(
        "rolesanywhere",
        region_name=REGION,
        endpoint_url=service.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    yield client
    client.close()


def new_anchor(admin: Any, pki: OpenSslPki) -> str:
    pem = pki.run("x509 -in rootCA.pem")
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": pem}}
    anchor = admin.create_trust_anchor(name="company", source=source, enabled=True)["trustAnchor"]
    return str(anchor["trustAnchorArn"])


def who_am_i(service: LocalRolesAnywhere, pki: OpenSslPki, **arns: str) -> str:
    """Return what STS says to a new session, which has to ask for credentials first."""
    botocore_session = create_botocore_session(
        certificate=pki.certificate, private_key=pki.private_key, endpoint_url=service.url, **arns
    )
    sts = boto3.Session(botocore_session=botocore_session).client("sts", endpoint_url=service.url)
    return str(sts.get_caller_identity()["Arn"])


def test_from_the_cas_pem_to_a_revoked_certificate(service: LocalRolesAnywhere, admin: Any, pki: OpenSslPki) -> None:
    anchor = new_anchor(admin, pki)
    role = service.create_role("s3-reader", trust_policy=pki.trust_policy(anchor)).arn
    profile = admin.create_profile(name="readers", roleArns=[role], enabled=True)["profile"]["profileArn"]
    arns = {"trust_anchor_arn": anchor, "profile_arn": profile, "role_arn": role}
    assert who_am_i(service, pki, **arns).startswith("arn:aws:sts::123456789012:assumed-role/s3-reader/")

    data = pki.revoke_client().read_bytes()
    crl = admin.import_crl(name="revoked", crlData=data, trustAnchorArn=anchor)["crl"]
    assert not crl["enabled"]
    who_am_i(service, pki, **arns)
    admin.enable_crl(crlId=crl["crlId"])
    with pytest.raises(AccessDeniedError) as refused:
        who_am_i(service, pki, **arns)
    assert refused.value.service_message == "Certificate revoked"
    assert [call.status for call in service.calls] == [201, 201, 403]

    [subject] = admin.list_subjects()["subjects"]
    assert subject["x509Subject"] == "O=Kimalarm Inc.,L=Seoul,C=KR"
    [seen] = admin.get_subject(subjectId=subject["subjectId"])["subject"]["credentials"]
    assert (int(seen["serialNumber"]), seen["failed"]) == (pki.serial_number(), True)

    pki.renew_client()
    assert ":assumed-role/s3-reader/" in who_am_i(service, pki, **arns)
    assert len(admin.get_subject(subjectId=subject["subjectId"])["subject"]["credentials"]) == 2


def test_the_trust_policy_decides(service: LocalRolesAnywhere, admin: Any, pki: OpenSslPki) -> None:
    """The same certificate by way of a trust anchor that the role does not trust."""
    trusted, other = new_anchor(admin, pki), new_anchor(admin, pki)
    role = service.create_role("s3-reader", trust_policy=pki.trust_policy(trusted)).arn
    profile = admin.create_profile(name="readers", roleArns=[role], enabled=True)["profile"]["profileArn"]
    with pytest.raises(AccessDeniedError) as refused:
        who_am_i(service, pki, trust_anchor_arn=other, profile_arn=profile, role_arn=role)
    assert refused.value.service_message == f"Unable to assume role for {role}"
    assert who_am_i(service, pki, trust_anchor_arn=trusted, profile_arn=profile, role_arn=role)
