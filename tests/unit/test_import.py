"""What ``import rolesanywhere_signer`` loads, in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rolesanywhere_signer

_SITE = str(Path(rolesanywhere_signer.__file__).parents[1])
_HEAVY = {"botocore", "boto3", "requests", "urllib3", "cryptography"}


def top_level_modules_after(statements: str) -> set[str]:
    # -I shuts out the environment, so the fresh interpreter is told where the package under test is.
    code = f"import json, sys; sys.path.insert(0, {_SITE!r})\n{statements}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_the_library_loads_no_third_party() -> None:
    loaded = top_level_modules_after("import rolesanywhere_signer; rolesanywhere_signer.__version__")
    assert "rolesanywhere_signer" in loaded
    assert loaded & _HEAVY == set()


def test_the_errors_load_no_third_party() -> None:
    loaded = top_level_modules_after("from rolesanywhere_signer import AccessDeniedError, Finding, Settings")
    assert loaded & _HEAVY == set()


def test_keys_in_files_load_none_that_are_elsewhere() -> None:
    code = f"import sys; sys.path.insert(0, {_SITE!r}); from rolesanywhere_signer import assembly, keys\n"
    tell = "print([name for name in sys.modules if 'keys.external' in name or 'signing_command' in name])"
    before, after = (
        subprocess.run(
            [sys.executable, "-I", "-c", code + use + tell], capture_output=True, text=True, check=True
        ).stdout
        for use in ("", "keys.CommandKey\n")
    )
    assert before == "[]\n"
    assert "keys.external" in after


def test_signing_does_not_load_botocore() -> None:
    loaded = top_level_modules_after("from rolesanywhere_signer import RolesAnywhereClient, SigV4X509Signer")
    assert loaded & _HEAVY == {"requests", "urllib3", "cryptography"}


def test_the_fixtures_for_pytest_load_no_third_party_but_pytest() -> None:
    loaded = top_level_modules_after("import rolesanywhere_signer.pytest_plugin")
    assert "pytest" in loaded
    assert loaded & _HEAVY == set()


@pytest.mark.parametrize("name", rolesanywhere_signer.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rolesanywhere_signer, name) is not None
    assert name in dir(rolesanywhere_signer)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        rolesanywhere_signer.nonsense  # noqa: B018 - reading it is the test
