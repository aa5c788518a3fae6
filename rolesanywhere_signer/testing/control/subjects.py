"""The operations on subjects, which authentication makes and nobody else."""

from __future__ import annotations

from typing import Any

from ..resources import Subject
from .call import ControlCall, Members
from .paging import list_page


def get_subject(call: ControlCall) -> Members:
    """Answer GetSubject."""
    return {"subject": _view(call.found(call.account.subjects, "subjectId"))}


def list_subjects(call: ControlCall) -> Members:
    """Answer ListSubjects; the model leaves the certificates out of it."""
    return list_page(call, call.account.subjects, "subjects", _view)


def _view(subject: Subject) -> dict[str, Any]:
    return {
        "subjectArn": subject.arn,
        "subjectId": subject.id,
        "enabled": subject.enabled,
        "x509Subject": subject.x509_subject,
        "lastSeenAt": subject.last_seen_at,
        "createdAt": subject.created_at,
        "updatedAt": subject.updated_at,
        "credentials": [
            {
                "seenAt": credential.seen_at,
                "serialNumber": credential.serial_number,
                "issuer": credential.issuer,
                "enabled": credential.enabled,
                "x509CertificateData": credential.certificate_pem,
                "failed": credential.failed,
            }
            for credential in subject.credentials
        ],
        "instanceProperties": [
            {"seenAt": each.seen_at, "properties": each.properties, "failed": each.failed}
            for each in subject.instance_properties
        ],
    }
