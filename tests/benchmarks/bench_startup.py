"""A fresh process from start to first credentials in a boto3 session, over loopback TLS, beside the awslabs package."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_processes
from .tls_service import tls_service

_IMPORT_FLOOR = "import boto3, cryptography.x509"

_OURS = """
import json, sys
import boto3
from rolesanywhere_signer import create_botocore_session
given = json.load(open(sys.argv[1]))
session = boto3.Session(botocore_session=create_botocore_session(
    certificate=given["certificate"], private_key=given["private_key"], trust_anchor_arn=given["trust_anchor_arn"],
    profile_arn=given["profile_arn"], role_arn=given["role_arn"], endpoint_url="https://" + given["host"],
    verify=given["server_ca"]))
assert session.get_credentials().get_frozen_credentials().token
"""

# "find": it finds its endpoint as it does in production, and the local one takes its place afterwards.
_PEER = """
import json, sys
from iam_rolesanywhere_session import IAMRolesAnywhereSession
given = json.load(open(sys.argv[1]))
peer = IAMRolesAnywhereSession(
    certificate=given["certificate"], private_key=given["private_key"], trust_anchor_arn=given["trust_anchor_arn"],
    profile_arn=given["profile_arn"], role_arn=given["role_arn"], region=given["region"], verify=given["server_ca"],
    endpoint=None if sys.argv[2] == "find" else given["host"])
peer.endpoint = given["host"]
session = peer.get_session()
assert session.get_credentials().get_frozen_credentials().token
"""


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as directory, tls_service(Path(directory)) as (service, host, server_ca):
        # The peer takes the hash of its algorithm from how the CA signed, so the CA signs with SHA-256 here.
        ca = CertificateAuthority()
        ca.issue("CN=app").write(Path(directory))
        role = service.create_role("app")
        given = {
            "certificate": str(Path(directory, "certificate.pem")),
            "private_key": str(Path(directory, "private-key.pem")),
            "trust_anchor_arn": service.create_trust_anchor(ca.certificate_pem).arn,
            "profile_arn": service.create_profile(roles=[role]).arn,
            "role_arn": role.arn,
            "region": "eu-central-1",
            "host": host,
            "server_ca": str(server_ca),
        }
        path = Path(directory, "given.json")
        path.write_text(json.dumps(given))
        figures = time_processes(
            {
                _IMPORT_FLOOR: ["-c", _IMPORT_FLOOR],
                "rolesanywhere-signer": ["-c", _OURS, str(path)],
                "iam-rolesanywhere-session": ["-c", _PEER, str(path), "given"],
                "the same, finding its endpoint": ["-c", _PEER, str(path), "find"],
            },
            runs,
        )
    peer = figures["iam-rolesanywhere-session"]
    print("A fresh process to its first credentials (median; ratio of the times to iam-rolesanywhere-session)")
    for name, figure in figures.items():
        ratio = figure.seconds / peer.seconds
        print(f"  {name:<34}{figure.seconds * 1000:>8.0f} ms{ratio:>7.2f}{figure.peak_mib:>8.1f} MiB")


if __name__ == "__main__":
    main()
