"""The operations on trust anchors and their notification settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...errors import CertificateLoadError, CertificateRejectedError
from ..anchors import AnchorSource, add_trust_anchor, bundle_source, private_ca_source
from ..assumptions import SOURCE_DATA_MISSING, SOURCE_TYPE_UNSUPPORTED, UNREADABLE_BUNDLE
from ..notifications import DEFAULT_SETTINGS, Wish, configured, reset
from ..refusals import invalid_request
from ..resources import AWS_ACM_PCA, CERTIFICATE_BUNDLE, NotificationSetting, TrustAnchor
from .call import ControlCall, Members, previous_alias
from .paging import list_page

_ID = "trustAnchorId"


def create_trust_anchor(call: ControlCall) -> Members:
    """Answer CreateTrustAnchor."""
    members = call.members
    source_type, data, certificates = _source(call, members["source"])
    made = TrustAnchor(
        arn=call.account.new_arn("trust-anchor"),
        created_at=call.now,
        updated_at=call.now,
        alias_name=call.alias(),
        tags=call.tags(),
        name=members["name"],
        enabled=members.get("enabled", False),
        source_type=source_type,
        source_data=data,
        certificates=certificates,
        crl_dp_revocation_enabled=members.get("crlDpRevocationEnabled", False),
        notification_settings=configured(
            DEFAULT_SETTINGS, _wishes(members.get("notificationSettings", ())), call.account.account_id
        ),
    )
    return _answer(add_trust_anchor(call.account, made))


def get_trust_anchor(call: ControlCall) -> Members:
    """Answer GetTrustAnchor."""
    return _answer(call.found(call.account.trust_anchors, _ID))


def list_trust_anchors(call: ControlCall) -> Members:
    """Answer ListTrustAnchors."""
    return list_page(call, call.account.trust_anchors, "trustAnchors", _view)


def update_trust_anchor(call: ControlCall) -> Members:
    """Answer UpdateTrustAnchor."""
    members = call.members
    with call.account.lock:
        old = call.found(call.account.trust_anchors, _ID)
        source = AnchorSource(old.source_type, old.source_data, old.certificates)
        if "source" in members:
            source = _source(call, members["source"])
        new = call.change(
            call.account.trust_anchors,
            _ID,
            lambda anchor: replace(
                anchor,
                name=members.get("name", anchor.name),
                source_type=source.source_type,
                source_data=source.data,
                certificates=source.certificates,
                crl_dp_revocation_enabled=members.get("crlDpRevocationEnabled", anchor.crl_dp_revocation_enabled),
                alias_name=call.alias(anchor.alias_name),
            ),
        )
    return {"trustAnchor": {**_view(new), "previousAliasName": previous_alias(old, new)}}


def delete_trust_anchor(call: ControlCall) -> Members:
    """Answer DeleteTrustAnchor; the CRLs that were imported for it go with it."""
    with call.account.lock:
        anchor = call.found(call.account.trust_anchors, _ID)
        for crl in call.account.crls_of(anchor.arn):
            call.account.crls.remove(crl.arn)
        call.account.trust_anchors.remove(anchor.arn)
    return _answer(anchor)


def enable_trust_anchor(call: ControlCall) -> Members:
    """Answer EnableTrustAnchor."""
    return _answer(call.set_enabled(call.account.trust_anchors, _ID, enabled=True))


def disable_trust_anchor(call: ControlCall) -> Members:
    """Answer DisableTrustAnchor."""
    return _answer(call.set_enabled(call.account.trust_anchors, _ID, enabled=False))


def put_notification_settings(call: ControlCall) -> Members:
    """Answer PutNotificationSettings."""
    wishes = _wishes(call.members["notificationSettings"])

    def edit(anchor: TrustAnchor) -> TrustAnchor:
        settings = configured(anchor.notification_settings, wishes, call.account.account_id)
        return replace(anchor, notification_settings=settings)

    return _answer(call.change(call.account.trust_anchors, _ID, edit))


def reset_notification_settings(call: ControlCall) -> Members:
    """Answer ResetNotificationSettings."""
    events = [key["event"] for key in call.members["notificationSettingKeys"]]

    def edit(anchor: TrustAnchor) -> TrustAnchor:
        return replace(anchor, notification_settings=reset(anchor.notification_settings, events))

    return _answer(call.change(call.account.trust_anchors, _ID, edit))


def _source(call: ControlCall, source: Members) -> AnchorSource:
    source_type, data = source.get("sourceType"), source.get("sourceData", {})
    if source_type == AWS_ACM_PCA and "acmPcaArn" in data:
        return private_ca_source(call.account, data["acmPcaArn"])
    if source_type == CERTIFICATE_BUNDLE and "x509CertificateData" in data:
        return _bundle(call, data["x509CertificateData"])
    if source_type in (AWS_ACM_PCA, CERTIFICATE_BUNDLE):
        raise invalid_request(SOURCE_DATA_MISSING)
    raise invalid_request(SOURCE_TYPE_UNSUPPORTED)


def _bundle(call: ControlCall, text: str) -> AnchorSource:
    most = call.account.limits.certificates_per_trust_anchor
    if "-----BEGIN" not in text:
        raise invalid_request(UNREADABLE_BUNDLE)
    try:
        return bundle_source(text.encode("utf-8", "replace"), most, call.now)
    except CertificateLoadError as error:
        raise invalid_request(UNREADABLE_BUNDLE) from error
    except CertificateRejectedError as error:
        raise invalid_request(error.message) from error


def _wishes(settings: list[Members]) -> list[Wish]:
    return [Wish(each["event"], each["enabled"], each.get("threshold"), each.get("channel")) for each in settings]


def _answer(anchor: TrustAnchor) -> Members:
    return {"trustAnchor": _view(anchor)}


def _view(anchor: TrustAnchor) -> dict[str, Any]:
    member = "x509CertificateData" if anchor.source_type == CERTIFICATE_BUNDLE else "acmPcaArn"
    return {
        "trustAnchorId": anchor.id,
        "trustAnchorArn": anchor.arn,
        "name": anchor.name,
        "source": {"sourceType": anchor.source_type, "sourceData": {member: anchor.source_data}},
        "enabled": anchor.enabled,
        "crlDpRevocationEnabled": anchor.crl_dp_revocation_enabled,
        "createdAt": anchor.created_at,
        "updatedAt": anchor.updated_at,
        "notificationSettings": [_setting_view(setting) for setting in anchor.notification_settings],
        "aliasName": anchor.alias_name,
        "aliasArn": anchor.alias_arn,
    }


def _setting_view(setting: NotificationSetting) -> dict[str, Any]:
    return {
        "event": setting.event,
        "enabled": setting.enabled,
        "threshold": setting.threshold,
        "channel": setting.channel,
        "configuredBy": setting.configured_by,
    }
