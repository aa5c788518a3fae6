"""Signed requests that come in odd ways, and certificates that nobody would issue: a 4xx, and bounded memory."""

from __future__ import annotations

import functools
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest, HttpResponse
from tests.emulator.doors import connected, raw_bytes, receive
from tests.emulator.policies import statement, trust_policy
from tests.emulator.signing import header_form, sign, sign_as
from tests.emulator.vectors import with_header
from tests.emulator.world import CA, INVALID_SIGNATURE, LEAF, World, refusal

# Far above what a request takes here, far below what an unbounded one would.
MOST_BYTES = 24 * 1024 * 1024


@contextmanager
def bounded_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    with world.service:
        yield world


class TestFraming:
    """None of these is the request that was signed, whatever another server may make of it."""

    def status(self, world: World, raw: bytes) -> int:
        before = len(world.service.calls)
        with bounded_memory(), connected(world.service) as connection:
            connection.sendall(raw)
            status = receive(connection).status
        assert not any(call.status == 201 for call in world.service.calls[before:])
        return status

    def raw(self, world: World) -> bytes:
        return raw_bytes(sign_as(LEAF, world.body()))

    @pytest.mark.parametrize("name", ["Host", "X-Amz-Date", "X-Amz-X509", "Authorization", "Content-Type"])
    def test_a_folded_header(self, world: World, name: str) -> None:
        folded = re.sub(rf"({name}: \S{{5}})".encode(), rb"\1\r\n  ", self.raw(world), count=1)
        assert folded != self.raw(world)
        assert self.status(world, folded) == 400

    @pytest.mark.parametrize("name", ["Host", "X-Amz-Date", "X-Amz-X509", "Authorization", "Content-Type"])
    @pytest.mark.parametrize("value", [None, "x"])
    def test_a_duplicated_header(self, world: World, name: str, value: str | None) -> None:
        [own] = [own for received, own in sign_as(LEAF, world.body()).headers if received == name]
        line = f"{name}: {own if value is None else value}\r\n".encode()
        head, rest = self.raw(world).split(b"\r\n", 1)
        for raw in (head + b"\r\n" + line + rest, self.raw(world).replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n", 1)):
            assert self.status(world, raw) in (400, 403)

    @pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"identity", b"gzip, chunked", b""])
    @pytest.mark.parametrize("with_length", [True, False])
    def test_a_transfer_coding(self, world: World, coding: bytes, with_length: bool) -> None:
        head, _, body = self.raw(world).partition(b"\r\n\r\n")
        if not with_length:
            head = re.sub(rb"\r\nContent-Length: \d+", b"", head)
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        assert self.status(world, head + b"\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + chunks) == 411

    @pytest.mark.parametrize("length", [b"+9", b"0x10", b"1 0", b"1,1", b"9" * 40, b"\xb2", b"1_0"])
    def test_a_length_that_is_none(self, world: World, length: bytes) -> None:
        raw = re.sub(rb"Content-Length: \d+", b"Content-Length: " + length, self.raw(world))
        assert self.status(world, raw) in (400, 413)

    def test_two_lengths(self, world: World) -> None:
        line = re.findall(rb"Content-Length: \d+\r\n", self.raw(world))[0]
        assert self.status(world, self.raw(world).replace(line, line * 2)) == 400

    def test_a_shorter_length_leaves_another_request(self, world: World) -> None:
        """What is left of the body is a request of its own, and none."""
        body = world.body()
        raw = self.raw(world).replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) - 1))
        assert self.status(world, raw) == 403

    @pytest.mark.parametrize(
        "line", [b"X-Amz-X509\t: a", b"X-Amz-Date : a", b"X Amz: a", b"X-Amz_Date: a", b"\x0bX: a", b"X-Nul: \x00"]
    )
    def test_a_header_that_is_none(self, world: World, line: bytes) -> None:
        assert self.status(world, self.raw(world).replace(b"\r\n", b"\r\n" + line + b"\r\n", 1)) == 400

    def test_a_megabyte_of_headers(self, world: World) -> None:
        lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(20))
        assert self.status(world, self.raw(world).replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n", 1)) == 431

    def test_a_body_of_a_megabyte(self, world: World) -> None:
        request = sign_as(LEAF, b" " * 1024 * 1024 + world.body())
        assert self.status(world, raw_bytes(request)) == 413

    def test_a_body_of_nothing_but_brackets(self, world: World) -> None:
        assert self.status(world, raw_bytes(sign_as(LEAF, b"[" * 250_000))) == 400
        nested = b'{"instanceProperties":' * 12_000
        assert self.status(world, raw_bytes(sign_as(LEAF, nested))) == 400


def answer(request: HttpRequest, world: World | None = None) -> HttpResponse:
    with bounded_memory():
        return (world or World()).send(request)


def with_signature(request: HttpRequest, signature: str, algorithm: str = "RSA") -> HttpRequest:
    [authorization] = request.values("authorization")
    changed = re.sub("Signature=.*", f"Signature={signature}", authorization)
    return with_header(request, "authorization", re.sub("AWS4-X509-[A-Z]+", f"AWS4-X509-{algorithm}", changed))


def rsa_key(bits: int, exponent: int) -> rsa.RSAPublicKey:
    """Return a public key that has no private one."""
    return rsa.RSAPublicNumbers(exponent, (1 << bits) - 1).public_key()


class TestKeys:
    @pytest.mark.parametrize(
        ("bits", "exponent"), [(16384, 65537), (16384, (1 << 64) + 1), (3072, (1 << 3071) + 1), (1024, 3)]
    )
    def test_rsa_keys_of_absurd_sizes(self, bits: int, exponent: int) -> None:
        leaf = CA.issue(public_key=rsa_key(bits, exponent)).certificate
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for signature in ("01" * (bits // 8), "00", "ff" * (bits // 8), "01" * 25_000):
            assert refusal(answer(with_signature(sign(other, leaf), signature))) == INVALID_SIGNATURE

    def test_an_issuer_with_an_absurd_key(self) -> None:
        world = World()
        slow = CA.issue(
            "CN=Slow", public_key=rsa_key(16384, (1 << 16000) + 1), ca=True, key_usage=["keyCertSign"]
        ).certificate
        leaf = CertificateAuthority("CN=Slow", key_type="RSA-2048").issue("CN=app", key_type="P-256")
        request = sign_as(leaf, world.body(), chain=[slow])
        assert refusal(answer(request, world))[2] == "Untrusted signing certificate"

    @pytest.mark.parametrize("algorithm", ["RSA", "ECDSA", "MLDSA", "DSA", "ED25519"])
    def test_keys_of_other_kinds(self, algorithm: str) -> None:
        for certificate in other_leaves():
            request = sign(LEAF.private_key, certificate)  # type: ignore[arg-type]
            assert refusal(answer(with_signature(request, "00" * 64, algorithm))) == INVALID_SIGNATURE

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "0",
            "00",
            "30",
            "3000",
            "3006020100020100",
            "3006020101020101",
            "300602017f02017f",
            "30" + "80" * 60,
            "ff",
        ],
    )
    def test_ecdsa_signatures_that_are_none(self, signature: str) -> None:
        request = with_signature(sign_as(LEAF), signature, "ECDSA")
        assert refusal(answer(request)) == INVALID_SIGNATURE

    def test_a_point_that_is_on_no_curve(self) -> None:
        der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
        point = LEAF.certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        place = der.index(point)
        der[place + 1 : place + len(point)] = b"\x01" * (len(point) - 1)
        request = sign(LEAF.private_key, x509.load_der_x509_certificate(bytes(der)))  # type: ignore[arg-type]
        assert refusal(answer(request)) == INVALID_SIGNATURE


@functools.cache
def other_leaves() -> list[x509.Certificate]:
    """Return certificates of keys that sign no request, and one of a kind that the test CA issues none for."""
    now, name = datetime.now(timezone.utc), x509.Name.from_rfc4514_string("CN=app")
    key: Any = CA.private_key
    public_keys: list[Any] = [
        ed25519.Ed25519PrivateKey.generate().public_key(),
        dsa.generate_private_key(2048).public_key(),
    ]
    return [
        x509.CertificateBuilder(CA.certificate.subject, name, public_key, 7, now, now + timedelta(hours=1)).sign(
            key, hashes.SHA256()
        )
        for public_key in public_keys
    ]


def many(count: int, oid: x509.ObjectIdentifier = NameOID.ORGANIZATIONAL_UNIT_NAME, value: str = "unit") -> x509.Name:
    return x509.Name([*(x509.NameAttribute(oid, value) for _ in range(count)), *x509.Name.from_rfc4514_string("CN=a")])


ABSURD: dict[str, Callable[[], Any]] = {
    "two thousand units": lambda: CA.issue(many(2000), key_type="P-256"),
    "two thousand DNS names": lambda: CA.issue(
        subject_alternative_names=[f"DNS:{number}.example" for number in range(2000)], key_type="P-256"
    ),
    "two thousand directory names": lambda: CA.issue(
        subject_alternative_names=[f"dirName:CN={number}" for number in range(1500)], key_type="P-256"
    ),
    "a common name of forty thousand characters": lambda: CA.issue(
        many(1, x509.ObjectIdentifier("2.5.4.13"), "x" * 40_000), key_type="P-256"
    ),
    "a thousand extensions": lambda: CA.issue(
        extra_extensions=[
            (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.4.{number}"), b"\x05\x00"), False)
            for number in range(1500)
        ],
        key_type="P-256",
    ),
}


class TestCertificates:
    @pytest.mark.parametrize("make", ABSURD.values(), ids=ABSURD)
    def test_trusted_ones_with_too_much_in_them(self, make: Callable[[], Any]) -> None:
        """They are valid; what they hold is mapped or dropped, and told within what a certificate can hold."""
        world = World()
        leaf = make()
        assert len(header_form(leaf.certificate)) > 20_000
        assert answer(sign_as(leaf, world.body()), world).status == 201
        role = world.service.create_role("asks", trust_policy=trust_policy(statement(condition=NOBODY)))
        profile = world.service.create_profile([role])
        request = sign_as(leaf, world.body(roleArn=role.arn, profileArn=profile.arn))
        status, _, message = refusal(answer(request, world))
        assert status == 403
        assert message.startswith(f"Unable to assume role for {role.arn}")
        assert len(message) < 60_000

    @pytest.mark.parametrize("make", ABSURD.values(), ids=ABSURD)
    def test_the_same_from_a_stranger(self, make: Callable[[], Any]) -> None:
        world = World(CertificateAuthority("CN=Root,O=Example"))
        leaf = make()
        assert refusal(answer(sign_as(leaf, world.body()), world))[2] == "Untrusted signing certificate"

    def test_a_hundred_issuers_of_one_name(self) -> None:
        """The chain header may hold five: the rest is not looked at."""
        twins = [CertificateAuthority("CN=Twin", key_type="P-256") for _ in range(20)]
        leaf = twins[-1].issue("CN=app", key_type="P-256")
        world = World()
        for count in (5, 20):
            request = sign_as(leaf, world.body(), chain=[each.certificate for each in twins[-count:]])
            assert refusal(answer(request, world))[0] == 403

    def test_issuers_that_certify_each_other(self) -> None:
        first = CertificateAuthority("CN=First", key_type="P-256")
        second = first.issue_ca("CN=Second", key_type="P-256")
        again = second.issue_ca("CN=First", private_key=first.private_key)
        leaf = again.issue("CN=app", key_type="P-256")
        world = World()
        chain = [first.certificate, second.certificate, again.certificate]
        assert refusal(answer(sign_as(leaf, world.body(), chain=chain), world))[2] == "Untrusted signing certificate"

    @pytest.mark.parametrize("text", ["MIIB", "A" * 60_000, "=" * 100, "MIIB" * 15_000, "\u00e9", "", "-----BEGIN"])
    def test_headers_that_hold_none(self, text: str) -> None:
        assert refusal(answer(with_header(sign_as(LEAF), "x-amz-x509", text))) == INVALID_SIGNATURE

    def test_a_chain_of_commas(self) -> None:
        request = sign_as(LEAF, headers=[("X-Amz-X509-Chain", "," * 60_000)])
        assert answer(request).status == 400

    @pytest.mark.parametrize("number", ["0", "-1", "00", "1" * 5000, "0x10", "1e5", "\u00b2"])
    def test_serial_numbers_that_are_not_the_leafs(self, number: str) -> None:
        assert refusal(answer(sign_as(LEAF, serial=number))) == INVALID_SIGNATURE


NOBODY = {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "nobody"}}
