"""The library's signer and the local service's verifier, written apart, see the same request in the same way."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rolesanywhere_signer import Identity, Request, SignedRequest, SigV4X509Signer
from rolesanywhere_signer.testing import HttpRequest
from rolesanywhere_signer.testing.sigv4 import canonical_request, parse_authorization
from rolesanywhere_signer.testing.verifier import verify_signature
from tests.emulator.signing import NOW
from tests.emulator.world import LEAF

ORIGIN = "http://127.0.0.1:1"
SIGNER = SigV4X509Signer(Identity.from_bytes(LEAF.certificate_pem, LEAF.private_key_pem), region="us-east-1")

# RFC 3986: what stands in a target as it is, and percent-encoded octets.
unreserved = st.sampled_from("abzAZ09-._~")
encoded = st.integers(0, 255).map(lambda octet: f"%{octet:02X}") | st.sampled_from(["%2f", "%c3%A9"])
texts = st.lists(unreserved | encoded | st.sampled_from("!$&'()*+,;=:@"), min_size=1, max_size=4).map("".join)
segments = texts | st.sampled_from(["", ".", "..", "...", "%2e", "%2E%2e", ".%2E"])
paths = st.lists(segments, max_size=6)
queries = st.lists(unreserved | encoded | st.sampled_from("&&==+/?:@!$'()*,;"), max_size=14).map("".join)
values = st.text(st.sampled_from("ab ,;=\"\\/()[]{}<>@:?!#$%&'*+-._~0"), max_size=12)
headers = st.lists(st.tuples(st.sampled_from(["X-One", "x-two", "X-THREE", "Accept"]), values), max_size=4)


def on_the_wire(signed: SignedRequest, body: bytes) -> HttpRequest:
    """Return what a server sees of a signed request."""
    return HttpRequest(signed.method, signed.url.removeprefix(ORIGIN), tuple(signed.headers.items()), body)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["POST", "GET", "PUT"]), paths, queries, headers, st.binary(max_size=20))
def test_any_request(method: str, path: list[str], query: str, pairs: list[tuple[str, str]], body: bytes) -> None:
    target = "/" + "/".join(path) + (f"?{query}" if query else "")
    signed = SIGNER.sign(Request(method, ORIGIN + target, pairs, body), at=NOW)
    seen = on_the_wire(signed, body)
    [authorization] = seen.values("authorization")
    ours = canonical_request(seen, parse_authorization(authorization).signed_headers)
    assert ours.decode("latin-1") == signed.canonical_request
    assert verify_signature(seen, "us-east-1", NOW) == LEAF.certificate
