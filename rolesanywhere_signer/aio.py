"""Our credentials inside aiobotocore, and so inside aioboto3 and s3fs: waiting for them never blocks the event loop.

aiobotocore comes with the extra: ``pip install "rolesanywhere-signer[aio]"``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING

from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession

from .assembly import Assembly, SessionOptions
from .botocore_base import BaseProvider, GuardedCredentials, prepare_session
from .errors import ConfigurationError, TransportError
from .frozen import freeze
from .refresh import Refresher, copy_of_error

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from typing_extensions import Unpack

    from .credentials import Credentials

    Outcome = Credentials | BaseException


class _Calls:
    """Asks a refresher on behalf of tasks: in a thread where it has to wait, and once for all tasks of a loop.

    The threads of several loops meet in the refresher, which makes one call for them all. Nothing here outlives a
    call, so that loops may come and go.
    """

    def __init__(self, refresher: Refresher) -> None:
        self._refresher = refresher
        # Loops run in threads of their own; single operations on a dictionary need no lock.
        self._under_way: dict[asyncio.AbstractEventLoop, asyncio.Future[Outcome]] = {}

    async def get(self) -> Credentials:
        """Return credentials that are valid now, without blocking the event loop.

        Raises:
            RolesAnywhereError: None could be had; each task gets an exception of its own.
        """
        return self._refresher.ready() or _value_of(await self._outcome())

    async def _outcome(self) -> Outcome:
        loop = _running_loop()
        landing = self._under_way.get(loop) or self._start(loop)
        # A task that is cancelled takes neither the call nor the others along.
        return await asyncio.shield(landing)

    def _start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Outcome]:
        landing = self._under_way[loop] = loop.create_future()
        # A thread of our own: the loop's executor may be full, and would keep the loop from ending until the call has.
        thread = threading.Thread(target=self._call, args=(loop, landing), name="rolesanywhere-call", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            del self._under_way[loop]
            raise TransportError(f"no thread for a call of the service: {error}", retryable=True) from error
        return landing

    def _call(self, loop: asyncio.AbstractEventLoop, landing: asyncio.Future[Outcome]) -> None:
        outcome = self._ask()
        # Before anybody is told, so that those who ask from now on do not meet a call that has ended.
        del self._under_way[loop]
        # A loop that is closed has nobody waiting; the refresher keeps what was obtained.
        with contextlib.suppress(RuntimeError):
            # Also a failure is a result of the future, or asyncio would complain where every task was cancelled.
            loop.call_soon_threadsafe(landing.set_result, outcome)

    def _ask(self) -> Outcome:
        try:
            return self._refresher.get()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the tasks that wait get it
            return copy_of_error(error)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigurationError(
            "credentials were awaited where no event loop of asyncio runs", hint="other event loops are not supported"
        ) from error


def _value_of(outcome: Outcome) -> Credentials:
    if not isinstance(outcome, BaseException):
        return outcome
    try:
        raise copy_of_error(outcome)
    finally:
        # The traceback holds this frame, which would hold the exception.
        del outcome


class RolesAnywhereAioCredentials(GuardedCredentials, AioCredentials):  # type: ignore[misc] # aiobotocore has no types
    """Credentials that renew themselves, as aiobotocore awaits them.

    The attributes ``access_key``, ``secret_key``, ``token`` and ``account_id`` cannot wait: they are there as long as
    credentials are at hand that are valid, and are for code that looks at them after something was awaited.
    """

    # As with botocore's class, no attribute is assigned; each is read from the refresher.
    def __init__(self, refresher: Refresher, method: str) -> None:
        self._refresher = refresher
        self._calls = _Calls(refresher)
        self.method = method

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return one consistent set of credentials, valid now.

        Raises:
            RolesAnywhereError: None could be had; the hint says what to do.
        """
        return freeze(await self._calls.get())

    async def get_access_key(self) -> str:
        """Return the access key identifier of credentials that are valid now."""
        return (await self._calls.get()).access_key_id

    async def get_secret_key(self) -> str:
        """Return the secret access key of credentials that are valid now."""
        return (await self._calls.get()).secret_access_key

    async def get_token(self) -> str:
        """Return the session token of credentials that are valid now."""
        return (await self._calls.get()).session_token

    async def get_account_id(self) -> str | None:
        """Return the account of the role, 12 digits."""
        return (await self._calls.get()).account_id

    @property
    def access_key(self) -> str:
        """The access key identifier of the credentials at hand."""
        return self._at_hand().access_key_id

    @property
    def secret_key(self) -> str:
        """The secret access key of the credentials at hand."""
        return self._at_hand().secret_access_key

    @property
    def token(self) -> str:
        """The session token of the credentials at hand."""
        return self._at_hand().session_token

    @property
    def account_id(self) -> str | None:
        """The account of the role, 12 digits."""
        return self._at_hand().account_id

    def _at_hand(self) -> Credentials:
        ready = self._refresher.ready()
        if ready is None:
            raise ConfigurationError(
                "no valid credentials are at hand, and an attribute cannot wait for them",
                hint="await get_frozen_credentials() instead",
            )
        return ready


class RolesAnywhereAioProvider(BaseProvider):
    """A credential provider for aiobotocore over one client.

    Args:
        client: Whose sessions are provided.
        cache: Shares them with other processes: True, a directory, or a ``CredentialsCache``.
        assume_role: Roles to go on to, in their order; the credentials of the last one are provided.

    Raises:
        ConfigurationError: The directory of the cache is not safe.
    """

    _credentials_class = RolesAnywhereAioCredentials
    _credentials: RolesAnywhereAioCredentials

    async def load(self) -> RolesAnywhereAioCredentials:
        """Return the credentials of this provider, always the same object; no call is made before they are awaited."""
        return self._credentials


def create_aiobotocore_session(profile: str | None = None, **options: Unpack[SessionOptions]) -> AioSession:
    """Make an aiobotocore session whose credentials come from IAM Roles Anywhere and renew themselves.

    The session goes wherever one of aiobotocore does: its own ``create_client``, ``s3fs.S3FileSystem(session=...)``,
    ``aioboto3.Session(botocore_session=...)``. Nothing is sent before the credentials are first used. Certificate and
    key are read here once, so that what is wrong with them is told at once; later reading, signing and sending happen
    in a thread.

    Args:
        profile: As for ``create_botocore_session``.
        options: As in ``SessionOptions``; each overrides what profile or environment say.

    Returns:
        A session whose region is the user's own, and the trust anchor's where the user has set none.

    Raises:
        ConfigurationError: An option cannot be, nothing says what to ask for, or the AWS config file cannot be read.
        CertificateError: A certificate cannot be read.
        PrivateKeyError: The key cannot be used, or is not the certificate's.
    """
    assembly = Assembly(profile, options, os.environ)
    provider = RolesAnywhereAioProvider(assembly.client, cache=assembly.cache, assume_role=assembly.roles)
    session = AioSession(profile=profile)
    prepare_session(session, provider)
    return session
