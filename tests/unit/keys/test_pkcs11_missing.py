"""Where the extra is not installed, the error says how to install it."""

from __future__ import annotations

import sys

import pytest

from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.identities import make_identity
from tests.support.command_line import run_here


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)

    with pytest.raises(ConfigurationError, match="need python-pkcs11, which is not installed") as caught:
        make_identity("pkcs11:token=a", pkcs11_module="/nowhere.so")

    assert caught.value.hint == 'pip install "rolesanywhere-signer[pkcs11]"'


def test_a_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)

    outcome = run_here(capsys, "sign-string", "--certificate", "pkcs11:?pin-value=planted", "--pkcs11-lib", "/none.so")

    assert (outcome.code, outcome.stdout) == (1, "")
    assert "rolesanywhere-signer[pkcs11]" in outcome.stderr
    assert "planted" not in outcome.stderr
