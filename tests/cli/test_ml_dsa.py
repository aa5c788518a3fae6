"""ML-DSA through the commands: files in every form and encryption become credentials; what is said of such keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer import AccessDeniedError, Identity, RolesAnywhereClient, Settings
from rolesanywhere_signer.keys.openssl import why_not
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere
from tests.support.command_line import Outcome, run_here, run_process
from tests.support.ml_dsa import CIPHERS, HASHES, KEYS, NAMES, PASSPHRASE, encrypted, needs_ml_dsa, pem

pytestmark = needs_ml_dsa
SEALED = {
    f"{hash_name}-{8 * octets}": (octets, hash_name)
    for hash_name in (*HASHES, "scrypt")
    for octets in (CIPHERS if hash_name in ("sha256", "scrypt") else [32])
}


class Company:
    """A CA with a trust anchor, a certificate for a fixed ML-DSA key, and the flags that lead there."""

    def __init__(self, service: LocalRolesAnywhere, directory: Path, ca: CertificateAuthority) -> None:
        self.directory = directory
        role = service.create_role("reader")
        self.arns = {
            "trust-anchor": service.create_trust_anchor(ca.certificate_pem).arn,
            "profile": service.create_profile([role]).arn,
            "role": role.arn,
        }
        self.service, self.ca = service, ca

    def issue(self, name: str, key_file: bytes) -> tuple[str, ...]:
        """Write a certificate for a key and a file with the key; return the flags that name them."""
        issued: IssuedCertificate = self.ca.issue("CN=app", private_key=pem(KEYS[name].as_seed))
        certificate, key = self.directory / "certificate.pem", self.directory / "key.pem"
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(key_file)
        key.chmod(0o600)
        return "--certificate", str(certificate), "--private-key", str(key)

    def session(self) -> list[str]:
        arns = [word for kind, arn in self.arns.items() for word in (f"--{kind}-arn", arn)]
        return [*arns, "--endpoint", self.service.url]

    def sent_algorithm(self) -> str:
        [authorization] = self.service.calls[-1].request.values("authorization")
        return str(authorization.split()[0])


@pytest.fixture(params=["ML-DSA-65", "P-256"])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with LocalRolesAnywhere(region="eu-central-1") as service:
        yield Company(service, tmp_path, CertificateAuthority("CN=Root", key_type=request.param))


def got_credentials(outcome: Outcome) -> bool:
    assert (outcome.code, outcome.stderr) == (0, "")
    return set(json.loads(outcome.stdout)) >= {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}


class TestCredentialProcess:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("form", ["as_seed", "as_both"])
    def test_unencrypted(self, capsys: pytest.CaptureFixture[str], company: Company, name: str, form: str) -> None:
        files = company.issue(name, pem(getattr(KEYS[name], form)))
        assert got_credentials(run_here(capsys, "credential-process", *files, *company.session()))
        assert company.sent_algorithm() == "AWS4-X509-MLDSA"

    @pytest.mark.parametrize("form", ["as_seed", "as_both"])
    @pytest.mark.parametrize("how", SEALED)
    def test_encrypted(self, capsys: pytest.CaptureFixture[str], company: Company, form: str, how: str) -> None:
        sealed = encrypted(getattr(KEYS["ML-DSA-65"], form), *SEALED[how])
        files = company.issue("ML-DSA-65", pem(sealed, "ENCRYPTED PRIVATE KEY"))
        words = (*files, *company.session(), "--pkcs8-password", PASSPHRASE)
        assert got_credentials(run_here(capsys, "credential-process", *words))
        assert company.sent_algorithm() == "AWS4-X509-MLDSA"

    def test_as_a_process_of_its_own(self, company: Company) -> None:
        sealed = encrypted(KEYS["ML-DSA-87"].as_both, 16, None)
        files = company.issue("ML-DSA-87", pem(sealed, "ENCRYPTED PRIVATE KEY"))
        (company.directory / "words").write_text(PASSPHRASE)
        (company.directory / "words").chmod(0o600)
        more = ("--passphrase-file", str(company.directory / "words"))
        assert got_credentials(run_process("credential-process", *files, *company.session(), *more))

    def test_the_expanded_key_alone(self, capsys: pytest.CaptureFixture[str], company: Company) -> None:
        files = company.issue("ML-DSA-44", pem(KEYS["ML-DSA-44"].as_expanded))
        outcome = run_here(capsys, "credential-process", *files, *company.session())
        if why_not() is None:
            assert got_credentials(outcome)
            return
        assert (outcome.code, outcome.stdout) == (1, "")
        assert "ML-DSA-44 private key has no seed" in outcome.stderr
        assert "hint: " in outcome.stderr

    def test_a_wrong_passphrase(self, capsys: pytest.CaptureFixture[str], company: Company) -> None:
        sealed = encrypted(KEYS["ML-DSA-44"].as_both)
        files = company.issue("ML-DSA-44", pem(sealed, "ENCRYPTED PRIVATE KEY"))
        outcome = run_here(capsys, "credential-process", *files, *company.session(), "--pkcs8-password", "another")
        assert (outcome.code, outcome.stdout) == (1, "")
        assert "the passphrase is wrong" in outcome.stderr


class TestTheKeyAlone:
    @pytest.mark.parametrize("name", NAMES)
    def test_sign_string(self, capsys: pytest.CaptureFixture[str], company: Company, name: str) -> None:
        files = company.issue(name, pem(KEYS[name].as_both))
        outcome = run_here(capsys, "sign-string", *files)
        assert (outcome.code, outcome.stderr) == (0, "")
        signature = bytes.fromhex(json.loads(outcome.stdout))
        public_key: Any = company.ca.issue(private_key=pem(KEYS[name].as_seed)).certificate.public_key()
        public_key.verify(signature, b"AWS Roles Anywhere Credential Helper Signing Test1")

    def test_sign_string_over_a_hash(self, capsys: pytest.CaptureFixture[str], company: Company) -> None:
        files = company.issue("ML-DSA-44", pem(KEYS["ML-DSA-44"].as_both))
        outcome = run_here(capsys, "sign-string", *files, "--digest", "SHA512")
        assert (outcome.code, outcome.stdout) == (1, "")
        assert "no hash of it" in outcome.stderr

    @pytest.mark.parametrize("name", NAMES)
    def test_read_certificate_data(self, capsys: pytest.CaptureFixture[str], company: Company, name: str) -> None:
        _, certificate, *_ = company.issue(name, b"")
        outcome = run_here(capsys, "read-certificate-data", "--certificate", certificate)
        der = company_der(Path(certificate))
        told = json.loads(outcome.stdout)
        assert list(told) == ["keyType", "certificateData", "serialNumber", "supportedAlgorithms"]
        assert (told["keyType"], told["supportedAlgorithms"]) == (name, [name])
        assert told["certificateData"] == base64.b64encode(der).decode()

    def test_a_directory_with_such_keys(self, capsys: pytest.CaptureFixture[str], company: Company) -> None:
        company.issue("ML-DSA-44", pem(KEYS["ML-DSA-44"].as_both))
        words = ("--cert-directory", str(company.directory), "--cert-selector", "Key=x509Subject,Value=CN=app")
        outcome = run_here(capsys, "read-certificate-data", *words)
        assert "its key is in" in outcome.stderr
        assert got_credentials(run_here(capsys, "credential-process", *words, *company.session()))

    def test_validate(self, capsys: pytest.CaptureFixture[str], company: Company) -> None:
        (company.directory / "root.pem").write_bytes(company.ca.certificate_pem)
        files = company.issue("ML-DSA-87", pem(KEYS["ML-DSA-87"].as_both))
        outcome = run_here(capsys, "validate", *files, "--trust-anchor", str(company.directory / "root.pem"))
        assert outcome.code == 0, outcome.stdout


def company_der(path: Path) -> bytes:
    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))


class TestPki:
    @pytest.fixture
    def pki(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "words").write_text(PASSPHRASE)
        (tmp_path / "words").chmod(0o600)

        def run(*words: str) -> str:
            outcome = run_here(capsys, "pki", *words)
            assert outcome.code == 0, outcome.stderr
            return outcome.stdout

        return run

    @pytest.mark.parametrize("more", [(), ("--passphrase-file", "words")])
    @pytest.mark.parametrize("of_leaf", ["ML-DSA-44", "P-256"])
    def test_what_it_makes_is_believed(self, pki: Callable[..., str], more: tuple[str, ...], of_leaf: str) -> None:
        pki("init", "--key-type", "ML-DSA-65", *more)
        pki("issue", "--key-type", of_leaf, "--subject", "CN=app", *more)
        pki("issue", "--key-type", of_leaf, "--subject", "CN=lower", "--intermediate", "--out", "lower", *more)
        pki("revoke", "--certificate", "dev-ca/app/certificate.pem", *more)
        pki("crl", *more)
        assert "ML-DSA-65" in pki("show", "dev-ca/ca.pem")
        with LocalRolesAnywhere(region="eu-central-1") as service:
            anchor = service.create_trust_anchor("dev-ca/ca.pem")
            profile = service.create_profile([role := service.create_role("reader")])
            settings = Settings(anchor.arn, profile.arn, role.arn, endpoint_url=service.url)
            service.import_crl("dev-ca/crl.pem", anchor, enabled=True)
            good = Identity.from_files("lower/certificate.pem", "lower/private-key.pem", "lower/chain.pem")
            assert RolesAnywhereClient(settings, good).create_session().subject_arn
            revoked = Identity.from_files("dev-ca/app/certificate.pem", "dev-ca/app/private-key.pem")
            with pytest.raises(AccessDeniedError, match="revoked"):
                RolesAnywhereClient(settings, revoked).create_session()
