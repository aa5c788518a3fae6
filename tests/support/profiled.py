"""An AWS config file as users have it, whose profiles lead to a local service and to moto."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.world import World

REGION = "eu-central-1"


def helper_line(world: World) -> str:
    """Return the line with which the official helper would be run; the program itself is nowhere."""
    arns = " ".join(f"--{name.replace('_', '-')} {arn}" for name, arn in world.arns.items())
    return (
        "credential_process = /usr/local/bin/aws_signing_helper credential-process "
        f"--certificate {world.certificate} --private-key {world.private_key} {arns} --endpoint {world.service.url}"
    )


def own_keys(world: World) -> str:
    """Return the same in keys of ours."""
    values = {
        "certificate": world.certificate,
        "private_key": world.private_key,
        "endpoint_url": world.service.url,
        **world.arns,
    }
    return "\n".join(f"rolesanywhere_{name} = {value}" for name, value in values.items())


def write_config(path: Path, **profiles: str) -> None:
    """Write profiles, each with its region."""
    sections = (f"[profile {name}]\nregion = {REGION}\n{text}\n" for name, text in profiles.items())
    path.write_text("\n".join(sections), encoding="utf-8")


def set_environment(monkeypatch: Any, **options: object) -> None:
    """Set options as ``ROLESANYWHERE_*``."""
    for name, value in options.items():
        monkeypatch.setenv(f"ROLESANYWHERE_{name.upper()}", str(value))
