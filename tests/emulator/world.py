"""A service with one of everything, and what it answers."""

from __future__ import annotations

import json
from typing import Any

from rolesanywhere_signer.testing import (
    Call,
    CertificateAuthority,
    HttpRequest,
    HttpResponse,
    IssuedCertificate,
    LocalRolesAnywhere,
    Profile,
    Role,
    TrustAnchor,
)
from tests.emulator.signing import NOW, sign_as

CA = CertificateAuthority("CN=Root,O=Example")
LEAF = CA.issue("CN=app,O=Example", key_type="P-256")


class World:
    """One anchor, role and profile; the profile's properties can be chosen."""

    def __init__(
        self,
        ca: CertificateAuthority = CA,
        *,
        max_session_duration_seconds: int = 3600,
        service: LocalRolesAnywhere | None = None,
        **profile: Any,
    ) -> None:
        self.service = service or LocalRolesAnywhere()
        self.service.clock = lambda: NOW
        self.anchor: TrustAnchor = self.service.create_trust_anchor(ca.certificate_pem)
        self.role: Role = self.service.create_role("reader", max_session_duration_seconds)
        self.profile: Profile = self.service.create_profile([self.role], **profile)

    def body(self, **members: object) -> bytes:
        """Return a body that names the three resources, with ``members`` added or, where None, left out."""
        content: dict[str, object] = {
            "trustAnchorArn": self.anchor.arn,
            "profileArn": self.profile.arn,
            "roleArn": self.role.arn,
        }
        content.update(members)
        return json.dumps({name: value for name, value in content.items() if value is not None}).encode()

    def ask(self, leaf: IssuedCertificate = LEAF, **members: object) -> HttpResponse:
        return self.send(sign_as(leaf, self.body(**members)))

    def send(self, request: HttpRequest) -> HttpResponse:
        return self.service.respond(request)

    @property
    def last(self) -> Call:
        return self.service.calls[-1]


def content(response: HttpResponse) -> Any:
    return json.loads(response.body)


def header(response: HttpResponse, name: str) -> str:
    [value] = [value for received, value in response.headers if received.lower() == name.lower()]
    return value


def refusal(response: HttpResponse) -> tuple[int, str, str]:
    """Return the status, the name of the error, and the message."""
    return response.status, header(response, "x-amzn-ErrorType"), content(response)["message"]


INVALID_SIGNATURE = (403, "AccessDeniedException", "Invalid signature")
UNTRUSTED = (403, "AccessDeniedException", "Untrusted signing certificate")
UNFIT = (403, "AccessDeniedException", "Untrusted certificate. Insufficient certificate")
