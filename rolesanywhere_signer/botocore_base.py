"""What the providers for botocore and for aiobotocore share: credentials, chained roles, their place in a session."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import botocore.credentials
import botocore.exceptions
import botocore.session

from .assembly import make_refresher
from .errors import ConfigurationError
from .frozen import freeze
from .sharing import make_cache

if TYPE_CHECKING:
    from .cache import CredentialsCache
    from .client import RolesAnywhereClient
    from .files import StrPath
    from .refresh import Refresher
    from .roles import AssumeRole


class GuardedCredentials:
    """Credentials that neither their repr nor a pickle gives away."""

    method: str

    def __repr__(self) -> str:
        return f"<{type(self).__name__} method={self.method!r}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "credentials cannot be pickled", hint="pickle the provider: it gets credentials of its own in each process"
        )


class RolesAnywhereCredentials(GuardedCredentials, botocore.credentials.Credentials):
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
        return freeze(self._refresher.get())

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


class BaseProvider(botocore.credentials.CredentialProvider):
    """A credential provider over one client; what ``load`` returns is the subclass's.

    Args:
        client: Whose sessions are provided.
        cache: Shares them with other processes: True, a directory, or a ``CredentialsCache``.
        assume_role: Roles to go on to, in their order; the credentials of the last one are provided.

    Raises:
        ConfigurationError: The directory of the cache is not safe.
    """

    METHOD = "custom-roles-anywhere"
    CANONICAL_NAME = "customRolesAnywhere"
    # Made of a refresher and METHOD.
    _credentials_class: ClassVar[type]

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
        refresher = make_refresher(client, self._cache, self._roles)
        self._credentials = self._credentials_class(refresher, self.METHOD)

    def __getstate__(self) -> dict[str, Any]:
        # Credentials stay here; a provider in another process gets its own.
        return {"client": self.client, "cache": self._cache, "roles": self._roles}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["client"], cache=state["cache"], assume_role=state["roles"])  # type: ignore[misc]


def install(provider: BaseProvider, botocore_session: botocore.session.Session) -> None:
    """Put ``provider`` ahead of every credential provider of a botocore session.

    Args:
        provider: A ``RolesAnywhereProvider``; for a session of aiobotocore a ``RolesAnywhereAioProvider``.
        botocore_session: Has not made a client yet.

    Raises:
        ConfigurationError: It is no botocore session, not one for this kind of provider, it has credentials already
            and would go on using them, or the AWS configuration that it stands on cannot be used.
    """
    if not isinstance(botocore_session, botocore.session.Session):
        raise ConfigurationError(
            f"install() takes a botocore session, not {type(botocore_session).__name__}",
            hint="make one with botocore.session.get_session() and give it to boto3.Session(botocore_session=...)",
        )
    _check_kind(provider, botocore_session)
    # There is no public way to see whether a session has resolved its credentials without making it resolve them.
    if getattr(botocore_session, "_credentials", None) is not None:
        raise ConfigurationError(
            "the botocore session has loaded its credentials already and would go on using them",
            hint="install the provider before the first client of the session is made",
        )
    with _our_configuration_errors():
        resolver = botocore_session.get_component("credential_provider")
    resolver.providers.insert(0, provider)


def _check_kind(provider: BaseProvider, botocore_session: botocore.session.Session) -> None:
    # aiobotocore awaits what botocore calls; each fails with the other's in words that nobody understands.
    if inspect.iscoroutinefunction(provider.load) is inspect.iscoroutinefunction(botocore_session.get_credentials):
        return
    raise ConfigurationError(
        f"a session of {type(botocore_session).__module__} does not work with a {type(provider).__name__}",
        hint="sessions of aiobotocore take a RolesAnywhereAioProvider, those of botocore a RolesAnywhereProvider",
    )


def prepare_session(botocore_session: botocore.session.Session, provider: BaseProvider) -> None:
    """Put ``provider`` into a session, whose region is the user's own, and the client's where the user has set none.

    Raises:
        ConfigurationError: As ``install``.
    """
    with _our_configuration_errors():
        if botocore_session.get_config_variable("region") is None:
            botocore_session.set_config_variable("region", provider.client.settings.signing_region)
    install(provider, botocore_session)


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
