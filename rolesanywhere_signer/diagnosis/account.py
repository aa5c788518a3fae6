"""Why the service refuses what is asked for: the trust anchor, the profile, the role, the session."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..certificates import name_text
from ..validation import validate_loaded
from .values import Cause, Circumstances, look_up

_DROPPED = re.compile(r"(Issuer|Subject|SAN): *\[([^\]]*)\]", re.IGNORECASE)
_ACTIONS = "sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity"


def anchor_not_found(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes; a trust anchor is looked for in the region and account that were called."""
    settings = known.settings
    arn, region = settings.trust_anchor_arn, settings.signing_region
    own_region, account = arn.split(":")[3:5]
    if own_region != region:
        yield Cause(
            f"{arn} is not in region {region}, where it was looked for",
            f"leave region= (--region) out, or give {own_region}",
            is_certain=True,
        )
    yield Cause(
        f"there is no trust anchor {arn} in region {region}: it was deleted, or its identifier is mistyped",
        f"aws rolesanywhere list-trust-anchors --region {own_region} shows what there is",
    )
    yield Cause(
        f"the service that answered is not of account {account}: a VPC endpoint or an endpoint_url of another one",
        "aws sts get-caller-identity tells the account of the credentials at hand; compare it with the ARN's",
    )


def bad_profile(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes; the service tells them apart to nobody."""
    arn = known.settings.profile_arn
    yield Cause(
        f"{arn} does not exist: it was deleted, or its identifier is mistyped",
        f"{look_up('get-profile', arn)} shows it",
    )
    yield Cause(f"{arn} is disabled", look_up("enable-profile", arn))
    yield Cause(f"{arn} has no roles", f"{look_up('update-profile', arn)} --role-arns {known.settings.role_arn}")
    yield Cause(
        "the ARN is of another account or region than the trust anchor's", "list-profiles there shows what there is"
    )


def role_not_listed(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes."""
    role, profile = known.settings.role_arn, known.settings.profile_arn
    yield Cause(
        f"{role} is not among the roles of {profile}",
        f"compare with {look_up('get-profile', profile)}; ask for a role that is there, or set the roles anew with "
        "update-profile --role-arns",
        is_certain=True,
    )
    yield Cause(
        "it is listed in another spelling: a path before the role's name is part of its ARN, and capitals count",
        f"aws iam get-role --role-name {role.rpartition('/')[2]} --query Role.Arn shows the right one",
    )


def session_name(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes."""
    arn = known.settings.profile_arn
    yield Cause(
        f"{arn} does not let a session be named",
        "leave role_session_name (--role-session-name) out, or allow it: "
        f"{look_up('update-profile', arn)} --accept-role-session-name",
        is_certain=True,
    )


def duration(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes."""
    role, asked = known.settings.role_arn, known.settings.duration_seconds
    what = "the profile's duration" if asked is None else f"the smaller of {asked} s and the profile's duration"
    yield Cause(
        f"{what} is longer than the maximum session duration of {role}",
        "ask for less with duration_seconds (--session-duration), or raise the role's maximum: aws iam update-role "
        f"--role-name {role.rpartition('/')[2]} --max-session-duration SECONDS",
        is_certain=True,
    )


def unmapped(known: Circumstances, said: str) -> Iterator[Cause]:
    """Yield causes: a role that was refused, and names in the certificate that could not become session tags."""
    dropped = ", ".join(f"x509{field}/{name}" for field, name in _dropped(said)) or "the names in brackets"
    loaded = known.loaded
    found = [
        finding.message
        for finding in validate_loaded(loaded.certificate, loaded.chain, None, known.now).warnings
        if finding.code == "unmappable-attribute"
    ]
    yield Cause(
        f"the trust policy of {known.settings.role_arn} has a condition on {dropped}, whose value cannot be a "
        f"session tag{''.join(f' ({message})' for message in found[:3])}",
        "have the certificate issued with letters, digits, spaces and _.:/=+-@ alone, or take the condition on "
        "aws:PrincipalTag/... out of the trust policy",
    )
    yield from assume_role(known, said)


def _dropped(said: str) -> Iterator[tuple[str, str]]:
    for field, names in _DROPPED.findall(said):
        for name in re.split(r"[,\s]+", names.strip()):
            if re.fullmatch(r"[A-Za-z0-9./]{1,40}", name):
                yield field, name


def assume_role(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes: what a trust policy must allow, and what else keeps a role from being assumed."""
    role = known.settings.role_arn
    name = role.rpartition("/")[2]
    certificate = known.loaded.certificate
    yield Cause(
        f"the trust policy of {role} does not allow rolesanywhere.amazonaws.com all of {_ACTIONS}",
        f"aws iam get-role --role-name {name} shows it; all three actions are needed",
    )
    yield Cause(
        "a condition of that policy does not fit: on aws:SourceArn, aws:SourceAccount or aws:PrincipalTag/x509...",
        f"it must fit the trust anchor {known.settings.trust_anchor_arn} and a certificate of subject "
        f"{name_text(certificate.subject)}, issued by {name_text(certificate.issuer)}",
    )
    yield Cause(
        f"there is no role {role}: it was deleted, or made anew under another path",
        f"aws iam get-role --role-name {name} --query Role.Arn",
    )
    yield Cause(
        "a policy of the organisation denies it",
        "look for sts:AssumeRole in its service and resource control policies, and at AssumeRole in CloudTrail",
    )
