"""The AWS CLI sets the service up, as people do by hand, and the library uses what it has made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.clients.conftest import PROGRAM, Machine
from tests.e2e.openssl_pki import OpenSslPki
from tests.emulator.control.world import crl
from tests.emulator.world import CA, LEAF

ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "AKIDADMINISTRATOR", "AWS_SECRET_ACCESS_KEY": "the secret of the administrator"}


class Administrator:
    """Somebody with the AWS CLI at hand."""

    def __init__(self, machine: Machine, service: LocalRolesAnywhere) -> None:
        self._machine = machine
        self._endpoint = ("--region", "eu-central-1", "--endpoint-url", service.url, "--output", "json")

    def does(self, *words: str) -> Any:
        printed = self._machine.aws("rolesanywhere", *words, *self._endpoint, **ADMINISTRATOR)
        return json.loads(printed) if printed.strip() else None

    def fails_with(self, *words: str, **environment: str) -> str:
        return self._machine.failing_aws("rolesanywhere", *words, *self._endpoint, **{**ADMINISTRATOR, **environment})


@pytest.fixture
def service() -> Iterator[LocalRolesAnywhere]:
    key, secret = ADMINISTRATOR.values()
    with LocalRolesAnywhere(region="eu-central-1", control_credentials=(key, secret)) as service:
        yield service


@pytest.fixture
def admin(machine: Machine, service: LocalRolesAnywhere) -> Administrator:
    return Administrator(machine, service)


def new_anchor(admin: Administrator, pem: str = CA.certificate_pem.decode()) -> str:
    """Make an enabled trust anchor and return its ARN."""
    source = json.dumps({"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": pem}})
    anchor = admin.does("create-trust-anchor", "--name", "company", "--source", source)["trustAnchor"]
    assert not anchor["enabled"]
    enabled = admin.does("enable-trust-anchor", "--trust-anchor-id", anchor["trustAnchorId"])["trustAnchor"]
    assert enabled["enabled"]
    return str(anchor["trustAnchorArn"])


def new_profile(admin: Administrator, *roles: str) -> dict[str, Any]:
    made = admin.does("create-profile", "--name", "readers", "--role-arns", *roles, "--enabled")
    return dict(made["profile"])


def test_from_a_ca_to_credentials(
    machine: Machine, service: LocalRolesAnywhere, admin: Administrator, tmp_path: Path
) -> None:
    files, role = LEAF.write(tmp_path / "leaf"), service.create_role("reader").arn
    anchor, profile = new_anchor(admin), new_profile(admin, role)["profileArn"]
    printed = machine.run(
        *(PROGRAM, "credential-process", "--endpoint", service.url),
        *("--certificate", str(files.certificate), "--private-key", str(files.private_key)),
        *("--trust-anchor-arn", anchor, "--profile-arn", profile, "--role-arn", role),
    )
    assert json.loads(printed)["AccessKeyId"].startswith("ASIA")


def test_lists_and_blobs(admin: Administrator, tmp_path: Path) -> None:
    profile = new_profile(admin, "arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b")
    mapping = ("--profile-id", profile["profileId"], "--certificate-field", "x509Subject")
    admin.does("put-attribute-mapping", *mapping, "--mapping-rules", "specifier=CN", "specifier=OU")
    left = admin.does("delete-attribute-mapping", *mapping, "--specifiers", "*", "OU")["profile"]
    assert left["attributeMappings"][2]["mappingRules"] == [{"specifier": "CN"}]
    admin.does("tag-resource", "--resource-arn", profile["profileArn"], "--tags", "key=team,value=one")
    tags = admin.does("list-tags-for-resource", "--resource-arn", profile["profileArn"])["tags"]
    assert tags == [{"key": "team", "value": "one"}]

    (tmp_path / "crl.pem").write_bytes(crl(serials=(5,)))
    blob = ("--crl-data", f"fileb://{tmp_path / 'crl.pem'}")
    imported = admin.does("import-crl", "--name", "c", *blob, "--trust-anchor-arn", new_anchor(admin))["crl"]
    assert admin.does("list-crls", "--page-size", "1")["crls"] == [imported]


def test_refusals(admin: Administrator) -> None:
    assert "InvalidSignatureException" in admin.fails_with("list-profiles", AWS_SECRET_ACCESS_KEY="wrong")
    assert "ValidationException" in admin.fails_with("get-profile", "--profile-id", "0" * 36)
    unknown = "00000000-0000-0000-0000-000000000000"
    assert "ResourceNotFoundException" in admin.fails_with("get-profile", "--profile-id", unknown)


def test_what_people_do_by_hand(
    machine: Machine,
    service: LocalRolesAnywhere,
    admin: Administrator,
    tmp_path: Path,
    require_tool: Callable[[str], str],
) -> None:
    """From the CA's PEM to credentials and to their end. The role alone is made in Python: IAM is not emulated."""
    (tmp_path / "pki").mkdir()
    pki = OpenSslPki(require_tool("openssl"), tmp_path / "pki")
    anchor = new_anchor(admin, pki.run("x509 -in rootCA.pem"))
    role = service.create_role("s3-reader", trust_policy=pki.trust_policy(anchor)).arn
    profile = new_profile(admin, role)["profileArn"]
    use_profile(machine, pki, service, anchor, profile, role)
    as_application = ("sts", "get-caller-identity", "--endpoint-url", service.url, "--profile", "alarms")
    assert ":assumed-role/s3-reader/" in json.loads(machine.aws(*as_application, "--output", "json"))["Arn"]

    revoked = ("--crl-data", f"fileb://{pki.revoke_client()}", "--trust-anchor-arn", anchor)
    assert not admin.does("import-crl", "--name", "revoked", *revoked)["crl"]["enabled"]
    machine.aws(*as_application)
    admin.does("enable-crl", "--crl-id", admin.does("list-crls")["crls"][0]["crlId"])
    assert "Certificate revoked" in machine.failing_aws(*as_application)
    assert [call.status for call in service.calls] == [201, 201, 403]

    [subject] = admin.does("list-subjects")["subjects"]
    assert subject["x509Subject"] == "O=Kimalarm Inc.,L=Seoul,C=KR"
    [seen] = admin.does("get-subject", "--subject-id", subject["subjectId"])["subject"]["credentials"]
    assert (int(seen["serialNumber"]), seen["failed"]) == (pki.serial_number(), True)


def use_profile(
    machine: Machine, pki: OpenSslPki, service: LocalRolesAnywhere, anchor: str, profile: str, role: str
) -> None:
    """Write the profile `alarms`, which has the library's command make its credentials."""
    command = (
        f"{PROGRAM} credential-process --endpoint {service.url} --trust-anchor-arn {anchor} --profile-arn {profile} "
        f"--role-arn {role} --certificate {pki.certificate} --private-key {pki.private_key}"
    )
    folder = Path(machine.environment["HOME"], ".aws")
    folder.mkdir()
    (folder / "config").write_text(f"[profile alarms]\nregion = eu-central-1\ncredential_process = {command}\n")
