"""Whatever a selector or a directory holds: a result, or an error of ours."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tempfile
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from cryptography import x509
from hypothesis import strategies as st

from rolesanywhere_signer import ConfigurationError, RolesAnywhereError
from rolesanywhere_signer.selectors import (
    CertificateDirectory,
    DirectorySource,
    Selector,
    helper_text,
    parse_selector,
    read_directory,
)
from rolesanywhere_signer.selectors.names import name_parts, parse_name

from ..pki import issue

LEAF = issue("leaf")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
OIDS = st.sampled_from(["2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.6", "1.2.840.113549.1.9.1", "1.2.3.4"])
WORDS = st.sampled_from(
    ["Key=", "Value=", "x509Subject", "x509Serial", "x509SAN", ",", " ", "CN=a", "\\", "#0c", "0x", "+"]
)


def make_name(rdns: list[dict[str, str]]) -> x509.Name:
    return x509.Name(
        x509.RelativeDistinguishedName(
            [x509.NameAttribute(x509.ObjectIdentifier(oid), value, _validate=False) for oid, value in rdn.items()]
        )
        for rdn in rdns
    )


@hypothesis.given(st.one_of(st.text(), st.lists(WORDS).map("".join)))
def test_selectors(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        parse_selector(text if not text.startswith("file://") else text[7:]).fits(LEAF.certificate)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), WORDS),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.one_of(st.sampled_from(["Key", "Value", "key"]), st.text()), inner)
    ),
    max_leaves=10,
)


@hypothesis.given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())))
def test_selector_files(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(ConfigurationError):
            parse_selector(f"file://{file.name}")


@hypothesis.given(st.one_of(st.text(), st.lists(WORDS).map("".join)))
def test_texts_of_names(text: str) -> None:
    parse_name(text)


@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@hypothesis.given(st.lists(st.dictionaries(OIDS, TEXT, min_size=1, max_size=2), min_size=1, max_size=4))
def test_names_are_read_as_they_are_written(rdns: list[dict[str, str]]) -> None:
    name = make_name(rdns)
    assert helper_text(name).isascii() or not all(value.isascii() for rdn in rdns for value in rdn.values())
    hypothesis.assume(
        " " not in [value for rdn in rdns for value in rdn.values()]
    )  # cryptography 45 escapes it wrongly
    assert parse_name(name.rfc4514_string()) == name_parts(name)


PIECES = st.sampled_from(
    [LEAF.pem, LEAF.key_pem, LEAF.pem[:200], b"-----BEGIN ", b"-----END CERTIFICATE-----\n", b"\0"]
)
CONTENTS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=5).map(b"".join))


@hypothesis.settings(max_examples=60)
@hypothesis.given(st.dictionaries(st.sampled_from(["a.pem", "b.key", "c", ".d"]), CONTENTS))
def test_directories(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            Path(directory, name).write_bytes(content)
        with contextlib.suppress(RolesAnywhereError):
            DirectorySource(CertificateDirectory(directory, Selector(subject="CN=leaf"))).read()


def test_dates_that_no_calendar_has(tmp_path: Path) -> None:
    der = issue("far", valid_for=timedelta(days=40 * 366)).der
    broken = re.sub(rb"(?<=\x18\x0f)[0-9]{4}", b"0000", der)
    assert broken != der
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(broken) + b"-----END CERTIFICATE-----\n"
    (tmp_path / "far.pem").write_bytes(pem)
    (tmp_path / "leaf.pem").write_bytes(LEAF.pem + LEAF.key_pem)
    directory = read_directory(tmp_path)
    assert [Path(file.path).name for file in directory.files] == ["leaf.pem"]
    assert "whose dates cannot be read" in directory.passed_over[0]
    assert DirectorySource(CertificateDirectory(tmp_path)).read().certificate.startswith(LEAF.pem)
