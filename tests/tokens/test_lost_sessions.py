"""Threads, forks, tokens that go and come back, and what only a shim can do: locked and removed tokens."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import PassphraseError, PrivateKeyLoadError, SigningError
from rolesanywhere_signer.keys.pkcs11 import Pkcs11Key
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.forking import forks_with_threads, in_forked_child, needs_fork

from .cards import PIN, Card
from .conftest import Shim
from .test_keys import verify

_SESSION_HANDLE_INVALID = 0xB3
_DEVICE_REMOVED = 0x32
_TOKEN_NOT_PRESENT = 0xE0
_PIN_INCORRECT = 0xA0
_PIN_LOCKED = 0xA4
_FUNCTION_CANCELED = 0x50
_FINAL_TRY = 0x20000
_LOCKED = 0x40000


@pytest.fixture
def key(card: Card) -> Pkcs11Key:
    card.make_key("EC:prime256v1", "01", "k")
    return Pkcs11Key(card.uri, PIN, card.module)


def test_32_threads_sign_with_one_key(key: Pkcs11Key) -> None:
    together = threading.Barrier(32)

    def work(number: int) -> None:
        together.wait(timeout=60)
        for each in range(20):
            data = b"%d %d" % (number, each)
            verify(key, key.sign(data), data)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))


@needs_fork
def test_child_signs_with_a_key_that_was_used_before(key: Pkcs11Key) -> None:
    key.sign(b"before")

    def work() -> bool:
        verify(key, key.sign(b"child"), b"child")
        return True

    assert in_forked_child(work)
    assert in_forked_child(lambda: in_forked_child(work))
    verify(key, key.sign(b"parent"), b"parent")


@needs_fork
@forks_with_threads
def test_child_signs_though_other_threads_were_signing(key: Pkcs11Key) -> None:
    ended = threading.Event()

    def sign_on() -> None:
        while not ended.is_set():
            key.sign(b"on and on")

    threads = [threading.Thread(target=sign_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert in_forked_child(lambda: bool(key.sign(b"child")))
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_token_is_taken_away_and_put_back(key: Pkcs11Key, token_directory: Path) -> None:
    key.sign(b"before")
    away = token_directory.with_name("away")

    token_directory.rename(away)
    for _ in range(2):
        with pytest.raises(SigningError):
            key.sign(b"meanwhile")
    away.rename(token_directory)

    verify(key, key.sign(b"after"), b"after")


def test_another_key_of_the_same_name_does_not_sign(card: Card, key: Pkcs11Key) -> None:
    key.sign(b"before")
    for kind in ("privkey", "pubkey"):
        card.tool("--delete-object", "--type", kind, "--id", "01")
    card.make_key("EC:prime256v1", "01", "k")

    with pytest.raises(SigningError, match="another private key is at pkcs11:token=card by now"):
        key.sign(b"after")


def test_another_key_that_does_not_tell_its_public_half_does_not_sign(card: Card) -> None:
    """As long as it is not verified, nothing tells that another key is there."""
    issued = CertificateAuthority().issue("CN=app")
    card.write_key(issued, "01")
    card.tool("--delete-object", "--type", "pubkey", "--id", "01")
    card.write_certificate(issued.certificate_der, "01")
    key = Pkcs11Key(card.uri, PIN, card.module)
    for kind in ("privkey", "cert"):
        card.tool("--delete-object", "--type", kind, "--id", "01")
    card.write_key(CertificateAuthority().issue("CN=app"), "01")
    card.tool("--delete-object", "--type", "pubkey", "--id", "01")

    with pytest.raises(SigningError):
        key.sign(b"after")


@needs_fork
def test_everything_goes_through_the_proxy_of_p11_kit_too(card: Card, token_directory: Path) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    # A process of its own: the proxy would initialize the SoftHSM of this one once more.
    outcome = subprocess.run(
        [sys.executable, "-c", _THROUGH_THE_PROXY, PIN, str(token_directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    if "cannot be loaded" in outcome.stderr:
        pytest.skip("p11-kit's proxy is not installed (Debian: p11-kit-modules)")
    assert outcome.stdout.split() == ["parent", "child", "gone", "back"], outcome.stdout + outcome.stderr


_THROUGH_THE_PROXY = """
import os, sys
from rolesanywhere_signer import SigningError
from rolesanywhere_signer.keys.pkcs11 import Pkcs11Key
pin, tokens = sys.argv[1:]
key = Pkcs11Key("pkcs11:token=card", pin)
key.sign(b"data")
print("parent", flush=True)
if os.fork() == 0:
    key.sign(b"data")
    print("child", flush=True)
    os._exit(0)
os.wait()
os.rename(tokens, tokens + "-away")
try:
    key.sign(b"data")
except SigningError:
    print("gone")
os.rename(tokens + "-away", tokens)
key.sign(b"data")
print("back")
"""


@pytest.fixture
def shimmed(card: Card, shim: Shim) -> Pkcs11Key:
    card.make_key("EC:prime256v1", "01", "k")
    return Pkcs11Key(card.uri, PIN, shim.module)


def test_session_that_somebody_ended_is_opened_anew(shimmed: Pkcs11Key) -> None:
    module = shimmed._module
    for session, _ in list(module._sessions.values()):
        session.close()

    verify(shimmed, shimmed.sign(b"data"), b"data")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (_DEVICE_REMOVED, "was removed"),
        (_TOKEN_NOT_PRESENT, "is not there"),
        (_FUNCTION_CANCELED, "was not confirmed"),
        (0x80000001, "failed"),
    ],
)
def test_token_fails_while_it_signs(shimmed: Pkcs11Key, shim: Shim, code: int, message: str) -> None:
    shim.fail(C_SignInit=code)
    with pytest.raises(SigningError, match=message) as caught:
        shimmed.sign(b"data")
    assert caught.value.hint

    shim.fail()
    verify(shimmed, shimmed.sign(b"data"), b"data")


def test_person_who_does_not_confirm_is_not_asked_again(shimmed: Pkcs11Key, shim: Shim) -> None:
    shim.fail(C_SignInit=_FUNCTION_CANCELED)
    before = shim.login_count

    with pytest.raises(SigningError, match="was not confirmed"):
        shimmed.sign(b"data")

    assert shim.login_count == before


def test_token_is_out_while_the_key_is_looked_for(shimmed: Pkcs11Key, shim: Shim) -> None:
    shim.fail(C_SignInit=_SESSION_HANDLE_INVALID, C_OpenSession=_DEVICE_REMOVED)
    with pytest.raises(SigningError, match="was removed"):
        shimmed.sign(b"data")

    shim.fail()
    verify(shimmed, shimmed.sign(b"data"), b"data")


def test_token_is_out_at_the_start(card: Card, shim: Shim) -> None:
    shim.fail(C_GetTokenInfo=_TOKEN_NOT_PRESENT)

    with pytest.raises(PrivateKeyLoadError, match=r"no token fits pkcs11:token=card .* there are: none"):
        Pkcs11Key(card.uri, PIN, shim.module)


def test_locked_token_is_told(card: Card, shim: Shim) -> None:
    shim.fail(C_Login=_PIN_LOCKED)

    with pytest.raises(PassphraseError, match="is locked: too many wrong PINs"):
        Pkcs11Key(card.uri, PIN, shim.module)


def test_no_pin_is_sent_to_a_token_that_says_it_is_locked(card: Card, shim: Shim) -> None:
    shim.fail(token_flags=_LOCKED)

    with pytest.raises(PassphraseError, match="is locked"):
        Pkcs11Key(card.uri, PIN, shim.module)

    assert shim.login_count == 0


def test_wrong_pin_costs_one_try(card: Card, shim: Shim) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    for _ in range(5):
        with pytest.raises(PassphraseError):
            Pkcs11Key(card.uri, "999999", shim.module)

    assert shim.login_count == 1


def test_wrong_pin_of_the_key_costs_one_try(card: Card, shim: Shim) -> None:
    card.make_key("EC:prime256v1", "01", "k", "--always-auth")
    answers = iter([PIN, *["999999"] * 5])
    key = Pkcs11Key(card.uri, lambda: next(answers), shim.module)
    opened = shim.login_count

    for _ in range(5):
        with pytest.raises(PassphraseError):
            key.sign(b"data")

    assert shim.login_count == opened + 1


def test_last_try_is_warned_of(card: Card, shim: Shim, caplog: pytest.LogCaptureFixture) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    shim.fail(token_flags=_FINAL_TRY)

    Pkcs11Key(card.uri, PIN, shim.module)

    assert "takes one more PIN" in caplog.text
    assert PIN not in caplog.text


def test_refused_pin_in_the_middle_is_not_sent_again(shimmed: Pkcs11Key, shim: Shim) -> None:
    """The token came back with another PIN: what is known is wrong now, and is sent once."""
    shim.fail(C_SignInit=_SESSION_HANDLE_INVALID, C_Login=_PIN_INCORRECT)
    before = shim.login_count

    for _ in range(4):
        with pytest.raises(PassphraseError):
            shimmed.sign(b"data")

    assert shim.login_count == before + 1
