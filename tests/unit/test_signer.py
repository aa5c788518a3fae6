"""Signatures of any request; every one is verified from the form in which it travels."""

from __future__ import annotations

import copy
import pickle
import traceback
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from rolesanywhere_signer import ConfigurationError, Identity, Request, SignedRequest, SigV4X509Signer
from rolesanywhere_signer.canonical import UNSIGNED_HEADERS
from rolesanywhere_signer.certificates import der_base64

from .pki import chain, issue, key_pem
from .wire import Received, verify

REGION = "ap-northeast-2"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
LEAF, SECOND, FIRST, ROOT = chain()
SIGNER = SigV4X509Signer(Identity.from_bytes(LEAF.pem, LEAF.key_pem), REGION)


def sign(method: str = "POST", url: str = "https://host/", headers: Any = (), body: Any = None) -> SignedRequest:
    return SIGNER.sign(Request(method, url, headers, body), at=AT)


def on_the_wire(signed: SignedRequest) -> Received:
    """The request as ``requests`` sends it when all of it is handed over as signed."""
    prepared = requests.Request(signed.method, signed.url, signed.headers, data=signed.body).prepare()
    headers = tuple((str(name), str(value)) for name, value in prepared.headers.items())
    return Received(str(prepared.method), prepared.path_url, headers, prepared.body or b"")  # type: ignore[arg-type]


def verified(signed: SignedRequest) -> str:
    """Verify, and return the canonical request that the verifier found."""
    found = verify(on_the_wire(signed), LEAF.certificate, REGION)
    assert found == signed.canonical_request
    return found


def refused(*arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        Request(*arguments)
    return "".join(traceback.format_exception(raised.value))


URLS = [
    ("https://host", "/", "", "host"),
    ("https://host/", "/", "", "host"),
    ("https://host?a=1", "/", "a=1", "host"),
    ("https://host/sessions", "/sessions", "", "host"),
    ("https://host/sessions/", "/sessions/", "", "host"),
    ("https://host/a b", "/a%2520b", "", "host"),
    ("https://host/a%20b", "/a%2520b", "", "host"),
    ("https://host/caf\u00e9", "/caf%25C3%25A9", "", "host"),
    ("https://host/caf%c3%a9", "/caf%25C3%25A9", "", "host"),
    ("https://host/\ud55c\uad6d?\ud0a4=\uac12", "/%25ED%2595%259C%25EA%25B5%25AD", "%ED%82%A4=%EA%B0%92", "host"),
    ("https://host/%41%7e", "/A~", "", "host"),
    ("https://host/100%", "/100%2525", "", "host"),
    ("https://host/[x]", "/%255Bx%255D", "", "host"),
    ("https://host/a%2Fb", "/a%252Fb", "", "host"),
    ("https://host/a//b", "/a/b", "", "host"),
    ("https://host//a", "/a", "", "host"),
    ("https://host/a/./b/../c", "/a/c", "", "host"),
    ("https://host/../a", "/a", "", "host"),
    ("https://host/%2e%2e/a", "/a", "", "host"),
    ("https://host/a;b=c,d", "/a%3Bb%3Dc%2Cd", "", "host"),
    ("https://host/?b=2&a=1&a=0", "/", "a=0&a=1&b=2", "host"),
    ("https://host/?a=&b&c", "/", "a=&b=&c=", "host"),
    ("https://host/?a=x+y&b=x%2By", "/", "a=x%20y&b=x%2By", "host"),
    ("https://host/?a=b=c", "/", "a=b%3Dc", "host"),
    ("https://host/?a=b c", "/", "a=b%20c", "host"),
    ("https://host/?arn=arn:aws:iam::1:role/x", "/", "arn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx", "host"),
    ("https://host/?a=[1]|2", "/", "a=%5B1%5D%7C2", "host"),
    ("https://host/?", "/", "", "host"),
    ("https://host/#fragment", "/", "", "host"),
    ("https://HOST.Example/", "/", "", "host.example"),
    ("HTTPS://host/", "/", "", "host"),
    ("https://host:443/", "/", "", "host"),
    ("http://host:80/", "/", "", "host"),
    ("https://host:80/", "/", "", "host:80"),
    ("http://host:443/", "/", "", "host:443"),
    ("https://host:8443/", "/", "", "host:8443"),
    ("https://[2001:DB8::1]/", "/", "", "[2001:db8::1]"),
    ("http://[::1]:8080/", "/", "", "[::1]:8080"),
    ("http://[::1]:80/", "/", "", "[::1]"),
    ("https://b\u00fccher.example/", "/", "", "xn--bcher-kva.example"),
]


@pytest.mark.parametrize(("url", "path", "query", "host"), URLS, ids=[case[0] for case in URLS])
def test_urls(url: str, path: str, query: str, host: str) -> None:
    signed = sign("GET", url)
    lines = verified(signed).split("\n")
    assert lines[:4] == ["GET", path, query, f"host:{host}"]
    assert signed.headers["Host"] == host


@pytest.mark.parametrize("url", [case[0] for case in URLS])
def test_http_libraries_change_nothing_that_counts_in_the_signed_url(url: str) -> None:
    signed = sign("GET", url)
    assert sign("GET", signed.url).canonical_request == signed.canonical_request
    assert signed.url.isascii()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "M-SEARCH", "x'y"])
def test_methods(method: str) -> None:
    assert verified(sign(method)).startswith(method.upper() + "\n")


def test_a_method_is_sent_in_upper_case() -> None:
    assert sign("post").method == "POST"


@pytest.mark.parametrize(
    "body", [None, "", b"", "text", b"\x00\xff" * 5000, bytearray(b"array"), '{"a": "\u00e9\ud55c"}']
)
def test_bodies(body: Any) -> None:
    signed = sign(body=body)
    verified(signed)
    expected = b"" if body is None else body.encode() if isinstance(body, str) else bytes(body)
    assert signed.body == expected


class TestHeaders:
    def test_all_are_signed_but_the_ones_that_travel_badly(self) -> None:
        headers = {name.title(): "value" for name in UNSIGNED_HEADERS} | {
            "Content-Type": "text/plain",
            "X-Own": "1",
            "accept": "*",
        }
        signed = sign(headers=headers)
        names = verified(signed).split("\n")[-2]
        assert names == "accept;content-type;host;x-amz-date;x-amz-x509;x-own"
        assert {name for name in headers if signed.headers[name] == headers[name]} == set(headers) - {"Authorization"}

    def test_values_are_canonical_in_the_signature_and_sent_as_given(self) -> None:
        signed = sign(headers={"x-spaces": "a  b   c", "x-tab": "a\tb"})
        assert "\nx-spaces:a b c\nx-tab:a\tb\n" in verified(signed)
        assert signed.headers["x-spaces"] == "a  b   c"

    def test_a_name_given_twice_is_sent_and_signed_as_one(self) -> None:
        signed = sign(headers=[("X-List", "b"), ("x-list", "a"), ("X-LIST", "c")])
        assert "\nx-list:b,a,c\n" in verified(signed)
        assert [(name, value) for name, value in signed.headers.items() if name.lower() == "x-list"] == [
            ("X-List", "b,a,c")
        ]

    @pytest.mark.parametrize("given", ["other.example", "OTHER.example:443"])
    def test_a_host_given_by_the_caller_is_the_one_sent_and_signed(self, given: str) -> None:
        signed = sign(headers={"HOST": given})
        assert f"\nhost:{given}\n" in verified(signed)
        assert [value for name, value in signed.headers.items() if name.lower() == "host"] == [given]

    def test_an_old_signature_is_replaced(self) -> None:
        once = sign(headers={"X-Own": "1"})
        twice = SIGNER.sign(Request(once.method, once.url, once.headers, once.body), at=AT + timedelta(minutes=1))
        assert list(map(str.lower, twice.headers)) == list(map(str.lower, dict.fromkeys(map(str.lower, twice.headers))))
        assert twice.headers["X-Amz-Date"] == "20260102T030505Z"
        verified(twice)

    @pytest.mark.parametrize(
        "headers",
        [{"X-Own": "1"}, [("X-Own", "1")], (("X-Own", "1"),), MappingProxyType({"X-Own": "1"}), iter([("X-Own", "1")])],
    )
    def test_a_mapping_or_pairs(self, headers: Any) -> None:
        assert sign(headers=headers).headers["X-Own"] == "1"


class TestWhatCannotBeSent:
    @pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "GÉT", None, b"GET", "GET:"])
    def test_methods(self, method: Any) -> None:
        assert "HTTP method" in refused(method, "https://host/")

    @pytest.mark.parametrize(
        "url",
        ["", "host", "/path", "//host/", "ftp://host/", "https://", "https:///path", "https://host:99999/",
         "https://host:0",
         "https://host:x/", "https://[::1/", "mailto:a@b", None, b"https://host/", 7, "https://.host/",
         "https://ho st/"],
    )  # fmt: skip
    def test_urls(self, url: Any) -> None:
        assert "URL" in refused("GET", url)

    def test_port_0(self) -> None:
        assert "URL" in refused("GET", "https://host:0/")

    @pytest.mark.parametrize(
        "url",
        ["https://user:planted@host/", "https://planted@host/", "https://:planted@host:1/?a=%",
         "https://a:planted@[::1", "https://a:planted@h:0/",
         "https://a:planted@\u2100host/",
         "https://a:planted"],
    )  # fmt: skip
    def test_a_password_in_the_url_is_not_shown(self, url: str) -> None:
        assert "planted" not in refused("GET", url)

    @pytest.mark.parametrize(
        "value", ["planted\r\nX-Evil: 1", "planted\n", "planted\x00", "planted\u00e9", b"planted", None, 7]
    )
    def test_header_values_are_not_shown(self, value: Any) -> None:
        shown = refused("GET", "https://host/", {"X-Own": value})
        assert "X-Own" in shown
        assert "planted" not in shown

    @pytest.mark.parametrize("name", ["", "X Own", "X-Own:", "X-Öwn", "X\r\n", b"X-Own", None])
    def test_header_names(self, name: Any) -> None:
        assert "name of a header" in refused("GET", "https://host/", [(name, "value")])

    @pytest.mark.parametrize("headers", [None, 7, "X-Own", ["X-Own"], [("a", "b", "c")], [("a",)], [1]])
    def test_what_are_no_headers(self, headers: Any) -> None:
        assert "headers must be" in refused("GET", "https://host/", headers)

    def test_two_hosts(self) -> None:
        assert "Host" in refused("GET", "https://host/", [("Host", "a"), ("host", "b")])

    @pytest.mark.parametrize("body", [7, {"a": 1}, ["a"], iter(b"a"), object(), "planted\ud800"])
    def test_bodies_are_not_shown(self, body: Any) -> None:
        shown = refused("GET", "https://host/", {}, body)
        assert "body" in shown
        assert "planted" not in shown


class TestTheRequestIsNeverChanged:
    def test_by_signing(self) -> None:
        headers, body = {"X-Own": "1", "X-Amz-Date": "old"}, bytearray(b"body")
        request = Request("post", "https://HOST/a b", headers, body)  # type: ignore[arg-type]
        before = (request.method, request.url, copy.deepcopy(request.headers), request.body)
        SIGNER.sign(request, at=AT)
        assert (request.method, request.url, request.headers, request.body) == before
        assert headers == {"X-Own": "1", "X-Amz-Date": "old"}

    def test_and_it_does_not_follow_what_it_was_made_of(self) -> None:
        headers, body = {"X-Own": "1"}, bytearray(b"body")
        request = Request("POST", "https://host/", headers, body)  # type: ignore[arg-type]
        headers["X-Own"], body[:] = "2", b"other"
        signed = SIGNER.sign(request, at=AT)
        assert (signed.headers["X-Own"], signed.body) == ("1", b"body")

    def test_signing_twice_gives_the_same_but_for_the_random_part_of_ecdsa(self) -> None:
        request = Request("POST", "https://host/", {"X-Own": "1"}, "body")
        first, second = SIGNER.sign(request, at=AT), SIGNER.sign(request, at=AT)
        assert first.string_to_sign == second.string_to_sign
        assert first.headers is not second.headers


class TestTime:
    def test_at_decides_in_whatever_zone(self) -> None:
        east = AT.astimezone(timezone(timedelta(hours=9)))
        signed = SIGNER.sign(Request("GET", "https://host/"), at=east)
        assert signed.headers["X-Amz-Date"] == "20260102T030405Z"
        assert "/20260102/ap-northeast-2/rolesanywhere/aws4_request" in signed.headers["Authorization"]

    def test_else_the_clock_that_was_given(self) -> None:
        signer = SigV4X509Signer(SIGNER.identity, REGION, clock=lambda: AT)
        assert signer.sign(Request("GET", "https://host/")).headers["X-Amz-Date"] == "20260102T030405Z"

    def test_else_the_clock_of_this_machine(self) -> None:
        before = datetime.now(timezone.utc).replace(microsecond=0)
        text = SIGNER.sign(Request("GET", "https://host/")).headers["X-Amz-Date"]
        signed_at = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        assert before <= signed_at <= datetime.now(timezone.utc)

    @pytest.mark.parametrize("at", [datetime(2026, 1, 1), "20260101T000000Z", 0])  # noqa: DTZ001 - naive on purpose
    def test_a_time_that_nobody_can_place_is_refused(self, at: Any) -> None:
        with pytest.raises(ConfigurationError, match="time of the signature"):
            SIGNER.sign(Request("GET", "https://host/"), at=at)
        with pytest.raises(ConfigurationError, match="time of the signature"):
            SigV4X509Signer(SIGNER.identity, REGION, clock=lambda: at).sign(Request("GET", "https://host/"))


class TestWhoSigns:
    @pytest.mark.parametrize(
        ("leaf_kind", "ca_kind", "digest", "algorithm"),
        [
            ("P-256", "P-384", hashes.SHA384(), "AWS4-X509-ECDSA-SHA256"),
            ("P-256", "P-256", hashes.SHA512(), "AWS4-X509-ECDSA-SHA256"),
            ("P-384", "Ed25519", None, "AWS4-X509-ECDSA-SHA256"),
            ("P-521", "RSA-2048", hashes.SHA384(), "AWS4-X509-ECDSA-SHA256"),
            ("RSA-2048", "P-256", hashes.SHA256(), "AWS4-X509-RSA-SHA256"),
            ("RSA-2048", "Ed25519", None, "AWS4-X509-RSA-SHA256"),
            ("RSA-2048", "RSA-2048", hashes.SHA512(), "AWS4-X509-RSA-SHA256"),
        ],
    )
    def test_the_algorithm_comes_from_the_key_alone(
        self, leaf_kind: str, ca_kind: str, digest: Any, algorithm: str
    ) -> None:
        ca = issue("ca", kind=ca_kind, ca=True, digest=None if ca_kind == "Ed25519" else hashes.SHA256())
        leaf = issue("client", kind=leaf_kind, issuer=ca, digest=digest)
        signer = SigV4X509Signer(Identity.from_bytes(leaf.pem, leaf.key_pem), REGION)
        signed = signer.sign(Request("POST", "https://host/sessions", body="{}"), at=AT)
        assert signed.headers["Authorization"].startswith(algorithm + " ")
        assert signed.string_to_sign.startswith(algorithm + "\n")
        verify(on_the_wire(signed), leaf.certificate, REGION)

    @pytest.mark.parametrize("serial_number", [1, 291, 2**64, 2**159 - 1])
    def test_the_serial_number_is_decimal(self, serial_number: int) -> None:
        leaf = issue("client", serial_number=serial_number)
        signed = SigV4X509Signer(Identity.from_bytes(leaf.pem, leaf.key_pem), REGION).sign(
            Request("GET", "https://host/")
        )
        assert f" Credential={serial_number}/" in signed.headers["Authorization"]

    @pytest.mark.parametrize("order", [(SECOND, FIRST), (FIRST, SECOND), (SECOND, FIRST, ROOT), (SECOND, SECOND)])
    def test_the_chain_goes_along_signed_in_the_given_order(self, order: tuple[Any, ...]) -> None:
        identity = Identity.from_bytes(LEAF.pem, LEAF.key_pem, b"".join(issued.pem for issued in order))
        signed = SigV4X509Signer(identity, REGION).sign(Request("GET", "https://host/"), at=AT)
        assert "host;x-amz-date;x-amz-x509;x-amz-x509-chain" in verified(signed)
        assert signed.headers["X-Amz-X509-Chain"] == ",".join(der_base64(issued.certificate) for issued in order)

    def test_without_intermediates_there_is_no_chain_header(self) -> None:
        assert "X-Amz-X509-Chain" not in sign().headers

    @pytest.mark.parametrize("region", ["", "us-east-1-fips", "US-EAST-1", None])
    def test_the_region_is_checked(self, region: Any) -> None:
        with pytest.raises(ConfigurationError, match="region"):
            SigV4X509Signer(SIGNER.identity, region)


class TestTheVerifierOfTheseTests:
    """It would be worth nothing if it took everything."""

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("method", "PUT"),
            ("target", "/other"),
            ("target", "/sessions?b=1"),
            ("body", b"{} "),
            ("headers", (("x-own", "2"),)),
            ("headers", (("x-amz-date", "20260102T030406Z"),)),
        ],
    )
    def test_it_refuses_any_change(self, field: str, value: Any) -> None:
        signed = sign("POST", "https://host/sessions?a=1", {"x-own": "1"}, "{}")
        received = on_the_wire(signed)
        if field == "headers":
            ((name, _),) = value
            value = tuple(pair for pair in received.headers if pair[0].lower() != name) + value
        verify(received, LEAF.certificate, REGION)
        changed = Received(**{**vars(received), field: value})
        with pytest.raises(InvalidSignature):
            verify(changed, LEAF.certificate, REGION)


BOTOCORE_CASES = [
    ("GET", "https://host.example/", {}, b""),
    (
        "POST",
        "https://host.example/sessions?profileArn=arn%3Aaws&roleArn=x",
        {"Content-Type": "application/json"},
        b"{}",
    ),
    ("PUT", "http://127.0.0.1:9911/a/../b//c%20d/", {"X-Own": " a   b "}, b"body"),
    ("DELETE", "https://host.example:443/?b=2&a=1&a=0&c=", {"x-b": "2", "X-A": "1"}, b""),
    ("GET", "https://[::1]:8443/%C3%A9?k=%C3%A9", {"User-Agent": "own", "Expect": "x", "X-Amzn-Trace-Id": "y"}, b""),
]


@pytest.mark.parametrize(("method", "url", "headers", "body"), BOTOCORE_CASES, ids=[case[1] for case in BOTOCORE_CASES])
def test_the_canonical_request_beside_botocore_s_sigv4(
    method: str, url: str, headers: dict[str, str], body: bytes
) -> None:
    signed = sign(method, url, headers, body)
    theirs = AWSRequest(method, signed.url, {**signed.headers, **headers}, body)
    del theirs.headers["Authorization"]
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "rolesanywhere", REGION)
    assert signed.canonical_request == auth.canonical_request(theirs)


def test_nothing_secret_is_shown() -> None:
    request = Request("POST", "https://host/", {"X-Token": "planted"}, "planted")
    signed = SIGNER.sign(request, at=AT)
    assert "planted" not in f"{request!r}{request}{signed!r}{signed}{SIGNER!r}"
    assert signed.headers["Authorization"] not in repr(signed)
    assert key_pem(LEAF.private_key).splitlines()[1].decode() not in repr(vars(SIGNER))


def test_the_canonical_request_has_the_path_that_is_sent() -> None:
    signed = sign("GET", "https://host/x/%7Ey")
    assert urlsplit(signed.url).path == "/x/~y"


def test_a_request_survives_pickle() -> None:
    request = Request("POST", "https://host/", {"X-Own": "1"}, "body")
    assert pickle.loads(pickle.dumps(request)) == request


def test_nor_by_tools_that_show_what_an_object_holds() -> None:
    request = Request("POST", "https://host/", body="planted")
    held = [value for name, value in vars(request).items() if name not in Request.__match_args__]
    assert "planted" not in repr(held)
