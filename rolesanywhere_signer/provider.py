"""Our credentials inside botocore, and so inside boto3: the provider, and sessions that carry it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import botocore.credentials
import botocore.exceptions
import botocore.session

from .assembly import Assembly, SessionOptions, make_cache, make_fetch
from .assume_role import AssumeRole, make_assuming_fetch
from .client import RolesAnywhereClient
from .errors import ConfigurationError
from .refresh import Refresher

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .cache import CredentialsCache
    from .credentials import Credentials
    from .files import StrPath


class _FrozenCredentials(botocore.credentials.ReadOnlyCredentials):
    """botocore's tuple, without its repr that shows the secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<RolesAnywhere credentials {self.access_key}>"


class RolesAnywhereCredentials(botocore.credentials.Credentials):
    """Credentials that renew themselves; reading any part of them calls the service when that is due.

    botocore signs with ``get_frozen_credentials()``, one consistent set. The windows are ours and not those of
    botocore's ``RefreshableCredentials``, which call the service at every use of a 15-minute session.
    """

    # botocore's class assigns plain attributes in its constructor; here they are read from the refresher.
    def __init__(self, refresher: Refresher, method: str) -> None:
        self._refresher = refresher
        self.method = method

    def get_frozen_credentials(self) -> botocore.credentials.ReadOnlyCredentials:
        """Return one consistent set of credentials, valid now.

        Raises:
            RolesAnywhereError: None could be had; the hint says what to do.
        """
        current = self._refresher.get()
        return _FrozenCredentials(
            current.access_key_id, current.secret_access_key, current.session_token, current.account_id
        )

    @property
    def access_key(self) -> str:  # type: ignore[override]
        """The access key identifier of credentials that are valid now."""
        return self._refresher.get().access_key_id

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        """The secret access key of credentials that are valid now."""
        return self._refresher.get().secret_access_key

    @property
    def token(self) -> str:  # type: ignore[override]
        """The session token of credentials that are valid now."""
        return self._refresher.get().session_token

    @property
    def account_id(self) -> str | None:
        """The account of the role, 12 digits."""
        return self._refresher.get().account_id

    def __repr__(self) -> str:
        return f"<RolesAnywhereCredentials method={self.method!r}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "credentials cannot be pickled", hint="pickle the provider: it gets credentials of its own in each process"
        )


class RolesAnywhereProvider(botocore.credentials.CredentialProvider):
    """A botocore credential provider over one client.

    Args:
        client: Whose sessions are provided.
        cache: Shares them with other processes: True, a directory, or a ``CredentialsCache``.
        assume_role: Roles to go on to, in their order; the credentials of the last one are provided.

    Raises:
        ConfigurationError: The directory of the cache is not safe.
    """

    METHOD = "custom-roles-anywhere"
    CANONICAL_NAME = "customRolesAnywhere"

    def __init__(
        self,
        client: RolesAnywhereClient,
        *,
        cache: bool | StrPath | CredentialsCache | None = None,
        assume_role: Sequence[AssumeRole] = (),
    ) -> None:
        super().__init__()
        self.client = client
        self._cache = make_cache(cache, client.now)
        self._roles = tuple(assume_role)
        self._credentials = self._make_credentials()

    def _make_credentials(self) -> RolesAnywhereCredentials:
        settings = self.client.settings
        credentials = self._renewed_by(make_fetch(self.client, self._cache))
        for role in self._roles:
            fetch = make_assuming_fetch(credentials, role, region=settings.signing_region, verify=settings.verify)
            credentials = self._renewed_by(fetch)
        return credentials

    def _renewed_by(self, fetch: Callable[[], Credentials]) -> RolesAnywhereCredentials:
        return RolesAnywhereCredentials(Refresher(fetch, self.client.now), self.METHOD)

    def load(self) -> RolesAnywhereCredentials:
        """Return the credentials of this provider, always the same object; no call is made before they are read."""
        return self._credentials

    def __getstate__(self) -> dict[str, Any]:
        # Credentials stay here; a provider in another process gets its own.
        return {"client": self.client, "cache": self._cache, "roles": self._roles}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["client"], cache=state["cache"], assume_role=state["roles"])  # type: ignore[misc]


def install(provider: RolesAnywhereProvider, botocore_session: botocore.session.Session) -> None:
    """Put ``provider`` ahead of every credential provider of a botocore session.

    Raises:
        ConfigurationError: It is no botocore session, it has credentials already and would go on using them, or the
            AWS configuration that it stands on cannot be used.
    """
    if not isinstance(botocore_session, botocore.session.Session):
        raise ConfigurationError(
            f"install() takes a botocore session, not {type(botocore_session).__name__}",
            hint="make one with botocore.session.get_session() and give it to boto3.Session(botocore_session=...)",
        )
    # There is no public way to see whether a session has resolved its credentials without making it resolve them.
    if getattr(botocore_session, "_credentials", None) is not None:
        raise ConfigurationError(
            "the botocore session has loaded its credentials already and would go on using them",
            hint="install the provider before the first client of the session is made",
        )
    with _our_configuration_errors():
        resolver = botocore_session.get_component("credential_provider")
    resolver.providers.insert(0, provider)


@contextlib.contextmanager
def _our_configuration_errors() -> Iterator[None]:
    # botocore reads the user's files and environment here; numbers that are none come out as ValueError.
    try:
        yield
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"the AWS configuration cannot be used: {error}",
            hint="check AWS_PROFILE, AWS_CONFIG_FILE and ~/.aws/config",
        ) from error


def create_botocore_session(profile: str | None = None, **options: Unpack[SessionOptions]) -> botocore.session.Session:
    """Make a botocore session whose credentials come from IAM Roles Anywhere and renew themselves.

    ``boto3.Session(botocore_session=create_botocore_session(...))`` is all that an application needs. Nothing is sent
    before the credentials are first used.

    Args:
        profile: A profile of the AWS config file that says what to ask for. Without it, and without complete options,
            the environment says it (``ROLESANYWHERE_*``), else the profile of ``AWS_PROFILE`` or ``default``.
        options: As in ``SessionOptions``; each overrides what profile or environment say.

    Returns:
        A session whose region is the user's own, and the trust anchor's where the user has set none.

    Raises:
        ConfigurationError: An option cannot be, nothing says what to ask for, or the AWS config file cannot be read.
        CertificateError: A certificate cannot be read.
        PrivateKeyError: The key cannot be used, or is not the certificate's.
    """
    assembly = Assembly(profile, options, os.environ)
    provider = RolesAnywhereProvider(assembly.client, cache=assembly.cache, assume_role=assembly.roles)
    return _session_with(provider, assembly.client.settings.signing_region, profile)


def _session_with(provider: RolesAnywhereProvider, region: str, profile: str | None) -> botocore.session.Session:
    # The profile's region, endpoints and retries count too, as with boto3.Session(profile_name=...).
    session = botocore.session.Session(profile=profile)
    with _our_configuration_errors():
        if session.get_config_variable("region") is None:
            session.set_config_variable("region", region)
    install(provider, session)
    return session
