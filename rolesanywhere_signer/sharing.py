"""Calls whose answers are shared with other processes: a fetch over a cache, under a key of all that it depends on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes

from .cache import CredentialsCache, cache_key
from .errors import ConfigurationError, RolesAnywhereError
from .refresh import is_fresh

if TYPE_CHECKING:
    from cryptography import x509

    from .client import RolesAnywhereClient
    from .clock import Clock
    from .credentials import Credentials
    from .identity import LoadedIdentity
    from .settings import Settings


_logger = logging.getLogger("rolesanywhere_signer")


def make_cache(cache: object, clock: Clock) -> CredentialsCache | None:
    """Return the cache that an option names.

    Raises:
        ConfigurationError: It is neither True, False, a path nor a cache, or the directory is not safe.
    """
    if cache is None or cache is False:
        return None
    if isinstance(cache, CredentialsCache):
        return cache
    if cache is True:
        return CredentialsCache(clock=clock)
    if isinstance(cache, (str, os.PathLike)):
        return CredentialsCache(cache, clock=clock)
    raise ConfigurationError(f"cache must be True, a directory or a CredentialsCache, not {type(cache).__name__}")


def make_fetch(client: RolesAnywhereClient, cache: CredentialsCache | None) -> Callable[[], Credentials]:
    """Return what obtains credentials: the client's call, or what a cache holds of another process's."""
    if cache is None:
        return client.create_session

    def fetch() -> Credentials:
        # One reading for the key and the call: files that change while others are waited for would part the two.
        loaded = client.load()
        key = cache_key(_key_parts(client.settings, loaded))
        try:
            return cache.fetch(key, lambda found: is_fresh(found, client.now()), lambda: client.exchange(loaded))
        except RolesAnywhereError as error:
            found = cache.read(key)
            if found is None:
                raise
            _logger.warning(
                "the shared credentials could not be renewed and stay in use while valid: %s", error.message
            )
            return found

    return fetch


def _key_parts(settings: Settings, loaded: LoadedIdentity) -> dict[str, object]:
    """Return all that the answer depends on; the private key is not among it, in no form."""
    return {
        "trust_anchor_arn": settings.trust_anchor_arn,
        "profile_arn": settings.profile_arn,
        "role_arn": settings.role_arn,
        "region": settings.region,
        "endpoint_url": settings.url,
        "duration_seconds": settings.duration_seconds,
        "role_session_name": settings.role_session_name,
        "instance_properties": settings.instance_properties,
        # What came over TLS that nobody verified must not reach those who verify.
        "verified": settings.verify is not False,
        "certificate": _fingerprint(loaded.certificate),
        "intermediates": [_fingerprint(each) for each in loaded.chain],
    }


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
