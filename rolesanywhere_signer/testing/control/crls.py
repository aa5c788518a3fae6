"""The operations on certificate revocation lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..assumptions import CRL_TRUST_ANCHOR_UNKNOWN
from ..crls import add_crl, check_issuer, parse_crl
from ..refusals import not_found
from ..resources import Crl
from .call import ControlCall, Members, previous_alias
from .paging import list_page

_ID = "crlId"


def import_crl(call: ControlCall) -> Members:
    """Answer ImportCrl."""
    members = call.members
    made = Crl(
        arn=call.account.new_arn("crl"),
        created_at=call.now,
        updated_at=call.now,
        alias_name=call.alias(),
        tags=call.tags(),
        name=members["name"],
        enabled=members.get("enabled", False),
        data=members["crlData"],
        trust_anchor_arn=members["trustAnchorArn"],
        revocation_list=parse_crl(members["crlData"]),
    )
    return _answer(add_crl(call.account, made))


def get_crl(call: ControlCall) -> Members:
    """Answer GetCrl."""
    return _answer(call.found(call.account.crls, _ID))


def list_crls(call: ControlCall) -> Members:
    """Answer ListCrls."""
    return list_page(call, call.account.crls, "crls", _view)


def update_crl(call: ControlCall) -> Members:
    """Answer UpdateCrl."""
    members = call.members

    def edit(crl: Crl) -> Crl:
        new = replace(crl, name=members.get("name", crl.name), alias_name=call.alias(crl.alias_name))
        if "crlData" not in members:
            return new
        anchor = call.account.trust_anchor(crl.trust_anchor_arn)
        if anchor is None:
            raise not_found(CRL_TRUST_ANCHOR_UNKNOWN)
        revocation_list = parse_crl(members["crlData"])
        check_issuer(revocation_list, anchor)
        return replace(new, data=members["crlData"], revocation_list=revocation_list)

    with call.account.lock:
        old = call.found(call.account.crls, _ID)
        new = call.change(call.account.crls, _ID, edit)
    return {"crl": {**_view(new), "previousAliasName": previous_alias(old, new)}}


def delete_crl(call: ControlCall) -> Members:
    """Answer DeleteCrl."""
    with call.account.lock:
        crl = call.found(call.account.crls, _ID)
        call.account.crls.remove(crl.arn)
    return _answer(crl)


def enable_crl(call: ControlCall) -> Members:
    """Answer EnableCrl."""
    return _answer(call.set_enabled(call.account.crls, _ID, enabled=True))


def disable_crl(call: ControlCall) -> Members:
    """Answer DisableCrl."""
    return _answer(call.set_enabled(call.account.crls, _ID, enabled=False))


def _answer(crl: Crl) -> Members:
    return {"crl": _view(crl)}


def _view(crl: Crl) -> dict[str, Any]:
    return {
        "crlId": crl.id,
        "crlArn": crl.arn,
        "name": crl.name,
        "enabled": crl.enabled,
        "crlData": crl.data,
        "trustAnchorArn": crl.trust_anchor_arn,
        "createdAt": crl.created_at,
        "updatedAt": crl.updated_at,
        "aliasName": crl.alias_name,
        "aliasArn": crl.alias_arn,
    }
