"""A service with a boto3 client, CRLs, and requests signed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest, HttpResponse, LocalRolesAnywhere
from rolesanywhere_signer.testing.control.model import service_model
from tests.emulator.signing import NOW
from tests.emulator.world import CA

REGION, ACCOUNT = "us-east-1", "123456789012"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI"
OTHER_CA = CertificateAuthority("CN=Other Root,O=Example")
PEM = CA.certificate_pem.decode()
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
PRIVATE_CA = f"arn:aws:acm-pca:{REGION}:{ACCOUNT}:certificate-authority/0000-1111"
MODEL = service_model()

# Members that older models lack are looked for, and never a version.
HAS_ALIASES = "AliasName" in MODEL.shape_names
needs_aliases = pytest.mark.skipif(not HAS_ALIASES, reason="this botocore's model has no aliases")


def boto3_client(service: LocalRolesAnywhere, key: str = KEY, secret: str = SECRET, token: str | None = None) -> Any:
    """Return a client that sends what it is given and says what it gets, once."""
    return boto3.client(
        "rolesanywhere",
        region_name=REGION,
        endpoint_url=service.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def bundle(pem: str = PEM) -> dict[str, Any]:
    """Return the source of a trust anchor."""
    return {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": pem}}


def new_anchor(client: Any, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.create_trust_anchor(**{"name": "anchor", "source": bundle(), **members})
    return dict(made["trustAnchor"])


def new_profile(client: Any, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.create_profile(**{"name": "profile", "roleArns": [ROLE], **members})
    return dict(made["profile"])


def new_crl(client: Any, anchor: dict[str, Any], **members: Any) -> dict[str, Any]:
    given = {"name": "crl", "crlData": crl(), "trustAnchorArn": anchor["trustAnchorArn"], **members}
    return dict(client.import_crl(**given)["crl"])


def crl(ca: CertificateAuthority = CA, serials: tuple[int, ...] = (), encoding: Encoding = Encoding.PEM) -> bytes:
    """Return a CRL that ``ca`` signed."""
    builder = x509.CertificateRevocationListBuilder(ca.certificate.subject, NOW, NOW + timedelta(days=7))
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder(serial, NOW).build()
        builder = builder.add_revoked_certificate(revoked)
    return builder.sign(ca.private_key, hashes.SHA384()).public_bytes(encoding)  # type: ignore[arg-type]


def signed(
    method: str,
    target: str,
    body: object = b"",
    *,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    region: str = REGION,
    name: str = "rolesanywhere",
    headers: dict[str, str] | None = None,
) -> HttpRequest:
    """Return a request signed now, by botocore.

    Args:
        body: Bytes, or what becomes JSON.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = AWSRequest(method, f"http://127.0.0.1:1{target}", dict(headers or {}), data)
    SigV4Auth(Credentials(key, secret, token), name, region).add_auth(request)
    pairs = [("Host", "127.0.0.1:1"), *((name, str(value)) for name, value in request.headers.items())]
    return HttpRequest(method, target, tuple(pairs), data)


def send(service: LocalRolesAnywhere, method: str, target: str, body: object = b"", **how: Any) -> HttpResponse:
    return service.respond(signed(method, target, body, **how))


@contextmanager
def refused(code: str, status: int, message: str | None = None) -> Iterator[None]:
    """Expect an error answer, word for word where ``message`` is given."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert (error["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    if message is not None:
        assert error["Message"] == message


def invalid(message: str | None = None) -> Any:
    return refused("ValidationException", 400, message)


def missing(message: str | None = None) -> Any:
    return refused("ResourceNotFoundException", 404, message)


class Clock:
    """The service's clock, which stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
