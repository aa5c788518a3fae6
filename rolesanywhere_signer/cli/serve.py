"""``serve``: credentials over local HTTP, for programs that speak IMDSv2 or the container protocol."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, RolesAnywhereError
from ..flags import Flag, Given, parse_number, switch
from ..helper_command import EXCLUSIONS
from .command import PROGRAM, Command
from .common import FALLBACK, PROFILE, SESSION_TABLE, assemble
from .signals import END_SIGNALS, handled
from .terminal import note, show_log, warn

if TYPE_CHECKING:
    from ..assembly import Assembly
    from ..serve.bearer import Bearer
    from ..serve.hosts import Address
    from ..serve.listening import Listener
    from ..serve.supplier import Supplier

NAME = "serve"
# Whether the server is still there, and what to tell the user.
_Started = tuple[Callable[[], bool], list[str]]
_LOOPBACK = "127.0.0.1"
_LOOK_SECONDS = 5


def run(given: Given) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP.

    Raises:
        RolesAnywhereError: It cannot be served, or nothing could be had as things are configured.
    """
    from ..serve.running import require_server
    from ..systemd import notify_ready, notify_stopping

    if given.is_on("debug"):
        show_log(logging.DEBUG)
    _check(given)
    require_server()
    suppliers = _suppliers(given)
    with end_signals() as ended, contextlib.ExitStack() as stack:
        # Before any thread: the mode of a Unix socket is set by the mask of the whole process.
        listener = _listen(given)
        stack.callback(listener.close)
        serve = _serve_container if given.is_on("container") else _serve_imds
        is_alive, lines = serve(stack, given, suppliers, listener)
        for line in lines:
            note(line)
        notify_ready(os.environ, f"Serving at {listener.url or listener.path}")
        while not ended.wait(_LOOK_SECONDS):
            if not is_alive():
                raise RolesAnywhereError(
                    f"{NAME}: the server has stopped", hint="start it again; this is a fault of ours"
                )
        notify_stopping(os.environ, "Ended by a signal")
    return 0


def _suppliers(given: Given) -> list[Supplier]:
    assemblies = {name: assemble(given, NAME, name) for name in given.texts("profile") or (None,)}
    for assembly in assemblies.values():
        # What is wrong with key or certificate shows here, and here a passphrase can be asked for.
        assembly.client.load()
    # To IMDS a role has its own name; paths are named by the profiles, because several may have one role.
    is_container = given.is_on("container")
    return [supplier_of(assembly, name if is_container else None) for name, assembly in assemblies.items()]


def supplier_of(assembly: Assembly, name: str | None) -> Supplier:
    """Return what holds the credentials of an assembly ready.

    Args:
        assembly: Settings and identity.
        name: What clients call the role; None: the last part of its ARN.
    """
    from ..serve.supplier import Supplier

    role_arn = assembly.roles[-1].role_arn if assembly.roles else assembly.client.settings.role_arn
    return Supplier(name or role_arn.rpartition("/")[2], assembly.refresher(), assembly.client.now)


@contextlib.contextmanager
def end_signals() -> Iterator[threading.Event]:
    """Yield an event that is set by the signals that ask a program to end."""
    ended = threading.Event()
    with handled(END_SIGNALS, lambda *_: ended.set()):
        yield ended


def _check(given: Given) -> None:
    """Refuse what would give credentials to whoever connects from elsewhere, and what means nothing without a token."""
    if given.is_on("container"):
        return
    for name in ("unix-socket", "token-file"):
        if name in given:
            raise ConfigurationError(f"{NAME}: --{name} needs --container", hint="IMDS knows no bearer token")
    if not _address(given).is_loopback:
        raise ConfigurationError(
            f"{NAME}: --bind to an address other than loopback needs --container",
            hint="IMDS gives the credentials to everybody who can connect; the container protocol asks for a token",
        )
    if len(given.texts("profile")) > 1:
        raise ConfigurationError(f"{NAME}: several --profile need --container", hint="IMDS has one role")


def _address(given: Given) -> Address:
    from ..serve.listening import parse_bind_address

    return parse_bind_address(given.text("bind") or _LOOPBACK)


def _listen(given: Given) -> Listener:
    from ..serve.listening import listen_tcp, listen_unix

    path = given.text("unix-socket")
    if path is not None:
        return listen_unix(path)
    return listen_tcp(_address(given), int(str(given["port"])), int(str(given["hop-limit"])))


def _serve_imds(
    stack: contextlib.ExitStack, _given: Given, suppliers: Sequence[Supplier], listener: Listener
) -> _Started:
    from ..serve.imds import imds_app
    from ..serve.running import running

    is_alive = stack.enter_context(running(imds_app(suppliers[0]), suppliers, listener))
    return is_alive, [
        "Every process and every user of this machine can read the credentials here.",
        *_announcement(listener, f"export AWS_EC2_METADATA_SERVICE_ENDPOINT={listener.url}/"),
    ]


def _serve_container(
    stack: contextlib.ExitStack, given: Given, suppliers: Sequence[Supplier], listener: Listener
) -> _Started:
    from ..serve.bearer import bearer_in, private_directory
    from ..serve.container import container_app
    from ..serve.running import paths_of, running, url_of

    paths = paths_of(suppliers)
    path = given.text("token-file") or f"{stack.enter_context(private_directory(os.environ))}/token"
    bearer = stack.enter_context(bearer_in(path))
    is_alive = stack.enter_context(running(container_app(paths, bearer.token), suppliers, listener))
    _warn_of_readers(listener, bearer)
    who = "processes of this user that can" if listener.path else "those who can connect and"
    urls = [url_of(listener, supplier, alone=len(suppliers) == 1) for supplier in suppliers]
    return is_alive, [
        f"The credentials can be read by {who} read the token in {bearer.path!r}.",
        *_announcement(
            listener,
            *(f"export AWS_CONTAINER_CREDENTIALS_FULL_URI={shlex.quote(url)}" for url in urls),
            f"export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={shlex.quote(bearer.path)}",
        ),
    ]


def _announcement(listener: Listener, *exports: str) -> list[str]:
    """Return what the official helper tells."""
    if listener.path:
        return [f"Local server started on socket: {listener.path}", "No SDK uses a socket by itself; a proxy can."]
    return [f"Local server started on port: {listener.port}", "Make it available to the sdk by running:", *exports]


def _warn_of_readers(listener: Listener, bearer: Bearer) -> None:
    from ..serve.hosts import CONTAINER_ADDRESSES

    if bearer.others_can_read:
        warn(f"other users can read the token's file {bearer.path!r}")
    address = listener.hosts.address
    if address is None or address.is_loopback:
        return
    warn("token and credentials travel unencrypted; let only this machine, or a network that you trust, reach them")
    if address not in CONTAINER_ADDRESSES:
        known = ", ".join(map(str, sorted(CONTAINER_ADDRESSES, key=lambda each: (each.version, int(each)))))
        warn(f"the SDKs take this protocol only from loopback addresses, {known}")


COMMAND = Command(
    name=NAME,
    summary="serve credentials over local HTTP, as EC2 (IMDSv2) or as a container's endpoint",
    description="Serve credentials to programs on this machine, and renew them ahead of time. Without --container it "
    "is IMDSv2, which every process and user of the machine can read; with it, a bearer token is asked for, which "
    f"whoever can read its file has.\n\n{FALLBACK}",
    flags=(
        *SESSION_TABLE,
        Flag("port", "The port to listen on; 0 is any that is free.", "NUMBER", parse_number, default=9911),
        Flag("hop-limit", "Over how many routers answers may go.", "NUMBER", parse_number, default=64),
        switch("container", "Speak the container credentials protocol, with a bearer token.", is_ours=True),
        Flag(
            "token-file",
            "The file of the bearer token: read if it is there, else made, and removed at the end. Without it, the "
            "file is in a private directory.",
            "FILE",
            is_ours=True,
        ),
        Flag(
            "bind",
            f"The address to listen on, in place of {_LOOPBACK}; beyond loopback only with --container.",
            "ADDRESS",
            is_ours=True,
        ),
        Flag("unix-socket", "A Unix socket to listen on in place of a port; with --container.", "PATH", is_ours=True),
        Flag(
            PROFILE.name,
            "A profile of the AWS config file; with --container, each at the path of its name.",
            PROFILE.metavar,
            is_repeatable=True,
            is_ours=True,
        ),
    ),
    exclusions={**EXCLUSIONS, "unix-socket": ("bind", "port", "hop-limit")},
    run=run,
    examples=(
        f"{PROGRAM} {NAME} --profile onprem",
        f"{PROGRAM} {NAME} --container --token-file /run/app/token --profile reader --profile writer",
        f"{PROGRAM} {NAME} --container --bind 169.254.170.2 --port 80 --profile onprem",
    ),
)
