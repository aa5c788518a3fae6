from __future__ import annotations

import base64

import pytest

from rolesanywhere_signer.pem import PemError, parse_blocks

CONTENT = bytes(range(120))
BODY = base64.encodebytes(CONTENT).rstrip(b"\n")


def block(label: bytes = b"CERTIFICATE", body: bytes = BODY, end: bytes = b"\n") -> bytes:
    return (b"-----BEGIN " + label + b"-----\n" + body + b"\n-----END " + label + b"-----\n").replace(b"\n", end)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(block(), id="plain"),
        pytest.param(block(end=b"\r\n"), id="CRLF"),
        pytest.param(block(end=b"\r"), id="CR"),
        pytest.param(b"\xef\xbb\xbf" + block(), id="BOM"),
        pytest.param(b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + block(), id="text before"),
        pytest.param(block() + b"and more", id="text after"),
        pytest.param(block().rstrip(b"\n"), id="no last line end"),
        pytest.param(block(body=b"\n".join(b"  " + line + b"\t " for line in BODY.split(b"\n"))), id="indented"),
        pytest.param(block(body=BODY.replace(b"\n", b"\n\n")), id="empty lines"),
        pytest.param(block(body=BODY.replace(b"\n", b"")), id="one long line"),
    ],
)
def test_one_block(data: bytes) -> None:
    (found,) = parse_blocks(data)
    assert (found.label, found.der) == ("CERTIFICATE", CONTENT)


def test_several_kinds_in_one_file_keep_their_order() -> None:
    data = block(b"EC PARAMETERS") + b"between\n" + block(b"EC PRIVATE KEY") + block() + block(b"X509 CERTIFICATE")
    assert [found.label for found in parse_blocks(data)] == [
        "EC PARAMETERS",
        "EC PRIVATE KEY",
        "CERTIFICATE",
        "X509 CERTIFICATE",
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbf", b"no block here", b"\x30\x82\x01\x00", b"-----END CERTIFICATE-----"]
)
def test_no_block(data: bytes) -> None:
    assert parse_blocks(data) == []


@pytest.mark.parametrize("length", range(len(b"-----BEGIN "), len(block()) - len(b"-\n")))
def test_a_block_that_is_cut_anywhere_is_told(length: int) -> None:
    with pytest.raises(PemError):
        parse_blocks(block()[:length])


def test_a_block_inside_another_is_not_base64() -> None:
    half_written = block()[:60] + block()
    with pytest.raises(PemError, match="CERTIFICATE block is not base64"):
        _ = parse_blocks(half_written)[0].der


@pytest.mark.parametrize("body", [b"plan*ted", b"A", b"AAAAA", b"plan-ted", "plänted".encode()])
def test_what_is_no_base64_is_refused_without_being_shown(body: bytes) -> None:
    (found,) = parse_blocks(block(body=body))
    with pytest.raises(PemError) as raised:
        _ = found.der
    assert "plan" not in str(raised.value)


@pytest.mark.parametrize("label", [b"", b" ", b"A" * 200, b"PLANTED\nTED", "PLÄNTED".encode()])
def test_a_label_that_is_none_is_refused_without_being_shown(label: bytes) -> None:
    with pytest.raises(PemError) as raised:
        parse_blocks(block(label))
    assert "PL" not in str(raised.value)


@pytest.mark.parametrize("label", [b"X9.42 DH PARAMETERS", b"PKCS #7 SIGNED DATA", b"ATTRIBUTE-CERTIFICATE"])
def test_every_label_of_rfc_7468_is_read(label: bytes) -> None:
    assert [found.label for found in parse_blocks(block(label) + block())] == [label.decode(), "CERTIFICATE"]


def test_headers_of_an_encrypted_key_keep_their_place() -> None:
    headers = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
    original = block(b"RSA PRIVATE KEY", headers + BODY)
    (found,) = parse_blocks(original.replace(b"\n", b"\r\n"))
    assert found.text == original


def test_a_block_shows_its_label_alone() -> None:
    (found,) = parse_blocks(block(b"PRIVATE KEY"))
    assert repr(found) == "PemBlock(label='PRIVATE KEY')"
