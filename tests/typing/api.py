"""The public names as a typed application uses them. mypy --strict reads this file; nothing runs it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import botocore.session
import requests

from rolesanywhere_signer import (
    AccessDeniedError,
    CertificateRejectedError,
    Credentials,
    Finding,
    Identity,
    Request,
    RolesAnywhereAuth,
    RolesAnywhereClient,
    RolesAnywhereError,
    RolesAnywhereProvider,
    ServiceError,
    Settings,
    SignedRequest,
    SigV4X509Signer,
    ValidationReport,
    create_botocore_session,
    install,
    validate_certificate,
    validate_trust_anchor,
)
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere


def use(*_values: object) -> None:
    """Take what was typed."""


def clock() -> datetime:
    return datetime.now(timezone.utc)


def ask_for_passphrase() -> str:
    return "asked"


def settings() -> Settings:
    return Settings(
        trust_anchor_arn="arn",
        profile_arn="arn",
        role_arn="arn",
        region="eu-central-1",
        duration_seconds=900,
        instance_properties={"host": "a"},
        verify=Path("bundle.pem"),
        proxies={"https": "http://proxy:3128"},
    )


def identities() -> list[Identity]:
    return [
        Identity.from_files("client.pem", Path("client.key"), passphrase=ask_for_passphrase),
        Identity.from_files(Path("client.pem"), passphrase=b"bytes"),
        Identity.from_bytes(b"certificate", b"key", intermediates=b"chain", passphrase="text"),
    ]


def credentials(identity: Identity) -> Credentials:
    fetched = RolesAnywhereClient(settings(), identity, clock).create_session()
    key: str = fetched.access_key_id
    until: datetime = fetched.expiration
    account: str | None = fetched.account_id
    use(key, until, account)
    return fetched


def in_botocore(identity: Identity) -> botocore.session.Session:
    session = botocore.session.Session()
    install(RolesAnywhereProvider(RolesAnywhereClient(settings(), identity)), session)
    return session


def flat() -> botocore.session.Session:
    return create_botocore_session(
        certificate="client.pem",
        private_key=b"key",
        trust_anchor_arn="arn",
        profile_arn="arn",
        role_arn="arn",
        clock=clock,
    )


def signed(identity: Identity) -> SignedRequest:
    signer = SigV4X509Signer(identity, region="eu-central-1")
    requests.post("https://example.invalid", json={}, auth=RolesAnywhereAuth(signer), timeout=5)
    request = Request("POST", "https://example.invalid", [("Content-Type", "text/plain")], "body")
    result = signer.sign(request, at=clock())
    stages: tuple[str, str] = (result.canonical_request, result.string_to_sign)
    headers: dict[str, str] = dict(result.headers)
    use(stages, headers, result.body)
    return result


def validated() -> ValidationReport:
    report = validate_certificate("client.pem", private_key=b"key", trust_anchor=Path("ca.pem"), at=clock())
    findings: tuple[Finding, ...] = report.findings
    good: bool = report.ok and validate_trust_anchor(b"pem", expiry_warning_seconds=0).ok
    use(findings, good)
    return report


def failures(identity: Identity) -> str | None:
    try:
        credentials(identity)
    except AccessDeniedError as error:
        return error.hint
    except ServiceError as error:
        return f"{error.status} {error.error_code} {error.retryable}"
    except CertificateRejectedError as error:
        return error.findings[0].message
    except RolesAnywhereError as error:
        return error.code
    return None


def local_service() -> str:
    ca = CertificateAuthority("CN=CA", key_type="P-256")
    leaf: IssuedCertificate = ca.issue("CN=app", key_usage=["digitalSignature"])
    with LocalRolesAnywhere(region="eu-central-1") as service:
        service.clock = clock
        role = service.create_role("app")
        profile = service.create_profile(roles=[role], accept_role_session_name=True)
        anchor_arn: str = service.create_trust_anchor(leaf.certificate_pem).arn
        statuses: list[int] = [call.status for call in service.calls]
        use(anchor_arn, profile.arn, statuses)
        return service.url
