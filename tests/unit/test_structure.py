"""The library's structure holds: floors, third parties, who reads the time, sizes, docstrings. The checks can fail."""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rolesanywhere_signer

from .structure import (
    CHECKS,
    LONG_FUNCTIONS,
    MOST_LINES_OF_A_FUNCTION,
    ROOMS,
    Source,
    check_docstrings,
    check_file_size,
    check_floors,
    check_function_sizes,
    check_testing_stands_apart,
    check_third_parties,
    check_time,
    definitions,
    import_cycle,
    lines_without_docstring,
)

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


@functools.cache
def library() -> list[Source]:
    root = Path(rolesanywhere_signer.__file__).parent
    paths = {".".join(path.relative_to(root).with_suffix("").parts): path for path in sorted(root.rglob("*.py"))}
    return [Source(name, path.read_text(encoding="utf-8"), frozenset(paths)) for name, path in paths.items()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_library_holds(check: Callable[[Source], Iterator[str]]) -> None:
    found = [violation for source in library() for violation in check(source)]
    assert not found, "\n".join(found)


def test_no_import_cycle() -> None:
    assert import_cycle(library()) == []


def test_the_table_for_contributors_is_the_one_that_is_held() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: int(floor) for floor, names in rows for name in re.findall(r"`(\w+)/?`", names)}
    present = {source.room for source in library() if ROOMS[source.room].floor is not None}
    assert told == {name: ROOMS[name].floor for name in present}


def test_every_exception_to_the_size_is_needed() -> None:
    long = {
        f"{source.name}.{name}"
        for source in library()
        for name, node in definitions(source.tree)
        if not isinstance(node, ast.ClassDef) and lines_without_docstring(node) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == set(LONG_FUNCTIONS)


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="outside tox the checkout may be under test")
def test_the_installed_wheel_is_under_test() -> None:
    assert "site-packages" in Path(rolesanywhere_signer.__file__).parts


# --- The checks themselves -----------------------------------------------------------------------------------------

MODULES = frozenset({"errors", "clock", "signer", "client", "keys.__init__", "keys.software", "testing.__init__"})


def violations(check: Callable[[Source], Iterator[str]], name: str, text: str) -> int:
    return len(list(check(Source(name, text, MODULES))))


@pytest.mark.parametrize(
    "statement",
    [
        "from .client import RolesAnywhereClient",
        "from . import client",
        "from rolesanywhere_signer import client",
        "from rolesanywhere_signer.client import RolesAnywhereClient",
        "import rolesanywhere_signer.client",
        "import rolesanywhere_signer.client as c, os",
        "from . import errors, client",
        "def f():\n    from .client import RolesAnywhereClient",
        "try:\n    from . import client\nexcept ImportError:\n    pass",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from . import client",
        "from . import RolesAnywhereClient",
        "import rolesanywhere_signer",
        "from .transport import send",
    ],
)
def test_an_import_from_a_higher_or_the_same_floor_is_found(statement: str) -> None:
    assert violations(check_floors, "answers", statement) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "from .errors import RolesAnywhereError",
        "from . import errors, clock",
        "import rolesanywhere_signer.signer",
        "if TYPE_CHECKING:\n    from .provider import RolesAnywhereProvider",
        "import typing\nif typing.TYPE_CHECKING:\n    from . import cli",
        "import requests",
    ],
)
def test_an_import_from_a_lower_floor_passes(statement: str) -> None:
    assert violations(check_floors, "client", statement) == 0


@pytest.mark.parametrize(
    ("name", "statement", "expected"),
    [
        ("keys.software", "from ..client import RolesAnywhereClient", 1),
        ("keys.software", "from .. import client", 1),
        ("keys.software", "from ..errors import RolesAnywhereError", 0),
        ("keys.software", "from .protocol import SigningKey", 0),
        ("keys.software", "from . import protocol", 0),
        ("keys.__init__", "from .software import load_private_key", 0),
        ("keys.__init__", "from ..signer import Request", 1),
    ],
)
def test_relative_imports_of_a_package_are_followed(name: str, statement: str, expected: int) -> None:
    assert violations(check_floors, name, statement) == expected


def test_a_module_without_a_room_is_found() -> None:
    assert violations(check_floors, "helpers", "") == 1
    assert violations(check_floors, "client", "from .helpers import x") == 1


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("client", "from .testing import LocalRolesAnywhere", 1),
        ("client", "def f():\n    from .testing import LocalRolesAnywhere", 1),
        ("cli.demo", "from ..testing import LocalRolesAnywhere", 1),
        ("cli.demo", "def f():\n    from ..testing import LocalRolesAnywhere", 0),
        ("cli.validate", "def f():\n    from ..testing import LocalRolesAnywhere", 1),
        ("testing.service", "from .authority import CertificateAuthority", 0),
        ("testing.service", "from ..signer import Request", 1),
        ("testing.service", "def f():\n    from .. import signer", 1),
        ("testing.service", "from ..errors import ConfigurationError", 0),
    ],
)
def test_testing_is_kept_apart(name: str, text: str, expected: int) -> None:
    assert violations(check_testing_stands_apart, name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("client", "import requests", 1),
        ("client", "def f():\n    import requests.auth", 1),
        ("client", "from cryptography import x509", 1),
        ("client", "if TYPE_CHECKING:\n    from cryptography import x509", 0),
        ("client", "import json, urllib.parse", 0),
        ("signer", "import requests", 0),
        ("signer", "import botocore.session", 1),
        ("keys.software", "from cryptography.hazmat.primitives import hashes", 0),
    ],
)
def test_a_third_party_out_of_place_is_found(name: str, text: str, expected: int) -> None:
    assert violations(check_third_parties, name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("client", "import time", 1),
        ("client", "from time import sleep", 1),
        ("client", "x = datetime.now(timezone.utc)", 1),
        ("client", "x = datetime.datetime.utcnow()", 1),
        ("client", "x = date.today()", 1),
        ("client", "read = datetime.now", 1),
        ("client", "x = self.clock.now", 0),
        ("client", "event.wait(3)", 0),
        ("clock", "x = datetime.now(timezone.utc)", 0),
        ("clock", "import time", 1),
        ("seconds", "import time", 0),
    ],
)
def test_reading_the_time_is_found(name: str, text: str, expected: int) -> None:
    assert violations(check_time, name, text) == expected


def test_sizes_are_counted_without_docstrings() -> None:
    body = "    x = 1\n"
    assert violations(check_function_sizes, "arn", "def f():\n" + body * 39) == 0
    assert violations(check_function_sizes, "arn", "def f():\n" + body * 40) == 1
    assert violations(check_function_sizes, "arn", 'def f():\n    """One\n\n    two.\n    """\n' + body * 39) == 0
    assert violations(check_function_sizes, "arn", "class C:\n    async def f(self):\n" + f"    {body}" * 40) == 1
    assert violations(check_file_size, "arn", "x = 1\n" * 399) == 0
    assert violations(check_file_size, "arn", "x = 1\n" * 400) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""D."""\ndef f():\n    """D."""', 0),
        ("x = 1", 1),
        ('"""D."""\ndef f(): ...', 1),
        ('"""D."""\ndef _f(): ...', 0),
        ('"""D."""\nclass C:\n    """D."""\n    def m(self): ...', 1),
        ('"""D."""\nclass C:\n    """D."""\n    def __init__(self): ...', 0),
        ('"""D."""\nclass _C:\n    def m(self): ...', 0),
        ('"""D."""\ndef f():\n    """D."""\n    def local(): ...', 0),
        ('"""D."""\nif x:\n    def f(): ...', 1),
        ('"""D."""\n@overload\ndef f(): ...', 0),
    ],
)
def test_a_missing_docstring_is_found(text: str, expected: int) -> None:
    assert violations(check_docstrings, "arn", text) == expected


def test_a_cycle_is_found() -> None:
    texts = {"keys.a": "from . import b", "keys.b": "from .c import x", "keys.c": "from .a import y"}
    names = frozenset(texts)
    assert import_cycle([Source(name, text, names) for name, text in texts.items()]) == [
        "keys.a",
        "keys.b",
        "keys.c",
        "keys.a",
    ]
    texts["keys.c"] = "def f():\n    from .a import y"
    assert import_cycle([Source(name, text, names) for name, text in texts.items()]) == []
