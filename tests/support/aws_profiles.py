"""AWS config files and environments, for tests of the settings that they give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import ConfigurationError

ANCHOR = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a"
PROFILE = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p"
ROLE = "arn:aws:iam::123456789012:role/r"
ARNS = {"trust_anchor_arn": ANCHOR, "profile_arn": PROFILE, "role_arn": ROLE}
HELPER_ARNS = f"--trust-anchor-arn {ANCHOR} --profile-arn {PROFILE} --role-arn {ROLE}"
LINE = f"credential_process = /opt/aws_signing_helper credential-process --certificate line.pem {HELPER_ARNS}"
KEYS = f"""
rolesanywhere_certificate = keys.pem
rolesanywhere_trust_anchor_arn = {ANCHOR}
rolesanywhere_profile_arn = {PROFILE}
rolesanywhere_role_arn = {ROLE}
"""
PEM = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n"


def config_environment(directory: Path, text: str, **variables: str) -> dict[str, str]:
    """Write a config file and return an environment that names it."""
    path = directory / "config"
    path.write_text(text, encoding="utf-8")
    return {"AWS_CONFIG_FILE": str(path), **variables}


def variables(**options: str) -> dict[str, str]:
    """Return options as the environment spells them."""
    return {f"ROLESANYWHERE_{name.upper()}": text for name, text in options.items()}


def complete_environment(certificate: str = "environment.pem") -> dict[str, str]:
    """Return all variables that are required."""
    return variables(certificate=certificate, **ARNS)


def refused(call: Callable[[], object]) -> str:
    """Return the text of the error that a call ends in; nothing planted stands in it."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert "planted" not in str(caught.value)
    return str(caught.value)
