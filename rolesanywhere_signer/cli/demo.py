"""``demo``: the whole way on this machine, from a CA to a call with temporary credentials, and a renewal."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..clock import utc_now
from ..flags import Given
from .command import Command

if TYPE_CHECKING:
    import botocore.credentials
    import botocore.session

    from ..testing import CertificateAuthority, LocalRolesAnywhere

_REGION = "ap-northeast-2"
_CLIENT = "O=Example Corp,CN=demo-app"


def run(_given: Given) -> int:
    """Run the demo to its end.

    Raises:
        RolesAnywhereError: A step failed.
    """
    with tempfile.TemporaryDirectory(prefix="rolesanywhere-demo-") as directory:
        _Demo(Path(directory)).play()
    return 0


class _Demo:
    """The steps, and the clock that the local service and the library share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ahead = timedelta(0)
        self._steps = 0

    def play(self) -> None:
        from ..testing import CertificateAuthority, LocalRolesAnywhere

        print("From a certificate to AWS credentials, all on this machine.\n")
        ca = CertificateAuthority("O=Example Corp,CN=Example Corp Root CA")
        self._issue(ca)
        with LocalRolesAnywhere(region=_REGION) as service:
            service.clock = self._now
            session = self._connect(ca, service)
            self._use(session, service)
            self._renew(ca, session, service)
        print("\nDone; everything is removed. Against AWS, only endpoint_url and the three ARNs change:")
        print("  boto3.Session(botocore_session=create_botocore_session(certificate=..., private_key=..., ...))")

    def _issue(self, ca: CertificateAuthority) -> None:
        self._step(
            "A company's CA (EC P-384) issues a client certificate.",
            "CA:FALSE and the key usage digitalSignature are what the service insists on.",
        )
        ca.issue(_CLIENT).write(self._directory)
        (self._directory / "ca.pem").write_bytes(ca.certificate_pem)
        self._show("validated", self._validate())

    def _validate(self) -> str:
        from ..validation import validate_certificate

        report = validate_certificate(
            self._directory / "certificate.pem",
            self._directory / "private-key.pem",
            trust_anchor=self._directory / "ca.pem",
        )
        report.raise_for_errors()
        return "leaf, key and path to the CA are good"

    def _connect(self, ca: CertificateAuthority, service: LocalRolesAnywhere) -> botocore.session.Session:
        from ..provider import create_botocore_session

        self._step(
            "A local IAM Roles Anywhere starts; it verifies signatures and certificates as AWS does.",
            "The CA becomes a trust anchor; a profile says which roles its certificates may take.",
        )
        anchor = service.create_trust_anchor(ca.certificate_pem)
        role = service.create_role("demo-role")
        profile = service.create_profile(roles=[role])
        self._show("service", service.url)
        self._show("trust anchor", anchor.arn)
        return create_botocore_session(
            certificate=self._directory / "certificate.pem",
            private_key=self._directory / "private-key.pem",
            trust_anchor_arn=anchor.arn,
            profile_arn=profile.arn,
            role_arn=role.arn,
            endpoint_url=service.url,
            trust_anchor=self._directory / "ca.pem",
            clock=self._now,
        )

    def _use(self, session: botocore.session.Session, service: LocalRolesAnywhere) -> None:
        self._step(
            "A botocore session signs CreateSession with the private key and gets temporary credentials.",
            "It does so at the first use; the key itself never leaves this process.",
        )
        self._show("GetCallerIdentity", self._who_am_i(session, service))
        self._show("access key", f"{_credentials(session).access_key} (temporary; the secret is not shown)")

    def _renew(self, ca: CertificateAuthority, session: botocore.session.Session, service: LocalRolesAnywhere) -> None:
        self._step(
            "The certificate is replaced on disk, as a renewal does, and an hour passes (by the demo's clock).",
            "The next use gets new credentials with the new certificate; nothing is restarted.",
        )
        ca.issue(_CLIENT).write(self._directory)
        self._ahead = timedelta(hours=1, minutes=1)
        _credentials(session).get_frozen_credentials()
        # botocore signs with the machine's clock, so the demo comes back to it.
        self._ahead = timedelta(0)
        self._show("GetCallerIdentity", self._who_am_i(session, service))
        self._show("", "the last part, the certificate's serial number, has changed")

    def _who_am_i(self, session: botocore.session.Session, service: LocalRolesAnywhere) -> str:
        client: Any = session.create_client("sts", endpoint_url=service.url)
        return str(client.get_caller_identity()["Arn"])

    def _now(self) -> datetime:
        return utc_now() + self._ahead

    def _step(self, what: str, why: str) -> None:
        self._steps += 1
        print(f"{self._steps}. {what}\n   {why}")

    def _show(self, name: str, value: str) -> None:
        print(f"   {name + ':' if name else '':<19}{value}")


def _credentials(session: botocore.session.Session) -> botocore.credentials.Credentials:
    from ..provider import RolesAnywhereProvider

    provider = session.get_component("credential_provider").get_provider(RolesAnywhereProvider.METHOD)
    return cast("botocore.credentials.Credentials", provider.load())


COMMAND = Command(
    name="demo",
    summary="show the whole way on this machine; needs no AWS account",
    description="Make a CA and a client certificate, start a local IAM Roles Anywhere, get credentials from it through "
    "botocore, use them, and renew the certificate. Needs no network and leaves nothing behind.",
    flags=(),
    run=run,
)
