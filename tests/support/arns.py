"""The names that the tests ask for."""

from __future__ import annotations

from typing import Any

from rolesanywhere_signer.settings import Settings

REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
ANCHOR_ARN = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/11111111-2222-3333-4444-555555555555"
PROFILE_ARN = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:profile/66666666-7777-8888-9999-000000000000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/s3-reader"


def make_settings(endpoint_url: str | None = None, **others: Any) -> Settings:
    """Return settings with short time-outs, that are of this machine alone."""
    others.setdefault("connect_timeout_seconds", 5)
    others.setdefault("read_timeout_seconds", 5)
    return Settings(ANCHOR_ARN, PROFILE_ARN, ROLE_ARN, endpoint_url=endpoint_url, **others)
