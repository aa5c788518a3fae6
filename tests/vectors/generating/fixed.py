"""What is the same at each run: keys, times, serial numbers, and a CA that makes the same certificates of them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cryptography import x509

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from rolesanywhere_signer.testing.key_types import generate_key, private_key_pem
from rolesanywhere_signer.validation.signature import SignatureCheck, check_signature

HERE = Path(__file__).resolve().parents[1]
KEYS = HERE / "keys.json"

AT = datetime(2027, 1, 1, 12, 0, 0, tzinfo=timezone.utc)
CA_START, CA_END = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2036, 1, 1, tzinfo=timezone.utc)
LEAF_START, LEAF_END = datetime(2026, 7, 1, tzinfo=timezone.utc), datetime(2027, 7, 1, tzinfo=timezone.utc)


def key(name: str, key_type: str = "P-256") -> bytes:
    """Return the PEM of a fixed key; one that there is not yet is made, and kept for ever."""
    content = json.loads(KEYS.read_text("utf-8")) if KEYS.exists() else {"description": _ABOUT_KEYS, "keys": {}}
    if name not in content["keys"]:
        content["keys"][name] = private_key_pem(generate_key(key_type)).decode()
        content["keys"] = dict(sorted(content["keys"].items()))
        KEYS.write_bytes(encoded(content))
    return str(content["keys"][name]).encode()


_ABOUT_KEYS = "Private keys made for these vectors. They are published: never use one for anything else."


def serial(name: str) -> int:
    """Return a serial number of 16 octets, always the same for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big") >> 1 | 1 << 120


def root(subject: str = "CN=Vector root,O=Example", key_name: str = "root", **options: Any) -> CertificateAuthority:
    """Return a root, always the same."""
    return CertificateAuthority(subject, **_fixed(f"root {subject} {key_name}", key_name, CA_START, CA_END, options))


def below(
    issuer: CertificateAuthority, subject: str = "CN=Vector CA,O=Example", key_name: str = "ca", **options: Any
) -> CertificateAuthority:
    """Return an intermediate CA, always the same."""
    fixed = _fixed(f"ca {subject} {key_name}", key_name, CA_START, CA_END, options)
    return issuer.issue_ca(subject, **fixed)


def leaf(
    issuer: CertificateAuthority, subject: str = "CN=app,O=Example", key_name: str = "leaf", **options: Any
) -> IssuedCertificate:
    """Return an end-entity certificate, always the same."""
    return issuer.issue(subject, **_fixed(f"leaf {subject} {key_name}", key_name, LEAF_START, LEAF_END, options))


def _fixed(name: str, key_name: str, start: datetime, end: datetime, options: dict[str, Any]) -> dict[str, Any]:
    fixed: dict[str, Any] = {"serial_number": serial(name), "valid_from": start, "deterministic": True}
    if "odd_serial_number" in options:
        del fixed["serial_number"]
    if "public_key" not in options:
        fixed["private_key"] = key(key_name, options.pop("key_type", "P-256"))
    if "valid_for" not in options:
        fixed["valid_until"] = end
    return {**fixed, **options}


def kept(new: x509.Certificate, before: str | None, issuer: x509.Certificate) -> str:
    """Return the PEM of a certificate; where only its signature is new, the one from before.

    ML-DSA signs differently each time.
    """
    if before is not None:
        old = x509.load_pem_x509_certificate(before.encode())
        if (
            old.tbs_certificate_bytes == new.tbs_certificate_bytes
            and check_signature(old, issuer) is SignatureCheck.GOOD
        ):
            return before
    return IssuedCertificate(new, None).certificate_pem.decode()


def encoded(value: Any) -> bytes:
    """Return JSON as the vectors are written: readable, and the same on every system."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def time_text(moment: datetime) -> str:
    """Return a time as the vectors have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
