"""The pages tell the truth: tables against the code, links against the tree, commands against what runs them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rolesanywhere_signer
from rolesanywhere_signer import RolesAnywhereError, errors
from rolesanywhere_signer.assembly import SessionOptions
from rolesanywhere_signer.helper_command import SESSION_FLAGS
from rolesanywhere_signer.profiles.options import ENVIRONMENT_ONLY, PARSERS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
VALIDATION = Path(rolesanywhere_signer.__file__).parent / "validation"


def test_the_readme_runs(run_examples: Callable[[Path], int]) -> None:
    assert run_examples(ROOT / "README.md") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    dead = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert dead == []


def test_every_error_is_in_the_table() -> None:
    written = dict(table_rows("errors.md", r"\| `(\w+)` \| `([\w-]+)` \|"))
    assert written == {cls.__name__: cls.code for cls in all_errors(RolesAnywhereError)}


def all_errors(base: type[RolesAnywhereError]) -> Iterator[type[RolesAnywhereError]]:
    yield base
    for cls in base.__subclasses__():
        if cls.__module__ == errors.__name__:
            yield from all_errors(cls)


def test_every_finding_is_in_the_table() -> None:
    written = set(table_rows("findings.md", r"\| `([\w-]+)` \| (error|warning) \|"))
    assert written == {found for path in VALIDATION.glob("*.py") for found in codes_in(path)}


def codes_in(path: Path) -> Iterator[tuple[str, str]]:
    """Yield code and severity of every finding that a module makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        maker = ast.unparse(node.func).rpartition(".")[2]
        if maker in {"error", "warning"}:
            yield node.args[0].value, maker
        elif maker == "Finding" and isinstance(node.args[1], ast.Constant):
            yield node.args[0].value, node.args[1].value


def test_every_option_is_in_the_table() -> None:
    rows = table_rows("options.md", r"\n\|([^|\n]+)\|([^|\n]+)\|([^|\n]+)\|[^|\n]+\|[^|\n]+\|")
    arguments, keys, variables = (names("".join(column)) for column in zip(*rows, strict=True))
    assert arguments == {"profile", *SessionOptions.__annotations__}
    assert keys == {f"rolesanywhere_{name}" for name in PARSERS.keys() - ENVIRONMENT_ONLY.keys()}
    assert variables == {"AWS_PROFILE", *(f"ROLESANYWHERE_{name.upper()}" for name in PARSERS)}


def names(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_every_flag_of_the_helper_is_in_the_table() -> None:
    written = set(table_rows("options.md", r"\| `--([\w-]+)` \|"))
    assert written | {"debug"} == {name for name, flag in SESSION_FLAGS.items() if flag.missing is None}


def table_rows(page: str, row: str) -> list[Any]:
    return re.findall(row, (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8"))
