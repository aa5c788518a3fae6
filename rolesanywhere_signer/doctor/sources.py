"""Where the settings come from, and what lies beside them that leads programs elsewhere."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
from typing import TYPE_CHECKING

from ..arn import parse_trust_anchor_arn
from ..assembly import make_plan
from ..aws_config import load_config_file
from ..credentials_file import credentials_path
from ..errors import ConfigurationError
from ..files import read_source
from ..profiles import chained_profile, profile_in_use

if TYPE_CHECKING:
    from ..aws_config import ConfigFile, Profile
    from .patient import Patient

_STATIC_KEY = "aws_access_key_id"
_COMES_FIRST = {"web_identity_token_file", "sso_session", "sso_start_url", "login_session"}


def find_settings(patient: Patient) -> str:
    """Find out what is asked for, and where that is said.

    Raises:
        ConfigurationError: Nobody says it, or it cannot be understood; the message names profile and flag.
    """
    question = patient.question
    patient.plan = make_plan(question.profile, question.options, question.environment)
    patient.hears_log = False
    settings = patient.plan.settings
    _compare_regions(patient)
    if settings.verify is False:
        patient.remark(
            "TLS is not verified: whoever stands in between can read the credentials",
            "take --no-verify-ssl out; behind a proxy that inspects TLS, give its CA as CA bundle",
        )
    _look_at_profile(patient)
    source = patient.plan.options.source if patient.is_from_elsewhere else "the flags"
    return f"{source}: {settings.role_arn}, by {settings.profile_arn} and {settings.trust_anchor_arn}"


def _compare_regions(patient: Patient) -> None:
    settings = patient.plan.settings
    own = parse_trust_anchor_arn(settings.trust_anchor_arn).region
    if settings.region != own:
        patient.remark(
            f"the region is {settings.region}, and the trust anchor is in {own}: the service looks for it in "
            f"{settings.region}",
            f"leave {patient.spell('region')} out, or give {own}",
        )


def _look_at_profile(patient: Patient) -> None:
    question = patient.question
    name = profile_in_use(question.options, profile=question.profile, environment=question.environment)
    if name is None:
        return
    chain = chained_profile(name, question.environment)
    config = load_config_file(question.environment)
    profile = config.find_profile(name if chain is None else chain.source)
    if profile is None:
        return
    _read_as_the_sdks(patient, config)
    if "credential_process" in profile.values:
        _look_for_program(patient, profile)
        _look_for_what_comes_first(patient, profile)


def _read_as_the_sdks(patient: Patient, config: ConfigFile) -> None:
    """Remark on a file that botocore refuses as a whole, although the profile in it is in order."""
    try:
        configparser.RawConfigParser().read_string(config.text)
    except configparser.Error as error:
        # Its text shows the line, which may hold a secret.
        line = getattr(error, "lineno", None) or next((number for number, _ in getattr(error, "errors", ())), None)
        where = f" in line {line}" if line else ""
        patient.remark(
            f"boto3 and the AWS CLI refuse the whole AWS config file {config.path!r}, because of what stands{where}",
            "mend that line: each is a [section], 'key = value', or indented below its key",
        )


def _look_for_program(patient: Patient, profile: Profile) -> None:
    try:
        program = shlex.split(profile.values["credential_process"], posix=os.name == "posix")[0].strip('"')
    except (ValueError, IndexError):
        return
    if shutil.which(program, path=patient.question.environment.get("PATH")) is None:
        patient.remark(
            f"credential_process of {profile.where} runs {program!r}, which is not there or cannot be run: the AWS "
            "CLI and other SDKs get no credentials",
            "write the whole path of rolesanywhere-signer there; the words behind it stay",
        )


def _look_for_what_comes_first(patient: Patient, profile: Profile) -> None:
    """Remark on what the SDKs take before a credential_process."""
    environment = patient.question.environment
    for key in sorted(profile.values.keys() & _COMES_FIRST):
        patient.remark(
            f"{profile.where} has {key} beside credential_process: the AWS CLI and the SDKs take that first",
            "remove the one that is not meant",
        )
    if environment.get("AWS_ACCESS_KEY_ID") and patient.question.profile is None:
        patient.remark(
            "AWS_ACCESS_KEY_ID is set: the AWS CLI and the SDKs take it before the profile of AWS_PROFILE",
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
        )
    parser = configparser.RawConfigParser(strict=False)
    try:
        path = credentials_path(environment)
        text = read_source(path, what="credentials", error=ConfigurationError).decode("utf-8", "replace")
        parser.read_string(text)
    except (ConfigurationError, configparser.Error):
        return
    if parser.has_option(profile.name, _STATIC_KEY):
        patient.remark(
            f"the credentials file {path!r} has {_STATIC_KEY} for profile {profile.name!r}: the AWS CLI and the SDKs "
            "take it before credential_process",
            "remove the keys there, or give one of the two profiles another name",
        )
