"""Our credentials inside botocore, and so inside boto3: the provider, and sessions that carry it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import botocore.session

from .assembly import Assembly, SessionOptions
from .botocore_base import BaseProvider, RolesAnywhereCredentials, prepare_session

if TYPE_CHECKING:
    from typing_extensions import Unpack


class RolesAnywhereProvider(BaseProvider):
    """A botocore credential provider over one client.

    Args:
        client: Whose sessions are provided.
        cache: Shares them with other processes: True, a directory, or a ``CredentialsCache``.
        assume_role: Roles to go on to, in their order; the credentials of the last one are provided.

    Raises:
        ConfigurationError: The directory of the cache is not safe.
    """

    _credentials_class = RolesAnywhereCredentials
    _credentials: RolesAnywhereCredentials

    def load(self) -> RolesAnywhereCredentials:
        """Return the credentials of this provider, always the same object; no call is made before they are read."""
        return self._credentials


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
    # The profile's region, endpoints and retries count too, as with boto3.Session(profile_name=...).
    session = botocore.session.Session(profile=profile)
    prepare_session(session, provider)
    return session
