"""The official helper's certificate selectors, and two keys of ours: what they say, and whether a certificate fits."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ..errors import ConfigurationError
from ..files import read_source
from .names import helper_text, name_parts, parse_name

_FILE = "file://"
_NEXT_ENTRY = re.compile(r"\s(?=Key=)")
_ENTRY = re.compile(r"Key=([^,]+),Value=(.+)", re.DOTALL)
_GRAMMAR = 'write "Key=x509Subject,Value=CN=app,O=Example Key=x509Serial,Value=1A2B", or file:// and the path of JSON'
_JSON_GRAMMAR = 'write [{"Key": "x509Subject", "Value": "CN=app,O=Example"}]'
_DIGESTS: dict[int, type[hashes.HashAlgorithm]] = {20: hashes.SHA1, 32: hashes.SHA256}


@dataclass(frozen=True)
class Selector:
    """What a certificate must have; what is None does not matter, so that an empty selector fits every certificate.

    Attributes:
        subject: The subject, as the official helper writes it or as RFC 4514 text.
        issuer: The issuer, likewise.
        serial_number: The serial number.
        fingerprint: The SHA-1 or SHA-256 digest of the certificate. The helper has no such key.
        san: A pattern with ``*`` and ``?`` that one of the subject alternative names fits. The helper has no such key.
    """

    subject: str | None = None
    issuer: str | None = None
    serial_number: int | None = None
    fingerprint: bytes | None = None
    san: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every certificate fits."""
        return all(getattr(self, field.name) is None for field in fields(self))

    def fits(self, certificate: x509.Certificate) -> bool:
        """Return whether a certificate has everything that is asked for; what cannot be read fits nothing."""
        try:
            return (
                (self.subject is None or _is_name(certificate.subject, self.subject))
                and (self.issuer is None or _is_name(certificate.issuer, self.issuer))
                and (self.serial_number is None or certificate.serial_number == self.serial_number)
                and (self.fingerprint is None or _digest(certificate, len(self.fingerprint)) == self.fingerprint)
                and (self.san is None or any(_is_like(name, self.san) for name in alternative_names(certificate)))
            )
        except Exception:  # noqa: BLE001 - cryptography decodes a name or an extension when it is first looked at
            return False


def parse_selector(text: str) -> Selector:
    """Read a selector in the official helper's grammar: ``Key=…,Value=…`` once or more, or ``file://`` and a path.

    The file holds JSON: a list of objects with ``Key`` and ``Value``.

    Raises:
        ConfigurationError: It cannot be understood, or its file cannot be read; begins with the helper's own words.
    """
    if not text.startswith(_FILE):
        return _selector(_entries_of_text(text))
    path = text.removeprefix(_FILE)
    try:
        content = read_source(path, what="cert selector", error=ConfigurationError)
    except ConfigurationError as error:
        raise ConfigurationError(f"unable to read cert selector file: {error.message}", hint=error.hint) from error
    return _selector(_entries_of_json(content))


def _entries_of_text(text: str) -> Iterator[tuple[str, str]]:
    for entry in _NEXT_ENTRY.split(text.strip()):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ConfigurationError("unable to parse cert selector string", hint=_GRAMMAR)
        yield found[1], found[2]


def _entries_of_json(content: bytes) -> list[tuple[str, str]]:
    try:
        # Go takes the members of JSON objects whatever their case.
        entries = [{name.lower(): value for name, value in each.items()} for each in json.loads(content)]
        pairs = [(entry["key"], entry["value"]) for entry in entries]
        if all(isinstance(part, str) for pair in pairs for part in pair):
            return pairs
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        pass
    raise ConfigurationError("unable to parse JSON map entries", hint=_JSON_GRAMMAR)


def _selector(entries: Iterable[tuple[str, str]]) -> Selector:
    values: dict[str, str | int | bytes] = {}
    for key, value in entries:
        if key not in _KEYS:
            shown = f": {key}" if re.fullmatch(r"[A-Za-z0-9]{1,40}", key) else ""
            raise ConfigurationError(
                f"cert selector contained invalid key{shown}", hint=f"the keys are {', '.join(_KEYS)}"
            )
        field, parse = _KEYS[key]
        if field in values:
            raise ConfigurationError(
                f"duplicate {key} keys can't be present in cert selector",
                hint="a certificate must have all that is asked",
            )
        values[field] = parse(key, value)
    return Selector(**values)  # type: ignore[arg-type]


def _text(key: str, value: str) -> str:
    if not value.strip():
        raise ConfigurationError(f"the cert selector's {key} has an empty value", hint="leave the key out")
    return value.strip()


def _serial(key: str, value: str) -> int:
    digits = value.strip().replace(":", "")
    if not re.fullmatch(r"(0[xX])?[0-9A-Fa-f]{1,128}", digits):
        raise ConfigurationError(
            f"the cert selector's {key} must be hexadecimal", hint="openssl x509 -in FILE -noout -serial prints it"
        )
    return int(digits, 16)


def _fingerprint(key: str, value: str) -> bytes:
    digits = value.strip().replace(":", "")
    if not re.fullmatch(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", digits):
        raise ConfigurationError(
            f"the cert selector's {key} must be a SHA-1 or SHA-256 fingerprint, 40 or 64 hexadecimal digits",
            hint="openssl x509 -in FILE -noout -fingerprint -sha256 prints it",
        )
    return bytes.fromhex(digits)


_Parser = Callable[[str, str], str | int | bytes]
_KEYS: dict[str, tuple[str, _Parser]] = {
    "x509Subject": ("subject", _text),
    "x509Issuer": ("issuer", _text),
    "x509Serial": ("serial_number", _serial),
    "x509Fingerprint": ("fingerprint", _fingerprint),
    "x509SAN": ("san", _text),
}


def _is_name(name: x509.Name, wanted: str) -> bool:
    if wanted == helper_text(name):
        return True
    parts = parse_name(wanted)
    return parts is not None and parts == name_parts(name)


def _digest(certificate: x509.Certificate, length: int) -> bytes:
    return certificate.fingerprint(_DIGESTS[length]())


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """Return the texts of the subject alternative names that are DNS names, URIs, e-mail or IP addresses."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    kinds = (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.IPAddress)
    return [str(name.value) for name in extension.value if isinstance(name, kinds)]


def _is_like(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())
