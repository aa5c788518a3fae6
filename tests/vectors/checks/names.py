"""Name constraints (RFC 5280, 4.2.1.10) of the CAs on a path, for the kinds of names that the vectors have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

_COMPARED = (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.DirectoryName)


def names_on_path(path: list[x509.Certificate], labels: dict[x509.Certificate, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each name that a CA on the path forbids to a certificate below it."""
    for position, authority in enumerate(path):
        constraints: Any = _extension(authority, x509.NameConstraints) if position else None
        if constraints is None:
            continue
        permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
        if any(not isinstance(tree, _COMPARED) for tree in (*permitted, *excluded)):
            yield "warning", "name-constraints-not-checked", labels[authority]
        for number, below in enumerate(path[:position]):
            if number and below.issuer == below.subject:
                continue
            for name in _names(below):
                if not _is_permitted(name, permitted, excluded):
                    yield "error", "name-not-permitted", labels[below]


def _names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    if certificate.subject.rdns:
        yield x509.DirectoryName(certificate.subject)
    alternatives: Any = _extension(certificate, x509.SubjectAlternativeName)
    yield from alternatives or ()


def _is_permitted(name: x509.GeneralName, permitted: list[Any], excluded: list[Any]) -> bool:
    permitted = [tree for tree in permitted if type(tree) is type(name)]
    excluded = [tree for tree in excluded if type(tree) is type(name)]
    if any(_holds(tree, name) for tree in excluded):
        return False
    return not permitted or any(_holds(tree, name) for tree in permitted)


def _holds(tree: Any, name: Any) -> bool:
    """Return whether a name is within a subtree of its own kind."""
    if isinstance(name, x509.DirectoryName):
        wanted = list(tree.value.rdns)
        return list(name.value.rdns)[: len(wanted)] == wanted
    subtree, value = tree.value.lower(), name.value.lower()
    if isinstance(name, x509.UniformResourceIdentifier):
        host = urlsplit(value).hostname or ""
        return host.endswith(subtree) if subtree.startswith(".") else bool(host == subtree)
    if isinstance(name, x509.RFC822Name):
        return bool(value == subtree if "@" in subtree else value.endswith(f"@{subtree}"))
    if isinstance(name, x509.DNSName):
        return bool(value == subtree or value.endswith(f".{subtree}"))
    return True


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
