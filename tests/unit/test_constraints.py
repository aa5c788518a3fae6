"""The oldest dependencies that are tested are those that the project declares."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

OLDEST = Path(__file__).parents[1] / "constraints" / "oldest.txt"


def declared_lower_bounds() -> dict[str, str]:
    try:
        requirements = requires("rolesanywhere-signer") or []
    except PackageNotFoundError:
        pytest.skip("the package is not installed, so that it declares nothing")
    # The extras of the fast suite count as well; the others have environments of their own.
    pattern = r"""([a-z0-9-]+)>=([0-9.]+)(; extra == ['"]serve['"])?"""
    bounds = (re.fullmatch(pattern, requirement) for requirement in requirements)
    return dict(bound.group(1, 2) for bound in bounds if bound)


def pinned() -> dict[str, str]:
    lines = (line for line in OLDEST.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("==") for line in lines)


def test_every_declared_lower_bound_is_the_one_that_is_tested() -> None:
    declared = declared_lower_bounds()
    assert set(declared) == {"botocore", "cryptography", "requests", "waitress"}
    assert declared.items() <= pinned().items()
