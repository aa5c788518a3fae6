"""What is written down about those who authenticate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..certificates import name_text
from .assumptions import MOST_RECENT_CREDENTIALS
from .resources import InstanceProperties, Subject, SubjectCredential


def subject_key(leaf: x509.Certificate) -> str:
    """Return what tells one subject from another: the distinguished name, in hexadecimal DER."""
    return leaf.subject.public_bytes().hex()


def seen_again(
    old: Subject | None,
    arn: str,
    leaf: x509.Certificate,
    now: datetime,
    *,
    failed: bool,
    instance_properties: Mapping[str, str] | None,
) -> Subject:
    """Return a subject after another request of its own.

    Args:
        old: What was known of it; None at the first time.
        arn: Of the subject.
        leaf: The certificate that was presented.
        now: Aware, UTC.
        failed: Whether the request was refused.
        instance_properties: What the request said about the machine that it came from.
    """
    known = old or Subject(
        arn=arn,
        created_at=now,
        updated_at=now,
        x509_subject=name_text(leaf.subject),
        enabled=True,
        last_seen_at=now,
    )
    credential = _credential(leaf, now, failed=failed)
    others = (each for each in known.credentials if each.certificate_pem != credential.certificate_pem)
    credentials = (credential, *others)[:MOST_RECENT_CREDENTIALS]
    properties = known.instance_properties
    if instance_properties:
        properties = (InstanceProperties(now, dict(instance_properties), failed), *properties)
    return replace(
        known,
        updated_at=now,
        last_seen_at=now,
        credentials=credentials,
        instance_properties=properties[:MOST_RECENT_CREDENTIALS],
    )


def _credential(leaf: x509.Certificate, now: datetime, *, failed: bool) -> SubjectCredential:
    return SubjectCredential(
        seen_at=now,
        serial_number=str(leaf.serial_number),
        issuer=name_text(leaf.issuer),
        enabled=True,
        certificate_pem=leaf.public_bytes(Encoding.PEM).decode("ascii"),
        failed=failed,
    )
