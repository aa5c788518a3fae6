"""The control plane as a whole: route, signature, quota, members, operation, answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..account import Account
from ..assumptions import CONTROL_CALLS_PER_SECOND
from ..refusals import NOT_AUTHORIZED, Refusal, access_denied
from ..wire import HttpRequest, HttpResponse, json_response
from . import crls, profiles, subjects, tags, trust_anchors
from .authentication import ControlCredentials, authenticate
from .call import ControlCall, Members
from .model import Match, match_request
from .parsing import parse_members
from .shaping import shaped_response

Handler = Callable[[ControlCall], Members]

# The user guide has one quota for each of these groups.
_GROUPS: dict[str, dict[str, Handler]] = {
    "trust anchors": {
        "CreateTrustAnchor": trust_anchors.create_trust_anchor,
        "GetTrustAnchor": trust_anchors.get_trust_anchor,
        "ListTrustAnchors": trust_anchors.list_trust_anchors,
        "UpdateTrustAnchor": trust_anchors.update_trust_anchor,
        "DeleteTrustAnchor": trust_anchors.delete_trust_anchor,
        "EnableTrustAnchor": trust_anchors.enable_trust_anchor,
        "DisableTrustAnchor": trust_anchors.disable_trust_anchor,
        "PutNotificationSettings": trust_anchors.put_notification_settings,
        "ResetNotificationSettings": trust_anchors.reset_notification_settings,
    },
    "profiles": {
        "CreateProfile": profiles.create_profile,
        "GetProfile": profiles.get_profile,
        "ListProfiles": profiles.list_profiles,
        "UpdateProfile": profiles.update_profile,
        "DeleteProfile": profiles.delete_profile,
        "EnableProfile": profiles.enable_profile,
        "DisableProfile": profiles.disable_profile,
        "PutAttributeMapping": profiles.put_attribute_mapping,
        "DeleteAttributeMapping": profiles.delete_attribute_mapping,
    },
    "CRLs": {
        "ImportCrl": crls.import_crl,
        "GetCrl": crls.get_crl,
        "ListCrls": crls.list_crls,
        "UpdateCrl": crls.update_crl,
        "DeleteCrl": crls.delete_crl,
        "EnableCrl": crls.enable_crl,
        "DisableCrl": crls.disable_crl,
    },
    "subjects": {
        "GetSubject": subjects.get_subject,
        "ListSubjects": subjects.list_subjects,
    },
    "tags": {
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "ListTagsForResource": tags.list_tags_for_resource,
    },
}
_HANDLERS = {name: (group, handler) for group, of_group in _GROUPS.items() for name, handler in of_group.items()}
# The paths and the ARNs write this one differently.
_RESOURCE_TYPES = {"trustanchor": "trust-anchor"}


class ControlPlane:
    """Answers the operations of botocore's model.

    Args:
        account: What the service knows.
        credentials: The one key that may administer the account; None: any.
    """

    def __init__(self, account: Account, credentials: ControlCredentials | None) -> None:
        self._account = account
        self._credentials = credentials

    def answer(self, request: HttpRequest, now: datetime) -> HttpResponse | None:
        """Answer a request; None: it is for no operation.

        Args:
            request: As received.
            now: Aware, UTC.
        """
        match = match_request(request)
        if match is None or match.operation.name not in _HANDLERS:
            return None
        try:
            return shaped_response(match.operation, self._members(match, request, now))
        except Refusal as refusal:
            return json_response(refusal.status, {"message": refusal.message}, refusal.error_code)

    def _members(self, match: Match, request: HttpRequest, now: datetime) -> Members:
        operation = match.operation.name
        group, handler = _HANDLERS[operation]
        caller = authenticate(self._account, request, self._credentials, now)
        if not caller.may_administer:
            raise access_denied(NOT_AUTHORIZED.format(caller.arn, operation, self._resource(match)))
        self._account.quotas.count(group, CONTROL_CALLS_PER_SECOND, now)
        members = parse_members(match, request)
        return handler(ControlCall(operation, self._account, now, caller.arn, members))

    def _resource(self, match: Match) -> str:
        """Return what a call is about, as a policy would name it."""
        identifier = next(iter(match.labels.values()), "*")
        if identifier.startswith("arn:") or not match.labels:
            return identifier
        kind = str(match.operation.http["requestUri"]).split("/")[1].removesuffix("s")
        return self._account.arn_of(_RESOURCE_TYPES.get(kind, kind), identifier)
