"""From what the user gives to what does the work: options to settings, identity and client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from .client import RolesAnywhereClient
from .errors import ConfigurationError
from .identities import make_identity
from .profiles import ChainedRole, Options, chained_profile, profile_in_use, resolve
from .refresh import Refresher
from .settings import Settings
from .sharing import make_cache, make_fetch

if TYPE_CHECKING:
    from .cache import CredentialsCache
    from .certificates import CertificateSource
    from .clock import Clock
    from .files import Source, StrPath
    from .identity import Identity
    from .keys import Passphrase, SigningKey
    from .roles import AssumeRole
    from .selectors import CertificateDirectory
    from .settings import Verify
    from .signing_command import SigningCommand
    from .watch import OnExpiring


class SessionOptions(TypedDict, total=False):
    """What can be asked for; None stands for not given.

    Attributes:
        certificate: The end-entity certificate: a path, or PEM, DER or PKCS#12 bytes; a full chain is fine. Or a
            ``selectors.CertificateDirectory``, in which it is chosen.
        private_key: Its key, in the same manner, or a ``SigningKey``; None: in the same file.
        intermediates: The certificates between it and the trust anchor; None: those beside the certificate.
        passphrase: For an encrypted key: text, bytes, or a callable that is asked when it is needed.
        signing_command: A command that signs, in place of a private key: its words, or text that is split as a
            ``credential_process`` is. See ``keys.CommandKey``.
        identity: An ``Identity`` in place of these five.
        pkcs11_module: The path of the PKCS#11 module, where certificate or key are ``pkcs11:`` URIs; None: p11-kit's
            proxy.
        reuse_pin: The PIN that opens a token also serves a key in it that wants one for each signature.
        trust_anchor_arn: As all that follow up to ``max_attempts``: see ``Settings``.
        clock: A callable that returns the time, aware; for tests.
        trust_anchor: The trust anchor's certificate, where it is at hand: refusals are then explained with it.
        on_certificate_expiring: Called with a ``CertificateExpiring`` when a certificate nears its end, once a day.
        cache: Share credentials with the other processes of this user: True, a directory, or a ``CredentialsCache``.
        assume_role: A role to go on to, or several in their order: ``AssumeRole``.
    """

    certificate: Source | CertificateDirectory | None
    private_key: Source | SigningKey | None
    intermediates: Source | None
    passphrase: Passphrase | None
    signing_command: SigningCommand | None
    identity: Identity | None
    pkcs11_module: str | None
    reuse_pin: bool | None
    trust_anchor_arn: str | None
    profile_arn: str | None
    role_arn: str | None
    region: str | None
    duration_seconds: int | None
    role_session_name: str | None
    instance_properties: Mapping[str, str] | None
    endpoint_url: str | None
    use_fips_endpoint: bool | None
    use_dualstack_endpoint: bool | None
    verify: Verify | None
    proxies: Mapping[str, str] | None
    connect_timeout_seconds: float | None
    read_timeout_seconds: float | None
    max_attempts: int | None
    clock: Clock | None
    trust_anchor: CertificateSource | None
    on_certificate_expiring: OnExpiring | None
    cache: bool | StrPath | CredentialsCache | None
    assume_role: AssumeRole | Sequence[AssumeRole] | None


_IDENTITY_OPTIONS = ("certificate", "private_key", "intermediates", "passphrase", "signing_command")
# How keys outside of files are reached; a profile may say so for all of them.
_KEY_OPTIONS = ("pkcs11_module", "reuse_pin")
_SETTINGS_OPTIONS = tuple(each.name for each in fields(Settings))


class Plan(NamedTuple):
    """What was asked for, understood and checked; no file of it was looked at.

    Attributes:
        options: With the place that they come from.
        settings: Made of them.
        roles: The roles to go on to, in their order.
    """

    options: Options
    settings: Settings
    roles: tuple[AssumeRole, ...]

    @property
    def values(self) -> Mapping[str, Any]:
        """The options' values by their names, typed."""
        return self.options.values


def make_plan(profile: str | None, options: SessionOptions, environment: Mapping[str, str]) -> Plan:
    """Return what options, a profile or the environment ask for.

    Args:
        profile: A profile of the AWS config file, or None.
        options: As in ``SessionOptions``.
        environment: The environment variables.

    Raises:
        ConfigurationError: An option cannot be, is unknown, or nothing says what to ask for.
    """
    _check_names(options)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if given.pop("identity", None) is not None:
        # resolve() asks for a certificate, and this one is never looked at.
        _refuse_beside_identity(given)
        given["certificate"] = b""
    roles = _roles(given.pop("assume_role")) if "assume_role" in given else ()
    source, chained = _chained(given, profile, environment)
    resolved = resolve(given, profile=source, environment=environment)
    _check_signing_command(resolved)
    settings = Settings(**{name: value for name, value in resolved.values.items() if name in _SETTINGS_OPTIONS})  # type: ignore[arg-type]
    return Plan(resolved, settings, (*chained, *roles))


def identity_of(values: Mapping[str, Any]) -> Identity:
    """Return the identity that a plan's values name, read now.

    Raises:
        CertificateError, PrivateKeyError: It cannot be used.
    """
    parts = {name: values[name] for name in (*_IDENTITY_OPTIONS, *_KEY_OPTIONS) if name in values}
    return make_identity(**parts, clock=values.get("clock"))


class Assembly:
    """The parts of a session, put together from options.

    Args:
        profile: A profile of the AWS config file, or None.
        options: As in ``SessionOptions``.
        environment: The environment variables.
        ask_passphrase: Asked for the passphrase of an encrypted key where none is given.

    Attributes:
        client: Calls the service.
        cache: Where credentials are shared with other processes, or None.
        roles: The roles to go on to, in their order.

    Raises:
        ConfigurationError: An option cannot be, is unknown, or nothing says what to ask for.
        CertificateError, PrivateKeyError: The identity cannot be used.
    """

    def __init__(
        self,
        profile: str | None,
        options: SessionOptions,
        environment: Mapping[str, str],
        *,
        ask_passphrase: Callable[[], str] | None = None,
    ) -> None:
        plan = make_plan(profile, options, environment)
        values = dict(plan.values)
        if ask_passphrase is not None and "signing_command" not in values:
            values.setdefault("passphrase", ask_passphrase)
        identity = options.get("identity") or identity_of(values)
        extras = {name: values[name] for name in ("trust_anchor", "on_certificate_expiring") if name in values}
        self.client = RolesAnywhereClient(plan.settings, identity, values.get("clock"), **extras)
        self.cache = make_cache(values.get("cache"), self.client.now)
        self.roles = plan.roles

    def refresher(self) -> Refresher:
        """Return what holds the credentials of the last role and renews them. Making it calls nothing."""
        return make_refresher(self.client, self.cache, self.roles)


def make_refresher(
    client: RolesAnywhereClient, cache: CredentialsCache | None, roles: Sequence[AssumeRole]
) -> Refresher:
    """Return what holds the credentials of the last role and renews them, and those on the way to it.

    Args:
        client: Calls the service.
        cache: Where credentials are shared with other processes, or None.
        roles: The roles to go on to, in their order; only they need botocore.
    """
    refresher = Refresher(make_fetch(client, cache), client.now)
    for role in roles:
        from .assume_role import make_assuming_fetch  # noqa: PLC0415 - without a further role, botocore stays out
        from .frozen import FrozenSource  # noqa: PLC0415 - the same

        fetch = make_assuming_fetch(FrozenSource(refresher), role, client.settings, client.now)
        refresher = Refresher(fetch, client.now)
    return refresher


def _check_names(options: Mapping[str, object]) -> None:
    known = SessionOptions.__annotations__
    for name in options:
        if name not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

            nearest = get_close_matches(name, known, 1)
            raise ConfigurationError(f"unknown option {name!r}", hint=f"is {nearest[0]!r} meant?" if nearest else None)


def _check_signing_command(options: Options) -> None:
    command = options.values.get("signing_command")
    if command is None:
        return
    from .signing_command import command_words  # noqa: PLC0415 - most programs have their key in a file

    command_words(command, options.spell("signing_command"))  # type: ignore[arg-type]
    doubled = [options.spell(name) for name in ("private_key", "passphrase") if name in options.values]
    if doubled:
        raise ConfigurationError(
            f"{options.spell('signing_command')} excludes {' and '.join(doubled)} ({options.source})",
            hint="give the key, or the command that signs with it",
        )


def _refuse_beside_identity(given: Mapping[str, object]) -> None:
    doubled = [name for name in _IDENTITY_OPTIONS if name in given]
    if doubled:
        raise ConfigurationError(f"identity excludes {' and '.join(doubled)}")


# Only sessions with further roles import what these are; a program that starts often is none of them.


def _roles(given: object) -> tuple[AssumeRole, ...]:
    from .roles import AssumeRole  # noqa: PLC0415

    roles = (given,) if isinstance(given, AssumeRole) else given
    if not isinstance(roles, (tuple, list)) or not all(isinstance(role, AssumeRole) for role in roles):
        raise ConfigurationError("assume_role must be an AssumeRole, or a list of them")
    return tuple(roles)


def _chained(
    given: Mapping[str, object], profile: str | None, environment: Mapping[str, str]
) -> tuple[str | None, tuple[AssumeRole, ...]]:
    """Return the profile that has the certificate, and the roles of the profiles that stand on it."""
    name = profile_in_use(given, profile=profile, environment=environment)
    chain = None if name is None else chained_profile(name, environment)
    if chain is None:
        return profile, ()
    return chain.source, tuple(_assume_role(role) for role in chain.roles)


def _assume_role(role: ChainedRole) -> AssumeRole:
    from .roles import AssumeRole  # noqa: PLC0415

    return AssumeRole(
        role.role_arn,
        external_id=role.external_id,
        role_session_name=role.role_session_name,
        duration_seconds=role.duration_seconds,
        region=role.region,
    )
