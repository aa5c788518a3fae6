"""One signature over a CreateSession request, beside the bare ECDSA signature and the awslabs package."""

from __future__ import annotations

import json

from botocore.awsrequest import AWSRequest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from iam_rolesanywhere_session.iam_rolesanywhere_session import IAMRolesAnywhereSigner

from rolesanywhere_signer import Identity, Request, SigV4X509Signer
from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_calls

_URL = "https://rolesanywhere.eu-central-1.amazonaws.com/sessions"
_BODY = json.dumps(
    {
        "profileArn": "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/22222222-2222-2222-2222-222222222222",
        "roleArn": "arn:aws:iam::123456789012:role/app",
        "trustAnchorArn": "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/"
        "11111111-1111-1111-1111-111111111111",
    }
)
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "bench"}


def main() -> None:
    """Print the figures."""
    leaf = CertificateAuthority().issue("CN=app", key_type="P-256")
    identity = Identity.from_bytes(leaf.certificate_pem, leaf.private_key_pem)
    signer = SigV4X509Signer(identity, region="eu-central-1")
    peer = IAMRolesAnywhereSigner(leaf.certificate_pem, leaf.private_key_pem, region="eu-central-1")
    key = load_pem_private_key(leaf.private_key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    request = Request("POST", _URL, _HEADERS, _BODY)
    data = signer.sign(request).string_to_sign.encode()
    ecdsa = ec.ECDSA(hashes.SHA256())

    def sign_as_peer() -> None:
        peer.add_auth(AWSRequest(method="POST", url=_URL, data=_BODY))

    figures = time_calls(
        {
            "bare ECDSA P-256 signature": lambda: key.sign(data, ecdsa),
            "sign(request)": lambda: signer.sign(request),
            "sign(Request(...))": lambda: signer.sign(Request("POST", _URL, _HEADERS, _BODY)),
            "iam-rolesanywhere-session": sign_as_peer,
        }
    )
    floor = figures["bare ECDSA P-256 signature"]
    print("Signing a CreateSession request (median, microseconds; ratio to the bare signature)")
    for name, microseconds in figures.items():
        print(f"  {name:<30}{microseconds:>8.1f}{microseconds / floor:>8.2f}")


if __name__ == "__main__":
    main()
