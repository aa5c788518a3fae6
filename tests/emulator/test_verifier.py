"""What a signature covers, how the Authorization header may look, and how a request is canonicalised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest
from rolesanywhere_signer.testing.sigv4 import (
    Authorization,
    MalformedSignatureError,
    canonical_path,
    canonical_query,
    parse_authorization,
    string_to_sign,
)
from tests.emulator.signing import NOW, sign, sign_as
from tests.emulator.vectors import with_header
from tests.emulator.world import CA, INVALID_SIGNATURE, LEAF, World, header, refusal

TODAY = NOW.strftime("%Y%m%d")


@pytest.fixture
def world() -> World:
    return World()


def signed(world: World, **options: object) -> HttpRequest:
    return sign_as(LEAF, world.body(), **options)


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072"])
def test_every_kind_of_key_signs_by_its_own_algorithm(world: World, key_type: str) -> None:
    assert world.ask(CA.issue(key_type=key_type)).status == 201


@pytest.mark.parametrize(
    "issuer", [{"key_type": "RSA-2048", "signature_hash": "SHA-512"}, {"key_type": "P-384"}, {"key_type": "Ed25519"}]
)
@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
def test_how_the_ca_signed_does_not_matter(issuer: dict[str, str], key_type: str) -> None:
    ca = CertificateAuthority(**issuer)  # type: ignore[arg-type]
    assert World(ca).ask(ca.issue(key_type=key_type)).status == 201


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_clock_within_five_minutes_passes(world: World, seconds: int) -> None:
    assert world.send(signed(world, at=NOW + timedelta(seconds=seconds))).status == 201


@pytest.mark.parametrize("off", [timedelta(seconds=300, microseconds=1), timedelta(seconds=-301)])
def test_a_clock_further_off_does_not(world: World, off: timedelta) -> None:
    request = signed(world)
    world.service.clock = lambda: NOW + off
    assert refusal(world.send(request)) == INVALID_SIGNATURE


def test_the_answers_date_is_the_services_clock(world: World) -> None:
    assert header(world.send(signed(world)), "Date") == format_datetime(NOW, usegmt=True)


class TestAuthorization:
    def change(self, world: World, old: str, new: str) -> HttpRequest:
        request = signed(world)
        [authorization] = request.values("authorization")
        assert old in authorization
        return with_header(request, "authorization", authorization.replace(old, new))

    @pytest.mark.parametrize("spaces", ["", " ", "   "])
    def test_spaces_after_the_commas_are_free(self, world: World, spaces: str) -> None:
        assert world.send(self.change(world, ", ", "," + spaces)).status == 201

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (", ", " "),
            (", ", " , "),
            (" Credential", "  Credential"),
            ("Credential", "credential"),
            ("Signature=", "Signature=0"),
            ("Signature=", "Signature="[:-1]),
            ("aws4_request", "aws4_request/x"),
            ("x-amz-date;", "X-Amz-Date;"),
            ("x-amz-date;", "x-amz-date;x-amz-date;"),
            ("x-amz-date;", ""),
            ("content-type;", "content-type;;"),
            ("content-type;", "content-type;x-absent;"),
            ("AWS4-X509-ECDSA-SHA256", "AWS4-HMAC-SHA256"),
            ("AWS4-X509-ECDSA-SHA256", "AWS4-X509-RSA-SHA256"),
            ("AWS4-X509-ECDSA-SHA256", ""),
            (f"Credential={LEAF.certificate.serial_number}", f"Credential={LEAF.certificate.serial_number:x}"),
            (f"Credential={LEAF.certificate.serial_number}", f"Credential=0{LEAF.certificate.serial_number}"),
            (f"Credential={LEAF.certificate.serial_number}", "Credential="),
            (f"/{TODAY}/", f"/{TODAY[:-1]}\u0664/"),
        ],
    )
    def test_everything_else_is_not(self, world: World, old: str, new: str) -> None:
        assert refusal(world.send(self.change(world, old, new))) == INVALID_SIGNATURE

    @pytest.mark.parametrize(
        "arrange", [lambda names: names[::-1], lambda names: [*names, names[-1]]], ids=["out of order", "doubled"]
    )
    def test_signed_headers_are_in_order_and_once(
        self, world: World, arrange: Callable[[list[str]], list[str]]
    ) -> None:
        assert refusal(world.send(signed(world, arrange=arrange))) == INVALID_SIGNATURE

    def test_without_it_the_answer_says_so(self, world: World) -> None:
        response = world.send(with_header(signed(world), "authorization", None))
        assert refusal(response) == (403, "AccessDeniedException", "Missing Authentication Token")

    def test_it_must_be_there_once(self, world: World) -> None:
        request = signed(world)
        [authorization] = request.values("authorization")
        doubled = replace(request, headers=(*request.headers, ("Authorization", authorization)))
        assert refusal(world.send(doubled)) == INVALID_SIGNATURE

    def test_a_signature_in_the_query_is_none(self, world: World) -> None:
        target = "/sessions?X-Amz-Algorithm=AWS4-X509-ECDSA-SHA256&X-Amz-Signature=00"
        response = world.send(HttpRequest("POST", target, (("Host", "a"),), world.body()))
        assert refusal(response)[2] == "Missing Authentication Token"

    def test_the_key_decides_the_algorithm(self, world: World) -> None:
        request = sign(LEAF.private_key, LEAF.certificate, world.body(), algorithm="AWS4-X509-RSA-SHA256")  # type: ignore[arg-type]
        assert refusal(world.send(request)) == INVALID_SIGNATURE

    def test_an_ed25519_leaf_cannot_sign(self, world: World) -> None:
        leaf = CA.issue(key_type="Ed25519")
        request = sign(LEAF.private_key, leaf.certificate, world.body())  # type: ignore[arg-type]
        assert refusal(world.send(request)) == INVALID_SIGNATURE


class TestTheCertificateHeader:
    @pytest.mark.parametrize("value", ["", "AAAA", "not base64", "MIIB", "é", "AAAA,AAAA", "QUJD\n"])
    def test_what_is_no_certificate_makes_the_signature_invalid(self, world: World, value: str) -> None:
        assert refusal(world.send(with_header(signed(world), "x-amz-x509", value))) == INVALID_SIGNATURE

    def test_pem_is_not_der(self, world: World) -> None:
        pem = LEAF.certificate_pem.decode().replace("\n", "")
        assert refusal(world.send(with_header(signed(world), "x-amz-x509", pem))) == INVALID_SIGNATURE


class TestCanonicalForm:
    @pytest.mark.parametrize(
        "value", ["a  b   c", " padded ", "a,b", 'quoted  "two  spaces"', "tab\tinside", "\u00e9\u00a0latin", ""]
    )
    def test_any_header_may_be_signed(self, world: World, value: str) -> None:
        canonical = " ".join(part for part in value.split(" ") if part)
        request = signed(world, headers=[("X-Extra", canonical)])
        sent = with_header(request, "x-extra", value)
        assert world.send(sent).status == 201

    def test_duplicates_are_joined_in_their_order(self, world: World) -> None:
        request = signed(world, headers=[("X-Extra", "b"), ("x-extra", "a")])
        assert world.send(request).status == 201
        swapped = (*request.headers[:4], request.headers[5], request.headers[4], *request.headers[6:])
        assert refusal(world.send(replace(request, headers=swapped))) == INVALID_SIGNATURE
        joined = (*request.headers[:4], ("X-EXTRA", "b,a"), *request.headers[6:])
        assert world.send(replace(request, headers=joined)).status == 201

    def test_headers_that_are_not_signed_do_not_matter(self, world: World) -> None:
        request = signed(world)
        assert world.send(replace(request, headers=(("User-Agent", "x"), *request.headers))).status == 201

    @pytest.mark.parametrize(
        ("raw", "canonical"),
        [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a=10", "a=1&a=10&a=2"),
            ("a-=1&a=2", "a=2&a-=1"),
            ("a", "a="),
            ("&&a=1&", "a=1"),
            ("=v", "=v"),
            ("a=b=c", "a=b%3Dc"),
            ("a=b%3Dc", "a=b%3Dc"),
            ("a=x+y", "a=x%20y"),
            ("a=x%20y", "a=x%20y"),
            ("a=x%2By", "a=x%2By"),
            ("a=%7E~-_.", "a=~~-_."),
            ("a=%e9", "a=%E9"),
            ("a=%zz%4", "a=%25zz%254"),
            ("a=:/?@!$'()*,;", "a=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"),
            ("\u00c3\u00a9=1", "%C3%A9=1"),
        ],
    )
    def test_queries(self, raw: str, canonical: str) -> None:
        assert canonical_query(raw) == canonical.encode()

    @pytest.mark.parametrize(
        ("raw", "canonical"),
        [
            ("/sessions", "/sessions"),
            ("/", "/"),
            ("/a%20b/c", "/a%2520b/c"),
            ("//", "/"),
            ("//a//b", "/a/b"),
            ("/a/b//", "/a/b/"),
            ("/./a/./b", "/a/b"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/../", "/a/"),
            ("/a/b/..", "/a"),
            ("/a/.", "/a"),
            ("/a/../../..", "/"),
            ("/a/../../b", "/b"),
            ("/a//../b", "/b"),
            ("/...", "/..."),
            ("/%2e%2E/a", "/%252e%252E/a"),
            ("/~a.b_c-d", "/~a.b_c-d"),
        ],
    )
    def test_paths(self, raw: str, canonical: str) -> None:
        assert canonical_path(raw) == canonical.encode()

    def test_an_encoded_path_is_signed_as_it_was_sent(self, world: World) -> None:
        assert world.send(signed(world, target="/%73essions")).status == 201
        assert refusal(world.send(replace(signed(world), target="/%73essions"))) == INVALID_SIGNATURE

    @pytest.mark.parametrize("base", ["http://127.0.0.1:1", "HTTPS://127.0.0.1:1"])
    def test_the_absolute_form_is_the_same_request(self, world: World, base: str) -> None:
        assert world.send(replace(signed(world), target=f"{base}/sessions")).status == 201

    def test_the_authority_may_be_in_other_letters(self, world: World) -> None:
        request = with_header(signed(world), "host", "LocalHost:1")
        assert string_to_sign(replace(request, target="http://localhost:1/sessions"), self.authorization(request))

    @pytest.mark.parametrize(
        "authority", ["other.example.com", "127.0.0.1", "127.0.0.1:2", "", "user@127.0.0.1:1", "127.0.0.1:1@b"]
    )
    def test_the_absolute_form_of_another_host_is_another_request(self, world: World, authority: str) -> None:
        request = replace(signed(world), target=f"http://{authority}/sessions")
        assert refusal(world.send(request)) == INVALID_SIGNATURE
        with pytest.raises(MalformedSignatureError, match="host in the target"):
            string_to_sign(request, self.authorization(request))

    def authorization(self, request: HttpRequest) -> Authorization:
        [text] = request.values("authorization")
        return parse_authorization(text)

    @pytest.mark.parametrize(
        ("target", "path", "query"),
        [
            ("http://a", "/", ""),
            ("http://a?b=/sessions", "/", "b=/sessions"),
            ("http://a/sessions?b=http://c/d", "/sessions", "b=http://c/d"),
            ("/sessions?b=http://c/d", "/sessions", "b=http://c/d"),
        ],
    )
    def test_where_the_authority_ends(self, target: str, path: str, query: str) -> None:
        request = HttpRequest("POST", target)
        assert (request.raw_path, request.raw_query) == (path, query)

    @pytest.mark.parametrize("again", ["a=1&b=2", "b=2&a=%31"])
    def test_the_order_and_the_encoding_of_the_query_are_free(self, world: World, again: str) -> None:
        request = signed(world, target="/sessions?b=2&a=1")
        assert world.send(replace(request, target=f"/sessions?{again}")).status == 201
