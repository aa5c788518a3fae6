from __future__ import annotations

import dataclasses
import pickle
from datetime import datetime, timedelta, timezone

import pytest

from rolesanywhere_signer import Credentials

END = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)
CREDENTIALS = Credentials("ASIAEXAMPLE", "planted-secret-key", "planted-token", END, account_id="123456789012")


@pytest.mark.parametrize("shown", [repr(CREDENTIALS), str(CREDENTIALS), f"{CREDENTIALS}", repr([CREDENTIALS])])
def test_secrets_are_not_shown(shown: str) -> None:
    assert "planted" not in shown
    assert "ASIAEXAMPLE" in shown
    assert "123456789012" in shown


def test_what_remains() -> None:
    assert CREDENTIALS.remaining(END - timedelta(minutes=5)) == timedelta(minutes=5)
    assert CREDENTIALS.remaining(END + timedelta(seconds=1)) == timedelta(seconds=-1)


def test_they_are_a_frozen_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CREDENTIALS.session_token = "other"  # type: ignore[misc]
    assert dataclasses.replace(CREDENTIALS) == CREDENTIALS
    assert pickle.loads(pickle.dumps(CREDENTIALS)) == CREDENTIALS
