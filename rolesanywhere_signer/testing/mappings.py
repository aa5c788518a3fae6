"""Attribute mappings of a profile: put together, added to, taken from (user guide, "Attribute mapping")."""

from __future__ import annotations

from collections.abc import Iterable

from .assumptions import NO_SUCH_SPECIFIER, SPECIFIER_UNDEFINED, TOO_MANY_MAPPING_RULES
from .refusals import invalid_request
from .resources import X509_SAN, AttributeMapping

Mappings = tuple[AttributeMapping, ...]

# Of a directory name in the alternative names all is meant where no part is named.
_WHOLE_NAME = "Name/*"
_SPELLINGS_OF_THE_WHOLE_NAME = ("Name", "Name/")
_PARTS_OF_ALTERNATIVE_NAMES = ("DNS", "URI")
_PREFIX_OF_NAMES = "Name/"


def put_rules(mappings: Mappings, certificate_field: str, specifiers: Iterable[str], most: int) -> Mappings:
    """Return the mappings with rules added to a field, which may have ``most`` of them.

    Raises:
        Refusal: The field has no such part, or would have too many rules.
    """
    added = [_canonical(certificate_field, specifier) for specifier in specifiers]
    together = tuple(dict.fromkeys((*_specifiers_of(mappings, certificate_field), *added)))
    if len(together) > most:
        raise invalid_request(TOO_MANY_MAPPING_RULES)
    return _with_field(mappings, certificate_field, together)


def delete_rules(mappings: Mappings, certificate_field: str, specifiers: Iterable[str]) -> Mappings:
    """Return the mappings without the rules of a field: without all of them where no specifier is named.

    Raises:
        Refusal: A rule is not there.
    """
    before = _specifiers_of(mappings, certificate_field)
    removed = {_canonical(certificate_field, specifier) for specifier in specifiers} or set(before)
    if not removed.issubset(before):
        raise invalid_request(NO_SUCH_SPECIFIER)
    return _with_field(mappings, certificate_field, tuple(each for each in before if each not in removed))


def _canonical(certificate_field: str, specifier: str) -> str:
    if not specifier:
        raise invalid_request(SPECIFIER_UNDEFINED)
    if certificate_field != X509_SAN:
        return specifier
    if specifier in _SPELLINGS_OF_THE_WHOLE_NAME:
        return _WHOLE_NAME
    if specifier in _PARTS_OF_ALTERNATIVE_NAMES or specifier.startswith(_PREFIX_OF_NAMES):
        return specifier
    raise invalid_request(SPECIFIER_UNDEFINED)


def _specifiers_of(mappings: Mappings, certificate_field: str) -> tuple[str, ...]:
    return next((each.specifiers for each in mappings if each.certificate_field == certificate_field), ())


def _with_field(mappings: Mappings, certificate_field: str, specifiers: tuple[str, ...]) -> Mappings:
    others = [each for each in mappings if each.certificate_field != certificate_field]
    if specifiers:
        others.append(AttributeMapping(certificate_field, specifiers))
    return tuple(sorted(others, key=lambda each: each.certificate_field))
