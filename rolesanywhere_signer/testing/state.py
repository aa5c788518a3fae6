"""The state of the local service as JSON: what was made in it survives a restart; what was given out does not.

Credentials are secrets and are not in it. A certificate or a policy is none.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..clock import require_aware
from ..errors import ConfigurationError
from .account import Account
from .crls import parse_crl
from .refusals import Refusal
from .resources import (
    AttributeMapping,
    Crl,
    InstanceProperties,
    NotificationSetting,
    Profile,
    Role,
    Subject,
    SubjectCredential,
    TipConfiguration,
    TrustAnchor,
)

VERSION = 1
# What a hand that edits the file gets wrong without being noticed: "false" would be true.
_KINDS: Mapping[str, type] = {
    "arn": str,
    "name": str,
    "trust_anchor_arn": str,
    "enabled": bool,
    "accept_role_session_name": bool,
    "require_instance_properties": bool,
    "crl_dp_revocation_enabled": bool,
    "duration_seconds": int,
    "max_session_duration_seconds": int,
}
_Record = dict[str, Any]
_Kind = TypeVar("_Kind")


def summary(account: Account) -> _Record:
    """Return which resources there are, each with what tells it from others."""
    return {
        "region": account.region,
        "account_id": account.account_id,
        "trust_anchors": [_line(each) for each in account.trust_anchors],
        "profiles": [{**_line(each), "role_arns": list(each.role_arns)} for each in account.profiles],
        "crls": [_line(each) for each in account.crls],
        "roles": [{"arn": role.arn, "name": role.name} for role in account.roles],
        "subjects": [{"arn": each.arn, "x509_subject": each.x509_subject} for each in account.subjects],
    }


def _line(resource: TrustAnchor | Profile | Crl) -> _Record:
    return {"arn": resource.arn, "name": resource.name, "enabled": resource.enabled}


def dump_state(account: Account) -> _Record:
    """Return everything that was made in an account, in JSON's types."""
    with account.lock:
        return {
            "version": VERSION,
            "region": account.region,
            "account_id": account.account_id,
            "private_cas": {arn: _pem(certificates) for arn, certificates in account.private_cas.items()},
            "roles": [_plain(role) for role in account.roles],
            "trust_anchors": [_plain(anchor) for anchor in account.trust_anchors],
            "profiles": [_plain(profile) for profile in account.profiles],
            "crls": [_plain(crl, without=("revocation_list",)) for crl in account.crls],
            "subjects": [_plain(subject) for subject in account.subjects],
        }


def load_state(account: Account, state: object, where: str) -> None:
    """Put what ``dump_state`` returned into a new account.

    Args:
        account: With nothing in it.
        state: As JSON's types.
        where: How messages begin.

    Raises:
        ConfigurationError: It is not such a state, or one of another region or account.
    """
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise ConfigurationError(f"{where} is not a state of version {VERSION} of the local service")
    if (state.get("region"), state.get("account_id")) != (account.region, account.account_id):
        raise ConfigurationError(
            f"{where} is of region {state.get('region')!r} and account {state.get('account_id')!r}, "
            f"not of {account.region!r} and {account.account_id!r}",
            hint="give the region and the account of the state, or another state file",
        )
    for arn, pem in _each(state, "private_cas", where, dict, lambda pair: (str(pair[0]), _certificates(pair[1]))):
        account.register_private_ca(arn, pem)
    for role in _each(state, "roles", where, list, lambda record: Role(**record)):
        account.add_role(role)
    # The limits were looked at when these were made.
    for anchor in _each(state, "trust_anchors", where, list, _anchor):
        account.trust_anchors.add(anchor)
    for profile in _each(state, "profiles", where, list, _profile):
        account.profiles.add(profile)
    for crl in _each(state, "crls", where, list, _crl):
        account.crls.add(crl)
    for subject in _each(state, "subjects", where, list, _subject):
        account.subjects.add(subject)


def _each(state: _Record, name: str, where: str, kind: type, make: Callable[[Any], _Kind]) -> Iterable[_Kind]:
    records = state.get(name)
    if not isinstance(records, kind) or not isinstance(records, (dict, list)):
        raise ConfigurationError(f"{where}: {name} is missing or of another kind")
    entries: list[Any] = list(records.items() if isinstance(records, dict) else records)
    return [_made(make, record, f"{where}: {name}[{place}]") for place, record in enumerate(entries)]


def _made(make: Callable[[Any], _Kind], record: object, where: str) -> _Kind:
    try:
        _check_kinds(record)
        return make(record)
    except (TypeError, ValueError, KeyError, AttributeError, Refusal) as error:
        raise ConfigurationError(
            f"{where} is not what this program writes", hint="remove the file, or the entry, to begin anew"
        ) from error


def _check_kinds(record: object) -> None:
    for name, value in record.items() if isinstance(record, dict) else ():
        if type(value) is not _KINDS.get(name, type(value)):
            raise TypeError(f"{name} is of another kind")


def _plain(value: Any, without: tuple[str, ...] = ()) -> Any:  # noqa: PLR0911 - one for each type
    """Return a value of the account in JSON's types."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, x509.Certificate):
        return value.public_bytes(Encoding.PEM).decode("ascii")
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        members = (each.name for each in fields(value) if each.name not in without)
        return {name: _plain(getattr(value, name)) for name in members}
    return value


def _pem(certificates: tuple[x509.Certificate, ...]) -> list[Any]:
    return [_plain(each) for each in certificates]


def _certificates(pems: Any) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificate(pem.encode("ascii")) for pem in pems)


def _moments(record: _Record, *names: str) -> _Record:
    return {name: require_aware(datetime.fromisoformat(record[name]), name) for name in names}


def _common(record: _Record) -> _Record:
    return {**record, **_moments(record, "created_at", "updated_at")}


def _anchor(record: _Record) -> TrustAnchor:
    settings = tuple(NotificationSetting(**each) for each in record["notification_settings"])
    certificates = _certificates(record["certificates"])
    return TrustAnchor(**{**_common(record), "certificates": certificates, "notification_settings": settings})


def _profile(record: _Record) -> Profile:
    tip = record["tip_configuration"]
    mappings = ((each["certificate_field"], tuple(each["specifiers"])) for each in record["attribute_mappings"])
    own = {
        "role_arns": tuple(record["role_arns"]),
        "managed_policy_arns": tuple(record["managed_policy_arns"]),
        "attribute_mappings": tuple(AttributeMapping(*each) for each in mappings),
        "tip_configuration": None if tip is None else TipConfiguration(**tip),
    }
    return Profile(**{**_common(record), **own})


def _crl(record: _Record) -> Crl:
    data = base64.b64decode(record["data"], validate=True)
    return Crl(**{**_common(record), "data": data, "revocation_list": parse_crl(data)})


def _subject(record: _Record) -> Subject:
    credentials = (SubjectCredential(**{**each, **_moments(each, "seen_at")}) for each in record["credentials"])
    properties = (InstanceProperties(**{**each, **_moments(each, "seen_at")}) for each in record["instance_properties"])
    own = {"credentials": tuple(credentials), "instance_properties": tuple(properties)}
    return Subject(**{**_common(record), **_moments(record, "last_seen_at"), **own})
