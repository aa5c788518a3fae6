"""Whatever comes in: a result, or one of the library's own errors.

Each input is drawn in two ways: anything at all, and something valid with a few changes, which gets further.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
import requests
import urllib3
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from rolesanywhere_signer import (
    Credentials,
    Identity,
    Request,
    RolesAnywhereError,
    Settings,
    SigV4X509Signer,
)
from rolesanywhere_signer.answers import answer_date, is_invalid_signature, parse_answer
from rolesanywhere_signer.arn import Arn, check_region, parse_profile_arn, parse_role_arn, parse_trust_anchor_arn
from rolesanywhere_signer.certificates import choose_leaf, name_text, parse_certificates
from rolesanywhere_signer.clock import require_aware
from rolesanywhere_signer.endpoints import is_loopback, service_url
from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.pem import PemError, parse_blocks
from rolesanywhere_signer.transport import Answer

from .pki import chain, issue, key, key_der, key_pem
from .wire import Received, verify

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LEAF, SECOND, FIRST, _ROOT = chain()
RSA = issue("rsa", kind="RSA-2048")
SIGNER = SigV4X509Signer(Identity.from_bytes(LEAF.pem + SECOND.pem, LEAF.key_pem), "us-east-1")
ENCRYPTED = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))

CERTIFICATES = [LEAF.pem, LEAF.der, RSA.der, LEAF.pem + SECOND.pem + FIRST.pem, LEAF.pem + LEAF.key_pem]
KEYS = [
    key_pem(key()),
    key_der(key("P-384")),
    key_pem(key(), PrivateFormat.TraditionalOpenSSL),
    key_der(key(), PrivateFormat.TraditionalOpenSSL),
    key_der(key("RSA-2048"), PrivateFormat.TraditionalOpenSSL),
    key_pem(key("Ed25519")),
    ENCRYPTED,
]


# Loading takes milliseconds when a key is checked or decrypted, and machines differ.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def changed(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """Something valid with bytes replaced, inserted, left out, doubled or cut off."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 1, 2, 8, 100])))
        kind = draw(st.sampled_from(["replace", "replace", "remove", "insert", "double", "cut"]))
        if kind == "replace":
            data[start:end] = draw(st.binary(min_size=end - start, max_size=end - start))
        elif kind == "remove":
            del data[start:end]
        elif kind == "insert":
            data[start:start] = draw(st.one_of(st.binary(max_size=10), st.sampled_from(_PEM_LINES)))
        elif kind == "double":
            data[start:start] = data[start:end]
        else:
            del data[start:]
    return bytes(data)


_PEM_LINES = [
    b"-----BEGIN ", b"-----", b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n",
    b"\n-----BEGIN PRIVATE KEY-----\n",
    b"-----END PRIVATE KEY-----\n", b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", b"\xef\xbb\xbf", b"\r",
    b"=", b":",
]  # fmt: skip

any_certificates = st.one_of(st.binary(max_size=200), changed(CERTIFICATES), changed(KEYS))
any_keys = st.one_of(st.binary(max_size=200), changed(KEYS), changed(CERTIFICATES))


def result_of(call: Callable[[], Any]) -> Any:
    """The result, or None for one of our errors; every other exception fails the test."""
    try:
        return call()
    except RolesAnywhereError as error:
        assert error.message
        return None


@given(data=st.one_of(st.binary(), changed(CERTIFICATES + KEYS)))
def test_pem_blocks(data: bytes) -> None:
    try:
        for block in parse_blocks(data):
            assert block.text.startswith(b"-----BEGIN ")
            assert block.der is not None
    except PemError as error:
        assert str(error)


@patient
@given(data=any_certificates)
def test_certificates(data: bytes) -> None:
    certificates = result_of(lambda: parse_certificates(data))
    if certificates is not None:
        assert 0 <= choose_leaf(certificates) < len(certificates)
        assert all(name_text(certificate.subject).isprintable() for certificate in certificates)


@patient
@given(data=any_keys, passphrase=st.one_of(st.none(), st.sampled_from(["secret", b"secret"]), st.text(), st.binary()))
def test_private_keys(data: bytes, passphrase: str | bytes | None) -> None:
    loaded = result_of(lambda: parse_private_key(data, passphrase))
    if loaded is not None:
        assert loaded.sign(b"data")


@patient
@given(certificate=any_certificates, private_key=st.none() | any_keys, intermediates=st.none() | any_certificates)
def test_identities(certificate: bytes, private_key: bytes | None, intermediates: bytes | None) -> None:
    identity = result_of(lambda: Identity.from_bytes(certificate, private_key, intermediates))
    if identity is not None:
        loaded = identity.current
        assert loaded.certificate.public_key() == loaded.key.public_key
        assert (loaded.chain_header is None) == (loaded.chain == ())


@patient
@given(certificate=changed([LEAF.pem + SECOND.pem]), private_key=changed([LEAF.key_pem]))
def test_a_damaged_renewal_never_takes_the_good_pair_away(
    tmp_path_factory: pytest.TempPathFactory, certificate: bytes, private_key: bytes
) -> None:
    logging.getLogger("rolesanywhere_signer").setLevel(logging.CRITICAL)
    directory = tmp_path_factory.mktemp("pair")
    paths = directory / "c.pem", directory / "k.pem"
    for path, content in zip(paths, (LEAF.pem, LEAF.key_pem), strict=True):
        path.write_bytes(content)
    identity = Identity.from_files(*paths)
    for path, content in zip(paths, (certificate, private_key), strict=True):
        path.write_bytes(content)
    loaded = identity.load()
    assert loaded.certificate.public_key() == loaded.key.public_key


def changed_text(*originals: str) -> st.SearchStrategy[str]:
    return changed([text.encode() for text in originals]).map(lambda data: data.decode("utf-8", "surrogateescape"))


ANCHOR = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:trust-anchor/0a1b2c3d"
PROFILE = "arn:aws:rolesanywhere:ap-northeast-2:123456789012:profile/4e5f6a7b"
ROLE = "arn:aws:iam::123456789012:role/path/s3-reader"
any_arn = st.one_of(st.text(), changed_text(ANCHOR, PROFILE, ROLE))
anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20),
    st.lists(st.text(max_size=5), max_size=2), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)  # fmt: skip


@given(text=any_arn)
@pytest.mark.parametrize("parse", [parse_trust_anchor_arn, parse_profile_arn, parse_role_arn])
def test_arns(parse: Callable[[str], Arn], text: str) -> None:
    arn = result_of(lambda: parse(text))
    assert arn is None or str(arn) == text


@given(
    region=st.one_of(st.text(), changed_text("us-gov-west-1", "fips-us-east-1")),
    fips=st.booleans(),
    dualstack=st.booleans(),
)
def test_regions(region: str, *, fips: bool, dualstack: bool) -> None:
    url = result_of(lambda: service_url(region, fips=fips, dualstack=dualstack))
    assert url is None or url.startswith(f"https://rolesanywhere{'-fips' if fips else ''}.{region}.")
    assert (url is None) == (result_of(lambda: check_region(region)) is None)


endpoint_urls = st.one_of(
    st.text(),
    st.text("/\\\\@:.#?[]1ah", max_size=20).map(lambda text: "http://" + text),
    st.text("/\\\\@:.#?[]1ah", max_size=20).map(lambda text: "http://127.0.0.1" + text),
    changed_text("https://host.example:8443/prefix", "http://127.0.0.1:9911", "http://[::1]:1/", "http://localhost"),
)


@given(url=endpoint_urls)
def test_plain_http_never_leaves_this_machine(url: str) -> None:
    base = result_of(lambda: service_url("us-east-1", endpoint_url=url))
    made = None if base is None else result_of(lambda: Request("POST", base + "/sessions"))
    if made is not None:
        sent_to = urllib3.util.parse_url(SIGNER.sign(made, at=NOW).url)
        assert sent_to.scheme == "https" or is_loopback((sent_to.host or "").strip("[]"))


_FIELDS = [name for name in Settings.__dataclass_fields__ if not name.endswith("_arn")]


@given(arns=st.tuples(*[st.just(arn) | changed_text(arn) for arn in (ANCHOR, PROFILE, ROLE)]),
       options=st.dictionaries(st.sampled_from(_FIELDS), anything, max_size=3))  # fmt: skip
def test_settings(arns: tuple[str, str, str], options: dict[str, Any]) -> None:
    made = result_of(lambda: Settings(*arns, **options))
    if made is not None:
        assert made.url
        assert hash(made) == hash(made)
        assert repr(made)


@given(arguments=st.tuples(anything, anything, anything))
def test_settings_of_anything(arguments: tuple[Any, Any, Any]) -> None:
    assert result_of(lambda: Settings(*arguments)) is None


@given(moment=st.one_of(st.datetimes(), st.datetimes(timezones=st.timezones()), anything))
def test_times(moment: Any) -> None:
    aware = result_of(lambda: require_aware(moment, "at"))
    assert aware is None or aware.utcoffset() == timedelta(0)


def test_times_at_the_ends_of_the_calendar() -> None:
    for hours in (-23, 0, 23):
        zone = timezone(timedelta(hours=hours))
        for moment in (datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)):
            result_of(partial(require_aware, moment, "at"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
SUCCESS = {
    "credentialSet": [
        {
            "assumedRoleUser": {"arn": "arn:aws:sts::123456789012:assumed-role/r/1", "assumedRoleId": "AROA:1"},
            "credentials": {
                "accessKeyId": "ASIA",
                "expiration": "2026-01-01T01:00:00Z",
                "secretAccessKey": "secret",
                "sessionToken": "token",
            },
            "packedPolicySize": 46,
            "roleArn": "arn:aws:iam::123456789012:role/r",
            "sourceIdentity": "CN=app",
        }
    ],
    "subjectArn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/1",
}


@st.composite
def changed_json(draw: st.DrawFn) -> bytes:
    """The success, one member at some depth replaced by anything or left out."""
    body = json.loads(json.dumps(SUCCESS))
    place: Any = body
    while isinstance(place, (dict, list)) and place:
        step = draw(st.sampled_from(sorted(place))) if isinstance(place, dict) else 0
        if draw(st.integers(0, 2)) == 0 or not isinstance(place[step], (dict, list)):
            place[step] = draw(json_values)
            break
        place = place[step]
    return json.dumps(body).encode()


any_headers = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "x-amzn-ErrorType", "x-amzn-RequestId", "Content-Type", "Location"]),
    st.one_of(
        st.text(st.characters(max_codepoint=0xFF), max_size=40),
        changed_text("Thu, 01 Jan 2026 12:00:00 GMT", "AccessDeniedException:http://x/", "120").map(
            lambda text: text.encode("utf-8", "surrogateescape").decode("latin-1")
        ),
    ),
).map(CaseInsensitiveDict)
any_body = st.one_of(
    st.binary(max_size=100),
    changed_json(),
    changed([json.dumps(SUCCESS).encode(), b'{"message": "Invalid signature", "__type": "a#B:c"}']),
    st.dictionaries(st.sampled_from(["message", "Message", "code", "__type"]), json_values).map(
        lambda body: json.dumps(body).encode()
    ),
)


@given(status=st.sampled_from([200, 201]) | st.integers(0, 999), headers=any_headers, body=any_body)
def test_answers(status: int, headers: Any, body: bytes) -> None:
    answer = Answer(status, headers, body)
    moment = answer_date(answer)
    assert moment is None or moment.utcoffset() == timedelta(0)
    assert is_invalid_signature(answer) in (True, False)
    credentials = result_of(lambda: parse_answer(answer, NOW))
    assert credentials is None or (isinstance(credentials, Credentials) and credentials.expiration > NOW)


any_url = st.one_of(
    st.text(),
    st.text(max_size=30).map(lambda text: "https://host/" + text),
    st.text(st.characters(max_codepoint=0x7E), max_size=30).map(lambda text: "https://host/" + text),
    st.text("%/.?&=+#[]@:;~aA0cCeE2 ", max_size=30).map(lambda text: "http://host:8080" + text),
    changed_text(
        "https://user:word@host.example:443/a%20b/../c//d?b=2&a=%C3%A9&a=+#f",
        "http://[::1]:80/?",
        "https://b\u00fccher.de/",
    ),
)
any_header_pairs = st.one_of(
    anything,
    st.lists(st.tuples(anything, anything), max_size=3),
    st.lists(
        st.tuples(
            st.text("abX-_.!", min_size=1, max_size=5),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
        ),
        max_size=4,
    ),
    st.dictionaries(
        st.sampled_from(["Host", "Accept", "X-Amz-Date", "authorization", "User-Agent"]), st.text("ab 1:", max_size=8)
    ),
)


def sendable(made: Request) -> bool:
    """Whether ``requests`` takes the headers as they are: it refuses a space before a value, which we sign trimmed."""
    pairs = made.headers.items() if isinstance(made.headers, dict) else made.headers
    return all(value == value.strip() for _, value in pairs)


@patient
@given(method=st.one_of(anything, st.sampled_from(["GET", "post", "M-SEARCH"])), url=any_url, headers=any_header_pairs,
       body=st.one_of(anything, st.text(st.characters(exclude_categories=[]))))  # fmt: skip
def test_requests(method: Any, url: str, headers: Any, body: Any) -> None:
    made = result_of(lambda: Request(method, url, headers, body))
    if made is None:
        return
    signed = SIGNER.sign(made, at=NOW)
    assert signed.canonical_request.isascii()
    if sendable(made):
        _verify_as_requests_sends_it(signed)


@patient
@given(url=any_url, query=st.text(max_size=10))
def test_urls_travel_as_they_were_signed(url: str, query: str) -> None:
    for full in (url, f"https://host/p?{query}"):
        made = result_of(lambda: Request("GET", full))  # noqa: B023
        if made is not None:
            _verify_as_requests_sends_it(SIGNER.sign(made, at=NOW))


def _verify_as_requests_sends_it(signed: Any) -> None:
    prepared = requests.Request(signed.method, signed.url, signed.headers, data=signed.body).prepare()
    headers = tuple((str(name), str(value)) for name, value in prepared.headers.items())
    received = Received(str(prepared.method), prepared.path_url, headers, prepared.body or b"")  # type: ignore[arg-type]
    assert verify(received, LEAF.certificate, "us-east-1") == signed.canonical_request
