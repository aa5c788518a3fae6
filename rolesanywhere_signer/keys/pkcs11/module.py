"""PKCS#11 modules: loaded once in a process, used by one thread at a time, opened anew after a fork or a removal."""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...errors import CertificateLoadError, ConfigurationError, PassphraseError, PrivateKeyLoadError, RolesAnywhereError
from .. import refusals
from ..forking import lock_across_forks
from .failures import explained, is_wrong_pin
from .pin import Pin
from .uri import Pkcs11Uri

_logger = logging.getLogger("rolesanywhere_signer")

# The official helper's default: the tokens of every module that is configured on this machine. Found by the loader.
DEFAULT_MODULE = "p11-kit-proxy.so"
_MOST_SHOWN = 10
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Token:
    """A token that is there.

    Attributes:
        values: The attributes of a URI that name it, its slot and its module.
        found: The binding's own.
    """

    values: dict[str, str]
    found: Any = field(repr=False)

    def __str__(self) -> str:
        return f"the token {self.values['token']!r} (serial {self.values['serial']!r})"

    @property
    def names(self) -> dict[str, str]:
        """What names it in a URI of ours."""
        return {name: self.values[name] for name in ("model", "manufacturer", "serial", "token") if self.values[name]}

    def check_not_refused(self, pin: str) -> None:
        """Return where it has not refused this very PIN before, in this process and by whatever module.

        Raises:
            PassphraseError: It has.
        """
        if refusals.was_refused(self._identifier, pin.encode()):
            raise PassphraseError(
                f"{self} refused this PIN before; it is not sent again, so that the token does not lock",
                hint="correct the PIN; after a change in the token, start the program anew",
            )

    def note_refused(self, pin: str) -> None:
        """Remember a PIN that it refused."""
        refusals.remember(self._identifier, pin.encode())

    @property
    def _identifier(self) -> bytes:
        return "\0".join(self.values[name] for name in ("manufacturer", "model", "serial")).encode()

    def has(self, flag: str) -> bool:
        """Return whether it has a flag, by PKCS#11's own name."""
        import pkcs11  # noqa: PLC0415 - an extra

        value = getattr(pkcs11.TokenFlag, flag)
        return bool(self.found.flags & value)


class Module:
    """One module. ``load_module`` gives it; whoever calls it is inside ``in_use``.

    The binding asks for no locking of the module's own, and most tokens do one thing at a time: a lock keeps
    threads apart. A child process initializes the module anew, as PKCS#11 demands.

    Attributes:
        path: As it was given.
        generation: Changes when sessions and objects of before are gone.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.generation = 0
        self._pid = os.getpid()
        self._library = _load(path)
        self._sessions: dict[int, tuple[Any, bytes | None]] = {}

    def __repr__(self) -> str:
        return f"<Module {self.path!r}>"

    def refresh(self) -> None:
        """Initialize it anew in a child process, which may not use what it inherited, or where that failed before.

        Raises:
            PrivateKeyLoadError: The module cannot be initialized.
        """
        if self._pid != os.getpid() or not self._library.initialized:
            self.restart()
            # p11-kit's proxy notices a fork itself, and leaves the modules behind it as they were: logged in.
            self.restart()
            self._pid = os.getpid()

    def once_more(self, action: Callable[[], _Found]) -> _Found:
        """Do something with tokens; where that fails in sessions of before, once more in new ones.

        The token may have been away, or somebody else may have ended the session.

        Raises:
            RolesAnywhereError: What ``action`` raises.
        """
        had_sessions = bool(self._sessions)
        try:
            return action()
        except (CertificateLoadError, PrivateKeyLoadError):
            if not had_sessions:
                raise
        # Only so do modules see tokens that came back.
        self.restart()
        return action()

    def restart(self) -> None:
        """Finalize and initialize it.

        Raises:
            PrivateKeyLoadError: The module cannot be initialized.
        """
        self.forget_sessions()
        # Finalizing says that there is nothing to finalize where the module noticed the fork itself.
        with contextlib.suppress(Exception):
            self._library.finalize()
        try:
            self._library.initialize()
        except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
            raise explained(error, f"the PKCS#11 module {self.path!r}", PrivateKeyLoadError) from None

    def forget_sessions(self) -> None:
        """Let go of what is open; it is of no use any more."""
        self.generation += 1
        sessions, self._sessions = list(self._sessions.values()), {}
        for session, _ in sessions:
            with contextlib.suppress(Exception):
                session.close()

    def tokens(self) -> list[Token]:
        """Return the tokens that are there and set up.

        Raises:
            PrivateKeyLoadError: The module cannot say.
        """
        try:
            slots = self._library.get_slots(token_present=True)
        except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
            raise explained(error, f"the PKCS#11 module {self.path!r}", PrivateKeyLoadError) from None
        found = []
        for slot in slots:
            with contextlib.suppress(Exception):  # pulled out meanwhile, or of no kind that the module knows
                token = self._token(slot)
                if token.has("TOKEN_INITIALIZED"):
                    found.append(token)
        return found

    def _token(self, slot: Any) -> Token:
        found = slot.get_token()
        values = {
            "token": found.label,
            "serial": found.serial.decode("utf-8", "replace").strip("\0 "),
            "manufacturer": found.manufacturer_id,
            "model": found.model,
            "slot-id": str(slot.slot_id),
            "slot-description": slot.slot_description,
            "slot-manufacturer": slot.manufacturer_id,
            "library-manufacturer": self._library.manufacturer_id,
            "library-description": self._library.library_description,
        }
        return Token({name: text.rstrip("\0 ") for name, text in values.items()}, found)

    def fitting_tokens(self, uri: Pkcs11Uri) -> list[Token]:
        """Return the tokens that a URI fits.

        Raises:
            PrivateKeyLoadError: None does; lists those that are there.
        """
        there = self.tokens()
        if not any(self._fits(token, uri) for token in there):
            # Some modules look for tokens only when they are initialized.
            self.restart()
            there = self.tokens()
        fitting = [token for token in there if self._fits(token, uri)]
        if fitting:
            return fitting
        listed = "".join(f"\n  {Pkcs11Uri(dict(token.names))}" for token in there[:_MOST_SHOWN]) or " none"
        raise PrivateKeyLoadError(
            f"no token fits {uri.token_alone()} in the PKCS#11 module {self.path!r}; there are:{listed}",
            hint="insert the token, or correct the URI; without any token, the module may be that of other hardware",
        )

    def _fits(self, token: Token, uri: Pkcs11Uri) -> bool:
        version = uri.text("library-version")
        if version is not None and version not in self._versions():
            return False
        wanted = {name: value for name, value in uri.path.items() if name in token.values}
        return all(token.values[name] == value for name, value in wanted.items())

    def _versions(self) -> tuple[str, ...]:
        major, minor = self._library.library_version
        return (f"{major}.{minor}", str(major)) if minor == 0 else (f"{major}.{minor}",)

    def public_session(self, token: Token) -> Any:
        """Return a session in which public objects are found.

        Raises:
            PrivateKeyLoadError: The token cannot be opened.
        """
        slot = token.found.slot.slot_id
        if slot not in self._sessions:
            self._sessions[slot] = (self._open(token, None), None)
        return self._sessions[slot][0]

    def session(self, token: Token, pin: Pin) -> Any:
        """Return a session in which private keys are found; the PIN opens it where the token wants one.

        Raises:
            PassphraseError: The PIN is missing or wrong.
            PrivateKeyLoadError: The token cannot be opened.
        """
        slot = token.found.slot.slot_id
        session, known = self._sessions.get(slot, (None, None))
        if not token.has("LOGIN_REQUIRED") and not pin.is_given:
            return self.public_session(token)
        if known is not None:
            self._check_same(token, pin, known)
            return session
        if token.has("PROTECTED_AUTHENTICATION_PATH") and not pin.is_given:
            from pkcs11.types import PROTECTED_AUTH  # noqa: PLC0415 - an extra

            opened, text = self._open(token, PROTECTED_AUTH), ""
        else:
            text = pin.get(str(token))
            opened = self._log_in(token, text)
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()
        self._sessions[slot] = (opened, text.encode())
        return opened

    def known_pin(self, token: Token) -> str | None:
        """Return the PIN that opened a token, or None: it was opened without one."""
        _, known = self._sessions.get(token.found.slot.slot_id, (None, None))
        return known.decode() if known else None

    def _check_same(self, token: Token, pin: Pin, known: bytes) -> None:
        """The token is open for the whole process; another PIN is still a wrong one. Nobody is asked twice."""
        if not known or pin.is_asked_for:
            return
        if not hmac.compare_digest(pin.get(str(token)).encode(), known):
            raise PassphraseError(
                f"{token} is open, and not by this PIN: it is wrong", hint="give the PIN that opens the token"
            )

    def _log_in(self, token: Token, pin: str) -> Any:
        if token.has("USER_PIN_LOCKED"):
            raise PassphraseError(
                f"{token} is locked: too many wrong PINs were given",
                hint="unblock it with its PUK or its security officer's PIN",
            )
        token.check_not_refused(pin)
        if token.has("USER_PIN_FINAL_TRY"):
            _logger.warning("%s takes one more PIN, and locks if that is wrong", token)
        try:
            return self._open(token, pin)
        except _WrongPinError as wrong:
            token.note_refused(pin)
            raise wrong.error from None

    def _open(self, token: Token, pin: Any) -> Any:
        import pkcs11  # noqa: PLC0415 - an extra

        try:
            return token.found.open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:
            # The application itself uses the token; login holds for all sessions of a process.
            return self._open(token, None)
        except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
            found = explained(error, str(token), PrivateKeyLoadError)
            if is_wrong_pin(error):
                raise _WrongPinError(found) from None
            raise found from None


class _WrongPinError(Exception):
    def __init__(self, error: RolesAnywhereError) -> None:
        super().__init__()
        self.error = error


_modules: dict[str, Module] = {}
# One for all modules: p11-kit's proxy stands before others. Whoever forks waits until no thread is in a module, whose
# own locks the child would find held for ever.
_one_at_a_time = lock_across_forks()


@contextlib.contextmanager
def in_use(module: Module) -> Iterator[None]:
    """Keep other threads, and forks, away from a module; it is initialized where a child process begins."""
    with _one_at_a_time:
        module.refresh()
        yield


def load_module(path: str | None) -> Module:
    """Return a module, loaded once in a process.

    Args:
        path: Of the shared library; None: p11-kit's proxy, as in the official helper.

    Raises:
        ConfigurationError: It cannot be loaded, or the extra is not installed.
    """
    path = str(path or DEFAULT_MODULE)
    if os.path.exists(path):  # noqa: PTH110 - a name alone is looked for by the loader
        # One module by two names would be initialized twice, which it refuses.
        path = os.path.realpath(path)
    with _one_at_a_time:
        if path not in _modules:
            _modules[path] = Module(path)
        return _modules[path]


def _load(path: str) -> Any:
    try:
        import pkcs11  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "keys in PKCS#11 tokens need python-pkcs11, which is not installed",
            hint='pip install "rolesanywhere-signer[pkcs11]"',
        ) from error
    try:
        return pkcs11.lib(path)
    except Exception as error:
        proxy = ", or install p11-kit-modules (p11-kit on Fedora)" if path == DEFAULT_MODULE else ""
        # The loader's own words: the file is not there, or is of another machine, or no module.
        why = str(error).rpartition(f"{path}: ")[2] if type(error) is pkcs11.PKCS11Error else type(error).__name__
        raise ConfigurationError(
            f"the PKCS#11 module {path!r} cannot be loaded ({why})",
            hint=f"give the path of the token's module with --pkcs11-lib or module-path{proxy}",
        ) from error
