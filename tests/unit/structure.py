"""The rooms of the library, and checks of its structure over parsed sources; each yields a line per violation."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

PACKAGE = "rolesanywhere_signer"
MOST_LINES_OF_A_FILE = 399
MOST_LINES_OF_A_FUNCTION = 40


class Room(NamedTuple):
    """A module or package directly below the library's own package.

    Attributes:
        floor: It imports from lower floors only; None: apart from the floors.
        third_party: The packages that it may import.
    """

    floor: int | None
    third_party: frozenset[str] = frozenset()


def room(floor: int | None, *third_party: str) -> Room:
    return Room(floor, frozenset(third_party))


# The design's rooms, also those to come; docs/development/decisions.md says why some stand elsewhere.
ROOMS = {
    "_version": room(0),
    "errors": room(0),
    "private_files": room(0),
    "seconds": room(0),
    "arn": room(1),
    "canonical": room(1),
    "clock": room(1),
    "credentials": room(1),
    "files": room(1),
    "findings": room(1),
    "flags": room(1),
    "pem": room(1),
    "systemd": room(1),
    "cache": room(2),
    "certificates": room(2, "cryptography"),
    "endpoints": room(2),
    "helper_command": room(2),
    "identity_sources": room(2),
    "ini_file": room(2),
    "keys": room(2, "cryptography", "pkcs11", "tpm2_pytss"),
    "aws_config": room(3),
    "handle_source": room(3),
    "identity": room(3, "cryptography"),
    "refresh": room(3),
    "selectors": room(3, "cryptography"),
    "settings": room(3),
    "signing_command": room(3),
    "validation": room(3, "cryptography"),
    "credentials_file": room(4),
    "profiles": room(4),
    "roles": room(4),
    "sharing": room(4, "cryptography"),
    "signer": room(4, "requests"),
    "token_source": room(4, "cryptography"),
    "watch": room(4),
    "answers": room(5),
    "diagnosis": room(5),
    "frozen": room(5, "botocore"),
    "identities": room(5),
    # urllib3 comes with requests, which lets some of its errors through.
    "transport": room(5, "requests", "urllib3"),
    "written_profile": room(5),
    "client": room(6),
    "assume_role": room(6, "botocore"),
    "assembly": room(7),
    "botocore_base": room(8, "botocore"),
    # botocore signs GetCallerIdentity and knows the regions; requests tells what failed, and which proxy is used.
    "doctor": room(8, "botocore", "cryptography", "requests"),
    "serve": room(8, "waitress"),
    "aio": room(9, "aiobotocore", "botocore"),
    "provider": room(9, "botocore"),
    "cli": room(10),
    "__init__": room(11),
    "__main__": room(11),
    # yaml is of the extra, and for files of the `emulator` alone.
    "testing": room(None, "cryptography", "botocore", "yaml"),
    "pytest_plugin": room(None, "pytest"),
}

# The commands and the fixtures that run the local service or the test CA; they import `testing` inside functions.
MAY_IMPORT_TESTING = {"cli.demo", "cli.emulator", "cli.pki", "pytest_plugin"}
# The local service verifies with an implementation of its own.
NOT_FOR_TESTING = {"canonical", "signer"}

# Functions that are longer, each with its reason. Docstrings do not count.
LONG_FUNCTIONS: dict[str, str] = {}


@dataclass(frozen=True)
class Import:
    """One imported module.

    Attributes:
        name: Absolute, such as ``rolesanywhere_signer.keys.software`` or ``requests``.
        line: Where.
        in_function: Whether it waits until a function runs.
    """

    name: str
    line: int
    in_function: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_ours(self) -> bool:
        return self.top == PACKAGE

    @property
    def room(self) -> str:
        """The room of a module of ours."""
        return self.name.split(".")[1] if "." in self.name else "__init__"


class Source:
    """A module of the library: its name below the package (``keys.software``, ``keys.__init__``) and its text."""

    def __init__(self, name: str, text: str, modules: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.text = text
        self.tree = ast.parse(text)
        self._modules = modules

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    @property
    def package(self) -> list[str]:
        """What a relative import with one dot starts from."""
        return [PACKAGE, *self.name.split(".")[:-1]]

    @cached_property
    def imports(self) -> list[Import]:
        """Everything that is imported when the program runs, and not for type checkers alone."""
        return list(self._imports_of(self.tree, in_function=False))

    def _imports_of(self, node: ast.AST, *, in_function: bool) -> Iterator[Import]:
        for child in _run_time_children(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, in_function) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from (Import(name, child.lineno, in_function) for name in self._targets(child))
            else:
                yield from self._imports_of(child, in_function=in_function or _is_function(child))

    def _targets(self, node: ast.ImportFrom) -> list[str]:
        base = self._base(node)
        if not base.startswith(PACKAGE):
            return [base]
        # `from . import x` and `from package import x` import the module x, if there is one.
        return [name if self._is_module(name) else base for name in (f"{base}.{alias.name}" for alias in node.names)]

    def _base(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        start = self.package[: len(self.package) - node.level + 1]
        return ".".join([*start, *filter(None, [node.module])])

    def _is_module(self, name: str) -> bool:
        below = name.partition(".")[2]
        return below in self._modules or f"{below}.__init__" in self._modules


def _run_time_children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        yield from node.orelse
        return
    yield from ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def check_floors(source: Source) -> Iterator[str]:
    """A module imports only from floors below its own; `testing` may import whatever it is not kept apart from."""
    here = ROOMS.get(source.room)
    if here is None:
        yield f"{source.name}: no room of this name; add it to ROOMS"
        return
    for imported in source.imports:
        if imported.is_ours and imported.room != source.room:
            yield from _floor_violations(source, here, imported)


def _floor_violations(source: Source, here: Room, imported: Import) -> Iterator[str]:
    there = ROOMS.get(imported.room)
    if there is None:
        yield f"{source.name}:{imported.line}: imports {imported.name}, which is in no room"
    elif here.floor is not None and there.floor is not None and there.floor >= here.floor:
        yield f"{source.name}:{imported.line}: floor {here.floor} imports {imported.name} of floor {there.floor}"


def check_testing_stands_apart(source: Source) -> Iterator[str]:
    for imported in source.imports:
        if not imported.is_ours:
            continue
        if source.room == "testing" and imported.room in NOT_FOR_TESTING:
            yield f"{source.name}:{imported.line}: testing imports {imported.name}, which it is there to check"
        if source.room == "testing" or imported.room != "testing":
            continue
        if source.name not in MAY_IMPORT_TESTING or not imported.in_function:
            yield f"{source.name}:{imported.line}: imports testing"


def check_third_parties(source: Source) -> Iterator[str]:
    allowed = ROOMS[source.room].third_party if source.room in ROOMS else frozenset()
    for imported in source.imports:
        if imported.is_ours or imported.top in sys.stdlib_module_names or imported.top in allowed:
            continue
        yield f"{source.name}:{imported.line}: imports {imported.name}"


def check_time(source: Source) -> Iterator[str]:
    """Only seconds.py imports `time`, only clock.py asks datetime; waiting for a thread is no reading."""
    for imported in source.imports:
        if imported.top == "time" and source.name != "seconds":
            yield f"{source.name}:{imported.line}: imports time; use seconds.py or clock.py"
    if source.name == "clock":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"} and _names_a_date(node.value):
            yield f"{source.name}:{node.lineno}: reads the time with {ast.unparse(node)}; use clock.py"


def _names_a_date(node: ast.expr) -> bool:
    return ast.unparse(node).rpartition(".")[2] in {"datetime", "date"}


def check_file_size(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > MOST_LINES_OF_A_FILE:
        yield f"{source.name}: {lines} lines; at most {MOST_LINES_OF_A_FILE}"


def check_function_sizes(source: Source) -> Iterator[str]:
    for name, node in definitions(source.tree):
        if isinstance(node, ast.ClassDef) or f"{source.name}.{name}" in LONG_FUNCTIONS:
            continue
        lines = lines_without_docstring(node)
        if lines > MOST_LINES_OF_A_FUNCTION:
            yield f"{source.name}:{node.lineno}: {name} has {lines} lines; at most {MOST_LINES_OF_A_FUNCTION}"


def check_docstrings(source: Source) -> Iterator[str]:
    """Every module, and every public function, class and method has a docstring."""
    if ast.get_docstring(source.tree) is None:
        yield f"{source.name}: no docstring"
    for name, node in definitions(source.tree):
        private = any(part.startswith("_") for part in name.split("."))
        if not private and ast.get_docstring(node) is None and not _is_overload(node):
            yield f"{source.name}:{node.lineno}: {name} has no docstring"


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield the functions and classes with their dotted names; what is local to a function belongs to it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + child.name, child
        if isinstance(child, ast.ClassDef):
            yield from definitions(child, f"{prefix}{child.name}.")
        elif not _is_function(child):
            yield from definitions(child, prefix)


def lines_without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is None:
        return lines
    docstring = node.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _is_overload(node: Definition) -> bool:
    return any(ast.unparse(decorator).rpartition(".")[2] == "overload" for decorator in node.decorator_list)


def import_cycle(sources: list[Source]) -> list[str]:
    """Return the modules of one import cycle, or nothing. What waits until a function runs closes no cycle."""
    edges = {source.name: _modules_imported_at_once(source, sources) for source in sources}
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        found = next(filter(None, (walk(other, [*path, name]) for other in edges[name])), [])
        done.add(name)
        return found

    return next(filter(None, (walk(source.name, []) for source in sources)), [])


def _modules_imported_at_once(source: Source, sources: list[Source]) -> list[str]:
    names = {other.name for other in sources}
    below = [one.name.partition(".")[2] for one in source.imports if one.is_ours and not one.in_function]
    modules = (name if name in names else ".".join(filter(None, [name, "__init__"])) for name in below)
    return [name for name in modules if name in names and name != source.name]


CHECKS: list[Callable[[Source], Iterator[str]]] = [
    check_floors,
    check_testing_stands_apart,
    check_third_parties,
    check_time,
    check_file_size,
    check_function_sizes,
    check_docstrings,
]
