"""PKCS#11 URIs (RFC 7512): which token, which object in it, and how it is opened.

Strict: what is misspelled, doubled or unknown is refused, because an attribute that is passed over makes the URI match
more than its author meant. A PIN in it is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from ...errors import ConfigurationError

SCHEME = "pkcs11:"
_TYPES = ("cert", "data", "private", "public", "secret-key")
_PATH = (
    "token",
    "serial",
    "manufacturer",
    "model",
    "library-manufacturer",
    "library-description",
    "library-version",
    "slot-id",
    "slot-manufacturer",
    "slot-description",
    "object",
    "id",
    "type",
)
_QUERY = ("pin-value", "pin-source", "module-path", "module-name")
_OF_OBJECTS = ("object", "id", "type")
# RFC 7512, section 2.3: unreserved, what stands free in path and query, and percent-encoded.
_VALUE = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&/?|]|%[0-9A-Fa-f]{2})*")
_FORM = "such as pkcs11:token=My%20token;object=my-key;type=private; reserved characters are written as %XX"


@dataclass(frozen=True)
class Pkcs11Uri:
    """A URI, understood.

    Attributes:
        path: The attributes of module, slot, token and object, decoded; ``id`` is bytes.
        pin_value: The PIN, or None. Hidden.
        pin_source: The file that holds the PIN, or None.
        module_path: The module, or None.
    """

    path: Mapping[str, str | bytes]
    pin_value: str | None = field(default=None, repr=False)
    pin_source: str | None = None
    module_path: str | None = None

    def __str__(self) -> str:
        return SCHEME + ";".join(f"{name}={_encoded(value)}" for name, value in self.path.items())

    def text(self, name: str) -> str | None:
        """Return an attribute of the path, or None: it does not matter."""
        value = self.path.get(name)
        return value if isinstance(value, str) else None

    @property
    def object_id(self) -> bytes | None:
        """CKA_ID of the object, or None: it does not matter."""
        value = self.path.get("id")
        return value if isinstance(value, bytes) else None

    @property
    def names_object(self) -> bool:
        """Whether it says which object, beyond its type."""
        return "object" in self.path or "id" in self.path

    def token_alone(self) -> Pkcs11Uri:
        """Return the URI of the token, with everything that opens it."""
        path = {name: value for name, value in self.path.items() if name not in _OF_OBJECTS}
        return Pkcs11Uri(path, self.pin_value, self.pin_source, self.module_path)


def object_uri(token: Mapping[str, str], label: str, object_id: bytes, kind: str) -> str:
    """Return the URI that names an object of a token."""
    path: dict[str, str | bytes] = {**token, **({"object": label} if label else {})}
    if object_id:
        path["id"] = object_id
    return str(Pkcs11Uri({**path, "type": kind}))


def is_pkcs11_uri(value: object) -> bool:
    """Return whether a value is text that begins as such a URI does."""
    return isinstance(value, str) and value[: len(SCHEME)].lower() == SCHEME


def parse_pkcs11_uri(text: str, what: str = "PKCS#11 URI") -> Pkcs11Uri:
    """Read a URI.

    Args:
        text: The URI.
        what: How messages name it; they show no value of it.

    Raises:
        ConfigurationError: It does not follow RFC 7512, or an attribute is unknown.
    """
    if not is_pkcs11_uri(text):
        raise ConfigurationError(f"the {what} does not begin with {SCHEME}", hint=_FORM)
    path_text, _, query_text = text[len(SCHEME) :].partition("?")
    path = _attributes(path_text, ";", _PATH, what)
    query = _attributes(query_text, "&", _QUERY, what)
    if "pin-value" in query and "pin-source" in query:
        raise ConfigurationError(f"the {what} has both pin-value and pin-source", hint="leave one of them out")
    if "module-name" in query:
        raise ConfigurationError(
            f"the {what} has module-name, which is not looked up", hint="write module-path=/path/of/module.so"
        )
    values: dict[str, str | bytes] = {
        name: raw if name == "id" else _decoded(name, raw, what) for name, raw in path.items()
    }
    for name, check in _CHECKS.items():
        if name in values and not check(str(values[name])):
            raise ConfigurationError(f"the {what} has a {name} that cannot be", hint=_HINTS[name])
    source = None if "pin-source" not in query else _file(_decoded("pin-source", query["pin-source"], what), what)
    pin = None if "pin-value" not in query else _decoded("pin-value", query["pin-value"], what)
    module = None if "module-path" not in query else _decoded("module-path", query["module-path"], what)
    return Pkcs11Uri(values, pin, source, module)


def _attributes(text: str, separator: str, known: tuple[str, ...], what: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name not in known:
            raise _unknown(name, known, what)
        if not equals:
            raise ConfigurationError(f"the {what} has {name} without a value", hint=_FORM)
        if name in found:
            raise ConfigurationError(f"the {what} has {name} twice", hint="each attribute may stand there once")
        if not _VALUE.fullmatch(value):
            raise ConfigurationError(f"the {what} has a character in {name} that must be percent-encoded", hint=_FORM)
        found[name] = unquote_to_bytes(value)
    return found


def _unknown(name: str, known: tuple[str, ...], what: str) -> ConfigurationError:
    # What stands there may be a piece of a PIN that was not encoded.
    shown = f" {name}" if re.fullmatch(r"[a-z][a-z-]{1,30}", name) and "pin" not in known[0] else ""
    hint = f"known there are {', '.join(known)}"
    if name in _QUERY:
        hint = f"{name} stands behind a question mark, and further ones behind an ampersand"
    return ConfigurationError(f"the {what} has an attribute{shown} that is unknown there", hint=hint)


def _decoded(name: str, raw: bytes, what: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"the {what} has a {name} that is not UTF-8", hint=_FORM) from None
    if "\0" in text:
        raise ConfigurationError(f"the {what} has a NUL in {name}", hint=_FORM)
    return text


def _file(source: str, what: str) -> str:
    """Return the path of pin-source: ``file:`` and a path, or a path (RFC 7512, section 2.4)."""
    path = re.sub(r"\Afile:(//(localhost)?(?=/))?", "", source)
    # What is left of file://host/path would be a path of this machine.
    is_elsewhere = source.startswith("file:") and path.startswith("//")
    if not path or is_elsewhere or path.startswith("|") or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path):
        raise ConfigurationError(
            f"the {what} has a pin-source that is no file", hint="write pin-source=/path or pin-source=file:/path"
        )
    return path


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "type": lambda text: text in _TYPES,
    "slot-id": lambda text: re.fullmatch(r"[0-9]{1,20}", text),
    "library-version": lambda text: re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text),
}
_HINTS = {
    "type": f"it is one of {', '.join(_TYPES)}",
    "slot-id": "it is a number in decimal",
    "library-version": "it is written as 2 or 2.40",
}


def _encoded(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return "".join(f"%{byte:02X}" for byte in value)
    return quote(value, safe=":[]@!$'()*+,=&")
