"""Answers of the service, in the shape of its API reference."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.support.arns import ACCOUNT, REGION, ROLE_ARN
from tests.support.servers import http


def session_body(expiration: datetime, number: int = 1) -> dict[str, Any]:
    return {
        "credentialSet": [
            {
                "assumedRoleUser": {
                    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/s3-reader/1a2b",
                    "assumedRoleId": "AROAEXAMPLE:1a2b",
                },
                "credentials": {
                    "accessKeyId": f"ASIA{number:016}",
                    "secretAccessKey": "planted-secret-access-key",
                    "sessionToken": "planted-session-token",
                    "expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
                },
                "packedPolicySize": 46,
                "roleArn": ROLE_ARN,
                "sourceIdentity": "CN=app",
            }
        ],
        "subjectArn": f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:subject/1",
    }


def created(now: datetime, number: int = 1, length: timedelta = timedelta(hours=1)) -> bytes:
    return http(201, json.dumps(session_body(now + length, number)).encode(), Content_Type="application/json")


def refused(
    message: str, status: int = 403, code: str = "AccessDeniedException", date: datetime | None = None, **headers: str
) -> bytes:
    """Return an error of the service, whose clock says ``date``."""
    if date is not None:
        headers["Date"] = format_datetime(date, usegmt=True)
    body = json.dumps({"message": message}).encode()
    return http(status, body, x_amzn_ErrorType=code, Content_Type="application/json", **headers)
