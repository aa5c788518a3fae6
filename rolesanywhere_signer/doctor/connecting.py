"""The way to the service: the endpoint's name, the connection, with or without a proxy."""

from __future__ import annotations

import difflib
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from .._version import __version__
from ..diagnosis import Cause
from ..endpoints import is_loopback
from ..errors import TransportError
from ..signer import SignedRequest
from ..transport import Transport, root_of
from .findings import BrokenStepError
from .proxies import find_proxy, proxy_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .patient import Patient

_LONGEST_LOOKUP_SECONDS = 10.0


def check_endpoint(patient: Patient) -> str:
    """Resolve the name of the service, or of the proxy on the way to it.

    Raises:
        BrokenStepError: It does not resolve.
    """
    settings = patient.settings
    patient.proxy = find_proxy(settings)
    host = urlsplit(settings.url).hostname or ""
    if patient.proxy is None:
        return f"{settings.url} ({_addresses(host, _causes_of_no_name(patient, host))})"
    unknown = Cause(f"the proxy's name is mistyped in {patient.proxy.said}", "give the name that it has")
    found = _addresses(patient.proxy.host, [unknown, *_causes_of_no_dns(patient, patient.proxy.host)])
    return f"{settings.url}, by {patient.proxy} ({found}), which resolves the name"


def _addresses(host: str, causes: list[Cause]) -> str:
    found: list[str] = []
    failures: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    # The system's resolver has no time-out of its own that could be set.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_LONGEST_LOOKUP_SECONDS)
    addresses = list(dict.fromkeys(found))
    if addresses:
        return ", ".join(addresses[:3])
    reason = f"no answer within {_LONGEST_LOOKUP_SECONDS:g} s"
    if failures:
        reason = getattr(failures[0], "strerror", None) or "it is no name"
    raise BrokenStepError.of_causes("name-not-resolved", f"the name {host} does not resolve ({reason})", causes)


def _causes_of_no_name(patient: Patient, host: str) -> list[Cause]:
    causes = []
    settings = patient.settings
    if settings.endpoint_url is not None:
        causes.append(
            Cause(
                f"it is mistyped in {patient.spell('endpoint_url')}, or known in another network only",
                f"give the name that it has, or leave {patient.spell('endpoint_url')} out for the region's own",
            )
        )
    else:
        causes += _unknown_region(settings.signing_region)
    return [*causes, *_causes_of_no_dns(patient, host)]


def _unknown_region(region: str) -> Iterator[Cause]:
    """Yield that nobody knows the region; new regions may be unknown to the installed botocore."""
    import botocore.session  # noqa: PLC0415 - only where something is wrong

    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    known = [name for each in partitions for name in session.get_available_regions("rolesanywhere", each)]
    if region in known:
        return
    near = difflib.get_close_matches(region, known, 1)
    hint = f"is {near[0]} meant? The trust anchor's ARN has the right one" if near else "see the trust anchor's ARN"
    yield Cause(f"there is no region {region} with IAM Roles Anywhere", hint, is_certain=True)


def _causes_of_no_dns(patient: Patient, host: str) -> Iterator[Cause]:
    yield from _unused_proxy(patient)
    yield Cause(
        "this machine has no DNS, or none that knows names outside",
        f"getent hosts {host} asks the system; /etc/resolv.conf names the servers",
    )
    yield from _missing_proxy(patient)


def _unused_proxy(patient: Patient) -> Iterator[Cause]:
    """Yield that the environment has a proxy, and the official helper's words do not ask for it."""
    environment = patient.question.environment
    is_set = any(environment.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"))
    if patient.proxy is None and patient.settings.proxies == {} and is_set:
        yield Cause(
            "the proxy of HTTPS_PROXY is not used: as with the official helper, it takes --with-proxy",
            "add --with-proxy",
        )


def _missing_proxy(patient: Patient) -> Iterator[Cause]:
    if patient.proxy is None and not any(_unused_proxy(patient)):
        beside = ", and add --with-proxy" if patient.settings.proxies == {} else ""
        yield Cause("the way out of this network is a proxy, and none is set", f"set HTTPS_PROXY{beside}")


def check_connection(patient: Patient) -> str:
    """Connect, and ask for nothing: an unsigned GET.

    What is wrong with TLS is for the next step to tell.

    Raises:
        BrokenStepError: No connection, or no answer.
    """
    patient.tls_error = None
    host = _host_and_port(patient)
    way = "directly" if patient.proxy is None else f"by {patient.proxy}"
    try:
        patient.answer = Transport().send(_question(patient), patient.settings)
        patient.answered_at = patient.now()
    except TransportError as error:
        if isinstance(error.__cause__, requests.exceptions.ProxyError):
            raise proxy_fault(error, patient.proxy, host) from error
        if isinstance(error.__cause__, requests.exceptions.SSLError):
            patient.tls_error = error
        else:
            raise _no_answer(error, patient, host) from error
    return f"{host} accepts connections, {way}"


def _question(patient: Patient) -> SignedRequest:
    url = urlsplit(patient.settings.url)
    headers = {
        "Host": url.netloc,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"rolesanywhere-signer/{__version__}",
    }
    return SignedRequest("GET", f"{patient.settings.url}/", headers, b"", "", "")


def _host_and_port(patient: Patient) -> str:
    url = urlsplit(patient.settings.url)
    return f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"


def _no_answer(error: TransportError, patient: Patient, host: str) -> BrokenStepError:
    root = root_of(error)
    if isinstance(root, ConnectionRefusedError):
        return BrokenStepError.of_causes("connection-refused", f"{host} refuses connections", _refusal(patient, host))
    connected = isinstance(error.__cause__, requests.exceptions.ReadTimeout)
    if isinstance(root, OSError) and not connected:
        seconds = patient.settings.connect_timeout_seconds
        reason = getattr(root, "strerror", None) or f"no answer within {seconds:g} s"
        return BrokenStepError.of_causes(
            "not-reachable", f"{host} cannot be reached ({reason})", _silence(patient, host)
        )
    return BrokenStepError.of_causes(
        "no-answer",
        error.message,
        [
            Cause("something on the way lets connections through and no requests", f"curl -v https://{host}/ shows it"),
            Cause("what listens there is not the service", "leave endpoint_url (--endpoint) out, or correct it"),
        ],
    )


def _refusal(patient: Patient, host: str) -> list[Cause]:
    if is_loopback(urlsplit(patient.settings.url).hostname or ""):
        return [Cause(f"nothing listens on {host}: the local service is not running", "start it, or correct the port")]
    return [
        Cause(
            "nothing listens there: a wrong host or port",
            f"correct {patient.spell('endpoint_url')}, or leave it out for the region's own endpoint",
        ),
        Cause("a firewall refuses", f"have the way to {host} opened"),
    ]


def _silence(patient: Patient, host: str) -> list[Cause]:
    return [
        *_unused_proxy(patient),
        *_missing_proxy(patient),
        Cause("a firewall lets nothing through to it", f"have the way to {host} opened"),
        Cause(
            "the name leads to a VPC endpoint whose security group does not let this machine in",
            "allow port 443 from this machine's address there",
        ),
    ]
