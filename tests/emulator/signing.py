"""A signer for tests, apart from the library's: it signs what it is told to, also what no client should."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import HttpRequest, IssuedCertificate
from tests.emulator.vectors import SigningKey

# Certificates are made by the machine's clock; the services of these tests stand still at its time.
NOW = datetime.now(timezone.utc).replace(microsecond=0)
Pairs = Iterable[tuple[str, str]]


def header_form(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def sign_as(leaf: IssuedCertificate, body: bytes = b"{}", **options: object) -> HttpRequest:
    """Sign with an issued certificate, and with its chain unless another is given."""
    options.setdefault("chain", leaf.intermediates)
    return sign(leaf.private_key, leaf.certificate, body, **options)  # type: ignore[arg-type]


def sign(
    key: SigningKey,
    certificate: x509.Certificate,
    body: bytes = b"{}",
    *,
    target: str = "/sessions",
    headers: Pairs = (),
    chain: Sequence[x509.Certificate] = (),
    region: str = "us-east-1",
    at: datetime = NOW,
    day: str | None = None,
    serial: str | None = None,
    algorithm: str | None = None,
    leave_out: Sequence[str] = (),
    arrange: Callable[[list[str]], list[str]] = sorted,
) -> HttpRequest:
    """Return a signed POST.

    Args:
        headers: More of them, in order; duplicates stay apart.
        day, serial, algorithm: Instead of the true ones.
        leave_out: Headers that are sent and not signed.
        arrange: Puts the names of the signed headers in another order than the right one.
    """
    date = at.strftime("%Y%m%dT%H%M%SZ")
    all_headers = [("Host", "127.0.0.1:1"), ("Content-Type", "application/json"), ("X-Amz-Date", date)]
    all_headers.append(("X-Amz-X509", header_form(certificate)))
    if chain:
        all_headers.append(("X-Amz-X509-Chain", ",".join(map(header_form, chain))))
    all_headers += headers
    signed = arrange(sorted({name.lower() for name, _ in all_headers} - set(leave_out)))
    canonical = "\n".join(["POST", *_target_lines(target), *_header_lines(all_headers, signed), "", ";".join(signed)])
    digest = hashlib.sha256(f"{canonical}\n{hashlib.sha256(body).hexdigest()}".encode("latin-1")).hexdigest()
    algorithm = algorithm or _algorithm(key)
    scope = f"{day or date[:8]}/{region}/rolesanywhere/aws4_request"
    signature = _sign_bytes(key, f"{algorithm}\n{date}\n{scope}\n{digest}".encode())
    credential = f"Credential={serial or certificate.serial_number}/{scope}"
    parts = f"{credential}, SignedHeaders={';'.join(signed)}, Signature={signature.hex()}"
    all_headers.append(("Authorization", f"{algorithm} {parts}"))
    return HttpRequest("POST", target, tuple(all_headers), body)


def _algorithm(key: SigningKey) -> str:
    if is_ml_dsa(key):
        return "AWS4-X509-MLDSA"
    return f"AWS4-X509-{'ECDSA' if isinstance(key, ec.EllipticCurvePrivateKey) else 'RSA'}-SHA256"


def is_ml_dsa(key: object) -> bool:
    """Say so by the name of the class, which exists only in newer versions of cryptography."""
    return type(key).__name__.startswith("MLDSA")


def _target_lines(target: str) -> tuple[str, str]:
    parts = urlsplit(target)
    pairs = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in parse_qsl(parts.query, True))
    return quote(parts.path), "&".join(f"{name}={value}" for name, value in pairs)


def _header_lines(headers: Pairs, signed: Sequence[str]) -> list[str]:
    values = {name: [re.sub(" +", " ", v.strip()) for n, v in headers if n.lower() == name] for name in signed}
    return [f"{name}:{','.join(values[name])}" for name in signed]


def _sign_bytes(key: SigningKey, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    if is_ml_dsa(key):
        return bytes(key.sign(data))  # type: ignore[call-arg]
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
