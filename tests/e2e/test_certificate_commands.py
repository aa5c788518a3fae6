"""The certificate commands on a PKI that openssl made; openssl is the judge of what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.conftest import RequireTool
from tests.e2e.openssl_pki import OpenSslPki
from tests.support.command_line import Outcome, run_process


class Company:
    """The PKI's own directory, with all that openssl left there, in the place of a certificate."""

    def __init__(self, openssl: str, directory: Path) -> None:
        self.pki = OpenSslPki(openssl, directory)
        self._directory = directory

    def openssl(self, command: str) -> str:
        return self.pki.run(command).strip()

    def run(self, command: str, *more: str) -> Outcome:
        return run_process(*command.split(), *more, directory=self._directory)

    def selector(self, which: str = "client.pem") -> str:
        """Return what openssl prints of a certificate, as a selector."""
        subject = self.openssl(f"x509 -in {which} -noout -subject -nameopt RFC2253").removeprefix("subject=")
        issuer = self.openssl(f"x509 -in {which} -noout -issuer -nameopt RFC2253").removeprefix("issuer=")
        serial = self.openssl(f"x509 -in {which} -noout -serial").removeprefix("serial=")
        return f"Key=x509Subject,Value={subject} Key=x509Issuer,Value={issuer} Key=x509Serial,Value={serial}"


@pytest.fixture
def company(require_tool: RequireTool, tmp_path: Path) -> Company:
    return Company(require_tool("openssl"), tmp_path)


def test_what_a_certificate_says_of_itself(company: Company) -> None:
    outcome = company.run("read-certificate-data --certificate client.pem")
    told = json.loads(outcome.stdout)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert told["keyType"] == "EC"
    assert told["serialNumber"] == str(company.pki.serial_number())
    pem = f"-----BEGIN CERTIFICATE-----\n{told['certificateData']}\n-----END CERTIFICATE-----\n"
    company.pki.certificate.with_name("again.pem").write_text(pem)
    fingerprint = "x509 -noout -fingerprint -sha256 -in"
    assert company.openssl(f"{fingerprint} again.pem") == company.openssl(f"{fingerprint} client.pem")


def test_what_a_directory_holds(company: Company) -> None:
    outcome = company.run("read-certificate-data --cert-directory . --cert-selector", company.selector())
    sha1 = company.openssl("x509 -in client.pem -noout -fingerprint -sha1").partition("=")[2].replace(":", "").lower()
    serial = company.openssl("x509 -in client.pem -noout -serial").removeprefix("serial=").lstrip("0")
    assert outcome.stdout == (
        f"Matching identities\n1) Hex Fingerprint: {sha1}\n"
        "Subject: O=Kimalarm Inc.,L=Seoul,C=KR\nIssuer: O=Kimalarm Inc.,L=Seoul,C=KR\n"
        f"Serial Number: {serial}\n\n"
    )


def test_credentials_by_what_openssl_prints(company: Company) -> None:
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        anchor = service.create_trust_anchor(company.openssl("x509 -in rootCA.pem").encode())
        role = service.create_role("app")
        profile = service.create_profile(roles=[role])
        arns = ("--trust-anchor-arn", anchor.arn, "--profile-arn", profile.arn, "--role-arn", role.arn)
        command = "credential-process --cert-directory . --endpoint"
        chosen = company.run(command, service.url, *arns, "--cert-selector", company.selector())
        # Without a selector, the CA, whose key lies there too, is nobody's choice.
        only = company.run(command, service.url, *arns)
    assert (chosen.code, chosen.stderr) == (0, "")
    assert json.loads(chosen.stdout)["Version"] == 1
    assert (only.code, only.stderr) == (0, "")


def test_a_signature_of_the_chosen_key(company: Company, tmp_path: Path) -> None:
    signed = company.run(
        "sign-string --cert-directory . --format text --digest SHA384 --cert-selector", company.selector()
    )
    (tmp_path / "signature").write_bytes(bytes.fromhex(signed.stdout))
    company.openssl("ec -in client.key -pubout -out public.pem -conv_form uncompressed")
    company.openssl("ec -in client.key -pubout -outform DER -out public.der -conv_form uncompressed")
    point = (tmp_path / "public.der").read_bytes()[-97:]
    (tmp_path / "named").write_bytes(b"IAM RA" + point)
    company.openssl("dgst -sha256 -binary -out digest named")
    digest = (tmp_path / "digest").read_bytes()
    (tmp_path / "string").write_bytes(b"AWS Roles Anywhere Credential Helper Signing Test1" + digest)
    assert company.openssl("dgst -sha384 -verify public.pem -signature signature string") == "Verified OK"


def test_validate_agrees_with_openssl(company: Company) -> None:
    right = "validate --certificate client.pem --private-key client.key --trust-anchor rootCA.pem"
    assert company.openssl("verify -CAfile rootCA.pem client.pem") == "client.pem: OK"
    assert company.run(right) == Outcome(0, "ok: no errors, no warnings\n", "")
    company.pki.renew_client()
    assert company.run(right).code == 0
    company.openssl("ecparam -genkey -name secp384r1 -out client.key")
    wrong = company.run(f"{right} --format json")
    assert [finding["code"] for finding in json.loads(wrong.stdout)["findings"]] == ["key-mismatch"]
    late = company.run("validate --certificate client.pem --trust-anchor rootCA.pem --at 2090-01-01 --format json")
    assert "expired" in [finding["code"] for finding in json.loads(late.stdout)["findings"]]
