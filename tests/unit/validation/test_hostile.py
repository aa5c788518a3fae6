"""Bytes and bundles that someone made on purpose: a report or an error of ours, and in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer import RolesAnywhereError, ValidationReport, validate_certificate, validate_trust_anchor
from rolesanywhere_signer.certificates import parse_certificates
from rolesanywhere_signer.testing import CertificateAuthority
from rolesanywhere_signer.validation import path as path_module
from rolesanywhere_signer.validation import validate_loaded
from rolesanywhere_signer.validation.name_constraints import _Subtree
from rolesanywhere_signer.validation.names import canonical_name
from rolesanywhere_signer.validation.signature import SignatureCheck, check_signature

from .table import NOW, ROOT, Chain, Pem, found, new_root, pem

# cryptography warns of oddities such as negative serial numbers, which must not hide what comes after.
pytestmark = pytest.mark.filterwarnings("ignore")
# An attribute of names whose length is not limited.
DESCRIPTION = x509.ObjectIdentifier("2.5.4.13")
quickly = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@cache
def victims() -> tuple[bytes, bytes, bytes, bytes]:
    """Return leaf, key, intermediate and root with every extension that is looked into; DER but for the key."""
    names = ["DNS:a.example.com", "URI:spiffe://example.com/a", "email:a@example.com", "dirName:CN=a,O=Example"]
    root = new_root("CN=Root,O=Example", key_type="P-256", permitted_names=["dirName:O=Example", "DNS:example.com"])
    intermediate = root.issue_ca("CN=CA,O=Example", key_type="RSA-2048", path_length=0, excluded_names=["DNS:b.com"])
    leaf = intermediate.issue("CN=app,O=Example", key_type="P-256", subject_alternative_names=names)
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (leaf, intermediate, root)]
    return chain[0], leaf.private_key_pem, chain[1], chain[2]


@st.composite
def changes(draw: st.DrawFn) -> dict[int, tuple[float, int]]:
    """Return which of the four victims to change: where, as a share of its length, and the new byte."""
    return draw(st.dictionaries(st.integers(0, 3), st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))))


def changed(data: bytes, share: float, byte: int) -> bytes:
    position = int(share * len(data))
    return data[:position] + bytes([byte]) + data[position + 1 :]


@quickly
@given(changes())
@example({})
def test_altered_bytes(where: dict[int, tuple[float, int]]) -> None:
    given = [changed(data, *where[number]) if number in where else data for number, data in enumerate(victims())]
    leaf, key, intermediate, root = given
    try:
        report = validate_certificate(leaf, key, intermediate, root)
        anchor_report = validate_trust_anchor(root)
    except RolesAnywhereError:
        return
    assert isinstance(anchor_report, ValidationReport)
    if given == list(victims()):
        assert report.ok
    # What stands in a trust anchor is believed; below it, no bit changes unnoticed.
    elif leaf != victims()[0] or intermediate != victims()[2]:
        assert not report.ok


@quickly
@given(st.integers(0, 2), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4))
def test_one_certificate_altered_often(number: int, places: list[tuple[float, int]]) -> None:
    chain = [victims()[0], victims()[2], victims()[3]]
    for share, byte in places:
        chain[number] = changed(chain[number], share, byte)
    try:
        leaf, intermediate, root = (parse_certificates(der)[0] for der in chain)
        report = validate_loaded(leaf, [intermediate], [root], NOW)
    except RolesAnywhereError:
        return
    untouched = chain[:2] == [victims()[0], victims()[2]]
    assert untouched or not report.ok


@quickly
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes(certificate: bytes, anchor: bytes) -> None:
    with pytest.raises(RolesAnywhereError):
        validate_certificate(certificate, trust_anchor=anchor)


ANY_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@quickly
@given(st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4))
def test_any_names(units: list[str], commons: list[str]) -> None:
    attributes = [x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    attributes += [x509.NameAttribute(x509.NameOID.COMMON_NAME, common) for common in commons]
    root = leafless_root()
    report = Chain(root.issue(x509.Name(attributes)), root).validate()
    assert report.ok == bool(attributes)
    assert all(finding.message.isprintable() for finding in report.findings)


@cache
def leafless_root() -> CertificateAuthority:
    return new_root(key_type="P-256", permitted_names=["DNS:example.com"])


def test_every_path_is_a_detour() -> None:
    """=> root; 8 layers of 8 CAs with one name and key each -> leaf: millions of ways, none to the root."""
    layers = [CertificateAuthority(f"CN=Layer {number}") for number in range(9)]
    bundle: list[Pem] = [
        upper.issue_ca(f"CN=Layer {number}", private_key=layers[number].private_key)
        for number, upper in enumerate(layers[1:])
        for _ in range(8)
    ]
    report = Chain(layers[0].issue(), ROOT, bundle).validate()
    assert found(report) == ["path: too-many-intermediates", "path: issuer-not-found"]
    assert "given up" in report.findings[-1].message


def test_every_path_is_faulty() -> None:
    """=> root; 30 x 30 CAs on two layers, none of them a CA -> leaf: the first fault is as good as any."""
    lower, upper = CertificateAuthority("CN=Lower"), CertificateAuthority("CN=Upper")
    bundle: list[Pem] = [ROOT.issue_ca("CN=Upper", private_key=upper.private_key, ca=False) for _ in range(30)]
    bundle += [upper.issue_ca("CN=Lower", private_key=lower.private_key) for _ in range(30)]
    report = Chain(lower.issue(), ROOT, bundle).validate()
    assert sorted(finding.code for finding in report.findings) == ["not-a-ca", "too-many-intermediates"]


def namesakes(count: int, **options: Any) -> list[Pem]:
    return [ROOT.issue_ca("CN=CA", key_type="P-256", **options) for _ in range(count)]


def test_the_right_one_among_hundreds_of_namesakes() -> None:
    """=> root -> 300 CAs of one name, without key identifiers -> leaf, issued by the last of them."""
    crowd = namesakes(300, subject_key_identifier=False)
    issuer = crowd[-1]
    assert isinstance(issuer, CertificateAuthority)
    leaf = issuer.issue(authority_key_identifier=False)
    assert found(Chain(leaf, ROOT, crowd).validate()) == ["path: too-many-intermediates"]


def test_more_namesakes_than_are_tried() -> None:
    """=> root -> 600 CAs of one name -x> leaf: the search is given up, and says so."""
    stranger = CertificateAuthority("CN=CA")
    report = Chain(stranger.issue(), ROOT, namesakes(600)).validate()
    assert found(report) == ["path: too-many-intermediates", "path: issuer-not-found"]
    assert "given up" in report.findings[-1].message


def test_very_long_chain() -> None:
    """=> root -> 200 CAs, each issued by the one before -> leaf."""
    authorities = [ROOT]
    for number in range(200):
        authorities.append(authorities[-1].issue_ca(f"CN=CA {number}", key_type="P-256"))
    report = Chain(authorities[-1].issue(), ROOT, [*authorities[1:]]).validate()
    assert found(report) == ["path: too-many-intermediates", "path: issuer-not-found"]


def test_thousand_times_the_same_certificate() -> None:
    """=> root -> intermediate -> leaf, and a bundle that holds the intermediate a thousand times."""
    intermediate = ROOT.issue_ca()
    report = validate_certificate(
        intermediate.issue().certificate_pem, None, pem(intermediate) * 1000, ROOT.certificate_pem
    )
    assert found(report) == ["path: too-many-intermediates"]


class Counter:
    """Counts the calls of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return self.function(*arguments)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter(_Subtree.holds)
    monkeypatch.setattr(_Subtree, "holds", lambda *given: counter(*given))  # noqa: PLW0108 - a method must be a function
    return counter


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter(check_signature)
    monkeypatch.setattr(path_module, "check_signature", counter)
    return counter


def twins(layers: int, constraints: list[str], names: list[str]) -> tuple[CertificateAuthority, list[Pem]]:
    """Return the lowest CA, and layers of two CAs with one name and key each, so that paths double at each layer."""
    options: dict[str, Any] = {"permitted_names": constraints, "subject_alternative_names": names}
    authority, made = ROOT, []
    for number in range(layers):
        subject = f"CN=Layer {number}"
        one = authority.issue_ca(subject, key_type="P-256", **options)
        made += [one, authority.issue_ca(subject, private_key=one.private_key, **options)]
        authority = one
    return authority, made


def test_constraints_and_names_on_millions_of_paths(comparisons: Counter, signatures: Counter) -> None:
    """=> root -> 17 layers of two CAs, each with 300 constraints and 320 names -> leaf: one budget for everything."""
    names = [f"DNS:a{number}.z" for number in range(320)]
    lowest, made = twins(17, [f"DNS:{number}.y" for number in range(300)], names)
    report = Chain(lowest.issue(subject_alternative_names=names), ROOT, made).validate()
    assert len(comparisons.calls) <= 100_000
    assert len(signatures.calls) <= 500
    assert {finding.code for finding in report.errors} == {"too-many-intermediates", "name-not-permitted"}
    assert any("given up" in finding.message for finding in report.errors)


def test_names_that_stand_on_several_paths_are_compared_once(comparisons: Counter) -> None:
    """=> root -> 4 layers of two CAs with a constraint each -> leaf: 16 paths, but each pair of certificates once."""
    lowest, made = twins(4, ["DNS:example.com"], [])
    leaf = lowest.issue(subject_alternative_names=["DNS:example.net"])
    report = Chain(leaf, ROOT, made).validate()
    assert [finding.code for finding in report.errors] == ["too-many-intermediates"] + ["name-not-permitted"] * 4
    # No CA has a DNS name; the leaf's meets eight constraints.
    assert len(comparisons.calls) == 8


def test_more_forbidden_names_than_are_told() -> None:
    """=> root -> CA (one long constraint) -> leaf (2,000 names outside): messages are work, too."""
    authority = ROOT.issue_ca(permitted_names=["DNS:" + "x" * 10_000])
    leaf = authority.issue(subject_alternative_names=[f"DNS:{number}.example.com" for number in range(2000)])
    report = Chain(leaf, ROOT, [authority]).validate()
    assert {finding.code for finding in report.findings} == {"name-not-permitted"}
    assert len(report.findings) < 1001
    assert "given up" in report.findings[-1].message
    assert max(len(finding.message) for finding in report.findings) < 1000


def test_many_combining_characters_in_a_name() -> None:
    """Normalising them takes time that grows with the square: long values are compared as they are."""
    marks = "a" + "\u0301\u0316" * 1000
    long, other = (x509.Name([x509.NameAttribute(DESCRIPTION, text)]) for text in (marks, marks.upper()))
    assert canonical_name(long) == canonical_name(other)
    assert canonical_name(long) == ((frozenset({(DESCRIPTION.dotted_string, marks.casefold())})),)


def test_rsa_key_with_an_enormous_exponent() -> None:
    """=> root (RSA, exponent of 2,047 bits) -x> leaf: verifying would take a hundred times as long."""
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    public_key = rsa.RSAPublicNumbers((modulus >> 1) | 1, modulus).public_key()
    issuer = ROOT.issue("CN=CA", ca=True, key_usage=["keyCertSign"], public_key=public_key)
    leaf = CertificateAuthority("CN=CA", key_type="RSA-2048").issue()
    assert check_signature(leaf.certificate, issuer.certificate) is SignatureCheck.TOO_COSTLY
    (finding,) = Chain(leaf, issuer).validate().findings
    assert (finding.subject, finding.code) == ("leaf", "bad-signature")
    assert "exponent" in finding.message
