"""Names as Go writes them, whose outputs these are, and as RFC 4514 and OpenSSL do."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from rolesanywhere_signer.selectors.names import helper_text, name_parts, parse_name

from ..conftest import OpenSsl

C, O, OU, CN, ST, L = "2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3", "2.5.4.8", "2.5.4.7"  # noqa: E741
STREET, POSTAL_CODE, SERIAL_NUMBER = "2.5.4.9", "2.5.4.17", "2.5.4.5"
DC, EMAIL = "0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"
Rdn = list[tuple[str, str]]


def name(*rdns: Rdn) -> x509.Name:
    return x509.Name(
        x509.RelativeDistinguishedName(
            [x509.NameAttribute(x509.ObjectIdentifier(oid), value, _validate=False) for oid, value in rdn]
        )
        for rdn in rdns
    )


# What Go's crypto/x509 printed for certificates with these subjects.
FROM_GO: list[tuple[list[Rdn], str]] = [
    ([[(C, "DE")], [(O, "Acme")], [(CN, "app")]], "CN=app,O=Acme,C=DE"),
    ([[(CN, "app")], [(O, "Acme")], [(C, "DE")]], "CN=app,O=Acme,C=DE"),
    (
        [
            [(SERIAL_NUMBER, "7")],
            [(CN, "app")],
            [(OU, "b")],
            [(OU, "a")],
            [(O, "Acme")],
            [(POSTAL_CODE, "1")],
            [(STREET, "Weg")],
            [(L, "Ulm")],
            [(ST, "BW")],
            [(C, "DE")],
        ],
        "SERIALNUMBER=7,CN=app,OU=b+OU=a,O=Acme,POSTALCODE=1,STREET=Weg,L=Ulm,ST=BW,C=DE",
    ),
    (
        [[(DC, "com")], [(DC, "example")], [(OU, "Employees")], [(CN, "who")], [(EMAIL, "who@example.com")]],
        (
            "CN=who,OU=Employees,1.2.840.113549.1.9.1=#0c0f77686f406578616d706c652e636f6d,"
            "0.9.2342.19200300.100.1.25=#13076578616d706c65,0.9.2342.19200300.100.1.25=#1303636f6d"
        ),
    ),
    ([[(CN, "first")], [(CN, "last")]], "CN=last"),
    (
        [[(O, 'Acme, Inc. <"x"+y;z\\>')], [(CN, " #lead ")]],
        'CN=\\ #lead\\ ,O=Acme\\, Inc. \\<\\"x\\"\\+y\\;z\\\\\\>',
    ),
    ([[(CN, "#1")]], "CN=\\#1"),
    ([[(CN, " ")]], "CN=\\ "),
    ([[(CN, "a b")], [(OU, "x=y")]], "CN=a b,OU=x=y"),
    ([[(CN, "app"), (OU, "multi")], [(O, "Acme")]], "CN=app,OU=multi,O=Acme"),
    ([[(CN, "Zoë")], [("1.2.3.4", "odd*")]], "CN=Zoë,1.2.3.4=#0c046f64642a"),
    ([], ""),
]


@pytest.mark.parametrize(("rdns", "text"), FROM_GO, ids=[text or "empty" for _, text in FROM_GO])
def test_names_are_written_as_go_writes_them(rdns: list[Rdn], text: str) -> None:
    assert helper_text(name(*rdns)) == text


def test_a_long_value_has_a_length_of_several_octets() -> None:
    assert helper_text(name([("1.2.3.4", "x" * 300)])).startswith("1.2.3.4=#1382012c7878")


# cryptography 45 escapes the value of one blank wrongly.
@pytest.mark.parametrize("rdns", [rdns for rdns, text in FROM_GO if text not in ("", "CN=\\ ")], ids=str)
def test_rfc_4514_text_is_read_as_the_name_it_is_of(rdns: list[Rdn]) -> None:
    subject = name(*rdns)
    assert parse_name(subject.rfc4514_string()) == name_parts(subject)


SUBJECT = name([(C, "DE")], [(O, "Acme, Inc.")], [(CN, "app"), (OU, "one")], [(EMAIL, "a@b.example")])


@pytest.mark.parametrize(
    "text",
    [
        "emailAddress=a@b.example,CN=app+OU=one,O=Acme\\, Inc.,C=DE",
        "E=a@b.example, OU=one + CN=app, O = Acme\\, Inc. , C=DE",
        "OID.1.2.840.113549.1.9.1=#160b6140622e6578616d706c65,cn=app+ou=one,o=Acme\\2C Inc.,c=DE",
        "1.2.840.113549.1.9.1=#1e16006100400062002e006500780061006d0070006c0065,CN=app+OU=one,O=Acme\\, Inc.,C=DE",
    ],
)
def test_spellings_of_one_name(text: str) -> None:
    assert parse_name(text) == name_parts(SUBJECT)


@pytest.mark.parametrize(
    "text",
    [
        "C=DE,O=Acme\\, Inc.,CN=app+OU=one,emailAddress=a@b.example",
        "emailAddress=a@b.example,CN=app,OU=one,O=Acme\\, Inc.,C=DE",
        "emailAddress=a@b.example,CN=APP+OU=one,O=Acme\\, Inc.,C=DE",
        "emailAddress=a@b.example,CN=app+OU=one,O=Acme\\, Inc.",
    ],
)
def test_other_names_are_other_names(text: str) -> None:
    parsed = parse_name(text)
    assert parsed is not None
    assert parsed != name_parts(SUBJECT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "CN",
        "=app",
        "CN=a,",
        "CN=a,,O=b",
        "CN=a;O=b",
        'CN="a"',
        "CN=<a>",
        "WHAT=a",
        "CN=#zz",
        "CN=#0c",
        "CN=#0c05616263",
        "CN=#0c026162ff",
        "CN=#30020000",
        "CN=\\ff",
        "CN=a\\",
        "CN=\udcff",
        "CN=#0c81",
        "CN=#1401ff,CN=#0c01ff",
        "+CN=a",
        "CN=a+",
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert parse_name(text) is None


def test_a_blank_at_the_end_counts_only_if_it_is_escaped() -> None:
    assert parse_name("CN=a\\  ,O=b") == name_parts(name([(O, "b")], [(CN, "a ")]))
    assert parse_name("CN=a\\\\ ") == name_parts(name([(CN, "a\\")]))


OPENSSL_SUBJECT = """\
[req]
prompt = no
distinguished_name = subject
utf8 = yes
string_mask = utf8only
[subject]
C = DE
0.DC = com
1.DC = example
O = Acme\\, Inc. <y>
0.OU = b
1.OU = a
CN = Zoë + \\#1
emailAddress = who@example.com
serialNumber = 77
postalCode = 12345
street = Weg 1
UID = u1
title = Dr
"""


@pytest.mark.parametrize("options", ["RFC2253", "RFC2253,utf8,-esc_msb", "RFC2253,sname", "RFC2253,oid"])
def test_what_openssl_prints_is_read(openssl: OpenSsl, tmp_path: Path, options: str) -> None:
    (tmp_path / "subject.cnf").write_text(OPENSSL_SUBJECT, encoding="utf-8")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem")
    made = openssl("req", "-x509", *key, "-config", "subject.cnf")
    subject = x509.load_pem_x509_certificate(made).subject
    printed = openssl("x509", "-noout", "-subject", "-nameopt", options, stdin=made).decode()
    text = printed.removeprefix("subject=").rstrip("\n")
    assert parse_name(text) == name_parts(subject)
    assert helper_text(subject).startswith("SERIALNUMBER=77,CN=Zoë \\+ #1,OU=b+OU=a,O=Acme\\, Inc. \\<y\\>,")
