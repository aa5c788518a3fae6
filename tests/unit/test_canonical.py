"""The pure functions of the signature, spelled out and beside botocore's SigV4."""

from __future__ import annotations

import hashlib
import string

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from rolesanywhere_signer import canonical

BOTOCORE = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), canonical.SERVICE, "us-east-1")


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/sessions", "/sessions"),
        ("/sessions/", "/sessions/"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/../../b", "/b"),
        ("/a/..", "/"),
        ("/a/b/../", "/a/"),
        ("/.", "/"),
        ("/a%20b", "/a%2520b"),
        ("/%C3%A9", "/%25C3%25A9"),
        ("/a%2Fb", "/a%252Fb"),
        ("/-._~", "/-._~"),
        ("/a=b&c:d@e,f;g+h!$'()*", "/a%3Db%26c%3Ad%40e%2Cf%3Bg%2Bh%21%24%27%28%29%2A"),
        ("/...", "/..."),
    ],
)
def test_paths(path: str, uri: str) -> None:
    assert canonical.canonical_path(path) == uri


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("a", "a="),
        ("a=", "a="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a=", "a=&a=1&a=2"),
        ("a=b=c", "a=b%3Dc"),
        ("a=b%3Dc", "a=b%3Dc"),
        ("a=x+y", "a=x%20y"),
        ("a=x%20y", "a=x%20y"),
        ("a=x%2By", "a=x%2By"),
        ("a=%c3%a9", "a=%C3%A9"),
        ("a=%ff", "a=%FF"),
        ("a=%7Eb", "a=~b"),
        ("arn=arn:aws:iam::1:role/x", "arn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"),
        ("a=1&&b=2&", "a=1&b=2"),
        ("=1", "=1"),
        ("a;b=1", "a%3Bb=1"),
        ("A=1&a=2&_=3&%25=4", "%25=4&A=1&_=3&a=2"),
        ("a%2Cb=1&a=1", "a=1&a%2Cb=1"),
        ("a=100%", "a=100%25"),
        ("a=%zz", "a=%25zz"),
    ],
)
def test_queries(query: str, expected: str) -> None:
    assert canonical.canonical_query(query) == expected


@pytest.mark.parametrize(("query", "expected"), [("a=é", "a=%C3%A9"), ("€=1", "%E2%82%AC=1")])
def test_a_query_beyond_ascii_is_utf_8(query: str, expected: str) -> None:
    assert canonical.canonical_query(query) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("  around \t", "around"),
        ("a  b   c", "a b c"),
        ('"a  b"', '"a b"'),
        ("a, b,c", "a, b,c"),
        ("a\tb", "a\tb"),
    ],
)
def test_header_values(value: str, expected: str) -> None:
    assert canonical.canonical_header_value(value) == expected


def test_the_hash_of_a_body() -> None:
    assert canonical.payload_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical.payload_hash(b"{}") == hashlib.sha256(b"{}").hexdigest()


def test_a_whole_request_and_what_is_signed_of_it() -> None:
    headers = [("host", "h"), ("x-amz-date", "20260102T030405Z")]
    names = canonical.signed_header_names(headers)
    request = canonical.canonical_request("POST", "/sessions", "a=1", headers, names, "hash")
    assert request == "POST\n/sessions\na=1\nhost:h\nx-amz-date:20260102T030405Z\n\nhost;x-amz-date\nhash"
    scope = canonical.credential_scope("20260102", "ap-northeast-2")
    assert scope == "20260102/ap-northeast-2/rolesanywhere/aws4_request"
    text = canonical.string_to_sign("AWS4-X509-RSA-SHA256", "20260102T030405Z", scope, request)
    digest = hashlib.sha256(request.encode()).hexdigest()
    assert text == f"AWS4-X509-RSA-SHA256\n20260102T030405Z\n{scope}\n{digest}"


def test_the_headers_that_are_not_signed() -> None:
    assert {
        "accept-encoding", "authorization", "connection", "content-length", "expect", "user-agent", "x-amzn-trace-id",
    } == canonical.UNSIGNED_HEADERS  # fmt: skip


_UNRESERVED_CODES = {f"{ord(char):02X}" for char in string.ascii_letters + string.digits + "-_.~"}

# What both agree on: everything percent-encoded as a URL has it, so that botocore need not decode.
_ENCODED = st.lists(
    st.one_of(
        st.sampled_from("abzAZ019-_.~"),
        st.integers(0, 255).map(lambda byte: f"%{byte:02X}").filter(lambda code: code[1:] not in _UNRESERVED_CODES),
    ),
    max_size=8,
).map("".join)
_PATHS = st.lists(st.one_of(_ENCODED, st.sampled_from(["", ".", ".."])), max_size=6).map(
    lambda parts: "/" + "/".join(parts)
)
_QUERIES = st.lists(st.tuples(_ENCODED, _ENCODED), max_size=5).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)


@given(path=_PATHS)
def test_paths_beside_botocore(path: str) -> None:
    assert canonical.canonical_path(path) == BOTOCORE._normalize_url_path(path)


@given(query=_QUERIES)
def test_queries_beside_botocore(query: str) -> None:
    request = AWSRequest("GET", f"https://h/?{query}")
    assert canonical.canonical_query(query) == BOTOCORE.canonical_query_string(request)


@given(value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30))
def test_header_values_beside_botocore(value: str) -> None:
    assert canonical.canonical_header_value(value) == BOTOCORE._header_value(value)
