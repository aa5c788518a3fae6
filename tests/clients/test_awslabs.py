"""The awslabs package ``iam-rolesanywhere-session``, which knows nothing of this project, over a TLS endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from iam_rolesanywhere_session import CredentialsRetrievalError, IAMRolesAnywhereSession

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere
from tests.benchmarks.tls_service import tls_service


class Endpoint:
    """A local service behind TLS, with a trust anchor, a profile and a role."""

    def __init__(self, service: LocalRolesAnywhere, host: str, server_ca: Path) -> None:
        self.service = service
        self.ca = CertificateAuthority("CN=Company CA")
        self._host, self._server_ca = host, server_ca
        role = service.create_role("reader")
        self._arns = {
            "trust_anchor_arn": service.create_trust_anchor(self.ca.certificate_pem).arn,
            "profile_arn": service.create_profile([role], accept_role_session_name=True).arn,
            "role_arn": role.arn,
        }

    def session(self, issued: IssuedCertificate, **more: Any) -> Any:
        """Return the package's session of an identity."""
        own = {"certificate": issued.certificate_pem, "private_key": issued.private_key_pem}
        return self.session_of({**own, "certificate_chain": issued.chain_pem, **more})

    def session_of(self, arguments: dict[str, Any]) -> Any:
        """Return the package's session."""
        here = {"region": "eu-central-1", "endpoint": self._host, "verify": str(self._server_ca)}
        return IAMRolesAnywhereSession(**{**self._arns, **here, **arguments}).get_session()


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with tls_service(tmp_path) as (service, host, server_ca):
        yield Endpoint(service, host, server_ca)


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "RSA-2048"])
def test_it_gets_credentials(endpoint: Endpoint, key_type: str) -> None:
    session = endpoint.session(endpoint.ca.issue("CN=app", key_type=key_type))
    keys = session.get_credentials().get_frozen_credentials()
    assert keys.access_key.startswith("ASIA")
    [call] = endpoint.service.calls
    assert (call.status, call.error_code) == (201, None)


def test_its_credentials_mean_something(endpoint: Endpoint) -> None:
    session = endpoint.session(endpoint.ca.issue("CN=app"), role_session_name="by-awslabs")
    with endpoint.service:
        sts = session.client("sts", endpoint_url=endpoint.service.url)
        assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/reader/by-awslabs")


def test_with_intermediates(endpoint: Endpoint) -> None:
    leaf = endpoint.ca.issue_ca("CN=Upper").issue_ca("CN=Lower").issue("CN=app")
    assert endpoint.session(leaf).get_credentials().get_frozen_credentials().token


def test_with_a_certificate_of_the_development_ca(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rolesanywhere_signer.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["pki", "init"]) == 0
    assert main(["pki", "issue", "--subject", "CN=app"]) == 0
    session = endpoint.session_of(
        {
            "trust_anchor_arn": endpoint.service.create_trust_anchor(Path("dev-ca/ca.pem").read_bytes()).arn,
            "certificate": "dev-ca/app/certificate.pem",
            "private_key": "dev-ca/app/private-key.pem",
        }
    )
    assert session.get_credentials().get_frozen_credentials().token


def test_a_stranger_s_certificate_is_refused(endpoint: Endpoint) -> None:
    session = endpoint.session(CertificateAuthority("CN=Company CA").issue("CN=app"))
    with pytest.raises(CredentialsRetrievalError, match="Untrusted signing certificate"):
        session.get_credentials().get_frozen_credentials()
    assert endpoint.service.calls[0].status == 403
