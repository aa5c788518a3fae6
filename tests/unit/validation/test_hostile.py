"""Bytes and bundles that someone made on purpose: a report or an error of ours, and in bounded time."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rolesanywhere_signer import RolesAnywhereError, ValidationReport, validate_certificate, validate_trust_anchor
from rolesanywhere_signer.certificates import parse_certificates
from rolesanywhere_signer.testing import CertificateAuthority
from rolesanywhere_signer.validation import validate_loaded

from .table import NOW, ROOT, Chain, Pem, found, new_root, pem

# cryptography warns of oddities such as negative serial numbers, which must not hide what comes after.
pytestmark = pytest.mark.filterwarnings("ignore")
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
