"""A refresh in a running process beside a fresh process to its first credentials.

The look at the files is included. One client keeps its connection; the other is made anew for each call, and has none.
"""

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
        identity = Identity.from_files(certificate, key)
        client = RolesAnywhereClient(settings, identity)
        running = time_calls(
            {
                "running, kept connection": client.create_session,
                "running, new connection": lambda: RolesAnywhereClient(settings, identity).create_session(),
                "of it, look at the files": identity.load,
            },
            rounds=20,
            repeat=5,
        )
        words = (certificate, key, anchor.arn, profile.arn, role.arn, f"https://{host}", server_ca)
        fresh = time_processes({"fresh": ["-c", _FRESH, *map(str, words)]}, 11)["fresh"].seconds * 1e6
    print(
        "CreateSession over loopback TLS (median; ratio to the fresh process; the time of the local service is inside)"
    )
    for name, microseconds in {"fresh process": fresh, **running}.items():
        print(f"  {name:<26}{microseconds / 1000:>8.2f} ms{microseconds / fresh:>8.4f}")


if __name__ == "__main__":
    sys.exit(main())
