"""Our credentials as botocore signs with them: one consistent set at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.credentials

if TYPE_CHECKING:
    from .credentials import Credentials
    from .refresh import Refresher


class _FrozenCredentials(botocore.credentials.ReadOnlyCredentials):
    """botocore's tuple, without its repr that shows the secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<RolesAnywhere credentials {self.access_key}>"


def freeze(current: Credentials) -> botocore.credentials.ReadOnlyCredentials:
    """Return credentials in the form that botocore signs with."""
    return _FrozenCredentials(
        current.access_key_id, current.secret_access_key, current.session_token, current.account_id
    )


class FrozenSource:
    """What botocore's fetcher of a further role asks for credentials.

    Args:
        refresher: Renews them when that is due.
    """

    def __init__(self, refresher: Refresher) -> None:
        self._refresher = refresher

    def get_frozen_credentials(self) -> botocore.credentials.ReadOnlyCredentials:
        """Return one consistent set of credentials, valid now.

        Raises:
            RolesAnywhereError: None could be had.
        """
        return freeze(self._refresher.get())
