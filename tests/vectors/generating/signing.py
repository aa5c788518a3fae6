"""Signed requests for what the captured ones lack: other keys and issuers, chains, odd headers, paths and queries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from checks.signing import algorithm_of, canonical_request, string_to_sign, verify
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import IssuedCertificate

from . import fixed

REGION = "ap-northeast-2"
_UNSIGNED = ("user-agent", "accept-encoding", "content-length", "authorization")
_SERVICE = "rolesanywhere"


def vectors() -> dict[str, dict[str, Any]]:
    """Return each vector under its name."""
    made = [*_keys_and_issuers(), *_serial_numbers(), *_chains(), *_requests(), *_ml_dsa()]
    return {vector.pop("name"): vector for vector in made}


def _keys_and_issuers() -> Iterable[dict[str, Any]]:
    root = fixed.root()
    yield _vector("ec-p256", "an EC P-256 leaf, the ARNs in the body", fixed.leaf(root))
    yield _vector("ec-p521", "an EC P-521 leaf: SHA-256 all the same", _leaf_of(root, "P-521"))
    yield _vector("rsa-2048", "an RSA 2048 leaf, the ARNs in the body", _leaf_of(root, "RSA-2048"))
    for name in ("SHA-384", "SHA-512"):
        short = name.replace("-", "").lower()
        signed = fixed.leaf(root, f"CN=signed with {name}", signature_hash=name)
        yield _vector(
            f"ec-{short}-issuer", f"the CA signed the leaf with {name}: the request's hash stays SHA-256", signed
        )
    signed = _leaf_of(root, "RSA-2048", "CN=signed with SHA-512", signature_hash="SHA-512")
    yield _vector("rsa-sha512-issuer", "an RSA leaf that its CA signed with SHA-512", signed)
    for kind in ("Ed25519", "RSA-2048"):
        other = fixed.root(f"CN=Vector {kind} root", f"root-{kind.lower()}", key_type=kind)
        about = f"a P-256 leaf of an {kind} CA: the leaf's key alone decides on the algorithm"
        yield _vector(f"ec-{kind.lower()}-issuer", about, fixed.leaf(other), root=other)


def _serial_numbers() -> Iterable[dict[str, Any]]:
    root = fixed.root()
    for name, serial, about in (
        ("serial-1", 1, "a serial number of one digit"),
        (
            "serial-20-octets",
            (1 << 159) - 1,
            "the longest serial number of RFC 5280, 48 digits: longer than any machine word",
        ),
        ("serial-high-bit", 0xFF00, "a serial number whose DER starts with a zero octet, which is no digit"),
        ("serial-21-octets", 1 << 160, "a serial number that is longer than RFC 5280 allows"),
    ):
        options = {"odd_serial_number": serial} if serial >> 159 else {"serial_number": serial}
        yield _vector(name, about, fixed.leaf(root, f"CN={name}", **options))


def _chains() -> Iterable[dict[str, Any]]:
    root = fixed.root()
    upper = fixed.below(root, "CN=Vector upper CA,O=Example", "upper-ca")
    lower = fixed.below(upper, "CN=Vector lower CA,O=Example", "ca")
    app = fixed.leaf(lower)
    for name, chain, about in (
        ("chain-issuer-first", (lower, upper), "two intermediates, the leaf's issuer first"),
        ("chain-issuer-last", (upper, lower), "the same intermediates the other way round: sent and signed as given"),
        ("chain-with-leaf", (app, lower, upper), "the leaf stands in the chain header too, as from a PKCS#12 file"),
        ("chain-with-root", (lower, upper, root), "the trust anchor stands in the chain header too"),
    ):
        yield _vector(name, about, app, chain=chain)


def _requests() -> Iterable[dict[str, Any]]:
    app = fixed.leaf(fixed.root())
    korean = fixed.leaf(fixed.root(), "CN=\N{HANGUL SYLLABLE SE}\N{HANGUL SYLLABLE O},O=\N{HANGUL SYLLABLE GIM}")
    properties = {
        "site": "\N{HANGUL SYLLABLE SE}\N{HANGUL SYLLABLE O}\N{HANGUL SYLLABLE UL}",
        "mood": "\N{GRINNING FACE}",
    }
    arns = "&".join(f"{name}={value}" for name, value in _arns(REGION).items())
    yield _vector("subject-non-ascii", "names of the leaf in Hangul, which the request carries as DER alone", korean)
    yield _vector(
        "body-non-ascii", "a body in UTF-8 with characters of three and of four octets", app, properties=properties
    )
    yield _vector(
        "body-empty",
        "no body, and the ARNs in the query, their colons not encoded",
        app,
        target=f"/sessions?{arns}",
        body="",
    )
    yield _vector(
        "get", "a GET without a body, without Content-Type", app, method="GET", target="/", body="", headers=()
    )
    yield _vector(
        "headers-spaces",
        "values of signed headers trimmed, inner runs of spaces made one; names in odd case, not in order",
        app,
        headers=(("X-ZED", "  two  words   and  more "), ("x-a", "plain"), ("CONTENT-type", " application/json ")),
    )
    yield _vector(
        "headers-repeated", "one header sent twice: the values in their order, joined by a comma", app,
        headers=(("X-Many", "one"), ("Content-Type", "application/json"), ("x-many", "two")),
    )  # fmt: skip
    yield _vector(
        "host-port", "a port that is not the default one belongs to the signed host", app, host="localhost:8443"
    )
    yield _vector(
        "query-encodings",
        "escapes in small letters, escapes of what needs none, an empty value, no value, one name twice, names to sort",
        app,
        target="/sessions?b=%3a%2F&a=%7E%41&empty=&bare&b=%20&B=1&a-b=2&a=1",
    )
    yield _vector(
        "path-encoded", "what is escaped in the path is escaped once more", app, target="/a%20b/%ED%95%9C/sessions"
    )
    yield _vector(
        "region-cn", "another partition", app, region="cn-north-1", host="rolesanywhere.cn-north-1.amazonaws.com.cn"
    )


def _ml_dsa() -> Iterable[dict[str, Any]]:
    for size in (44, 65, 87):
        about = f"an ML-DSA-{size} leaf of an EC CA: pure ML-DSA over the string to sign, without a context"
        yield _vector(f"ml-dsa-{size}", about, _leaf_of(fixed.root(), f"ML-DSA-{size}"))


def _leaf_of(root: Any, kind: str, subject: str = "CN=app,O=Example", **options: Any) -> IssuedCertificate:
    return fixed.leaf(root, subject, f"leaf-{kind.lower()}", key_type=kind, **options)


def _arns(region: str) -> dict[str, str]:
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    here = f"arn:{partition}:rolesanywhere:{region}:123456789012"
    return {
        "profileArn": f"{here}:profile/22222222-2222-2222-2222-222222222222",
        "roleArn": f"arn:{partition}:iam::123456789012:role/reader",
        "trustAnchorArn": f"{here}:trust-anchor/11111111-1111-1111-1111-111111111111",
    }


def _vector(
    name: str,
    description: str,
    leaf: IssuedCertificate,
    *,
    root: IssuedCertificate | None = None,
    chain: Iterable[IssuedCertificate] = (),
    region: str = REGION,
    host: str | None = None,
    method: str = "POST",
    target: str = "/sessions",
    body: str | None = None,
    headers: Iterable[tuple[str, str]] = (("Content-Type", "application/json"),),
    properties: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return a vector: the request signed, and each stage of that."""
    content: dict[str, Any] = {"durationSeconds": 3600, **_arns(region)}
    if properties:
        content["instanceProperties"] = properties
    date = fixed.AT.strftime("%Y%m%dT%H%M%SZ")
    sent = [
        ("Host", host or f"rolesanywhere.{region}.amazonaws.com"),
        ("User-Agent", "vectors"),
        *headers,
        ("X-Amz-Date", date),
        ("X-Amz-X509", _header_form(leaf)),
    ]
    certificates = list(chain)
    if certificates:
        sent.append(("X-Amz-X509-Chain", ",".join(map(_header_form, certificates))))
    request = {
        "method": method,
        "target": target,
        "headers": [list(pair) for pair in sent],
        "body": json.dumps(content, ensure_ascii=False, separators=(",", ":")) if body is None else body,
    }
    signed_headers = sorted({name.lower() for name, _ in sent} - set(_UNSIGNED))
    canonical = canonical_request(request, signed_headers)
    algorithm = algorithm_of(leaf.certificate.public_key())
    scope = f"{date[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = string_to_sign(algorithm, date, scope, canonical)
    signature = _signature(name, leaf, to_sign)
    credential = f"{leaf.certificate.serial_number}/{scope}"
    authorization = (
        f"{algorithm} Credential={credential}, SignedHeaders={';'.join(signed_headers)}, Signature={signature}"
    )
    request["headers"].append(["Authorization", authorization])  # type: ignore[attr-defined]
    return {
        "name": name,
        "description": description,
        "region": region,
        "service": _SERVICE,
        "certificate_pem": leaf.certificate_pem.decode(),
        "intermediates_pem": "".join(each.certificate_pem.decode() for each in certificates) or None,
        "private_key_pem": leaf.private_key_pem.decode(),
        "trust_anchor_pem": (root or fixed.root()).certificate_pem.decode(),
        "request": request,
        "signed_headers": signed_headers,
        "canonical_request": canonical,
        "string_to_sign": to_sign,
        "authorization": authorization,
        "signature_is_deterministic": isinstance(leaf.private_key, rsa.RSAPrivateKey),
    }


def _header_form(issued: IssuedCertificate) -> str:
    return base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()


def _signature(name: str, leaf: IssuedCertificate, to_sign: str) -> str:
    """Return the signature in hex: always the same, but of ML-DSA, where the one from before is kept while it holds."""
    data, private_key = to_sign.encode(), leaf.private_key
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(data, padding.PKCS1v15(), hashes.SHA256()).hex()
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return private_key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)).hex()
    path = fixed.HERE / "signing" / f"{name}.json"
    before = json.loads(path.read_text("utf-8"))["authorization"].rpartition("Signature=")[2] if path.exists() else ""
    try:
        verify(leaf.certificate.public_key(), bytes.fromhex(before), data)
    except InvalidSignature:
        return private_key.sign(data).hex()  # type: ignore[call-arg]
    return str(before)
