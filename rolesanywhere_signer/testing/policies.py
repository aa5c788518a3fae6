"""Policy documents: the trust policy of a role and the session policy of a profile, parsed, checked and evaluated.

Source: IAM user guide, "IAM JSON policy element reference" and "Policy evaluation logic".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError
from .policy_conditions import Condition, parse_conditions
from .policy_patterns import Context, Pattern

# What is written into the role or the profile: JSON text, or the same as Python values.
PolicyDocument = str | Mapping[str, Any]

_WITH_VARIABLES = "2012-10-17"
_VERSIONS = ("2008-10-17", _WITH_VARIABLES)
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_TRUST_ACTION = re.compile(r"\*|sts:[A-Za-z0-9*?]+", re.IGNORECASE)
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_EXAMPLES = {
    "trust_policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": '
    '"rolesanywhere.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}]}',
    "session_policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", '
    '"Resource": "*"}]}',
}


@dataclass(frozen=True)
class Principal:
    """Who makes a request: a service, or what the ARNs name.

    Attributes:
        service: Such as ``rolesanywhere.amazonaws.com``.
        arns: Of the session and of its role.
        account_id: Of an AWS principal.
    """

    service: str | None = None
    arns: frozenset[str] = frozenset()
    account_id: str | None = None

    def is_meant_by(self, kind: str, text: str, *, allows: bool) -> bool:
        """Return whether a Principal element means this one.

        Args:
            kind: ``AWS``, ``Service`` or, for everybody, ``*``; others never do.
            text: What stands there.
            allows: Whether the statement's effect is Allow. ``{"AWS": "*"}`` is everybody, services too, where it
                denies; whether it is where it allows is not documented clearly enough to let a service in.
        """
        if kind == "AWS" and text == "*":
            return self.account_id is not None or not allows
        if kind == "AWS" and self.account_id is not None:
            return text in self.arns or _account(text) == self.account_id
        return kind == "*" or (kind == "Service" and text == self.service)


def _account(text: str) -> str:
    """Return the account that an AWS principal names: by its number, or by the ARN of its root."""
    parts = text.split(":")
    return parts[4] if len(parts) == 6 and parts[2] == "iam" and parts[5] == "root" else text


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        allows: Whether its effect is Allow; else Deny.
        actions: What its Action or NotAction says.
        not_actions: Whether that is NotAction.
        principals: Pairs of kind and text; empty in a policy that has none.
        resources: What its Resource or NotResource says; empty in a trust policy.
        not_resources: Whether that is NotResource.
        conditions: All of them must hold.
    """

    allows: bool
    actions: tuple[Pattern, ...]
    not_actions: bool
    principals: tuple[tuple[str, str], ...]
    resources: tuple[Pattern, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    def applies(self, action: str, principal: Principal | None, resource: str | None, context: Context) -> bool:
        """Return whether the statement is about a request."""
        is_named = any(pattern.matches(action.lower(), context) for pattern in self.actions)
        if is_named == self.not_actions:
            return False
        if principal is not None and not self._means(principal):
            return False
        if resource is not None and not self._covers(resource, context):
            return False
        return all(condition.holds(context) for condition in self.conditions)

    def _means(self, principal: Principal) -> bool:
        return any(principal.is_meant_by(kind, text, allows=self.allows) for kind, text in self.principals)

    def _covers(self, resource: str, context: Context) -> bool:
        if any(pattern.pieces(context) is None for pattern in self.resources):
            return False
        return any(pattern.matches(resource, context) for pattern in self.resources) != self.not_resources


@dataclass(frozen=True)
class Policy:
    """A policy document that was checked.

    Attributes:
        text: The document as JSON without spaces.
        statements: Its statements.
    """

    text: str
    statements: tuple[Statement, ...] = field(repr=False, compare=False)

    def allows(
        self, action: str, context: Context, *, principal: Principal | None = None, resource: str | None = None
    ) -> bool:
        """Return whether the policy allows an action: a statement allows it, and none denies it.

        Args:
            action: Such as ``sts:AssumeRole``.
            context: The condition keys of the request.
            principal: Who asks, for a trust policy.
            resource: The ARN of what is asked for, for a session policy.
        """
        effects = [each.allows for each in self.statements if each.applies(action, principal, resource, context)]
        return bool(effects) and all(effects)


def parse_trust_policy(document: PolicyDocument) -> Policy:
    """Parse the trust policy of a role.

    Raises:
        ConfigurationError: IAM would refuse it, or it has what is not evaluated here; the message says where.
    """
    return _parse(document, "trust_policy", _trust_elements)


def parse_session_policy(document: PolicyDocument) -> Policy:
    """Parse the session policy of a profile.

    Raises:
        ConfigurationError: IAM would refuse it; the message says where.
    """
    return _parse(document, "session_policy", _session_elements)


class _Elements:
    """The elements of one statement, taken out one after the other."""

    def __init__(self, statement: object, where: str, *, variables: bool) -> None:
        if not isinstance(statement, Mapping) or not all(isinstance(name, str) for name in statement):
            raise ConfigurationError(f"{where} must be an object")
        self._left = dict(statement)
        self.where = where
        self.variables = variables

    def take(self, name: str) -> object:
        return self._left.pop(name, None)

    def take_one_of(self, name: str, opposite: str) -> tuple[str, tuple[str, ...]]:
        """Take an element or its opposite; return which one it was, and its texts."""
        given = [each for each in (name, opposite) if each in self._left]
        if len(given) != 1:
            problem = f"has {name} and {opposite}" if given else f"has neither {name} nor {opposite}"
            raise ConfigurationError(f"{self.where} {problem}", hint=f"give one {name}")
        return given[0], _texts(self._left.pop(given[0]), f"{self.where}.{given[0]}")

    def patterns(self, name: str, texts: Collection[str], *, variables: bool) -> tuple[Pattern, ...]:
        place = f"{self.where}.{name}"
        return tuple(Pattern(text, place, variables=variables and self.variables, wildcards=True) for text in texts)

    def end(self) -> None:
        if self._left:
            names = ", ".join(sorted(self._left))
            raise ConfigurationError(
                f"{self.where}: such a policy has no {names}", hint="remove it, or correct its name"
            )


def _trust_elements(elements: _Elements) -> Statement:
    if elements.take("NotPrincipal") is not None:
        raise ConfigurationError(
            f"{elements.where}: NotPrincipal is not evaluated here", hint="name the principal in Principal"
        )
    principals = tuple(_principals(elements.take("Principal"), f"{elements.where}.Principal"))
    name, actions = elements.take_one_of("Action", "NotAction")
    wrong = next((action for action in actions if not _TRUST_ACTION.fullmatch(action)), None)
    if wrong is not None:
        raise ConfigurationError(
            f"{elements.where}.{name}: {wrong!r} is no action of STS",
            hint="sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity are what a role needs here",
        )
    return _finish(elements, name, actions, principals=principals)


def _session_elements(elements: _Elements) -> Statement:
    name, actions = elements.take_one_of("Action", "NotAction")
    wrong = next((action for action in actions if not _ACTION.fullmatch(action)), None)
    if wrong is not None:
        raise ConfigurationError(f"{elements.where}.{name}: {wrong!r} is no action", hint="such as s3:GetObject")
    resource, texts = elements.take_one_of("Resource", "NotResource")
    patterns = elements.patterns(resource, texts, variables=True)
    return _finish(elements, name, actions, resources=patterns, not_resources=resource == "NotResource")


def _finish(
    elements: _Elements,
    action_element: str,
    actions: tuple[str, ...],
    *,
    principals: tuple[tuple[str, str], ...] = (),
    resources: tuple[Pattern, ...] = (),
    not_resources: bool = False,
) -> Statement:
    """Take what both kinds of policies have; nothing may be left then."""
    effect = elements.take("Effect")
    if effect not in ("Allow", "Deny"):
        raise ConfigurationError(f"{elements.where}.Effect must be Allow or Deny, not {effect!r}")
    sid = elements.take("Sid")
    if sid is not None and not isinstance(sid, str):
        raise ConfigurationError(f"{elements.where}.Sid must be a text")
    condition = elements.take("Condition")
    conditions = parse_conditions(
        {} if condition is None else condition, f"{elements.where}.Condition", variables=elements.variables
    )
    elements.end()
    # The names of actions are compared in any case.
    patterns = elements.patterns(action_element, [action.lower() for action in actions], variables=False)
    return Statement(
        effect == "Allow", patterns, action_element == "NotAction", principals, resources, not_resources, conditions
    )


def _principals(element: object, where: str) -> Iterator[tuple[str, str]]:
    if element == "*":
        yield ("*", "*")
        return
    if not isinstance(element, Mapping) or not element:
        raise ConfigurationError(f"{where} is missing", hint='{"Service": "rolesanywhere.amazonaws.com"}')
    for kind, named in element.items():
        if kind not in _PRINCIPAL_KINDS:
            raise ConfigurationError(
                f"{where}: there is no kind {kind!r}", hint=f"one of {', '.join(_PRINCIPAL_KINDS)}"
            )
        yield from ((kind, text) for text in _texts(named, f"{where}.{kind}"))


def _texts(element: object, where: str) -> tuple[str, ...]:
    texts = tuple(element) if isinstance(element, list | tuple) else (element,)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ConfigurationError(f"{where} must be a text, or a list of texts")
    return texts


def _parse(document: PolicyDocument, what: str, parse_elements: Callable[[_Elements], Statement]) -> Policy:
    content = _content(document, what)
    unknown = sorted(set(content) - {"Version", "Id", "Statement"})
    if unknown:
        raise ConfigurationError(f"{what}: there is no element {', '.join(unknown)}", hint=_EXAMPLES[what])
    version = content.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise ConfigurationError(f"{what}.Version is {version!r}", hint=f"one of {', '.join(_VERSIONS)}")
    listed = content.get("Statement")
    statements = listed if isinstance(listed, list | tuple) else [listed]
    if listed is None:
        raise ConfigurationError(f"{what} has no Statement", hint=_EXAMPLES[what])
    parsed = [
        parse_elements(_Elements(statement, f"{what}.Statement[{number}]", variables=version == _WITH_VARIABLES))
        for number, statement in enumerate(statements)
    ]
    return Policy(json.dumps(content, separators=(",", ":")), tuple(parsed))


def _content(document: PolicyDocument, what: str) -> dict[str, Any]:
    if isinstance(document, Mapping):
        try:
            # What is no JSON value is found here, and what the caller changes later changes nothing.
            content = json.loads(json.dumps(document))
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"{what} holds what is no JSON: {error}", hint=_EXAMPLES[what]) from error
    else:
        content = _parse_json(document, what)
    if not isinstance(content, dict):
        raise ConfigurationError(f"{what} must be a JSON object", hint=_EXAMPLES[what])
    return content


def _parse_json(document: object, what: str) -> object:
    if not isinstance(document, str):
        raise ConfigurationError(f"{what} must be JSON text or a mapping, not {type(document).__name__}")
    try:
        return json.loads(document, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{what} is no JSON: {error}", hint=_EXAMPLES[what]) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        # Of two operators of one name the first would be lost without a word.
        raise ValueError("a member stands in an object twice")
    return members
