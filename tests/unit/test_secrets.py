"""Planted secrets appear in no log record, repr, error, traceback, pickle of an error, or output."""

from __future__ import annotations

import json
import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer import client as client_module
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.errors import (
    AccessDeniedError,
    ConfigurationError,
    KeyMismatchError,
    PassphraseError,
    PrivateKeyError,
    ResponseError,
    RolesAnywhereError,
    TransportError,
)
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.keys import load_private_key
from rolesanywhere_signer.provider import RolesAnywhereProvider
from rolesanywhere_signer.signer import Request, SigV4X509Signer
from rolesanywhere_signer.validation import validate_certificate
from tests.support.answers import created, refused, session_body
from tests.support.arns import REGION, make_settings
from tests.support.refreshing import settle
from tests.support.secrets import (
    BEARER,
    PASSPHRASE,
    PROXY_BASIC,
    PROXY_PASSWORD,
    SECRET_KEY,
    SESSION_TOKEN,
    Exposure,
    encrypted_pem,
    key_secrets,
    watching,
)
from tests.support.servers import ConnectProxy, http, raw_server, unused_port
from tests.support.tls import ca_pem, server_context
from tests.unit import pki

LEAF = pki.issue("app", issuer=pki.issue("root", ca=True))
SECRETS = [PASSPHRASE, SECRET_KEY, SESSION_TOKEN, PROXY_PASSWORD, PROXY_BASIC, BEARER, *key_secrets(LEAF)]


@pytest.fixture
def exposure(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Exposure]:
    """Watch the test, and fail it at its end if a secret was seen."""
    monkeypatch.setattr(client_module, "sleep", lambda _seconds: None)
    with watching(capfd) as exposure:
        yield exposure
    assert exposure.shown
    assert exposure.leaks(SECRETS) == []


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return the paths of the certificate and of the encrypted key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(LEAF.pem)
    key.touch(mode=0o600)
    key.write_bytes(encrypted_pem(LEAF))
    return certificate, key


def identity() -> Identity:
    return Identity.from_bytes(LEAF.pem, encrypted_pem(LEAF), passphrase=PASSPHRASE)


def client_of(url: str, **others: object) -> RolesAnywhereClient:
    return RolesAnywhereClient(make_settings(url, **others), identity())


def now() -> datetime:
    return datetime.now(timezone.utc)


# --- the watch itself ---------------------------------------------------------------------------------------------


def log_it(_exposure: Exposure) -> None:
    logging.getLogger("urllib3.somewhere").debug("sending %s", SECRET_KEY)


def log_it_as_an_argument_that_is_not_shown(_exposure: Exposure) -> None:
    logging.getLogger("x").debug("sending %.3s", SECRET_KEY)


def print_it(_exposure: Exposure) -> None:
    print(SECRET_KEY, file=sys.stderr)  # noqa: T201


def show_it(exposure: Exposure) -> None:
    exposure.show({"key": SECRET_KEY})


def raise_it(exposure: Exposure) -> None:
    with exposure.failing(ValueError):
        raise ValueError(SECRET_KEY)


def raise_it_as_the_cause(exposure: Exposure) -> None:
    with exposure.failing(RuntimeError):
        raise RuntimeError("no") from ValueError(SECRET_KEY)


def raise_it_as_an_attribute(exposure: Exposure) -> None:
    with exposure.failing(RuntimeError):
        error = RuntimeError("no")
        error.body = SECRET_KEY  # type: ignore[attr-defined]
        raise error


@pytest.mark.parametrize(
    "leak",
    [
        log_it,
        log_it_as_an_argument_that_is_not_shown,
        print_it,
        show_it,
        raise_it,
        raise_it_as_the_cause,
        raise_it_as_an_attribute,
    ],
)
def test_the_watch_sees_each_kind_of_leak(leak: Callable[[Exposure], None], capfd: pytest.CaptureFixture[str]) -> None:
    with watching(capfd) as exposure:
        leak(exposure)
    assert exposure.leaks(SECRETS) == [SECRET_KEY]


def test_the_watch_knows_the_key(capfd: pytest.CaptureFixture[str]) -> None:
    with watching(capfd) as exposure:
        print(LEAF.key_pem.decode())  # noqa: T201
        print(LEAF.private_key.private_numbers())  # noqa: T201
    assert len(exposure.leaks(SECRETS)) >= 2


# --- keys and passphrases -----------------------------------------------------------------------------------------


def test_a_loaded_identity(exposure: Exposure, files: tuple[Path, Path]) -> None:
    for one in (identity(), Identity.from_files(*files, passphrase=lambda: PASSPHRASE)):
        loaded = one.load()
        exposure.show(one, loaded, loaded.key)


@pytest.mark.parametrize("passphrase", [f"{PASSPHRASE}x", f"{PASSPHRASE}x".encode(), lambda: f"{PASSPHRASE}x", None])
def test_a_passphrase_that_is_wrong_or_missing(
    exposure: Exposure, files: tuple[Path, Path], passphrase: object
) -> None:
    with exposure.failing(PassphraseError):
        Identity.from_files(*files, passphrase=passphrase)  # type: ignore[arg-type]


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        lambda pem: pem[:150],
        lambda pem: pem[:150] + b"!" + pem[151:],
        lambda pem: pem.replace(b"PRIVATE KEY", b"PUBLIC KEY"),
        lambda pem: pem.replace(b"-----BEGIN PRIVATE KEY-----", b"").replace(b"-----END PRIVATE KEY-----", b""),
        lambda pem: pem + pem,
        lambda pem: pem.replace(b"BEGIN PRIVATE", b"BEGIN EC PRIVATE").replace(b"END PRIVATE", b"END EC PRIVATE"),
    ],
    ids=["cut", "not base64", "other label", "no label", "twice", "wrong label"],
)
def test_a_damaged_key(exposure: Exposure, tmp_path: Path, damage: Callable[[bytes], bytes], as_bytes: bool) -> None:
    damaged = damage(LEAF.key_pem)
    path = tmp_path / "key.pem"
    path.write_bytes(damaged)
    with exposure.failing(PrivateKeyError):
        load_private_key(damaged if as_bytes else path)


@pytest.mark.parametrize(
    "text", [LEAF.key_pem.decode(), "\n".join(LEAF.key_pem.decode().splitlines()[1:-1]), LEAF.key_pem.decode()[40:]]
)
def test_a_key_where_a_path_belongs(exposure: Exposure, files: tuple[Path, Path], text: str) -> None:
    with exposure.failing(PrivateKeyError):
        Identity.from_files(files[0], text)


def test_a_key_where_the_certificate_belongs(exposure: Exposure) -> None:
    with exposure.failing(RolesAnywhereError):
        Identity.from_bytes(LEAF.key_pem, LEAF.key_pem)
    with exposure.failing(RolesAnywhereError):
        validate_certificate(LEAF.key_pem)


def test_a_key_of_another_certificate(exposure: Exposure) -> None:
    with exposure.failing(KeyMismatchError):
        Identity.from_bytes(pki.issue("other").pem, LEAF.key_pem)


def test_a_key_that_cannot_be_pickled(exposure: Exposure) -> None:
    for secretive in (identity(), identity().load().key):
        with exposure.failing(RolesAnywhereError):
            pickle.dumps(secretive)


def test_a_half_written_renewal(exposure: Exposure, files: tuple[Path, Path]) -> None:
    one = Identity.from_files(*files, passphrase=PASSPHRASE)
    files[1].write_bytes(LEAF.key_pem[:200])
    exposure.show(one.load())


# --- the service's answers ----------------------------------------------------------------------------------------


def test_a_session(exposure: Exposure) -> None:
    with raw_server(created(now())) as server:
        client = client_of(server.url)
        provider = RolesAnywhereProvider(client)
        credentials = client.create_session()
        assert credentials.secret_access_key == SECRET_KEY
        loaded = provider.load()
        exposure.show(credentials, client, client.settings, client.identity, provider, loaded)
        exposure.show(loaded.get_frozen_credentials(), loaded._refresher)


def success_with(**changed: object) -> bytes:
    body = session_body(now() + timedelta(hours=1))
    body["credentialSet"][0]["credentials"].update(changed)
    return http(201, json.dumps(body).encode(), Content_Type="application/json")


WHOLE = created(datetime(2999, 1, 1, tzinfo=timezone.utc))
HEAD, _, BODY = WHOLE.partition(b"\r\n\r\n")
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD_SUCCESSES = {
    "expired": created(datetime(2020, 1, 1, tzinfo=timezone.utc)),
    "no key id": success_with(accessKeyId=None),
    "odd secret": success_with(secretAccessKey=f"{SECRET_KEY}\n"),
    "secret in a list": success_with(secretAccessKey=[SECRET_KEY]),
    "odd token": success_with(sessionToken=f"{SESSION_TOKEN}é"),
    "no expiration": success_with(expiration=None),
    "odd expiration": success_with(expiration="tomorrow"),
    "cut short": http(201, BODY[: len(BODY) * 3 // 4]),
    "truncated": HEAD + b"\r\n\r\n" + BODY[: len(BODY) * 3 // 4],
    "truncated chunk": CHUNKED + f"{len(BODY) + 9:x}\r\n".encode() + BODY,
    "bad chunk": CHUNKED + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\nzz\r\n" + BODY,
    "too large": http(201, BODY + b" " * 300_000),
    "not gzip": http(201, BODY, Content_Encoding="gzip"),
    "as an error": http(500, BODY),
    "as a refusal": http(403, BODY),
    "as a redirect": http(302, BODY, Location="http://127.0.0.1:1/"),
    "as the status line": b"HTTP/1.1 201\r\n" + BODY + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", BAD_SUCCESSES.values(), ids=BAD_SUCCESSES)
def test_an_answer_with_credentials_that_cannot_be_used(exposure: Exposure, answer: bytes) -> None:
    with raw_server(answer) as server, exposure.failing(RolesAnywhereError):
        client_of(server.url).create_session()


def test_a_refusal_and_its_explanation(exposure: Exposure) -> None:
    answer = refused("Untrusted signing certificate", date=now() - timedelta(minutes=30))
    with raw_server(answer) as server, exposure.failing(AccessDeniedError):
        client_of(server.url, role_session_name="x1", instance_properties={"a": "b"}).create_session()


def test_a_renewal_that_fails(exposure: Exposure) -> None:
    clock_now = now()
    with raw_server(created(clock_now, length=timedelta(minutes=15)), refused("Invalid signature")) as server:
        client = RolesAnywhereClient(make_settings(server.url), identity(), lambda: clock_now)
        credentials = RolesAnywhereProvider(client).load()
        assert credentials.secret_key == SECRET_KEY
        clock_now += timedelta(minutes=11)
        assert credentials.secret_key == SECRET_KEY
        settle()
        clock_now += timedelta(minutes=5)
        with exposure.failing(AccessDeniedError):
            credentials.get_frozen_credentials()
    assert "could not be renewed" in "".join(exposure.shown)


def test_pickled_credentials_are_refused_or_empty(exposure: Exposure) -> None:
    with raw_server(created(now())) as server:
        credentials = RolesAnywhereProvider(client_of(server.url)).load()
        assert credentials.token == SESSION_TOKEN
    with exposure.failing(TypeError, ConfigurationError):
        pickle.dumps(credentials)


# --- proxies, requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["environment", "proxies"])
@pytest.mark.parametrize("refusal", [None, http(407), b"odd\r\n\r\n"], ids=["tunnel", "407", "odd"])
def test_a_proxy(
    exposure: Exposure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, refusal: bytes | None
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(ca_pem())
    with raw_server(created(now()), tls=server_context()) as server:
        with raw_server(ConnectProxy(server.port, refusal)) as proxy:
            url = f"http://user:{PROXY_PASSWORD}@127.0.0.1:{proxy.port}"
            if given == "environment":
                monkeypatch.setenv("HTTPS_PROXY", url)
            client = client_of(server.url, verify=bundle, proxies={"https": url} if given == "proxies" else None)
            exposure.show(client.settings)
            if refusal is None:
                client.create_session()
            else:
                with exposure.failing(TransportError):
                    client.create_session()
        assert proxy.received[0].header("proxy-authorization") == f"Basic {PROXY_BASIC}"


def test_a_proxy_that_is_not_there(exposure: Exposure) -> None:
    with unused_port() as port, exposure.failing(TransportError):
        proxies = {"https": f"http://user:{PROXY_PASSWORD}@127.0.0.1:{port}"}
        client_of("https://rolesanywhere.invalid", proxies=proxies).create_session()


@pytest.mark.parametrize("proxies", [f"http://user:{PROXY_PASSWORD}@proxy", {"https": [PROXY_PASSWORD]}], ids=type)
def test_proxies_that_cannot_be(exposure: Exposure, proxies: object) -> None:
    with exposure.failing(ConfigurationError):
        make_settings("http://127.0.0.1:1", proxies=proxies)


def test_an_endpoint_with_a_password(exposure: Exposure) -> None:
    with exposure.failing(ConfigurationError):
        make_settings(f"https://user:{PROXY_PASSWORD}@rolesanywhere.example")


def test_a_signed_request(exposure: Exposure) -> None:
    headers = {"X-Token": BEARER, "Authorization": f"Bearer {BEARER}"}
    request = Request("POST", "https://service.example/", headers, json.dumps({"token": BEARER}))
    signed = SigV4X509Signer(identity(), REGION).sign(request)
    exposure.show(request, signed)
    with exposure.failing(ConfigurationError):
        Request("POST", "https://service.example/", {"X-Token": f"{BEARER}\n"})
    with exposure.failing(ConfigurationError):
        Request("POST", f"https://user:{BEARER}@service.example/")


def test_an_answer_that_could_not_be_read(exposure: Exposure) -> None:
    answer = http(201, BODY.replace(b'"credentials"', b'"credential"'))
    with raw_server(answer) as server, exposure.failing(ResponseError):
        client_of(server.url).create_session()
