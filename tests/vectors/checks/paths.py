"""Paths from a leaf to a trust anchor: by the issuer's name and a signature that verifies (RFC 5280, 6.1.3)."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from .common import public_key

Path = list[x509.Certificate]


def paths_and_dead_end(
    leaf: x509.Certificate, others: list[x509.Certificate], anchors: list[x509.Certificate]
) -> tuple[list[Path], tuple[x509.Certificate, str]]:
    """Return every path, and where the longest attempt ended that is none: its last certificate, and why."""
    paths: list[Path] = []
    ends: list[tuple[Path, str]] = [([], "")]

    def extend(path: Path) -> None:
        named = [each for each in (*anchors, *others) if each.subject == path[-1].issuer and each not in path]
        named = [each for each in named if each in anchors or not _is_foreign_root(each)]
        signers = [each for each in named if is_signed_by(path[-1], each)]
        if not signers:
            ends.append((path, "bad-signature" if named else "issuer-not-found"))
        for signer in signers:
            if signer in anchors:
                paths.append([*path, signer])
            else:
                extend([*path, signer])

    extend([leaf])
    path, code = max(ends, key=lambda end: len(end[0]))
    return paths, (path[-1] if path else leaf, code)


def _is_foreign_root(certificate: x509.Certificate) -> bool:
    """Return whether a path ends there, at a root that is no trust anchor."""
    return certificate.issuer == certificate.subject and is_signed_by(certificate, certificate)


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether the issuer's key signed the certificate, whatever hash it was signed with."""
    key: Any = public_key(issuer)
    signature, body = certificate.signature, certificate.tbs_certificate_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey):
            chosen = certificate.signature_hash_algorithm
            scheme = certificate.signature_algorithm_parameters or padding.PKCS1v15()
            if chosen is None or isinstance(scheme, ec.ECDSA):
                return False
            key.verify(signature, body, scheme, chosen)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            chosen = certificate.signature_hash_algorithm
            if chosen is None:
                return False
            key.verify(signature, body, ec.ECDSA(chosen))
        else:
            key.verify(signature, body)
    except InvalidSignature:
        return False
    return True
