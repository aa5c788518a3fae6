"""A refresh in a running process, the look at the files included, beside a fresh process to its first credentials."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rolesanywhere_signer import Identity, RolesAnywhereClient, Settings
from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_calls, time_processes
from .tls_service import tls_service

_FRESH = """
import sys
from rolesanywhere_signer import Identity, RolesAnywhereClient, Settings
certificate, key, anchor, profile, role, url, server_ca = sys.argv[1:]
settings = Settings(anchor, profile, role, endpoint_url=url, verify=server_ca)
RolesAnywhereClient(settings, Identity.from_files(certificate, key)).create_session()
"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as directory, tls_service(Path(directory)) as (service, host, server_ca):
        ca = CertificateAuthority()
        ca.issue("CN=app").write(Path(directory))
        role = service.create_role("app")
        anchor = service.create_trust_anchor(ca.certificate_pem)
        profile = service.create_profile(roles=[role])
        certificate, key = Path(directory, "certificate.pem"), Path(directory, "private-key.pem")
        settings = Settings(anchor.arn, profile.arn, role.arn, endpoint_url=f"https://{host}", verify=str(server_ca))
        client = RolesAnywhereClient(settings, Identity.from_files(certificate, key))
        identity = client.identity
        running = time_calls({"refresh": client.create_session, "look at the files": identity.load}, 20, 5)
        words = (certificate, key, anchor.arn, profile.arn, role.arn, f"https://{host}", server_ca)
        fresh = time_processes({"fresh": ["-c", _FRESH, *map(str, words)]}, 11)["fresh"].seconds * 1000
    print(
        "CreateSession over loopback TLS (median; ratio to the fresh process; the time of the local service is inside)"
    )
    print(f"  fresh process           {fresh:>8.1f} ms   1.00")
    print(f"  running process         {running['refresh'] / 1000:>8.1f} ms{running['refresh'] / 1000 / fresh:>7.2f}")
    print(f"  of it, look at the files{running['look at the files'] / 1000:>8.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
