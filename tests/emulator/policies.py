"""Policies for tests, as people write them."""

from __future__ import annotations

from typing import Any

SERVICE = {"Service": "rolesanywhere.amazonaws.com"}
ASSUME, TAG, SET = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


def statement(
    action: Any = (ASSUME, TAG, SET),
    condition: Any = None,
    *,
    effect: str = "Allow",
    principal: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a statement; more elements are given as they are."""
    made = {"Effect": effect, "Principal": SERVICE if principal is None else principal, "Action": action, **more}
    if condition is not None:
        made["Condition"] = condition
    return {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}


def trust_policy(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements) or [statement()]}


def session_policy(actions: Any, resource: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": resource}]}
