"""A company in small: a CA, a certificate on disk, and a local Roles Anywhere that knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session

from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.provider import RolesAnywhereProvider, create_botocore_session
from rolesanywhere_signer.settings import Settings
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate, LocalRolesAnywhere


@dataclass
class World:
    """What a test needs to get credentials from a local service."""

    service: LocalRolesAnywhere
    directory: Path
    ca: CertificateAuthority = field(default_factory=CertificateAuthority)

    def __post_init__(self) -> None:
        self.leaf = self.renew()
        anchor = self.service.create_trust_anchor(self.ca.certificate_pem)
        role = self.service.create_role("s3-reader", max_session_duration_seconds=43200)
        profile = self.service.create_profile([role], duration_seconds=3600, accept_role_session_name=True)
        self.arns = {"trust_anchor_arn": anchor.arn, "profile_arn": profile.arn, "role_arn": role.arn}

    def renew(self, subject: str = "CN=app") -> IssuedCertificate:
        """Put a new certificate with a new key in the place of the old."""
        issued = self.ca.issue(subject)
        self.certificate, key, _ = issued.write(self.directory)
        assert key is not None
        self.private_key = key
        return issued

    def botocore_session(self, **others: Any) -> botocore.session.Session:
        arguments = {"certificate": self.certificate, "private_key": self.private_key, **self.arns, **others}
        return create_botocore_session(**{"endpoint_url": self.service.url, **arguments})

    def boto3_session(self, **others: Any) -> boto3.Session:
        return boto3.Session(botocore_session=self.botocore_session(**others))

    def sts(self, session: boto3.Session | Any) -> Any:
        """Return an STS client of the local service."""
        return session.client("sts", endpoint_url=self.service.url)

    def client(self, **others: Any) -> RolesAnywhereClient:
        clock = others.pop("clock", None)
        settings = Settings(**{"endpoint_url": self.service.url, **self.arns, **others})
        return RolesAnywhereClient(settings, Identity.from_files(self.certificate, self.private_key), clock)

    def provider(self, **others: Any) -> RolesAnywhereProvider:
        return RolesAnywhereProvider(self.client(**others))
