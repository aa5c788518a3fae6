"""Certificate revocation lists by boto3."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import LocalRolesAnywhere, assumptions
from tests.emulator.control.world import OTHER_CA, bundle, crl, invalid, missing, needs_aliases, new_anchor, new_crl
from tests.emulator.world import CA, LEAF


@pytest.fixture
def anchor(client: Any) -> dict[str, Any]:
    return new_anchor(client)


def test_pem_and_der_come_back_as_they_were_given(client: Any, anchor: dict[str, Any]) -> None:
    for data in (crl(), crl(encoding=Encoding.DER)):
        made = new_crl(client, anchor, crlData=data)
        assert made["crlData"] == data
        assert client.get_crl(crlId=made["crlId"])["crl"] == made


def test_it_is_disabled_unless_it_is_said(client: Any, anchor: dict[str, Any]) -> None:
    assert not new_crl(client, anchor)["enabled"]
    assert new_crl(client, anchor, enabled=True)["enabled"]


def test_the_account_knows_whose_it_is(client: Any, service: LocalRolesAnywhere, anchor: dict[str, Any]) -> None:
    new_crl(client, anchor, crlData=crl(serials=(LEAF.certificate.serial_number,)), enabled=True)
    [found] = service._account.crls_of(anchor["trustAnchorArn"])
    assert found.enabled
    assert found.revocation_list.get_revoked_certificate_by_serial_number(LEAF.certificate.serial_number) is not None
    assert service._account.crls_of(f"{anchor['trustAnchorArn']}x") == ()


DER = crl(encoding=Encoding.DER)


@pytest.mark.parametrize(
    "data", [b"x", CA.certificate_pem, crl() + crl(), crl()[:-40], DER[:-1], DER + b"\0", b"-----BEGIN X509 CRL"]
)
def test_what_is_no_crl(client: Any, anchor: dict[str, Any], data: bytes) -> None:
    with invalid(assumptions.UNREADABLE_CRL):
        new_crl(client, anchor, crlData=data)


def test_a_crl_of_another_ca(client: Any, anchor: dict[str, Any]) -> None:
    with invalid(assumptions.CRL_OF_ANOTHER_CA):
        new_crl(client, anchor, crlData=crl(OTHER_CA))


def test_a_crl_with_the_cas_name_and_another_key(client: Any, anchor: dict[str, Any]) -> None:
    namesake = type(CA)("CN=Root,O=Example")
    assert namesake.certificate.subject == CA.certificate.subject
    with invalid(assumptions.CRL_OF_ANOTHER_CA):
        new_crl(client, anchor, crlData=crl(namesake))


def test_one_of_two_cas_signed_it(client: Any) -> None:
    both = bundle((CA.certificate_pem + OTHER_CA.certificate_pem).decode())
    assert new_crl(client, new_anchor(client, source=both), crlData=crl(OTHER_CA))


def test_for_a_trust_anchor_that_is_not_there(client: Any, anchor: dict[str, Any]) -> None:
    with missing(assumptions.CRL_TRUST_ANCHOR_UNKNOWN):
        new_crl(client, {"trustAnchorArn": f"{anchor['trustAnchorArn']}0"})


@needs_aliases
def test_the_trust_anchor_is_not_named_by_alias(client: Any) -> None:
    made = new_anchor(client, aliasName="one")
    with missing():
        new_crl(client, {"trustAnchorArn": made["aliasArn"]})


def test_an_update_is_checked_as_the_import_was(client: Any, anchor: dict[str, Any]) -> None:
    made = new_crl(client, anchor)
    for data, message in ((crl(OTHER_CA), assumptions.CRL_OF_ANOTHER_CA), (b"x", assumptions.UNREADABLE_CRL)):
        with invalid(message):
            client.update_crl(crlId=made["crlId"], crlData=data, name="new")
    assert client.get_crl(crlId=made["crlId"])["crl"] == made
    data = crl(serials=(5,))
    updated = client.update_crl(crlId=made["crlId"], crlData=data)["crl"]
    assert (updated["crlData"], updated["name"]) == (data, "crl")


def test_what_is_deleted_is_gone(client: Any, anchor: dict[str, Any]) -> None:
    made = new_crl(client, anchor)
    client.delete_crl(crlId=made["crlId"])
    for call in (client.get_crl, client.delete_crl, client.enable_crl, client.update_crl):
        with missing(assumptions.RESOURCE_NOT_FOUND):
            call(crlId=made["crlId"])


def test_a_large_one(client: Any, anchor: dict[str, Any]) -> None:
    """Near the limit of 300,000 bytes, which takes 400,000 on the way."""
    data = crl(serials=tuple(range(2**127, 2**127 + 7400)), encoding=Encoding.DER)
    assert 250_000 < len(data) <= 300_000
    assert new_crl(client, anchor, crlData=data)["crlData"] == data
