"""Names that a CA may not give (RFC 5280, 4.2.1.10)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from .table import NOW, ROOT, Builder, Chain, Table, check, found, new_root

table = Table()


def constrained(
    names: Iterable[str] = (), *, subject: str = "CN=app", permitted: Iterable[str] = (), excluded: Iterable[str] = ()
) -> Chain:
    """=> root -> intermediate (with constraints) -> leaf (with names)."""
    intermediate = ROOT.issue_ca(permitted_names=permitted, excluded_names=excluded)
    return Chain(intermediate.issue(subject, subject_alternative_names=names), ROOT, [intermediate])


WITHIN = [
    ("DNS:example.com", "DNS:example.com"),
    ("DNS:a.b.Example.COM", "DNS:example.com"),
    ("DNS:a.example.com.", "DNS:example.com"),
    ("DNS:*.example.com", "DNS:example.com"),
    ("DNS:a.example.com", "DNS:.example.com"),
    ("DNS:anything", "DNS:"),
    ("URI:https://host.example.com:8443/path", "URI:host.example.com"),
    ("URI:spiffe://a.example.com/app", "URI:.example.com"),
    ("URI:spiffe://prod/app", "URI:prod"),
    ("email:a@example.com", "email:a@example.com"),
    ("email:a@EXAMPLE.com", "email:example.com"),
    ("email:a@mail.example.com", "email:.example.com"),
    ("dirName:CN=app,OU=Unit,O=Example", "dirName:OU=Unit,O=Example"),
    ("dirName:CN=app,O=EXAMPLE", "dirName:O=Example"),
]

OUTSIDE = [
    ("DNS:badexample.com", "DNS:example.com"),
    ("DNS:example.com.evil.net", "DNS:example.com"),
    ("DNS:example.com", "DNS:.example.com"),
    ("URI:https://a.host.example.com", "URI:host.example.com"),
    ("URI:https://example.com", "URI:.example.com"),
    ("URI:https://example.com@evil.net/", "URI:example.com"),
    ("email:A@example.com", "email:a@example.com"),
    ("email:a@mail.example.com", "email:example.com"),
    ("email:a@example.com", "email:.example.com"),
    ("dirName:CN=app,O=Other", "dirName:O=Example"),
    ("dirName:O=Example", "dirName:OU=Unit,O=Example"),
]


@pytest.mark.parametrize(("name", "tree"), WITHIN)
def test_name_within_is_permitted(name: str, tree: str) -> None:
    trees = [tree, "dirName:CN=app"] if tree.startswith("dirName") else [tree]
    assert errors(constrained([name], permitted=trees)) == []


@pytest.mark.parametrize(("name", "tree"), OUTSIDE)
def test_name_outside_is_not_permitted(name: str, tree: str) -> None:
    trees = [tree, "dirName:CN=app"] if tree.startswith("dirName") else [tree]
    assert errors(constrained([name], permitted=trees)) == ["leaf: name-not-permitted"]


@pytest.mark.parametrize(("name", "tree"), WITHIN)
def test_name_within_is_excluded(name: str, tree: str) -> None:
    assert errors(constrained([name], excluded=[tree])) == ["leaf: name-not-permitted"]


@pytest.mark.parametrize(("name", "tree"), OUTSIDE)
def test_name_outside_is_not_excluded(name: str, tree: str) -> None:
    assert errors(constrained([name], excluded=[tree])) == []


def errors(chain: Chain) -> list[str]:
    """Return the errors; wildcards and queries also give warnings about session tags, which other tests are about."""
    return [f"{finding.subject}: {finding.code}" for finding in chain.validate().errors]


@table.case()
def names_of_another_kind() -> Chain:
    """=> root -> intermediate (permits DNS) -> leaf (URI): a constraint speaks of its own kind only."""
    return constrained(["URI:spiffe://prod/app"], permitted=["DNS:example.com"])


@table.case("leaf: name-not-permitted")
def excluded_within_permitted() -> Chain:
    """=> root -> intermediate (permits example.com without a.example.com) -> leaf (DNS:x.a.example.com)."""
    return constrained(["DNS:x.a.example.com"], permitted=["DNS:example.com"], excluded=["DNS:a.example.com"])


@table.case("leaf: name-not-permitted", "leaf: name-not-permitted")
def each_name_is_told() -> Chain:
    """=> root -> intermediate (permits example.com) -> leaf (one good and two bad names)."""
    return constrained(["DNS:example.com", "DNS:a.net", "DNS:b.net"], permitted=["DNS:example.com"])


@table.case("leaf: name-not-permitted")
def subject_outside() -> Chain:
    """=> root -> intermediate (permits O=Example) -> leaf (O=Other)."""
    return constrained(subject="CN=app,O=Other", permitted=["dirName:O=Example"])


@table.case("leaf: name-not-permitted")
def address_in_the_subject() -> Chain:
    """=> root -> intermediate (permits email example.com) -> leaf (emailAddress=a@evil.net)."""
    return constrained(subject="E=a@evil.net,CN=app", permitted=["email:example.com"])


@table.case()
def address_in_the_subject_beside_one_in_the_names() -> Chain:
    """=> root -> intermediate (permits email example.com) -> leaf (emailAddress=a@evil.net, email:a@example.com)."""
    return constrained(["email:a@example.com"], subject="E=a@evil.net,CN=app", permitted=["email:example.com"])


@table.case("leaf: name-not-permitted")
def uri_with_an_address() -> Chain:
    """=> root -> intermediate (excludes URI .example.com) -> leaf (URI with an IP address)."""
    return constrained(["URI:https://192.0.2.1/"], excluded=["URI:.example.com"])


@table.case("leaf: name-not-permitted")
def uri_without_a_host() -> Chain:
    """=> root -> intermediate (excludes URI .example.com) -> leaf (urn:)."""
    return constrained(["URI:urn:uuid:1"], excluded=["URI:.example.com"])


@table.case("leaf: name-not-permitted", "leaf: unmappable-attribute")
def uri_that_cannot_be_parsed() -> Chain:
    """=> root -> intermediate (permits URI example.com) -> leaf (URI with half an IPv6 address)."""
    return constrained(["URI:https://[::1/"], permitted=["URI:example.com"])


@table.case("intermediate[0]: name-constraints-not-checked")
def constraint_on_addresses() -> Chain:
    """=> root -> intermediate (permits IP 10.0.0.0/8, excludes RID) -> leaf (IP:192.0.2.1)."""
    return constrained(["IP:192.0.2.1"], permitted=["IP:10.0.0.0/8"], excluded=["RID:1.2.3"])


@table.case("leaf: name-not-permitted")
def constraint_of_the_anchor() -> Chain:
    """=> root (permits DNS example.com) -> intermediate -> leaf (DNS:example.net)."""
    root = new_root(permitted_names=["DNS:example.com"])
    intermediate = root.issue_ca()
    return Chain(intermediate.issue(subject_alternative_names=["DNS:example.net"]), root, [intermediate])


@table.case("leaf: name-not-permitted")
def permitted_by_one_and_not_by_the_other() -> Chain:
    """=> root (permits b.example.com) -> intermediate (permits example.com) -> leaf (DNS:a.example.com)."""
    root = new_root(permitted_names=["DNS:b.example.com"])
    intermediate = root.issue_ca(permitted_names=["DNS:example.com"])
    return Chain(intermediate.issue(subject_alternative_names=["DNS:a.example.com"]), root, [intermediate])


@table.case("intermediate[0]: name-not-permitted")
def intermediate_with_a_forbidden_name() -> Chain:
    """=> root (permits O=Example) -> intermediate (O=Other) -> leaf (O=Example)."""
    root = new_root(permitted_names=["dirName:O=Example"])
    intermediate = root.issue_ca("CN=CA,O=Other")
    return Chain(intermediate.issue("CN=app,O=Example"), root, [intermediate])


@table.case()
def self_issued_intermediate() -> Chain:
    """=> root (permits O=Example) -> root with a new key -> leaf (O=Example): a CA does not bind itself."""
    old = new_root("CN=Root", permitted_names=["dirName:O=Example"])
    new = old.issue_ca("CN=Root")
    return Chain(new.issue("CN=app,O=Example"), old, [new])


@table.case("leaf: name-not-permitted")
def self_issued_leaf() -> Chain:
    """=> root (permits O=Example) -> leaf (named as root): the last certificate is always bound."""
    root = new_root("CN=Root", permitted_names=["dirName:O=Example"])
    return Chain(root.issue("CN=Root"), root)


@table.case("leaf: name-not-permitted")
def too_many_names_to_compare() -> Chain:
    """=> root -> intermediate (permits 400 names) -> leaf (300 names): work that grows with the product is refused."""
    names = [f"DNS:{number}.example.com" for number in range(400)]
    return constrained(names[:300], permitted=names)


@table.parametrized
def test_constraints_give_exactly_their_findings(build: Builder, expected: list[str]) -> None:
    check(build, expected)


def test_message_says_which_name_and_which_constraint() -> None:
    (finding,) = constrained(["DNS:b.net"], permitted=["DNS:example.com"]).validate().findings
    assert "'b.net'" in finding.message
    assert "'example.com'" in finding.message
    assert "CN=Test intermediate CA" in finding.message


def test_constraints_of_the_leaf_itself_are_nothing() -> None:
    leaf = ROOT.issue(permitted_names=["DNS:a"], subject_alternative_names=["DNS:b"])
    assert found(Chain(leaf, ROOT, at=NOW).validate()) == []
