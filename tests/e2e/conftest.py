"""What the end-to-end tests share: a moto server, one for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.e2e.moto_process import moto_server


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """Run moto in a process of its own; return where it listens."""
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("moto[server] is not installed")
    with moto_server() as port:
        yield f"http://127.0.0.1:{port}"
