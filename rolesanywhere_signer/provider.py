"""Our credentials inside botocore, and so inside boto3: the provider, and sessions that carry it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import botocore.credentials
import botocore.exceptions
import botocore.session

from .client import RolesAnywhereClient
from .errors import ConfigurationError
from .identity import Identity
from .refresh import Refresher
from .settings import Settings, Verify

if TYPE_CHECKING:
    from .certificates import CertificateSource
    from .clock import Clock
    from .files import Source
    from .keys.software import Passphrase


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
    """

    METHOD = "custom-roles-anywhere"
    CANONICAL_NAME = "customRolesAnywhere"

    def __init__(self, client: RolesAnywhereClient) -> None:
        super().__init__()
        self.client = client
        self._credentials = self._make_credentials()

    def _make_credentials(self) -> RolesAnywhereCredentials:
        return RolesAnywhereCredentials(Refresher(self.client.create_session, self.client.clock), self.METHOD)

    def load(self) -> RolesAnywhereCredentials:
        """Return the credentials of this provider, always the same object; no call is made before they are read."""
        return self._credentials

    def __getstate__(self) -> dict[str, Any]:
        # Credentials stay here; a provider in another process gets its own.
        return {"client": self.client}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__init__()
        self.client = state["client"]
        self._credentials = self._make_credentials()


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


def create_botocore_session(
    *,
    certificate: Source,
    private_key: Source | None = None,
    intermediates: Source | None = None,
    passphrase: Passphrase | None = None,
    trust_anchor_arn: str,
    profile_arn: str,
    role_arn: str,
    region: str | None = None,
    duration_seconds: int | None = None,
    role_session_name: str | None = None,
    instance_properties: Mapping[str, str] | None = None,
    endpoint_url: str | None = None,
    use_fips_endpoint: bool = False,
    use_dualstack_endpoint: bool = False,
    verify: Verify = True,
    proxies: Mapping[str, str] | None = None,
    connect_timeout_seconds: float = 5,
    read_timeout_seconds: float = 15,
    max_attempts: int = 4,
    clock: Clock | None = None,
    trust_anchor: CertificateSource | None = None,
) -> botocore.session.Session:
    """Make a botocore session whose credentials come from IAM Roles Anywhere and renew themselves.

    ``boto3.Session(botocore_session=create_botocore_session(...))`` is all that an application needs. Nothing is sent
    before the credentials are first used.

    Args:
        certificate: The end-entity certificate: a path, or PEM or DER bytes; a full chain is fine.
        private_key: Its key, in the same manner; None: in the same file.
        intermediates: The certificates between it and the trust anchor; None: those beside the certificate.
        passphrase: For an encrypted key: text, bytes, or a callable that is asked when it is needed.
        trust_anchor_arn, profile_arn, role_arn, region, duration_seconds, role_session_name, instance_properties,
            endpoint_url, use_fips_endpoint, use_dualstack_endpoint, verify, proxies, connect_timeout_seconds,
            read_timeout_seconds, max_attempts: As in ``Settings``.
        clock: A callable that returns the time, aware; for tests.
        trust_anchor: The trust anchor's certificate, where it is at hand: refusals are then explained with it.

    Returns:
        A session whose region is the user's own, and the trust anchor's where the user has set none.

    Raises:
        ConfigurationError: An argument cannot be, or the AWS config file cannot be read.
        CertificateLoadError: A certificate cannot be read.
        PrivateKeyError: The key cannot be used, or is not the certificate's.
    """
    settings = Settings(
        trust_anchor_arn=trust_anchor_arn,
        profile_arn=profile_arn,
        role_arn=role_arn,
        region=region,
        duration_seconds=duration_seconds,
        role_session_name=role_session_name,
        instance_properties=instance_properties,
        endpoint_url=endpoint_url,
        use_fips_endpoint=use_fips_endpoint,
        use_dualstack_endpoint=use_dualstack_endpoint,
        verify=verify,
        proxies=proxies,
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
        max_attempts=max_attempts,
    )
    identity = Identity(certificate, private_key, intermediates, passphrase)
    client = RolesAnywhereClient(settings, identity, clock, trust_anchor=trust_anchor)
    return _session_with(RolesAnywhereProvider(client), settings.signing_region)


def _session_with(provider: RolesAnywhereProvider, region: str) -> botocore.session.Session:
    session = botocore.session.Session()
    with _our_configuration_errors():
        if session.get_config_variable("region") is None:
            session.set_config_variable("region", region)
    install(provider, session)
    return session
