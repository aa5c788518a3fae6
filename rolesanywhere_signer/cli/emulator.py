"""``emulator``: the local Roles Anywhere as a program, for everything that is not Python."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..flags import Flag, Given, switch
from .command import PROGRAM, Command
from .terminal import note

if TYPE_CHECKING:
    from ..testing.declared import Declaration
    from ..testing.emulated import EmulatedRolesAnywhere, StateFile

DEFAULT_PORT = 9910
_REGION = "us-east-1"
_ACCOUNT = "123456789012"
_PLACES = ("region", "account_id")
_ELSEWHERE = ("sts-endpoint-url", "iam-endpoint-url")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_PLACEHOLDERS = {"anchor": "TRUST_ANCHOR_ARN", "profile": "PROFILE_ARN", "role": "ROLE_ARN"}


def run(given: Given) -> int:
    """Run the local service until it is told to stop.

    Raises:
        RolesAnywhereError: A flag, a file or the port cannot be used.
    """
    from ..testing.declared import read_declaration
    from ..testing.emulated import StateFile

    config, state = given.text("config"), given.text("state")
    declaration = None if config is None else read_declaration(config)
    with _until_told_to_stop() as told, tempfile.TemporaryDirectory(prefix="rolesanywhere-emulator-") as temporary:
        token_file = _token_file(given, Path(temporary))
        tls = Path(given.text("tls-directory") or Path(temporary) / "tls") if _wants_tls(given) else None
        service = _service(given, declaration, None if state is None else StateFile(state), token_file, tls)
        service.save()
        with service:
            print("\n".join(_lines(service, token_file)), flush=True)
            told.wait()
        service.save()
    note("stopped")
    return 0


def _wants_tls(given: Given) -> bool:
    return given.is_on("tls") or "tls-directory" in given


def _service(
    given: Given, declaration: Declaration | None, state_file: StateFile | None, token: Path | None, tls: Path | None
) -> EmulatedRolesAnywhere:
    from ..testing.emulated import EmulatedRolesAnywhere

    state = None if state_file is None else state_file.read()
    options: dict[str, Any] = {"region": _REGION, "account_id": _ACCOUNT}
    # A flag before the file, and the file before the state, which is refused where it is of somewhere else.
    options |= {name: str(state[name]) for name in options if state is not None and name in state}
    options |= {} if declaration is None else declaration.arguments
    options |= {name: str(given[name.replace("_", "-")]) for name in _PLACES if name.replace("_", "-") in given}
    options["port"] = given["port"]
    options["tls_directory"] = tls
    options["admin_token"] = None if token is None else token.read_text(encoding="ascii").strip()
    options |= _elsewhere(given)
    service = EmulatedRolesAnywhere(state_file, **options)
    if state_file is not None and state is not None:
        state_file.load(service, state)
    if declaration is not None:
        declaration.apply(service)
    return service


def _elsewhere(given: Given) -> dict[str, Any]:
    """Return where roles are assumed and looked for, and what with: secrets are no flags."""
    urls = {name.replace("-", "_"): given.text(name) for name in _ELSEWHERE if name in given}
    keys = [os.environ.get(name) for name in _KEYS]
    if not urls or not any(keys[:2]):
        return urls
    if not all(keys[:2]):
        raise ConfigurationError(
            f"of {_KEYS[0]} and {_KEYS[1]}, by which another STS or IAM is called, one is missing",
            hint="set both in the environment, or neither",
        )
    return {**urls, "sts_credentials": tuple(filter(None, keys))}


def _token_file(given: Given, temporary: Path) -> Path | None:
    """Write a new admin token, if there is to be one, where this user alone can read it."""
    from ..private_files import write_private

    wish = given.text("admin")
    if wish is None:
        return None
    path = Path(wish) if wish else temporary / "admin-token"
    try:
        write_private(path, secrets.token_urlsafe(32).encode("ascii") + b"\n")
    except OSError as error:
        raise ConfigurationError(
            f"the admin token cannot be written to {str(path)!r}: {error.strerror}",
            hint="its directory must be there and this user's to write",
        ) from error
    return path.absolute()


@contextmanager
def _until_told_to_stop() -> Iterator[threading.Event]:
    """Yield what is set by SIGTERM or SIGINT."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(service: EmulatedRolesAnywhere, token_file: Path | None) -> Iterator[str]:
    state = service.state_summary()
    region, ca = state["region"], service.ca_bundle
    yield f"listening on {service.url}"
    if ca is not None:
        yield f"CA bundle: {ca}"
    if token_file is not None:
        trust = "" if ca is None else f"--cacert {shlex.quote(str(ca))} "
        yield f"admin token: {token_file}"
        token = f'"Authorization: Bearer $(cat {shlex.quote(str(token_file))})"'
        yield f"  curl {trust}-H {token} {service.url}/_local/state"
    verify = "" if ca is None else f", verify={str(ca)!r}"
    bundle = "" if ca is None else f" --ca-bundle {shlex.quote(str(ca))}"
    yield "\nboto3, for the control plane (any credentials):"
    yield f"  boto3.client('rolesanywhere', region_name={region!r}, endpoint_url={service.url!r}{verify})"
    yield "AWS CLI:"
    yield f"  aws rolesanywhere list-trust-anchors --region {region} --endpoint-url {service.url}{bundle}"
    arns, is_sample = _sample(state)
    flags = (
        "--certificate certificate.pem --private-key private-key.pem"
        f" --trust-anchor-arn {arns['anchor']} --profile-arn {arns['profile']} --role-arn {arns['role']}"
        f" --endpoint {service.url}"
    )
    yield "this library:"
    yield f"  {PROGRAM} credential-process {flags}{bundle}"
    yield "this library, as a profile of the AWS config file:"
    yield f"  credential_process = {PROGRAM} credential-process {flags}{bundle}"
    yield "the official helper:"
    environment = "" if ca is None else f"SSL_CERT_FILE={shlex.quote(str(ca))} "
    yield f"  {environment}aws_signing_helper credential-process {flags} --region {region}"
    if not is_sample:
        yield "The ARNs are those of what you will make; --config FILE declares it beforehand."
        yield "Roles are IAM's: --config declares them, or --iam-endpoint-url says where they are."
    yield "\nSIGTERM or SIGINT (Ctrl-C) stops it."


def _sample(state: dict[str, Any]) -> tuple[dict[str, str], bool]:
    """Return the ARNs to show, and whether they are of what is there."""
    anchors = [each for each in state["trust_anchors"] if each["enabled"]]
    profiles = [each for each in state["profiles"] if each["enabled"] and each["role_arns"]]
    if not anchors or not profiles:
        return _PLACEHOLDERS, False
    return {"anchor": anchors[0]["arn"], "profile": profiles[0]["arn"], "role": profiles[0]["role_arns"][0]}, True


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise ValueError("a port: 0 to 65535")
    return int(text)


COMMAND = Command(
    name="emulator",
    summary="run a local Roles Anywhere, for tests of anything that calls one",
    description=(
        "Runs a Roles Anywhere on 127.0.0.1 that verifies signatures, certificates, trust policies and revocation as "
        "AWS does, until SIGTERM or SIGINT. Everything is made in it with the AWS CLI or an SDK, or declared in a "
        "file.\n\n"
        "It prints where it listens, and a line to paste for each client."
    ),
    flags=(
        Flag("port", "Where it listens; 0: any port that is free.", "PORT", _port, default=DEFAULT_PORT, is_ours=True),
        Flag("region", f"Its region. Without: that of the file or the state, else {_REGION}.", "REGION", is_ours=True),
        Flag("account-id", f"Its account. Without: as for the region, else {_ACCOUNT}.", "ID", is_ours=True),
        Flag("config", "YAML, or JSON (.json), that declares trust anchors, profiles and so on.", "FILE", is_ours=True),
        Flag("state", "Keep what is made in this file, mode 0600, and begin with it.", "FILE", is_ours=True),
        Flag(
            "sts-endpoint-url",
            "Assume the roles in this STS, such as a moto server's. It is called with AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY of the environment, and AWS_SESSION_TOKEN if there is one.",
            "URL",
            is_ours=True,
        ),
        Flag(
            "iam-endpoint-url",
            "Look for roles that the file does not declare in this IAM, called in the same way.",
            "URL",
            is_ours=True,
        ),
        switch("tls", "Speak TLS, with a certificate that it makes.", is_ours=True),
        Flag(
            "tls-directory", "Keep that certificate here, with ca.pem for clients; implies --tls.", "DIR", is_ours=True
        ),
        Flag(
            "admin",
            "Let faults and the clock be set below /_local/, by who has the token that is written to this file, mode "
            "0600. Alone: a temporary one.",
            "FILE",
            alone="",
            is_ours=True,
        ),
    ),
    run=run,
    examples=(
        f"{PROGRAM} emulator --config roles-anywhere.yaml --state state.json",
        f"{PROGRAM} emulator --port 0 --tls-directory tls --admin=admin-token",
    ),
)
