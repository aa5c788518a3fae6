"""``update`` through several sessions, with outages between them: all in real time, by sessions of a few seconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer.files import locks_are_available
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.updating import WRITTEN, updating, written
from tests.support.world import World

if not locks_are_available():
    pytest.skip("this system has no POSIX file locks", allow_module_level=True)


def test_credentials_are_renewed_in_time_and_a_failure_does_not_end_it(tmp_path: Path) -> None:
    path = tmp_path / "aws" / "credentials"
    with LocalRolesAnywhere(region="eu-central-1") as service:
        world = World(service, tmp_path)
        # Sessions that end in a few seconds: the service's clock is that far behind.
        service.clock = lambda: datetime.now(timezone.utc) - timedelta(seconds=3600 - 6)
        with updating(world, AWS_SHARED_CREDENTIALS_FILE=str(path)) as running:
            running.wait_for(WRITTEN)
            first = written(path)
            running.wait_for(WRITTEN)
            second = written(path)
            calls = len(service.calls)
            service.clock = lambda: datetime.now(timezone.utc) - timedelta(days=2)
            # While those at hand are valid, or after them: machines differ.
            running.wait_for("warning: ")
            assert running.process.poll() is None
            assert written(path) == second
            service.clock = lambda: datetime.now(timezone.utc)
            running.wait_for(WRITTEN)
            assert running.end().code == 0
        assert len({keys["aws_access_key_id"] for keys in (first, second, written(path))}) == 3
        assert len(service.calls) > calls
