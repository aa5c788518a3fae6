"""Subjects: what authentication writes down, as boto3 shows it."""

from __future__ import annotations

from typing import Any

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from tests.emulator.control.world import Clock, missing
from tests.emulator.signing import NOW
from tests.emulator.world import CA, LEAF


def test_what_is_known_of_a_subject(service: LocalRolesAnywhere, client: Any) -> None:
    service._account.record_subject(LEAF.certificate, NOW, instance_properties={"host": "a"})
    [summary] = client.list_subjects()["subjects"]
    detail = client.get_subject(subjectId=summary["subjectId"])["subject"]
    assert summary == {key: value for key, value in detail.items() if key not in ("credentials", "instanceProperties")}
    assert (detail["x509Subject"], detail["enabled"], detail["lastSeenAt"]) == ("CN=app,O=Example", True, NOW)
    assert detail["subjectArn"].endswith(f":subject/{detail['subjectId']}")
    assert detail["credentials"] == [
        {
            "seenAt": NOW,
            "serialNumber": str(LEAF.certificate.serial_number),
            "issuer": "CN=Root,O=Example",
            "enabled": True,
            "x509CertificateData": LEAF.certificate_pem.decode(),
            "failed": False,
        }
    ]
    assert detail["instanceProperties"] == [{"seenAt": NOW, "properties": {"host": "a"}, "failed": False}]


def test_a_subject_is_a_name_and_has_many_certificates(service: LocalRolesAnywhere, client: Any, clock: Clock) -> None:
    renewed = CA.issue("CN=app,O=Example")
    first = service._account.record_subject(LEAF.certificate, NOW)
    clock.pass_seconds(60)
    for certificate in (renewed.certificate, LEAF.certificate):
        again = service._account.record_subject(certificate, clock.now, failed=certificate == LEAF.certificate)
        assert again.arn == first.arn
    detail = client.get_subject(subjectId=first.id)["subject"]
    serials = [LEAF.certificate.serial_number, renewed.certificate.serial_number]
    assert [int(each["serialNumber"]) for each in detail["credentials"]] == serials
    assert [each["failed"] for each in detail["credentials"]] == [True, False]
    assert (detail["createdAt"], detail["lastSeenAt"], detail["updatedAt"]) == (NOW, clock.now, clock.now)


def test_names_tell_subjects_apart(service: LocalRolesAnywhere, client: Any) -> None:
    for name in ("CN=app", "CN=app,O=Example", "CN=App"):
        service._account.record_subject(CA.issue(name).certificate, NOW)
    assert len({each["subjectArn"] for each in client.list_subjects()["subjects"]}) == 3


def test_the_oldest_are_forgotten(service: LocalRolesAnywhere, client: Any) -> None:
    most = assumptions.MOST_RECENT_CREDENTIALS
    leaves = [CA.issue("CN=app", key_type="P-256") for _ in range(most + 1)]
    for number, leaf in enumerate(leaves):
        subject = service._account.record_subject(leaf.certificate, NOW, instance_properties={"number": str(number)})
    detail = client.get_subject(subjectId=subject.id)["subject"]
    serials = [leaf.certificate.serial_number for leaf in leaves[:0:-1]]
    assert [int(each["serialNumber"]) for each in detail["credentials"]] == serials
    numbers = [each["properties"]["number"] for each in detail["instanceProperties"]]
    assert numbers == [str(number) for number in range(most, 0, -1)]


def test_a_subject_that_is_not_there(client: Any) -> None:
    with missing(assumptions.RESOURCE_NOT_FOUND):
        client.get_subject(subjectId="00000000-0000-0000-0000-000000000000")
