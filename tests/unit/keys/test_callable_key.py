"""A callable that signs: it signs, fails, hangs, answers something else; it never holds anybody up for ever."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import pickle
import threading
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from rolesanywhere_signer import Identity
from rolesanywhere_signer.errors import (
    ConfigurationError,
    KeyMismatchError,
    PassphraseError,
    SigningError,
    UnsupportedKeyError,
)
from rolesanywhere_signer.keys import CallableKey, fixed_string, sign_fixed_string
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.forking import forks_with_threads, in_forked_child, needs_fork

CA = CertificateAuthority()
LEAF = CA.issue("CN=app", key_type="P-256")
BOTH_WAYS = pytest.mark.parametrize("timeout_seconds", [30, None])


def sign(data: bytes) -> bytes:
    assert isinstance(LEAF.private_key, ec.EllipticCurvePrivateKey)
    return LEAF.private_key.sign(data, ec.ECDSA(hashes.SHA256()))


def raiser(error: BaseException) -> Callable[[bytes], bytes]:
    def fail(data: bytes) -> bytes:
        raise error

    return fail


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Return what hanging callables wait for; they are let go at the end."""
    event = threading.Event()
    yield event
    event.set()


@BOTH_WAYS
def test_it_signs(timeout_seconds: float | None) -> None:
    key = CallableKey(sign, LEAF.certificate_pem, timeout_seconds=timeout_seconds)
    assert Identity(LEAF.certificate_pem, key).current.key is key
    assert key.algorithm == "AWS4-X509-ECDSA-SHA256"
    public_key = LEAF.certificate.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    signature = sign_fixed_string(key)
    public_key.verify(signature, fixed_string(public_key), ec.ECDSA(hashes.SHA256()))


def test_it_gets_the_bytes_themselves() -> None:
    got = []

    def remember(data: bytes) -> bytes:
        got.append(data)
        return sign(data)

    CallableKey(remember, LEAF.certificate_pem).sign(b"string to sign")
    assert got == [b"string to sign"]


@BOTH_WAYS
@pytest.mark.parametrize("error", [ValueError("planted-secret"), OSError(5, "planted-secret"), KeyError("planted")])
def test_failure_shows_the_type_and_not_the_text(error: Exception, timeout_seconds: float | None) -> None:
    key = CallableKey(raiser(error), LEAF.certificate_pem, timeout_seconds=timeout_seconds)
    with pytest.raises(SigningError, match=f"failed: {type(error).__name__}") as caught:
        key.sign(b"data")
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_an_exit_of_the_callable_is_a_failure_of_it() -> None:
    with pytest.raises(SigningError, match="SystemExit"):
        CallableKey(raiser(SystemExit(0)), LEAF.certificate_pem).sign(b"data")


@BOTH_WAYS
def test_its_own_signing_error_is_told_as_it_is(timeout_seconds: float | None) -> None:
    key = CallableKey(
        raiser(SigningError("the vault is sealed", hint="unseal it")),
        LEAF.certificate_pem,
        timeout_seconds=timeout_seconds,
    )
    with pytest.raises(SigningError, match="the vault is sealed\nhint: unseal it"):
        key.sign(b"data")


def test_other_errors_of_ours_become_signing_errors() -> None:
    with pytest.raises(SigningError, match="PassphraseError"):
        CallableKey(raiser(PassphraseError("x")), LEAF.certificate_pem).sign(b"data")


@pytest.mark.parametrize("answer", [None, "text", b"", b"garbage", 7])
def test_other_answers_are_refused(answer: object) -> None:
    with pytest.raises(SigningError):
        CallableKey(lambda data: answer, LEAF.certificate_pem).sign(b"data")  # type: ignore[arg-type, return-value]


def test_another_key_is_noticed_at_the_signature() -> None:
    key = CallableKey(sign, CA.issue("CN=other").certificate_pem)
    with pytest.raises(SigningError, match="not one of the certificate's key"):
        key.sign(b"data")
    with pytest.raises(KeyMismatchError):
        Identity(LEAF.certificate_pem, key)


def test_hanging_ends_in_an_error_and_more_of_it_at_once(gate: threading.Event) -> None:
    calls = []

    def hang(data: bytes) -> bytes:
        calls.append(data)
        gate.wait()
        return sign(data)

    key = CallableKey(hang, LEAF.certificate_pem, timeout_seconds=0.05)
    for _ in range(4):
        with pytest.raises(SigningError, match=r"no answer within 0\.05 s"):
            key.sign(b"data")
    with pytest.raises(SigningError, match="4 earlier calls of it still hang"):
        key.sign(b"data")
    assert len(calls) == 4


def test_it_is_asked_again_when_the_hanging_are_back(gate: threading.Event) -> None:
    def hang(data: bytes) -> bytes:
        gate.wait()
        return sign(data)

    key = CallableKey(hang, LEAF.certificate_pem, timeout_seconds=0.05)
    for _ in range(4):
        with pytest.raises(SigningError):
            key.sign(b"data")
    gate.set()
    for thread in key._hanging:
        thread.join()
    key._timeout_seconds = 30.0
    assert key.sign(b"data")


def test_without_a_time_out_it_stays_in_the_caller_s_thread() -> None:
    where = []

    def remember(data: bytes) -> bytes:
        where.append(threading.get_ident())
        return sign(data)

    CallableKey(remember, LEAF.certificate_pem, timeout_seconds=None).sign(b"data")
    CallableKey(remember, LEAF.certificate_pem).sign(b"data")
    assert where[0] == threading.get_ident() != where[1]


def test_context_variables_go_along() -> None:
    tenant = contextvars.ContextVar("tenant", default="nobody")
    tenant.set("a")
    seen = []

    def remember(data: bytes) -> bytes:
        seen.append(tenant.get())
        return sign(data)

    CallableKey(remember, LEAF.certificate_pem).sign(b"data")
    assert seen == ["a"]


def test_many_threads_sign_at_once() -> None:
    key = CallableKey(sign, LEAF.certificate_pem)
    good = []
    threads = [threading.Thread(target=lambda: good.append(len(key.sign(b"data")) > 60)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert good == [True] * 32


@needs_fork
@forks_with_threads
def test_a_forked_process_signs_although_calls_hang_here(gate: threading.Event) -> None:
    hangs = True

    def hang(data: bytes) -> bytes:
        if hangs:
            gate.wait()
        return sign(data)

    key = CallableKey(hang, LEAF.certificate_pem, timeout_seconds=0.05)
    for _ in range(4):
        with pytest.raises(SigningError):
            key.sign(b"data")
    hangs, key._timeout_seconds = False, 30.0
    assert in_forked_child(lambda: bool(key.sign(b"data")))


@pytest.mark.parametrize("timeout_seconds", [0, -1, float("inf"), float("nan"), 3601, 10**400, True, "5"])
def test_time_outs_that_are_none(timeout_seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_seconds"):
        CallableKey(sign, LEAF.certificate_pem, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize("timeout_seconds", [30.0, None])
def test_one_that_asks_its_own_key(timeout_seconds: float | None) -> None:
    """Its client may have credentials by way of this very key; that makes neither a thread each time, nor a wait."""

    def again(data: bytes) -> bytes:
        calls.append(data)
        return key.sign(data)

    calls: list[bytes] = []
    key = CallableKey(again, LEAF.certificate_pem, timeout_seconds=timeout_seconds)
    for _ in range(2):
        with pytest.raises(SigningError, match="needs a signature of its own key") as caught:
            key.sign(b"data")
        assert "other credentials" in str(caught.value.hint)
    assert len(calls) == 2
    other = CallableKey(lambda data: CallableKey(sign, LEAF.certificate_pem).sign(data), LEAF.certificate_pem)
    assert other.sign(b"data")


def test_what_is_not_callable() -> None:
    with pytest.raises(ConfigurationError, match="callable"):
        CallableKey(b"signature", LEAF.certificate_pem)  # type: ignore[arg-type]


def test_it_is_not_pickled_and_shows_nothing() -> None:
    key = CallableKey(sign, LEAF.certificate_pem)
    with pytest.raises(ConfigurationError, match="callable cannot be pickled"):
        pickle.dumps(key)
    assert repr(key) == "<CallableKey AWS4-X509-ECDSA-SHA256>"


def test_it_signs_over_no_other_hash() -> None:
    with pytest.raises(UnsupportedKeyError, match="SHA-256 only"):
        sign_fixed_string(CallableKey(sign, LEAF.certificate_pem), "SHA384")


def test_a_failure_leaves_nothing_for_the_collector() -> None:
    key = CallableKey(raiser(ValueError("x")), LEAF.certificate_pem)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(SigningError):
            key.sign(b"data")
        assert gc.collect() == 0
    finally:
        gc.enable()
