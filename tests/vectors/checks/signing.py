"""Signed requests: each stage of SigV4-X509 computed anew, the signature verified, and made again where it can be."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from .common import SkippedError, certificates, public_key, require, require_equal

_AUTHORIZATION = re.compile(r"(\S+) Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]+)")


def check_signed_request(vector: dict[str, Any]) -> None:
    """Check one vector."""
    request = vector["request"]
    headers = [(name.lower(), value) for name, value in request["headers"]]
    [leaf] = certificates(vector["certificate_pem"])
    _check_certificate_headers(vector, dict(headers))

    canonical = canonical_request(request, vector["signed_headers"])
    require_equal(canonical, vector["canonical_request"], "canonical_request")

    date = dict(headers)["x-amz-date"]
    key = public_key(leaf)
    algorithm = algorithm_of(key)
    scope = f"{date[:8]}/{vector['region']}/{vector['service']}/aws4_request"
    to_sign = string_to_sign(algorithm, date, scope, canonical)
    require_equal(to_sign, vector["string_to_sign"], "string_to_sign")

    require_equal(dict(headers)["authorization"], vector["authorization"], "the Authorization header")
    match = _AUTHORIZATION.fullmatch(vector["authorization"])
    require(match is not None, "authorization is malformed")
    assert match is not None
    found = (match[1], match[2], match[3].split(";"))
    require_equal(found, (algorithm, f"{leaf.serial_number}/{scope}", vector["signed_headers"]), "authorization")
    verify(key, bytes.fromhex(match[4]), to_sign.encode())
    _check_private_key(vector, key, to_sign.encode(), match[4])


def canonical_request(request: dict[str, Any], signed_headers: list[str]) -> str:
    """Return the canonical request of what was sent."""
    path, _, query = request["target"].partition("?")
    lines = [f"{name}:{_canonical_value(request['headers'], name)}\n" for name in signed_headers]
    return "\n".join(
        (
            request["method"],
            quote(path, safe="/-_.~"),
            _canonical_query(query),
            "".join(lines),
            ";".join(signed_headers),
            hashlib.sha256(request["body"].encode("utf-8")).hexdigest(),
        )
    )


def _canonical_value(headers: list[list[str]], name: str) -> str:
    values = [re.sub(" +", " ", value.strip(" \t")) for sent, value in headers if sent.lower() == name]
    require(bool(values), f"the signed header {name} is not in the request")
    return ",".join(values)


def _canonical_query(query: str) -> str:
    pairs = (piece.partition("=") for piece in query.split("&") if piece)
    encoded = sorted((_encoded_anew(name), _encoded_anew(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded_anew(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def string_to_sign(algorithm: str, date: str, scope: str, canonical: str) -> str:
    """Return what the key signs."""
    return "\n".join((algorithm, date, scope, hashlib.sha256(canonical.encode("utf-8")).hexdigest()))


def algorithm_of(key: object) -> str:
    """Return the name of the algorithm, which the leaf's key alone decides."""
    if isinstance(key, rsa.RSAPublicKey):
        return "AWS4-X509-RSA-SHA256"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "AWS4-X509-ECDSA-SHA256"
    require(type(key).__name__.startswith("MLDSA"), f"a leaf cannot sign with {type(key).__name__}")
    return "AWS4-X509-MLDSA"


def verify(key: Any, signature: bytes, data: bytes) -> None:
    """Verify a signature; raises InvalidSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, data)


def _check_certificate_headers(vector: dict[str, Any], headers: dict[str, str]) -> None:
    [leaf] = certificates(vector["certificate_pem"])
    require_equal(headers.get("x-amz-x509"), _header_form(leaf), "X-Amz-X509")
    chain = ",".join(map(_header_form, certificates(vector["intermediates_pem"]))) or None
    require_equal(headers.get("x-amz-x509-chain"), chain, "X-Amz-X509-Chain")
    needed = {"host", "x-amz-date", "x-amz-x509"} | ({"x-amz-x509-chain"} if chain else set())
    require(needed <= set(vector["signed_headers"]), "a header that must be signed is not")
    require_equal(sorted(vector["signed_headers"]), vector["signed_headers"], "the order of signed_headers")


def _header_form(certificate: Any) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def _check_private_key(vector: dict[str, Any], key: Any, data: bytes, signature: str) -> None:
    try:
        private_key: Any = load_pem_private_key(vector["private_key_pem"].encode(), None)
    except Exception as error:
        if "MLDSA" in type(key).__name__:
            raise SkippedError("this cryptography reads no such ML-DSA key") from error
        raise
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    require_equal(private_key.public_key().public_bytes(*form), key.public_bytes(*form), "the private key's other half")
    require_equal(vector["signature_is_deterministic"], isinstance(key, rsa.RSAPublicKey), "signature_is_deterministic")
    if vector["signature_is_deterministic"]:
        again = private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        require_equal(again.hex(), signature, "the signature, made again")
