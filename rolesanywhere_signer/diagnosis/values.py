"""What a diagnosis is made of, and what comes out of it: plain values and their words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509

    from ..identity import LoadedIdentity
    from ..settings import Settings

# A request must arrive within five minutes of its time stamp; where exactly the service draws the line is not known.
TELLING_SKEW = timedelta(seconds=60)


class Circumstances(NamedTuple):
    """What is known here when the service refuses.

    Attributes:
        settings: What was asked for.
        loaded: The identity that signed.
        anchors: The trust anchor's certificates, where the user gave them.
        now: The time here, aware.
        skew: How far the service's clock is ahead of ours, or None when its answer had no date.
    """

    settings: Settings
    loaded: LoadedIdentity
    anchors: Sequence[x509.Certificate] | None
    now: datetime
    skew: timedelta | None


class Cause(NamedTuple):
    """What may be behind an error.

    Attributes:
        reason: What would be wrong, as a clause.
        check: How to find out, and what to do about it, as a clause.
        is_certain: It is known here, and no guess.
    """

    reason: str
    check: str
    is_certain: bool = False


def hint_of(causes: Sequence[Cause]) -> str:
    """Return causes in one line: the first with what to do about it, and the others unless it is certain."""
    known = [cause for cause in causes if cause.is_certain]
    if known:
        return "; ".join(f"{cause.reason}; {cause.check}" for cause in known)
    first, *others = causes
    hint = f"{first.reason}; {first.check}"
    return f"{hint}. Otherwise {'; or '.join(other.reason for other in others)}" if others else hint


def clock_hint(skew: timedelta | None) -> str | None:
    """Return what to do about a wrong clock, or None when it is right or not known."""
    if skew is None or abs(skew) < TELLING_SKEW:
        return None
    return f"{clock_text(skew)}; set it by NTP"


def clock_text(skew: timedelta) -> str:
    """Return how far this machine's clock is off."""
    direction = "behind" if skew > timedelta(0) else "ahead of"
    return f"this machine's clock is {round(abs(skew).total_seconds()):,} s {direction} the service's"


def look_up(command: str, arn: str, region: str | None = None) -> str:
    """Return the command of the AWS CLI that is about one resource of IAM Roles Anywhere.

    Args:
        command: Such as ``get-profile``.
        arn: Of the resource.
        region: None: that of the ARN.
    """
    kind, _, identifier = arn.split(":", 5)[5].partition("/")
    return f"aws rolesanywhere {command} --{kind}-id {identifier} --region {region or arn.split(':')[3]}"
