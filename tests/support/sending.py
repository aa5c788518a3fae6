"""Send a signed request through the library's transport."""

from __future__ import annotations

from functools import cache

from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.settings import Settings
from rolesanywhere_signer.signer import Request, SignedRequest, SigV4X509Signer
from rolesanywhere_signer.transport import Answer, Transport
from tests.support.arns import REGION
from tests.unit import pki

HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "tests"}
BODY = b'{"question": true}'


@cache
def leaf() -> pki.Issued:
    return pki.issue("app", issuer=pki.issue("root", ca=True))


@cache
def leaf_identity() -> Identity:
    return Identity.from_bytes(leaf().pem, leaf().key_pem)


def sign(url: str) -> SignedRequest:
    return SigV4X509Signer(leaf_identity(), REGION).sign(Request("POST", url, HEADERS, BODY))


def exchange(settings: Settings, transport: Transport | None = None) -> Answer:
    return (transport or Transport()).send(sign(f"{settings.url}/sessions"), settings)
