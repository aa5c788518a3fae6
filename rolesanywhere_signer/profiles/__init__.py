"""Settings and identity from a profile of the AWS config file or from the environment, as plain values.

Which source counts, the first that applies:

| given | the settings are |
|---|---|
| ``profile=`` | that profile's, each overridden by an argument of its name |
| certificate and the three ARNs as arguments | the arguments alone |
| one of these as ``ROLESANYWHERE_*`` | the environment's, each overridden by an argument; no profile's |
| nothing of that | the profile of ``AWS_DEFAULT_PROFILE``, ``AWS_PROFILE`` or ``default``, overridden likewise |

Inside a profile, ``rolesanywhere_*`` keys relate to the helper's ``credential_process`` line as arguments do to a
profile: complete keys stand alone, others override what the line says. A certificate never meets the key, the
intermediates or the passphrase of another source, and a private key never another's passphrase.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..aws_config import ConfigFile, load_config_file, profile_name
from ..errors import ConfigurationError
from ..identity_sources import PassphraseFile
from .chaining import ChainedProfile, ChainedRole, chained_profile
from .from_flags import flag_of, is_chosen_in_tokens, key_of_flag, options_from_flags, options_given
from .options import REQUIRED, Options, options_from_environment, set_variables, variable
from .profile import find_options, options_from_profile, why_not

__all__ = [
    "ChainedProfile",
    "ChainedRole",
    "Options",
    "PassphraseFile",
    "chained_profile",
    "find_options",
    "flag_of",
    "is_chosen_in_tokens",
    "key_of_flag",
    "options_from_environment",
    "options_from_flags",
    "options_from_profile",
    "options_given",
    "profile_in_use",
    "resolve",
]

_logger = logging.getLogger("rolesanywhere_signer")


def resolve(arguments: Mapping[str, object], *, profile: str | None, environment: Mapping[str, str]) -> Options:
    """Return the options that count, complete and each typed; the module's docstring says what wins.

    The CA bundle is one of ours, else that of ``AWS_CA_BUNDLE``, else the ``ca_bundle`` of the profile in use. FIPS and
    dual-stack are ours, else those of ``AWS_USE_FIPS_ENDPOINT`` and ``AWS_USE_DUALSTACK_ENDPOINT``, else the profile's.

    Args:
        arguments: What the caller gave; None stands for not given.
        profile: The profile that the caller named, or None.
        environment: The environment variables.

    Raises:
        ConfigurationError: Nothing was found, with what was looked for; something is missing; or a source cannot be
            understood.
    """
    given = Options("the arguments", {k: v for k, v in arguments.items() if v is not None}, _argument)
    base = _base(given, profile, environment)
    options = given if base is None else given.over(base)
    if options.missing:
        words = " and ".join(options.spell(name) for name in options.missing)
        raise ConfigurationError(
            f"{options.source} lacks {words}",
            hint="add it there: settings are taken from one source, and only an argument makes up for what it lacks",
        )
    options = _with_ca_bundle(options, base, profile, environment)
    return _with_endpoint_variants(options, profile, environment)


def profile_in_use(
    arguments: Mapping[str, object], *, profile: str | None, environment: Mapping[str, str]
) -> str | None:
    """Return the name of the profile that gives the settings, or None: the arguments or the environment do."""
    if profile is not None:
        return profile
    complete = all(arguments.get(name) is not None for name in REQUIRED)
    return None if complete or _gives_settings(environment) else profile_name(environment)


def _argument(name: str) -> str:
    return f"{name}="


def _base(given: Options, profile: str | None, environment: Mapping[str, str]) -> Options | None:
    """Return what the arguments are put over; None: they stand alone."""
    name = profile_in_use(given.values, profile=profile, environment=environment)
    if name is None:
        return options_from_environment(environment) if given.missing else None
    if profile is not None:
        return options_from_profile(profile, environment)
    _warn_of_unused(name, environment)
    config = load_config_file(environment)
    options = find_options(config, name)
    if options is None:
        raise _nothing_found(given, config, name)
    return options


def _gives_settings(environment: Mapping[str, str]) -> bool:
    return any(environment.get(variable(name)) for name in (*REQUIRED, "certificate_pem"))


def _warn_of_unused(name: str, environment: Mapping[str, str]) -> None:
    unused = set_variables(environment)
    if unused:
        _logger.warning("not used, because the settings are those of profile %r: %s", name, ", ".join(unused))


def _nothing_found(given: Options, config: ConfigFile, name: str) -> ConfigurationError:
    variables = ", ".join(variable(option) for option in (*REQUIRED, "certificate_pem"))
    missing = " and ".join(given.spell(option) for option in given.missing)
    return ConfigurationError(
        f"no settings for IAM Roles Anywhere: the arguments lack {missing}; the environment has none of {variables}; "
        + why_not(config, name),
        hint="give all four as arguments or in the environment, or name a profile by profile= or AWS_PROFILE",
    )


def _with_ca_bundle(
    options: Options, base: Options | None, profile: str | None, environment: Mapping[str, str]
) -> Options:
    # True asks for verification and does not say by which bundle.
    if options.values.get("verify", True) is not True:
        return options
    ours = None if base is None else base.values.get("verify")
    bundle = ours if isinstance(ours, str) else environment.get("AWS_CA_BUNDLE")
    bundle = bundle or _shared_value("ca_bundle", profile or profile_name(environment), environment)
    return options._replace(values={**options.values, "verify": bundle}) if bundle else options


def _with_endpoint_variants(options: Options, profile: str | None, environment: Mapping[str, str]) -> Options:
    """Add what the SDKs' own settings say of FIPS and dual-stack; a silent way round FIPS would be a fault."""
    if "endpoint_url" in options.values:
        return options
    values = dict(options.values)
    for option in ("use_fips_endpoint", "use_dualstack_endpoint"):
        name = profile or profile_name(environment)
        said = environment.get(f"AWS_{option.upper()}") or _shared_value(option, name, environment) or ""
        if option not in values and said.lower() == "true":
            values[option] = True
    return options._replace(values=values)


def _shared_value(key: str, name: str, environment: Mapping[str, str]) -> str | None:
    """Return a value of a profile that is the SDKs' own."""
    try:
        profile = load_config_file(environment).find_profile(name)
    except ConfigurationError as error:
        # The settings came from elsewhere: they do not fail because of this file.
        _logger.warning("no %s is taken from the AWS config file: %s", key, error.message)
        return None
    return None if profile is None else profile.values.get(key)
