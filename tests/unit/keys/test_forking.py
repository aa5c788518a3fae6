"""No process forks while OpenSSL is at work in another thread."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.keys.forking import no_fork_meanwhile
from rolesanywhere_signer.keys.software import EcKey, RsaKey
from rolesanywhere_signer.validation.signature import SignatureCheck, check_signature
from tests.support.refreshing import DEADLINE, join_all, start

from ..pki import chain, key, key_pem

if not hasattr(os, "fork"):
    pytest.skip("this system has no fork", allow_module_level=True)

# Forking with threads is the very case.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def fork_and_join(work: Any = None) -> int:
    """Return the exit status of a forked child, 0 if its work was done."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if work is not None:
                work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def test_who_forks_waits_until_the_work_is_done() -> None:
    order: list[str] = []
    held, forking = threading.Event(), threading.Event()

    def hold() -> None:
        with no_fork_meanwhile:
            held.set()
            assert forking.wait(DEADLINE)
            time.sleep(0.05)
            order.append("work is done")

    def fork() -> None:
        assert held.wait(DEADLINE)
        forking.set()
        fork_and_join()
        order.append("forked")

    join_all([start(hold), start(fork)])
    assert order == ["work is done", "forked"]


def test_parent_and_child_can_both_sign_and_fork_afterwards() -> None:
    loaded = parse_private_key(key_pem(key()))

    def work() -> None:
        loaded.sign(b"data")
        assert fork_and_join(lambda: loaded.sign(b"data")) == 0

    for _ in range(3):
        assert fork_and_join(work) == 0
        loaded.sign(b"data")


class Watched:
    """A key that notes whether a process could fork while it signs."""

    def __init__(self, private_key: Any) -> None:
        self._private_key = private_key
        self.held: list[bool] = []

    def public_key(self) -> Any:
        return self._private_key.public_key()

    def sign(self, *arguments: Any) -> bytes:
        self.held.append(no_fork_meanwhile._is_owned())  # type: ignore[attr-defined]
        signature: bytes = self._private_key.sign(*arguments)
        return signature


@pytest.mark.parametrize(("kind", "make"), [("P-256", EcKey), ("RSA-2048", RsaKey)])
def test_each_signature_is_made_under_the_lock(kind: str, make: Any) -> None:
    watched = Watched(key(kind))
    make(watched).sign(b"data")
    assert watched.held == [True]
    assert not no_fork_meanwhile._is_owned()  # type: ignore[attr-defined]


def test_each_verification_is_made_under_the_lock() -> None:
    leaf, issuer, *_ = chain()
    held = []

    class Certificate:
        def verify_directly_issued_by(self, other: Any) -> None:
            held.append(no_fork_meanwhile._is_owned())  # type: ignore[attr-defined]
            leaf.certificate.verify_directly_issued_by(other)

    assert check_signature(Certificate(), issuer.certificate) is SignatureCheck.GOOD  # type: ignore[arg-type]
    assert held == [True]
