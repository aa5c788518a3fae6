"""A local service as a file declares it: YAML or JSON with trust anchors, profiles, roles, CRLs, quotas and a clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import utc_now
from ..errors import ConfigurationError, RolesAnywhereError
from ..files import StrPath, read_source

if TYPE_CHECKING:
    from .service import LocalRolesAnywhere

Record = dict[str, Any]

_TEXT, _SWITCH, _NUMBER, _LIST, _MAP = "text", "true or false", "a whole number", "a list", "a mapping"
_POLICY = "a policy, as a mapping or as JSON text"
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str),
    _SWITCH: lambda value: isinstance(value, bool),
    _NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    _LIST: lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    _MAP: lambda value: isinstance(value, dict) and all(isinstance(key, str) for key in value),
    _POLICY: lambda value: isinstance(value, (dict, str)),
}
_LABELS = {"alias_name": _TEXT, "tags": _MAP}
# For each section what an entry may have, by the names of the arguments from Python.
_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "private_cas": {"arn": _TEXT, "pem": _TEXT},
    "trust_anchors": {
        "name": _TEXT,
        "arn": _TEXT,
        "pem": _TEXT,
        "acm_pca_arn": _TEXT,
        "enabled": _SWITCH,
        "crl_dp_revocation_enabled": _SWITCH,
        "notification_thresholds": _MAP,
        **_LABELS,
    },
    "roles": {"name": _TEXT, "arn": _TEXT, "max_session_duration_seconds": _NUMBER, "trust_policy": _POLICY},
    "profiles": {
        "name": _TEXT,
        "arn": _TEXT,
        "roles": _LIST,
        "duration_seconds": _NUMBER,
        "accept_role_session_name": _SWITCH,
        "enabled": _SWITCH,
        "session_policy": _POLICY,
        "managed_policy_arns": _LIST,
        "require_instance_properties": _SWITCH,
        "attribute_mappings": _MAP,
        **_LABELS,
    },
    "crls": {"name": _TEXT, "crl": _TEXT, "trust_anchor": _TEXT, "enabled": _SWITCH, **_LABELS},
}
_REQUIRED = {
    "private_cas": ("arn", "pem"),
    "trust_anchors": ("name",),
    "roles": ("name",),
    "profiles": ("name", "roles"),
    "crls": ("name", "crl", "trust_anchor"),
}
_TOP: Mapping[str, str] = {"region": _TEXT, "account_id": _TEXT, "quotas": _MAP, "clock": _MAP}
# Hundreds of trust anchors, profiles and roles have some ten thousand.
_MOST_VALUES = 100_000
# A longer text counts as several.
_CHARACTERS_OF_A_VALUE = 500
_TWICE = "{} stands there twice"
_QUOTAS = {"limits": _SWITCH, "throttle": _SWITCH}


@dataclass(frozen=True)
class Declaration:
    """What a file declares, held to its form.

    Attributes:
        where: The file, as messages begin.
        directory: Which paths in it are relative to.
        content: Its members.
    """

    where: str
    directory: Path
    content: Record

    @property
    def arguments(self) -> Record:
        """The arguments of ``LocalRolesAnywhere`` that the file has."""
        given = {name: self.content[name] for name in ("region", "account_id") if name in self.content}
        return {**given, **self.content.get("quotas", {})}

    def apply(self, service: LocalRolesAnywhere) -> None:
        """Make what is declared and not there yet; what has the same ARN, or else the same name, is left as it is.

        But roles are as they are declared: nothing else can change them.

        Raises:
            ConfigurationError: Something cannot be made; the message begins with its place.
        """
        _Applied(self, service).apply()


def read_declaration(path: StrPath) -> Declaration:
    """Return what a file declares. A name that ends in ``.json`` is JSON, any other YAML.

    Raises:
        ConfigurationError: It cannot be read, or is not what it must be; the message begins with the place.
    """
    where = str(path)
    data = read_source(path, what="configuration", error=ConfigurationError)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where} is not UTF-8 text") from error
    content = _from_json(text, where) if where.endswith(".json") else _from_yaml(text, where)
    if not isinstance(content, dict):
        raise ConfigurationError(f"{where} must be a mapping", hint=f"of {', '.join((*_TOP, *_SECTIONS))}")
    _check(content, where)
    return Declaration(where, Path(path).absolute().parent, content)


def _from_json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{where}, line {error.lineno}, column {error.colno}: {error.msg}") from error
    # A member twice, or a number of thousands of digits.
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{where} is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> Record:
    members = dict(pairs)
    if len(members) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(_TWICE.format(name))
    return members


def _from_yaml(text: str, where: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - it is of the extra, and JSON does without
    except ImportError as error:
        raise ConfigurationError(
            f"{where} is YAML, and PyYAML is not installed",
            hint="pip install 'rolesanywhere-signer[testing]', or write JSON in a file that ends in .json",
        ) from error
    try:
        _check_names(yaml.compose(text, Loader=yaml.SafeLoader), where)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        raise ConfigurationError(f"{where}{place}: {error.problem or 'this is not YAML'}") from error
    # A date that is none is a ValueError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{where} is not YAML") from error
    _check_size(content, where)
    return content


def _check_names(root: Any, where: str) -> None:
    """Refuse a name that stands in a mapping twice: PyYAML takes the last, and of two conditions one would be lost."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or node is None or isinstance(node.value, str):
            continue
        seen.add(id(node))
        names = set()
        for entry in node.value:
            key, *values = entry if isinstance(entry, tuple) else (None, entry)
            waiting += values
            if key is None or not isinstance(key.value, str):
                continue
            if key.value in names:
                mark = key.start_mark
                place = f"{where}, line {mark.line + 1}, column {mark.column + 1}"
                raise ConfigurationError(f"{place}: {_TWICE.format(key.value)}")
            names.add(key.value)


def _check_size(content: object, where: str) -> None:
    """Refuse what is small as text, and becomes without end by what its aliases stand for."""
    left, waiting = _MOST_VALUES, [content]
    while waiting:
        value = waiting.pop()
        left -= len(value) // _CHARACTERS_OF_A_VALUE if isinstance(value, str) else 0
        members = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        if isinstance(members, (list, tuple, set)):
            waiting += members
            left -= len(members)
        if left < 0:
            raise ConfigurationError(
                f"{where} has more than {_MOST_VALUES:,} values",
                hint="an alias (*name) may hold itself",
            )


def _check(content: Record, where: str) -> None:
    top = {name: value for name, value in content.items() if name not in _SECTIONS}
    _check_members(top, _TOP, where, tuple(_SECTIONS))
    _check_members(content.get("quotas", {}), _QUOTAS, f"{where}: quotas")
    for section, members in _SECTIONS.items():
        entries = content.get(section, [])
        if not isinstance(entries, list):
            raise ConfigurationError(f"{where}: {section} must be a list")
        for place, entry in enumerate(entries):
            spot = f"{where}: {section}[{place}]"
            if not isinstance(entry, dict):
                raise ConfigurationError(f"{spot} must be a mapping", hint=f"of {', '.join(members)}")
            _check_members(entry, members, spot)
            for name in _REQUIRED[section]:
                if name not in entry:
                    raise ConfigurationError(f"{spot}.{name} is missing")


def _check_members(entry: Record, members: Mapping[str, str], where: str, others: tuple[str, ...] = ()) -> None:
    dot = "." if where.endswith(("]", "quotas", "clock")) else ": "
    for name, value in entry.items():
        if name not in members:
            raise ConfigurationError(f"{where}{dot}{name} is unknown", hint=f"known: {', '.join((*members, *others))}")
        if not _KINDS[members[name]](value):
            hint = "put it in quotation marks" if members[name] == _TEXT else None
            raise ConfigurationError(f"{where}{dot}{name} must be {members[name]}", hint=hint)


class _Applied:
    """One declaration becoming resources of one service."""

    def __init__(self, declaration: Declaration, service: LocalRolesAnywhere) -> None:
        self._declaration = declaration
        self._service = service
        self._account = service._account
        self._kept_roles = list(service._account.roles)

    def apply(self) -> None:
        makers: Mapping[str, Callable[[Record], object]] = {
            "private_cas": self._private_ca,
            "trust_anchors": self._trust_anchor,
            "roles": self._role,
            "profiles": self._profile,
            "crls": self._crl,
        }
        for section, make in makers.items():
            for place, entry in enumerate(self._declaration.content.get(section, [])):
                self._make(make, entry, f"{self._declaration.where}: {section}[{place}]")
        if "clock" in self._declaration.content:
            self._make(self._set_clock, self._declaration.content["clock"], f"{self._declaration.where}: clock")

    def _make(self, make: Callable[[Record], object], entry: Record, where: str) -> None:
        try:
            make(dict(entry))
        except RolesAnywhereError as error:
            raise ConfigurationError(f"{where}: {error.message}", hint=error.hint) from error

    def _private_ca(self, entry: Record) -> None:
        self._service.register_private_ca(entry["arn"], self._pem(entry["pem"]))

    def _trust_anchor(self, entry: Record) -> None:
        if not _is_there(entry, self._account.trust_anchors):
            pem = entry.pop("pem", None)
            self._service.create_trust_anchor(None if pem is None else self._pem(pem), **entry)

    def _role(self, entry: Record) -> None:
        # No client can change a role: who changes its policy here wants it to count.
        for old in [each for each in self._kept_roles if _is_there(entry, [each])]:
            self._kept_roles.remove(old)
            self._account.forget_role(old.arn)
        self._service.create_role(**_with_policy(entry, "trust_policy"))

    def _profile(self, entry: Record) -> None:
        if _is_there(entry, self._account.profiles):
            return
        entry["roles"] = [self._arn_of(name, self._account.roles, "role") for name in entry["roles"]]
        self._service.create_profile(**_with_policy(entry, "session_policy"))

    def _crl(self, entry: Record) -> None:
        if not _is_there(entry, self._account.crls):
            anchor = self._arn_of(entry.pop("trust_anchor"), self._account.trust_anchors, "trust anchor")
            self._service.import_crl(self._pem(entry.pop("crl")), anchor, **entry)

    def _set_clock(self, clock: Record) -> None:
        if len(clock) != 1 or set(clock) - {"set", "offset_seconds"}:
            raise ConfigurationError("give one of set and offset_seconds")
        if "offset_seconds" in clock:
            if not _KINDS[_NUMBER](clock["offset_seconds"]):
                raise ConfigurationError("offset_seconds must be a whole number")
            ahead = _checked(lambda: timedelta(seconds=clock["offset_seconds"]))
        else:
            ahead = _checked(lambda: _moment(clock["set"]) - utc_now())
        _checked(lambda: utc_now() + ahead + timedelta(days=366))
        self._service.clock = lambda: utc_now() + ahead

    def _pem(self, text: str) -> bytes | Path:
        """Return what is written there itself, or the path of the file that is named."""
        return text.encode() if "-----BEGIN" in text else self._declaration.directory / text

    def _arn_of(self, name: str, there: Any, kind: str) -> str:
        if name.startswith("arn:"):
            return name
        arns = [each.arn for each in there if each.name == name]
        if len(arns) != 1:
            raise ConfigurationError(f"there is {'no' if not arns else 'more than one'} {kind} {name!r}")
        return str(arns[0])


def _is_there(entry: Record, there: Any) -> bool:
    if "arn" in entry:
        return any(each.arn == entry["arn"] for each in there)
    return any(each.name == entry["name"] for each in there)


def _with_policy(entry: Record, name: str) -> Record:
    return {**entry, name: _without_dates(entry[name])} if name in entry else entry


def _without_dates(value: Any) -> Any:
    """Return a policy as its author meant it: YAML takes ``Version: 2012-10-17`` for a date."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _without_dates(each) for key, each in value.items()}
    return [_without_dates(each) for each in value] if isinstance(value, list) else value


def _moment(value: object) -> datetime:
    """Return a moment; YAML's without a time zone are in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def _checked(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValueError, OverflowError) as error:
        raise ConfigurationError("this is no moment such as 2030-01-01T00:00:00Z", hint="in the calendar") from error
