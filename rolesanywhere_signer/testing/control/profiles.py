"""The operations on profiles and their attribute mappings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..mappings import delete_rules, put_rules
from ..profiles import DEFAULT_DURATION_SECONDS, add_profile, check_number_of_roles
from ..resources import Profile, TipConfiguration
from .call import ControlCall, Members, previous_alias
from .paging import list_page

_ID = "profileId"


def create_profile(call: ControlCall) -> Members:
    """Answer CreateProfile."""
    members = call.members
    made = Profile(
        arn=call.account.new_arn("profile"),
        created_at=call.now,
        updated_at=call.now,
        alias_name=call.alias(),
        tags=call.tags(),
        name=members["name"],
        role_arns=tuple(members["roleArns"]),
        duration_seconds=members.get("durationSeconds", DEFAULT_DURATION_SECONDS),
        accept_role_session_name=members.get("acceptRoleSessionName", False),
        enabled=members.get("enabled", False),
        session_policy=members.get("sessionPolicy"),
        managed_policy_arns=tuple(members.get("managedPolicyArns", ())),
        require_instance_properties=members.get("requireInstanceProperties", False),
        created_by=call.caller_arn,
        tip_configuration=_tip(members),
    )
    return _answer(add_profile(call.account, made))


def get_profile(call: ControlCall) -> Members:
    """Answer GetProfile."""
    return _answer(call.found(call.account.profiles, _ID))


def list_profiles(call: ControlCall) -> Members:
    """Answer ListProfiles."""
    return list_page(call, call.account.profiles, "profiles", _view)


def update_profile(call: ControlCall) -> Members:
    """Answer UpdateProfile."""
    members = call.members

    def edit(profile: Profile) -> Profile:
        new = replace(
            profile,
            name=members.get("name", profile.name),
            session_policy=members.get("sessionPolicy", profile.session_policy),
            role_arns=tuple(members.get("roleArns", profile.role_arns)),
            managed_policy_arns=tuple(members.get("managedPolicyArns", profile.managed_policy_arns)),
            duration_seconds=members.get("durationSeconds", profile.duration_seconds),
            accept_role_session_name=members.get("acceptRoleSessionName", profile.accept_role_session_name),
            tip_configuration=_tip(members) or profile.tip_configuration,
            alias_name=call.alias(profile.alias_name),
        )
        check_number_of_roles(new, call.account.limits.roles_per_profile)
        return new

    with call.account.lock:
        old = call.found(call.account.profiles, _ID)
        new = call.change(call.account.profiles, _ID, edit)
    return {"profile": {**_view(new), "previousAliasName": previous_alias(old, new)}}


def delete_profile(call: ControlCall) -> Members:
    """Answer DeleteProfile."""
    with call.account.lock:
        profile = call.found(call.account.profiles, _ID)
        call.account.profiles.remove(profile.arn)
    return _answer(profile)


def enable_profile(call: ControlCall) -> Members:
    """Answer EnableProfile."""
    return _answer(call.set_enabled(call.account.profiles, _ID, enabled=True))


def disable_profile(call: ControlCall) -> Members:
    """Answer DisableProfile."""
    return _answer(call.set_enabled(call.account.profiles, _ID, enabled=False))


def put_attribute_mapping(call: ControlCall) -> Members:
    """Answer PutAttributeMapping."""
    specifiers = [rule["specifier"] for rule in call.members["mappingRules"]]
    most = call.account.limits.mapping_rules_per_field

    def edit(profile: Profile) -> Profile:
        mappings = put_rules(profile.attribute_mappings, call.members["certificateField"], specifiers, most)
        return replace(profile, attribute_mappings=mappings)

    return _answer(call.change(call.account.profiles, _ID, edit))


def delete_attribute_mapping(call: ControlCall) -> Members:
    """Answer DeleteAttributeMapping."""
    specifiers = call.members.get("specifiers", ())

    def edit(profile: Profile) -> Profile:
        mappings = delete_rules(profile.attribute_mappings, call.members["certificateField"], specifiers)
        return replace(profile, attribute_mappings=mappings)

    return _answer(call.change(call.account.profiles, _ID, edit))


def _tip(members: Members) -> TipConfiguration | None:
    given = members.get("tipConfiguration")
    if given is None:
        return None
    return TipConfiguration(given["status"], given.get("subjectType"), given.get("subjectSource"))


def _answer(profile: Profile) -> Members:
    return {"profile": _view(profile)}


def _view(profile: Profile) -> dict[str, Any]:
    return {
        "profileId": profile.id,
        "profileArn": profile.arn,
        "name": profile.name,
        "requireInstanceProperties": profile.require_instance_properties,
        "enabled": profile.enabled,
        "createdBy": profile.created_by,
        "sessionPolicy": profile.session_policy,
        "roleArns": profile.role_arns,
        "managedPolicyArns": profile.managed_policy_arns,
        "createdAt": profile.created_at,
        "updatedAt": profile.updated_at,
        "durationSeconds": profile.duration_seconds,
        "acceptRoleSessionName": profile.accept_role_session_name,
        "attributeMappings": [
            {
                "certificateField": mapping.certificate_field,
                "mappingRules": [{"specifier": specifier} for specifier in mapping.specifiers],
            }
            for mapping in profile.attribute_mappings
        ],
        "aliasName": profile.alias_name,
        "aliasArn": profile.alias_arn,
        "tipConfiguration": _tip_view(profile.tip_configuration),
    }


def _tip_view(tip: TipConfiguration | None) -> dict[str, Any] | None:
    if tip is None:
        return None
    return {"status": tip.status, "subjectType": tip.subject_type, "subjectSource": tip.subject_source}
