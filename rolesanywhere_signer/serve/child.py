"""The environment of a program that is to use a container endpoint, and nothing that the SDKs would take before it.

The SDKs ask a container's endpoint nearly last: variables with keys, a profile, and the files of the user all come
first. So the program gets none of these variables, an empty credentials file, and a config file of its own, in which
``[default]`` says what the chosen profile said, but for where credentials come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..aws_config import ConfigFile, load_config_file, profile_name
from ..errors import ConfigurationError
from ..private_files import write_private

# What the SDKs take credentials from before they look for a container's endpoint, or in its place.
_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CREDENTIAL_FILE",
        "AWS_CREDENTIAL_PROFILES_FILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
# Certificate, key and passphrase of ours; tokens of single services, such as AWS_BEARER_TOKEN_BEDROCK.
_PREFIXES = ("ROLESANYWHERE_", "AWS_BEARER_TOKEN_")
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

# Keys of a profile that say where credentials come from.
_CREDENTIAL_KEYS = re.compile(
    "aws_access_key_id|aws_secret_access_key|aws_session_token|aws_security_token|aws_account_id|credential_process"
    "|credential_source|source_profile|role_arn|role_session_name|external_id|mfa_serial|duration_seconds"
    "|web_identity_token_file|login_session|sso_.*|rolesanywhere_.*"
)
# Those whose values are secrets, which a copy must not hold in any profile.
_SECRET_KEYS = re.compile("aws_.*_key.*|aws_.*_token|external_id|rolesanywhere_(passphrase|.*_pem|pin)")
_SECRET_VALUES = re.compile("--(pkcs8|tpm-key)-password|pin-value")
_KEY = re.compile(r"\s*([^\s=:\[][^=:]*?)\s*[=:]")


@dataclass(frozen=True)
class Endpoint:
    """A container endpoint, as a client needs to know it.

    Attributes:
        url: Of the role.
        token_file: The path of the file with the bearer token.
    """

    url: str
    token_file: str

    @property
    def variables(self) -> dict[str, str]:
        """What leads the SDKs there."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": self.token_file,
        }


def child_environment(
    environment: Mapping[str, str], endpoint: Endpoint, directory: str, *, profile: str | None, region: str
) -> dict[str, str]:
    """Return the environment of a program, and write the two files that it names.

    Args:
        environment: Ours.
        endpoint: Where its credentials come from.
        directory: Of this user alone; there as long as the program runs.
        profile: The profile that the user named, or None: the environment's.
        region: For a program to which nothing else says one.

    Raises:
        ConfigurationError: The AWS config file or the profile cannot be understood, or a file cannot be written.
    """
    content = child_config(load_config_file(environment), profile or profile_name(environment))
    config, nothing = Path(directory, "config"), Path(directory, "nothing")
    try:
        write_private(config, content.encode("utf-8", "surrogateescape"))
        write_private(nothing, b"")
    except OSError as error:
        raise ConfigurationError(f"cannot write to {directory!r}: {error.strerror or error}") from error
    kept = {
        name: value for name, value in environment.items() if name not in _VARIABLES and not name.startswith(_PREFIXES)
    }
    files = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(nothing),
        # boto's own files of old, which botocore still reads.
        "BOTO_CONFIG": str(nothing),
    }
    has_region = any(environment.get(name) for name in _REGION_VARIABLES) or _says_region(content)
    regions = {} if has_region else dict.fromkeys(_REGION_VARIABLES, region)
    return {**kept, **files, **endpoint.variables, **regions}


def child_config(config: ConfigFile, chosen: str) -> str:
    """Return an AWS config file in which ``[default]`` is the chosen profile without its credentials.

    Other profiles and sections stay, without secrets and without comments.

    Raises:
        ConfigurationError: The chosen profile cannot be understood.
    """
    found = config.find_profile(chosen)
    values = {} if found is None else found.values
    entries = [_entry(key, value) for key, value in values.items()]
    kept = [entry for entry in entries if not _is_secret(entry, for_all=True)]
    return "".join(["[default]\n", *kept, "\n", *_without_secrets(config.lines())])


def _entry(key: str, value: str) -> str:
    # Further lines belong to the value as long as they are indented.
    return f"{key} = " + value.replace("\n", "\n    ") + "\n"


def _without_secrets(lines: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """Yield the lines of all but the default profile, without keys that hold secrets."""
    for_all = False
    for entry in _entries(lines):
        if entry.startswith("["):
            # Its values count for every profile, [default] too.
            for_all = entry.strip() == "[DEFAULT]"
            yield entry
        elif not _is_secret(entry, for_all=for_all):
            yield entry


def _entries(lines: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """Yield headers, and keys each with all lines of its value; blank lines and comments are left out."""
    entry, depth = "", 0
    for profile, line in lines:
        text = line.strip()
        if profile == "default" or not text or text[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        whole = line if line.endswith("\n") else f"{line}\n"
        if entry and not entry.startswith("[") and indent > depth:
            entry += whole
            continue
        if entry:
            yield entry
        entry, depth = whole, indent
    if entry:
        yield entry


def _is_secret(entry: str, *, for_all: bool) -> bool:
    key = _KEY.match(entry)
    if key is None:
        return True  # what is no key with a value would make the whole file unreadable
    if for_all and _CREDENTIAL_KEYS.fullmatch(key[1].lower()):
        return True
    # Each line: one that is indented by mistake belongs to the value before it, and holds its secret all the same.
    found = filter(None, map(_KEY.match, entry.splitlines()))
    return any(_SECRET_KEYS.fullmatch(key[1].lower()) for key in found) or bool(_SECRET_VALUES.search(entry))


def _says_region(content: str) -> bool:
    found = ConfigFile("", exists=True, text=content).find_profile("default")
    return found is not None and bool(found.values.get("region"))
