"""Profiles: what is checked when one is made."""

from __future__ import annotations

from .account import Account
from .assumptions import TOO_MANY_PROFILES, TOO_MANY_ROLES
from .labels import check_number_of_tags
from .refusals import invalid_request
from .resources import Profile

DEFAULT_DURATION_SECONDS = 3600


def add_profile(account: Account, made: Profile) -> Profile:
    """Add a new profile.

    Raises:
        ConfigurationError: One with that ARN is there already.
        Refusal: A limit is reached, or the alias is in use.
    """
    check_number_of_tags(made.tags, account.limits.tags_per_resource)
    check_number_of_roles(made, account.limits.roles_per_profile)
    with account.lock:
        if len(account.profiles) >= account.limits.profiles:
            raise invalid_request(TOO_MANY_PROFILES)
        return account.profiles.add(made)


def check_number_of_roles(profile: Profile, most: int) -> None:
    """Refuse more roles than a profile may have.

    Raises:
        Refusal: There are too many.
    """
    if len(profile.role_arns) > most:
        raise invalid_request(TOO_MANY_ROLES)
