"""``credential-process``: what the SDKs and the AWS CLI run to get credentials."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from ..flags import Given
from ..helper_command import COMMAND as NAME
from ..helper_command import EXCLUSIONS
from .command import PROGRAM, Command
from .common import ARNS, FALLBACK, PROFILE, SESSION_TABLE, assemble
from .kept import fingerprint, keep
from .terminal import show_log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..assembly import Assembly
    from ..credentials import Credentials
    from ..files import StrPath


def run(given: Given) -> int:
    """Print credentials as JSON in one line, as ``credential_process`` wants them.

    Raises:
        RolesAnywhereError: None could be had.
    """
    # This process ends in a moment, and what it imports is never garbage: looking for some costs a tenth of its time.
    gc.disable()
    from ..aws_config import config_path

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    # Each before it is read for the answer, so that a change meanwhile is noticed; certificate and key are read again.
    files = _marked([config_path(os.environ)])
    assembly = assemble(given, NAME, given.text("profile"))
    files = [*files, *_marked(assembly.client.identity.paths)] if _is_told_by_files(assembly) else []
    credentials = assembly.refresher().get()
    answer = document(credentials)
    sys.stdout.write(answer)
    sys.stdout.flush()
    if files and assembly.cache is not None:
        from ..refresh import window_of

        renew_at = credentials.expiration - window_of(credentials, assembly.client.now())
        keep(given.words, assembly.cache.directory, files, answer, renew_at.timestamp())
    # Python looks for garbage once more at its end, disabled or not; there, another tenth of the time.
    gc.freeze()
    return 0


def document(credentials: Credentials) -> str:
    """Return the JSON object that ``credential_process`` prints, without a line feed, as the official helper does."""
    values = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration_text,
    }
    if credentials.account_id is not None:
        values["AccountId"] = credentials.account_id
    return json.dumps(values, separators=(",", ":"))


def _is_told_by_files(assembly: Assembly) -> bool:
    # What comes from elsewhere, or from a further role, changes without any file changing.
    return assembly.cache is not None and not assembly.roles and bool(assembly.client.identity.paths)


def _marked(paths: Iterable[StrPath]) -> list[tuple[str, str]]:
    """Return files, by their absolute paths, each with its fingerprint; one without a path is not certain."""
    from pathlib import Path

    try:
        absolute = [str(Path(path).absolute()) for path in paths]
    except OSError:
        return [("", "")]  # the working directory is gone
    return [(path, fingerprint(path)) for path in absolute]


COMMAND = Command(
    name=NAME,
    summary="print credentials for credential_process of the AWS config file",
    description="Exchange the certificate for temporary credentials and print them as JSON, as the AWS CLI and the "
    f"SDKs expect it of a credential_process.\n\n{FALLBACK}\n\nWith --cache, processes that start at once make one "
    "call, and later ones are answered from the cache until the credentials are due.",
    flags=(*SESSION_TABLE, PROFILE),
    exclusions=EXCLUSIONS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --certificate client.pem --private-key client.key {ARNS}",
        f"{PROGRAM} {NAME} --profile onprem --cache",
    ),
)
