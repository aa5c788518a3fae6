"""``configure``: writes a profile of the AWS config file after checking it."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, PassphraseError
from ..flags import Flag, Given, one_of, switch
from ..helper_command import EXCLUSIONS
from .command import PROGRAM, Command
from .common import ARNS, SESSION_TABLE, check_complete, session_options
from .terminal import note, show_log, show_progress, tell_error, warn

if TYPE_CHECKING:
    from ..doctor import Examination, Fault, Step

# A profile that breaks here can never work; what comes later the service decides, or time.
_INDISPENSABLE = ("settings", "files", "identity")


def run(given: Given) -> int:
    """Check, write, read back, and print how to use the profile.

    Raises:
        ConfigurationError: The flags cannot be, or the file cannot be changed.
    """
    from ..aws_config import load_config_file
    from ..written_profile import check_is_new, check_profile_name, write_profile

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    _check_flags(given)
    name = check_profile_name(str(given["profile"]))
    if not given.is_on("force"):
        check_is_new(name, load_config_file(os.environ))
    values = _values(given, name)
    found = _examine(given)
    if not _is_accepted(found, given):
        return 1
    region = given.text("region") or str(given["trust-anchor-arn"]).split(":")[3]
    written = write_profile(name, values, region, os.environ, replace=given.is_on("force"))
    for remark in written.remarks:
        warn(remark)
    _read_back(name)
    _tell(name, written.path, found)
    return 0


def _check_flags(given: Given) -> None:
    if "profile" not in given.named:
        raise ConfigurationError(f"{NAME}: --profile is missing", hint="it names the profile to write")
    check_complete(given, NAME, "a profile is written as a whole, and nothing of it is taken from elsewhere")
    if "pkcs8-password" in given or "tpm-key-password" in given:
        raise ConfigurationError(
            f"{NAME}: a passphrase does not go into the AWS config file",
            hint="put it into a file of its own, mode 600, and give --passphrase-file FILE",
        )


def _values(given: Given, name: str) -> Mapping[str, str]:
    from ..written_profile import keys_of_flags, line_of_flags, line_of_profile

    if given["style"] == "process":
        return {"credential_process": line_of_flags(given, _program())}
    return {**keys_of_flags(given), "credential_process": line_of_profile(name, _program(), given.get("cache"))}


def _program() -> str:
    """Return the whole path of this program: services and cron jobs have another PATH than a person."""
    beside = Path(sys.executable).parent / Path(PROGRAM).with_suffix(".exe" if os.name == "nt" else "")
    return str(beside) if beside.is_file() else os.path.abspath(shutil.which(PROGRAM) or PROGRAM)  # noqa: PTH100


def _examine(given: Given) -> Examination:
    from ..doctor import Question, examine
    from ..profiles import options_given

    options = session_options(given, NAME)
    if given["style"] == "keys":
        # Keys have none of the official helper's defaults.
        options = options_given(given)  # type: ignore[assignment]
    question = Question(options, None, os.environ, ask_passphrase=_nobody_to_ask)
    found = examine(question, local_only=given.is_on("offline"), before_step=lambda step: show_progress(f"{step} ..."))
    show_progress("")
    return found


def _nobody_to_ask() -> str:
    raise PassphraseError(
        "the private key is encrypted, and whoever uses the profile cannot be asked for the passphrase",
        hint="put it into a file of its own, mode 600, and give --passphrase-file FILE",
    )


def _is_accepted(found: Examination, given: Given) -> bool:
    """Tell what was found, and return whether the profile may be written."""
    for remark in found.remarks:
        warn(f"{remark.message}; {remark.hint}")
    if found.fault is None:
        return True
    broken = found.steps[-1]
    if given.is_on("force") and broken.name not in _INDISPENSABLE:
        warn(f"{found.fault.message}; {found.fault.hint}")
        for remark in found.fault.also:
            warn(f"{remark.message}; {remark.hint}")
        return True
    _tell_fault(found.fault, broken)
    return False


def _tell_fault(fault: Fault, broken: Step) -> None:
    tell_error(ConfigurationError(fault.message, hint=fault.hint))
    for number, cause in enumerate(fault.causes[1:], 2):
        note(f"cause {number}: {cause.reason}\n  check: {cause.check}")
    for remark in fault.also:
        note(f"also: {remark.message}\n  hint: {remark.hint}")
    note("")
    note("Nothing was written.")
    if broken.name not in _INDISPENSABLE:
        note("--force writes the profile all the same, --offline without asking the service.")


def _read_back(name: str) -> None:
    """Look at the profile as everybody will who uses it."""
    from ..doctor import Question, examine

    found = examine(Question({}, name, os.environ, ask_passphrase=_nobody_to_ask), local_only=True)
    settings = next(step for step in found.steps if step.name == "settings")
    for remark in settings.remarks:
        warn(f"{remark.message}; {remark.hint}")


def _tell(name: str, path: str, found: Examination) -> None:
    last = found.steps[-1]
    if last.fault is not None:
        print(f"profile {name!r} is written to {path!r}, although it does not work yet")
    elif last.name == "caller-identity":
        print(f"profile {name!r} is written to {path!r}; it gives the credentials of {last.found.split()[0]}")
    else:
        print(f"profile {name!r} is written to {path!r}; the service was not asked")
        note(f"{PROGRAM} doctor --profile {name} asks it.")
    print(f"\n  aws --profile {name} sts get-caller-identity")
    print(f'  boto3.Session(botocore_session=create_botocore_session(profile="{name}"))')


NAME = "configure"
COMMAND = Command(
    name=NAME,
    summary="write a profile of the AWS config file, after checking it",
    description="Write a profile that boto3 with this library, the AWS CLI and every SDK can use. First the files are "
    "read, the certificate is checked, and the service is asked for credentials, as doctor does; a profile that does "
    "not work is not written. The file is ~/.aws/config, or that of AWS_CONFIG_FILE; not one byte of it changes that "
    "is not of this profile.\n\nStyle keys writes rolesanywhere_* keys, and a credential_process that takes its "
    "settings from them. Style process writes a credential_process in the official helper's words alone. Paths become "
    "absolute. The profile's region is set where it has none, to that of the trust anchor.",
    flags=(
        *SESSION_TABLE,
        Flag("profile", "The profile to write.", "NAME", is_ours=True),
        Flag("style", "How it is written.", "keys|process", one_of("keys", "process"), default="keys", is_ours=True),
        switch(
            "force",
            "Change a profile that is there: its keys of IAM Roles Anywhere, and no other. Write it although the "
            "certificate or the service's answer speaks against it.",
            is_ours=True,
        ),
        switch("offline", "Do not ask the service; check what can be checked here.", is_ours=True),
    ),
    exclusions=EXCLUSIONS,
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --profile onprem --certificate client.pem --private-key client.key {ARNS}",
        f"{PROGRAM} {NAME} --profile onprem --style process --offline --certificate client.pem {ARNS}",
    ),
)
