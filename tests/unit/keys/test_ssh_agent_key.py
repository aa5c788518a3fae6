"""A key in an ssh-agent: what is asked, and what becomes of every answer. OpenSSH's own agent is in tests/e2e."""

from __future__ import annotations

import base64
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from rolesanywhere_signer.errors import ConfigurationError, SigningError, UnsupportedKeyError
from rolesanywhere_signer.keys import SshAgentKey
from rolesanywhere_signer.testing import CertificateAuthority

CA = CertificateAuthority()
EC = CA.issue("CN=ec", key_type="P-256")
RSA = CA.issue("CN=rsa", key_type="RSA-2048")
FAILURE, IDENTITIES, SIGNED = b"\x05", b"\x0c", b"\x0e"


def text(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def number(value: int) -> bytes:
    return text(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def blob(issued: object) -> bytes:
    public = EC.certificate.public_key() if issued is EC else RSA.certificate.public_key()
    return base64.b64decode(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def answer_to(request: bytes) -> bytes:
    """Answer as an agent with both keys does."""
    assert request[:1] == b"\x0d"
    size = struct.unpack_from(">I", request, 1)[0]
    named, rest = request[5 : 5 + size], request[5 + size :]
    data, flags = rest[4:-4], struct.unpack(">I", rest[-4:])[0]
    assert flags == 2
    if named == blob(EC):
        assert isinstance(EC.private_key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(EC.private_key.sign(data, ec.ECDSA(hashes.SHA256())))
        return SIGNED + text(text(b"ecdsa-sha2-nistp256") + text(number(r) + number(s)))
    assert isinstance(RSA.private_key, rsa.RSAPrivateKey)
    signature = RSA.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return SIGNED + text(text(b"rsa-sha2-256") + text(signature.lstrip(b"\0")))


@contextmanager
def agent(path: Path, answer: Callable[[bytes], bytes | None], *, framed: bool = True) -> Iterator[str]:
    """Run an agent; None for an answer: it ends the connection."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as reader:
                    while head := reader.read(4):
                        told = answer(reader.read(struct.unpack(">I", head)[0]))
                        if told is None:
                            break
                        connection.sendall(text(told) if framed else told)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def refused(path: Path, answer: Callable[[bytes], bytes | None], *, framed: bool = True) -> SigningError:
    with agent(path, answer, framed=framed) as socket_path, pytest.raises(SigningError) as caught:
        SshAgentKey(EC.certificate_pem, socket_path=socket_path, timeout_seconds=20).sign(b"data")
    return caught.value


@pytest.mark.parametrize("issued", [EC, RSA], ids=["EC", "RSA"])
def test_it_signs(issued: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = EC.certificate_pem if issued is EC else RSA.certificate_pem
    with agent(tmp_path / "agent", answer_to) as path:
        assert SshAgentKey(certificate, socket_path=path).sign(b"data")
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        # An RSA signature of 256 begins with a zero, which the format leaves out.
        for count in range(300 if issued is RSA else 5):
            assert SshAgentKey(certificate).sign(b"data %d" % count)


def test_a_pickle_carries_no_key(tmp_path: Path) -> None:
    with agent(tmp_path / "agent", answer_to) as path:
        assert pickle.loads(pickle.dumps(SshAgentKey(EC.certificate_pem, socket_path=path))).sign(b"data")


@pytest.mark.parametrize("key_type", ["P-384", "P-521"])
def test_curves_that_an_agent_signs_with_another_hash(key_type: str) -> None:
    leaf = CA.issue("CN=app", key_type=key_type)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedKeyError, match="over another hash than SHA-256"):
        SshAgentKey(leaf.certificate_pem)


def test_an_agent_without_the_key(tmp_path: Path) -> None:
    def answer(request: bytes) -> bytes:
        listed = IDENTITIES + struct.pack(">I", 1) + text(blob(RSA)) + text(b"a comment")
        return listed if request == b"\x0b" else FAILURE

    error = refused(tmp_path / "agent", answer)
    assert "does not have the certificate's key, but 1 others" in error.message


def test_an_agent_that_refuses_to_use_the_key(tmp_path: Path) -> None:
    def answer(request: bytes) -> bytes:
        listed = IDENTITIES + struct.pack(">I", 2) + text(blob(RSA)) + text(b"") + text(blob(EC)) + text(b"")
        return listed if request == b"\x0b" else FAILURE

    assert "has the key and did not sign" in refused(tmp_path / "agent", answer).message


@pytest.mark.parametrize(
    "answer",
    [
        FAILURE,
        b"\x00",
        SIGNED,
        SIGNED + b"\0",
        SIGNED + text(b""),
        SIGNED + text(text(b"ecdsa-sha2-nistp256")),
        SIGNED + text(text(b"ecdsa-sha2-nistp256") + text(b"garbage")),
        SIGNED + text(text(b"ecdsa-sha2-nistp256") + text(number(1) + number(2))),
        SIGNED + text(text(b"ecdsa-sha2-nistp256") + text(number(1) + number(2) + number(3))),
        SIGNED + text(text(b"ecdsa-sha2-nistp256") + text(text(b"\xff") + number(2))),
        SIGNED + struct.pack(">I", 2**32 - 1) + b"short",
        IDENTITIES + struct.pack(">I", 2**32 - 1),
    ],
)
def test_other_answers(tmp_path: Path, answer: bytes) -> None:
    refused(tmp_path / "agent", lambda request: answer)


@pytest.mark.parametrize("scheme", [b"ssh-rsa", b"rsa-sha2-512", b"\x1b[2J" * 100])
def test_another_hash_is_named(tmp_path: Path, scheme: bytes) -> None:
    error = refused(tmp_path / "agent", lambda request: SIGNED + text(text(scheme) + text(b"x")))
    assert "the service does not take" in error.message
    assert error.message.isprintable()
    assert len(error.message) < 300


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff", b"\0\0\0\0", struct.pack(">I", 256 * 1024 + 1)])
def test_lengths_that_no_answer_has(tmp_path: Path, raw: bytes) -> None:
    assert "announced an answer of" in refused(tmp_path / "agent", lambda request: raw, framed=False).message


def test_a_connection_that_ends_early(tmp_path: Path) -> None:
    assert "before its answer was complete" in refused(tmp_path / "agent", lambda request: None).message


def test_an_agent_that_hangs(tmp_path: Path) -> None:
    gate = threading.Event()

    def answer(request: bytes) -> None:
        gate.wait()

    with agent(tmp_path / "agent", answer) as path:
        with pytest.raises(SigningError, match=r"no answer within 0\.2 s"):
            SshAgentKey(EC.certificate_pem, socket_path=path, timeout_seconds=0.2).sign(b"data")
        gate.set()


def test_an_agent_that_dribbles(tmp_path: Path) -> None:
    """Each octet comes in time, and the whole does not."""
    gate = threading.Event()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(tmp_path / "agent"))
    listening.listen()

    def dribble() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(struct.pack(">I", 100_000))
            while not gate.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=dribble, daemon=True)
    thread.start()
    try:
        with pytest.raises(SigningError, match=r"no answer within 0\.4 s"):
            SshAgentKey(EC.certificate_pem, socket_path=tmp_path / "agent", timeout_seconds=0.4).sign(b"data")
    finally:
        gate.set()
        thread.join(10)
        listening.close()


def test_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(SigningError, match="SSH_AUTH_SOCK is not set"):
        SshAgentKey(EC.certificate_pem).sign(b"data")
    for path in (tmp_path / "none", tmp_path, tmp_path / ("x" * 200), "a\0b"):
        with pytest.raises(SigningError, match="cannot be spoken to"):
            SshAgentKey(EC.certificate_pem, socket_path=path).sign(b"data")


def test_time_outs_that_are_none() -> None:
    with pytest.raises(ConfigurationError):
        SshAgentKey(EC.certificate_pem, timeout_seconds=-1)


@settings(max_examples=50)
@given(st.binary(max_size=80))
def test_any_answer_is_refused(tmp_path_factory: pytest.TempPathFactory, answer: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path := tmp_path_factory.getbasetemp() / "agent")
    refused(path, lambda request: answer)
