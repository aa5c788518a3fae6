"""When somebody is told that a certificate expires: the settings of a trust anchor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .assumptions import EVENT_TWICE, THRESHOLD_MISSING
from .refusals import invalid_request
from .resources import NotificationSetting

ALL_CHANNELS = "ALL"
EVENTS = ("CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY")

# User guide, "Customize notification settings".
_DEFAULT_THRESHOLD_DAYS = 45
_THE_SERVICE = "rolesanywhere.amazonaws.com"

DEFAULT_SETTINGS = tuple(
    NotificationSetting(event, True, _DEFAULT_THRESHOLD_DAYS, ALL_CHANNELS, _THE_SERVICE)  # noqa: FBT003 - a row
    for event in EVENTS
)

Settings = tuple[NotificationSetting, ...]


class Wish(NamedTuple):
    """How somebody wants to be told of an event; None: as it is by default."""

    event: str
    enabled: bool
    threshold: int | None = None
    channel: str | None = None


def configured(settings: Settings, wishes: Iterable[Wish], account_id: str) -> Settings:
    """Return the settings with each of ``wishes`` in the place of what its event had.

    Raises:
        Refusal: An event is there twice, or is enabled without a threshold.
    """
    wished: dict[str, NotificationSetting] = {}
    for wish in wishes:
        if wish.event in wished:
            raise invalid_request(EVENT_TWICE)
        if wish.enabled and wish.threshold is None:
            raise invalid_request(THRESHOLD_MISSING)
        wished[wish.event] = NotificationSetting(
            wish.event, wish.enabled, wish.threshold, wish.channel or ALL_CHANNELS, account_id
        )
    return tuple(wished.get(setting.event, setting) for setting in settings)


def reset(settings: Settings, events: Iterable[str]) -> Settings:
    """Return the settings with those of ``events`` as they are by default."""
    defaults = {setting.event: setting for setting in DEFAULT_SETTINGS}
    chosen = set(events)
    return tuple(defaults[each.event] if each.event in chosen else each for each in settings)
