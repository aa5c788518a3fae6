"""Name constraints of the CAs on a path (RFC 5280, 4.2.1.10): DNS, URI, email and directory names."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
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
# More comparisons than any honest certificate asks for; OpenSSL has such a limit too.
_MAX_COMPARISONS = 100_000


@dataclass(frozen=True)
class _Name:
    """A name of a certificate, or a subtree of a constraint."""

    kind: str
    value: _Value
    text: str


def name_constraint_findings(path: Sequence[ParsedCertificate]) -> Iterator[Finding]:
    """Yield each name that a CA on the path forbids to a certificate below it.

    Args:
        path: Leaf first, trust anchor last.
    """
    for position, authority in enumerate(path):
        constraints = authority.extension(x509.NameConstraints)
        if constraints is None or position == 0:
            continue
        yield from _unchecked(authority, constraints)
        rules = _Rules.of(constraints)
        for certificate in _constrained(path[:position]):
            yield from _forbidden(certificate, authority, rules)


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
    """The subtrees of one name constraints extension."""

    permitted: tuple[_Name, ...]
    excluded: tuple[_Name, ...]

    @classmethod
    def of(cls, constraints: x509.NameConstraints) -> _Rules:
        return cls(
            tuple(_known_names(constraints.permitted_subtrees or ())),
            tuple(_known_names(constraints.excluded_subtrees or ())),
        )

    def objection(self, name: _Name) -> str | None:
        """Return why ``name`` is not allowed, or None."""
        excluded = [tree for tree in self.excluded if tree.kind == name.kind]
        permitted = [tree for tree in self.permitted if tree.kind == name.kind]
        if not excluded and not permitted:
            return None
        if name.kind == "URI" and _uri_host(name.value) is None:
            return "is a URI without a host name, to which constraints cannot be applied"
        hit = next((tree for tree in excluded if _is_within(name, tree)), None)
        if hit is not None:
            return f"is excluded by {hit.text!r}"
        if permitted and not any(_is_within(name, tree) for tree in permitted):
            return f"is not within what is permitted: {', '.join(repr(t.text) for t in permitted[:_SHOWN_CONSTRAINTS])}"
        return None


def _forbidden(certificate: ParsedCertificate, authority: ParsedCertificate, rules: _Rules) -> Iterator[Finding]:
    names = list(_names_of(certificate))
    if len(names) * (len(rules.permitted) + len(rules.excluded)) > _MAX_COMPARISONS:
        yield _not_permitted(certificate, authority, f"it has {len(names):,} names, too many to compare")
        return
    for name in names:
        objection = rules.objection(name)
        if objection:
            yield _not_permitted(certificate, authority, f"its {name.kind} name {name.text!r} {objection}")


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
    names = list(_known_names(alternatives or ()))
    yield from names
    if all(name.kind != "email" for name in names):
        # Where an address stood before alternative names were invented.
        for attribute in certificate.subject_name.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield _Name("email", str(attribute.value), str(attribute.value))


def _known_names(names: Iterable[x509.GeneralName]) -> Iterator[_Name]:
    for name in names:
        kind = _KINDS.get(type(name))
        if kind is None:
            continue
        if isinstance(name, x509.DirectoryName):
            yield _Name(kind, canonical_name(name.value), name_text(name.value))
        else:
            yield _Name(kind, name.value, name.value)


def _is_within(name: _Name, tree: _Name) -> bool:
    if isinstance(name.value, str) and isinstance(tree.value, str):
        return _TEXT_MATCHERS[name.kind](name.value, tree.value)
    return name.value[: len(tree.value)] == tree.value


def _dns_within(name: str, tree: str) -> bool:
    """Compare with a host and everything below it; a leading dot, as OpenSSL reads it, leaves out the host itself."""
    host, domain = name.rstrip(".").lower(), tree.rstrip(".").lower()
    if not domain or domain.startswith("."):
        return host.endswith(domain)
    return host == domain or host.endswith("." + domain)


def _host_within(host: str, tree: str) -> bool:
    """Compare with one host, or with all hosts below a domain when the tree starts with a dot."""
    host, domain = host.rstrip(".").lower(), tree.rstrip(".").lower()
    if not domain:
        return True
    return host.endswith(domain) if domain.startswith(".") else host == domain


def _uri_within(name: str, tree: str) -> bool:
    host = _uri_host(name)
    return host is not None and _host_within(host, tree)


def _email_within(name: str, tree: str) -> bool:
    local, _, host = name.rpartition("@")
    if "@" not in tree:
        return _host_within(host, tree)
    tree_local, _, tree_host = tree.rpartition("@")
    return local == tree_local and host.lower() == tree_host.lower()


def _uri_host(uri: _Value) -> str | None:
    """Return the URI's host name; None without one, or when it is an address, which constraints do not speak of."""
    try:
        host = urlsplit(str(uri)).hostname
    except ValueError:
        return None
    return host if host and not _is_address(host) else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_TEXT_MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "DNS": _dns_within,
    "URI": _uri_within,
    "email": _email_within,
}
