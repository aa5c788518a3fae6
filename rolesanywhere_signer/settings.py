"""What to ask for: ARNs, duration, names, endpoint, TLS; checked when made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from .arn import check_region, parse_profile_arn, parse_role_arn, parse_trust_anchor_arn
from .endpoints import service_url
from .errors import ConfigurationError

Verify = Union[bool, str, "os.PathLike[str]"]

# API reference, CreateSession: durationSeconds; STS AssumeRole: RoleSessionName.
_SHORTEST, _LONGEST = 900, 43200
_SESSION_NAME = r"[A-Za-z0-9_+=,.@-]{2,64}"
_MAX_PROPERTIES, _MAX_PROPERTY = 50, 200


@dataclass(frozen=True)
class Settings:
    """What a CreateSession call asks for, and how it is sent.

    Attributes:
        trust_anchor_arn: The trust anchor that the certificate leads to.
        profile_arn: The Roles Anywhere profile; same region and account as the trust anchor.
        role_arn: The IAM role to assume; same account.
        region: None: the trust anchor's. After construction it is always set.
        duration_seconds: 900 to 43200; None: not sent, the profile's own applies.
        role_session_name: 2 to 64 characters; the profile must allow it. None: the service takes the serial number.
        instance_properties: Up to 50 names and values that the service records on the subject.
        endpoint_url: A URL in place of the region's own; plain HTTP only to a loopback address.
        use_fips_endpoint: Use the region's FIPS endpoint.
        use_dualstack_endpoint: Use the region's endpoint with IPv6.
        verify: TLS verification: True, the path of a CA bundle, or False, which is warned of.
        proxies: As ``requests`` takes them, ``{"https": "http://proxy:3128"}``, and no others; none at all where it is
            empty. None: those of the environment.
        connect_timeout_seconds: The longest wait for a connection, at each attempt.
        read_timeout_seconds: The longest wait for the next part of an answer, at each attempt. The whole of an attempt
            takes no longer than both together.
        max_attempts: Of one call, the first included.

    Raises:
        ConfigurationError: Any of them cannot be, or two do not fit each other.
    """

    trust_anchor_arn: str
    profile_arn: str
    role_arn: str
    region: str | None = None
    duration_seconds: int | None = None
    role_session_name: str | None = None
    instance_properties: Mapping[str, str] | None = field(default=None, hash=False)
    endpoint_url: str | None = None
    use_fips_endpoint: bool = False
    use_dualstack_endpoint: bool = False
    verify: Verify = True
    # A proxy's URL may hold a password.
    proxies: Mapping[str, str] | None = field(default=None, repr=False, hash=False)
    connect_timeout_seconds: float = 5
    read_timeout_seconds: float = 15
    max_attempts: int = 4

    def __post_init__(self) -> None:
        self._check_arns()
        self._check_session()
        self._check_sending()
        # Copies, because a frozen value must not change when the caller's mapping does.
        for name in ("instance_properties", "proxies"):
            mapping = getattr(self, name)
            object.__setattr__(self, name, None if mapping is None else dict(mapping))

    @property
    def signing_region(self) -> str:
        """The region of scope and endpoint: ``region``, which is set by now, as a plain str for type checkers."""
        return self.region or ""

    @property
    def url(self) -> str:
        """The base URL of the service."""
        return service_url(
            self.signing_region,
            fips=self.use_fips_endpoint,
            dualstack=self.use_dualstack_endpoint,
            endpoint_url=self.endpoint_url,
        )

    def _check_arns(self) -> None:
        anchor = parse_trust_anchor_arn(self.trust_anchor_arn)
        profile = parse_profile_arn(self.profile_arn)
        role = parse_role_arn(self.role_arn)
        if anchor.region != profile.region:
            raise ConfigurationError(
                f"the trust anchor is in {anchor.region} and the profile in {profile.region}",
                hint="both must be of one region; is one of the ARNs of another environment?",
            )
        for what, other in (("profile", profile), ("role", role)):
            if (other.partition, other.account_id) != (anchor.partition, anchor.account_id):
                raise ConfigurationError(
                    f"the trust anchor belongs to account {anchor.account_id} ({anchor.partition}) and the {what} "
                    f"to {other.account_id} ({other.partition})",
                    hint="trust anchor, profile and role must be of one account; reach a role of another account by "
                    "assuming it from this one",
                )
        if self.region in (None, ""):
            object.__setattr__(self, "region", anchor.region)
        check_region(self.signing_region)

    def _check_session(self) -> None:
        check_session(self.role_session_name, self.duration_seconds)
        if self.instance_properties is not None:
            _check_properties(self.instance_properties)

    def _check_sending(self) -> None:
        _ = self.url
        _check_seconds("connect_timeout_seconds", self.connect_timeout_seconds)
        _check_seconds("read_timeout_seconds", self.read_timeout_seconds)
        if self.max_attempts is None:
            raise ConfigurationError("max_attempts is missing")
        _check_whole_number("max_attempts", self.max_attempts, 1, 100)
        # An empty path, as from an unset variable, would turn verification off without a word.
        if not isinstance(self.verify, (bool, str, os.PathLike)) or not str(self.verify):
            raise ConfigurationError("verify must be True, False or the path of a CA bundle")
        for name in ("use_fips_endpoint", "use_dualstack_endpoint"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(f"{name} must be True or False, not {getattr(self, name)!r}")
        if self.proxies is not None:
            _check_proxies(self.proxies)


def check_session(role_session_name: object, duration_seconds: object) -> None:
    """Return when STS allows such a name and duration; None is always allowed.

    Raises:
        ConfigurationError: It does not.
    """
    _check_whole_number("duration_seconds", duration_seconds, _SHORTEST, _LONGEST)
    if role_session_name is None:
        return
    if not isinstance(role_session_name, str) or not re.fullmatch(_SESSION_NAME, role_session_name):
        raise ConfigurationError(
            f"role_session_name {role_session_name!r} is not allowed", hint="2 to 64 letters, digits and _+=,.@- are"
        )


def _check_whole_number(name: str, value: object, lowest: int, highest: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number from {lowest} to {highest}")


def _check_seconds(name: str, value: object) -> None:
    # "not >" and not "<=", so that NaN is refused too.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise ConfigurationError(f"{name} is {value!r}; it must be a number of seconds, more than 0 and at most 3600")


def _check_properties(properties: object) -> None:
    if not isinstance(properties, Mapping):
        raise ConfigurationError("instance_properties must be a mapping of text to text")
    if len(properties) > _MAX_PROPERTIES:
        raise ConfigurationError(
            f"instance_properties has {len(properties)} entries; at most {_MAX_PROPERTIES} are allowed"
        )
    for name, value in properties.items():
        for text in (name, value):
            if not isinstance(text, str) or not 1 <= len(text) <= _MAX_PROPERTY:
                raise ConfigurationError(
                    f"instance_properties[{name!r}]: name and value must be text of 1 to {_MAX_PROPERTY} characters"
                )


def _check_proxies(proxies: object) -> None:
    # Values are not shown: a proxy's URL may hold a password.
    if not isinstance(proxies, Mapping) or not all(
        isinstance(scheme, str) and isinstance(url, str) for scheme, url in proxies.items()
    ):
        raise ConfigurationError(
            "proxies must map a scheme to a URL", hint='such as {"https": "http://proxy.example.com:3128"}'
        )
