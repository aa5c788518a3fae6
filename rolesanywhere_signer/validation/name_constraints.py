"""Name constraints of the CAs on a path (RFC 5280, 4.2.1.10): DNS, URI, email and directory names."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..certificates import name_text
from . import sources
from .names import CanonicalName, canonical_name

if TYPE_CHECKING:
    from ..findings import Finding
    from .parsed import ParsedCertificate

_Value = str | CanonicalName

_KINDS: dict[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS",
    x509.UniformResourceIdentifier: "URI",
    x509.RFC822Name: "email",
    x509.DirectoryName: "directory",
}
_SHOWN_CONSTRAINTS = 5
_SHOWN_CHARACTERS = 300
# More comparisons than any honest chain asks for; OpenSSL has such a limit too.
_MAX_COMPARISONS = 100_000
# To word an objection takes about as long as so many comparisons.
_OBJECTION_COST = 100


@dataclass(frozen=True)
class _Name:
    """A name of a certificate, in the form that compares; None: there is nothing to compare."""

    kind: str
    value: _Value | None
    text: str

    @property
    def cost(self) -> int:
        """How many comparisons of values it takes to compare the name once."""
        return 1 + sum(map(len, self.value)) if isinstance(self.value, tuple) else 1


@dataclass(frozen=True)
class _Subtree:
    """A subtree of a constraint: one name, and all text that ends in a certain way; None: no such name, no such end."""

    kind: str
    value: _Value | None
    end: str | None
    text: str

    def holds(self, value: _Value) -> bool:
        """Return whether a name of the same kind is within."""
        if isinstance(value, tuple):
            return isinstance(self.value, tuple) and value[: len(self.value)] == self.value
        return value == self.value or (self.end is not None and value.endswith(self.end))


class NameConstraintChecker:
    """Looks for names that a CA on a path forbids to a certificate below it.

    One serves for all paths of a validation: it compares each CA with each certificate once, and gives up after a
    number of comparisons in all, so that no bundle keeps it busy for long.
    """

    def __init__(self) -> None:
        self._comparisons_left = _MAX_COMPARISONS
        self._names: dict[ParsedCertificate, tuple[_Name, ...]] = {}
        self._rules: dict[ParsedCertificate, _Rules] = {}
        self._found: dict[tuple[ParsedCertificate, ParsedCertificate], tuple[Finding, ...]] = {}

    def findings(self, path: Sequence[ParsedCertificate]) -> Iterator[Finding]:
        """Yield each name that a CA on the path forbids to a certificate below it.

        Args:
            path: Leaf first, trust anchor last.
        """
        for position, authority in enumerate(path):
            constraints = authority.extension(x509.NameConstraints)
            if constraints is None or position == 0:
                continue
            if authority not in self._rules:
                self._rules[authority] = _Rules.of(constraints)
            yield from _unchecked(authority, constraints)
            for certificate in _constrained(path[:position]):
                yield from self._compare_once(certificate, authority)

    def _compare_once(self, certificate: ParsedCertificate, authority: ParsedCertificate) -> tuple[Finding, ...]:
        pair = (certificate, authority)
        if pair not in self._found:
            self._found[pair] = tuple(self._compare(certificate, authority))
        return self._found[pair]

    def _compare(self, certificate: ParsedCertificate, authority: ParsedCertificate) -> Iterator[Finding]:
        if certificate not in self._names:
            self._names[certificate] = tuple(_names_of(certificate))
        names, rules = self._names[certificate], self._rules[authority]
        affordable = self._spend(sum(name.cost * rules.count(name.kind) for name in names))
        for name in names if affordable else ():
            objection = rules.objection(name)
            if objection is None:
                continue
            yield _not_permitted(certificate, authority, f"its {name.kind} name {name.text!r} {objection}")
            affordable = self._spend(_OBJECTION_COST)
            if not affordable:
                break
        if not affordable:
            what = f"it has {len(names):,} names, too many to compare in this chain; the comparison was given up"
            yield _not_permitted(certificate, authority, what)

    def _spend(self, comparisons: int) -> bool:
        """Return whether there is as much left, and take it if so."""
        if comparisons > self._comparisons_left:
            return False
        self._comparisons_left -= comparisons
        return True


def _constrained(below: Sequence[ParsedCertificate]) -> Iterator[ParsedCertificate]:
    """Yield the certificates that constraints apply to: not a CA's certificate for itself, but the leaf always."""
    for position, certificate in enumerate(below):
        if position == 0 or not certificate.is_self_issued:
            yield certificate


def _unchecked(authority: ParsedCertificate, constraints: x509.NameConstraints) -> Iterator[Finding]:
    subtrees = [*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())]
    unchecked = sorted({type(subtree).__name__ for subtree in subtrees if type(subtree) not in _KINDS})
    if unchecked:
        yield authority.warning(
            "name-constraints-not-checked",
            f"{authority.subject_text} constrains names of a kind that is not checked here: {', '.join(unchecked)}",
            hint="see that the names of the certificates below it fit: openssl x509 -in CA -noout -ext nameConstraints",
            rule=sources.NAME_CONSTRAINTS,
        )


@dataclass(frozen=True)
class _Rules:
    """The subtrees of one name constraints extension, by kind."""

    permitted: dict[str, list[_Subtree]]
    excluded: dict[str, list[_Subtree]]

    @classmethod
    def of(cls, constraints: x509.NameConstraints) -> _Rules:
        return cls(_by_kind(constraints.permitted_subtrees), _by_kind(constraints.excluded_subtrees))

    def count(self, kind: str) -> int:
        """Return how many subtrees a name of this kind is compared with at most."""
        return len(self.permitted.get(kind, ())) + len(self.excluded.get(kind, ()))

    def objection(self, name: _Name) -> str | None:
        """Return why ``name`` is not allowed, or None."""
        permitted, excluded = self.permitted.get(name.kind, []), self.excluded.get(name.kind, [])
        if not excluded and not permitted:
            return None
        value = name.value
        if value is None:
            return "is a URI without a host name, to which constraints cannot be applied"
        hit = next((tree for tree in excluded if tree.holds(value)), None)
        if hit is not None:
            return f"is excluded by {hit.text!r}"
        if permitted and not any(tree.holds(value) for tree in permitted):
            return f"is not within what is permitted: {', '.join(repr(t.text) for t in permitted[:_SHOWN_CONSTRAINTS])}"
        return None


def _by_kind(subtrees: Iterable[x509.GeneralName] | None) -> dict[str, list[_Subtree]]:
    found: dict[str, list[_Subtree]] = defaultdict(list)
    for kind, value, text in _known_names(subtrees or ()):
        found[kind].append(_subtree(kind, value, text))
    return found


def _not_permitted(certificate: ParsedCertificate, authority: ParsedCertificate, what: str) -> Finding:
    return certificate.error(
        "name-not-permitted",
        f"{what} (name constraints of {authority.label}, {authority.subject_text})",
        hint="have it issued with names that the CA may give, or by a CA that may give these",
        rule=sources.NAME_CONSTRAINTS,
    )


def _names_of(certificate: ParsedCertificate) -> Iterator[_Name]:
    """Yield the names that constraints apply to: the subject, and the alternative names."""
    if certificate.subject:
        yield _Name("directory", certificate.subject, certificate.subject_text)
    alternatives = certificate.extension(x509.SubjectAlternativeName)
    names = [_Name(kind, _comparable(kind, value), text) for kind, value, text in _known_names(alternatives or ())]
    yield from names
    if all(name.kind != "email" for name in names):
        # Where an address stood before alternative names were invented.
        for attribute in certificate.subject_name.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            address = str(attribute.value)
            yield _Name("email", _mailbox(address), address[:_SHOWN_CHARACTERS])


def _known_names(names: Iterable[x509.GeneralName]) -> Iterator[tuple[str, _Value, str]]:
    """Yield the kind of each name that is checked here, its value, and its text for messages."""
    for name in names:
        kind = _KINDS.get(type(name))
        if kind is None:
            continue
        if isinstance(name, x509.DirectoryName):
            yield kind, canonical_name(name.value), name_text(name.value)
        else:
            yield kind, name.value, name.value[:_SHOWN_CHARACTERS]


def _comparable(kind: str, value: _Value) -> _Value | None:
    """Return what constraints are compared with: of a URI its host, of everything the form without regard to case."""
    if isinstance(value, tuple):
        return value
    if kind == "URI":
        return _uri_host(value)
    return _mailbox(value) if kind == "email" else _folded(value)


def _subtree(kind: str, value: _Value, text: str) -> _Subtree:
    """Return what a constraint means; a leading dot leaves out the host itself, for DNS as OpenSSL reads it."""
    if isinstance(value, tuple):
        return _Subtree(kind, value, None, text)
    if kind == "email" and "@" in value:
        return _Subtree(kind, _mailbox(value), None, text)
    domain = _folded(value)
    if not domain or domain.startswith("."):
        return _Subtree(kind, None, domain, text)
    if kind == "email":
        return _Subtree(kind, None, f"@{domain}", text)
    return _Subtree(kind, domain, f".{domain}" if kind == "DNS" else None, text)


def _folded(host: str) -> str:
    return host.rstrip(".").lower()


def _mailbox(address: str) -> str:
    local, _, host = address.rpartition("@")
    return f"{local}@{_folded(host)}"


def _uri_host(uri: str) -> str | None:
    """Return the URI's host name; None without one, or when it is an address, which constraints do not speak of."""
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        return None
    return _folded(host) if host and not _is_address(host) else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
